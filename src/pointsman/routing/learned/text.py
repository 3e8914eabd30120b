"""What of an ask is looked at: the instruction apart from what is pasted, in small letters, as words.

Everything is linear in the text, and of a long one only so much is looked at.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from pointsman.core.values import value_type
from pointsman.routing.learned.courtesy import without_courtesies

HEAD_CHARS: Final = 2_600
TAIL_CHARS: Final = 1_400
"""Of a longer text its beginning and its end: a question stands before or after what is pasted."""

PARAGRAPH_CHARS: Final = 700
"""In a text with something pasted, so much of its first and of its last paragraph is the instruction."""

_FENCE: Final = "```"
_MANY_PARAGRAPHS: Final = 3
_ROUND: Final = 600  # characters from which on a text of several paragraphs is taken to hold something pasted

_ASCII_WORDS: Final = re.compile(r"[a-z]+|[0-9]+|[!-/:-@\[-^`{-~]")
_APART: Final = {sign: (chr(sign), f" {chr(sign)} " if chr(sign) != "_" else " ") for sign in range(33, 127)}
_WORDS: Final = re.compile(r"[^\W\d_]+|\d+|[^\w\s]")
_EAST_ASIAN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_EAST_ASIAN_WORDS: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\d_\u3040-\u30ff\u3400-\u9fff]+|\d+|[^\w\s]")


@value_type
class Reading:
    """An ask as the classifier reads it."""

    seen: str  # what is looked at of the whole
    instruction: str  # of that, what is not pasted
    words: list[str]  # of the instruction, in small letters; East Asian characters one by one
    chars: int  # of the whole


def read(ask: str) -> Reading:
    """*ask*, with at most HEAD_CHARS + TAIL_CHARS of it looked at."""
    seen = ask if len(ask) <= HEAD_CHARS + TAIL_CHARS else f"{ask[:HEAD_CHARS]}\n\n{ask[-TAIL_CHARS:]}"
    seen = without_courtesies(seen)
    instruction = seen if len(seen) < _ROUND else _instruction(seen)
    return Reading(seen=seen, instruction=instruction, words=_words(instruction.lower()), chars=len(ask))


def _words(lowered: str) -> list[str]:
    if lowered.isascii():
        return _ascii_words(lowered)
    lowered = unicodedata.normalize("NFKC", lowered)
    return (_EAST_ASIAN_WORDS if _EAST_ASIAN.search(lowered) else _WORDS).findall(lowered)


def _kind(sign: str) -> str:
    """`a` for a letter, `0` for a digit, a space for each kind of it, NUL for other signs that nobody sees."""
    return "a" if sign.isalpha() else "0" if sign.isdigit() else " " if sign.isspace() else sign * sign.isprintable()


_KINDS: Final = bytes(ord(_kind(chr(one)) or "\0") for one in range(128)) + bytes(128)


def _ascii_words(lowered: str) -> list[str]:
    """What _ASCII_WORDS finds, sooner where signs alone part words without a space between them."""
    kinds = lowered.encode().translate(_KINDS)
    if b"a0" in kinds or b"0a" in kinds or b"\x00" in kinds:
        return _ASCII_WORDS.findall(lowered)
    for sign in set(kinds.translate(None, b"a0 ")):
        lowered = lowered.replace(*_APART[sign])
    return lowered.split()


def _instruction(text: str) -> str:
    """*text* without code between fences and without the paragraphs between its first and its last."""
    if text.count(_FENCE) > 1:
        text = "\n\n".join(text.split(_FENCE)[::2])
    paragraphs = [one for one in text.split("\n\n") if one.strip()]
    if len(paragraphs) < _MANY_PARAGRAPHS or len(text) < _ROUND:
        return text
    return f"{paragraphs[0][:PARAGRAPH_CHARS]}\n{paragraphs[-1][-PARAGRAPH_CHARS:]}"
