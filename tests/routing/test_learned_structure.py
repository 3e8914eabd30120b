"""Each figure of an ask's shape counts what its name says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import expm1

import pytest

from pointsman.routing.learned.structure import FIGURES, figures
from pointsman.routing.learned.text import Reading


def shape(
    ask: str,
    ranks: Sequence[float] = (),
    *,
    unknown: int = 0,
    tools: int = 0,
    turns: int = 1,
    in_loop: bool = False,
) -> dict[str, float]:
    """The figures of *ask* by name; what begins with a fence is pasted."""
    words = re.findall(r"[^\W\d_]+|\d+|[^\w\s]", ask.lower())
    reading = Reading(seen=ask, instruction=ask.partition("```")[0], words=words, chars=len(ask))
    found = figures(
        reading,
        ranks,
        distinct=len(set(reading.words)),
        unknown=unknown,
        tools=tools,
        turns=turns,
        in_loop=in_loop,
    )
    return dict(zip(FIGURES, found, strict=True))


def test_every_figure_has_a_name_of_its_own() -> None:
    """The weights go by their order."""
    assert len(set(FIGURES)) == len(FIGURES) == len(shape(""))


@pytest.mark.parametrize(
    ("name", "ask", "count"),
    [
        ("chars", "four", 4),
        ("chars", "東京", 4),
        ("words", "one two three", 3),
        ("words", "", 1),
        ("instruction_chars", "four", 4),
        ("pasted_chars", "four", 0),
        ("pasted_chars", "Why?\n```" + "x" * 700 + "```", 706),
        ("lines", "a\nb\nc", 2),
        ("paragraphs", "a\n\nb\n\nc", 2),
        ("sentences", "One. Two.\nThree. 四。", 4),
        ("bullets", "Do:\n- this\n* that\n1. one\n2. two\n3. three", 5),
        ("questions", "What? Really?\uff1f", 3),
        ("exclamations", "Now! Now!", 2),
        ("commas", "a, b\uff0c c\u3001 d", 3),
        ("colons", "a: b: c", 2),
        ("semicolons", "a; b", 1),
        ("quotes", '"so" it\'s “so', 4),
        ("conjunctions", "this and that or those", 2),
        ("conditions", "ask if each a must b such that c", 4),
        ("digits", "7 and 42, or 2x", 4),
        ("digits", "no number at all", 0),
        ("numbers", "7 and 1,042.5", 2),
        ("units", "5 kg for $3 or 20%", 3),
        ("operators", "1 + 2 * 3 / 4 < 5 ^ 6", 5),
        ("latex", "$\\frac{1}{2}$", 3),
        ("brackets", "(a) [b] {c}", 3),
        ("code_signs", "my_name = f(); if (a == b): x -> y", 5),
        ("fences", "`a` and ```b```", 10),
        ("indents", "\tx\n    y", 2),
        ("equals", "a = b == c", 3),
        ("answers", "What?\nAnswer: 4\nQ: more", 2),
        ("blanks", "fill __ in ...", 2),
        ("formats", "as JSON, a table, Markdown or CSV", 4),
        ("limits", "at least 1, at most 2, exactly 3, without lies", 4),
        ("long_words", "short considerably extraordinary", 2),
        ("very_long_words", "short considerably extraordinary", 2),
        ("names", "in Paris with Anna", 2),
    ],
)
def test_a_count_is_taken_as_its_logarithm(name: str, ask: str, count: int) -> None:
    """ln(1 + n), so that ten and twelve are nearly the same."""
    assert expm1(shape(ask)[name]) == pytest.approx(count)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        ("a 500-word essay", 500),
        ("write 1,200 words", 1_200),
        ("two or 3 pages", 900),
        ("in 2 paragraphs", 160),
        ("in 3 sentences", 54),
        ("4 chapters", 6_000),
        ("10 lines", 90),
        ("at 10 o'clock", 0),
        ("a long essay", 0),
    ],
)
def test_the_length_that_is_asked_for_is_read(ask: str, words: int) -> None:
    """In words, whatever unit it is said in."""
    assert expm1(shape(ask)["wanted_words"]) == pytest.approx(words)


def test_choices_are_lines_that_begin_with_letters() -> None:
    """As in a question with answers to choose from."""
    assert shape("Which?\nA) one\nB) two")["choices"] == 1.0
    assert shape("Which?\nA) one")["choices"] == 0.0


def test_shares_and_means_are_taken_as_they_are() -> None:
    """Words that are repeated, unknown ones, and how long words are."""
    found = shape("tell tell me me", unknown=1)
    assert (found["unlike_words"], found["unknown_share"], expm1(found["unknown_words"])) == (0.5, 0.25, 1.0)
    assert found["mean_word_chars"] == pytest.approx(3 / 5)
    assert shape("")["mean_word_chars"] == 0.0


def test_rarity_is_the_mean_rank_of_the_known_words_and_of_the_three_rarest() -> None:
    """Nothing known is nothing rare."""
    found = shape("a b c d", [4.0, 1.0, 2.0, 3.0])
    assert (found["rarity"], found["rarest"]) == (2.5, 3.0)
    none = shape("zzyzx")
    assert (none["rarity"], none["rarest"]) == (0.0, 0.0)


def test_scripts_are_shares_of_the_characters() -> None:
    """East Asian ones apart from all that are not ASCII; capitals in hundredths."""
    found = shape("東京 ну")
    assert (found["east_asian"], found["foreign"]) == (0.4, 0.8)
    assert (shape("plain")["east_asian"], shape("plain")["foreign"]) == (0.0, 0.0)
    assert expm1(shape("ABcd")["capitals"]) == pytest.approx(50)


def test_the_conversation_counts_as_well() -> None:
    """Tools that are offered, turns, and whether an agent is at work."""
    found = shape("go on", tools=3, turns=5, in_loop=True)
    assert [expm1(found["tools"]), expm1(found["turns"]), found["in_tool_loop"]] == pytest.approx([3, 5, 1])
    assert shape("go on")["in_tool_loop"] == 0.0
