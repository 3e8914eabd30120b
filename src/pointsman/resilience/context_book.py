"""What is known of models' windows from experience: refusals that name them, prompts that were cut or that fitted.

what happened                                           remembered of the model, for `forget_s`
a refusal that names the window                         that window
a refusal that names none                               less than the prompt was estimated at
an answer to a prompt that was cut in silence           what it was cut to
an answer to a prompt longer than what is remembered    nothing any more

Knows no request: cards and figures in, figures out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from pointsman.core.catalog import ModelCard

FORGET_S: Final = 3600.0
_PLAUSIBLE: Final = range(256, 100_000_001)
_N = r"(\d[\d,_]{0,14})"
_SAID: Final = re.compile(
    "|".join(
        (
            rf"(?:maximum|max) (?:context|prompt|model|sequence)[ _]?(?:length|size|window)(?: is| of|:)? {_N}",
            rf"too large for model with {_N}",
            rf"context (?:size|length|window|limit)(?: of| is|:)?(?: only)? ?\(?{_N}",
            rf"\bn_ctx\W{{1,3}}{_N}",
            rf"tokens > {_N} maximum",
            rf"exceed context limit: [\d +]{{1,40}}> {_N}",
            rf"maximum number of tokens allowed \({_N}\)",
            rf"max_new_tokens` must be <= {_N}",
            rf"current length is \d{{1,15}} while limit is {_N}",
        )
    ),
    re.IGNORECASE,
)


def said_window(message: str) -> int | None:
    """The window in tokens that a refusal names; None when it names none.

    "This model's maximum context length is 8192 tokens. However, you requested 9000" -> 8192.
    """
    found = _SAID.search(message)
    if found is None:
        return None
    tokens = int(re.sub(r"[,_]", "", next(group for group in found.groups() if group)))
    return tokens if tokens in _PLAUSIBLE else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """A window and until when it is believed."""

    tokens: int
    until_s: float


@dataclass(slots=True, kw_only=True)
class ContextBook:
    """The windows of one catalog's cards as far as they are known. `clock` is monotonic seconds."""

    clock: Callable[[], float]
    forget_s: float = FORGET_S
    _learned: dict[str, Learned] = field(default_factory=dict)
    _loaded: dict[tuple[str, str], int] = field(default_factory=dict)

    def window_of(self, card: ModelCard) -> int | None:
        """What *card* takes: as declared, or as learned if that is less; None when nothing is known."""
        learned = self._learned.get(card.id)
        if learned is None:
            return card.context_tokens
        if learned.until_s <= self.clock():
            del self._learned[card.id]
            return card.context_tokens
        return learned.tokens if card.context_tokens is None else min(learned.tokens, card.context_tokens)

    def refused(self, card: ModelCard, message: str, tokens: int) -> None:
        """*card* refused a prompt of about *tokens* (its sure part) as too long, in the words of *message*."""
        window = said_window(message)
        self._learn(card, window if window is not None else tokens - 1)

    def cut(self, card: ModelCard, tokens: int) -> None:
        """*card* read no more than *tokens* of a longer prompt, and said nothing."""
        self._learn(card, tokens)

    def took(self, card: ModelCard, tokens: int) -> None:
        """*card* read a prompt of *tokens*: what was learned before is not true any more if it is less."""
        learned = self._learned.get(card.id)
        if learned is not None and learned.tokens < tokens:
            del self._learned[card.id]

    def loaded_with(self, card: ModelCard) -> int | None:
        """The window that the server of *card* was last asked to load it with; None: it was not."""
        return self._loaded.get((card.endpoint.name, card.upstream_model))

    def load_with(self, card: ModelCard, tokens: int) -> None:
        """The server of *card* is asked to load it with a window of *tokens*."""
        self._loaded[card.endpoint.name, card.upstream_model] = tokens

    def _learn(self, card: ModelCard, tokens: int) -> None:
        if tokens in _PLAUSIBLE:
            self._learned[card.id] = Learned(tokens=tokens, until_s=self.clock() + self.forget_s)
