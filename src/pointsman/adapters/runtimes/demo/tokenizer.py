"""A byte-level BPE tokenizer made from a word list: every listed word becomes one token, every other text its bytes.

Because all 256 bytes are tokens, any Unicode text can be encoded. llama.cpp does the encoding when it runs the model;
the encoder here is for compiling the weights and knows words only.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


def byte_alphabet() -> tuple[str, ...]:
    """The printable character that stands for each byte, in byte order (the convention of GPT-2's vocabulary).

    Printable Latin-1 bytes stand for themselves, the rest for U+0100 and following: a space is "Ġ".
    """
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return tuple(chr(byte) if byte in printable else chr(next(others)) for byte in range(256))


def spell(text: str) -> str:
    """*text* as the characters that stand for its UTF-8 bytes."""
    alphabet = byte_alphabet()
    return "".join(alphabet[byte] for byte in text.encode())


Pair = tuple[str, str]


def learn_merges(words: Iterable[str]) -> tuple[Pair, ...]:
    """Merges, most frequent pair first, that join each of *words* into one token."""
    spelled = {word: list(spell(word)) for word in sorted(set(words))}
    merges: list[Pair] = []
    while True:
        pairs = Counter(pair for symbols in spelled.values() for pair in itertools.pairwise(symbols))
        if not pairs:
            return tuple(merges)
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        spelled = {word: _merged(symbols, best) for word, symbols in spelled.items()}


def _merged(symbols: Sequence[str], pair: Pair) -> list[str]:
    """*symbols* with each neighbouring *pair* joined, from the left."""
    out: list[str] = []
    for symbol in symbols:
        if out and (out[-1], symbol) == pair:
            out[-1] = "".join(pair)
        else:
            out.append(symbol)
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The tokens of a model, in id order, and how llama.cpp gets from text to them."""

    tokens: tuple[str, ...]
    merges: tuple[Pair, ...]
    special: frozenset[str]  # parsed and printed as they are
    ids: dict[str, int]

    def id_of(self, text: str) -> int:
        """The id of the one token that is exactly *text*; KeyError when there is none."""
        return self.ids[text if text in self.special else spell(text)]


def make_vocabulary(*, words: Iterable[str], unmergeable: Sequence[str], special: Sequence[str]) -> Vocabulary:
    """Bytes first, then what merging makes of *words*, then tokens only the model itself can say, then *special*.

    *unmergeable* are tokens no prompt is ever encoded to, because no merge leads to them; a model may still emit them.
    """
    merges = learn_merges(words)
    tokens = tuple(
        dict.fromkeys([*byte_alphabet(), *("".join(pair) for pair in merges), *map(spell, unmergeable), *special])
    )
    return Vocabulary(
        tokens=tokens,
        merges=merges,
        special=frozenset(special),
        ids={token: index for index, token in enumerate(tokens)},
    )
