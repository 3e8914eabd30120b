"""A response as it arrives: the state shared with the connection, and the face the caller reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from pointsman.adapters.http.errors import DeadlineExceeded, LocallyClosed, ResponseTooLarge

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator
    from types import TracebackType

    from pointsman.adapters.http.errors import TransportError


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long each phase of a request may take, in seconds."""

    connect_s: float = 5.0
    """TCP and TLS, name look-up included."""
    first_byte_s: float = 120.0
    """From the request's last byte to the response's headers, and on to the first byte of its body."""
    idle_s: float = 60.0
    """Between two arrivals of body bytes."""


class Exchange:
    """One request's response: written by the connection, read by HttpResponse. Not for callers."""

    __slots__ = (
        "chunks",
        "deadline",
        "error",
        "expires_at",
        "first_byte_at",
        "has_body_bytes",
        "headers",
        "is_complete",
        "is_head_request",
        "is_paused",
        "status",
        "timeouts",
        "unread_bytes",
        "waiter",
    )

    def __init__(self, timeouts: Timeouts, deadline: float | None, *, is_head_request: bool) -> None:
        """Start empty; *deadline* is in the loop's time."""
        self.timeouts = timeouts
        self.deadline = deadline
        self.is_head_request = is_head_request
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.chunks: list[bytes] = []
        self.unread_bytes = 0
        self.has_body_bytes = False
        self.is_complete = False
        self.is_paused = False
        self.error: TransportError | None = None
        self.waiter: asyncio.Future[None] | None = None
        self.expires_at = 0.0
        self.first_byte_at = 0.0

    def has_news(self) -> bool:
        """Whether a reader finds bytes, the end or an error."""
        return bool(self.chunks) or self.is_complete or self.error is not None

    def wake(self) -> None:
        """Let the waiting task look again."""
        waiter = self.waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


class BodySource(Protocol):
    """What a response needs of its connection while the body is incomplete."""

    @property
    def peer(self) -> str:
        """`host:port`."""

    def time(self) -> float:
        """Return the loop's clock."""

    async def wait_for_body(self, exchange: Exchange) -> None:
        """Return when bytes, the end or an error have arrived."""

    def resume(self, exchange: Exchange) -> None:
        """Read from the socket again: the buffer was emptied."""

    def abandon(self, exchange: Exchange, error: TransportError) -> None:
        """Close the connection: nobody wants the rest."""


class HttpResponse:
    """Status, headers and a body to be read once, by one task.

    Use it as `async with`: leaving before the end of the body closes the connection, which is how the
    server learns that nobody listens. A task cancelled while it waits for the body closes it too.
    """

    __slots__ = ("_exchange", "_source", "headers", "status")

    def __init__(self, exchange: Exchange, source: BodySource) -> None:
        """Take over *exchange* once its head is known."""
        self.status = exchange.status
        self.headers = tuple(exchange.headers)
        """Pairs of lower-case name and value, in order of arrival; repeated names stay repeated."""
        self._exchange = exchange
        self._source = source

    def header(self, name: str) -> str | None:
        """Return the first value of *name*, in any case, or None."""
        wanted = name.lower().encode("latin-1")
        for found, value in self.headers:
            if found == wanted:
                return value.decode("latin-1")
        return None

    @property
    def is_complete(self) -> bool:
        """Whether the whole body has arrived (some of it may be unread)."""
        return self._exchange.is_complete

    async def next_chunk(self) -> bytes:
        """Return what has arrived since the last call, waiting if that is nothing; b"" is the end.

        Raises IdleTimeout, FirstByteTimeout (no body byte yet), DeadlineExceeded, UpstreamDisconnected,
        ProtocolViolation; bytes that came before a failure are returned before it is raised.
        """
        exchange = self._exchange
        if not exchange.is_complete and exchange.error is None:
            if exchange.deadline is not None and self._source.time() >= exchange.deadline:
                self._source.abandon(exchange, DeadlineExceeded(self._source.peer, "reading the body"))
            while not exchange.has_news():
                await self._source.wait_for_body(exchange)
        if exchange.chunks:
            return self._take(exchange)
        if exchange.error is not None:
            raise exchange.error
        return b""

    def _take(self, exchange: Exchange) -> bytes:
        chunks = exchange.chunks
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        exchange.unread_bytes = 0
        if exchange.is_paused:
            self._source.resume(exchange)
        return data

    def chunks(self) -> AsyncIterator[bytes]:
        """Iterate over `next_chunk` until the end."""
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self.next_chunk()
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def read(self, max_bytes: int) -> bytes:
        """Return the rest of the body; a longer one closes the connection and raises ResponseTooLarge."""
        exchange = self._exchange
        if exchange.is_complete and len(exchange.chunks) == 1 and exchange.unread_bytes <= max_bytes:
            return self._take(exchange)  # small answers come in one piece
        pieces: list[bytes] = []
        total = 0
        while chunk := await self.next_chunk():
            total += len(chunk)
            if total > max_bytes:
                error = ResponseTooLarge(self._source.peer, max_bytes)
                self._close(error)
                raise error
            if exchange.is_complete and not pieces and not exchange.chunks:
                return chunk
            pieces.append(chunk)
        return b"".join(pieces)

    async def aclose(self) -> None:
        """Drop what is unread; before the end of the body this closes the connection."""
        exchange = self._exchange
        if exchange.is_complete or exchange.error is not None:
            exchange.chunks.clear()
        else:
            self._close(LocallyClosed(self._source.peer))

    def _close(self, error: TransportError) -> None:
        exchange = self._exchange
        exchange.chunks.clear()
        if not exchange.is_complete and exchange.error is None:
            self._source.abandon(exchange, error)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        await self.aclose()
