"""Framing of streams, without I/O: bytes in, as they come; whole server-sent events or lines out.

The same bytes give the same frames wherever they are split. A frame over the limit ends the stream with StreamFailed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.core.stream import StreamFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_FRAME_BYTES = 8 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"
_FIRST_BYTES_OF_SSE = frozenset(b":deir\xef")  # a comment, data, event, id, retry, a byte order mark


@dataclass(frozen=True, slots=True, kw_only=True)
class SseEvent:
    """One server-sent event: its name, if it has one, and its data lines joined by line feeds."""

    data: str
    event: str | None = None


@dataclass(slots=True)
class Lines:
    """Cuts bytes into lines at LF, CRLF or CR; lines come without their end."""

    _pieces: list[bytes] = field(default_factory=list)
    _skip_line_feed: bool = False
    pending_bytes: int = 0

    def feed(self, data: bytes) -> Sequence[bytes]:
        """The lines completed by *data*."""
        if self._skip_line_feed and data:
            self._skip_line_feed = False
            data = data.removeprefix(b"\n")
        if not data:
            return ()
        if b"\n" not in data and b"\r" not in data:
            self._pieces.append(data)
            self.pending_bytes += len(data)
            return ()
        self._skip_line_feed = data.endswith(b"\r")
        lines = b"".join((*self._pieces, data)).splitlines()
        rest = b"" if data.endswith((b"\n", b"\r")) else lines.pop()
        self._pieces = [rest] if rest else []
        self.pending_bytes = len(rest)
        return lines

    def close(self) -> bytes:
        """What is left at the end of input."""
        rest = b"".join(self._pieces)
        self._pieces, self.pending_bytes = [], 0
        return rest


@dataclass(slots=True)
class SseFrames:
    """Server-sent events out of bytes. After a StreamFailed it gives nothing more."""

    max_frame_bytes: int = MAX_FRAME_BYTES
    _lines: Lines = field(default_factory=Lines)
    _event: str | None = None
    _data: list[str] = field(default_factory=list)
    _frame_bytes: int = 0
    _is_first_line: bool = True
    _is_dead: bool = False

    def feed(self, data: bytes) -> Sequence[SseEvent | StreamFailed]:
        """The events completed by *data*."""
        if self._is_dead:
            return ()
        found: list[SseEvent | StreamFailed] = list(self._complete(self._lines.feed(data)))
        if self._frame_bytes + self._lines.pending_bytes > self.max_frame_bytes:
            self._is_dead = True
            found.append(too_large(self.max_frame_bytes))
        return found

    def close(self) -> Sequence[SseEvent | StreamFailed]:
        """The event left at the end of input: its last blank line may be missing."""
        rest = self._lines.close()
        if self._is_dead:
            return ()
        return tuple(self._complete((rest, b"")))

    def _complete(self, lines: Sequence[bytes]) -> Iterator[SseEvent]:
        for line in lines:
            if line:
                self._frame_bytes += len(line)
                if self._frame_bytes > self.max_frame_bytes:
                    return
                self._add(line)
                continue
            if self._data:
                yield SseEvent(data="\n".join(self._data), event=self._event)
            self._data, self._event, self._frame_bytes = [], None, 0

    def _add(self, line: bytes) -> None:
        if self._is_first_line:
            self._is_first_line = False
            line = line.removeprefix(_BOM)
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" ").decode(errors="replace"))
        elif name == b"event":
            self._event = value.removeprefix(b" ").decode(errors="replace")


@dataclass(slots=True)
class NdjsonFrames:
    """Non-blank lines out of bytes, one JSON text each. After a StreamFailed it gives nothing more."""

    max_frame_bytes: int = MAX_FRAME_BYTES
    _lines: Lines = field(default_factory=Lines)
    _is_dead: bool = False

    def feed(self, data: bytes) -> Sequence[bytes | StreamFailed]:
        """The lines completed by *data*."""
        if self._is_dead:
            return ()
        found: list[bytes | StreamFailed] = []
        for line in self._lines.feed(data):
            if len(line) > self.max_frame_bytes:
                self._is_dead = True
                break
            if line.strip(_BLANK):
                found.append(line)
        if self._is_dead or self._lines.pending_bytes > self.max_frame_bytes:
            self._is_dead = True
            found.append(too_large(self.max_frame_bytes))
        return found

    def close(self) -> Sequence[bytes | StreamFailed]:
        """The line left at the end of input: its line feed may be missing."""
        rest = self._lines.close()
        return () if self._is_dead or not rest.strip(_BLANK) else (rest,)


def too_large(limit_bytes: int) -> StreamFailed:
    """The failure of a stream whose frame is larger than *limit_bytes*."""
    return StreamFailed(message=f"a frame of the endpoint's stream is larger than {limit_bytes} bytes")


def is_event_stream(head: bytes) -> bool | None:
    """Whether bytes that begin with *head* are server-sent events; None while only blanks have come."""
    begun = head.lstrip(_BLANK)
    return begun[0] in _FIRST_BYTES_OF_SSE if begun else None
