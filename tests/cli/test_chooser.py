"""A choice by number, arrow or word, and the keys that a terminal sends for them."""

from __future__ import annotations

import pytest

from pointsman.cli.chooser import BACK, DOWN, END, ENTER, UP, Chooser
from pointsman.cli.keys import keys_of
from pointsman.core.consent import Consent

KEEP, ONCE, SESSION, STOP = Consent


def after(*keys: str, marked: Consent = ONCE, barred: frozenset[Consent] = frozenset()) -> Consent | None:
    """The first answer that *keys* give."""
    chooser = Chooser(marked=marked, barred=barred)
    return next((answer for answer in map(chooser.press, keys) if answer is not None), None)


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (("1",), KEEP),
        (("2",), ONCE),
        (("3",), SESSION),
        (("4",), STOP),
        (("5",), None),
        (("0",), None),
        ((ENTER,), ONCE),
        ((UP, ENTER), KEEP),
        ((UP, UP, ENTER), STOP),
        ((DOWN, DOWN, DOWN, ENTER), KEEP),
        ((END,), STOP),
        ((*"keep", ENTER), KEEP),
        ((*"Keep Trying", ENTER), KEEP),
        ((*"once", ENTER), ONCE),
        ((*"this time", ENTER), ONCE),
        ((*"sess", ENTER), SESSION),
        ((*"session", ENTER), SESSION),
        ((*"st", ENTER), STOP),
        (("q", ENTER), STOP),
        ((*"stop",), None),
        (("s", ENTER), None),
        (("x", ENTER), None),
        (("x", ENTER, ENTER), ONCE),
        (("x", BACK, "4"), STOP),
        ((BACK, ENTER), ONCE),
        (("\t", ENTER), ONCE),
    ],
)
def test_a_digit_is_an_answer_at_once_and_a_word_with_enter(keys: tuple[str, ...], answer: Consent | None) -> None:
    """As much of a word as tells it from the others; what says nothing is forgotten at Enter."""
    assert after(*keys) is answer


@pytest.mark.parametrize("keys", [("1",), (*"keep", ENTER), (UP, ENTER)])
def test_what_is_barred_is_never_the_answer(keys: tuple[str, ...]) -> None:
    """Arrows pass over it."""
    assert after(*keys, barred=frozenset({KEEP})) in {None, STOP}


def test_no_word_grows_without_end() -> None:
    """A paste into the question is cut."""
    chooser = Chooser(marked=ONCE)
    for _ in range(1000):
        chooser.press("x")
    assert len(chooser.typed) == 20


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("2", ["2"]),
        ("\r", [ENTER]),
        ("\n", [ENTER]),
        ("\x1b[A", [UP]),
        ("\x1bOB", [DOWN]),
        ("\x1b[B\x1b[B\r", [DOWN, DOWN, ENTER]),
        ("\x7f\b", [BACK, BACK]),
        ("\x04", [END]),
        ("once\n", [*"once", ENTER]),
        ("\x1b[1;5C4", ["4"]),
        ("\x1b", []),
        ("\x1b[", []),
        ("\x00\x07é", ["é"]),
    ],
)
def test_what_a_terminal_sends_is_told_apart(text: str, keys: list[str]) -> None:
    """Several keys may come at once; sequences nobody asked for are left out whole."""
    assert list(keys_of(text)) == keys
