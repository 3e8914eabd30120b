"""One request as the engine takes it, from whichever side it came: the library or a surface of the gateway."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Protocol

from pointsman.core.catalog import Operation
from pointsman.core.decision import Caller
from pointsman.core.values import value_type

if TYPE_CHECKING:
    from pointsman.core.chat import ChatReply, ChatRequest, EmbeddingReply, EmbeddingRequest
    from pointsman.core.ports import ConsentAsker
    from pointsman.dialects.base import StreamEncoder
    from pointsman.dialects.raw import RawBody

LIBRARY = "library"


class Outward(Protocol):
    """How an answer is said to the caller of one request."""

    def reply(self, reply: ChatReply | EmbeddingReply, /) -> bytes:
        """The whole answer's bytes."""

    def stream_encoder(self) -> StreamEncoder:
        """A fresh encoder of the streamed answer."""


@value_type
class Inbound:
    """A decoded request, who sent it, and its original bytes when they may be relayed verbatim.

    `raw` goes as it is, with `relayed_headers`, to endpoints that speak `relays_to`; others get the request translated.
    `ask` reaches the person behind the request; None: nobody is there. With `asks_always` no policy lets another model
    take over unasked.
    `arrived_s` is on the engine's monotonic clock.
    """

    request: ChatRequest | EmbeddingRequest
    arrived_s: float
    operation: Operation = Operation.CHAT
    caller: Caller = field(default_factory=Caller)
    surface: str = LIBRARY
    raw: RawBody | None = None
    relays_to: str | None = None
    relayed_headers: tuple[tuple[bytes, bytes], ...] = ()
    outward: Outward | None = None
    is_dry_run: bool = False
    ask: ConsentAsker | None = None
    asks_always: bool = False

    @property
    def wants_stream(self) -> bool:
        """Whether the caller asked for a stream; embeddings never do."""
        return getattr(self.request, "stream", False)
