"""Dimensions of one's own add to the score, and a pattern that could take long never gets in."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.errors import ConfigError
from pointsman.routing.complexity import ComplexitySettings, Contribution, CustomDimension, CustomScoring, score
from pointsman.routing.complexity.custom import SCANNED_CHARS
from pointsman.routing.complexity.pattern_cost import MAX_WORK, pattern_problem


def own(dimension: CustomDimension, text: str) -> tuple[Contribution, ...]:
    """What *dimension* contributes in *text*."""
    return score(text, ComplexitySettings(custom_dimensions=(dimension,))).contributions[7:]


def test_one_find_gives_a_binary_dimension_its_full_value() -> None:
    """It is listed after the seven, and not at all when nothing was found."""
    ops = CustomDimension(name="ops", weight=0.2, keywords=("Outage",), patterns=(r"sev-[0-4]",))
    assert own(ops, "an OUTAGE") == (Contribution("ops", 1.0, 0.2, ("outage",)),)
    assert own(ops, "a SEV-1") == (Contribution("ops", 1.0, 0.2, ("sev-[0-4]",)),)
    assert own(ops, "a fine day") == ()


def test_a_counting_dimension_needs_two_different_finds() -> None:
    """One find is half; the same word twice is still one."""
    ops = CustomDimension(
        name="ops",
        weight=0.2,
        keywords=("outage", "OUTAGE", "pager"),
        patterns=("sev",),
        scoring=CustomScoring.MATCH_COUNT,
    )
    assert [seen.value for seen in own(ops, "outage outage")] == [0.5]
    assert [seen.value for seen in own(ops, "outage, pager, sev")] == [1.0]
    assert [seen.value for seen in own(ops, "outage, sev")] == [1.0]


def test_a_custom_dimension_moves_the_score() -> None:
    """Its points are added to the seven."""
    ops = CustomDimension(name="ops", weight=0.2, keywords=("outage",))
    assert score("an outage", ComplexitySettings(custom_dimensions=(ops,))).score == pytest.approx(0.1)


def test_patterns_see_the_beginning_only() -> None:
    """Keywords are looked for everywhere."""
    dimension = CustomDimension(name="late", weight=0.1, patterns=("pager",))
    assert own(dimension, " " * SCANNED_CHARS + "pager") == ()
    assert own(dimension, " " * (SCANNED_CHARS - 5) + "pager") != ()


@pytest.mark.parametrize("keywords", [(), (" ",), ("x",) * 33])
def test_no_matcher_a_blank_one_or_too_many_are_refused(keywords: tuple[str, ...]) -> None:
    """The message names the dimension and the limit."""
    with pytest.raises(ConfigError, match=r"'ops' has \d+ keywords and patterns, or a blank one\. Give it 1 to 32"):
        CustomDimension(name="ops", weight=0.1, keywords=keywords)


def test_a_costly_pattern_is_refused_by_name() -> None:
    """The message shows the pattern, the reason and a way out."""
    with pytest.raises(ConfigError) as refusal:
        CustomDimension(name="ops", weight=0.1, patterns=("(a+)+b",))
    assert str(refusal.value) == (
        "The custom dimension 'ops' has a pattern that is refused: '(a+)+b' repeats without a bound. "
        "Use bounded repetitions of single characters or classes, such as [0-9]{1,8}."
    )
    assert refusal.value.param == "custom_dimensions.ops.patterns"


@pytest.mark.parametrize(
    "pattern",
    [
        "plain",
        r"\bv[0-9]{1,3}\.x?$",
        "(?:rain|snow|hail)s?",
        r"(?P<verb>fix|mend) [^\]]{1,8}",
        r"[]x][^]\]]{2}",
        "a{,3}b??",
        "curly {brace} {",
        r"\(literal\) \* \+",
        "a|",
    ],
)
def test_a_bounded_pattern_is_accepted(pattern: str) -> None:
    """Literals, classes, groups, alternation and bounded repetitions."""
    assert pattern_problem(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a*", "repeats without a bound"),
        ("a+?", "repeats without a bound"),
        ("a{2,}", "repeats without a bound"),
        ("(ab){2}", "repeats a group"),
        ("a{1,65}", "repeats more than 64 times"),
        ("(?=a)", "repeats without a bound, looks around, refers back or sets a flag"),
        ("(?i)a", "repeats without a bound, looks around, refers back or sets a flag"),
        (r"(a)\1", "repeats without a bound, looks around, refers back or sets a flag"),
        ("(" * 16 + "a" + ")" * 16, "nests deeper than 15 groups"),
        ("a{0,64}a{0,64}b", f"could take 12739 steps at one position, more than {MAX_WORK}"),
        ("x" * 257, "is longer than 256 characters"),
    ],
)
def test_an_unbounded_or_costly_pattern_says_why(pattern: str, reason: str) -> None:
    """Each refusal has its own words."""
    assert pattern_problem(pattern) == reason


def test_all_patterns_together_have_a_budget() -> None:
    """Several dimensions, each within its own, are refused when their sum is too much for every prompt."""
    costly = "[ab]{0,40}" + "x" * 20
    dimensions = tuple(CustomDimension(name=f"d{n}", weight=0.1, patterns=(costly,)) for n in range(9))
    assert len(ComplexitySettings(custom_dimensions=dimensions[:8]).lexicons.custom) == 8
    with pytest.raises(ConfigError, match=r"The patterns of all custom dimensions could take 9189 steps"):
        ComplexitySettings(custom_dimensions=dimensions)


def test_what_is_no_pattern_says_where_it_breaks() -> None:
    """The regular expression's own error is passed on."""
    assert pattern_problem("(a") == ("is not a regular expression (missing ), unterminated subpattern at position 0)")


PIECES = [
    "a",
    "[ab]",
    ".",
    "(?:",
    "(",
    ")",
    "|",
    "?",
    "{0,8}",
    "{3}",
    "{1,20}",
    "??",
    r"\b",
    r"\w",
    "b",
    "{",
    "*",
    "{2,}",
]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_an_accepted_pattern_is_quick_on_the_worst_text(pattern: str) -> None:
    """Whatever passes the check finishes on a text made to backtrack."""
    if pattern_problem(pattern) is None:
        begun = time.process_time()
        re.search(f"(?:{pattern})\x00", "ab" * 20 + "a" * (SCANNED_CHARS - 40), re.IGNORECASE)
        assert time.process_time() - begun < 2
