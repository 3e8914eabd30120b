"""Strikes out models that cannot do what the request needs: tools, images, a window that is clearly too small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointsman.core.catalog import Capability, Operation
from pointsman.core.decision import RoutingContext, Struck

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.core.catalog import ModelCard

_WORDS = {
    Capability.CHAT: "chat",
    Capability.TOOLS: "tools",
    Capability.IMAGES: "images",
    Capability.JSON_SCHEMA: "JSON schemas",
    Capability.EMBEDDINGS: "embeddings",
}
CONTEXT = "context"
CAPABILITY = "capability"


@dataclass(frozen=True, slots=True)
class CapabilityConstraint:
    """What a card is not known to lack, it is trusted to do: the endpoint will say so if it cannot."""

    name: str = CAPABILITY

    def strike(self, context: RoutingContext, cards: Sequence[ModelCard], /) -> Sequence[Struck]:
        """The models that lack a needed capability."""
        operation_need = Capability.EMBEDDINGS if context.operation is Operation.EMBEDDINGS else Capability.CHAT
        needs = context.features.needs | {operation_need}
        return [
            Struck(model=card.id, by=self.name, reason=f"it cannot do {_words(needs & card.lacks)}")
            for card in cards
            if card.lacks and not card.lacks.isdisjoint(needs)
        ]


@dataclass(frozen=True, slots=True)
class ContextConstraint:
    """Strikes out models whose window is smaller than the prompt by more than the estimate may err.

    The estimate counts characters, so a prompt must look `margin` times too long before it is believed; the rest is
    left to the endpoint, whose own count decides.
    """

    margin: float = 1.5
    name: str = CONTEXT

    def strike(self, context: RoutingContext, cards: Sequence[ModelCard], /) -> Sequence[Struck]:
        """The models the prompt cannot fit into."""
        tokens = context.features.estimated_input_tokens
        return [
            Struck(
                model=card.id, by=self.name, reason=f"about {tokens:,} tokens do not fit its {card.context_tokens:,}"
            )
            for card in cards
            if card.context_tokens is not None and tokens > card.context_tokens * self.margin
        ]


def _words(missing: frozenset[Capability]) -> str:
    return " or ".join(sorted(_WORDS[capability] for capability in missing))
