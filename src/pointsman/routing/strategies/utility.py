"""Small errands of an interface: a title, tags, follow-ups, the end of a line of code. The smallest model does them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointsman.core.catalog import Tier
from pointsman.core.decision import Pick

if TYPE_CHECKING:
    from pointsman.core.catalog import Catalog
    from pointsman.core.decision import RoutingContext


@dataclass(frozen=True, slots=True)
class Utility:
    """Sends errands to the simple tier of the router asked for; nobody is asked when a larger model has to do them."""

    catalog: Catalog
    name: str = "utility"

    def passes(self, context: RoutingContext, /) -> bool:
        """Whether a person asked."""
        return not context.features.is_housekeeping

    async def decide(self, context: RoutingContext, /) -> Pick | None:
        """The simple tier, the router's default model where it has no tiers; passes for what a person asked."""
        if not context.features.is_housekeeping:
            return None
        router = self.catalog.router_for(context.requested_model)
        if router is None:
            return None
        reason = "a small errand of the program, not of a person"
        if not any(router.tiers.values()) and router.default_model is not None:
            return Pick(model=router.default_model, router=router.name, reason=reason, is_utility=True)
        return Pick(tier=Tier.SIMPLE, router=router.name, reason=reason, is_utility=True)
