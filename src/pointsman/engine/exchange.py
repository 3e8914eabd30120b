"""The two ways to talk to an endpoint: relay the caller's bytes, or translate through the neutral form. Sans-IO."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, cast

from pointsman.core.catalog import Operation
from pointsman.core.chat import (
    ChatReply,
    ChatRequest,
    EmbeddingReply,
    EmbeddingRequest,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    Usage,
)
from pointsman.core.stream import StreamEvent
from pointsman.core.values import value_type
from pointsman.dialects.hints import called
from pointsman.dialects.openai_chat.quirks import adapted, is_fine
from pointsman.engine import fit
from pointsman.engine.pump import Birth, Check, Piece, Piece_co, Pump, RelayPump, TranslatePump

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.core.catalog import ModelCard
    from pointsman.core.jsontypes import Json, JsonObject
    from pointsman.dialects.base import Relayable, Upstream
    from pointsman.dialects.raw import RawBody
    from pointsman.engine.inbound import Inbound, Outward

__all__ = [
    "Birth",
    "Check",
    "Exchange",
    "NotAnAnswer",
    "Piece",
    "Pump",
    "Relay",
    "RelayPump",
    "Translate",
    "TranslatePump",
    "Whole",
    "relay_for",
    "with_defaults",
]

_SPACE = " \t\r\n"
_begin = json.JSONDecoder().raw_decode  # the value that a text begins with, and where it ends


class NotAnAnswer(Exception):
    """A 200 whose body is no answer of the endpoint's dialect; carries the endpoint's error when it is one."""

    def __init__(self, message: str, *, body: bytes = b"") -> None:
        """Keep the *body* so that an error inside it can be read."""
        super().__init__(message)
        self.body = body


@value_type
class Whole:
    """A whole answer: in the caller's bytes, or neutral for the library."""

    body: bytes
    usage: Usage | None
    output_chars: int
    reply: ChatReply | EmbeddingReply | None = None


class Exchange(Protocol[Piece_co]):
    """One way to put a request to an endpoint and to take its answer."""

    check: Check | None

    @property
    def dropped(self) -> tuple[str, ...]:
        """The caller's settings that the endpoint's dialect cannot carry; known once `body` was asked."""

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """The caller's headers that go along."""

    def body(self, card: ModelCard) -> tuple[str, bytes]:
        """Path under the base URL and body of the request for *card*."""

    def whole(self, body: bytes) -> Whole:
        """The answer in *body*; NotAnAnswer when it is none."""

    def pump(self) -> Pump[Piece_co]:
        """A fresh pump for the answer's stream."""


@dataclass(slots=True, kw_only=True)
class Relay:
    """Verbatim but for fields the card sets by default, and what dialect and endpoint would not take as it is."""

    raw: RawBody
    operation: Operation
    upstream: Relayable
    wants_stream: bool
    wants_stream_usage: bool
    headers: tuple[tuple[bytes, bytes], ...] = ()
    dropped: tuple[str, ...] = ()  # nothing, but for what the endpoint would refuse
    check: Check | None = None  # of a stream's end

    def body(self, card: ModelCard) -> tuple[str, bytes]:
        """See Exchange."""
        given = self.raw.value
        merged = with_defaults(given, card.defaults)
        updates = {name: merged[name] for name in card.defaults if merged[name] is not given.get(name)}
        model = card.upstream_model
        asks_for_usage = self.wants_stream and not self.wants_stream_usage
        updates |= self.upstream.relay_fields(given, self.operation, model, stream_usage=asks_for_usage)
        path = self.upstream.path(self.operation, model, stream=self.wants_stream)
        if path is None:
            message = f"{self.upstream.name} has no {self.operation}"
            raise NotAnAnswer(message)
        if card.quirks is None or self.operation is not Operation.CHAT:
            return path, self.raw.with_fields(updates)
        if not card.defaults and is_fine(given, card.quirks):
            return path, self.raw.with_fields(updates)
        sent, self.dropped = adapted({**given, **updates}, card.quirks)
        changed = {name: value for name, value in sent.items() if name not in given or value is not given[name]}
        return path, self.raw.with_fields(changed, without=given.keys() - sent.keys())

    def whole(self, body: bytes) -> Whole:
        """See Exchange."""
        value = _object(body)
        try:
            usage = self.upstream.usage(value)
        except ValueError as error:
            raise NotAnAnswer(str(error), body=body) from error
        return Whole(body=body, usage=usage, output_chars=0 if usage is not None else self._chars(value))

    def _chars(self, value: JsonObject) -> int:
        """Characters of content, for an estimate; a body the neutral form cannot say counts as a whole."""
        if self.operation in (Operation.EMBEDDINGS, Operation.COUNT_TOKENS):
            return 0
        try:
            return _chars(self.upstream.decode_reply(value))
        except ValueError:
            return len(json.dumps(value, ensure_ascii=False))

    def pump(self) -> Pump[bytes]:
        """See Exchange."""
        strip = self.wants_stream and not self.wants_stream_usage
        return RelayPump(self.upstream.relay_scanner(self.operation, strip_usage=strip), self.check)


