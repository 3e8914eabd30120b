"""A local model as the classifier: it says in a word how hard the ask is, and nothing else is taken from it.

Where it cannot, that is a line in the trail and the built-in scorer decides; a larger model is never taken for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from pointsman.core.catalog import Operation
from pointsman.core.decision import Pick
from pointsman.routing.judge.prompt import judge_request
from pointsman.routing.judge.rubric import RUBRICS, tier_of_score
from pointsman.routing.strategy import StrategyFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.core.catalog import RouterCard, Tier
    from pointsman.core.decision import RoutingContext
    from pointsman.routing.judge.asking import Judge
    from pointsman.routing.judge.verdict import Verdict

CALLERS_SHARE: Final = 0.5
"""The judge takes no more than this of the time a caller allows the whole request."""


class Scorer(Protocol):
    """A built-in scorer: what it would pick, for which router, and whether a keyword rule settles that."""

    async def decide(self, context: RoutingContext, /) -> Pick | None:
        """Its pick."""

    def router_of(self, context: RoutingContext) -> RouterCard | None:
        """The router whose tiers it tells apart; None when that is none of its routers, or nothing was asked."""

    def is_ruled(self, context: RoutingContext, router: RouterCard) -> bool:
        """Whether a keyword rule of *router* settles the tier."""


@dataclass(frozen=True, slots=True)
class Scorers:
    """Several scorers, each with routers of its own, as one."""

    scorers: tuple[Scorer, ...]

    async def decide(self, context: RoutingContext, /) -> Pick | None:
        """The pick of the scorer whose router it is."""
        own = self._own(context)
        return None if own is None else await own.decide(context)

    def router_of(self, context: RoutingContext) -> RouterCard | None:
        """The router of whichever scorer has one."""
        own = self._own(context)
        return None if own is None else own.router_of(context)

    def is_ruled(self, context: RoutingContext, router: RouterCard) -> bool:
        """Whether a keyword rule of *router* settles the tier."""
        own = self._own(context)
        return own is not None and own.is_ruled(context, router)

    def _own(self, context: RoutingContext) -> Scorer | None:
        return next((one for one in self.scorers if one.router_of(context) is not None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalJudge:
    """Asks `judge` about all that no keyword rule settles, or only where the scorer's confidence is low."""

    scorer: Scorer
    judge: Judge
    tiers: Mapping[str, Tier]  # by the words of the judge's scale
    unsure_below: float | None = None  # the scorer's confidence; None: the scorer is not heard
    deadline_ms: float = 800.0
    name: str = "local-judge"

    async def decide(self, context: RoutingContext, /) -> Pick | None:
        """The tier it says; StrategyFailed when it says none. A count of tokens is not worth a question."""
        router = self.scorer.router_of(context)
        if router is None or self.scorer.is_ruled(context, router) or await self._scorer_is_sure(context):
            return None
        question = judge_request(RUBRICS[self.judge.scale], context.features.ask, context.features.history)
        found = self.judge.said_before(question)
        if found is None and context.operation is Operation.COUNT_TOKENS:
            return None
        if isinstance(found, str):
            raise StrategyFailed(f"{self.judge.name} {found}")
        before = "" if found is None else " as before"
        verdict = found or await self.judge.verdict(question, self._allowed_s(context))
        tier = self._tier(verdict)
        return Pick(
            tier=tier,
            router=router.name,
            confidence=verdict.confidence,
            reason=f"{self.judge.name} says{before} {verdict.said} -> {tier.value}",
        )

    async def _scorer_is_sure(self, context: RoutingContext) -> bool:
        if self.unsure_below is None:
            return False
        own = await self.scorer.decide(context)
        return own is not None and own.confidence is not None and own.confidence >= self.unsure_below

    def _allowed_s(self, context: RoutingContext) -> float:
        asked_ms = context.caller.deadline_ms
        return (self.deadline_ms if asked_ms is None else min(self.deadline_ms, asked_ms * CALLERS_SHARE)) / 1e3

    def _tier(self, verdict: Verdict) -> Tier:
        return tier_of_score(verdict.score) if verdict.word is None else self.tiers[verdict.word]
