"""What a dialect is: a codec seen from the caller's side (Surface) and from the endpoint's side (Upstream).

Laws every dialect keeps, tested with Hypothesis: `decode(encode(x)) == x` for what both sides can say,
`fold(decode(stream)) == decode(reply)`, and bytes split anywhere give the same events.

A Media part of a kind a dialect does not know is content it cannot say. Its own dialect gives it back from `extras`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pointsman.core.catalog import Operation
    from pointsman.core.chat import ChatReply, ChatRequest, EmbeddingReply, EmbeddingRequest, Usage
    from pointsman.core.errors import PointsmanError
    from pointsman.core.jsontypes import JsonObject
    from pointsman.core.stream import StreamEvent, StreamFailed

# Settings kept in extras for their spelling only: what they mean is in the neutral form.
_SPELLINGS: Final = frozenset((("openai_chat", "max_completion_tokens"),))
_LEVEL: Final = ("ollama", "think")  # a level of thinking is in the neutral form too, a mere yes is not

# Extras of a request that its surface answers for itself (a store of answers): no endpoint needs them or drops them.
ANSWERED_HERE: Final = "pointsman"


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A request in an endpoint's words. `dropped` names the settings this dialect cannot carry.

    `demanded` are fields the API refuses to do without, for where neither the caller nor the model's card says them.
    """

    path: str  # under the endpoint's base URL, such as "/chat/completions"
    body: JsonObject
    dropped: tuple[str, ...] = ()
    demanded: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamError:
    """An endpoint's error body, read: its own words (shortened), code and type.

    `status` is the one the body itself names; inside a stream that began with 200 there is no other. `retry_after_s`
    is in seconds, where the body says when to come back.
    """

    message: str
    code: str | None = None
    type: str | None = None
    status: int | None = None
    retry_after_s: float | None = None


class StreamDecoder(Protocol):
    """An endpoint's stream, bytes in, events out; never waits, never raises on content (StreamFailed instead)."""

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        """The events completed by *data*."""

    def close(self) -> Sequence[StreamEvent]:
        """The events left at the end of input. No Ended among all events means: the stream was cut."""


class StreamEncoder(Protocol):
    """Events in, bytes of the caller's stream out."""

    def encode(self, event: StreamEvent) -> bytes:
        """The bytes for *event*, possibly none; StreamFailed gives the dialect's own error event."""


class RelayScanner(Protocol):
    """Watches a stream that is relayed verbatim (caller and endpoint speak the same dialect).

    `feed` gives back the bytes to send on: whole frames, untouched, but for frames only we asked for.
    """

    has_content: bool  # a first content (or tool, reasoning, refusal, finish) was seen: committed
    usage: Usage | None
    failure: StreamFailed | None  # an error inside the stream, or bytes that are no stream of this dialect
    is_cut: bool  # the failure is no event of the stream's own: what holds it is not sent on
    ended: bool  # the dialect's proper end was seen
    output_chars: int  # characters of content relayed, for an estimate where no usage comes

    def feed(self, data: bytes) -> bytes:
        """Frames completed by *data*."""

    def close(self) -> bytes:
        """What is left at the end of input (an unfinished frame is passed on as it is)."""


class Surface(Protocol):
    """The side of a dialect that faces callers."""

    name: str
    stream_media_type: str  # such as "text/event-stream"
    keep_alive: bytes  # a piece of a stream that says nothing, for while a model loads; empty where clients mind
    relayed_headers: frozenset[bytes]  # a caller's headers (lower case) that go along to endpoints of this dialect

    def decode_chat(self, body: JsonObject) -> ChatRequest:
        """The neutral request; InvalidRequest names the path of what is wrong."""

    def encode_reply(self, reply: ChatReply, request: ChatRequest) -> JsonObject:
        """The answer to *request* in the caller's words."""

    def stream_encoder(self, request: ChatRequest) -> StreamEncoder:
        """A fresh encoder for the answer to *request*."""

    def encode_error(self, error: PointsmanError) -> tuple[int, JsonObject]:
        """Status and body as this API would give them."""


class Upstream(Protocol):
    """The side of a dialect that faces endpoints."""

    name: str

    def path(self, operation: Operation, model: str, *, stream: bool) -> str | None:
        """The path of *operation* with *model* under the base URL; None when the dialect does not have it."""

    def encode_chat(self, request: ChatRequest, model: str) -> Encoded:
        """*request* for *model*; InvalidRequest when content (not a mere setting) cannot be said.

        A streamed answer is always asked to report its usage, whether or not the caller wants to see it.
        """

    def decode_reply(self, body: JsonObject) -> ChatReply:
        """A whole answer; ValueError when the body is not one."""

    def usage(self, body: JsonObject) -> Usage | None:
        """The usage a whole answer of any operation reports, if it does; ValueError when the body is no answer."""

    def stream_decoder(self) -> StreamDecoder:
        """A fresh decoder."""

    def decode_error(self, body: bytes) -> UpstreamError:
        """An error body of any shape this family of servers is known to send; never raises."""

    def encode_embeddings(self, request: EmbeddingRequest, model: str) -> Encoded:
        """*request* for *model*."""

    def decode_embeddings(self, body: JsonObject) -> EmbeddingReply:
        """The vectors; ValueError when the body is not an embeddings answer."""


@runtime_checkable
class Relayable(Upstream, Protocol):
    """An Upstream whose dialect callers speak too, so that requests and streams can pass verbatim."""

    def relay_fields(self, body: JsonObject, operation: Operation, model: str, *, stream_usage: bool) -> JsonObject:
        """The top-level fields to change in a caller's *body* on its way to *model*; everything else stays as it is.

        *stream_usage*: the answer is a stream that should report its usage though the caller did not ask for it.
        A conversation that holds other models' signatures is cleaned of them here.
        """

    def relay_scanner(self, operation: Operation, *, strip_usage: bool) -> RelayScanner:
        """A fresh scanner; *strip_usage* takes out the usage frame that only we asked for."""


def foreign_settings(extras: Mapping[str, JsonObject], dialect: str) -> tuple[str, ...]:
    """The names of the settings that *extras* holds for other dialects than *dialect*: it cannot carry them."""
    return tuple(
        key
        for name, fields in extras.items()
        if name not in (dialect, ANSWERED_HERE)
        for key, value in fields.items()
        if (name, key) not in _SPELLINGS and not ((name, key) == _LEVEL and isinstance(value, str))
    )
