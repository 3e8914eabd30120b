"""The complexity score gives the numbers and tiers LiteLLM gives; `bench/parity` compares thousands of prompts."""

from __future__ import annotations

import re
import sys
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pointsman.core.catalog import Tier
from pointsman.routing.complexity import (
    ComplexityScore,
    ComplexitySettings,
    Contribution,
    DimensionWeights,
    KeywordTier,
    KeywordTierRule,
    TierBoundaries,
    TokenThresholds,
    keyword_tier,
    score,
    tier_of,
    vocabulary,
)

DEFAULTS = ComplexitySettings()
EVEN = "x" * 60  # as long as a text must be to count as neither short nor long


def evidence(text: str, name: str, settings: ComplexitySettings = DEFAULTS) -> tuple[str, ...]:
    """What the dimension *name* saw in *text*."""
    return next(seen.evidence for seen in score(text, settings).contributions if seen.name == name)


def test_a_greeting_is_short_and_simple() -> None:
    """Every dimension is listed with its value, weight and evidence, in the order of addition."""
    assert score("hello", DEFAULTS) == ComplexityScore(
        score=-0.15000000000000002,
        tier=Tier.SIMPLE,
        contributions=(
            Contribution("tokenCount", -1.0, 0.10, ("short: 1 tokens",)),
            Contribution("codePresence", 0.0, 0.30),
            Contribution("reasoningMarkers", 0.0, 0.25),
            Contribution("technicalTerms", 0.0, 0.25),
            Contribution("simpleIndicators", -1.0, 0.05, ("hello",)),
            Contribution("multiStepPatterns", 0.0, 0.03),
            Contribution("questionComplexity", 0.0, 0.02),
        ),
        reasoning_override=False,
    )


def test_the_points_of_a_dimension_are_its_value_times_its_weight() -> None:
    """Explanations show what each dimension added."""
    assert Contribution("codePresence", 0.5, 0.3).points == 0.15


# (prompt, score, tier) as LiteLLM 1.109.1 gave them.
PUBLISHED = [
    ("Prove the Riemann hypothesis", -0.1, Tier.SIMPLE),
    ("", -0.1, Tier.SIMPLE),
    (f"def {EVEN}", 0.15, Tier.MEDIUM),
    (f"def class {EVEN}", 0.3, Tier.MEDIUM),
    (f"def class memory cpu {EVEN}", 0.425, Tier.COMPLEX),
    (f"def class memory cpu gpu tcp infer {EVEN}", 0.725, Tier.REASONING),
    ("Let me class up my return to the function hall; request a response", 0.3, Tier.MEDIUM),
    ("evaluate 2+2 and conclude", 0.15, Tier.REASONING),
    ("What?? Who?? Me? " + EVEN, 0.01, Tier.SIMPLE),
]


@pytest.mark.parametrize(("prompt", "expected", "tier"), PUBLISHED)
def test_scores_are_those_litellm_publishes(prompt: str, expected: float, tier: Tier) -> None:
    """Known prompts keep their known scores and tiers, the boundary itself included."""
    result = score(prompt, DEFAULTS)
    assert result.score == pytest.approx(expected, abs=1e-9)
    assert result.tier is tier


@pytest.mark.parametrize(
    ("total", "tier"),
    [
        (-1.0, Tier.SIMPLE),
        (0.1499, Tier.SIMPLE),
        (0.15, Tier.MEDIUM),
        (0.35, Tier.COMPLEX),
        (0.60, Tier.REASONING),
        (2.0, Tier.REASONING),
    ],
)
def test_a_score_on_a_boundary_belongs_to_the_higher_tier(total: float, tier: Tier) -> None:
    """Boundaries are inclusive below."""
    assert tier_of(total, TierBoundaries()) is tier


@pytest.mark.parametrize(("chars", "value"), [(59, -1.0), (60, 0.0), (1603, 0.0), (1604, 1.0)])
def test_length_counts_four_characters_as_a_token(chars: int, value: float) -> None:
    """15 and 400 tokens are still neither short nor long."""
    assert score("x" * chars, DEFAULTS).contributions[0].value == value


def test_two_reasoning_markers_are_enough_above_the_floor() -> None:
    """The override lifts a text that is at least medium, and not one that scores lower."""
    lifted = score("evaluate 2+2 and conclude", DEFAULTS)
    assert (lifted.tier, lifted.reasoning_override) == (Tier.REASONING, True)
    low = score("evaluate a brief conclude", DEFAULTS)
    assert (low.tier, low.reasoning_override) == (Tier.SIMPLE, False)
    unconditional = score("evaluate a brief conclude", ComplexitySettings(reasoning_override_min_score=0))
    assert (unconditional.tier, unconditional.reasoning_override) == (Tier.REASONING, True)


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("first this, then that", ("first … then",)),
        ("the first one\nthen", ()),
        ("the first one\nfirst then", ("first … then",)),
        ("firsthen", ()),
        ("F\u0131R\u017fT x THEN", ("first … then",)),
        ("Step 12", ("step N",)),
        ("step\u00a0\u0663", ("step N",)),
        ("1. flour", ("1. ",)),
        ("3.14", ()),
        ("a) flour", ("a) ",)),
        ("f(x) is", ("a) ",)),
        ("(7) seven", ()),
    ],
)
def test_steps_are_seen_as_litellm_sees_them(text: str, signs: tuple[str, ...]) -> None:
    """One sign is enough; "first" and "then" must share a line."""
    assert evidence(text, "multiStepPatterns") == signs


