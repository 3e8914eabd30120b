"""Whether a model read the whole prompt: what its server counted against what was estimated.

A server that cuts a prompt in silence answers 200, and only its count of the prompt tells. Ollama, without
`truncate: false`, drops the oldest messages until the rest fits `num_ctx`, or keeps about half of it where it shifts.

the server counted                                                   the prompt was
more than the window it was asked to have                            read: it has more
anything, of a prompt that is too long by more than the margin       cut
as much as estimated, or up to a third less                          read, unless the window is full to the last token
far less, and the prompt was estimated at nine tenths or more of it  cut
just the half that shifting leaves, to the token                     cut
far less of a prompt that fits well                                  read: some do not count what they had in memory

A prompt that is longer than the window by less than the estimate may err is seen only if much of it was dropped. For
other local servers than Ollama the limit is not known: there a count far below the estimate is only told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pointsman.core.chat import ChatRequest
from pointsman.core.stream import StreamFailed
from pointsman.engine.context_size import OLLAMA, ContextSizes
from pointsman.routing.tokens import MARGIN, family_of, weigh

if TYPE_CHECKING:
    from pointsman.core.catalog import ModelCard
    from pointsman.core.chat import EmbeddingRequest, Usage
    from pointsman.core.decision import PromptFeatures

FAR_BELOW: Final = 0.7
NEARLY_FULL: Final = 0.9
DOUBTFUL: Final = 0.5
"""Of the estimate: a local server that counts fewer has probably not read all."""
CODE: Final = "context_truncated"
PROMPT_CUT: Final = "prompt"
"""What the record calls lost when a server seems to have left out part of the prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextCheck:
    """Judges one attempt by its usage, and lets the book of windows know."""

    card: ModelCard
    sizes: ContextSizes
    tokens: int  # the text's, as estimated for this model
    num_ctx: int | None  # what the request says; None: it cannot

    def __call__(self, usage: Usage | None) -> StreamFailed | None:
        """The failure that this *usage* shows; None when all is well, or nothing can be said."""
        if usage is None or usage.is_estimated or usage.input_tokens <= 0:
            return None
        counted = usage.input_tokens
        if self.num_ctx is None or not was_cut(counted, self.tokens, self.num_ctx):
            self.sizes.book.took(self.card, counted)
            return None
        self.sizes.cut(self.card, self._fits(counted))
        message = (
            f"the prompt of about {self.tokens:,} tokens is longer than the context length: "
            f"{counted:,} were read with num_ctx {self.num_ctx:,}, the rest was left out"
        )
        return StreamFailed(message=message, code=CODE)

    def _fits(self, counted: int) -> int:
        """The most that may fit, seen from a prompt that did not."""
        if self.num_ctx is None or counted in halves(self.num_ctx):
            return counted
        return max(counted, min(self.num_ctx, int(self.tokens / (1 + MARGIN))) - 1)

    def lost(self, usage: Usage | None) -> tuple[str, ...]:
        """PROMPT_CUT when a local server seems to have read only part of the prompt."""
        is_known = usage is not None and not usage.is_estimated and usage.input_tokens > 0
        if not is_known or self.num_ctx is not None or not self.card.is_local:
            return ()
        return (PROMPT_CUT,) if usage is not None and usage.input_tokens < DOUBTFUL * self.tokens else ()


def was_cut(counted: int, tokens: int, num_ctx: int) -> bool:
    """Whether a prompt of about *tokens* was cut, of which *counted* were read with a window of *num_ctx*."""
    if counted > num_ctx:
        return False
    if tokens / (1 + MARGIN) > num_ctx or (counted in halves(num_ctx) and counted < tokens):
        return True
    return tokens >= NEARLY_FULL * num_ctx if counted < FAR_BELOW * tokens else counted >= num_ctx - 1


def halves(num_ctx: int) -> frozenset[int]:
    """What shifting leaves of a prompt: num_ctx - (num_ctx - num_keep) / 2; of 4,096 it is 2,050.

    `num_keep` is 4 unless the model says otherwise, and one more where the model begins with a token of its own.
    """
    return frozenset(num_ctx - (num_ctx - kept) // 2 for kept in (0, 4, 5))


def check_for(
    card: ModelCard,
    sizes: ContextSizes,
    request: ChatRequest | EmbeddingRequest,
    features: PromptFeatures,
    *,
    asked: ModelCard,
) -> ContextCheck | None:
    """How an answer of *card*, *asked* with a window, is to be judged.

    None where there is nothing to judge by, or the caller wants the cut.
    """
    if features.count is None or not isinstance(request, ChatRequest):
        return None
    num_ctx = None
    if card.endpoint.dialect == OLLAMA:
        theirs = request.extras.get(OLLAMA, {})
        if theirs.get("truncate") is True or theirs.get("shift") is True:
            return None
        num_ctx = _num_ctx(theirs) or _num_ctx(asked.defaults)
    tokens = weigh(features.count.signs, family_of(card.upstream_model), messages=features.count.messages)
    return ContextCheck(card=card, sizes=sizes, tokens=tokens, num_ctx=num_ctx)


def _num_ctx(body: Mapping[str, object]) -> int | None:
    options = body.get("options")
    found = options.get("num_ctx") if isinstance(options, Mapping) else None
    return found if isinstance(found, int) and found > 0 else None
