"""A list of keywords made ready to be found in a text: whole words by set membership, phrases by substring."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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
# More of them (Thai and Lao, Burmese, Khmer), which LiteLLM does not know as such.
_MORE_UNSPACED_RANGES = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF))

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
    boundary. A keyword listed twice is found twice. All of it is as LiteLLM has it, but for *by_whole_words*: then a
    keyword may begin or end with a sign ("c++", ".net"), a phrase matches as whole words, and more scripts without
    spaces are known.
    """

    __slots__ = ("_keywords", "_order", "_own", "bounded", "phrases", "words")

    def __init__(self, keywords: tuple[str, ...], *, by_whole_words: bool = False) -> None:
        """Sort *keywords* by how they match."""
        self._keywords = tuple(keyword.lower() for keyword in keywords)
        distinct = dict.fromkeys(self._keywords)
        self._order = {keyword: index for index, keyword in enumerate(distinct)}
        if len(distinct) < len(self._keywords):  # repeated keywords are found as often as they stand there
            self._order = {}
        self._own = frozenset(distinct)
        unspaced = _UNSPACED_RANGES + (_MORE_UNSPACED_RANGES if by_whole_words else ())
        self.phrases = tuple(
            keyword
            for keyword in distinct
            if (" " in keyword and not by_whole_words) or _is_unspaced(keyword, unspaced)
        )
        spaced = [keyword for keyword in distinct if keyword not in self.phrases]
        begin, end = (r"(?<!\w)", r"(?!\w)") if by_whole_words else (r"\b", r"\b")
        self.words = frozenset(keyword for keyword in spaced if _WORD.fullmatch(keyword))
        self.bounded = tuple(
            (keyword, re.compile(f"{begin}{re.escape(keyword)}{end}"))
            for keyword in spaced
            if keyword not in self.words
        )

    def found_in(self, lowered: str, words: Iterable[str]) -> tuple[str, ...]:
        """The keywords present, in the list's order; *words* must hold all of its words among `words_of(lowered)`."""
        hits = self.words.intersection(words).union([phrase for phrase in self.phrases if phrase in lowered])
        for keyword, pattern in self.bounded:
            if keyword in lowered and pattern.search(lowered) is not None:
                hits |= {keyword}
        return self.among(hits)

    def among(self, found: frozenset[str]) -> tuple[str, ...]:
        """Those of its keywords that are among *found*, in the list's order."""
        own = self._own & found
        if not own:
            return ()
        if self._order:
            return tuple(sorted(own, key=self._order.__getitem__)) if len(own) > 1 else tuple(own)
        return tuple(keyword for keyword in self._keywords if keyword in own)


class Lexicons:
    """Several lexicons looked for in one go: each text is gone through once for the words of all, once per phrase."""

    __slots__ = ("_alone", "_behind_a_piece", "_behind_a_word", "_bounded", "_lexicons", "_words")

    def __init__(self, lexicons: Sequence[Lexicon]) -> None:
        """Look for *lexicons*, in this order."""
        self._lexicons = tuple(lexicons)
        phrases = tuple(dict.fromkeys(phrase for lexicon in lexicons for phrase in lexicon.phrases))
        within = {phrase: word for phrase in phrases if (word := _word_within(phrase)) is not None}
        pieces = _by_clue({phrase: _shared_piece(phrase, phrases) for phrase in phrases if phrase not in within})
        self._alone = tuple(stood_for[0] for stood_for in pieces.values() if len(stood_for) == 1)
        self._behind_a_piece = tuple(pair for pair in pieces.items() if len(pair[1]) > 1)
        self._behind_a_word = tuple(_by_clue(within).items())
        self._words = frozenset(word for lexicon in lexicons for word in lexicon.words).union(within.values())
        self._bounded = tuple(dict.fromkeys(bounded for lexicon in lexicons for bounded in lexicon.bounded))

    def found_in(self, lowered: str, words: Iterable[str]) -> list[tuple[str, ...]]:
        """What each lexicon finds: see Lexicon.found_in.

        A phrase is looked for only where its clue was seen: searching is most of the time.
        """
        hits = self._words.intersection(words)
        found = [phrase for phrase in self._alone if phrase in lowered]
        for word, phrases in self._behind_a_word:
            if word in hits:
                found += [phrase for phrase in phrases if phrase in lowered]
        for piece, phrases in self._behind_a_piece:
            if piece in lowered:
                found += [phrase for phrase in phrases if phrase in lowered]
        if found:
            hits = hits.union(found)
        for keyword, pattern in self._bounded:
            if keyword in lowered and pattern.search(lowered) is not None:
                hits |= {keyword}
        if not hits:
            return [()] * len(self._lexicons)
        return [lexicon.among(hits) for lexicon in self._lexicons]


def _word_within(phrase: str) -> str | None:
    """A whole word of *phrase* with a space on either side, the longest: no text has the phrase but not that word."""
    return max((word for word in phrase.split(" ")[1:-1] if _WORD.fullmatch(word)), key=len, default=None)


def _shared_piece(phrase: str, phrases: Sequence[str]) -> str:
    """The longest word of *phrase* that another of *phrases* holds as well, so that one search rules out both.

    The phrase itself where there is none.
    """
    pieces = (piece for piece in phrase.split() if sum(piece in other for other in phrases) > 1)
    return max(pieces, key=len, default=phrase)


def _by_clue(clues: Mapping[str, str]) -> Mapping[str, tuple[str, ...]]:
    """Each clue of *clues* (phrase: clue) with the phrases it stands for."""
    phrases_of: dict[str, tuple[str, ...]] = {}
    for phrase, clue in clues.items():
        phrases_of[clue] = (*phrases_of.get(clue, ()), phrase)
    return phrases_of


def _is_unspaced(keyword: str, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(low <= ord(sign) <= high for low, high in ranges for sign in keyword)
