"""The complexity score: seven things one can see in a text, weighed and added, and the tier that follows.

Equal to LiteLLM's score and tier on the same text and settings (`bench/parity`); every step is linear in the text.
Knows nothing of conversations: the caller passes what the person last asked, never a system prompt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointsman.core.catalog import Tier
from pointsman.core.values import value_type
from pointsman.routing.complexity.contribution import Contribution, Dimension
from pointsman.routing.complexity.lexicon import words_of

if TYPE_CHECKING:
    from pointsman.routing.complexity.settings import ComplexitySettings, TierBoundaries

_STEP_NUMBER = re.compile(r"step\s*\d")
# What stands before the sign is looked at afterwards: a pattern that begins with one sign is searched for many times
# quicker than one that begins with any of several.
_NUMBERED_ITEM = re.compile(r"\.(?<=\d\.)\s")
_LETTERED_ITEM = re.compile(r"\)(?<=[a-z]\))\s")
_MANY_QUESTIONS = 4
_OVERRIDE_MARKERS = 2
_MANY_TERMS = 4
_TOKENS, _CODE, _REASONING, _TECHNICAL, _SIMPLE, _STEPS, _QUESTIONS = range(len(Dimension))


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
    own = _own_contributions(text, lowered, words, settings) if settings.lexicons.custom else ()
    # Two sums, in this order, so that rounding falls as LiteLLM's does and no text changes sides at a boundary.
    total = sum([value * weight for _, value, weight, _ in built_in])
    if own:
        total += sum([value * weight for _, value, weight, _ in own])
    markers = len(built_in[_REASONING].evidence)
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
    made = list(settings.silent)  # most say nothing about most texts
    tokens, thresholds = len(text) // 4, settings.token_thresholds
    if tokens < thresholds.simple:
        made[_TOKENS] = Contribution(Dimension.TOKEN_COUNT, -1.0, weights.token_count, (f"short: {tokens} tokens",))
    elif tokens > thresholds.complex:
        made[_TOKENS] = Contribution(Dimension.TOKEN_COUNT, 1.0, weights.token_count, (f"long: {tokens} tokens",))
    if code:
        made[_CODE] = Contribution(Dimension.CODE_PRESENCE, 0.5 if len(code) == 1 else 1.0, weights.code_presence, code)
    if reasoning:
        value = 0.7 if len(reasoning) == 1 else 1.0
        made[_REASONING] = Contribution(Dimension.REASONING_MARKERS, value, weights.reasoning_markers, reasoning)
    if technical:
        value = 0.0 if len(technical) == 1 else 0.5 if len(technical) < _MANY_TERMS else 1.0
        made[_TECHNICAL] = Contribution(Dimension.TECHNICAL_TERMS, value, weights.technical_terms, technical)
    if simple:
        made[_SIMPLE] = Contribution(Dimension.SIMPLE_INDICATORS, -1.0, weights.simple_indicators, simple)
    if steps := _multi_step_signs(lowered):
        made[_STEPS] = Contribution(Dimension.MULTI_STEP_PATTERNS, 0.5, weights.multi_step_patterns, steps)
    questions = text.count("?")
    if questions >= _MANY_QUESTIONS:
        shown = (f"{questions} questions",)
        made[_QUESTIONS] = Contribution(Dimension.QUESTION_COMPLEXITY, 0.5, weights.question_complexity, shown)
    return tuple(made)


def _own_contributions(
    text: str, lowered: str, words: list[str], settings: ComplexitySettings
) -> tuple[Contribution, ...]:
    """The configured dimensions that found something."""
    return tuple(
        Contribution(matchers.name, value, matchers.weight, found)
        for matchers in settings.lexicons.custom
        for value, found in [matchers.value_in(text, lowered, words)]
        if value
    )


def _multi_step_signs(lowered: str) -> tuple[str, ...]:
    """The first sign, if any, that the text lays out several steps."""
    # LiteLLM ignores case here by Unicode's rules, where the dotless i and the long s are an i and an s.
    folded = lowered if lowered.isascii() else lowered.replace("\u0131", "i").replace("\u017f", "s")
    if _has_first_then(folded):
        return ("first … then",)
    if "step" in folded and _STEP_NUMBER.search(folded) is not None:
        return ("step N",)
    if _NUMBERED_ITEM.search(folded) is not None:
        return ("1. ",)
    if _LETTERED_ITEM.search(folded) is not None:
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
