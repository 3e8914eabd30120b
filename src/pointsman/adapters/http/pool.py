"""The connections to one server: who waits for one, who idles, how one is opened.

A *slot* is the right to hold a connection; `max_connections_per_host` of them exist. Slots are held by
connections (idle or busy) and by attempts to connect; those without one wait in line, first come first served.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointsman.adapters.http.connection import Connection
from pointsman.adapters.http.errors import (
    ConnectFailed,
    ConnectFailure,
    ConnectTimeout,
    DeadlineExceeded,
    DisconnectStage,
    LocallyClosed,
    UpstreamDisconnected,
)
from pointsman.adapters.http.resolve import first_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pointsman.adapters.http.resolve import Resolver
    from pointsman.adapters.http.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """How many connections to one server, and how long an unused one is kept."""

    max_connections_per_host: int = 1024
    max_idle_per_host: int = 256
    max_idle_s: float = 15.0
    """Below the keep-alive of common servers, so that we are the first to close."""


class HostPool:
    """Connections to one scheme, host and port; belongs to one event loop."""

    def __init__(
        self,
        target: Target,
        limits: PoolLimits,
        loop: asyncio.AbstractEventLoop,
        tls: Callable[[], ssl.SSLContext],
        resolver: Resolver,
    ) -> None:
        """Connect to *target*'s origin; *tls* is asked for a context when the scheme is https."""
        self._resolver = resolver
        self._target = target
        self._limits = limits
        self._loop = loop
        self._tls = tls
        self._idle: dict[Connection, None] = {}  # in order of release: popitem() takes the warmest
        self._connections: set[Connection] = set()
        self._slots_taken = 0
        self._line: deque[asyncio.Future[Connection | None]] = deque()
        self._reaper: asyncio.TimerHandle | None = None
        self._is_closed = False

    def take(self, now: float) -> Connection | None:
        """Return the connection that was used last, if one idles; older than the limit is closed."""
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.is_open and now - connection.idle_since <= self._limits.max_idle_s:
                return connection
            connection.abort()
        return None

    async def acquire(self, *, connect_s: float, deadline: float | None) -> Connection:
        """Open a connection; with every slot taken, wait in line for a slot or a released connection."""
        if self._slots_taken >= self._limits.max_connections_per_host and self._idle:
            next(iter(self._idle)).abort()  # a new one was asked for: the oldest idle one gives way
        if self._line or self._slots_taken >= self._limits.max_connections_per_host:
            connection = await self._wait_in_line(deadline)
            if connection is not None:
                return connection
        else:
            self._slots_taken += 1
        return await self._open(connect_s, deadline)

    async def aclose(self) -> None:
        """Abort every connection, send everyone in line home, and wait until the sockets are gone."""
        self._is_closed = True
        if self._reaper is not None:
            self._reaper.cancel()
        while self._line:
            waiter = self._line.popleft()
            if not waiter.done():
                waiter.set_exception(LocallyClosed(self._target.peer))
        connections = list(self._connections)
        for connection in connections:
            connection.abort()
        for connection in connections:
            await connection.wait_closed()

    # ── what connections report ────────────────────────────────────────────────────────────────

    def released(self, connection: Connection) -> None:
        """Give a reusable connection to the first in line, or keep it warm."""
        if self._hand_over(connection):
            return
        if self._is_closed or len(self._idle) >= self._limits.max_idle_per_host:
            connection.abort()
            return
        connection.idle_since = self._loop.time()
        self._idle[connection] = None
        if self._reaper is None:
            self._reaper = self._loop.call_later(self._limits.max_idle_s, self._reap)

    def lost(self, connection: Connection) -> None:
        """Forget a closed connection and pass its slot on."""
        self._idle.pop(connection, None)
        if connection in self._connections:
            self._connections.remove(connection)
            self._free_slot()

    def _free_slot(self) -> None:
        if not self._hand_over(None):
            self._slots_taken -= 1

    def _hand_over(self, grant: Connection | None) -> bool:
        while self._line:
            waiter = self._line.popleft()
            if not waiter.done():
                waiter.set_result(grant)
                return True
        return False

    def _reap(self) -> None:
        """Close connections that idled too long; the oldest come first."""
        self._reaper = None
        oldest_allowed = self._loop.time() - self._limits.max_idle_s
        while self._idle:
            oldest = next(iter(self._idle))
            if oldest.idle_since > oldest_allowed:
                self._reaper = self._loop.call_later(oldest.idle_since - oldest_allowed, self._reap)
                return
            oldest.abort()

    # ── waiting and opening ────────────────────────────────────────────────────────────────────

    async def _wait_in_line(self, deadline: float | None) -> Connection | None:
        """Return a released connection, or None for a slot."""
        waiter: asyncio.Future[Connection | None] = self._loop.create_future()
        self._line.append(waiter)
        try:
            async with asyncio.timeout_at(deadline):
                return await waiter
        except TimeoutError as error:
            self._leave_line(waiter)
            raise DeadlineExceeded(self._target.peer, "waiting for a free connection") from error
        except asyncio.CancelledError:
            self._leave_line(waiter)
            raise

    def _leave_line(self, waiter: asyncio.Future[Connection | None]) -> None:
        """Pass on what was granted in the very moment of giving up."""
        if not waiter.done():
            waiter.cancel()
        if waiter.cancelled():
            if waiter in self._line:
                self._line.remove(waiter)
        elif waiter.exception() is None:
            connection = waiter.result()
            if connection is None:
                self._free_slot()
            elif connection.is_open:
                self.released(connection)

    async def _open(self, connect_s: float, deadline: float | None) -> Connection:
        """Connect with a slot already taken; it is freed again on failure."""
        try:
            connection = await self._connect(connect_s, deadline)
        except BaseException:
            self._free_slot()
            raise
        if not connection.is_open:
            self._free_slot()
            raise UpstreamDisconnected(self._target.peer, DisconnectStage.BEFORE_RESPONSE)
        self._connections.add(connection)
        if self._is_closed:
            connection.abort()
            raise LocallyClosed(self._target.peer)
        return connection

    async def _connect(self, connect_s: float, deadline: float | None) -> Connection:
        target = self._target
        expires_at = self._loop.time() + connect_s
        is_deadline = deadline is not None and deadline < expires_at
        is_tls = target.scheme == "https"
        try:
            async with asyncio.timeout_at(deadline if is_deadline else expires_at):
                addresses = await self._resolver.addresses(target.host, target.port)
                return await first_of(addresses, self._connect_to, Connection.abort)
        except TimeoutError as error:  # ours, or the system's own ETIMEDOUT
            if is_deadline:
                raise DeadlineExceeded(target.peer, "connecting") from error
            raise ConnectTimeout(target.peer, connect_s) from error
        except OSError as error:
            reason = _classify(error, is_tls=is_tls)
            raise ConnectFailed(target.peer, reason, error.strerror or str(error)) from error

    async def _connect_to(self, address: str) -> Connection:
        """A connection to one of the target's addresses."""
        target = self._target
        is_tls = target.scheme == "https"
        connection = Connection(self, target.peer, self._loop)
        try:
            await self._loop.create_connection(
                lambda: connection,
                address,
                target.port,
                ssl=self._tls() if is_tls else None,
                server_hostname=target.host if is_tls else None,
            )
        except BaseException:
            connection.abort()
            raise
        return connection


def _classify(error: OSError, *, is_tls: bool) -> ConnectFailure:
    """Say why a connection failed; several addresses that all refuse come as one error without an errno."""
    if isinstance(error, ssl.SSLError):
        return ConnectFailure.TLS
    if isinstance(error, socket.gaierror):
        return ConnectFailure.DNS
    if isinstance(error, ConnectionRefusedError) or f"[Errno {errno.ECONNREFUSED}]" in str(error):
        return ConnectFailure.REFUSED
    if is_tls and isinstance(error, ConnectionError):
        return ConnectFailure.TLS
    return ConnectFailure.NETWORK
