"""Reads the header of a GGUF file and checks that the file is whole, before native code gets to see it.

llama.cpp refuses a broken file too, but only says that it did not start. The commonest break by far is a download that
stopped early; the header says how long the file must be.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pointsman.core.errors import ConfigError

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_MAX_KEYS = 1 << 16
_MAX_TENSORS = 1 << 18
_MAX_STRING_BYTES = 1 << 26
_MAX_DIMS = 4
_STRING, _ARRAY = 8, 9
_FORMATS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_TENSOR_BYTES = {0: 4, 1: 2, 24: 1, 25: 2, 26: 4, 27: 8, 28: 8, 30: 2}  # plain element types only, by ggml's numbers

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufTensor:
    """One tensor's record; `offset` counts from the start of the data, `shape` is fastest-running first."""

    name: str
    shape: tuple[int, ...]
    type: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufHeader:
    """What a model file says about itself; arrays are kept as their length only."""

    metadata: Mapping[str, Scalar]
    array_lengths: Mapping[str, int]
    tensors: tuple[GgufTensor, ...]
    data_start: int

    @property
    def architecture(self) -> str:
        """The model family, such as `llama`; empty when the file does not say."""
        return str(self.metadata.get("general.architecture", ""))


class _BrokenError(Exception):
    """The bytes are not those of a whole GGUF file; the text says how."""


def read_gguf_header(path: Path) -> GgufHeader:
    """The header of the model file at *path*; ConfigError when there is none, it is no GGUF, or it is cut short."""
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            header = _read(file, size)
        _check_length(header, size)
    except OSError as exc:
        raise ConfigError(
            f"The model file {path} cannot be read: {exc.strerror or exc}.", hint="Check the model's path."
        ) from exc
    except _BrokenError as exc:
        raise ConfigError(
            f"The model file {path} is not a usable GGUF file: {exc}.", hint="Download or convert the model again."
        ) from exc
    return header


def read_gguf_keys(path: Path) -> Mapping[str, Scalar]:
    """The single values of the header that come before the vocabulary, quickly; empty when they cannot be read.

    Files have them in front: reading on over 150,000 tokens takes hundreds of times as long.
    """
    found: dict[str, Scalar] = {}
    try:
        with path.open("rb") as file:
            reader, _, key_count = _start(file, path.stat().st_size)
            for _ in range(key_count):
                name, kind = reader.string(), reader.uint32()
                if name.startswith("tokenizer."):
                    break
                if kind == _ARRAY:
                    reader.skip_array()
                else:
                    found[name] = reader.scalar(kind)
    except (OSError, _BrokenError):
        return {}
    return found


def _read(file: BinaryIO, size: int) -> GgufHeader:
    reader, tensor_count, key_count = _start(file, size)
    metadata: dict[str, Scalar] = {}
    array_lengths: dict[str, int] = {}
    for _ in range(key_count):
        name, kind = reader.string(), reader.uint32()
        if kind == _ARRAY:
            array_lengths[name] = reader.skip_array()
        else:
            metadata[name] = reader.scalar(kind)
    if not array_lengths and not metadata:
        raise _BrokenError("it holds no model")
    tensors = tuple(reader.tensor() for _ in range(tensor_count))
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment <= 0:
        raise _BrokenError(f"general.alignment is {alignment!r}")
    start = file.tell() + -file.tell() % alignment
    return GgufHeader(metadata=metadata, array_lengths=array_lengths, tensors=tensors, data_start=start)


def _start(file: BinaryIO, size: int) -> tuple[_Reader, int, int]:
    """A reader behind the first fields, and how many tensors and keys there are."""
    magic = file.read(4)
    if magic != _MAGIC:
        raise _BrokenError("it is empty" if not magic else "it does not start with the letters GGUF")
    reader = _Reader(file, size)
    version = reader.uint32()
    if version not in _VERSIONS:
        raise _BrokenError(f"version {version} is not known (known: 2, 3)")
    tensor_count = reader.count(_MAX_TENSORS, "tensors")
    key_count = reader.count(_MAX_KEYS, "keys")
    return reader, tensor_count, key_count


def _check_length(header: GgufHeader, size: int) -> None:
    """A tensor of a quantized type must at least begin inside the file; of plain ones the end is known too."""
    for tensor in header.tensors:
        elements = 1
        for extent in tensor.shape:
            elements *= extent
        end = header.data_start + tensor.offset + max(1, elements * _TENSOR_BYTES.get(tensor.type, 0))
        if end > size:
            raise _BrokenError(f"it is cut short: {size:,} bytes, but {tensor.name} ends at or after byte {end:,}")


class _Reader:
    """Takes values off a file of *size* bytes and never asks for more than it holds."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size

    def take(self, count: int) -> bytes:
        raw = self._file.read(count) if count <= self._size else b""
        if len(raw) != count:
            raise _BrokenError(f"it is cut short inside its header, at byte {self._file.tell():,}")
        return raw

    def number(self, form: str) -> int | float | bool:
        value: int | float | bool = struct.unpack(form, self.take(struct.calcsize(form)))[0]
        return value

    def uint32(self) -> int:
        return int(self.number("<I"))

    def count(self, limit: int, what: str) -> int:
        value = int(self.number("<Q"))
        if value > limit:
            raise _BrokenError(f"its header claims {value:,} {what}")
        return value

    def string(self) -> str:
        return self.take(self.count(_MAX_STRING_BYTES, "bytes of text")).decode("utf-8", "replace")

    def scalar(self, kind: int) -> Scalar:
        if kind == _STRING:
            return self.string()
        if kind not in _FORMATS:
            raise _BrokenError(f"its header has a value of unknown type {kind}")
        return self.number(_FORMATS[kind])

    def skip_array(self) -> int:
        kind, length = self.uint32(), self.count(self._size, "array elements")
        if kind in _FORMATS:
            self.take(length * struct.calcsize(_FORMATS[kind]))
        elif kind == _STRING:
            for _ in range(length):
                self.take(self.count(_MAX_STRING_BYTES, "bytes of text"))
        else:
            raise _BrokenError(f"its header has an array of unknown type {kind}")
        return length

    def tensor(self) -> GgufTensor:
        name, dims = self.string(), self.uint32()
        if dims > _MAX_DIMS:
            raise _BrokenError(f"tensor {name!r} claims {dims} dimensions")
        shape = tuple(int(self.number("<Q")) for _ in range(dims))
        kind, offset = self.uint32(), int(self.number("<Q"))
        return GgufTensor(name=name, shape=shape, type=kind, offset=offset)
