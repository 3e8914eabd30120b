"""The instruction is told from what is pasted, and of a long text only so much is looked at."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pointsman.routing.learned.text import HEAD_CHARS, PARAGRAPH_CHARS, TAIL_CHARS, Reading, read

CODE = "```python\n" + "value = compute(other)\n" * 40 + "```"
PASTED = "\n\n".join(["Lorem ipsum dolor sit amet. " * 10] * 3)


def test_a_short_ask_is_its_own_instruction() -> None:
    """Its words in small letters: letters, digits and signs apart."""
    assert read("What's 2x + 10?") == Reading(
        seen="What's 2x + 10?",
        instruction="What's 2x + 10?",
        words=["what", "'", "s", "2", "x", "+", "10", "?"],
        chars=15,
    )


def test_nothing_is_nothing() -> None:
    """An empty text has no words."""
    assert read("") == Reading(seen="", instruction="", words=[], chars=0)


def test_code_between_fences_is_pasted() -> None:
    """It is looked at for its shape, and its words are not the person's."""
    found = read(f"Why is this slow?\n{CODE}\nBe brief.")
    assert found.instruction == "Why is this slow?\n\n\n\nBe brief."
    assert found.words == ["why", "is", "this", "slow", "?", "be", "brief", "."]
    assert "compute" in found.seen


def test_a_single_fence_encloses_nothing() -> None:
    """Somebody forgot the other one: the text is taken as it is."""
    text = f"Why is this slow?\n{CODE.removesuffix('```')}END"
    assert read(text).instruction == text


def test_paragraphs_between_the_first_and_the_last_are_pasted() -> None:
    """A question stands before or after what it is about."""
    found = read(f"Summarize this letter.\n\n{PASTED}\n\n\n\nIn one sentence.")
    assert found.instruction == "Summarize this letter.\nIn one sentence."


def test_two_paragraphs_hold_nothing_pasted() -> None:
    """However long they are."""
    text = "\n\n".join(PASTED.split("\n\n")[:2]) + " End." * 40
    assert read(text).instruction == text


def test_short_paragraphs_are_all_the_persons_own() -> None:
    """A list of wishes is no pasted letter."""
    text = "One wish.\n\nAnother wish.\n\nA third wish."
    assert read(text).instruction == text


def test_short_paragraphs_around_long_code_are_all_the_persons_own() -> None:
    """What counts is how long the text is without the code."""
    found = read(f"One wish.\n\n{CODE}\n\nAnother wish.\n\nA third wish.")
    assert found.words == ["one", "wish", ".", "another", "wish", ".", "a", "third", "wish", "."]


def test_of_the_first_and_the_last_paragraph_so_much_is_read() -> None:
    """The beginning of the first, the end of the last."""
    found = read("a" * 1_000 + "\n\nmiddle\n\n" + "z" * 1_000)
    assert found.instruction == "a" * PARAGRAPH_CHARS + "\n" + "z" * PARAGRAPH_CHARS


def test_of_a_long_text_the_beginning_and_the_end_are_looked_at() -> None:
    """Its length is still known."""
    found = read("a" * 3_000 + "b" * 3_000 + "c" * 3_000)
    assert found.seen == "a" * HEAD_CHARS + "\n\n" + "c" * TAIL_CHARS
    assert found.chars == 9_000


def test_east_asian_characters_are_words_one_by_one() -> None:
    """Latin words among them stay whole; other scripts have words."""
    assert read("用Python写个函数").words == ["用", "python", "写", "个", "函", "数"]
    assert read("Привет, мир").words == ["привет", ",", "мир"]


def test_characters_that_mean_the_same_are_the_same() -> None:
    """Ligatures and full-width letters, as some keyboards make them."""
    assert read("ﬁnd \uff21\uff22\uff23").words == ["find", "abc"]


@given(st.text(alphabet="a`\n. é東", max_size=9_000))
def test_what_is_read_is_bounded_whatever_is_sent(text: str) -> None:
    """More than two bounds' worth is never looked at."""
    found = read(text)
    assert len(found.seen) <= HEAD_CHARS + TAIL_CHARS + 2
    assert len(found.instruction) <= len(found.seen)
    assert found.chars == len(text)
