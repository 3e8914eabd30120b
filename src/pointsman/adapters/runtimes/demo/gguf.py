"""A writer for GGUF version 3, the model file format of llama.cpp, for the few value types a demo model needs.

Layout (little-endian): magic, version, tensor count, key count; the keys; one record per tensor; then, from the next
multiple of the alignment, the tensors' bytes, each padded to the alignment.
Source: the GGUF specification in the ggml repository (docs/gguf.md).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ALIGNMENT = 32
_MAGIC = b"GGUF"
_VERSION = 3


class ValueType(IntEnum):
    """How a key's value is stored."""

    UINT32 = 4
    INT32 = 5
    FLOAT32 = 6
    BOOL = 7
    STRING = 8
    ARRAY = 9


class TensorType(IntEnum):
    """How a tensor's elements are stored."""

    FLOAT32 = 0
    FLOAT16 = 1


_FORMATS = {ValueType.UINT32: "<I", ValueType.INT32: "<i", ValueType.FLOAT32: "<f", ValueType.BOOL: "<?"}

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One metadata entry; a sequence is stored as an array of `type`."""

    name: str
    type: ValueType
    value: Scalar | Sequence[Scalar]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One named array of 16- or 32-bit floats, rows first."""

    name: str
    array: NDArray[np.float16] | NDArray[np.float32]


def string(name: str, value: str) -> Key:
    """A text entry."""
    return Key(name=name, type=ValueType.STRING, value=value)


def uint32(name: str, value: int) -> Key:
    """A count or an id."""
    return Key(name=name, type=ValueType.UINT32, value=value)


def float32(name: str, value: float) -> Key:
    """A constant of the architecture."""
    return Key(name=name, type=ValueType.FLOAT32, value=value)


def encode_gguf(keys: Sequence[Key], tensors: Sequence[Tensor]) -> bytes:
    """The whole file; the same input gives the same bytes."""
    keys = [*keys, uint32("general.alignment", ALIGNMENT)]
    head = bytearray(_MAGIC + struct.pack("<IQQ", _VERSION, len(tensors), len(keys)))
    for key in keys:
        head += _encode_key(key)
    blobs = [tensor.array.tobytes() for tensor in tensors]
    offset = 0
    for tensor, blob in zip(tensors, blobs, strict=True):
        head += _encode_tensor_record(tensor, offset)
        offset += len(_padded(blob))
    return b"".join([_padded(bytes(head)), *map(_padded, blobs)])


def _encode_key(key: Key) -> bytes:
    name = _encode_string(key.name)
    if isinstance(key.value, str | int | float):
        return name + struct.pack("<I", key.type) + _encode_scalar(key.type, key.value)
    header = struct.pack("<IIQ", ValueType.ARRAY, key.type, len(key.value))
    return name + header + b"".join(_encode_scalar(key.type, item) for item in key.value)


def _encode_scalar(kind: ValueType, value: Scalar) -> bytes:
    return _encode_string(value) if isinstance(value, str) else struct.pack(_FORMATS[kind], value)


def _encode_string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _encode_tensor_record(tensor: Tensor, offset: int) -> bytes:
    """Name, dimensions (the fastest-running first), element type and offset from the start of the data."""
    dims = tuple(reversed(tensor.array.shape))
    kind = TensorType.FLOAT16 if tensor.array.dtype == "float16" else TensorType.FLOAT32
    shape = struct.pack(f"<I{len(dims)}Q", len(dims), *dims)
    return _encode_string(tensor.name) + shape + struct.pack("<IQ", kind, offset)


def _padded(raw: bytes) -> bytes:
    return raw + bytes(-len(raw) % ALIGNMENT)
