"""The two ways to talk to an endpoint: relay the caller's bytes, or translate through the neutral form. Sans-IO."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, cast

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
from pointsman.core.stream import (
    Ended,
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
from pointsman.core.values import value_type
from pointsman.dialects.hints import called
from pointsman.dialects.openai_chat.quirks import adapted
from pointsman.engine import fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.core.catalog import ModelCard
    from pointsman.core.jsontypes import Json, JsonObject
    from pointsman.dialects.base import Relayable, RelayScanner, StreamDecoder, Upstream
    from pointsman.dialects.raw import RawBody
    from pointsman.engine.inbound import Inbound, Outward

Piece = TypeVar("Piece")
Piece_co = TypeVar("Piece_co", covariant=True)


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


class Pump(Protocol[Piece_co]):
    """Turns an endpoint's stream into pieces for the caller, and notes what has been seen in it."""

    @property
    def is_committed(self) -> bool:
        """Whether a first content was seen: from now on nothing may be retried."""

    @property
    def usage(self) -> Usage | None:
        """What the endpoint counted."""

    @property
    def failure(self) -> StreamFailed | None:
        """An error inside the stream."""

    @property
    def is_cut(self) -> bool:
        """Whether none of the pieces tells the caller of the failure."""

    @property
    def has_ended(self) -> bool:
        """Whether the dialect's proper end was seen."""

    @property
    def output_chars(self) -> int:
        """Characters of content so far."""

    def feed(self, data: bytes) -> Sequence[Piece_co]:
        """Pieces completed by *data*."""

    def close(self) -> Sequence[Piece_co]:
        """Pieces left at the end of input."""


@dataclass(slots=True)
class RelayPump:
    """The caller's own dialect: whole frames go through untouched, but for an end that `check` does not let pass."""

    scanner: RelayScanner
    check: Check | None = None
    unsound: StreamFailed | None = None

    @property
    def is_committed(self) -> bool:
        """See Pump."""
        return self.scanner.has_content

    @property
    def usage(self) -> Usage | None:
        """See Pump."""
        return self.scanner.usage

    @property
    def failure(self) -> StreamFailed | None:
        """See Pump."""
        return self.unsound or self.scanner.failure

    @property
    def is_cut(self) -> bool:
        """See Pump."""
        return self.unsound is not None or self.scanner.is_cut

    @property
    def has_ended(self) -> bool:
        """See Pump."""
        return self.scanner.ended and self.unsound is None

    @property
    def output_chars(self) -> int:
        """See Pump."""
        return self.scanner.output_chars

    def feed(self, data: bytes) -> Sequence[bytes]:
        """See Pump."""
        piece = self._judged(self.scanner.feed(data))
        return (piece,) if piece else ()

    def close(self) -> Sequence[bytes]:
        """See Pump."""
        piece = self._judged(self.scanner.close())
        return (piece,) if piece else ()

    def _judged(self, piece: bytes) -> bytes:
        """*piece* without its last line, if that is the end of what is no answer (Ollama's: an end is a line)."""
        if self.check is None or not self.scanner.ended:
            return piece
        self.unsound, self.check = self.check(self.scanner.usage), None
        return piece if self.unsound is None else piece[: piece.rstrip().rfind(b"\n") + 1]


@value_type
class Birth:
    """The id and the time of an answer whose endpoint gives none (Gemini, Anthropic, Ollama): other APIs have both."""

    id: str
    now: Callable[[], float]  # seconds since the epoch

    def of_reply(self, reply: ChatReply) -> ChatReply:
        """*reply* with both."""
        if reply.id and reply.created_s:
            return reply
        return replace(reply, id=reply.id or self.id, created_s=reply.created_s or int(self.now()))

    def of_stream(self, started: Started) -> Started:
        """*started* with both."""
        if started.id and started.created_s:
            return started
        return replace(started, id=started.id or self.id, created_s=started.created_s or int(self.now()))


@dataclass(slots=True)
class TranslatePump(Generic[Piece]):
    """Another dialect: decoded to events, each event said in the caller's way."""

    decoder: StreamDecoder
    say: Callable[[StreamEvent], Sequence[Piece]]
    birth: Birth
    check: Check | None = None
    is_committed: bool = False
    usage: Usage | None = None
    failure: StreamFailed | None = None
    is_cut: bool = False
    has_ended: bool = False
    output_chars: int = 0

    def feed(self, data: bytes) -> Sequence[Piece]:
        """See Pump."""
        return self._say_all(self.decoder.feed(data))

    def close(self) -> Sequence[Piece]:
        """See Pump."""
        return self._say_all(self.decoder.close())

    def _say_all(self, events: Sequence[StreamEvent]) -> Sequence[Piece]:
        pieces: list[Piece] = []
        for event in self._judged(events):
            self._note(event)
            pieces.extend(self.say(self.birth.of_stream(event) if isinstance(event, Started) else event))
        return pieces

    def _judged(self, events: Sequence[StreamEvent]) -> Sequence[StreamEvent]:
        """*events* with a failure in place of the end of an answer that is none."""
        if self.check is None or not any(type(event) is Ended for event in events):
            return events
        usage = next((event.usage for event in reversed(events) if isinstance(event, UsageReported)), self.usage)
        unsound = self.check(usage)
        if unsound is None:
            return events
        return (*(event for event in events if not isinstance(event, Stopped | UsageReported | Ended)), unsound)

    def _note(self, event: StreamEvent) -> None:
        match event:
            case TextDelta() | ReasoningDelta() | RefusalDelta():
                self.output_chars += len(event.text)
                self.is_committed = True
            case ToolCallDelta():
                self.output_chars += len(event.arguments)
                self.is_committed = True
            case Stopped():
                self.is_committed = True
            case UsageReported():
                self.usage = event.usage
            case StreamFailed():
                self.failure = event
            case Ended():
                self.has_ended = True
            case _:
                pass


Check = Callable[[Usage | None], StreamFailed | None]
"""What is wrong with an answer of this usage that ends as if all were well; None when nothing is."""


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
        value = json.loads(body)
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
