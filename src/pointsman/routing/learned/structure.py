"""Some fifty figures about the shape of an ask: how long, how many numbers, constraints, signs of code, rare words.

Counts are taken as ln(1 + n). The order of FIGURES is that of the trained weights.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from math import log1p
from typing import TYPE_CHECKING, Final

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
_UNITS: Final = re.compile(r"\d\s?(?:%|kg|km|cm|mm|mph|hours?|minutes?|days?|years?|dollars?)\b")
_SIGNS: Final = ("$", "\u20ac", "\u00a3", "\u00a5", "%", "\u00b0")  # of money, shares and degrees
_WANTED: Final = re.compile(r"(\d[\d,]{0,6})[- ]?(words?|pages?|paragraphs?|sentences?|chapters?|lines?)\b")
_KINDS_OF_CHARACTERS: Final = bytes.maketrans(
    bytes(range(65, 91)) + bytes(range(97, 123)) + bytes(range(48, 58)), b"A" * 26 + b"a" * 26 + b"0" * 10
)
_EAST_ASIAN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
_ASCII: Final = re.compile(r"[\x00-\x7f]")
_WORDS_IN: Final = {"w": 1.0, "pag": 300.0, "par": 80.0, "s": 18.0, "c": 1500.0, "l": 9.0}
_LONG, _VERY_LONG = 8, 11
_RAREST = 3


def figures(
    reading: Reading, ranks: Sequence[float], *, unknown: int, tools: int, turns: int, in_loop: bool
) -> list[float]:
    """The FIGURES of an ask. *ranks* are ln(1 + rank) of its known words, *unknown* how many are not."""
    text, words = reading.seen, reading.words
    count, low, lines = text.count, text.lower(), text.count("\n")
    n_words = len(words) or 1
    drawn = text.encode("utf-8", "replace").translate(_KINDS_OF_CHARACTERS)  # Abc 1 -> Aaa 0
    digits = drawn.count(b"0")
    lengths = sorted(map(len, words))
    del lengths[: bisect_left(lengths, 2)]
    n_alphabetic = len(lengths) or 1
    is_ascii = text.isascii()
    foreign = 0 if is_ascii else len(text) - len(_ASCII.findall(text))
    east_asian = 0 if is_ascii else len(_EAST_ASIAN.findall(text))
    sorted_ranks = sorted(ranks)
    rarest = sorted_ranks[-_RAREST:] or [0.0]
    brackets = count("(")
    equals = count("=")
    return [
        log1p(reading.chars + foreign),
        log1p(n_words),
        log1p(len(reading.instruction)),
        log1p(max(0, reading.chars - len(reading.instruction))),
        log1p(lines),
        log1p(count("\n\n")),
        log1p(count(". ") + count(".\n") + count("\u3002")),
        log1p(count("\n- ") + count("\n* ") + count("\n1") + count("\n2") + count("\n3")) if lines else 0.0,
        log1p(count("?") + count("\uff1f")),
        log1p(count("!")),
        log1p(count(",") + count("\uff0c") + count("\u3001")),
        log1p(count(":")),
        log1p(count(";")),
        log1p(count('"') + count("“") + count("'")),
        log1p(low.count(" and ") + low.count(" or ")),
        log1p(low.count(" if ") + low.count(" must ") + low.count(" each ") + low.count(" such that ")),
        log1p(digits),
        log1p(len(_NUMBERS.findall(text))) if digits else 0.0,
        log1p(sum(map(count, _SIGNS)) + (len(_UNITS.findall(text)) if digits else 0)),
        log1p(count("+") + count("*") + count("/") + count("<") + count("^")),
        log1p(count("\\") + count("$")),
        log1p(brackets + count("[") + count("{")),
        log1p(count("_") + count("();") + count("):") + count("->") + count("==")),
        log1p(count("```") + count("`")),
        log1p(count("    ") + count("\t")),
        log1p(equals),
        1.0 if "\na" in low and "\nb" in low else 0.0,
        log1p(low.count("answer:") + low.count("\nq:")),
        log1p(count("__") + count("...")),
        _wanted_words(low) if digits else 0.0,
        log1p(low.count("json") + low.count("table") + low.count("markdown") + low.count("csv")),
        log1p(low.count("at least") + low.count("at most") + low.count("exactly") + low.count("without ")),
        sum(lengths) / n_alphabetic / 5,
        log1p(len(lengths) - bisect_right(lengths, _LONG)),
        log1p(len(lengths) - bisect_right(lengths, _VERY_LONG)),
        len(set(words)) / n_words,
        log1p(unknown),
        unknown / n_words,
        sum(sorted_ranks) / (len(sorted_ranks) or 1),
        sum(rarest) / len(rarest),
        log1p(drawn.count(b"a Aa") + drawn.count(b", Aa") + drawn.count(b"; Aa")),
        log1p(drawn.count(b"A") / (len(text) or 1) * 100),
        east_asian / (len(text) or 1),
        foreign / (len(text) or 1),
        log1p(tools),
        log1p(turns),
        1.0 if in_loop else 0.0,
    ]


def _wanted_words(low: str) -> float:
    """ln(1 + words) of the length that the text asks for, such as 6.2 for "a 500-word essay"; 0 where it asks none."""
    found = _WANTED.search(low)
    if found is None:
        return 0.0
    unit = found[2]
    each = next(words for start, words in _WORDS_IN.items() if unit.startswith(start))
    return log1p(float(found[1].replace(",", "") or 0) * each)
