"""The window that a model is loaded with, where the caller of its server says so: Ollama's `num_ctx`.

Ollama loads a model anew when `num_ctx` changes, so every request of a model carries the same one until a prompt needs
more; then the next larger of a few sizes, and that one from then on. It never shrinks.

configured                       loaded with                        at most
`num_ctx`                        that                               that
`num_ctx` and `context_tokens`   `num_ctx`                          `context_tokens`
`context_tokens`                 8,192, or less if that is less     `context_tokens`
neither                          8,192                              32,768
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from pointsman.core.catalog import Operation
from pointsman.core.decision import Outcome, Step
from pointsman.routing.tokens import MARGIN, estimated_tokens, family_of

if TYPE_CHECKING:
    from pointsman.core.catalog import ModelCard
    from pointsman.core.decision import PromptFeatures
    from pointsman.core.failure import Failure
    from pointsman.resilience.context_book import ContextBook

OLLAMA: Final = "ollama"
USUAL: Final = 8_192
LARGEST: Final = 32_768
ANSWER_TOKENS: Final = 1_024
"""Kept free for an answer whose length the caller does not limit."""
_IN_THE_CLOUD: Final = ("-cloud", ":cloud")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """With how much a model is loaded, and with how much at most."""

    usual: int
    most: int


@dataclass(slots=True, kw_only=True)
class ContextSizes:
    """Chooses `num_ctx` for the models of one catalog; the book remembers what was chosen."""

    book: ContextBook
    _sized: dict[tuple[str, int], tuple[ModelCard, ModelCard]] = field(default_factory=dict)

    def sized(self, card: ModelCard, operation: Operation, features: PromptFeatures) -> ModelCard:
        """*card* as it is to be asked: with the window that this prompt and those before it need."""
        if card.endpoint.dialect != OLLAMA or operation is Operation.EMBEDDINGS:
            return card
        size = self.size_for(card, features)
        if size is None:
            return card
        self.book.load_with(card, size)
        source, sized = self._sized.get((card.id, size), (None, card))
        if source is not card:
            sized = with_num_ctx(card, size)
            self._sized[card.id, size] = card, sized
        return sized

    def sizes_now(self, card: ModelCard) -> Sizes | None:
        """With how much *card* is loaded as prompts have grown it, and with how much at most; None: not ours to say."""
        sizes = sizes_of(card) if card.endpoint.dialect == OLLAMA else None
        if sizes is None:
            return None
        return Sizes(usual=max(sizes.usual, self.book.loaded_with(card) or 0), most=sizes.most)

    def window_of(self, card: ModelCard) -> int | None:
        """What *card* takes at most, as declared, learned, or as it would be loaded; None when nothing is known."""
        known = self.book.window_of(card)
        if known is not None or card.endpoint.dialect != OLLAMA:
            return known
        sizes = sizes_of(card)
        return sizes.most if sizes is not None else None

    def size_for(self, card: ModelCard, features: PromptFeatures) -> int | None:
        """The `num_ctx` for this prompt; None where there is none to be set."""
        sizes = self.sizes_now(card)
        if sizes is None or features.count is None:
            return sizes.usual if sizes is not None else None
        return next_size(sizes.usual, sizes.most, needed_tokens(card, features))

    def note(self, card: ModelCard, operation: Operation, features: PromptFeatures) -> tuple[Step, ...]:
        """A line for the trail when this prompt makes the server load *card* anew."""
        if features.count is None or card.endpoint.dialect != OLLAMA or operation is Operation.EMBEDDINGS:
            return ()
        sizes, size = self.sizes_now(card), self.size_for(card, features)
        if sizes is None or size is None or size <= sizes.usual:
            return ()
        tokens = _tokens(card, features)
        detail = f"{card.id} is loaded anew with num_ctx {size:,} for about {tokens:,} tokens"
        return (Step(strategy="context", outcome=Outcome.NOTE, detail=detail),)

    def refused(self, card: ModelCard, failure: Failure, features: PromptFeatures) -> None:
        """*card* refused the prompt as too long: next time it is loaded with more, or not asked for so much."""
        if not self._grows(card):
            self.book.refused(card, failure.message, at_least(card, features))

    def cut(self, card: ModelCard, tokens: int) -> None:
        """*card* takes no more than *tokens* and cuts the rest: next time it is loaded with more, or asked for less."""
        if not self._grows(card):
            self.book.cut(card, tokens)

    def _grows(self, card: ModelCard) -> bool:
        """Double what *card* is loaded with; False when it has its most."""
        sizes = self.sizes_now(card)
        if sizes is None or sizes.usual >= sizes.most:
            return False
        self.book.load_with(card, min(2 * sizes.usual, sizes.most))
        return True


def sizes_of(card: ModelCard) -> Sizes | None:
    """What *card* may be loaded with; None where that is not ours to say: in the cloud, or by a `num_ctx` of null."""
    if card.upstream_model.lower().endswith(_IN_THE_CLOUD):
        return None
    options = card.defaults.get("options")
    if isinstance(options, Mapping) and "num_ctx" in options:
        stated = options["num_ctx"]
        if not isinstance(stated, int) or stated <= 0:
            return None
        return Sizes(usual=stated, most=max(stated, card.context_tokens or 0))
    most = card.context_tokens or LARGEST
    return Sizes(usual=min(USUAL, most), most=most)


def next_size(loaded: int, most: int, needed: int) -> int:
    """*loaded*, doubled until *needed* fits, *most* at most."""
    while loaded < min(needed, most):
        loaded *= 2
    return min(loaded, most)


def needed_tokens(card: ModelCard, features: PromptFeatures) -> int:
    """The window that surely takes the prompt and its answer."""
    tokens = int(_tokens(card, features) * (1 + MARGIN))
    answer = features.max_output_tokens or ANSWER_TOKENS
    return tokens + min(answer, max(ANSWER_TOKENS, tokens // 2))


def at_least(card: ModelCard, features: PromptFeatures) -> int:
    """The tokens that the prompt surely has for *card*."""
    return int(_tokens(card, features) / (1 + MARGIN))


def _tokens(card: ModelCard, features: PromptFeatures) -> int:
    return estimated_tokens(features, family_of(card.upstream_model))


def with_num_ctx(card: ModelCard, num_ctx: int) -> ModelCard:
    """*card* with that window among its defaults; what the caller says of it still wins."""
    options = card.defaults.get("options")
    stated = dict(options) if isinstance(options, Mapping) else {}
    return replace(card, defaults={**card.defaults, "options": {**stated, "num_ctx": num_ctx}})
