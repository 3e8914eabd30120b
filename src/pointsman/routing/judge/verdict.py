"""A judge's answer read as one of the words it may say, however it is wrapped. Nothing else is ever taken from it."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Final

from pointsman.core.values import value_type
from pointsman.routing.judge.rubric import LEAST, MOST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pointsman.core.jsontypes import Json, JsonObject
    from pointsman.routing.judge.rubric import Rubric

MAX_CHARS: Final = 8192
MAX_OBJECTS: Final = 64
_KEYS = frozenset((
    "modelchoice", "tier", "complexityscore", "choice", "label", "answer", "verdict", "decision", "model", "score",
    "complexity", "difficulty", "class", "classification",
))  # fmt: skip
_PAIR = re.compile(r"\b([a-z]+(?:_[a-z]+)*)\W{0,4}(?:[:=]|\bis\b)\W*([a-z]+|\d{1,3}(?!\w|\.\d))")
_WORD = re.compile(r"[a-z]+|(?<![\w.])\d+(?!\w|\.\d)")
_FIRST = re.compile(r"\W*([a-z]+(?=\s*(?:[^\w\s|/]|\n|$))|\d+(?!\w|\.\d)(?=\s*(?:[^\w\s]|\n|$)))")


@value_type
class Verdict:
    """What a judge said: a word of its rubric, or else a score from 1 to 100."""

    word: str | None = None
    score: int = LEAST
    confidence: float | None = None  # the word's share of the likelihood, where the server tells it

    @property
    def said(self) -> str:
        """The word, or the score."""
        return f"{self.score} of {MOST}" if self.word is None else repr(self.word)


def verdict_in(text: str, rubric: Rubric) -> Verdict | None:
    """The verdict in *text*; None when there is none, or more than one in plain words.

    Read in this order: the last JSON object with a word under a key of ours, fenced or among prose; the last
    `key: word`, as in JSON that was cut; the word the text begins with, as a line or sentence of its own; the only
    word of the rubric in it.
    """
    text = text[:MAX_CHARS].strip()
    if text.startswith("<"):  # a page, not an answer; models that think aloud in tags end with their answer
        text = text.rpartition("</think>")[2] if text.startswith("<think>") and "</think>" in text else ""
    objects = list(_objects(text))
    ours = [value[rubric.key] for value in objects if rubric.key in value]
    if ours:
        return next((verdict for value in reversed(ours) if (verdict := _of_value(value, rubric)) is not None), None)
    found = [verdict for value in objects if (verdict := _of_object(value, rubric)) is not None]
    if found:
        return found[-1]
    lowered = text.lower()
    found = [
        verdict
        for key, value in _PAIR.findall(lowered)
        if _plain_key(key) in _KEYS and (verdict := _of_value(value, rubric)) is not None
    ]
    return found[-1] if found else _of_words(lowered, rubric)


def _objects(text: str) -> Iterator[JsonObject]:
    """The JSON objects in *text*, outermost ones, in their order."""
    decoder = json.JSONDecoder()
    at = text.find("{")
    for _ in range(MAX_OBJECTS):
        if at == -1:
            return
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            yield value
        at = text.find("{", end)


def _of_object(value: JsonObject, rubric: Rubric) -> Verdict | None:
    named = (item for key, item in value.items() if _plain_key(key) in _KEYS)
    return next((verdict for item in named if (verdict := _of_value(item, rubric)) is not None), None)


def _plain_key(key: str) -> str:
    return re.sub(r"[\W_]", "", key).lower()


def _of_value(value: Json, rubric: Rubric) -> Verdict | None:
    """A word or a score; a longer text counts by how it begins (`Pro.`, `flash-lite`, `pro: it is vague`)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _of_number(value, rubric)
    return _of_words(value.lower(), rubric) if isinstance(value, str) else None


def _of_word(word: str, rubric: Rubric) -> Verdict | None:
    if word in rubric.words:
        return Verdict(word=word)
    return _of_number(int(word), rubric) if word.isdecimal() and len(word) <= len(str(MOST)) else None


def _of_number(number: float, rubric: Rubric) -> Verdict | None:
    if rubric.words or not math.isfinite(number) or not LEAST <= round(number) <= MOST:
        return None
    return Verdict(score=round(number))


def _of_words(lowered: str, rubric: Rubric) -> Verdict | None:
    opening = _FIRST.match(lowered)
    if opening is not None and (first := _of_word(opening[1], rubric)) is not None:
        return first
    said = {word for word in _WORD.findall(lowered) if _of_word(word, rubric) is not None}
    return _of_word(said.pop(), rubric) if len(said) == 1 else None
