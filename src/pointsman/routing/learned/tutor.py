"""Which task a verdict is about: the model that answered, its tier, and how far it was above the difficulty."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

from pointsman.core.catalog import Tier
from pointsman.routing.learned.feedback import ANY_MODEL, Task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.core.catalog import Catalog, RouterCard
    from pointsman.routing.strategies.learned import LearnedSettings


@dataclass(frozen=True, slots=True)
class Tutor:
    """Knows how each router's classifier sees a task. Its own learning is left out: a margin is without it."""

    catalog: Catalog
    settings: Mapping[str, LearnedSettings]  # by router name

    def task(
        self, router: str | None, kind: str, difficulty: float, tier: Tier, served: str | None = None
    ) -> Task | None:
        """A task of that *kind* at *tier* for the card that *served*, as far as that is known.

        None where *router* does not go by the learned classifier.
        """
        found = self.settings.get(router or "")
        if found is None:
            return None
        model = self._model(router, tier, served)
        scorer = found.scorer
        declared = found.abilities.declared(tier, model, kind)
        chance = min(0.9999, max(0.0001, scorer.chance(tier, difficulty, declared)))
        slope = scorer.weights.slope
        margin = log(chance / (1 - chance)) / slope
        return Task(kind=kind, tier=tier, margin=margin, slope=slope, model=model or ANY_MODEL)

    def _model(self, router: str | None, tier: Tier, served: str | None) -> str | None:
        """The name of the card that *served*; of the tier's only model where that is not known."""
        card = self.catalog.by_id.get(served or "")
        if card is not None:
            return card.name
        found = self._router(router)
        names = {self.catalog.resolve(name) for name in found.tiers.get(tier, ())} if found is not None else set()
        return names.pop() if len(names) == 1 else None

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
