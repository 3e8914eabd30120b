"""What was learned, as arrays; and how an ask becomes the features they are multiplied by.

An ask is a sum over rows of one table: a row for each known word, one for each bucket of two words in a row, of pieces
of unknown words and of numbers by their digits; each of the three sums is divided by the root of how many there are.
Figures of shape (see `structure`) are standardised and have a table of their own. All heads are linear in that. A topic
that has a scale of its own has two: how much an ask is of it, and the difficulty there, which then takes the place of
the other as far as that.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from math import log1p, sqrt
from typing import TYPE_CHECKING, Final
from zipfile import BadZipFile
from zlib import crc32

import numpy as np

from pointsman.core.errors import ConfigError
from pointsman.routing.learned.structure import FIGURES, figures
from pointsman.routing.learned.text import read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Ints = NDArray[np.int64]

DIFFICULTY, GAIN, OUTPUT_TOKENS, FIRST_KIND = range(4)
"""Which head is what; the gain is in deviations from what was learned from."""

PAIR_BUCKETS: Final = 1 << 15
PIECE_BUCKETS: Final = 1 << 13
NUMBER_BUCKETS: Final = 7  # by digits: 1, 2, … 7 and more
UNKNOWN_WORDS: Final = 40
"""More unknown words than this are not taken to pieces: it bounds the time."""

UNKNOWN: Final = -1
_PAIR_FACTOR: Final = 1_000_003
_PAIR_MASK: Final = PAIR_BUCKETS - 1


@dataclass(frozen=True, slots=True)
class Bag:
    """The rows of an ask and what each counts for."""

    rows: Ints
    values: Floats
    figures: Floats


@dataclass(frozen=True)
class Vocabulary:
    """The words that have a row of their own, the most frequent first."""

    words: tuple[str, ...]

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """Each word's row."""
        return {word: number for number, word in enumerate(self.words)}

    @cached_property
    def ranks(self) -> Sequence[float]:
        """ln(1 + rank) of each word."""
        return [log1p(rank) for rank in range(len(self.words))]

    @property
    def rows(self) -> int:
        """Rows of the table: words, pairs, pieces, numbers."""
        return len(self.words) + PAIR_BUCKETS + PIECE_BUCKETS + NUMBER_BUCKETS

    def bag(self, ask: str, *, tools: int = 0, turns: int = 1, in_loop: bool = False) -> Bag:
        """The features of *ask*."""
        reading = read(ask)
        words = reading.words
        ids = list(map(self.numbers.get, words, repeat(UNKNOWN)))
        in_order = np.array(ids, np.int64)
        known = set(ids)
        rows: list[int] = []
        shares: list[float] = []
        strange: list[str] = []
        if UNKNOWN in known:
            known.discard(UNKNOWN)
            strange = [words[at] for at in np.flatnonzero(in_order == UNKNOWN).tolist()]
            rows, shares = self._pieces(strange)
        pairs = _pairs(in_order)
        n_known, n_words = len(known), len(known) + len(rows)
        distinct = n_known + len(set(strange))
        share = 1.0 / sqrt(max(1, distinct))
        every = np.empty(n_words + len(pairs), np.int64)
        every[:n_known] = np.fromiter(known, np.int64, n_known)
        every[n_known:n_words] = rows
        np.add(pairs, len(self.words), out=every[n_words:])
        values = np.empty(len(every), np.float32)
        values[:n_known] = share
        values[n_known:n_words] = [one * share for one in shares]
        values[n_words:] = 1.0 / sqrt(max(1, len(pairs)))
        ranks = list(map(self.ranks.__getitem__, known))
        shape = figures(
            reading, ranks, distinct=distinct, unknown=len(strange), tools=tools, turns=turns, in_loop=in_loop
        )
        return Bag(every, values, np.array(shape, np.float32))

    def _pieces(self, strange: Sequence[str]) -> tuple[list[int], list[float]]:
        """Rows for words that have none: a number's by its digits, another's by its three and four letters in a row."""
        first_piece = len(self.words) + PAIR_BUCKETS
        first_number = first_piece + PIECE_BUCKETS
        rows: list[int] = []
        shares: list[float] = []
        for word in list(dict.fromkeys(strange))[:UNKNOWN_WORDS]:
            if word.isdecimal():
                rows.append(first_number + min(len(word), NUMBER_BUCKETS) - 1)
                shares.append(1.0)
                continue
            pieces = pieces_of(word)
            rows += [first_piece + crc32(piece) % PIECE_BUCKETS for piece in pieces]
            shares += [1.0 / len(pieces)] * len(pieces)
        return rows, shares


def _pairs(ids: Ints) -> Ints:
    """The buckets of each two words in a row, each once and in order (`numpy.unique` takes twice the time)."""
    found = ids[:-1] * _PAIR_FACTOR
    found ^= ids[1:]
    found &= _PAIR_MASK
    found.sort()
    if len(found) < 2:
        return found
    is_new = np.empty(len(found), np.bool_)
    is_new[0] = True
    np.not_equal(found[1:], found[:-1], out=is_new[1:])
    return found[is_new]


_LONGEST_WORD: Final = 24


