"""A dialect for tests, a JSON object a line: what the engine does with any dialect shows best with the smallest.

{"text": "Hel"}   {"usage": [3, 2]}   {"error": "overloaded", "status": 503}   {"stop": true}   {"end": true}
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pointsman.core.catalog import Operation
from pointsman.core.chat import (
    ChatReply,
    ChatRequest,
    Choice,
    EmbeddingReply,
    EmbeddingRequest,
    Message,
    Role,
    StopReason,
    Text,
    Usage,
)
from pointsman.core.errors import InvalidRequest
from pointsman.core.jsontypes import JsonObject
from pointsman.core.stream import Ended, Started, Stopped, StreamEvent, StreamFailed, TextDelta, UsageReported
from pointsman.dialects.base import Encoded, RelayScanner, StreamDecoder, UpstreamError


def line(**fields: object) -> bytes:
    """One line of a stream."""
    return json.dumps(fields).encode() + b"\n"


def said(*words: str, usage: tuple[int, int] | None = (3, 2)) -> tuple[bytes, ...]:
    """The chunks of a good stream that says *words*."""
    counted = (line(usage=usage),) if usage else ()
    return (*(line(text=word) for word in words), *counted, line(end=True))


def whole(text: str, usage: tuple[int, int] | None = (3, 2)) -> bytes:
    """A good whole answer."""
    return json.dumps({"text": text, **({"usage": usage} if usage else {})}).encode()


def event_of(value: dict[str, Any]) -> StreamEvent:
    """What one line means."""
    match value:
        case {"text": text}:
            return TextDelta(text=text)
        case {"usage": [read, written]}:
            return UsageReported(usage=Usage(input_tokens=read, output_tokens=written))
        case {"error": message}:
            return StreamFailed(message=message, status=value.get("status"), code=value.get("code"))
        case {"stop": _}:
            return Stopped(reason=StopReason.STOP)
        case {"end": _}:
            return Ended()
        case _:
            return Started(id="s", model="lines", created_s=0)


@dataclass(slots=True)
class Decoder:
    """Lines in, events out; closing twice would say the rest twice."""

    left: bytes = b""

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        """See dialects.base."""
        *lines, self.left = (self.left + data).split(b"\n")
        return [event_of(json.loads(one)) for one in lines]

    def close(self) -> Sequence[StreamEvent]:
        """See dialects.base."""
        return [event_of(json.loads(self.left))] if self.left else []


@dataclass(slots=True)
class Scanner:
    """Watches the same lines go by."""

    strip_usage: bool
    has_content: bool = False
    usage: Usage | None = None
    failure: StreamFailed | None = None
    is_cut: bool = False
    ended: bool = False
    output_chars: int = 0
    decoder: Decoder = field(default_factory=Decoder)

    def feed(self, data: bytes) -> bytes:
        """See dialects.base."""
        return b"".join(self._note(event) for event in self.decoder.feed(data))

    def close(self) -> bytes:
        """See dialects.base."""
        return b"".join(self._note(event) for event in self.decoder.close())

    def _note(self, event: StreamEvent) -> bytes:
        match event:
            case TextDelta():
                self.has_content = True
                self.output_chars += len(event.text)
            case UsageReported():
                self.usage = event.usage
                if self.strip_usage:
                    return b""
            case StreamFailed():
                self.failure = event
            case Ended():
                self.ended = True
            case _:
                pass
        return shown(event)


def shown(event: StreamEvent) -> bytes:
    """An event as a line to the caller."""
    match event:
        case TextDelta():
            return line(text=event.text)
        case UsageReported():
            return line(usage=[event.usage.input_tokens, event.usage.output_tokens])
        case StreamFailed():
            return line(error=event.message, code=event.code)
        case Ended():
            return line(end=True)
        case _:
            return b""


class Lines:
    """The dialect seen from an endpoint's side."""

    def __init__(self, name: str = "lines") -> None:
        """Call it *name*: two names make a translation."""
        self.name = name

    def path(self, operation: Operation, model: str, *, stream: bool) -> str | None:
        """See dialects.base."""
        return None if operation is Operation.COMPLETIONS else f"/{operation}"

    def relay_fields(self, body: JsonObject, operation: Operation, model: str, *, stream_usage: bool) -> JsonObject:
        """See dialects.base."""
        given = body.get("stream_options")
        options: JsonObject = {**(given if isinstance(given, dict) else {}), "include_usage": True}
        return {"model": model, **({"stream_options": options} if stream_usage else {})}

    def encode_chat(self, request: ChatRequest, model: str) -> Encoded:
        """See dialects.base; a picture cannot be said."""
        if any(not isinstance(part, Text) for message in request.messages for part in message.parts):
            raise InvalidRequest("Lines has no pictures.")
        body: JsonObject = {"model": model, "ask": request.messages[-1].text, "stream": request.stream}
        return Encoded(path="/chat", body=body)

    def encode_embeddings(self, request: EmbeddingRequest, model: str) -> Encoded:
        """See dialects.base."""
        return Encoded(path="/embeddings", body={"model": model, "input": request.inputs})

    def decode_reply(self, body: JsonObject) -> ChatReply:
        """See dialects.base."""
        text = body.get("text")
        if not isinstance(text, str):
            raise ValueError("no text")  # noqa: TRY004  the port says ValueError
        message = Message(role=Role.ASSISTANT, parts=(Text(text=text),))
        choice = Choice(index=0, message=message, stop_reason=StopReason.STOP)
        return ChatReply(id="r", model="lines", created_s=0, choices=(choice,), usage=self.usage(body))

    def decode_embeddings(self, body: JsonObject) -> EmbeddingReply:
        """See dialects.base."""
        if "vector" not in body:
            raise ValueError("no vector")
        return EmbeddingReply(model="lines", vectors=((1.0,),), usage=self.usage(body))

    def usage(self, body: JsonObject) -> Usage | None:
        """See dialects.base."""
        match body.get("usage"):
            case [int(read), int(written)]:
                return Usage(input_tokens=read, output_tokens=written)
            case _:
                return None

    def stream_decoder(self) -> StreamDecoder:
        """See dialects.base."""
        return Decoder()

    def relay_scanner(self, operation: Operation, *, strip_usage: bool) -> RelayScanner:
        """See dialects.base."""
        return Scanner(strip_usage)

    def decode_error(self, body: bytes) -> UpstreamError:
        """See dialects.base."""
        try:
            value = json.loads(body)
        except ValueError:
            return UpstreamError(message=body.decode())
        if not isinstance(value, dict):
            return UpstreamError(message="")
        return UpstreamError(message=str(value.get("error", "")), code=value.get("code"), status=value.get("status"))
