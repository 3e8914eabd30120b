"""Bodies that a server compressed although nobody asked it to, in small pieces, whatever they inflate to."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import brotli

PIECE_BYTES: Final = 64 * 1024
_GZIP_MAGIC: Final = b"\x1f\x8b"
_PLAIN: Final = frozenset(("", "identity", "none"))
_NAMES: Final = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate", "br": "br"}
_TEXT_BEGINS: Final = b"{[d:e<"  # JSON, server-sent events, a page
_EITHER_HEADER: Final = 32 + zlib.MAX_WBITS  # zlib's or gzip's
_NO_HEADER: Final = -zlib.MAX_WBITS
_DEFLATED: Final = 8  # the method in the low half of zlib's first byte


class Undecodable(ValueError):
    """A coding that is not known, or bytes that are not of it."""


class Decoder(Protocol):
    """Undoes one content coding."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What *data* inflates to, in pieces of about PIECE_BYTES."""

    def close(self) -> bytes:
        """What is left at the end of input; Undecodable when that came too early."""


@dataclass(slots=True)
class Inflater:
    """Undoes gzip and deflate; *coding* is the one named. What is labelled and not compressed goes through as it is."""

    coding: str
    _inflate: zlib._Decompress | None = field(default=None, init=False)
    _is_plain: bool = field(default=False, init=False)
    _begun: bytes = field(default=b"", init=False)  # until two bytes tell what it is

    def feed(self, data: bytes) -> Iterator[bytes]:
        """See Decoder."""
        if self._inflate is None and not self._is_plain:
            self._begun += data
            if len(self._begun) < len(_GZIP_MAGIC):
                return
            data, self._begun = self._begun, b""
            self._begin(data)
        if self._inflate is None:
            yield data
            return
        try:
            while data:
                piece = self._inflate.decompress(data, PIECE_BYTES)
                data = self._inflate.unconsumed_tail
                if piece:
                    yield piece
        except zlib.error as error:
            raise Undecodable(f"its {self.coding} is broken") from error

    def close(self) -> bytes:
        """See Decoder."""
        if self._inflate is None:
            return self._begun
        if not self._inflate.eof:
            raise Undecodable(f"its {self.coding} ended too early")
        return b""

    def _begin(self, data: bytes) -> None:
        if data.startswith(_GZIP_MAGIC) or _has_zlib_header(data):
            self._inflate = zlib.decompressobj(_EITHER_HEADER)
        elif self.coding == "deflate" and data[:1] not in _TEXT_BEGINS:
            self._inflate = zlib.decompressobj(_NO_HEADER)  # some servers take the name at its word
        else:
            self._is_plain = True


@dataclass(slots=True)
class Brotli:
    """Undoes brotli, which has no mark of its own: what begins as text and is no brotli goes through as it is."""

    _decompressor: brotli.Decompressor | None = field(default=None, init=False)
    _is_plain: bool = field(default=False, init=False)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """See Decoder."""
        if self._is_plain:
            yield data
            return
        import brotli

        is_first = self._decompressor is None
        decompressor = self._decompressor = self._decompressor or brotli.Decompressor()
        try:
            piece = decompressor.process(data, output_buffer_limit=PIECE_BYTES)
        except brotli.error as error:
            if not is_first or data[:1] not in _TEXT_BEGINS:
                raise Undecodable("its br is broken") from error
            self._is_plain = True
            yield data
            return
        try:
            while piece:
                yield piece
                piece = (
                    b"" if decompressor.is_finished() else decompressor.process(b"", output_buffer_limit=PIECE_BYTES)
                )
        except brotli.error as error:
            raise Undecodable("its br is broken") from error

    def close(self) -> bytes:
        """See Decoder."""
        if not self._is_plain and self._decompressor is not None and not self._decompressor.is_finished():
            raise Undecodable("its br ended too early")
        return b""


def inflater(content_encoding: str | None) -> Decoder | None:
    """What undoes *content_encoding*, the header's value; None where there is none to undo, Undecodable if unknown."""
    if content_encoding is None:
        return None
    coding = content_encoding.strip().lower()
    if coding in _PLAIN:
        return None
    name = _NAMES.get(coding)
    if name is None:
        raise Undecodable(f"its content coding {coding[:40]!a} was not asked for and is not known")
    return Brotli() if name == "br" else Inflater(name)


def _has_zlib_header(data: bytes) -> bool:
    return data[0] & 0x0F == _DEFLATED and int.from_bytes(data[:2], "big") % 31 == 0
