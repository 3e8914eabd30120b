"""A Chat Completions stream read: server-sent bytes in, neutral events out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.core.stream import (
    Ended,
    LogprobsDelta,
    ReasoningDelta,
    RefusalDelta,
    Started,
    Stopped,
    StreamEvent,
    StreamFailed,
    TextDelta,
    ToolCallDelta,
    UsageReported,
)
from pointsman.dialects import fields
from pointsman.dialects.error_bodies import decode_error_body, failure_of, read_error
from pointsman.dialects.frames import SseEvent, SseFrames, is_event_stream
from pointsman.dialects.openai_chat.content import own
from pointsman.dialects.openai_chat.google import signature_in
from pointsman.dialects.openai_chat.reply import decode_logprobs, decode_reason, decode_usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pointsman.core.chat import Usage
    from pointsman.core.jsontypes import Json, JsonObject

DONE = "[DONE]"
MAX_HEAD_BYTES = 65_536  # kept of a body that is no stream, for its message

_NOT_OF_THE_START = frozenset(("id", "object", "created", "model", "choices", "usage", "obfuscation"))
_NOT_OF_A_CALL = frozenset(("index", "id", "type", "function", "custom"))


@dataclass(slots=True)
class CallNumbers:
    """Our number for each tool call of a stream.

    Expected: one `index` for each call. Actual: some servers say 0 for every call, or nothing. A new id at a used
    index is a new call.
    """

    _current: dict[tuple[int, int], tuple[int, str]] = field(default_factory=dict)
    _used: dict[int, set[int]] = field(default_factory=dict)

    def of(self, choice: int, wire_index: int, identity: str) -> int:
        """The number of the call that *choice* continues, or begins, at *wire_index*."""
        known = self._current.get((choice, wire_index))
        if known is not None and (not identity or known[1] in ("", identity)):
            return known[0]
        used = self._used.setdefault(choice, set())
        number = wire_index if wire_index not in used else max(used) + 1
        used.add(number)
        self._current[choice, wire_index] = (number, identity)
        return number


@dataclass(slots=True)
class ChatStreamDecoder:
    """See base.StreamDecoder. A stream whose every choice has finished has ended, with or without its `[DONE]`."""

    _frames: SseFrames = field(default_factory=SseFrames)
    _head: bytes = b""
    _is_stream: bool | None = None
    _is_over: bool = False
    _has_started: bool = False
    _usage: Usage | None = None
    _finished: dict[int, bool] = field(default_factory=dict)
    _calls: CallNumbers = field(default_factory=CallNumbers)

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
        found = [event for frame in self._frames.close() for event in self._read(frame)]
        if not self._is_over and self._finished and all(self._finished.values()):
            found.extend(self._end())
        return found

    def _read(self, frame: SseEvent | StreamFailed) -> Iterator[StreamEvent]:
        if self._is_over:
            return
        if isinstance(frame, StreamFailed):
            self._is_over = True
            yield frame
        elif frame.data.strip() == DONE:
            yield from self._end()
        else:
            try:
                chunk = json.loads(frame.data)
            except (ValueError, RecursionError):
                chunk = None
            failure = failure_in(chunk, frame.event)
            if failure is None:
                yield from self._read_chunk(chunk)
            else:
                self._is_over = True
                yield failure

    def _end(self) -> Iterator[StreamEvent]:
        self._is_over = True
        if self._usage is not None:
            yield UsageReported(usage=self._usage)
        yield Ended()

    def _read_chunk(self, chunk: JsonObject) -> Iterator[StreamEvent]:
        choices = chunk.get("choices")
        if not self._has_started and isinstance(choices, list):
            self._has_started = True
            yield _started(chunk)
        self._usage = decode_usage(chunk) or self._usage
        for item in choices if isinstance(choices, list) else ():
            if isinstance(item, dict):
                yield from self._read_choice(item)

    def _read_choice(self, item: JsonObject) -> Iterator[StreamEvent]:
        index = item.get("index")
        choice = index if isinstance(index, int) else 0
        self._finished.setdefault(choice, False)
        delta = item.get("delta")
        if isinstance(delta, dict):
            yield from self._read_delta(delta, choice)
        logprobs = decode_logprobs(item.get("logprobs"))
        if isinstance(logprobs, dict):
            yield LogprobsDelta(logprobs=logprobs, choice=choice)
        reason = decode_reason(item.get("finish_reason"))
        if reason is not None:
            self._finished[choice] = True
            yield Stopped(reason=reason, choice=choice)

    def _read_delta(self, delta: JsonObject, choice: int) -> Iterator[StreamEvent]:
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if thought and isinstance(thought, str):
            yield ReasoningDelta(text=thought, choice=choice)
        text = delta.get("content")
        if text and isinstance(text, str):
            yield TextDelta(text=text, choice=choice)
        refusal = delta.get("refusal")
        if refusal and isinstance(refusal, str):
            yield RefusalDelta(text=refusal, choice=choice)
        calls = delta.get("tool_calls")
        for position, call in enumerate(calls if isinstance(calls, list) else ()):
            if isinstance(call, dict):
                yield self._read_call(call, choice, position)
        legacy = delta.get("function_call")
        if isinstance(legacy, dict):
            yield ToolCallDelta(
                index=0,  # there is one of these at most
                choice=choice,
                name=_text(legacy.get("name")),
                arguments=_text(legacy.get("arguments")) or "",
                extras=own({"function_call": True}),
            )

    def _read_call(self, call: JsonObject, choice: int, position: int) -> ToolCallDelta:
        wire_index = call.get("index")
        identity = _text(call.get("id"))
        is_custom = isinstance(call.get("custom"), dict)
        body = call.get("custom" if is_custom else "function")
        if not isinstance(body, dict):
            body = {}
        extras = fields.others(call, _NOT_OF_A_CALL)
        return ToolCallDelta(
            index=self._calls.of(choice, wire_index if isinstance(wire_index, int) else position, identity or ""),
            choice=choice,
            id=identity,
            name=_text(body.get("name")),
            arguments=_text(body.get("input" if is_custom else "arguments")) or "",
            extras={**own({"type": "custom", **extras} if is_custom else extras), **signature_in(call)},
        )


def failure_in(chunk: object, event: str | None) -> StreamFailed | None:
    """The failure that an event of a stream reports, or is."""
    if not isinstance(chunk, dict):
        return StreamFailed(message="an event of the endpoint's stream is no JSON object")
    if chunk.get("error") or event == "error" or chunk.get("object") == "error":
        return failure_of(read_error(chunk))
    return None


def _started(chunk: JsonObject) -> Started:
    created = chunk.get("created")
    extras: JsonObject = {
        key: value for key, value in chunk.items() if key not in _NOT_OF_THE_START and value is not None
    }
    return Started(
        id=_text(chunk.get("id")) or "",
        model=_text(chunk.get("model")) or "",
        created_s=int(created) if isinstance(created, int | float) else 0,
        extras=own(extras),
    )


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None
