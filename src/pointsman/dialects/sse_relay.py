"""Watching a server-sent stream that is relayed verbatim, whatever dialect it is of.

It works on whole frames found from the end of what has come; a dialect looks into them. What the dialect does not take
out goes on byte for byte.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from pointsman.core.stream import StreamFailed
from pointsman.dialects.error_bodies import decode_error_body, failure_of
from pointsman.dialects.frames import MAX_FRAME_BYTES, is_event_stream, too_large

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pointsman.core.chat import Usage

MAX_HEAD_BYTES: Final = 65_536  # kept of a body that is no stream, for its message
GARBAGE: Final = "an event of the endpoint's stream is no JSON object"

_DONE = "[DONE]"
_BLANK_LINES = (b"\n\n", b"\n\r\n", b"\r\r")
_FRAME_END = re.compile(rb"\n\r?\n|\r\r")
_LINE_END = re.compile(rb"\r\n|\n|\r")


class SseRelayScanner(ABC):
    """See base.RelayScanner, which a dialect completes with `look`.

    `output_chars` counts the bytes of JSON strings as characters where they are ASCII, an escape as one; it is an
    estimate for streams without usage.
    """

    def __init__(self) -> None:
        """Nothing seen yet."""
        self.has_content = False
        self.usage: Usage | None = None
        self.failure: StreamFailed | None = None
        self.is_cut = False
        self.ended = False
        self.output_chars = 0
        self._head: bytes | None = b""  # until it is clear that this is a stream; then None
        self._pieces: list[bytes] = []
        self._pending_bytes = 0
        self._tail = b""  # the last two bytes of what is pending: a blank line may be split

    @abstractmethod
    def look(self, region: bytes) -> bytes:
        """Note what whole frames say; gives the frames to send on."""

    def feed(self, data: bytes) -> bytes:
        """Frames completed by *data*."""
        if self.is_cut:
            return b""
        if self._head is not None and not self._is_stream(data):
            return data
        end = _end_of_frames(self._tail + data)
        if end < 0:
            return self._hold(data)
        end -= len(self._tail)
        region, rest = (data, b"") if end == len(data) else (data[:end], data[end:])
        region = self._release() + region if self._pieces else region
        sent = self._looked(region)
        return sent + self._hold(rest) if rest else sent

    def close(self) -> bytes:
        """What is left at the end of input."""
        rest = self._release()
        return self.look(rest if self.ended else self._before_garbage(rest))

    def _looked(self, region: bytes) -> bytes:
        """What `look` leaves of *region* up to the first event that is none; most often a count shows there is none."""
        end = b"\r\n\r\n" if region.endswith(b"\r\n") else b"\n\n"
        frames = region.count(end)
        if not frames == region.count(b"}" + end) == region.count(b"data: {") and not self.ended:
            region = self._before_garbage(region)
        return self.look(region)

    def _before_garbage(self, region: bytes) -> bytes:
        kept = 0
        for frame in frames_of(region):
            name, data = read_frame(frame)
            value = loads(data) if data else {}
            if data.strip() == _DONE or name == "error" or (isinstance(value, dict) and value.get("error")):
                break  # the end, or the endpoint's own word for its failure
            if not isinstance(value, dict):
                self.failure = self.failure or StreamFailed(message=GARBAGE)
                self.is_cut = True
                return region[:kept]
            kept += len(frame)
        return region

    def _is_stream(self, data: bytes) -> bool:
        """Whether *data* goes on (or begins) an event stream; what does not is a failure, and not looked into."""
        head = (self._head or b"") + data[:MAX_HEAD_BYTES]
        found = is_event_stream(head)
        if found:
            self._head = None
            return True
        if found is False and len(self._head or b"") < MAX_HEAD_BYTES:
            self._head = head[:MAX_HEAD_BYTES]
            self.failure = failure_of(decode_error_body(self._head))
        return False

    def _hold(self, data: bytes) -> bytes:
        """Keep an unfinished frame; one that grows too large is a failure, and dropped."""
        self._pieces.append(data)
        self._pending_bytes += len(data)
        self._tail = (self._tail + data)[-2:]
        if self._pending_bytes <= MAX_FRAME_BYTES:
            return b""
        self.failure = self.failure or too_large(MAX_FRAME_BYTES)
        self.is_cut = True
        self._release()
        return b""

    def _release(self) -> bytes:
        held = b"".join(self._pieces)
        self._pieces, self._pending_bytes, self._tail = [], 0, b""
        return held


def _end_of_frames(data: bytes) -> int:
    """Where the last whole frame of *data* ends; -1 when none does."""
    if data.endswith(b"\n\n"):
        return len(data)
    found = [begin + len(blank) for blank in _BLANK_LINES if (begin := data.rfind(blank)) >= 0]
    return max(found, default=-1)


def frames_of(region: bytes) -> Iterable[bytes]:
    """The frames of *region* with their blank lines."""
    begin = 0
    for end in _FRAME_END.finditer(region):
        yield region[begin : end.end()]
        begin = end.end()
    if begin < len(region):
        yield region[begin:]


def read_frame(frame: bytes) -> tuple[str | None, str]:
    """The event's name and its data."""
    name: str | None = None
    data: list[str] = []
    for line in _LINE_END.split(frame):
        key, _, value = line.partition(b":")
        if key == b"data":
            data.append(value.removeprefix(b" ").decode(errors="replace"))
        elif key == b"event":
            name = value.strip().decode(errors="replace")
    return name, "\n".join(data)


def loads(text: str | bytes) -> object:
    """The value of a JSON text; None when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def said_chars(said: bytes) -> int:
    """Characters in the inside of a JSON string, an escape counted as one."""
    if b"\\" not in said and said.isascii():
        return len(said)
    text = said.decode(errors="replace")
    return len(text) - text.count("\\") - 4 * text.count("\\u")
