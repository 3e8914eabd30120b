"""How sure a judge is of its word: the word's share of the likelihood of all words that could stand in its place."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pointsman.core.jsontypes import Json, JsonObject

_AROUND = " \t\r\n\"'`*:{_▁Ġ"


def share_of(word: str, words: Sequence[str], logprobs: Json) -> float | None:
    """The share of *word* among *words*, at least, 0 to 1; None where the tokens do not tell.

    e^l(word) / sum of e^l(w), at the last place where *word* begins. A token counts for the word it begins, or is
    begun by; one that begins several words counts for none. A word that is not among the alternatives is taken to be
    as likely as the least likely of them. Tokens `pro` -0.1 and `fl` -2.4: 0.905 / (0.905 + 0.091) = 0.909.
    """
    tokens = _objects(logprobs.get("content")) if isinstance(logprobs, dict) else []
    place = _place_of(word, [str(token.get("token", "")) for token in tokens])
    if place is None:
        return None
    likelihoods = dict.fromkeys(words, 0.0)
    options = list(_options(tokens[place]))
    for text, likelihood in options:
        meant = [other for other in words if text and (other.startswith(text) or text.startswith(other))]
        if len(meant) == 1:
            likelihoods[meant[0]] += likelihood
    if len(options) <= 1:
        return None
    least = min(likelihood for _, likelihood in options)
    total = sum(likelihood or least for likelihood in likelihoods.values())
    return round((likelihoods[word] or least) / total, 3) if total > 0 else None


def _options(token: JsonObject) -> Iterator[tuple[str, float]]:
    """The alternatives in *token*'s place, itself among them, and how likely each is."""
    options = _objects(token.get("top_logprobs"))
    is_there = any(option.get("token") == token.get("token") for option in options)
    for option in options if is_there else [token, *options]:
        logarithm = option.get("logprob")
        if isinstance(logarithm, int | float) and logarithm <= 0:
            yield _bare(str(option.get("token", ""))), math.exp(logarithm)


def _place_of(word: str, texts: Sequence[str]) -> int | None:
    """The last token with which *word* begins."""
    rest = ""
    for place in range(len(texts) - 1, -1, -1):
        rest = (texts[place] + rest)[: len(word) + 64]
        if _bare(texts[place]) and _bare(rest).startswith(word):
            return place
    return None


def _bare(text: str) -> str:
    return text.lstrip(_AROUND).lower().rstrip()


def _objects(value: Json) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
