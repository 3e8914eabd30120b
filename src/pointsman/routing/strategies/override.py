"""The caller named a model, an alias or a tier: that is what they get."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointsman.core.catalog import AUTO, Catalog, Tier
from pointsman.core.decision import Pick

if TYPE_CHECKING:
    from pointsman.core.decision import RoutingContext


@dataclass(frozen=True, slots=True)
class ExplicitModel:
    """Honours a configured name or alias. Router names (`auto`) and unknown names are not its business."""

    catalog: Catalog
    name: str = "explicit"

    def passes(self, context: RoutingContext, /) -> bool:
        """Whether no model is named, or `auto`, which no model is called."""
        asked = context.requested_model
        return asked is None or (asked == AUTO and AUTO not in self.catalog.pools and AUTO not in self.catalog.aliases)

    async def decide(self, context: RoutingContext, /) -> Pick | None:
        """The named pool."""
        asked = context.requested_model
        if asked is None:
            return None
        model = self.catalog.resolve(asked)
        if model not in self.catalog.pools or model in self.catalog.routers_by_name:
            return None
        reason = f"the caller asked for {asked!r}" + ("" if model == asked else f", an alias of {model!r}")
        return Pick(model=model, reason=reason, is_explicit=True, is_utility=context.features.is_housekeeping)


@dataclass(frozen=True, slots=True)
class TierName:
    """Honours a tier named as the model, or in the caller's label: a tier of the router asked for, else of `auto`."""

    catalog: Catalog
    name: str = "tier"

    def passes(self, context: RoutingContext, /) -> bool:
        """Whether neither the name (none, or `auto`) nor a label says a tier."""
        is_plain = context.requested_model == AUTO and AUTO not in self.catalog.aliases
        return context.caller.tier is None and (is_plain or context.requested_model is None)

    async def decide(self, context: RoutingContext, /) -> Pick | None:
        """The named tier."""
        asked = context.requested_model or ""
        resolved = self.catalog.resolve(asked)
        tier = Tier.parse(asked) or Tier.parse(resolved)
        if tier is not None:
            reason = f"the caller asked for tier {asked!r}"
            return Pick(tier=tier, reason=reason, is_utility=context.features.is_housekeeping)
        if context.caller.tier is None:
            return None
        reason = f"the caller's label says tier {context.caller.tier.value!r}"
        router = resolved if resolved in self.catalog.routers_by_name else None
        return Pick(tier=context.caller.tier, router=router, reason=reason, is_utility=context.features.is_housekeeping)