@given(st.text(alphabet="first hen\nT\u0131\u017f1.)S\u0660 \u00a0\u212ap", max_size=40))
@example("firsthen")
@example("1.\u2003")
def test_step_signs_equal_a_plain_search_ignoring_case(text: str) -> None:
    """The linear search finds a sign exactly when a backtracking one does."""
    lowered = text.lower()
    first, then = "first", "then"
    plain = (rf"{first}.*?{then}", r"step\s*\d", r"\d+\.\s", r"[a-z]\)\s")
    expected = any(re.search(pattern, lowered, re.IGNORECASE) for pattern in plain)
    assert bool(evidence(text, "multiStepPatterns")) is expected


def test_no_other_sign_counts_as_a_latin_letter() -> None:
    """Of all lower-case signs, only the dotless i and the long s pass for a Latin letter."""
    latin = re.compile(r"[a-z]", re.IGNORECASE)
    everything = "".join(map(chr, range(0x80, sys.maxunicode + 1))).lower()
    assert {sign for sign in latin.findall(everything) if not sign.isascii()} == {"\u0131", "\u017f"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the api", ("api",)),
        ("the API's", ("api",)),
        ("capital apis api_key", ()),
        ("git-merge", ("git", "merge")),
        ("my pull requests", ("pull request",)),
    ],
)
def test_a_word_matches_whole_and_a_phrase_anywhere(text: str, found: tuple[str, ...]) -> None:
    """Word boundaries guard single words; phrases match inside longer words."""
    assert evidence(text, "codePresence") == found


def test_keywords_with_signs_or_without_spaces_match_by_their_own_rules() -> None:
    """Signs need a boundary on both sides; scripts without spaces have none to need."""
    settings = ComplexitySettings(code_keywords=("what's", "c++", "发票", "Straße"))
    assert evidence("What's 我需要开发票 c++x C++ straße", "codePresence", settings) == (
        "what's",
        "c++",
        "发票",
        "straße",
    )
    assert evidence("whats what'so c++ strasse", "codePresence", settings) == ()


def test_a_keyword_listed_twice_counts_twice() -> None:
    """As in LiteLLM, repeating a word in the list makes one find enough for the full value."""
    settings = ComplexitySettings(code_keywords=("Gate", "gate"))
    assert score("the gate " + EVEN, settings).score == 0.3


def test_an_empty_list_means_the_default_words() -> None:
    """`code_keywords: []` switches nothing off."""
    settings = ComplexitySettings(code_keywords=(), reasoning_keywords=(), technical_keywords=(), simple_keywords=())
    text = "def memory cpu infer hello"
    assert score(text, settings) == score(text, DEFAULTS)


def test_custom_technical_words_are_added_once() -> None:
    """They join the technical list unless it has them, whatever their case."""
    settings = ComplexitySettings(custom_technical_keywords=("CPU", "Forklift", "forklift"))
    assert evidence("cpu forklift", "technicalTerms", settings) == ("cpu", "forklift")


def test_weights_by_name_leave_the_unnamed_without_weight() -> None:
    """A `dimension_weights` block replaces all seven, as in LiteLLM."""
    assert DimensionWeights.from_names({"codePresence": 0.4}) == DimensionWeights(
        token_count=0.0,
        code_presence=0.4,
        reasoning_markers=0.0,
        technical_terms=0.0,
        simple_indicators=0.0,
        multi_step_patterns=0.0,
        question_complexity=0.0,
    )


def test_boundaries_and_thresholds_can_be_moved() -> None:
    """The settings, not constants, decide."""
    settings = ComplexitySettings(
        boundaries=TierBoundaries(simple_medium=-0.2, medium_complex=-0.1, complex_reasoning=0.0),
        token_thresholds=TokenThresholds(simple=0, complex=0),
    )
    assert score("hello", settings).tier is Tier.REASONING


RULES = ComplexitySettings(
    keyword_tier_rules=(
        KeywordTierRule(keywords=(" ", "Prove"), tier=Tier.REASONING),
        KeywordTierRule(keywords=("hello",), tier=Tier.SIMPLE),
    )
)


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ("hello, prove it", KeywordTier(tier=Tier.REASONING, keyword="prove")),
        ("Hello", KeywordTier(tier=Tier.SIMPLE, keyword="hello")),
        ("improve a lot", None),
    ],
)
def test_the_highest_keyword_rule_settles_the_tier(text: str, settled: KeywordTier | None) -> None:
    """The order of the rules does not matter; a blank keyword matches nothing."""
    assert keyword_tier(text, RULES) == settled


def test_without_rules_nothing_is_settled() -> None:
    """The scorer decides then."""
    assert keyword_tier("prove it", DEFAULTS) is None


@pytest.mark.parametrize(
    "words",
    [
        vocabulary.CODE_KEYWORDS,
        vocabulary.REASONING_KEYWORDS,
        vocabulary.SIMPLE_KEYWORDS,
        vocabulary.TECHNICAL_KEYWORDS,
    ],
)
def test_the_vocabulary_is_sorted_and_lower_case(words: tuple[str, ...]) -> None:
    """So that a change of it is easy to see."""
    assert list(words) == sorted({word.lower() for word in words})


@given(st.text())
def test_any_text_has_a_score_within_range(text: str) -> None:
    """Nothing raises, and the default weights bound the score."""
    result = score(text, DEFAULTS)
    assert -0.15 - 1e-9 <= result.score <= 0.925 + 1e-9
    assert result.score == pytest.approx(sum(seen.points for seen in result.contributions))


@pytest.mark.parametrize("unit", ["first ", "1", "step ", "a)", "then. ", "what's", "é ", "\u017f\u0131"])
def test_no_text_makes_it_slow(unit: str) -> None:
    """A megabyte of what backtracking hates takes well under CPU seconds (a quadratic search takes minutes)."""
    text = unit * (1_000_000 // len(unit))
    begun = time.process_time()
    score(text, DEFAULTS)
    assert time.process_time() - begun < 5
