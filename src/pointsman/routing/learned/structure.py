"""Some fifty figures about the shape of an ask: how long, how many numbers, constraints, signs of code, rare words.

Counts are taken as ln(1 + n). The order of FIGURES is that of the trained weights.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from math import log1p
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.routing.learned.text import Reading

FIGURES: Final = (
    *("chars", "words", "instruction_chars", "pasted_chars", "lines", "paragraphs", "sentences", "bullets"),
    *("questions", "exclamations", "commas", "colons", "semicolons", "quotes", "conjunctions", "conditions"),
    *("digits", "numbers", "units", "operators", "latex", "brackets", "code_signs", "fences", "indents", "equals"),
    *("choices", "answers", "blanks", "wanted_words", "formats", "limits"),
    *("mean_word_chars", "long_words", "very_long_words", "unlike_words", "unknown_words", "unknown_share"),
    *("rarity", "rarest", "names", "capitals", "east_asian", "foreign"),
    *("tools", "turns", "in_tool_loop"),
)

_NUMBERS: Final = re.compile(r"\d[\d,.]*")
_UNIT_NAMES: Final = "%|kg|km|cm|mm|mph|hours?|minutes?|days?|years?|dollars?"
_UNITS: Final = re.compile(rf"\d\s?(?:{_UNIT_NAMES})\b")
_SIGNS: Final = ("\u20ac", "\u00a3", "\u00a5", "\u00b0")  # of money and degrees
_WANTED_UNITS: Final = r"(words?|pages?|paragraphs?|sentences?|chapters?|lines?)\b"
_WANTED: Final = re.compile(rf"(\d[\d,]{{0,6}})[- ]?{_WANTED_UNITS}")
# In ASCII whose digits are all written 0, a search has a character to look for, and takes a quarter of the time.
_ZEROS: Final = bytes.maketrans(b"123456789", b"0" * 9)
_ZERO_NUMBERS: Final = re.compile(rb"0[0,.]*")
_ZERO_UNITS: Final = re.compile(rf"0\s?(?:{_UNIT_NAMES})\b".encode())
_ZERO_WANTED: Final = re.compile(rf"(0[0,]{{0,6}})[- ]?{_WANTED_UNITS}".encode())
_KINDS_OF_CHARACTERS: Final = bytes.maketrans(
    bytes(range(65, 91)) + bytes(range(97, 123)) + bytes(range(48, 58)), b"A" * 26 + b"a" * 26 + b"0" * 10
)
_EAST_ASIAN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
_ASCII: Final = re.compile(r"[\x00-\x7f]")
_WORDS_IN: Final = {"w": 1.0, "pag": 300.0, "par": 80.0, "s": 18.0, "c": 1500.0, "l": 9.0}
_LONG, _VERY_LONG = 8, 11
_RAREST = 3

# places in the table of how often each byte is there
_TAB, _LINE, _EXCLAMATION, _DOUBLE_QUOTE, _DOLLAR, _PERCENT, _QUOTE = b"\t\n!\"$%'"
_OPEN, _CLOSE, _STAR, _PLUS, _COMMA, _MINUS, _POINT, _SLASH = b"()*+,-./"
_COLON, _SEMICOLON, _LESS, _EQUALS, _QUESTION, _SQUARE, _BACKSLASH, _CARET = b":;<=?[\\^"
_UNDERSCORE, _BACKTICK, _CURLY = b"_`{"


def figures(
    reading: Reading,
    ranks: Sequence[float],
    *,
    distinct: int,
    unknown: int,
    tools: int,
    turns: int,
    in_loop: bool,
) -> list[float]:
    """The FIGURES of an ask of so many *distinct* words: *ranks* are ln(1 + rank) of the known, *unknown* are not.

    What can't be there, as one of its characters isn't, is not looked for.
    """
    text, words = reading.seen, reading.words
    count, low = text.count, text.lower()
    encoded = text.encode("utf-8", "replace")
    of: list[int] = np.bincount(np.frombuffer(encoded, np.uint8), minlength=128).tolist()
    drawn = encoded.translate(_KINDS_OF_CHARACTERS)  # Abc 1 -> Aaa 0
    lines, digits = of[_LINE], drawn.count(b"0")
    is_ascii = text.isascii()
    numbers, units, wanted = _about_numbers(text, low, is_ascii=is_ascii) if digits else (0, 0, 0.0)
    foreign = 0 if is_ascii else len(text) - len(_ASCII.findall(text))
    n_words = len(words) or 1
    return [
        log1p(reading.chars + foreign),
        log1p(n_words),
        log1p(len(reading.instruction)),
        log1p(max(0, reading.chars - len(reading.instruction))),
        log1p(lines),
        log1p(count("\n\n")) if lines > 1 else 0.0,
        log1p((count(". ") + count(".\n") if of[_POINT] else 0) + (0 if is_ascii else count("\u3002"))),
        log1p(count("\n- ") + count("\n* ") + count("\n1") + count("\n2") + count("\n3")) if lines else 0.0,
        log1p(of[_QUESTION] if is_ascii else count("?") + count("\uff1f")),
        log1p(of[_EXCLAMATION]),
        log1p(of[_COMMA] + (0 if is_ascii else count("\uff0c") + count("\u3001"))),
        log1p(of[_COLON]),
        log1p(of[_SEMICOLON]),
        log1p(of[_DOUBLE_QUOTE] + of[_QUOTE] + (0 if is_ascii else count("“"))),
        log1p(low.count(" and ") + low.count(" or ")),
        log1p(low.count(" if ") + low.count(" must ") + low.count(" each ") + low.count(" such that ")),
        log1p(digits),
        log1p(numbers),
        log1p(of[_DOLLAR] + of[_PERCENT] + (0 if is_ascii else sum(map(count, _SIGNS))) + units),
        log1p(of[_PLUS] + of[_STAR] + of[_SLASH] + of[_LESS] + of[_CARET]),
        log1p(of[_BACKSLASH] + of[_DOLLAR]),
        log1p(of[_OPEN] + of[_SQUARE] + of[_CURLY]),
        log1p(
            of[_UNDERSCORE]
            + (count("();") + count("):") if of[_CLOSE] else 0)
            + (count("->") if of[_MINUS] else 0)
            + (count("==") if of[_EQUALS] else 0)
        ),
        log1p(count("```") + of[_BACKTICK]) if of[_BACKTICK] else 0.0,
        log1p(count("    ") + of[_TAB]),
        log1p(of[_EQUALS]),
        1.0 if lines and "\na" in low and "\nb" in low else 0.0,
        log1p(low.count("answer:") + low.count("\nq:")) if of[_COLON] else 0.0,
        log1p((count("__") if of[_UNDERSCORE] else 0) + (count("...") if of[_POINT] else 0)),
        wanted,
        log1p(low.count("json") + low.count("table") + low.count("markdown") + low.count("csv")),
        log1p(low.count("at least") + low.count("at most") + low.count("exactly") + low.count("without ")),
        *_of_words(words, ranks, distinct, unknown),
        log1p(drawn.count(b"a Aa") + drawn.count(b", Aa") + drawn.count(b"; Aa")),
        log1p(drawn.count(b"A") / (len(text) or 1) * 100),
        0.0 if is_ascii else len(_EAST_ASIAN.findall(text)) / (len(text) or 1),
        foreign / (len(text) or 1),
        log1p(tools),
        log1p(turns),
        1.0 if in_loop else 0.0,
    ]


def _of_words(words: Sequence[str], ranks: Sequence[float], distinct: int, unknown: int) -> tuple[float, ...]:
    """The figures from the mean length of a word to the rarest."""
    lengths = sorted(map(len, words))
    del lengths[: bisect_left(lengths, 2)]
    n_words = len(words) or 1
    in_order = sorted(ranks)
    rarest = in_order[-_RAREST:] or [0.0]
    return (
        sum(lengths) / (len(lengths) or 1) / 5,
        log1p(len(lengths) - bisect_right(lengths, _LONG)),
        log1p(len(lengths) - bisect_right(lengths, _VERY_LONG)),
        distinct / n_words,
        log1p(unknown),
        unknown / n_words,
        sum(in_order) / (len(in_order) or 1),
        sum(rarest) / len(rarest),
    )


def _about_numbers(text: str, low: str, *, is_ascii: bool) -> tuple[int, int, float]:
    """How many numbers there are, how many with a unit, and the length that is asked for (see `_wanted_words`)."""
    if not is_ascii:
        return len(_NUMBERS.findall(text)), len(_UNITS.findall(text)), _wanted_words(_WANTED.search(low), low)
    zeros, low_zeros = (one.encode().translate(_ZEROS) for one in (text, low))
    wanted = _wanted_words(_ZERO_WANTED.search(low_zeros), low)
    return len(_ZERO_NUMBERS.findall(zeros)), len(_ZERO_UNITS.findall(zeros)), wanted


def _wanted_words(found: re.Match[str] | re.Match[bytes] | None, low: str) -> float:
    """ln(1 + words) of the length that the text asks for, such as 6.2 for "a 500-word essay"; 0 where it asks none."""
    if found is None:
        return 0.0
    number, unit = low[slice(*found.span(1))], low[slice(*found.span(2))]
    each = next(words for start, words in _WORDS_IN.items() if unit.startswith(start))
    return log1p(float(number.replace(",", "") or 0) * each)
