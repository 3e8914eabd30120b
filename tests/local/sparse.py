"""Model files with the true header and tensor table of a model, and no weights: a hole of the right length.

llama.cpp reckons with them as with the real ones, as long as it is told to allocate nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from pointsman.local.architecture import Architecture, tensors

UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
ALIGNMENT = 32


def write(model: Architecture, quantization: str, path: Path) -> int:
    """A sparse GGUF file of *model* at *path*; its apparent length in bytes."""
    keys = _keys(model)
    table = list(tensors(model, quantization))
    head = bytearray(b"GGUF" + struct.pack("<IQQ", 3, len(table), len(keys)))
    for name, kind, value in keys:
        head += _string(name) + _value(kind, value)
    offset = 0
    for one in table:
        head += _string(one.name) + struct.pack("<I", len(one.shape))
        head += b"".join(struct.pack("<Q", length) for length in one.shape)
        head += struct.pack("<IQ", one.type.number, offset)
        offset += -(-one.size_bytes // ALIGNMENT) * ALIGNMENT
    head += b"\0" * (-len(head) % ALIGNMENT)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + offset)
    return len(head) + offset


def _keys(model: Architecture) -> list[tuple[str, int | tuple[int, int], object]]:
    family = model.family
    keys: list[tuple[str, int | tuple[int, int], object]] = [
        ("general.architecture", STRING, family),
        ("general.alignment", UINT32, ALIGNMENT),
        (f"{family}.context_length", UINT32, model.context_tokens or 4096),
        (f"{family}.embedding_length", UINT32, model.embedding),
        (f"{family}.block_count", UINT32, model.layers),
        (f"{family}.feed_forward_length", UINT32, model.feed_forward),
        (f"{family}.attention.head_count", UINT32, model.heads),
        (f"{family}.attention.head_count_kv", UINT32, model.kv_heads[0]),
        (f"{family}.attention.key_length", UINT32, model.key_length),
        (f"{family}.attention.value_length", UINT32, model.value_length),
        (f"{family}.attention.layer_norm_rms_epsilon", FLOAT32, 1e-6),
        (f"{family}.rope.freq_base", FLOAT32, 1e6),
        (f"{family}.rope.dimension_count", UINT32, model.key_length),
        (f"{family}.vocab_size", UINT32, model.vocabulary),
        ("tokenizer.ggml.model", STRING, "gpt2"),
        ("tokenizer.ggml.pre", STRING, "gpt-2"),
        ("tokenizer.ggml.tokens", (ARRAY, STRING), _tokens(model.vocabulary)),
        ("tokenizer.ggml.token_type", (ARRAY, INT32), [1] * (model.vocabulary - 2) + [3, 3]),
        ("tokenizer.ggml.merges", (ARRAY, STRING), ["a b"]),
        ("tokenizer.ggml.bos_token_id", UINT32, model.vocabulary - 2),
        ("tokenizer.ggml.eos_token_id", UINT32, model.vocabulary - 1),
    ]
    if model.window is not None:
        keys.append((f"{family}.attention.sliding_window", UINT32, model.window))
    return keys


def _tokens(count: int) -> list[str]:
    """The 256 letters that bytes are written with in such vocabularies, and made-up words."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(byte) if byte in plain else "" for byte in range(256)]
    extra = iter(range(256, 512))
    letters = [letter or chr(next(extra)) for letter in letters]
    return [*letters, *(f"t{number}" for number in range(256, count))]


def _value(kind: int | tuple[int, int], value: object) -> bytes:
    if isinstance(kind, tuple):
        assert isinstance(value, Sequence)
        inner = kind[1]
        return struct.pack("<IIQ", ARRAY, inner, len(value)) + b"".join(_plain(inner, one) for one in value)
    return struct.pack("<I", kind) + _plain(kind, value)


def _plain(kind: int, value: object) -> bytes:
    if kind == STRING:
        return _string(str(value))
    return struct.pack({UINT32: "<I", INT32: "<i", FLOAT32: "<f", BOOL: "<?"}[kind], value)


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data
