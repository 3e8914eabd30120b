"""Greetings and thanks are taken off an ask, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.routing.learned.courtesy import MOST_SENTENCES, without_courtesies
from pointsman.routing.learned.text import read


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Hello! Prove it. Thanks a lot!", "Prove it."),
        ("Hi there.\nI hope you are well.\nProve it.", "Prove it."),
        ("Guten Morgen! Beweise es. Vielen Dank im Voraus!", "Beweise es."),
        ("你好！证明它。谢谢！", "证明它。"),
        ("Prove it. Thanks", "Prove it."),
    ],
)
def test_sentences_of_courtesies_alone_go(text: str, kept: str) -> None:
    """At both ends, in several languages."""
    assert without_courtesies(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello!",
        "Hello! Thanks!",
        "Prove it.",
        "Hello world, prove it.",
        "Prove it. Thanks to whom?",
        "Compute:\n17 * 23",
        "2 + 2 = ?\nSay why it is so.",
        "Is this right?\n4,096.",
    ],
)
def test_all_else_stays(text: str) -> None:
    """A courtesy that is all there is; a sentence with anything else in it; a sum, which has no words at all."""
    assert without_courtesies(text) == text


def test_only_so_many_courtesies_are_looked_for() -> None:
    """Time is bounded whatever somebody sends."""
    many = "Hello! " * 20
    assert without_courtesies(f"{many}Prove it.").count("Hello!") == 20 - MOST_SENTENCES
    assert without_courtesies("Prove it." + " Thanks!" * 20).count("Thanks!") == 20 - MOST_SENTENCES


def test_an_ask_is_read_without_its_courtesies() -> None:
    """Its length is still that of the whole."""
    found = read("Hello! Prove it. Thanks!")
    assert (found.instruction, found.words, found.chars) == ("Prove it.", ["prove", "it", "."], 24)


@given(st.text(alphabet="hi .!?\n1Hx", max_size=400))
def test_what_is_left_is_part_of_the_text(text: str) -> None:
    """Never nothing where there was something."""
    kept = without_courtesies(text)
    assert kept in text
    assert bool(kept) == bool(text)
