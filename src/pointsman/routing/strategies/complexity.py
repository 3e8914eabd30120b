"""The complexity scorer as a strategy: the words of the ask give a score, the score a tier of the router."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointsman.core.decision import Pick
from pointsman.routing.complexity.contribution import Dimension
from pointsman.routing.complexity.scorer import keyword_tier, score

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.core.catalog import Catalog, RouterCard
    from pointsman.core.decision import RoutingContext
    from pointsman.routing.complexity.scorer import ComplexityScore
    from pointsman.routing.complexity.settings import ComplexitySettings, TierBoundaries

_QUIET = Dimension.TOKEN_COUNT


@dataclass(frozen=True, slots=True)
class Complexity:
    """Scores what the person last asked, by the settings of the router they asked for."""

    catalog: Catalog
    settings: Mapping[str, ComplexitySettings]  # by router name
    name: str = "complexity"

    async def decide(self, context: RoutingContext, /) -> Pick | None:
        """The tier of the ask; passes when there is no router, or nothing was asked in words."""
        router = self.router_of(context)
        if router is None:
            return None
        ask, settings = context.features.ask, self.settings[router.name]
        ruled = keyword_tier(ask, settings)
        if ruled is not None:
            reason = f"the keyword {ruled.keyword!r} settles the tier"
            return Pick(tier=ruled.tier, router=router.name, confidence=1.0, reason=reason)
        found = score(ask, settings)
        total = found.score
        return Pick(
            tier=found.tier,
            router=router.name,
            score=total if 0.0 <= total <= 1.0 else min(1.0, max(0.0, total)),
            confidence=_confidence(found, settings.boundaries),
            reason=_reason(found),
        )

    def router_of(self, context: RoutingContext) -> RouterCard | None:
        """The router whose tiers are to be told apart; None when there is none, or nothing was asked in words."""
        router = self.catalog.router_for(context.requested_model)
        return None if router is None or router.name not in self.settings or not context.features.ask else router

    def is_ruled(self, context: RoutingContext, router: RouterCard) -> bool:
        """Whether a keyword rule of *router* settles the tier."""
        return keyword_tier(context.features.ask, self.settings[router.name]) is not None


def _reason(found: ComplexityScore) -> str:
    """Such as `score 0.300 -> medium: codePresence +0.300 (def, return)`."""
    signs = []
    for name, value, weight, evidence in found.contributions:
        if value:
            shown = f" ({', '.join(evidence[:3])})" if evidence else ""
            signs.append(f"{name} {value * weight:+.3f}{shown}")
    override = ", two reasoning markers decide" if found.reasoning_override else ""
    return f"score {found.score:.3f}{override} -> {found.tier!s}: {'; '.join(signs) or 'no signal'}"


def _confidence(found: ComplexityScore, boundaries: TierBoundaries) -> float:
    """How far the score is from the nearest boundary, of 0.15; 0 when nothing but the length spoke.

    Not calibrated: half of all prompts give this scorer no signal at all, and then it does not know.
    """
    for name, value, _, _ in found.contributions:
        if value and name is not _QUIET:
            break
    else:
        return 0.0
    if found.reasoning_override:
        return 1.0
    total = found.score
    nearest = min(
        abs(total - boundaries.simple_medium),
        abs(total - boundaries.medium_complex),
        abs(total - boundaries.complex_reasoning),
    )
    return round(min(1.0, nearest / 0.15), 3)
