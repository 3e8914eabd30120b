"""A Messages stream read: server-sent bytes in, neutral events out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.core.stream import (
    Ended,
    ReasoningDelta,
    Started,
    Stopped,
    StreamEvent,
    StreamFailed,
    TextDelta,
    ToolCallDelta,
    UsageReported,
)
from pointsman.dialects import signatures
from pointsman.dialects.anthropic_messages import thinking
from pointsman.dialects.anthropic_messages.calls import said_extras, said_input
from pointsman.dialects.anthropic_messages.content import NAME
from pointsman.dialects.anthropic_messages.errors import decode_error, error_in
from pointsman.dialects.anthropic_messages.reply import decode_stop, extras_of_start
from pointsman.dialects.anthropic_messages.usage import decode_usage, merged
from pointsman.dialects.error_bodies import failure_of
from pointsman.dialects.frames import SseEvent, SseFrames, is_event_stream
from pointsman.dialects.sse_relay import MAX_HEAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pointsman.core.jsontypes import Json, JsonObject


@dataclass(slots=True)
class MessagesStreamDecoder:
    """See base.StreamDecoder. Blocks and deltas of unknown types say nothing; only `message_stop` is an end."""

    _frames: SseFrames = field(default_factory=SseFrames)
    _head: bytes = b""
    _is_stream: bool | None = None
    _is_over: bool = False
    _counts: JsonObject = field(default_factory=dict)
    _calls: dict[int, int] = field(default_factory=dict)  # the block's index -> the call's number
    _signatures: dict[int, str] = field(default_factory=dict)

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
            return (failure_of(decode_error(self._head)),)
        return [event for frame in self._frames.close() for event in self._read(frame)]

    def _read(self, frame: SseEvent | StreamFailed) -> Iterator[StreamEvent]:
        if self._is_over:
            return
        if isinstance(frame, StreamFailed):
            self._is_over = True
            yield frame
            return
        try:
            event = json.loads(frame.data)
        except (ValueError, RecursionError):
            event = None
        failure = failure_in(event, frame.event)
        if failure is None:
            yield from self._read_event(event)
        else:
            self._is_over = True
            yield failure

    def _read_event(self, event: JsonObject) -> Iterator[StreamEvent]:
        index = event.get("index")
        place = index if isinstance(index, int) else 0
        match event.get("type"):
            case "message_start":
                yield self._start(_object(event.get("message")))
            case "content_block_start":
                yield from self._begin(_object(event.get("content_block")), place)
            case "content_block_delta":
                yield from self._add(_object(event.get("delta")), place)
            case "content_block_stop":
                yield from self._sign(place)
            case "message_delta":
                self._counts = merged(self._counts, event.get("usage"))
                reason, extras = decode_stop(_object(event.get("delta")))
                if reason is not None:
                    yield Stopped(reason=reason, extras=extras)
            case "message_stop":
                self._is_over = True
                usage = decode_usage(self._counts)
                if usage is not None:
                    yield UsageReported(usage=usage)
                yield Ended()
            case _:
                pass

    def _start(self, message: JsonObject) -> Started:
        self._counts = merged(self._counts, message.get("usage"))
        return Started(
            id=_text(message.get("id")), model=_text(message.get("model")), created_s=0, extras=extras_of_start(message)
        )

    def _begin(self, block: JsonObject, place: int) -> Iterator[StreamEvent]:
        match block.get("type"):
            case "text":
                yield from _said(TextDelta, block.get("text"))
            case "thinking":
                yield from _said(ReasoningDelta, block.get("thinking"))
                self._note_signature(block, place)
            case "redacted_thinking":
                yield ReasoningDelta(text="", signature=thinking.redacted(_text(block.get("data"))), origin=NAME)
            case "tool_use":
                number = self._calls[place] = len(self._calls)
                yield ToolCallDelta(
                    index=number,
                    id=_text(block.get("id")) or None,
                    name=_text(block.get("name")) or None,
                    arguments=said_input(block),
                    extras=said_extras(block),
                )
            case _:
                pass

    def _add(self, delta: JsonObject, place: int) -> Iterator[StreamEvent]:
        match delta.get("type"):
            case "text_delta":
                yield from _said(TextDelta, delta.get("text"))
            case "thinking_delta":
                yield from _said(ReasoningDelta, delta.get("thinking"))
            case "signature_delta":
                self._note_signature(delta, place)
            case "input_json_delta" if place in self._calls:
                piece = _text(delta.get("partial_json"))
                if piece:
                    yield ToolCallDelta(index=self._calls[place], arguments=piece)
            case _:
                pass

    def _note_signature(self, item: JsonObject, place: int) -> None:
        piece = _text(item.get("signature"))
        if piece:
            self._signatures[place] = self._signatures.get(place, "") + piece

    def _sign(self, place: int) -> Iterator[StreamEvent]:
        """The signature of a block that is closed, if it has one."""
        signature, origin = signatures.inward(self._signatures.pop(place, None), NAME)
        if signature is not None or origin is not None:
            yield ReasoningDelta(text="", signature=signature, origin=origin)


def failure_in(event: object, name: str | None) -> StreamFailed | None:
    """The failure that an event of a stream reports, or is."""
    if not isinstance(event, dict):
        return StreamFailed(message="an event of the endpoint's stream is no JSON object")
    if event.get("type") == "error" or name == "error" or ("type" not in event and event.get("error")):
        return failure_of(error_in(event))
    return None


def _said(kind: type[TextDelta | ReasoningDelta], text: Json) -> Iterator[StreamEvent]:
    if text and isinstance(text, str):
        yield kind(text=text)


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
