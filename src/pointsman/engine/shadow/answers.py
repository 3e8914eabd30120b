"""What a text comes to: its words without dress, and the short answer it gives or ends with.

A short answer is a number, a letter of a choice, yes or no, or the few words of a text that is nothing else.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import Final

MOST_WORDS: Final = 4
"""Of a text that is an answer as a whole."""
_LAST_CHARS: Final = 300
"""Of a longer text, where it may state its answer."""
_DRESS: Final = re.compile(r"[*_`#>~]+|\\(?:boxed|text|mathrm)\{|[{}$]|\\[()\[\]]")
_SPACE: Final = re.compile(r"\s+")
_WORD: Final = re.compile(r"\w+")
_NUMBER: Final = re.compile(r"[-+\u2212]?\d[\d,\u00a0\u202f]*(?:\.\d+)?%?")
_LETTER: Final = re.compile(r"\(?([a-j])\)?[.):]?")
_STATED: Final = re.compile(
    r"(?:####|\banswer(?:\s+is)?\s*[:=]?|\btherefore,?|\bantwort(?:\s+ist)?\s*:?|\br[eé]ponse\s*:|\brespuesta\s*:)"
    r"\s*:?\s*([^\n]{1,80})"
)
_YES_NO: Final = {"yes": "yes", "true": "yes", "correct": "yes", "no": "no", "false": "no", "incorrect": "no"}
_ENDS: Final = ".!?:;,\"'\u201c\u201d\u00ab\u00bb "


def normalised(text: str) -> str:
    """*text* in small letters, without marks of layout, with single spaces and no sign at its ends."""
    plain = _DRESS.sub("", unicodedata.normalize("NFKC", text)).lower()
    return _SPACE.sub(" ", plain).strip(_ENDS)


def final_answer(text: str) -> str | None:
    """The short answer that *text* gives, in one form for each; None where it gives none that can be told.

    "The answer is **42**." and "#### 42.0" are both "42"; "(B)" and "Answer: b) Rome" are both "b".
    """
    plain = normalised(text)
    if not plain:
        return None
    stated = [found[1] for found in _STATED.finditer(_lines(text)[-_LAST_CHARS:])]
    if stated:
        return _short(stated[-1].strip(_ENDS))
    if len(_WORD.findall(plain)) <= MOST_WORDS:
        return _short(plain) or plain
    first = plain.split(None, 1)[0].strip(_ENDS)
    return _YES_NO.get(first) if len(plain) <= _LAST_CHARS else None


def similarity(one: str, other: str) -> float | None:
    """The share of words, counted as often as they stand there, that both texts have; None when one has none.

    2 · |common| / (|one| + |other|) (Dice): "a b b" and "a b c" have 2 · 2 / 6 = 0.67.
    """
    counts = [Counter(_WORD.findall(normalised(text))) for text in (one, other)]
    total = sum(count.total() for count in counts)
    if not all(counts):
        return None
    return round(2 * (counts[0] & counts[1]).total() / total, 3)


def _lines(text: str) -> str:
    """*text* as `normalised` leaves it, but for its lines and for what is said by `####`."""
    kept = unicodedata.normalize("NFKC", text).lower().replace("####", "answer:")
    return _DRESS.sub("", kept).strip()


def _short(text: str) -> str | None:
    """The one form of a number, a letter or a yes that *text* begins with; None when it is none of them."""
    if (letter := _LETTER.match(text)) is not None and not _WORD.match(text[letter.end() : letter.end() + 1]):
        ends_there = letter.end() == len(text)
        if ends_there or letter.group(0) != letter.group(1):  # a bare "a" before other words is an article
            return letter[1]
    numbers = _NUMBER.findall(text)
    if len(numbers) == 1:
        return _number(numbers[0])
    first = text.split(None, 1)[0].strip(_ENDS) if text else ""
    return _YES_NO.get(first)


def _number(text: str) -> str:
    """*text* without marks between its digits, and without a fraction of noughts."""
    plain = re.sub(r"[,\u00a0\u202f+]", "", text).replace("\u2212", "-")
    mark = "%" if plain.endswith("%") else ""
    plain = plain.removesuffix("%")
    return (plain.rstrip("0").rstrip(".") if "." in plain else plain) + mark
