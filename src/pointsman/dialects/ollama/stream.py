"""Ollama's stream read: newline-delimited JSON in, neutral events out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.core.errors import InvalidRequest
from pointsman.core.stream import (
    Ended,
    LogprobsDelta,
    ReasoningDelta,
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
from pointsman.dialects.frames import NdjsonFrames
from pointsman.dialects.ollama.probabilities import decode_tokens
from pointsman.dialects.ollama.reply import decode_call, decode_reason, decode_usage, identify

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pointsman.core.jsontypes import JsonObject


@dataclass(slots=True)
class OllamaStreamDecoder:
    """See base.StreamDecoder. An error can come on any line, under status 200."""

    _frames: NdjsonFrames = field(default_factory=NdjsonFrames)
    _is_over: bool = False
    _has_started: bool = False
    _calls: int = 0

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        """The events completed by *data*."""
        return [event for frame in self._frames.feed(data) for event in self._read(frame)]

    def close(self) -> Sequence[StreamEvent]:
        """The events left at the end of input."""
        return [event for frame in self._frames.close() for event in self._read(frame)]

    def _read(self, frame: bytes | StreamFailed) -> Iterator[StreamEvent]:
        if self._is_over:
            return
        if isinstance(frame, StreamFailed):
            self._is_over = True
            yield frame
            return
        try:
            line = json.loads(frame)
        except (ValueError, RecursionError):
            line = None
        if not isinstance(line, dict) and self._has_started:
            self._is_over = True
            yield StreamFailed(message="a line of the endpoint's stream is no JSON object")
            return
        if not isinstance(line, dict) or line.get("error"):
            self._is_over = True
            yield failure_of(decode_error_body(frame) if line is None else read_error(line))
            return
        try:
            yield from self._read_line(line)
        except InvalidRequest as error:
            self._is_over = True
            yield StreamFailed(message=f"a line of the endpoint's stream is malformed: {error.message}")

    def _read_line(self, line: JsonObject) -> Iterator[StreamEvent]:
        if not self._has_started:
            self._has_started = True
            identity, model, created_s = identify(line)
            yield Started(id=identity, model=model, created_s=created_s)
        message = fields.mapping(line, "message") or {}
        thinking = fields.string(message, "thinking", "message")
        if thinking:
            yield ReasoningDelta(text=thinking)
        text = fields.string(message, "content", "message")
        if text:
            yield TextDelta(text=text)
        for item in fields.objects(message, "tool_calls", "message"):
            call = decode_call(item, self._calls)
            yield ToolCallDelta(index=self._calls, id=call.id, name=call.name, arguments=call.arguments)
            self._calls += 1
        logprobs = decode_tokens(line)
        if logprobs is not None:
            yield LogprobsDelta(logprobs=logprobs)
        if line.get("done") is True:
            yield from self._end(line)

    def _end(self, line: JsonObject) -> Iterator[StreamEvent]:
        self._is_over = True
        yield Stopped(reason=decode_reason(line.get("done_reason"), has_calls=self._calls > 0))
        usage = decode_usage(line)
        if usage is not None:
            yield UsageReported(usage=usage)
        yield Ended()
