"""A list of keywords made ready to be found in a text: whole words by set membership, phrases by substring."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_WORD = re.compile(r"\w+")

# Scripts written without spaces (kana, Han and its extensions), where a keyword has no word boundary to stand at.
_UNSPACED_RANGES = (
    (0x3040, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9D),
    (0x20000, 0x3FFFF),
)


_ASCII = [chr(code) for code in range(128)]
_SPACES_FOR_SIGNS = bytes(ord(sign if _WORD.fullmatch(sign) else " ") for sign in _ASCII).ljust(256)
"""Each ASCII sign that is no part of a word as a space."""


def words_of(lowered: str) -> list[str]:
    """The words of an already lower-cased text, in order. ASCII takes a table instead of the pattern, at a third."""
    if lowered.isascii():
        return lowered.encode().translate(_SPACES_FOR_SIGNS).decode().split()
    return _WORD.findall(lowered)


class Lexicon:
    """Finds its keywords in lower-cased text, in time linear in the text.

    A keyword of one word matches as a whole word ("api" is not in "capital"); one with a space, or in a script
    without spaces, matches anywhere. One with other signs in it ("what's", "node.js") must begin and end at a word
    boundary. A keyword listed twice is found twice.
    """

    __slots__ = ("_bounded", "_keywords", "_order", "_phrases", "_words")

    def __init__(self, keywords: tuple[str, ...]) -> None:
        """Sort *keywords* by how they match."""
        self._keywords = tuple(keyword.lower() for keyword in keywords)
        distinct = dict.fromkeys(self._keywords)
        self._order = {keyword: index for index, keyword in enumerate(distinct)}
        if len(distinct) < len(self._keywords):  # repeated keywords are found as often as they stand there
            self._order = {}
        self._phrases = tuple(keyword for keyword in distinct if _matches_anywhere(keyword))
        spaced = [keyword for keyword in distinct if not _matches_anywhere(keyword)]
        self._words = frozenset(keyword for keyword in spaced if _WORD.fullmatch(keyword))
        self._bounded = tuple(
            (keyword, re.compile(rf"\b{re.escape(keyword)}\b")) for keyword in spaced if keyword not in self._words
        )

    @property
    def words(self) -> frozenset[str]:
        """The keywords that are found as whole words."""
        return self._words

    def found_in(self, lowered: str, words: Iterable[str]) -> tuple[str, ...]:
        """The keywords present, in the list's order; *words* must hold all of its words among `words_of(lowered)`."""
        hits = self._words.intersection(words)
        present = [phrase for phrase in self._phrases if phrase in lowered]
        present += [
            keyword for keyword, pattern in self._bounded if keyword in lowered and pattern.search(lowered) is not None
        ]
        if not hits and not present:
            return ()
        hits = hits.union(present)
        if self._order:
            return tuple(sorted(hits, key=self._order.__getitem__))
        return tuple(keyword for keyword in self._keywords if keyword in hits)


class WordsOfAll:
    """The one-word keywords of several lexicons, looked up in a text once for all of them."""

    __slots__ = ("_words",)

    def __init__(self, lexicons: Iterable[Lexicon]) -> None:
        """Join the words of *lexicons*."""
        self._words = frozenset(word for lexicon in lexicons for word in lexicon.words)

    def among(self, words: Iterable[str]) -> frozenset[str]:
        """Those of *words* that are a keyword of any: few, so that each list is quick with them."""
        return self._words.intersection(words)


def _matches_anywhere(keyword: str) -> bool:
    return " " in keyword or any(low <= ord(sign) <= high for sign in keyword for low, high in _UNSPACED_RANGES)
