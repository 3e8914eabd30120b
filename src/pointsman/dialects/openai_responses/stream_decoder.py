"""A Responses stream read: server-sent bytes in, neutral events out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from pointsman.core.stream import Ended, Stopped, StreamEvent, StreamFailed, UsageReported
from pointsman.dialects.error_bodies import decode_error_body, failure_of, read_error
from pointsman.dialects.frames import SseEvent, SseFrames, is_event_stream
from pointsman.dialects.openai_responses.output import OutputReader, logprobs_of
from pointsman.dialects.openai_responses.reply import decode_usage, started, stop_reason
from pointsman.dialects.sse_relay import MAX_HEAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pointsman.core.jsontypes import Json, JsonObject

DONE: Final = "[DONE]"  # some servers end with it; this API has no such thing
ENDS: Final = ("response.completed", "response.incomplete")
FAILURES: Final = ("response.failed", "response.cancelled")

# Event type -> kind of piece, the field that has its text, the field that has its place among its like.
_PIECES = {
    "response.output_text.delta": ("text", "delta", "content_index"),
    "response.refusal.delta": ("refusal", "delta", "content_index"),
    "response.reasoning_summary_text.delta": ("summary", "delta", "summary_index"),
    "response.reasoning_text.delta": ("thought", "delta", "content_index"),
    "response.reasoning.delta": ("thought", "delta", "content_index"),
    "response.function_call_arguments.delta": ("arguments", "delta", ""),
    "response.custom_tool_call_input.delta": ("input", "delta", ""),
}


@dataclass(slots=True)
class ResponsesStreamDecoder:
    """See base.StreamDecoder. A stream without a terminal event was cut, whatever it said."""

    _frames: SseFrames = field(default_factory=SseFrames)
    _head: bytes = b""
    _is_stream: bool | None = None
    _is_over: bool = False
    _has_started: bool = False
    _output: OutputReader = field(default_factory=OutputReader)

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        """The events completed by *data*."""
        if self._is_stream is None:
            self._is_stream = is_event_stream(data)
        if not self._is_stream:
            self._head = (self._head + data[:MAX_HEAD_BYTES])[:MAX_HEAD_BYTES]
            return ()
        return [event for frame in self._frames.feed(data) for event in self._read(frame)]

    def close(self) -> Sequence[StreamEvent]:
        """The events left at the end of input."""
        if self._is_stream is False:
            return (failure_of(decode_error_body(self._head)),)
        return [event for frame in self._frames.close() for event in self._read(frame)]

    def _read(self, frame: SseEvent | StreamFailed) -> Iterator[StreamEvent]:
        if self._is_over:
            return
        if isinstance(frame, StreamFailed):
            self._is_over = True
            yield frame
            return
        if frame.data.strip() == DONE:
            return
        try:
            event = json.loads(frame.data)
        except (ValueError, RecursionError):
            event = None
        failure = failure_in(event, frame.event)
        if failure is not None:
            self._is_over = True
            yield failure
        else:
            yield from self._read_event(event)

    def _read_event(self, event: JsonObject) -> Iterator[StreamEvent]:
        kind = event.get("type")
        if not isinstance(kind, str):
            return
        whole = event.get("response")
        if isinstance(whole, dict) and not self._has_started:
            self._has_started = True
            yield started(whole)
        if kind in _PIECES:
            yield from self._read_piece(kind, event)
        elif kind in {"response.output_item.added", "response.output_item.done"}:
            item = event.get("item")
            if isinstance(item, dict):
                read = self._output.begin if kind.endswith("added") else self._output.finish
                yield from read(_place(event, "output_index"), item)
        elif kind in ENDS:
            yield from self._end(whole if isinstance(whole, dict) else {}, kind)

    def _read_piece(self, kind: str, event: JsonObject) -> Iterator[StreamEvent]:
        piece, text, position = _PIECES[kind]
        yield from self._output.say(_place(event, "output_index"), piece, _place(event, position), event.get(text))
        if piece == "text":
            yield from logprobs_of(event)

    def _end(self, whole: JsonObject, kind: str) -> Iterator[StreamEvent]:
        """The terminal event; an answer that came only with it is read from it."""
        self._is_over = True
        output = whole.get("output")
        if self._output.is_silent and isinstance(output, list):
            for place, item in enumerate(output):
                if isinstance(item, dict):
                    yield from self._output.finish(place, item)
        status: JsonObject = {**whole, "status": kind.removeprefix("response.")}
        yield Stopped(reason=stop_reason(status, has_calls=self._output.calls > 0))
        usage = decode_usage(whole)
        if usage is not None:
            yield UsageReported(usage=usage)
        yield Ended()


def failure_in(event: object, name: str | None) -> StreamFailed | None:
    """The failure that an event of a stream reports, or is."""
    if not isinstance(event, dict):
        return StreamFailed(message="an event of the endpoint's stream is no JSON object")
    kind = event.get("type")
    if kind in FAILURES:
        whole = event.get("response")
        error = whole.get("error") if isinstance(whole, dict) else None
        return failure_of(read_error(error or {"message": f"the endpoint's answer ended with {kind}"}))
    if kind == "error" or name == "error" or event.get("error"):
        found = failure_of(read_error(event))
        return replace(found, code=None) if found.code == "error" else found
    return None


def _place(event: JsonObject, key: str) -> int:
    value: Json = event.get(key)
    return value if isinstance(value, int) else 0