def pieces_of(word: str) -> list[bytes]:
    """Each three (where the script has few letters a word: two) and four characters in a row, with the word's ends."""
    framed = f"<{word[:_LONGEST_WORD]}>"
    if word.isascii():
        plain = framed.encode()
        return [plain[at : at + n] for n in (3, 4) for at in range(max(1, len(plain) - n + 1))]
    pieces = [framed[at : at + n] for n in (2, 3) for at in range(max(1, len(framed) - n + 1))]
    return [piece.encode("utf-8", "replace") for piece in pieces]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A trained classifier. Its heads: the difficulty, the gain, the logarithm of the answer's tokens, then the kinds.

    Behind them are two for each topic, which `heads` does not tell: its share, and the difficulty within it.

    head = bias + standardised figures · shape + Σ values · scale · table[rows]
    """

    vocabulary: Vocabulary
    kinds: tuple[str, ...]
    table: NDArray[np.int8]  # rows x heads
    scale: Floats  # by head
    shape: Floats  # figures x heads
    mean: Floats  # of the figures
    spread: Floats  # of the figures: one standard deviation; infinite where it never varied
    bias: Floats  # by head
    topics: Floats  # topics x 2: the gain where the difficulty within it is 0, and for each step of that
    cuts: tuple[float, float, float]  # difficulties at which the next tier begins
    noise: float  # standard deviation of the difficulty said from the difficulty meant
    slope: float  # how fast chances fall with difficulty: logits for each of its steps
    about: str  # JSON: data, licences, figures, recipe

    def heads(self, bag: Bag) -> Floats:
        """All heads for *bag* but the topics', which are in the difficulty and the gain."""
        standard = np.minimum(np.maximum((bag.figures - self.mean) / self.spread, -_FAR), _FAR)
        found: Floats = self.bias + standard @ self.shape + (bag.values @ self.table[bag.rows]) * self.scale
        told = FIRST_KIND + len(self.kinds)
        for number, (gain, slope) in enumerate(self.topics):
            share = share_of_topic(float(found[told + 2 * number]))
            if share:
                within = found[told + 2 * number + 1]
                found[DIFFICULTY] += share * (within - found[DIFFICULTY])
                found[GAIN] += share * (gain + slope * within - found[GAIN])
        return found[:told]

    def familiarity(self, bag: Bag) -> float:
        """0..1: the share of the words that are known, less where the shape is unlike all that was learned from."""
        unknown = float(bag.figures[_UNKNOWN_SHARE])
        strangeness = float(np.abs((bag.figures - self.mean) / self.spread).max())
        return max(0.0, 1.0 - unknown) * min(1.0, _USUAL / max(strangeness, 1e-6))


def share_of_topic(said: float) -> float:
    """How much of an ask is of a topic (0..1) when its head, taught 0 and 1, has *said* so."""
    return min(1.0, max(0.0, 2.0 * said - 0.5))


_FAR: Final = 4.0
_USUAL: Final = 12.0
_UNKNOWN_SHARE: Final = FIGURES.index("unknown_share")


def dumped(weights: Weights) -> bytes:
    """*weights* as the file that is shipped: a zip of arrays (`numpy.savez_compressed`)."""
    file = io.BytesIO()
    np.savez_compressed(
        file,
        words=np.frombuffer("\n".join(weights.vocabulary.words).encode(), np.uint8),
        kinds=np.frombuffer("\n".join(weights.kinds).encode(), np.uint8),
        about=np.frombuffer(weights.about.encode(), np.uint8),
        table=weights.table,
        scale=weights.scale,
        shape=weights.shape,
        mean=weights.mean,
        spread=weights.spread,
        bias=weights.bias,
        topics=weights.topics,
        curve=np.array([*weights.cuts, weights.noise, weights.slope], np.float64),
    )
    return file.getvalue()


def loaded(data: bytes, name: str) -> Weights:
    """The weights in *data*; ConfigError where the file called *name* holds none, or of another recipe."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            first, second, third, noise, slope = file["curve"].tolist()
            weights = Weights(
                vocabulary=Vocabulary(tuple(file["words"].tobytes().decode().split("\n"))),
                kinds=tuple(file["kinds"].tobytes().decode().split("\n")),
                about=file["about"].tobytes().decode(),
                table=file["table"],
                scale=file["scale"],
                shape=file["shape"],
                mean=file["mean"],
                spread=_varied(file["spread"]),
                bias=file["bias"],
                topics=file["topics"] if "topics" in file else np.zeros((0, 2), np.float32),
                cuts=(first, second, third),
                noise=noise,
                slope=slope,
            )
    except (ValueError, TypeError, KeyError, OSError, EOFError, BadZipFile, zlib.error) as error:
        raise ConfigError(f"{name} holds no weights of a classifier ({type(error).__name__}).") from error
    heads = FIRST_KIND + len(weights.kinds) + 2 * len(weights.topics)
    if weights.table.shape != (weights.vocabulary.rows, heads) or weights.shape.shape != (len(FIGURES), heads):
        raise ConfigError(f"{name} was made by another recipe.", hint="Make it again with `pointsman train`.")
    return weights


def _varied(spread: Floats) -> Floats:
    """*spread*, infinite for what was the same in all that was learned from: of such a figure nothing is known.

    Without it, a second turn or an offered tool would be as strange as can be, and no judgement of one ever sure.
    """
    return np.where(spread < _CONSTANT, np.inf, spread).astype(spread.dtype)


_CONSTANT: Final = 1e-4
