"""One connection: a protocol that writes a request and fills an Exchange with the response.

    OPENING ──made──▶ IDLE ──run──▶ HEAD ──final headers──▶ BODY ──message complete──▶ IDLE
                        ▲            │ no body (HEAD, 204, 304)                         │
                        └────────────┴──────────────────────────────────────────────────┘
    any ──lost, error, abandoned, not to be kept alive──▶ CLOSED

Bytes that arrive in IDLE, or after the end of a message, cost the connection its place in the pool.
Knows no pool: its owner hears `released` or `lost`.
"""

from __future__ import annotations

import asyncio
import socket
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, Protocol, cast

import httptools

from pointsman.adapters.http.errors import (
    DeadlineExceeded,
    DisconnectStage,
    FirstByteTimeout,
    IdleTimeout,
    LocallyClosed,
    ProtocolViolation,
    UpstreamDisconnected,
)
from pointsman.adapters.http.response import HttpResponse

if TYPE_CHECKING:
    from pointsman.adapters.http.errors import TransportError
    from pointsman.adapters.http.response import Exchange

MAX_UNREAD_BYTES: Final = 256 * 1024
"""Above this much unread body the socket is not read any more."""
MAX_HEAD_BYTES: Final = 64 * 1024
"""Limit for response headers, and for any run of bytes that brings no body (1xx, chunk extensions, trailers)."""
_ONE_WRITE_BYTES: Final = 64 * 1024
_TIMER_SLACK_S: Final = 0.001  # uvloop counts in whole milliseconds
_FINAL_STATUS: Final = 200
_SWITCHING: Final = 101
_BODYLESS: Final = frozenset({204, 304})


class Phase(Enum):
    """Where a connection stands; the table is in the module's docstring."""

    OPENING = auto()
    IDLE = auto()
    HEAD = auto()
    BODY = auto()
    CLOSED = auto()


class Owner(Protocol):
    """Who keeps the connection between requests."""

    def released(self, connection: Connection) -> None:
        """The response is complete and the connection can serve another request."""

    def lost(self, connection: Connection) -> None:
        """The connection is closed for good."""


