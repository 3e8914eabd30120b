"""What the local models of a catalog take of this machine's memory, as far as that is known before they run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pointsman.adapters.runtimes.gguf_header import read_gguf_header
from pointsman.core.catalog import Capability, ModelCard
from pointsman.core.local import Footprint
from pointsman.local.architecture import Architecture
from pointsman.local.known_models import known, named_quantization
from pointsman.local.memory import DEFAULT_CONTEXT_TOKENS, DEFAULT_QUANTIZATION, Options, footprint
from pointsman.local.quantization import BY_NUMBER, QUANTIZATIONS
from pointsman.local.readers import UnreadableShape, architecture_of

MOST_UNASKED_CONTEXT = 32_768  # of a model whose context nobody set: its trained one may be a hundred times its use


@dataclass(frozen=True, slots=True, kw_only=True)
class FileShape:
    """What a GGUF file says of itself: its shape, and the bytes of its tensors."""

    architecture: Architecture
    weights_bytes: int


def file_shape(path: Path) -> FileShape:
    """The shape of the model in *path*. ConfigError when it is no GGUF file, UnreadableShape when it is no decoder."""
    header = read_gguf_header(path)
    shape = architecture_of(header.metadata, vocabulary=header.array_lengths.get("tokenizer.ggml.tokens"))
    weights = 0
    for tensor in header.tensors:
        kind = BY_NUMBER.get(tensor.type)
        if kind is None:
            raise UnreadableShape(f"tensor {tensor.name} has type {tensor.type}, which is not known yet")
        elements = 1
        for length in tensor.shape:
            elements *= length
        weights += kind.size_bytes(elements)
    return FileShape(architecture=shape, weights_bytes=weights)


def footprints(
    cards: Iterable[ModelCard],
    files: Mapping[str, Path],
    slots: Mapping[str, int],
    contexts: Mapping[str, int],
    *,
    has_device: bool,
) -> dict[str, Footprint | None]:
    """By card id what each local model takes; None where nothing tells.

    *files* are the GGUF files of cards that have one, *slots* how many requests at once each takes, 1 if not there,
    *contexts* the window it is loaded with where that is not the card's own.
    """
    return {
        card.id: _of(
            card,
            files.get(card.id),
            slots.get(card.id, 1),
            contexts.get(card.id, card.context_tokens),
            has_device=has_device,
        )
        for card in cards
        if card.is_local
    }


def _of(
    card: ModelCard, file: Path | None, slots: int, context_tokens: int | None, *, has_device: bool
) -> Footprint | None:
    if card.memory_bytes is not None:
        return Footprint(weights_bytes=card.memory_bytes, kv_cache_bytes=0, compute_bytes=0, overhead_bytes=0)
    kind = named_quantization(card.upstream_model) or DEFAULT_QUANTIZATION
    weights: int | None = None
    if file is not None:
        try:
            found = file_shape(file)
        except UnreadableShape:
            return None
        shape, weights = found.architecture, found.weights_bytes
    else:
        by_name = known(card.upstream_model)
        if by_name is None or kind not in QUANTIZATIONS:
            return None
        shape = by_name
    return of_shape(card, shape, weights, context_tokens, slots, quantization=kind, has_device=has_device)


def of_shape(
    card: ModelCard,
    shape: Architecture,
    weights: int | None,
    context_tokens: int | None,
    slots: int = 1,
    *,
    quantization: str = DEFAULT_QUANTIZATION,
    has_device: bool,
) -> Footprint:
    """What *card* takes when its model has *shape*, and *weights* bytes where they are known exactly."""
    context = min(context_tokens or DEFAULT_CONTEXT_TOKENS, shape.context_tokens or MOST_UNASKED_CONTEXT)
    is_embedding = Capability.CHAT in card.lacks
    options = Options(context_tokens=context, parallel=1 if is_embedding else slots, has_device=has_device)
    return footprint(shape, options, quantization=quantization, weights=weights)