@dataclass(slots=True, kw_only=True)
class Translate(Generic[Piece]):
    """Through the neutral form; `say` makes the caller's pieces of stream events."""

    request: ChatRequest | EmbeddingRequest
    surface: str
    upstream: Upstream
    outward: Outward | None
    say: Callable[[], Callable[[StreamEvent], Sequence[Piece]]]
    birth: Birth
    dropped: tuple[str, ...] = ()
    check: Check | None = None  # of a stream's end
    left_out: tuple[str, ...] = ()  # what `request` does not have any more

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """None: they belong to the caller's dialect."""
        return ()

    def body(self, card: ModelCard) -> tuple[str, bytes]:
        """See Exchange."""
        if isinstance(self.request, EmbeddingRequest):
            encoded = self.upstream.encode_embeddings(self.request, card.upstream_model)
        else:
            encoded = fit.encoded(self.request, card, self.surface, self.upstream)
        body, self.dropped = encoded.demanded | with_defaults(encoded.body, card.defaults), encoded.dropped
        if self.left_out:
            self.dropped = (*self.dropped, *self.left_out)
        if card.quirks is not None and isinstance(self.request, ChatRequest):
            body, lost = adapted(body, card.quirks)
            self.dropped = tuple(dict.fromkeys((*self.dropped, *(called(name, self.surface) for name in lost))))
        return encoded.path, json.dumps(body).encode()

    def whole(self, body: bytes) -> Whole:
        """See Exchange."""
        value = _object(body)
        reply: ChatReply | EmbeddingReply
        try:
            if isinstance(self.request, EmbeddingRequest):
                reply = self.upstream.decode_embeddings(value)
            else:
                reply = self.birth.of_reply(self.upstream.decode_reply(value))
        except ValueError as error:
            raise NotAnAnswer(str(error), body=body) from error
        said = self.outward.reply(reply) if self.outward is not None else b""
        return Whole(body=said, usage=reply.usage, output_chars=_chars(reply), reply=reply)

    def pump(self) -> Pump[Piece]:
        """See Exchange."""
        return TranslatePump(decoder=self.upstream.stream_decoder(), say=self.say(), birth=self.birth, check=self.check)


def with_defaults(body: JsonObject, defaults: Mapping[str, Json]) -> JsonObject:
    """*body* with *defaults* for the fields it does not have; objects (Ollama's `options`) are merged one deep."""
    if not defaults:
        return body
    merged: JsonObject = {**defaults, **body}
    for name, value in defaults.items():
        given = body.get(name)
        if isinstance(value, Mapping) and isinstance(given, Mapping):
            merged[name] = {**value, **given}
    return merged


def relay_for(inbound: Inbound, upstream: Upstream) -> Relay | None:
    """A Relay when the caller's bytes are this endpoint's own dialect, else None."""
    if inbound.raw is None or inbound.relays_to != upstream.name:
        return None
    if upstream.path(inbound.operation, "", stream=inbound.wants_stream) is None:
        return None
    relayable = cast("Relayable", upstream)  # a surface names only dialects that can be relayed to
    wants_usage = isinstance(inbound.request, ChatRequest) and inbound.request.stream_usage
    return Relay(
        raw=inbound.raw,
        operation=inbound.operation,
        upstream=relayable,
        wants_stream=inbound.wants_stream,
        wants_stream_usage=wants_usage,
        headers=inbound.relayed_headers,
    )


def _object(body: bytes) -> JsonObject:
    try:
        text = body.decode()
        value, end = _begin(text) if text[:1] == "{" else (None, 0)
        if not end or text[end:].strip(_SPACE):  # what few servers send, or no JSON: with the whole decoder
            value = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        message = "the answer is not JSON"
        raise NotAnAnswer(message, body=body) from error
    if not isinstance(value, dict):
        message = "the answer is not a JSON object"
        raise NotAnAnswer(message, body=body)
    if value.get("error"):
        message = "the endpoint reported an error with status 200"
        raise NotAnAnswer(message, body=body)
    return value


def _chars(reply: ChatReply | EmbeddingReply) -> int:
    if isinstance(reply, EmbeddingReply):
        return 0
    return sum(_part_chars(part) for choice in reply.choices for part in choice.message.parts)


def _part_chars(part: Part) -> int:
    match part:
        case Text() | Reasoning() | Refusal():
            return len(part.text)
        case ToolCall():
            return len(part.arguments)
        case _:
            return 0