class Connection(asyncio.Protocol):
    """An HTTP/1.1 connection that serves one exchange at a time."""

    __slots__ = (
        "_closed",
        "_exchange",
        "_has_surplus",
        "_keep_alive",
        "_loop",
        "_owner",
        "_parser",
        "_phase",
        "_silent_bytes",
        "_timer",
        "_timer_at",
        "_transport",
        "_until_eof",
        "_violation",
        "idle_since",
        "peer",
        "served",
    )

    def __init__(self, owner: Owner, peer: str, loop: asyncio.AbstractEventLoop) -> None:
        """Wait for the loop to connect; *peer* is `host:port`."""
        self.peer = peer
        self.idle_since = 0.0
        self.served = 0
        """Requests written so far; above 1 the server may have closed it unnoticed."""
        self._owner = owner
        self._loop = loop
        self._phase = Phase.OPENING
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._exchange: Exchange | None = None
        self._timer: asyncio.Handle | None = None
        self._timer_at = 0.0
        self._silent_bytes = 0
        self._until_eof = False
        self._keep_alive = False
        self._has_surplus = False
        self._violation: str | None = None
        self._closed: asyncio.Future[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether a request can be written."""
        return self._phase is Phase.IDLE

    def time(self) -> float:
        return self._loop.time()

    # ── the caller's side ──────────────────────────────────────────────────────────────────────

    async def run(self, exchange: Exchange, head: bytes, body: bytes) -> HttpResponse:
        """Write the request and return once the final headers are here; cancelling it closes the connection."""
        transport = self._transport
        if transport is None or self._phase is not Phase.IDLE:
            raise UpstreamDisconnected(self.peer, DisconnectStage.BEFORE_RESPONSE)
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        self._exchange = exchange
        self._phase = Phase.HEAD
        self._silent_bytes = 0
        self.served += 1
        if len(body) <= _ONE_WRITE_BYTES:
            transport.write(head + body if body else head)
        else:
            transport.write(head)
            transport.write(body)
        exchange.first_byte_at = self._loop.time() + exchange.timeouts.first_byte_s
        if exchange.error is None:
            await self._wait(exchange, exchange.first_byte_at)
        if exchange.error is not None and not exchange.status:
            raise exchange.error
        return HttpResponse(exchange, self)

    async def wait_for_body(self, exchange: Exchange) -> None:
        """Return when bytes, the end or an error have arrived."""
        has_begun = exchange.has_body_bytes
        await self._wait(
            exchange, self._loop.time() + exchange.timeouts.idle_s if has_begun else exchange.first_byte_at
        )

    def resume(self, exchange: Exchange) -> None:
        """Read from the socket again: the buffer was emptied."""
        exchange.is_paused = False
        if self._exchange is exchange and self._transport is not None:
            self._transport.resume_reading()

    def abandon(self, exchange: Exchange, error: TransportError) -> None:
        """Close the connection if *exchange* is still on it."""
        if self._exchange is exchange:
            self._close(error)

    def abort(self) -> None:
        """Close now, whatever is going on."""
        self._close(LocallyClosed(self.peer))

    async def wait_closed(self) -> None:
        """Return when the socket is gone."""
        if self._transport is not None:
            self._closed = self._closed or self._loop.create_future()
            await self._closed

    async def _wait(self, exchange: Exchange, expires_at: float) -> None:
        if exchange.waiter is not None:
            raise RuntimeError("a response is read by one task at a time")
        deadline = exchange.deadline
        if deadline is not None and deadline < expires_at:
            expires_at = deadline
        exchange.expires_at = expires_at
        timer = self._timer
        if timer is None or self._timer_at > expires_at:
            if timer is not None:
                timer.cancel()
            self._timer_at = expires_at
            self._timer = self._loop.call_at(expires_at, self._on_timer)
        exchange.waiter = self._loop.create_future()
        try:
            await exchange.waiter
        except asyncio.CancelledError:
            self.abandon(exchange, LocallyClosed(self.peer))
            raise
        finally:
            exchange.waiter = None

    def _on_timer(self) -> None:
        """Time out the waiting exchange, or move on to when it will: one timer outlives many waits."""
        self._timer = None
        exchange = self._exchange
        if exchange is None or exchange.waiter is None:
            return
        now = self._loop.time() + _TIMER_SLACK_S
        if now < exchange.expires_at:
            self._timer_at = exchange.expires_at
            self._timer = self._loop.call_at(exchange.expires_at, self._on_timer)
        elif exchange.deadline is not None and now >= exchange.deadline:
            doing = "reading the body" if exchange.status else "waiting for the response"
            self._close(DeadlineExceeded(self.peer, doing))
        elif exchange.has_body_bytes:
            self._close(IdleTimeout(self.peer, exchange.timeouts.idle_s))
        else:
            self._close(FirstByteTimeout(self.peer, exchange.timeouts.first_byte_s))

    # ── the loop's side ────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Become usable, without Nagle's delay."""
        self._transport = cast("asyncio.Transport", transport)
        if self._phase is Phase.CLOSED:
            self._transport.abort()
            return
        self._phase = Phase.IDLE
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived; wake the reader once for all of it."""
        exchange, parser = self._exchange, self._parser
        if exchange is None or parser is None:
            self._close(None)  # nobody asked: not a connection to write the next request to
            return
        self._silent_bytes += len(data)
        unread_before, status_before = exchange.unread_bytes, exchange.status
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not exchange.is_complete:
                violation = ProtocolViolation(self.peer, f"not a valid HTTP/1.1 response ({error})")
                violation.__cause__ = error
                self._close(violation)
                return
            self._has_surplus = True
        if exchange.is_complete:
            self._finish(exchange)
            return
        if exchange.unread_bytes != unread_before:
            self._silent_bytes = 0
        elif self._silent_bytes > MAX_HEAD_BYTES:
            self._violation = f"the response headers are over {MAX_HEAD_BYTES} bytes"
        if self._violation is not None:
            self._close(ProtocolViolation(self.peer, self._violation))
            return
        if exchange.unread_bytes > MAX_UNREAD_BYTES and not exchange.is_paused and self._transport is not None:
            exchange.is_paused = True
            self._transport.pause_reading()
        if exchange.unread_bytes or exchange.status != status_before:
            exchange.wake()

    def eof_received(self) -> None:
        """Treat half-closed as closed."""
        self._ended()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the exchange in flight; a clean end completes a body that is delimited by it."""
        if exc is None:
            self._ended()
        else:
            self._close(self._disconnected())
        self._transport = None
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)

    def _ended(self) -> None:
        exchange = self._exchange
        if exchange is not None and self._phase is Phase.BODY and self._until_eof:
            exchange.is_complete = True
            self._keep_alive = False
            self._finish(exchange)
        else:
            self._close(self._disconnected())

    def _disconnected(self) -> UpstreamDisconnected:
        if self._phase is Phase.BODY:
            stage = DisconnectStage.MID_BODY
        else:
            stage = DisconnectStage.MID_HEAD if self._silent_bytes else DisconnectStage.BEFORE_RESPONSE
        return UpstreamDisconnected(self.peer, stage)

    def _finish(self, exchange: Exchange) -> None:
        """Hand the connection back; the exchange keeps its unread bytes."""
        transport = self._transport
        self._exchange = None
        if exchange.is_paused and transport is not None:
            transport.resume_reading()
        exchange.is_paused = False
        exchange.wake()
        is_reusable = self._keep_alive and not self._has_surplus and transport is not None
        if is_reusable and transport is not None and not transport.get_write_buffer_size():
            self._phase = Phase.IDLE
            self._owner.released(self)
        else:
            self._close(None)

    def _close(self, error: TransportError | None) -> None:
        """Abort the transport; *error* is for the exchange in flight, if there is one."""
        if self._phase is Phase.CLOSED:
            return
        self._phase = Phase.CLOSED
        exchange, self._exchange = self._exchange, None
        self._parser = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()
        if exchange is not None:
            exchange.error = error or LocallyClosed(self.peer)
            exchange.wake()
        self._owner.lost(self)

    # ── the parser's side; runs inside feed_data, so it only takes notes ───────────────────────

    def on_message_begin(self) -> None:
        """Note a message after the one that was asked for."""
        exchange = self._exchange
        if exchange is None or exchange.is_complete:
            self._has_surplus = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; trailers are dropped."""
        if self._phase is Phase.HEAD and self._exchange is not None:
            self._exchange.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Decide how the body ends, or skip an interim response."""
        exchange, parser = self._exchange, self._parser
        if self._phase is not Phase.HEAD or exchange is None or parser is None:
            return
        status = parser.get_status_code()
        headers = exchange.headers
        if self._silent_bytes > MAX_HEAD_BYTES and _size(headers) > MAX_HEAD_BYTES:
            self._violation = f"the response headers are over {MAX_HEAD_BYTES} bytes"
        elif status == _SWITCHING:
            self._violation = "it switched protocols unasked"
        elif status < _FINAL_STATUS:
            headers.clear()
        else:
            self._read_framing(exchange, status)

    def _read_framing(self, exchange: Exchange, status: int) -> None:
        is_framed = False
        for name, value in exchange.headers:
            if name == b"content-length":
                is_framed = True
            elif name == b"transfer-encoding":
                is_framed = True
                if value.lower() != b"chunked":
                    self._violation = "its transfer coding is not chunked"
                    return
        exchange.status = status
        self._phase = Phase.BODY
        self._until_eof = not is_framed
        self._keep_alive = self._parser is not None and self._parser.should_keep_alive()
        if exchange.is_head_request or status in _BODYLESS:
            exchange.is_complete = True
            self._parser = None  # it may expect a body that never comes

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        exchange = self._exchange
        if exchange is None or exchange.is_complete:
            self._has_surplus = True
        elif self._phase is Phase.BODY:
            exchange.chunks.append(body)
            exchange.unread_bytes += len(body)
            exchange.has_body_bytes = True

    def on_message_complete(self) -> None:
        """Note the end of the final response (an interim one has no status here)."""
        exchange = self._exchange
        if exchange is not None and self._phase is Phase.BODY:
            exchange.is_complete = True


def _size(headers: list[tuple[bytes, bytes]]) -> int:
    return sum(len(name) + len(value) for name, value in headers)
