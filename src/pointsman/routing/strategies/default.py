"""What holds when nobody else picked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointsman.core.decision import Pick

if TYPE_CHECKING:
    from pointsman.core.catalog import Catalog
    from pointsman.core.decision import RoutingContext


@dataclass(frozen=True, slots=True)
class Default:
    """The router's default model or tier. Passes only when nothing is configured at all."""

    catalog: Catalog
    name: str = "default"

    async def decide(self, context: RoutingContext, /) -> Pick | None:
        """The default of the router asked for, else of `auto`."""
        router = self.catalog.router_for(context.requested_model)
        if router is None:
            return None
        if router.default_model is not None:
            return Pick(model=router.default_model, router=router.name, reason="the router's default model")
        return Pick(tier=router.default_tier, router=router.name, reason="the router's default tier")
