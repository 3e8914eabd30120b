"""Strikes out models that cannot do what the request needs: tools, images, a window that is clearly too small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointsman.core.catalog import Capability, Operation
from pointsman.core.decision import RoutingContext, Struck
from pointsman.routing.tokens import MARGIN, Family, estimated_tokens, family_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pointsman.core.catalog import ModelCard
    from pointsman.core.decision import PromptFeatures

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
        lacking = [card for card in cards if card.lacks]
        if not lacking:
            return []
        operation_need = Capability.EMBEDDINGS if context.operation is Operation.EMBEDDINGS else Capability.CHAT
        needs = context.features.needs | {operation_need}
        return [
            Struck(model=card.id, by=self.name, reason=f"it cannot do {_words(needs & card.lacks)}")
            for card in lacking
            if not card.lacks.isdisjoint(needs)
        ]


ANSWER_TOKENS = 1_024
"""Kept free for an answer whose length the caller does not limit."""
ROUGH_MARGIN = 0.5
"""By how much the estimate of a short prompt may err, which is that of no model in particular."""


def declared_window(card: ModelCard) -> int | None:
    """The window that *card* is configured with."""
    return card.context_tokens


@dataclass(frozen=True, slots=True)
class ContextConstraint:
    """Strikes out models whose window is too small even if the estimate errs by its margin in their favour.

    The prompt is estimated for each model's own tokenizer, and room is left for the answer: as much as the caller
    allows and the model gives, at most a quarter of the window. What may just fit is left to the endpoint, whose own
    count decides. `window_of` knows what has been learned of a window as well.
    """

    window_of: Callable[[ModelCard], int | None] = declared_window
    name: str = CONTEXT

    def strike(self, context: RoutingContext, cards: Sequence[ModelCard], /) -> Sequence[Struck]:
        """The models the prompt cannot fit into."""
        features = context.features
        if features.count is None:
            rough = features.estimated_input_tokens
            return [
                self._struck(card, rough, card.context_tokens)
                for card in cards
                if card.context_tokens is not None and rough > card.context_tokens * (1 + ROUGH_MARGIN)
            ]
        struck, known = [], dict[Family, int]()
        for card in cards:
            window = self.window_of(card)
            if window is None:
                continue
            family = family_of(card.upstream_model)
            if family not in known:
                known[family] = estimated_tokens(features, family)
            tokens = known[family]
            if tokens / (1 + MARGIN) + _answer_tokens(features, card, window) > window:
                struck.append(self._struck(card, tokens, window))
        return struck

    def _struck(self, card: ModelCard, tokens: int, window: int) -> Struck:
        return Struck(model=card.id, by=self.name, reason=f"about {tokens:,} tokens do not fit its {window:,}")


def _answer_tokens(features: PromptFeatures, card: ModelCard, window: int) -> int:
    asked = features.max_output_tokens or ANSWER_TOKENS
    return min(asked, card.max_output_tokens or asked, window // 4)


def _words(missing: frozenset[Capability]) -> str:
    return " or ".join(sorted(_WORDS[capability] for capability in missing))
