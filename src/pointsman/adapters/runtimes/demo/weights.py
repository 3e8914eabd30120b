"""Compiles a table of what follows what into the weights of a real llama-architecture transformer, without training.

The residual stream of width d is used as named lanes, not learned ones:

    [0, states)     one-hot: which row of the table this token has        → the output matrix holds that row's logits
    states + 0      1 for a keyword                                       → the attention's key
    states + 1      +1 for a hard keyword, -1 for an easy one             → the attention's value
    states + 2      1 for every token                                     → the attention's query
    states + 3      written by the attention: the pooled leaning          → the output matrix adds it to the labels
    the rest        fixed noise that gives all embeddings the same length, so that RMSNorm is a constant factor, and
                    makes mean-pooled embeddings of texts with the same words similar

One attention head pools the leanings of all keywords, recent ones more: it uses a single rotary pair, turned by 45°
ahead, whose score 80/√2·(cos(θΔ) - sin(θΔ)) falls with the distance Δ and is 0 near Δ = 1,960 tokens. All other layers
add zeros: they are there to be computed, as a larger model's would be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pointsman.adapters.runtimes.demo.gguf import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

HEAD_DIM = 64
HEADS = 4
KV_HEADS = 1
RMS_EPSILON = 1e-6
_RADIANS_PER_TOKEN = 4e-4
ROPE_BASE = _RADIANS_PER_TOKEN ** (-HEAD_DIM / (HEAD_DIM - 2))  # so that the last pair turns that slowly

_UNSEEN = 1e-8  # weight of a token the table does not name
_SHARPNESS = 80.0  # attention score of an adjacent keyword, before the 45°
_LABEL_LOGITS = 4.0  # what a fully hard or easy prompt adds to a label
_FEATURE = 0.25  # length of a lane beside the one-hot state of length 1
_NOISE = 1.0
_SEED = 20260


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How large a model is; all but the first layer add nothing but work."""

    width: int
    layers: int
    feed_forward: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What the weights must say, by token id."""

    vocabulary_size: int
    follows: Mapping[int, Mapping[int, float]]
    otherwise: Mapping[int, float]  # the row of every token without its own
    leanings: Mapping[int, float]  # keywords
    labels: Mapping[int, float]


def compile_weights(table: Table, shape: Shape) -> tuple[Tensor, ...]:
    """All tensors of the model, in the order llama.cpp names them."""
    logits, state_of = _rows(table)
    states = len(logits)
    embedding = _embedding(table, state_of, states, shape.width)
    gain = np.sqrt(shape.width) / np.linalg.norm(embedding[0])  # what RMSNorm multiplies every embedding by
    output = np.zeros((table.vocabulary_size, shape.width))
    output[:, :states] = logits.T / gain
    for token, leaning in table.labels.items():
        output[token, states + 3] = leaning * _LABEL_LOGITS / (_FEATURE * gain)
    ones = np.ones(shape.width)
    tensors = [
        _half("token_embd.weight", embedding),
        _full("output_norm.weight", ones),
        _half("output.weight", output),
    ]
    for layer in range(shape.layers):
        tensors += _layer(layer, shape, _pooling_head(states, shape.width, gain) if layer == 0 else None)
    return tuple(tensors)


def _rows(table: Table) -> tuple[FloatArray, NDArray[np.int64]]:
    """Logits per state and the state of each token; state 0 is "no row of its own"."""
    rows = [table.otherwise, *table.follows.values()]
    weights = np.full((len(rows), table.vocabulary_size), _UNSEEN)
    for state, row in enumerate(rows):
        weights[state, list(row)] = list(row.values())
    logits = np.log(weights / weights.sum(axis=1, keepdims=True))
    state_of = np.zeros(table.vocabulary_size, np.int64)
    state_of[list(table.follows)] = np.arange(1, len(rows))
    return logits - logits.mean(axis=1, keepdims=True), state_of


def _embedding(table: Table, state_of: NDArray[np.int64], states: int, width: int) -> FloatArray:
    embedding = np.zeros((table.vocabulary_size, width))
    embedding[np.arange(table.vocabulary_size), state_of] = 1
    for token, leaning in table.leanings.items():
        embedding[token, states] = _FEATURE
        embedding[token, states + 1] = _FEATURE * leaning
    embedding[:, states + 2] = _FEATURE
    noise = np.random.default_rng(_SEED).standard_normal((table.vocabulary_size, width - states - 4))
    length = 1 + 3 * _FEATURE**2 + _NOISE**2
    missing = np.sqrt(length - (embedding**2).sum(axis=1, keepdims=True))
    embedding[:, states + 4 :] = noise / np.linalg.norm(noise, axis=1, keepdims=True) * missing
    return embedding


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    query: FloatArray
    key: FloatArray
    value: FloatArray
    output: FloatArray


def _pooling_head(states: int, width: int, gain: float) -> _Head:
    """The first of the heads; the others stay silent. A lane's value after RMSNorm is `_FEATURE * gain`."""
    lane = _FEATURE * gain
    length = np.sqrt(_SHARPNESS * np.sqrt(HEAD_DIM)) / lane
    query, key = np.zeros((HEADS * HEAD_DIM, width)), np.zeros((KV_HEADS * HEAD_DIM, width))
    query[HEAD_DIM - 2 : HEAD_DIM, states + 2] = length * np.cos(np.pi / 4)
    key[HEAD_DIM - 2, states] = length
    value, output = np.zeros((KV_HEADS * HEAD_DIM, width)), np.zeros((width, HEADS * HEAD_DIM))
    value[0, states + 1] = 1 / lane
    output[states + 3, 0] = _FEATURE
    return _Head(query=query, key=key, value=value, output=output)


def _layer(index: int, shape: Shape, head: _Head | None) -> Sequence[Tensor]:
    width, ff = shape.width, shape.feed_forward
    silent = _Head(
        query=np.zeros((HEADS * HEAD_DIM, width)),
        key=np.zeros((KV_HEADS * HEAD_DIM, width)),
        value=np.zeros((KV_HEADS * HEAD_DIM, width)),
        output=np.zeros((width, HEADS * HEAD_DIM)),
    )
    head = head or silent
    return [
        _full(f"blk.{index}.attn_norm.weight", np.ones(width)),
        _half(f"blk.{index}.attn_q.weight", head.query),
        _half(f"blk.{index}.attn_k.weight", head.key),
        _half(f"blk.{index}.attn_v.weight", head.value),
        _half(f"blk.{index}.attn_output.weight", head.output),
        _full(f"blk.{index}.ffn_norm.weight", np.ones(width)),
        _half(f"blk.{index}.ffn_gate.weight", np.zeros((ff, width))),
        _half(f"blk.{index}.ffn_up.weight", np.zeros((ff, width))),
        _half(f"blk.{index}.ffn_down.weight", np.zeros((width, ff))),
    ]


def _half(name: str, array: FloatArray) -> Tensor:
    return Tensor(name=name, array=np.ascontiguousarray(array, np.float16))


def _full(name: str, array: FloatArray) -> Tensor:
    return Tensor(name=name, array=np.ascontiguousarray(array, np.float32))
