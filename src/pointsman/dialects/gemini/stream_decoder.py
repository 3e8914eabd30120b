"""A stream read: server-sent bytes in, neutral events out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.core.chat import Reasoning, StopReason, Text, ToolCall
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
from pointsman.dialects.error_bodies import failure_of
from pointsman.dialects.frames import SseEvent, SseFrames, is_event_stream
from pointsman.dialects.gemini import errors, finish, probabilities
from pointsman.dialects.gemini.reply import CallIds, decode_said, extras_of_candidate, extras_of_start
from pointsman.dialects.gemini.spelling import own
from pointsman.dialects.gemini.usage import decode_usage
from pointsman.dialects.sse_relay import MAX_HEAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pointsman.core.chat import Usage
    from pointsman.core.jsontypes import Json, JsonObject


@dataclass(slots=True)
class _Candidate:
    ids: CallIds
    calls: int = 0
    has_spoken: bool = False
    is_finished: bool = False
    extras: JsonObject = field(default_factory=dict)


@dataclass(slots=True)
class GeminiStreamDecoder:
    """See base.StreamDecoder. There is no mark of the end: a stream whose every candidate has finished has ended."""

    _frames: SseFrames = field(default_factory=SseFrames)
    _head: bytes = b""
    _is_stream: bool | None = None
    _is_over: bool = False
    _identity: str | None = None
    _usage: Usage | None = None
    _candidates: dict[int, _Candidate] = field(default_factory=dict)

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
            return (failure_of(errors.decode_error(self._head)),)
        found = [event for frame in self._frames.close() for event in self._read(frame)]
        if not self._is_over and self._candidates and all(one.is_finished for one in self._candidates.values()):
            self._is_over = True
            if self._usage is not None:
                found.append(UsageReported(usage=self._usage))
            found.append(Ended())
        return found

    def _read(self, frame: SseEvent | StreamFailed) -> Iterator[StreamEvent]:
        if self._is_over:
            return
        if isinstance(frame, StreamFailed):
            self._is_over = True
            yield frame
            return
        try:
            chunk = json.loads(frame.data)
        except (ValueError, RecursionError):
            chunk = None
        failure = errors.failure_in(chunk)
        if failure is None:
            yield from self._read_chunk(chunk)
        else:
            self._is_over = True
            yield failure

    def _read_chunk(self, chunk: JsonObject) -> Iterator[StreamEvent]:
        if self._identity is None:
            self._identity = _text(chunk.get("responseId"))
            model = _text(chunk.get("modelVersion"))
            yield Started(id=self._identity, model=model, created_s=0, extras=extras_of_start(chunk))
        self._usage = decode_usage(chunk.get("usageMetadata")) or self._usage
        candidates = chunk.get("candidates")
        found = candidates if isinstance(candidates, list) else []
        for position, item in enumerate(found):
            if isinstance(item, dict) and not self._is_over:
                yield from self._read_candidate(item, position)
        if not found and not self._candidates and finish.blocked(chunk.get("promptFeedback")):
            self._candidates[0] = _Candidate(CallIds(self._identity), is_finished=True)
            yield Stopped(reason=StopReason.CONTENT_FILTER)

    def _read_candidate(self, item: JsonObject, position: int) -> Iterator[StreamEvent]:
        index = item.get("index")
        choice = index if isinstance(index, int) else position
        state = self._candidates.setdefault(choice, _Candidate(CallIds(self._identity or "")))
        state.extras |= extras_of_candidate(item)
        content = item.get("content")
        if isinstance(content, dict):
            yield from self._read_parts(content, choice, state)
            if self._is_over:
                return
        logprobs = probabilities.decode_result(item.get("logprobsResult"))
        if logprobs is not None:
            yield LogprobsDelta(logprobs=logprobs, choice=choice)
        given = item.get("finishReason")
        reason, more = finish.decode_finish(given, has_calls=state.calls > 0)
        if reason is None or state.is_finished:
            return
        if finish.is_failure(given) and not state.has_spoken:
            self._is_over = True
            yield StreamFailed(message=f"the model's answer was spoiled: {given}", status=500, code=_text(given))
            return
        state.is_finished = True
        yield Stopped(reason=reason, choice=choice, extras=own({**more, **state.extras}))

    def _read_parts(self, content: JsonObject, choice: int, state: _Candidate) -> Iterator[StreamEvent]:
        try:
            for part in decode_said(content, "content", state.ids):
                state.has_spoken = True
                match part:
                    case Text() if part.text:
                        yield TextDelta(text=part.text, choice=choice)
                    case Reasoning():
                        yield ReasoningDelta(
                            text=part.text, choice=choice, signature=part.signature, origin=part.origin
                        )
                    case ToolCall():
                        state.calls += 1
                        yield ToolCallDelta(
                            index=state.calls - 1,
                            choice=choice,
                            id=part.id,
                            name=part.name,
                            arguments=part.arguments,
                            extras=part.extras,
                        )
                    case _:
                        pass
        except InvalidRequest as error:
            self._is_over = True
            yield StreamFailed(message=f"a piece of the endpoint's stream is malformed: {error.message}")


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
