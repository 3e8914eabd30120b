"""The session's tier: up at once, down slowly, whatever comes in which order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.catalog import Tier
from pointsman.core.session import Pin
from pointsman.routing.sessions.hysteresis import Held, held

SIMPLE, MEDIUM, COMPLEX, REASONING = Tier
TIERS = st.sampled_from(Tier)
DEAR = "it costs more than it saves"


def object_to(_tier: Tier) -> str | None:
    """Objects."""
    return DEAR


def at(tier: Tier, easier: int = 0, hardest: Tier | None = None) -> Pin:
    """A session."""
    return Pin(tier=tier, router="auto", card="c", easier=easier, hardest=hardest)


@pytest.mark.parametrize(
    ("pin", "wanted", "found"),
    [
        (at(SIMPLE), REASONING, Held(tier=REASONING)),
        (at(COMPLEX, 2, SIMPLE), COMPLEX, Held(tier=COMPLEX)),
        (at(COMPLEX), SIMPLE, Held(tier=COMPLEX, easier=1, hardest=SIMPLE, why="1 of 3 easier asks in a row")),
        (
            at(COMPLEX, 1, MEDIUM),
            SIMPLE,
            Held(tier=COMPLEX, easier=2, hardest=MEDIUM, why="2 of 3 easier asks in a row"),
        ),
        (at(COMPLEX, 2, SIMPLE), SIMPLE, Held(tier=SIMPLE)),
        (
            at(COMPLEX, 2, MEDIUM),
            SIMPLE,
            Held(tier=MEDIUM, why="the hardest of 3 easier asks in a row was medium"),
        ),
    ],
)
def test_the_table_of_its_moves(pin: Pin, wanted: Tier, found: Held) -> None:
    """As the module says it."""
    assert held(pin, wanted, patience=3, objection=lambda _tier: None) == found


def test_a_move_that_is_not_worth_it_is_not_made() -> None:
    """And is thought of again at the next easier ask."""
    found = held(at(COMPLEX, 2, SIMPLE), SIMPLE, patience=3, objection=lambda _tier: DEAR)
    assert found == Held(tier=COMPLEX, easier=3, hardest=SIMPLE, why=DEAR)


@given(start=TIERS, asks=st.lists(TIERS, max_size=20), patience=st.integers(1, 5), data=st.data())
def test_the_laws_hold_for_any_conversation(start: Tier, asks: list[Tier], patience: int, data: st.DataObject) -> None:
    """Never below the ask; up at once; down only after so many easier asks, to none below the hardest of them."""
    pin, run = at(start), list[Tier]()
    for wanted in asks:
        is_dear = data.draw(st.booleans())
        found = held(pin, wanted, patience=patience, objection=object_to if is_dear else lambda _tier: None)
        run = [*run, wanted] if wanted.rank < pin.tier.rank else []
        assert found.tier.rank >= wanted.rank
        if wanted.rank >= pin.tier.rank:
            assert found == Held(tier=wanted)
        elif found.tier is pin.tier:
            assert found.easier == len(run)
            assert found.why is not None
            assert is_dear or len(run) < patience
        else:
            assert len(run) >= patience
            assert not is_dear
            assert found.tier is max(run, key=lambda tier: tier.rank)
            run = []
        pin = at(found.tier, found.easier, found.hardest)
