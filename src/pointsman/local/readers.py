"""The shape of a model from what a GGUF header or Ollama's `/api/show` says: both use GGUF's own keys."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from pointsman.core.jsontypes import Json
from pointsman.local.architecture import GLOBAL_EVERY, Architecture

_MOST_LAYERS: Final = 4096  # a broken header may say anything, and each layer is counted


class UnreadableShape(Exception):
    """The metadata does not tell the shape of a decoder; the text says what is missing."""


def architecture_of(metadata: Mapping[str, Json], *, vocabulary: int | None = None) -> Architecture:
    """The shape that *metadata* (GGUF's keys) tells; UnreadableShape when something is missing.

    `head_count_kv` may be one figure or one for each layer; a head's length is the embedding's share where not said.
    *vocabulary* is the length of the token array where the metadata has no figure.
    """
    family = metadata.get("general.architecture")
    if not isinstance(family, str):
        raise UnreadableShape("general.architecture is missing")

    def figure(key: str) -> int | None:
        return _figure(metadata.get(f"{family}.{key}"))

    def needed(key: str) -> int:
        value = figure(key)
        if value is None or value < 1:
            raise UnreadableShape(f"{family}.{key} is missing")
        return value

    layers, embedding = needed("block_count"), needed("embedding_length")
    if layers > _MOST_LAYERS:
        raise UnreadableShape(f"{family}.block_count is {layers}, which no model has")
    heads = _first(metadata.get(f"{family}.attention.head_count")) or needed("attention.head_count")
    head = figure("attention.key_length") or embedding // heads
    window = figure("attention.sliding_window") or None
    return Architecture(
        family=family,
        layers=layers,
        embedding=embedding,
        heads=heads,
        kv_heads=_kv_heads(metadata.get(f"{family}.attention.head_count_kv"), layers, heads),
        key_length=head,
        value_length=figure("attention.value_length") or head,
        feed_forward=_first(metadata.get(f"{family}.feed_forward_length")) or needed("feed_forward_length"),
        vocabulary=figure("vocab_size") or vocabulary or 0,
        context_tokens=figure("context_length"),
        window=window if family in GLOBAL_EVERY else None,
        global_every=GLOBAL_EVERY.get(family, 1) if window else 1,
    )


def _figure(value: Json) -> int | None:
    """A whole number, which is not infinite."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < math.inf:
        return int(value)
    return None


def _kv_heads(value: Json, layers: int, heads: int) -> tuple[int, ...]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        found = tuple(figure for one in value if (figure := _figure(one)) is not None)
        if len(found) == layers:
            return found
        raise UnreadableShape(f"attention.head_count_kv has {len(found)} figures for {layers} layers")
    same = _figure(value)
    return (heads if same is None else same,) * layers  # without the key every head has its own


def _first(value: Json) -> int | None:
    """A figure, or the largest of one for each layer."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return max((figure for one in value if (figure := _figure(one)) is not None), default=None)
    return _figure(value)
