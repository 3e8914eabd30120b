"""Constraints before strategies: the former fail closed, the latter open, and every step leaves a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import pytest

from pointsman.core.catalog import ModelCard, Operation, Tier
from pointsman.core.decision import (
    Caller,
    Outcome,
    Pick,
    Privacy,
    PromptFeatures,
    RoutingContext,
    Step,
    Struck,
)
from pointsman.routing.chain import Chain
from pointsman.routing.strategy import Constraint, Strategy
from pointsman.testing import ManualClock, a_card

HOME, CLOUD = a_card("home"), a_card("cloud", is_local=False)
CONTEXT = RoutingContext(
    requested_model=None,
    operation=Operation.CHAT,
    features=PromptFeatures(ask="hello", estimated_input_tokens=1),
    caller=Caller(),
    privacy=Privacy(),
)


@dataclass
class Says:
    """Picks what it was told, or passes."""

    pick: Pick | None
    name: str = "says"

    async def decide(self, context: RoutingContext, /) -> Pick | None:
        """The pick."""
        return self.pick


@dataclass
class Breaks:
    """Fails as a strategy and as a constraint."""

    name: str = "breaks"

    async def decide(self, context: RoutingContext, /) -> Pick | None:
        """Fail."""
        raise KeyError("secret prompt")

    def strike(self, context: RoutingContext, cards: Sequence[ModelCard], /) -> Sequence[Struck]:
        """Fail."""
        raise KeyError("secret prompt")


@dataclass
class Strikes:
    """Strikes out what it was told, if it was shown it."""

    models: tuple[str, ...]
    name: str = "strikes"

    def strike(self, context: RoutingContext, cards: Sequence[ModelCard], /) -> Sequence[Struck]:
        """The models of the list."""
        return [Struck(model=card.id, by=self.name, reason="no") for card in cards if card.id in self.models]


@dataclass
class Gives:
    """Gives back something that is no list of struck models."""

    found: object
    name: str = "gives"

    def strike(self, context: RoutingContext, cards: Sequence[ModelCard], /) -> Sequence[Struck]:
        """That something."""
        return cast("Sequence[Struck]", self.found)


def chain(constraints: Sequence[Constraint] = (), strategies: Sequence[Strategy] = ()) -> Chain:
    """A chain on a clock that moves a millisecond at each look."""
    return Chain(constraints=tuple(constraints), strategies=tuple(strategies), clock=ManualClock(step_s=0.001))


async def test_the_first_pick_wins() -> None:
    """Those before it passed, those behind it are not asked; the trail has the times."""
    pick = Pick(reason="because", tier=Tier.SIMPLE)
    verdict = await chain(strategies=[Says(None), Says(pick, "wins"), Breaks()]).decide(CONTEXT, [HOME])
    assert (verdict.pick, verdict.strategy) == (pick, "wins")
    assert verdict.trail == (
        Step(strategy="says", outcome=Outcome.PASSED, detail="", elapsed_us=1000.0),
        Step(strategy="wins", outcome=Outcome.PICKED, detail="because", elapsed_us=1000.0),
    )


@pytest.mark.parametrize("broken", [Breaks(), Says(cast("Pick", "alpha"), "breaks")], ids=["raises", "no pick"])
async def test_a_broken_strategy_is_skipped_and_stays_in_the_trail(broken: Strategy) -> None:
    """One failing strategy costs a line in the trail, never the request; its message may hold the prompt."""
    pick = Pick(reason="because", model="home")
    verdict = await chain(strategies=[broken, Says(pick)]).decide(CONTEXT, [HOME])
    assert verdict.pick == pick
    assert [(step.strategy, step.outcome) for step in verdict.trail] == [
        ("breaks", Outcome.FAILED),
        ("says", Outcome.PICKED),
    ]
    assert verdict.trail[0].detail in {"KeyError", "AttributeError"}


async def test_without_a_pick_there_is_none() -> None:
    """All passed, or there were none."""
    verdict = await chain(strategies=[Says(None)]).decide(CONTEXT, [HOME])
    assert (verdict.pick, verdict.strategy, len(verdict.trail)) == (None, "none", 1)


async def test_constraints_strike_one_after_the_other() -> None:
    """The next one sees what the last one left; one that finds nothing leaves no line."""
    constraints = [Strikes((), "idle"), Strikes(("home",), "first"), Strikes(("home", "cloud"), "second")]
    verdict = await chain(constraints).decide(CONTEXT, [HOME, CLOUD])
    assert verdict.context.open_models == {}
    assert verdict.context.struck == (
        Struck(model="home", by="first", reason="no"),
        Struck(model="cloud", by="second", reason="no"),
    )
    assert [(step.strategy, step.outcome, step.detail) for step in verdict.trail] == [
        ("first", Outcome.NOTE, "struck out 1 of 2"),
        ("second", Outcome.NOTE, "struck out 1 of 1"),
    ]


@pytest.mark.parametrize(
    ("constraint", "error"),
    [(Breaks(), "KeyError"), (Gives(None, "breaks"), "TypeError"), (Gives(["home"], "breaks"), "AttributeError")],
    ids=["raises", "nothing", "names"],
)
async def test_a_broken_constraint_leaves_only_local_models(constraint: Constraint, error: str) -> None:
    """It fails closed, whatever went wrong in it; the reason says so."""
    verdict = await chain([constraint]).decide(CONTEXT, [HOME, CLOUD])
    assert verdict.context.open_models == {"home": HOME}
    reason = f"the breaks check failed ({error}), so only local models are left"
    assert verdict.context.struck == (Struck(model="cloud", by="breaks", reason=reason),)
    assert [(step.outcome, step.detail) for step in verdict.trail] == [(Outcome.FAILED, error)]


async def test_a_broken_constraint_is_told_even_when_it_strikes_nobody() -> None:
    """All models are local: the line in the trail is there all the same."""
    verdict = await chain([Breaks()]).decide(CONTEXT, [HOME])
    assert verdict.context.open_models == {"home": HOME}
    assert [step.outcome for step in verdict.trail] == [Outcome.FAILED]


async def test_a_constraint_may_give_what_it_finds_one_by_one() -> None:
    """A generator is as good as a list."""
    found = (Struck(model=name, by="gives", reason="no") for name in ("cloud", "unheard of"))
    verdict = await chain([Gives(found)]).decide(CONTEXT, [HOME, CLOUD])
    assert verdict.context.open_models == {"home": HOME}
    assert verdict.trail[0].detail == "struck out 1 of 2"
