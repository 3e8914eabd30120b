"""Watching an OpenAI-shaped stream that is relayed verbatim: chat and legacy completions alike.

It works on whole frames found from the end of what has come, and looks into them with byte patterns. A quote inside
a JSON string is escaped, so `"usage":{` can only be a field. Only a frame with usage or an error is parsed.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from pointsman.core.stream import StreamFailed
from pointsman.dialects.error_bodies import decode_error_body, failure_of
from pointsman.dialects.frames import MAX_FRAME_BYTES, is_event_stream, too_large
from pointsman.dialects.openai_chat.reply import decode_usage
from pointsman.dialects.openai_chat.stream_decoder import MAX_HEAD_BYTES, failure_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pointsman.core.chat import Usage

# What is said: the text of a delta, of its reasoning, of a refusal, of a call's arguments, of a legacy completion.
_SAID = re.compile(
    rb'"(?:content|text|reasoning(?:_content)?|refusal|arguments)"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL
)
_CALL = re.compile(rb'"(?:tool_calls|function_call)"\s*:\s*[\[{]\s*[{"]')
_FINISH = re.compile(rb'"finish_reason"\s*:\s*"')
_USAGE = re.compile(rb'"usage"\s*:\s*\{')
_ERROR = re.compile(rb'"error"\s*:\s*[{"]|"object"\s*:\s*"error"|(?:^|[\r\n])event:\s*error')
_DONE = re.compile(rb"(?:^|[\r\n])data:\s*\[DONE\]\s*(?:$|[\r\n])")
_BLANK_LINES = (b"\n\n", b"\n\r\n", b"\r\r")
_FRAME_END = re.compile(rb"\n\r?\n|\r\r")
_LINE_END = re.compile(rb"\r\n|\n|\r")


class ChatRelayScanner:
    """See base.RelayScanner.

    `output_chars` counts the bytes of JSON strings as characters where they are ASCII, an escape as one; it is an
    estimate for streams without usage. A finish reason before a clean close counts as the end, as `[DONE]` does.
    """

    def __init__(self, *, strip_usage: bool) -> None:
        """*strip_usage* takes out the frame that holds usage and no choices."""
        self.has_content = False
        self.usage: Usage | None = None
        self.failure: StreamFailed | None = None
        self.ended = False
        self.output_chars = 0
        self._strip_usage = strip_usage
        self._head: bytes | None = b""  # until it is clear that this is a stream; then None
        self._pieces: list[bytes] = []
        self._pending_bytes = 0
        self._tail = b""  # the last two bytes of what is pending: a blank line may be split
        self._has_finished = False

    def feed(self, data: bytes) -> bytes:
        """Frames completed by *data*."""
        if self._head is not None and not self._is_stream(data):
            return data
        end = _end_of_frames(self._tail + data)
        if end < 0:
            return self._hold(data)
        end -= len(self._tail)
        region, rest = (data, b"") if end == len(data) else (data[:end], data[end:])
        region = self._release() + region if self._pieces else region
        sent = self._look(region)
        return sent + self._hold(rest) if rest else sent

    def close(self) -> bytes:
        """What is left at the end of input."""
        sent = self._look(self._release())
        if self._has_finished and self.failure is None:
            self.ended = True
        return sent

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
        """Keep an unfinished frame; one that grows too large is a failure, and let through."""
        self._pieces.append(data)
        self._pending_bytes += len(data)
        self._tail = (self._tail + data)[-2:]
        if self._pending_bytes <= MAX_FRAME_BYTES:
            return b""
        self.failure = self.failure or too_large(MAX_FRAME_BYTES)
        return self._release()

    def _release(self) -> bytes:
        held = b"".join(self._pieces)
        self._pieces, self._pending_bytes, self._tail = [], 0, b""
        return held

    def _look(self, region: bytes) -> bytes:
        """Note what whole frames say; gives the frames to send on."""
        said = _SAID.findall(region)
        if said:
            self.output_chars += sum(map(_chars, said))
        if not self.has_content:
            self.has_content = any(said) or bool(_CALL.search(region) or _FINISH.search(region))
        if not self._has_finished and b'"finish_reason"' in region:
            self._has_finished = _FINISH.search(region) is not None
        if b"[DONE]" in region and _DONE.search(region):
            self.ended = True
        if self.failure is None and (b"error" in region) and _ERROR.search(region):
            self._note_failure(region)
        if b'"usage"' in region and _USAGE.search(region):
            return self._note_usage(region)
        return region

    def _note_failure(self, region: bytes) -> None:
        for frame in _frames(region):
            if _ERROR.search(frame):
                name, data = _read_frame(frame)
                self.failure = self.failure or (failure_in(_loads(data), name) if data else None)

    def _note_usage(self, region: bytes) -> bytes:
        kept: list[bytes] = []
        for frame in _frames(region):
            if _USAGE.search(frame):
                chunk = _loads(_read_frame(frame)[1])
                if isinstance(chunk, dict):
                    found = decode_usage(chunk)
                    self.usage = found or self.usage
                    if self._strip_usage and found is not None and not chunk.get("choices"):
                        continue
            kept.append(frame)
        return b"".join(kept)


def _end_of_frames(data: bytes) -> int:
    """Where the last whole frame of *data* ends; -1 when none does."""
    if data.endswith(b"\n\n"):
        return len(data)
    found = [begin + len(blank) for blank in _BLANK_LINES if (begin := data.rfind(blank)) >= 0]
    return max(found, default=-1)


def _frames(region: bytes) -> Iterable[bytes]:
    """The frames of *region* with their blank lines."""
    begin = 0
    for end in _FRAME_END.finditer(region):
        yield region[begin : end.end()]
        begin = end.end()
    if begin < len(region):
        yield region[begin:]


def _read_frame(frame: bytes) -> tuple[str | None, str]:
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


def _loads(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _chars(said: bytes) -> int:
    """Characters in the inside of a JSON string, an escape counted as one."""
    if b"\\" not in said and said.isascii():
        return len(said)
    text = said.decode(errors="replace")
    return len(text) - text.count("\\") - 4 * text.count("\\u")
