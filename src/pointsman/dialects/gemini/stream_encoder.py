"""A stream written: neutral events in, server-sent bytes out, for `alt=sse`. Without that a server reframes them.

Two habits of clients shape it. Some drop a whole turn from their memory when one piece of it has no text, so the last
character is kept back to stand beside the finish reason. And none may be sent half a call, so arguments are gathered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from pointsman.core.chat import NO_EXTRAS, ToolCall
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
from pointsman.dialects.gemini.calls import encode_call
from pointsman.dialects.gemini.errors import error_body
from pointsman.dialects.gemini.reply import candidate, head, seal_of
from pointsman.dialects.gemini.usage import encode_usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pointsman.core.chat import Usage
    from pointsman.core.jsontypes import Json, JsonObject

_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_dumps_ascii = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    extras: Mapping[str, JsonObject] = field(default_factory=lambda: NO_EXTRAS)


@dataclass(slots=True)
class _Choice:
    """One choice while its deltas arrive: the end of a text kept back, calls that may go on, how it stopped."""

    kept: str = ""
    seal: str | None = None  # the signature of what is kept
    is_thought: bool = False
    calls: dict[int, _Call] = field(default_factory=dict)
    logprobs: list[Json] = field(default_factory=list)
    stopped: Stopped | None = None

    def say(self, text: str, *, is_thought: bool) -> list[Json]:
        """The parts to send for more *text*: all but its last character."""
        parts = self.release() if is_thought != self.is_thought or self.seal is not None else []
        self.is_thought = is_thought
        text = self.kept + text
        self.kept = text[-1:]
        return [*parts, _part(text[:-1], is_thought=is_thought)] if text[:-1] else parts

    def think(self, event: ReasoningDelta) -> list[Json]:
        """The parts to send for more thinking, which a signature closes."""
        parts = self.say(event.text, is_thought=True)
        self.seal = seal_of(event.signature, event.origin)
        return parts

    def release(self) -> list[Json]:
        """The part that was kept back."""
        kept, seal = self.kept, self.seal
        self.kept, self.seal = "", None
        signed: JsonObject = {} if seal is None else {"thoughtSignature": seal}
        return [{**_part(kept, is_thought=self.is_thought), **signed}] if kept or signed else []

    def add(self, event: ToolCallDelta) -> list[Json]:
        """Note a piece of a call; the calls before it are complete, and are parts to send."""
        parts = self.release() + (self.finished_calls() if event.index not in self.calls else [])
        call = self.calls.setdefault(event.index, _Call())
        call.id, call.name = event.id or call.id, event.name or call.name
        call.arguments.append(event.arguments)
        call.extras = event.extras or call.extras
        return parts

    def finished_calls(self) -> list[Json]:
        """The calls gathered so far, as parts."""
        found = [
            encode_call(ToolCall(id=call.id, name=call.name, arguments="".join(call.arguments), extras=call.extras))
            for _, call in sorted(self.calls.items())
        ]
        self.calls.clear()
        return [*found]


def _part(text: str, *, is_thought: bool) -> JsonObject:
    return {"text": text, "thought": True} if is_thought else {"text": text}


@dataclass(slots=True)
class GeminiStreamEncoder:
    """See base.StreamEncoder. All finish reasons and the usage come in the last piece."""

    _started: Started = field(default_factory=lambda: Started(id="", model="", created_s=0))
    _choices: dict[int, _Choice] = field(default_factory=dict)
    _usage: Usage | None = None

    def encode(self, event: StreamEvent) -> bytes:
        """The bytes for *event*."""
        return b"".join(map(_sse, self._said(event)))

    def _said(self, event: StreamEvent) -> Iterator[JsonObject]:
        match event:
            case Started():
                self._started = event
                for state in self._choices.values():  # again: the caller has all of it, from somebody else
                    state.release()
            case TextDelta() | RefusalDelta():
                state = self._choice(event.choice)
                yield from self._chunk(event.choice, state.finished_calls() + state.say(event.text, is_thought=False))
            case ReasoningDelta():
                state = self._choice(event.choice)
                yield from self._chunk(event.choice, state.finished_calls() + state.think(event))
            case ToolCallDelta():
                yield from self._chunk(event.choice, self._choice(event.choice).add(event))
            case LogprobsDelta():
                content = event.logprobs.get("content")
                self._choice(event.choice).logprobs.extend(content if isinstance(content, list) else ())
            case Stopped():
                self._choice(event.choice).stopped = event
            case UsageReported():
                self._usage = event.usage
            case StreamFailed():
                for index, state in sorted(self._choices.items()):
                    yield from self._chunk(index, state.release())
                yield error_body(event.message, event.status or 500)
            case Ended():
                yield self._last()
            case _:
                assert_never(event)

    def _choice(self, index: int) -> _Choice:
        return self._choices.setdefault(index, _Choice())

    def _head(self) -> JsonObject:
        return head(self._started.id, self._started.model, self._started.extras)

    def _chunk(self, index: int, parts: list[Json]) -> Iterator[JsonObject]:
        if parts:
            content: JsonObject = {"role": "model", "parts": parts}
            yield {"candidates": [{"content": content, "index": index}], **self._head()}

    def _last(self) -> JsonObject:
        self._choices.setdefault(0, _Choice())
        body: JsonObject = {"candidates": [_finished(index, one) for index, one in sorted(self._choices.items())]}
        if self._usage is not None:
            body["usageMetadata"] = encode_usage(self._usage)
        return body | self._head()


def _finished(index: int, state: _Choice) -> JsonObject:
    stopped = state.stopped or Stopped(reason=None)
    parts = state.release() + state.finished_calls()
    return candidate(index, parts, stopped.reason, {"content": state.logprobs}, stopped.extras)


def _sse(body: JsonObject) -> bytes:
    """*body* as a server-sent event. Half a surrogate pair, which is no UTF-8, is sent as the escape it came as."""
    try:
        return f"data: {_dumps(body)}\n\n".encode()
    except UnicodeEncodeError:
        return f"data: {_dumps_ascii(body)}\n\n".encode()
