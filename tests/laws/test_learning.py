"""What callers say of answers, on whole decisions: it moves their own, within bounds, until it is forgotten."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.adapters.storage.feedback import LOOK_S, FeedbackFile
from pointsman.core.catalog import Catalog, Operation, Tier
from pointsman.core.decision import Caller, Privacy, PromptFeatures, RoutingContext
from pointsman.routing.learned.abilities import Abilities, Member
from pointsman.routing.learned.feedback import MOST_LEARNED, Remark, Task, Verdict
from pointsman.routing.learned.scorer import Scorer
from pointsman.routing.learned.tutor import Tutor
from pointsman.routing.select import Selector
from pointsman.routing.strategies.learned import Learned, LearnedSettings, Unsure
from pointsman.testing import ManualClock, a_card, a_catalog
from tests.routing.small_weights import WORDS, small_weights

NOW = 1_790_000_000.0
NAMES = {tier: (f"{tier.value}-a", f"{tier.value}-b") for tier in Tier}
CATALOG: Catalog = a_catalog(
    *(a_card(name) for names in NAMES.values() for name in names),
    tiers={tier: list(names) for tier, names in NAMES.items()},
)
LINEUP = {tier: tuple(Member(name=name, cards=(name,)) for name in names) for tier, names in NAMES.items()}
DIFFICULTIES = {"easy": -3.0, "fair": 0.0, "hard": 1.0}

Signal = tuple[str | None, Verdict, Tier, int | None, str]
signals = st.lists(
    st.tuples(
        st.sampled_from(["k1", "k2", None]),
        st.sampled_from(Verdict),
        st.sampled_from(list(Tier)),
        st.sampled_from([0, 1, None]),
        st.sampled_from(list(DIFFICULTIES)),
    ),
    max_size=16,
)


class World:
    """A router over eight models, and the file that it learns from."""

    def __init__(self, file: FeedbackFile, clock: ManualClock) -> None:
        scorer = Scorer(weights=small_weights())
        given_settings = LearnedSettings(
            scorer=scorer, abilities=Abilities(LINEUP, file.shifts_of), floors={}, unsure=Unsure()
        )
        self.file, self.clock = file, clock
        self.tutor = Tutor(CATALOG, {"auto": given_settings})
        self.strategy = Learned(CATALOG, {"auto": given_settings})
        self.selector = Selector(catalog=CATALOG, draw=lambda: 0.5)
        self.ids = itertools.count()

    def tell(self, signal: Signal) -> None:
        """One verdict on an answer to a word."""
        key_id, verdict, tier, model, word = signal
        served = NAMES[tier][model] if model is not None else None
        task = self.task(tier, served, word)
        self.file.note(Remark(decision_id=f"d{next(self.ids)}", key_id=key_id, verdict=verdict, at_s=NOW, task=task))

    def task(self, tier: Tier, served: str | None, word: str) -> Task | None:
        """What there was to do."""
        return self.tutor.task("auto", WORDS[word][2], DIFFICULTIES[word], tier, served)

    def decisions(self, key_id: str | None) -> list[tuple[tuple[str, ...], str]]:
        """Whom that caller's asks go to, and why."""
        self.clock.advance(LOOK_S)
        return [self._decision(key_id, word) for word in DIFFICULTIES]

    def _decision(self, key_id: str | None, word: str) -> tuple[tuple[str, ...], str]:
        context = RoutingContext(
            requested_model=None,
            operation=Operation.CHAT,
            features=PromptFeatures(ask=word, estimated_input_tokens=5),
            caller=Caller(key_id=key_id),
            privacy=Privacy(),
            open_models=CATALOG.by_id,
        )
        pick = asyncio.run(self.strategy.decide(context))
        assert pick is not None
        return self.selector.select(pick, CATALOG.by_id, ()).candidates, pick.reason


def a_world(folders: pytest.TempPathFactory) -> World:
    """One in which nothing was said yet."""
    clock = ManualClock()
    return World(FeedbackFile(folders.mktemp("world") / "feedback.db", clock=clock, now=lambda: NOW), clock)


@settings(max_examples=25, deadline=None)
@given(history=signals)
def test_one_callers_signals_never_change_anothers_decision(
    tmp_path_factory: pytest.TempPathFactory, history: list[Signal]
) -> None:
    """Whoever said nothing gets what they got before; who said something, what they would get alone."""
    world, alone = a_world(tmp_path_factory), a_world(tmp_path_factory)
    before = world.decisions("k3")
    for one in history:
        world.tell(one)
        if one[0] == "k1":
            alone.tell(one)
    assert world.decisions("k3") == before
    assert world.decisions("k1") == alone.decisions("k1")


@settings(max_examples=25, deadline=None)
@given(history=signals)
def test_a_reset_restores_each_decision(tmp_path_factory: pytest.TempPathFactory, history: list[Signal]) -> None:
    """Whom the asks go to, in which order, and the reason: of that caller, and at last of all."""
    world = a_world(tmp_path_factory)
    before = world.decisions("k1")
    for one in history:
        world.tell(one)
    others = world.decisions("k2")
    world.file.reset("k1")
    assert (world.decisions("k1"), world.decisions("k2")) == (before, others)
    world.file.reset(everybody=True)
    assert world.decisions("k2") == world.decisions(None) == before
    assert list(world.file.all()) == []


@settings(max_examples=25, deadline=None)
@given(history=signals)
def test_no_ability_moves_further_than_the_bound(
    tmp_path_factory: pytest.TempPathFactory, history: list[Signal]
) -> None:
    """As it is shown, and as it is used."""
    world = a_world(tmp_path_factory)
    for one in history:
        world.tell(one)
    assert all(abs(one.standing.shift) <= MOST_LEARNED for one in world.file.all())
    world.clock.advance(LOOK_S)
    for key_id in ("k1", "k2", None):
        for learnt in world.file.shifts_of(key_id).values():
            assert all(abs(shift) <= MOST_LEARNED for shift in (*learnt.models.values(), *learnt.others))
