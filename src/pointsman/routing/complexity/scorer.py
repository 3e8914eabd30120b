"""The complexity score: seven things one can see in a text, weighed and added, and the tier that follows.

Equal to LiteLLM's score and tier on the same text and settings (`bench/parity`); every step is linear in the text.
Knows nothing of conversations: the caller passes what the person last asked, never a system prompt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pointsman.core.catalog import Tier
from pointsman.core.values import value_type
from pointsman.routing.complexity.lexicon import words_of
from pointsman.routing.complexity.settings import Dimension

if TYPE_CHECKING:
    from pointsman.routing.complexity.settings import ComplexitySettings, TierBoundaries, TokenThresholds

_STEP_NUMBER = re.compile(r"step\s*\d")
_NUMBERED_ITEM = re.compile(r"\d\.\s")
_LETTERED_ITEM = re.compile(r"[a-z]\)\s")
_MANY_QUESTIONS = 4
_OVERRIDE_MARKERS = 2


class Contribution(NamedTuple):
    """What one dimension saw: its value (-1..1), its weight, and the words or facts behind it.

    A tuple, because seven of them are made for every request and a frozen dataclass takes three times as long.
    """

    name: str
    value: float
    weight: float
    evidence: tuple[str, ...] = ()

    @property
    def points(self) -> float:
        """What the dimension adds to the score."""
        return self.value * self.weight


@value_type
class ComplexityScore:
    """A text's score, about -0.15..0.93 with the default weights, its tier, and how each dimension contributed."""

    score: float
    tier: Tier
    contributions: tuple[Contribution, ...]
    reasoning_override: bool = False  # two reasoning markers chose the tier, not the score


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordTier:
    """The tier a keyword rule settled, and the keyword that did."""

    tier: Tier
    keyword: str


def score(text: str, settings: ComplexitySettings) -> ComplexityScore:
    """Score *text* and name its tier."""
    lowered = text.lower()
    words = words_of(lowered)
    built_in = _built_in_contributions(text, lowered, words, settings)
    own = tuple(
        Contribution(matchers.name, value, matchers.weight, found)
        for matchers in settings.lexicons.custom
        for value, found in [matchers.value_in(text, lowered, words)]
        if value
    )
    # Two sums, in this order, so that rounding falls as LiteLLM's does and no text changes sides at a boundary.
    total = sum([seen.value * seen.weight for seen in built_in]) + sum([seen.value * seen.weight for seen in own])
    markers = len(built_in[2].evidence)
    overridden = markers >= _OVERRIDE_MARKERS and total >= settings.override_floor
    return ComplexityScore(
        score=total,
        tier=Tier.REASONING if overridden else tier_of(total, settings.boundaries),
        contributions=built_in + own,
        reasoning_override=overridden,
    )


def tier_of(total: float, boundaries: TierBoundaries) -> Tier:
    """The tier a score falls into."""
    if total < boundaries.simple_medium:
        return Tier.SIMPLE
    if total < boundaries.medium_complex:
        return Tier.MEDIUM
    if total < boundaries.complex_reasoning:
        return Tier.COMPLEX
    return Tier.REASONING


def keyword_tier(text: str, settings: ComplexitySettings) -> KeywordTier | None:
    """The tier the keyword rules settle, the highest if several match, or None when none does."""
    if not settings.keyword_tier_rules:
        return None
    lowered = text.lower()
    words = words_of(lowered)
    matches = [
        KeywordTier(tier=tier, keyword=found[0])
        for lexicon, tier in settings.lexicons.rules
        if (found := lexicon.found_in(lowered, words))
    ]
    return max(matches, key=lambda match: match.tier.rank, default=None)


def _built_in_contributions(
    text: str, lowered: str, words: list[str], settings: ComplexitySettings
) -> tuple[Contribution, ...]:
    """The seven dimensions in their order of addition."""
    weights = settings.weights
    code, reasoning, technical, simple = settings.lexicons.built_in.found_in(lowered, words)
    steps = _multi_step_signs(lowered)
    questions = text.count("?")
    return (
        _token_count(len(text) // 4, settings.token_thresholds, weights.token_count),
        Contribution(Dimension.CODE_PRESENCE, _stepped(len(code), (1, 0.5), (2, 1.0)), weights.code_presence, code),
        Contribution(
            Dimension.REASONING_MARKERS,
            _stepped(len(reasoning), (1, 0.7), (2, 1.0)),
            weights.reasoning_markers,
            reasoning,
        ),
        Contribution(
            Dimension.TECHNICAL_TERMS,
            _stepped(len(technical), (2, 0.5), (4, 1.0)),
            weights.technical_terms,
            technical,
        ),
        Contribution(Dimension.SIMPLE_INDICATORS, -1.0 if simple else 0.0, weights.simple_indicators, simple),
        Contribution(Dimension.MULTI_STEP_PATTERNS, 0.5 if steps else 0.0, weights.multi_step_patterns, steps),
        Contribution(
            Dimension.QUESTION_COMPLEXITY,
            0.5 if questions >= _MANY_QUESTIONS else 0.0,
            weights.question_complexity,
            (f"{questions} questions",) if questions >= _MANY_QUESTIONS else (),
        ),
    )


def _stepped(count: int, some: tuple[int, float], many: tuple[int, float]) -> float:
    """The value for *count* finds, given two (count, value) steps."""
    if count >= many[0]:
        return many[1]
    return some[1] if count >= some[0] else 0.0


def _token_count(tokens: int, thresholds: TokenThresholds, weight: float) -> Contribution:
    if tokens < thresholds.simple:
        return Contribution(Dimension.TOKEN_COUNT, -1.0, weight, (f"short: {tokens} tokens",))
    if tokens > thresholds.complex:
        return Contribution(Dimension.TOKEN_COUNT, 1.0, weight, (f"long: {tokens} tokens",))
    return Contribution(Dimension.TOKEN_COUNT, 0.0, weight)


def _multi_step_signs(lowered: str) -> tuple[str, ...]:
    """The first sign, if any, that the text lays out several steps."""
    # LiteLLM ignores case here by Unicode's rules, where the dotless i and the long s are an i and an s.
    folded = lowered if lowered.isascii() else lowered.replace("\u0131", "i").replace("\u017f", "s")
    if _has_first_then(folded):
        return ("first … then",)
    if _STEP_NUMBER.search(folded) is not None:
        return ("step N",)
    if "." in folded and _NUMBERED_ITEM.search(folded) is not None:
        return ("1. ",)
    if ")" in folded and _LETTERED_ITEM.search(folded) is not None:
        return ("a) ",)
    return ()


def _has_first_then(folded: str) -> bool:
    """Whether some line has "first" and, after it, "then"; every line is looked at once."""
    start = folded.find("first")
    while start != -1:
        end = folded.find("\n", start)
        if end == -1:
            end = len(folded)
        if folded.find("then", start + len("first"), end) != -1:
            return True
        start = folded.find("first", end)
    return False
