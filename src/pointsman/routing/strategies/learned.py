"""The learned classifier as a strategy: the cheapest tier that does the ask well enough, by the chance of each.

Where it is not sure it says so, and the configuration says what then: its own best guess, one tier up, a stated tier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointsman.core.catalog import Tier
from pointsman.core.decision import Pick
from pointsman.core.values import value_type
from pointsman.routing.learned.floors import FLOORS, floor_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.core.assessment import Assessment
    from pointsman.core.catalog import Catalog, RouterCard
    from pointsman.core.decision import RoutingContext
    from pointsman.routing.learned.abilities import Abilities, OfKind
    from pointsman.routing.learned.scorer import Judged, Scorer

ONE_UP = "one-up"
_TIERS = tuple(Tier)


@value_type
class Unsure:
    """What to do below a confidence. `then` is a tier, ONE_UP, or None: the best guess stands."""

    below: float = 0.0  # 0..1
    then: Tier | str | None = None


@value_type
class LearnedSettings:
    """How one router uses the classifier."""

    scorer: Scorer
    abilities: Abilities
    floors: Mapping[str, Tier]
    unsure: Unsure


@dataclass(frozen=True, slots=True)
class Learned:
    """Judges what the person last asked, by the settings of the router they asked for."""

    catalog: Catalog
    settings: Mapping[str, LearnedSettings]  # by router name
    name: str = "learned"

    async def decide(self, context: RoutingContext, /) -> Pick | None:
        """The tier of the ask; passes when there is no router for it here, or nothing was asked in words."""
        router = self.router_of(context)
        if router is None:
            return None
        settings = self.settings[router.name]
        known = settings.abilities.of(context.caller.key_id, context.open_models)
        judged = settings.scorer.judge(context.features, known.shifts if known is not None else None)
        tier, reason = judged.tier, _reason(judged, settings.scorer.target)
        at_kind = known.of(judged.assessment.kind) if known is not None else None
        if at_kind is not None and at_kind.is_learned:
            reason += _by_ratings(judged, at_kind, settings.scorer)
        unsure = settings.unsure
        if judged.confidence < unsure.below and unsure.then is not None:
            tier = _one_up(tier) if unsure.then == ONE_UP else Tier(unsure.then)
            reason += f"; unsure ({judged.confidence:.2f}), so {tier.value}"
        floor = floor_of(context.features, judged.assessment, settings.floors)
        if floor is not None and floor[0].rank > tier.rank:
            tier = floor[0]
            reason += f"; {floor[1]}: {tier.value} at least"
        return Pick(
            tier=tier,
            router=router.name,
            score=judged.score,
            confidence=judged.confidence,
            reason=reason,
            assessment=judged.assessment,
            instead=_instead(judged.assessment, at_kind, settings.scorer) if at_kind is not None else (),
        )

    def router_of(self, context: RoutingContext) -> RouterCard | None:
        """The router whose tiers are to be told apart here; None when there is none, or nothing was asked in words."""
        if not context.features.ask:
            return None
        router = self.catalog.router_for(context.requested_model)
        return None if router is None or router.name not in self.settings else router

    def is_ruled(self, _context: RoutingContext, _router: RouterCard) -> bool:
        """Whether a keyword rule settles the tier: there are none here (see `rules`)."""
        return False


def default_floors(given: Mapping[str, Tier]) -> Mapping[str, Tier]:
    """The shipped floors with those *given* in their place; SIMPLE is as good as none."""
    return {kind: tier for kind, tier in {**FLOORS, **given}.items() if tier is not Tier.SIMPLE}


def _one_up(tier: Tier) -> Tier:
    return _TIERS[min(tier.rank + 1, len(_TIERS) - 1)]


def _by_ratings(judged: Judged, at_kind: OfKind, scorer: Scorer) -> str:
    """What would have been chosen without the caller's ratings, where that is another tier."""
    tier = scorer.tier_of(scorer.chances(judged.assessment.difficulty, at_kind.usual))
    return "" if tier is judged.tier else f"; without what your ratings have taught it would be {tier.value}"


def _instead(found: Assessment, at_kind: OfKind, scorer: Scorer) -> tuple[tuple[Tier, str, str], ...]:
    """For each tier whose first model is not likely enough to do it well: the first that is, else the likeliest."""
    instead = []
    for tier in at_kind.contested:
        chances = [(scorer.chance(tier, found.difficulty, shift), name) for name, shift in at_kind.models[tier]]
        chance, name = next((one for one in chances if one[0] >= scorer.target), max(chances, key=_chance))
        first, first_name = chances[0]
        if name != first_name and chance > first:
            why = f"{found.kind}: {name} does it well with {chance:.2f}, {first_name} with {first:.2f}"
            instead.append((tier, name, why))
    return tuple(instead)


def _chance(one: tuple[float, str]) -> float:
    return one[0]


def _reason(judged: Judged, target: float) -> str:
    """Such as `coding, medium suffices: 0.81 of 0.70 asked (simple 0.55)`."""
    found = judged.assessment
    rank = judged.tier.rank
    below = f" ({_TIERS[rank - 1].value} {found.chances[rank - 1]:.2f})" if rank else ""
    chance = found.chances[rank]
    if chance < target:
        return (
            f"{found.kind}: nobody is likely enough to do it well, {judged.tier.value} with {chance:.2f} the likeliest"
        )
    return f"{found.kind}: {judged.tier.value} does it well with {chance:.2f}, {target:.2f} is asked{below}"
