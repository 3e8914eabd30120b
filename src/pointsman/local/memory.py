"""What a running model takes of a device's memory: weights + KV cache + compute buffers + the process's own.

term        bytes                                                            worked: Qwen2.5 7B, Q4_K_M, 4,096 tokens
weights     sum over tensors of blocks x bytes per block                     4.677e9
KV cache    sum over layers of kv heads x (key + value length) x type x cells  28 x 4 x 256 x 2 B x 4,096 = 224 MiB
compute     4 B x ubatch x (3 x feed forward + 5 x embedding) + 2 B x ubatch x context of a slot
                                                                             146 MiB + 4 MiB = 150 MiB
overhead    0.45e9 a process with a device context (CUDA: 0.3 to 0.6e9), none on a CPU

Cells are the context padded to 256; a layer with a window keeps at most window + ubatch of each slot. The KV and
compute terms are llama.cpp's own, found by its dry run (no weights read) on the models of `known_models`; its builds
of before 2026 reserved ubatch x vocabulary x 4 B for compute instead (Qwen2.5 7B: 297 MiB).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pointsman.core.local import Footprint
from pointsman.local.architecture import Architecture, tensors
from pointsman.local.quantization import TYPES

UBATCH = 512
CELLS = 256  # the cache is a multiple of these
DEVICE_CONTEXT_BYTES = 450_000_000
CACHE_TYPES = ("f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0")
DEFAULT_QUANTIZATION = "Q4_K_M"
DEFAULT_CONTEXT_TOKENS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a model is run: `parallel` requests at once have a slot each, of `context_tokens`."""

    context_tokens: int = DEFAULT_CONTEXT_TOKENS
    parallel: int = 1
    cache_type_k: str = "f16"
    cache_type_v: str = "f16"
    ubatch: int = UBATCH
    flash_attention: bool = True
    has_device: bool = True  # a GPU's context is part of the overhead

    def __post_init__(self) -> None:
        """ValueError names what cannot be."""
        for name in ("context_tokens", "parallel", "ubatch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        for name in ("cache_type_k", "cache_type_v"):
            if getattr(self, name) not in CACHE_TYPES:
                raise ValueError(f"{name} is {getattr(self, name)!r}; use one of {', '.join(CACHE_TYPES)}")


def weights_bytes(model: Architecture, quantization: str = DEFAULT_QUANTIZATION) -> int:
    """Bytes of the tensors. Llama 3.1 8B in Q4_K_M: 4.913e9, 4.894 bits a weight."""
    return sum(tensor.size_bytes for tensor in tensors(model, quantization))


def parameters(model: Architecture) -> int:
    """How many numbers the model has. Qwen2.5 7B: 7.62e9."""
    return sum(tensor.elements for tensor in tensors(model, "F16"))


def kv_cache_bytes(model: Architecture, options: Options) -> int:
    """Bytes of keys and values. Llama 3.1 8B, 8,192 tokens, f16: 32 x 8 x 256 x 2 B x 8,192 = 1,024 MiB."""
    whole = _padded(options.context_tokens) * options.parallel
    windowed = whole
    if model.window is not None:
        windowed = min(_padded(options.context_tokens), _padded(model.window + options.ubatch)) * options.parallel
    total = 0
    for layer, kv_heads in enumerate(model.kv_heads):
        cells = whole if model.is_global(layer) else windowed
        keys = TYPES[options.cache_type_k.upper()].size_bytes(kv_heads * model.key_length * cells)
        values = TYPES[options.cache_type_v.upper()].size_bytes(kv_heads * model.value_length * cells)
        total += keys + values
    return total


def kv_bytes_per_token(model: Architecture) -> int:
    """Bytes a token of context takes in f16, windows aside. Qwen2.5 7B: 56 KiB; DeepSeek-Coder 6.7B: 512 KiB."""
    return sum(2 * heads * (model.key_length + model.value_length) for heads in model.kv_heads)


def compute_bytes(model: Architecture, options: Options) -> int:
    """Bytes of the buffers of one evaluation.

    Without flash attention the scores of all heads stand beside the attention's own: ubatch x context x heads x 4 B
    (Llama 3.1 8B, 8,192 tokens: 512 + 60 + 8 = 580 MiB).
    """
    context = _padded(options.context_tokens)
    mask = 2 * options.ubatch * context
    if model.window is not None:
        mask += 2 * options.ubatch * min(context, _padded(model.window + options.ubatch))
    feeding = 4 * options.ubatch * (3 * model.feed_forward + 5 * model.embedding)
    if options.flash_attention:
        return feeding + mask
    scores = 4 * options.ubatch * context * model.heads
    return max(feeding, scores + 30 * options.ubatch * model.embedding) + mask


def footprint(
    model: Architecture, options: Options, *, quantization: str = DEFAULT_QUANTIZATION, weights: int | None = None
) -> Footprint:
    """What *model* takes; *weights* in bytes where they are known exactly (a file's tensor table)."""
    return Footprint(
        weights_bytes=weights_bytes(model, quantization) if weights is None else weights,
        kv_cache_bytes=kv_cache_bytes(model, options),
        compute_bytes=compute_bytes(model, options),
        overhead_bytes=DEVICE_CONTEXT_BYTES if options.has_device else 0,
    )


def most_context(model: Architecture, options: Options, *, weights: int, budget_bytes: int) -> int:
    """The largest context per slot, a multiple of 256, with which *model* fits *budget_bytes*; 0 when none does."""
    low, high = 0, (model.context_tokens or 1 << 20) // CELLS
    while low < high:
        middle = (low + high + 1) // 2
        tried = replace(options, context_tokens=middle * CELLS)
        if footprint(model, tried, weights=weights).total_bytes <= budget_bytes:
            low = middle
        else:
            high = middle - 1
    return low * CELLS


def _padded(tokens: int) -> int:
    return -(-tokens // CELLS) * CELLS
