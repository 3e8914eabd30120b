"""Answers as Ollama's callers get them: whole, as lines of a stream, and for /api/generate.

Ollama reports how long it took; a translated answer reports the time from the request's arrival. In a stream the time
up to the first piece counts as reading, the rest as writing; a whole answer's time is all writing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, assert_never

from pointsman.core.chat import Reasoning, Refusal, StopReason, Text, ToolCall, Usage
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
from pointsman.dialects.ollama.probabilities import encode_tokens
from pointsman.dialects.ollama.request import arguments_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pointsman.core.chat import ChatReply
    from pointsman.core.errors import PointsmanError
    from pointsman.core.jsontypes import Json, JsonObject

_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_dumps_ascii = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def encode_reply(reply: ChatReply, elapsed_ns: int, *, is_generate: bool) -> JsonObject:
    """A whole answer. There is one: further choices have no place in this API."""
    choice = reply.choices[0]
    parts = choice.message.parts
    text = "".join(part.text for part in parts if isinstance(part, Text | Refusal))
    thinking = "".join(part.text for part in parts if isinstance(part, Reasoning))
    calls: list[Json] = [
        _call(number, part.id, part.name, part.arguments)
        for number, part in enumerate(part for part in parts if isinstance(part, ToolCall))
    ]
    thought: JsonObject = {"thinking": thinking} if thinking else {}
    said: JsonObject
    if is_generate:
        said = {"response": text, **thought}
    else:
        said = {
            "message": {"role": "assistant", "content": text, **thought, **({"tool_calls": calls} if calls else {})}
        }
    return {
        "model": reply.model,
        "created_at": moment(reply.created_s),
        **said,
        **encode_tokens(choice.logprobs),
        "done": True,
        "done_reason": encode_reason(choice.stop_reason),
        **_counts(reply.usage, elapsed_ns),
    }


def encode_reason(reason: StopReason | None) -> str:
    """The `done_reason`: Ollama knows two."""
    return "length" if reason is StopReason.LENGTH else "stop"


def encode_error(error: PointsmanError) -> tuple[int, JsonObject]:
    """Status and body for *error*."""
    return error.status, {"error": str(error)}


def moment(created_s: float) -> str:
    """Seconds since the epoch as Ollama writes them."""
    return datetime.fromtimestamp(created_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def line(body: JsonObject) -> bytes:
    """*body* as a line. Half a surrogate pair, which is no UTF-8, is sent as the escape it came as."""
    try:
        return f"{_dumps(body)}\n".encode()
    except UnicodeEncodeError:
        return f"{_dumps_ascii(body)}\n".encode()


def _counts(usage: Usage | None, elapsed_ns: int, read_ns: int = 0) -> JsonObject:
    found: JsonObject = {"total_duration": elapsed_ns, "load_duration": 0}
    if usage is not None:
        found |= {
            "prompt_eval_count": usage.input_tokens,
            "prompt_eval_duration": read_ns,
            "eval_count": usage.output_tokens,
            "eval_duration": elapsed_ns - read_ns,
        }
    return found


def _call(number: int, identity: str, name: str, arguments: str) -> JsonObject:
    named: JsonObject = {"id": identity} if identity else {}
    return {**named, "function": {"index": number, "name": name, "arguments": arguments_of(arguments)}}


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class OllamaStreamEncoder:
    """See base.StreamEncoder. Arguments are an object here, so that a call is said once it is whole."""

    elapsed_ns: Callable[[], int]
    is_generate: bool = False
    _head: JsonObject = field(default_factory=dict)
    _calls: dict[int, _Call] = field(default_factory=dict)
    _said_calls: int = 0
    _reason: StopReason | None = None
    _usage: Usage | None = None
    _read_ns: int | None = None

    def __post_init__(self) -> None:
        self._start(Started(id="", model="", created_s=0))

    def encode(self, event: StreamEvent) -> bytes:
        """The bytes for *event*; of several choices the first."""
        match event:
            case Started():
                self._start(event)
                return b""
            case UsageReported():
                self._usage = event.usage
                return b""
            case StreamFailed():
                return line({"error": event.message})
            case Ended():
                return self._flush() + self._last()
            case TextDelta() | RefusalDelta() | ReasoningDelta() | ToolCallDelta() | LogprobsDelta() | Stopped():
                return self._of_choice(event) if event.choice == 0 else b""
            case _:
                assert_never(event)

    def _of_choice(
        self, event: TextDelta | RefusalDelta | ReasoningDelta | ToolCallDelta | LogprobsDelta | Stopped
    ) -> bytes:
        if self._read_ns is None:
            self._read_ns = self.elapsed_ns()
        match event:
            case TextDelta() | RefusalDelta():
                return self._flush() + self._piece(content=event.text)
            case ReasoningDelta():
                return self._flush() + self._piece(content="", thinking=event.text) if event.text else b""
            case ToolCallDelta():
                self._add(event)
                return b""
            case Stopped():
                self._reason = event.reason
                return self._flush()
            case LogprobsDelta():
                tokens = encode_tokens(event.logprobs)
                return self._piece(content="", beside=tokens) if tokens else b""
            case _:
                assert_never(event)

    def _start(self, started: Started) -> None:
        self._head = {"model": started.model, "created_at": moment(started.created_s)}

    def _add(self, event: ToolCallDelta) -> None:
        call = self._calls.setdefault(event.index, _Call())
        call.id = event.id or call.id
        call.name = event.name or call.name
        call.arguments += event.arguments

    def _flush(self) -> bytes:
        """The calls that are whole by now: other content, or the end, has come."""
        if not self._calls:
            return b""
        calls: list[Json] = []
        for _, call in sorted(self._calls.items()):
            calls.append(_call(self._said_calls, call.id, call.name, call.arguments))
            self._said_calls += 1
        self._calls = {}
        return b"" if self.is_generate else self._piece(content="", tool_calls=calls)

    def _piece(self, content: str, *, beside: JsonObject | None = None, **more: Json) -> bytes:
        said: JsonObject = (
            {"response": content, **more}
            if self.is_generate
            else {"message": {"role": "assistant", "content": content, **more}}
        )
        return line({**self._head, **said, **(beside or {}), "done": False})

    def _last(self) -> bytes:
        said: JsonObject = {"response": ""} if self.is_generate else {"message": {"role": "assistant", "content": ""}}
        return line(
            {
                **self._head,
                **said,
                "done": True,
                "done_reason": encode_reason(self._reason),
                **_counts(self._usage, self.elapsed_ns(), self._read_ns or 0),
            }
        )
