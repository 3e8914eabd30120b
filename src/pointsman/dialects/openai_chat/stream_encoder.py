"""A Chat Completions stream written: neutral events in, server-sent bytes out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

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
from pointsman.dialects.openai_chat.content import NAME
from pointsman.dialects.openai_chat.errors import error_body, type_of_status
from pointsman.dialects.openai_chat.google import signed
from pointsman.dialects.openai_chat.reply import encode_reason, encode_usage

if TYPE_CHECKING:
    from pointsman.core.chat import Usage
    from pointsman.core.jsontypes import JsonObject

DONE_FRAME = b"data: [DONE]\n\n"

_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_dumps_ascii = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def sse(body: JsonObject) -> bytes:
    """*body* as a server-sent event. Half a surrogate pair, which is no UTF-8, is sent as the escape it came as."""
    try:
        return f"data: {_dumps(body)}\n\n".encode()
    except UnicodeEncodeError:
        return f"data: {_dumps_ascii(body)}\n\n".encode()


def error_frame(failed: StreamFailed) -> bytes:
    """The event that says a stream has failed; no `[DONE]` follows it."""
    return sse(error_body(failed.message, type_of_status(failed.status or 500), code=failed.code))


@dataclass(slots=True)
class ChatStreamEncoder:
    """See base.StreamEncoder. The role comes with the first delta of each choice."""

    with_usage: bool
    _base: JsonObject = field(default_factory=dict)
    _begun: set[int] = field(default_factory=set)
    _forms: dict[tuple[int, int], str] = field(default_factory=dict)  # (choice, call) -> the field its pieces go in

    def __post_init__(self) -> None:
        self._start(Started(id="", model="", created_s=0))

    def encode(self, event: StreamEvent) -> bytes:
        """The bytes for *event*."""
        match event:
            case TextDelta():
                return self._chunk(event.choice, {"content": event.text})
            case ReasoningDelta():
                return self._chunk(event.choice, {"reasoning_content": event.text})
            case RefusalDelta():
                return self._chunk(event.choice, {"refusal": event.text})
            case ToolCallDelta():
                return self._chunk(event.choice, self._call(event))
            case LogprobsDelta():
                return self._chunk(event.choice, {}, logprobs=event.logprobs)
            case Stopped():
                legacy = (event.choice, "function_call") in {(key[0], form) for key, form in self._forms.items()}
                return self._chunk(event.choice, {}, reason=encode_reason(event.reason, is_legacy=legacy))
            case UsageReported():
                return self._usage(event.usage) if self.with_usage else b""
            case Started():
                self._start(event)
                return b""
            case StreamFailed():
                return error_frame(event)
            case Ended():
                return DONE_FRAME
            case _:
                assert_never(event)

    def _start(self, started: Started) -> None:
        self._base = {
            "id": started.id,
            "object": "chat.completion.chunk",
            "created": started.created_s,
            "model": started.model,
            **started.extras.get(NAME, {}),
        }

    def _chunk(
        self, choice: int, delta: JsonObject, *, logprobs: JsonObject | None = None, reason: str | None = None
    ) -> bytes:
        if choice not in self._begun:
            self._begun.add(choice)
            delta = {"role": "assistant", "content": None, **delta} if delta else {"role": "assistant", "content": ""}
        item: JsonObject = {"index": choice, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
        return sse({**self._base, "choices": [item]})

    def _usage(self, usage: Usage) -> bytes:
        return sse({**self._base, "choices": [], "usage": encode_usage(usage)})

    def _call(self, event: ToolCallDelta) -> JsonObject:
        extras = dict(event.extras.get(NAME, {}))
        key = (event.choice, event.index)
        if extras.pop("function_call", None):
            self._forms[key] = "function_call"
        elif extras.get("type") == "custom":
            self._forms[key] = "custom"
        form = self._forms.setdefault(key, "function")
        body: JsonObject = {} if event.name is None else {"name": event.name}
        body["input" if form == "custom" else "arguments"] = event.arguments
        if form == "function_call":
            return {form: body}
        item: JsonObject = {"index": event.index}
        if event.id is not None:
            item |= {"id": event.id, "type": form, **signed(event.extras)}
        return {"tool_calls": [{**item, form: body, **extras}]}
