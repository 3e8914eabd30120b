"""Texts to embed have no tier: a model made for embeddings takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointsman.core.catalog import Capability, Operation
from pointsman.core.decision import Pick

if TYPE_CHECKING:
    from pointsman.core.decision import RoutingContext


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """Picks the first open model that only embeds. Vectors of different models do not mix, so it is always the same."""

    name: str = "embeddings"

    def passes(self, context: RoutingContext, /) -> bool:
        """Whether something else is wanted."""
        return context.operation is not Operation.EMBEDDINGS

    async def decide(self, context: RoutingContext, /) -> Pick | None:
        """The first configured embeddings model; passes for anything but embeddings."""
        if context.operation is not Operation.EMBEDDINGS:
            return None
        for card in context.open_models.values():
            if Capability.CHAT in card.lacks:
                return Pick(model=card.name, reason="the first model made for embeddings", is_explicit=True)
        return None
