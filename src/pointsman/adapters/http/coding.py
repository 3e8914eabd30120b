"""Bodies that a server compressed although nobody asked it to, in small pieces, whatever they inflate to."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

PIECE_BYTES: Final = 64 * 1024
_GZIP_MAGIC: Final = b"\x1f\x8b"
_PLAIN: Final = frozenset(("", "identity", "none"))
_NAMES: Final = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}
_EITHER_HEADER: Final = 32 + zlib.MAX_WBITS  # zlib's or gzip's
_NO_HEADER: Final = -zlib.MAX_WBITS
_DEFLATED: Final = 8  # the method in the low half of zlib's first byte


class Undecodable(ValueError):
    """A coding that is not known, or bytes that are not of it."""


@dataclass(slots=True)
class Inflater:
    """Undoes one content coding. What is labelled and not compressed goes through as it is."""

    coding: str
    _inflate: zlib._Decompress | None = field(default=None, init=False)
    _is_plain: bool = field(default=False, init=False)
    _begun: bytes = field(default=b"", init=False)  # until two bytes tell what it is

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What *data* inflates to, in pieces of PIECE_BYTES at most."""
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
        """What is left at the end of input; Undecodable when that came too early."""
        if self._inflate is None:
            return self._begun
        if not self._inflate.eof:
            raise Undecodable(f"its {self.coding} ended too early")
        return b""

    def _begin(self, data: bytes) -> None:
        if data.startswith(_GZIP_MAGIC) or _has_zlib_header(data):
            self._inflate = zlib.decompressobj(_EITHER_HEADER)
        elif self.coding == "deflate" and data[:1] not in b"{[d:e<":
            self._inflate = zlib.decompressobj(_NO_HEADER)  # some servers take the name at its word
        else:
            self._is_plain = True


def inflater(content_encoding: str | None) -> Inflater | None:
    """What undoes *content_encoding*, the header's value; None where there is none to undo, Undecodable if unknown."""
    if content_encoding is None:
        return None
    coding = content_encoding.strip().lower()
    if coding in _PLAIN:
        return None
    name = _NAMES.get(coding)
    if name is None:
        raise Undecodable(f"its content coding {coding[:40]!a} was not asked for and is not known")
    return Inflater(name)


def _has_zlib_header(data: bytes) -> bool:
    return data[0] & 0x0F == _DEFLATED and int.from_bytes(data[:2], "big") % 31 == 0
