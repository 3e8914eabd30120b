"""Short follow-ups that say nothing new: "continue", "yes, do it", "thanks", in the languages people write most.

An ask is one when each of its pieces (between punctuation) is a phrase of the list, polite words aside.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from pointsman.routing.sessions.phrases import COURTESIES, PHRASES

MOST_CHARS: Final = 60
_WITHIN_WORDS: Final = frozenset("'-")


def _normal(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return " ".join(folded.split())


_KNOWN: Final = frozenset(
    _normal(phrase) for line in PHRASES.strip().splitlines() for phrase in line.partition(":")[2].split("|")
)
_COURTESIES: Final = frozenset(COURTESIES.split())
_MOST_WORDS: Final = max(phrase.count(" ") + 1 for phrase in _KNOWN)
_ENDINGS: Final = frozenset(phrase.rpartition(" ")[2] for phrase in _KNOWN) | _COURTESIES
_BEGINNINGS: Final = frozenset(phrase.partition(" ")[0] for phrase in _KNOWN) | _COURTESIES


def is_follow_up(ask: str) -> bool:
    """Whether *ask* only goes on, agrees, declines, thanks or chooses a number, and so tells nothing of the work."""
    if len(ask) > MOST_CHARS or not ask:
        return False
    first = ask.split(None, 1)[:1]
    if first and first[0].isalpha() and first[0].isascii() and first[0].lower() not in _BEGINNINGS:
        return False  # as most
    normal = _normal(ask)
    split = normal.translate(_ASCII) if normal.isascii() else "".join(["|" if _parts(one) else one for one in normal])
    pieces = [piece.strip(" -") for piece in split.split("|")]
    return all(_is_known(piece) for piece in pieces if piece)  # signs alone, such as a thumb, are one too


def _parts(sign: str) -> bool:
    """Whether *sign* stands between pieces: punctuation and symbols that are no part of a word."""
    return unicodedata.category(sign)[0] in "PSC" and sign not in _WITHIN_WORDS


_ASCII: Final = {code: "|" for code in range(128) if _parts(chr(code))}


def _is_known(piece: str) -> bool:
    if piece in _KNOWN or (piece.isdigit() and len(piece) < 3):
        return True
    words = piece.split()
    kept = [word for word in words if word not in _COURTESIES]
    return " ".join(kept) in _KNOWN or not kept or (words[-1] in _ENDINGS and _is_said_in_turn(words))


def _is_said_in_turn(words: list[str]) -> bool:
    """Whether *words* are phrases and courtesies one after another, such as "ok thanks go on"."""
    ends = {0}
    for start in range(len(words)):
        if start in ends:
            near = range(start + 1, min(len(words), start + _MOST_WORDS) + 1)
            ends.update(end for end in near if " ".join(words[start:end]) in _KNOWN)
            ends.update([start + 1] if words[start] in _COURTESIES else [])
    return len(words) in ends
