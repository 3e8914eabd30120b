"""What is let go for what: never a pin, never a busy one, never more than needed, and the cheapest of all sets."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.local.planner import Placed, Plan, Resident, Room, cheapest, plan, shortfalls

GB = 1_000_000_000


def resident(model: str, gigabytes: float, reload_s: float = 2.0, reuse: float = 1.0, **more: bool) -> Resident:
    """A model in memory."""
    return Resident(model=model, size_bytes=int(gigabytes * GB), reload_s=reload_s, reuse=reuse, **more)


SMALL = resident("3b", 2.6)
CODER = resident("7b", 5.6)
BIG = resident("32b", 21.7, 9.0)


def test_what_is_there_or_fits_needs_nobody_gone() -> None:
    """And the free memory is told."""
    assert plan("3b", 0, [SMALL], 24 * GB) == Plan(room=Room.FREE, free_bytes=21_400_000_000, reason="3b is loaded")
    found = plan("7b", 5_600_000_000, [SMALL], 24 * GB)
    assert (found.room, found.evict, found.reason) == (Room.FREE, (), "21.4 GB are free")


def test_the_cheapest_sufficient_set_goes() -> None:
    """Not the biggest, not the oldest: who costs the least to have back, and no more than is needed."""
    often, rarely = resident("often", 6, 3.0, 0.9), resident("rarely", 6, 3.0, 0.1)
    assert plan("new", 6 * GB, [often, rarely], 12 * GB).evict == ("rarely",)
    tiny = resident("tiny", 1, 1.0, 0.5)
    assert plan("new", 6 * GB, [often, rarely, tiny], 14 * GB).evict == ("rarely",)
    found = plan("new", 7 * GB, [often, rarely, tiny], 13 * GB)
    assert found.evict == ("rarely", "tiny")
    assert found.cost_s == pytest.approx(0.8)
    assert found.reason == "rarely and tiny make room"


def test_pins_stay() -> None:
    """The guide's 3B kept while the 32B is swapped in does not fit 24 GB: 24.3 GB."""
    pinned = resident("3b", 2.6, is_pinned=True)
    found = plan("32b", BIG.size_bytes, [pinned, CODER], 24 * GB)
    assert (found.room, found.evict) == (Room.NEVER, ())
    assert found.reason == "32b needs 21.7 GB beside 2.6 GB of pinned models, the budget is 24.0 GB"
    assert plan("32b", BIG.size_bytes, [pinned, CODER], 25 * GB).evict == ("7b",)


def test_the_busy_are_waited_for() -> None:
    """And those that have only just come."""
    busy = resident("7b", 5.6, is_busy=True)
    fresh = resident("8b", 5.6, is_settled=False)
    found = plan("new", 10 * GB, [busy, fresh], 12 * GB)
    assert (found.room, found.busy) == (Room.WAIT, ("7b", "8b"))
    assert found.reason == "new needs 9.2 GB more, which 7b and 8b hold"


def test_too_big_alone_is_said_so() -> None:
    """Whoever else is there."""
    assert plan("70b", 40 * GB, [], 24 * GB).reason == "70b needs 40.0 GB, the budget is 24.0 GB"


residents = st.lists(
    st.tuples(st.integers(0, 30), st.floats(0, 20), st.floats(0, 1), st.booleans(), st.booleans()), max_size=8
).map(
    lambda rows: [
        Resident(model=f"m{number}", size_bytes=size * GB, reload_s=reload, reuse=reuse, is_pinned=pinned, is_busy=busy)
        for number, (size, reload, reuse, pinned, busy) in enumerate(rows)
    ]
)


@given(residents, st.integers(0, 60), st.integers(1, 100))
def test_whatever_is_there(found: list[Resident], size: int, budget: int) -> None:
    """Who is let go is idle and not pinned, and it fits then; no cheaper set would do."""
    verdict = plan("new", size * GB, found, budget * GB)
    by_name = {one.model: one for one in found}
    free = budget * GB - sum(one.size_bytes for one in found)
    match verdict.room:
        case Room.FREE:
            assert size * GB <= free
        case Room.EVICT:
            gone = [by_name[name] for name in verdict.evict]
            assert not any(one.is_pinned or one.is_busy for one in gone)
            assert free + sum(one.size_bytes for one in gone) >= size * GB
            idle = [one for one in found if not one.is_pinned and not one.is_busy]
            sufficient = [
                sum(one.cost_s for one in some)
                for count in range(len(idle) + 1)
                for some in combinations(idle, count)
                if free + sum(one.size_bytes for one in some) >= size * GB
            ]
            assert verdict.cost_s == pytest.approx(min(sufficient))
        case Room.WAIT:
            assert verdict.busy
        case Room.NEVER:
            assert size * GB + sum(one.size_bytes for one in found if one.is_pinned) > budget * GB


def test_many_models_are_no_trouble() -> None:
    """Forty of different sizes and costs."""
    many = [resident(f"m{n}", 0.5 + n % 7, 1 + n % 5, (n % 11) / 10) for n in range(40)]
    chosen = cheapest(many, 60 * GB)
    assert chosen is not None
    assert sum(one.size_bytes for one in chosen) >= 60 * GB


def test_the_configuration_is_checked_before_anything_is_loaded() -> None:
    """Pins that do not fit together; models that fit beside no pins."""
    three, seven = (
        Placed(model="3b", size_bytes=2_500_000_000, is_pinned=True),
        Placed(model="7b", size_bytes=5_900_000_000),
    )
    both = [three, Placed(model="7b", size_bytes=5_900_000_000, is_pinned=True)]
    assert shortfalls(both, 6 * GB) == ["3b + 7b, pinned, need 8.4 GB, the budget is 6.0 GB"]
    assert shortfalls([three, seven], 6 * GB) == [
        "7b needs 5.9 GB beside 3b (pinned, 2.5 GB), the budget is 6.0 GB",
    ]
    assert shortfalls([three, seven], 9 * GB) == []
    assert shortfalls([seven], 5 * GB) == ["7b needs 5.9 GB, the budget is 5.0 GB"]
