"""Constraints first, then strategies until one picks; every step leaves a line in the trail."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.core.decision import Outcome, Pick, RoutingContext, Step, Struck
from pointsman.core.values import value_type
from pointsman.routing.strategy import StrategyFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pointsman.core.catalog import ModelCard
    from pointsman.routing.strategy import Constraint, Strategy


@value_type
class Verdict:
    """What the chain found: the pick (None when all strategies passed), the context after constraints, the trail."""

    pick: Pick | None
    strategy: str
    context: RoutingContext
    trail: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The order of constraints and strategies is the precedence. `clock` gives seconds, for the trail's timings."""

    constraints: tuple[Constraint, ...]
    strategies: tuple[Strategy, ...]
    clock: Callable[[], float]
    _whole: dict[int, tuple[Sequence[ModelCard], Mapping[str, ModelCard]]] = field(
        default_factory=dict, init=False, repr=False
    )  # by the cards' identity, which holding them keeps theirs

    _ways: tuple[tuple[Strategy, Callable[[RoutingContext], bool] | None, Step], ...] = field(
        default=(), init=False, repr=False
    )  # each strategy, how it passes at a glance, and the line that says so

    _second: tuple[tuple[int, str, Callable[[RoutingContext, Pick], Pick]], ...] = field(
        default=(), init=False, repr=False
    )  # the latest first: place, name and `settle` of the strategies that have one

    def __post_init__(self) -> None:
        ways = tuple(
            (one, getattr(one, "passes", None), Step(strategy=one.name, outcome=Outcome.PASSED, detail=""))
            for one in self.strategies
        )
        object.__setattr__(self, "_ways", ways)
        second = [(at, one.name, getattr(one, "settle", None)) for at, one in enumerate(self.strategies)]
        object.__setattr__(self, "_second", tuple(reversed([one for one in second if one[2] is not None])))

    async def decide(self, context: RoutingContext, cards: Sequence[ModelCard]) -> Verdict:
        """Strike out among *cards*, then let the strategies pick among the rest."""
        trail: list[Step] = []
        context = self._constrain(context, cards, trail)
        ended = self.clock()
        for at, (strategy, passes, passed) in enumerate(self._ways):
            began = ended
            try:
                if passes is not None and passes(context):
                    trail.append(passed)
                    continue
                pick = await strategy.decide(context)
                outcome, detail = (Outcome.PASSED, "") if pick is None else (Outcome.PICKED, pick.reason)
            except StrategyFailed as error:
                pick, outcome, detail = None, Outcome.FAILED, str(error)
            except Exception as error:  # noqa: BLE001  seam: a broken strategy costs a line, never the request
                pick, outcome, detail = None, Outcome.FAILED, type(error).__name__
            ended = self.clock()
            trail.append(Step(strategy=strategy.name, outcome=outcome, detail=detail, elapsed_us=_us(ended - began)))
            if pick is not None:
                if self._second and at > self._second[-1][0]:
                    pick = self._settled(at, context, pick, trail)
                return Verdict(pick=pick, strategy=strategy.name, context=context, trail=tuple(trail))
        return Verdict(pick=None, strategy="none", context=context, trail=tuple(trail))

    def _settled(self, by: int, context: RoutingContext, pick: Pick, trail: list[Step]) -> Pick:
        """The *pick* of the strategy at place *by*, as those before it let it stand; each change leaves a line."""
        for at, name, settle in self._second:
            if at >= by:
                continue
            began = self.clock()
            try:
                found = settle(context, pick)
                outcome, detail = Outcome.NOTE, found.reason
            except Exception as error:  # noqa: BLE001  seam: a broken strategy costs a line, never the request
                found, outcome, detail = pick, Outcome.FAILED, type(error).__name__
            if found is not pick or outcome is Outcome.FAILED:
                us = _us(self.clock() - began)
                trail.append(Step(strategy=name, outcome=outcome, detail=detail, elapsed_us=us))
                pick = found
        return pick

    def _constrain(self, context: RoutingContext, cards: Sequence[ModelCard], trail: list[Step]) -> RoutingContext:
        rest = cards
        struck: list[Struck] = []
        for constraint in self.constraints:
            began = self.clock()
            found, outcome, detail = _strike(constraint, context, rest)
            if outcome is Outcome.PASSED:
                continue
            struck.extend(found)
            gone = {one.model for one in found}
            rest = [card for card in rest if card.id not in gone]
            us = _us(self.clock() - began)
            trail.append(Step(strategy=constraint.name, outcome=outcome, detail=detail, elapsed_us=us))
        if not struck and context.open_models:
            return context
        return RoutingContext(
            requested_model=context.requested_model,
            operation=context.operation,
            features=context.features,
            caller=context.caller,
            privacy=context.privacy,
            open_models={card.id: card for card in rest} if struck else self.all_open(cards),
            struck=tuple(struck),
            pin=context.pin,
        )

    def all_open(self, cards: Sequence[ModelCard]) -> Mapping[str, ModelCard]:
        """All *cards* by id, as they are before any constraint; made once for the same cards."""
        known = self._whole.get(id(cards))
        if known is None:
            known = self._whole[id(cards)] = (cards, {card.id: card for card in cards})
        return known[1]


def _us(seconds: float) -> float:
    """Microseconds to a tenth; cut off, as round() takes three times as long."""
    return int(seconds * 1e7) / 10


def _strike(
    constraint: Constraint, context: RoutingContext, cards: Sequence[ModelCard]
) -> tuple[Sequence[Struck], Outcome, str]:
    try:
        found = tuple(constraint.strike(context, cards))
        if not found:
            return (), Outcome.PASSED, ""
        gone = {one.model for one in found}
    except Exception as error:  # noqa: BLE001  seam: constraints fail closed, whatever went wrong in them
        kind = type(error).__name__
        reason = f"the {constraint.name} check failed ({kind}), so only local models are left"
        closed = [Struck(model=card.id, by=constraint.name, reason=reason) for card in cards if not card.is_local]
        return closed, Outcome.FAILED, kind
    return found, Outcome.NOTE, f"struck out {sum(card.id in gone for card in cards)} of {len(cards)}"
