"""The caller named a preset: its tier or its model answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointsman.core.catalog import AUTO
from pointsman.core.decision import Pick

if TYPE_CHECKING:
    from pointsman.core.catalog import Catalog
    from pointsman.core.decision import RoutingContext


@dataclass(frozen=True, slots=True)
class PresetName:
    """Honours `auto:NAME`. A preset without a tier and a model leaves it to those who follow."""

    catalog: Catalog
    name: str = "preset"

    def passes(self, context: RoutingContext, /) -> bool:
        """Whether no name is given that could be a preset's."""
        asked = context.requested_model
        return asked is None or asked == AUTO or self.catalog.preset_of(asked) is None

    async def decide(self, context: RoutingContext, /) -> Pick | None:
        """The preset's tier or model."""
        preset = self.catalog.preset_of(context.requested_model)
        if preset is None or (preset.tier is None and preset.model is None):
            return None
        if preset.model is not None:
            return Pick(model=preset.model, reason=f"the preset {preset.name!r} is for {preset.model!r}")
        return Pick(tier=preset.tier, reason=f"the preset {preset.name!r} is for this tier")
