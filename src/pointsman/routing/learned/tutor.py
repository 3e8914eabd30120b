"""Which task a verdict is about: the tier that answered, and how far its ability was above the difficulty."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

from pointsman.core.catalog import Tier
from pointsman.routing.learned.abilities import Abilities
from pointsman.routing.learned.feedback import Task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.core.catalog import Catalog, RouterCard
    from pointsman.routing.strategies.learned import LearnedSettings


@dataclass(frozen=True, slots=True)
class Tutor:
    """Knows how each router's classifier sees a task. Its own learning is left out: a margin is without it."""

    catalog: Catalog
    settings: Mapping[str, LearnedSettings]  # by router name

    def task(self, router: str | None, kind: str, difficulty: float, tier: Tier) -> Task | None:
        """A task of that *kind* at *tier*; None where *router* does not go by the learned classifier."""
        found = self.settings.get(router or "")
        if found is None:
            return None
        scorer = found.scorer
        shifts = Abilities(found.abilities.configured).of(None)
        chances = scorer.chances(difficulty, shifts(kind)) if shifts is not None else scorer.chances(difficulty)
        chance = min(0.9999, max(0.0001, chances[tier.rank]))
        slope = scorer.weights.slope
        return Task(kind=kind, tier=tier, margin=log(chance / (1 - chance)) / slope, slope=slope)

    def tier_of(self, router: str | None, tier: Tier, served: str | None) -> Tier | None:
        """The tier of the card that *served* where *tier* was chosen; None for a stand-in from outside the tiers."""
        card = self._router(router)
        if served is None or card is None:
            return tier
        tiers: list[Tier] = [tier, *Tier]
        for one in tiers:
            for name in map(self.catalog.resolve, card.tiers.get(one, ())):
                if any(pooled.id == served for pooled in self.catalog.pools.get(name, ())):
                    return one
        return None

    def below(self, router: str | None, tier: Tier) -> Tier | None:
        """The next lower tier that has a model; None when there is none."""
        card = self._router(router)
        tiers = card.tiers if card is not None else {}
        lower = [one for one in Tier if one.rank < tier.rank and tiers.get(one)]
        return lower[-1] if lower else None

    def _router(self, name: str | None) -> RouterCard | None:
        return self.catalog.routers_by_name.get(name or "", self.catalog.auto)
