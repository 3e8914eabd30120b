"""The client: one pool per server, one retry for a connection that had gone stale, nothing else clever.

Redirects are never followed, proxies are never taken from the environment, certificates are always verified
unless the caller brings a context that says otherwise.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Self

from pointsman.adapters.http.errors import DeadlineExceeded, DisconnectStage, LocallyClosed, UpstreamDisconnected
from pointsman.adapters.http.head import encode_head
from pointsman.adapters.http.pool import HostPool, PoolLimits
from pointsman.adapters.http.resolve import Resolver
from pointsman.adapters.http.response import Exchange, Timeouts

if TYPE_CHECKING:
    from types import TracebackType

    from pointsman.adapters.http.head import Headers, Method
    from pointsman.adapters.http.response import HttpResponse
    from pointsman.adapters.http.target import Target


class HttpClient:
    """HTTP/1.1 requests over pooled connections; one instance per event loop, used as `async with`."""

    def __init__(
        self,
        limits: PoolLimits | None = None,
        timeouts: Timeouts | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Keep the settings; without *ssl_context* the system's authorities are loaded at the first https request."""
        self._limits = limits or PoolLimits()
        self._timeouts = timeouts or Timeouts()
        self._ssl_context = ssl_context
        self._pools: dict[str, HostPool] = {}
        self._loop: asyncio.AbstractEventLoop | None = None  # the one that the first request is made on
        self._resolver: Resolver | None = None  # that loop's
        self._is_closed = False

    async def request(
        self,
        method: Method,
        target: Target,
        headers: Headers = (),
        body: bytes = b"",
        *,
        deadline: float | None = None,
        timeouts: Timeouts | None = None,
    ) -> HttpResponse:
        """Send a request and return once the response's headers are here, whatever the status.

        *deadline* is in the loop's time and covers the body too. Host and Content-Length are added.
        Raises TransportError; cancelling closes the connection if the request was under way.
        """
        head = encode_head(method, target, headers, len(body))
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        now = loop.time()
        if deadline is not None and now >= deadline:
            raise DeadlineExceeded(target.peer, "starting the request")
        limits = timeouts or self._timeouts
        pool = self._pools.get(target.origin) or self._add_pool(target, loop)
        connection = pool.take(now)
        may_be_stale = True
        while True:
            if connection is None:
                connection = await pool.acquire(connect_s=limits.connect_s, deadline=deadline)
            exchange = Exchange(limits, deadline, is_head_request=method == "HEAD")
            try:
                return await connection.run(exchange, head, body)
            except UpstreamDisconnected as error:
                is_stale = error.stage is DisconnectStage.BEFORE_RESPONSE and connection.served > 1
                if not (is_stale and may_be_stale):
                    raise
            connection, may_be_stale = None, False

    def _add_pool(self, target: Target, loop: asyncio.AbstractEventLoop) -> HostPool:
        if self._is_closed:
            raise LocallyClosed(target.peer)
        self._resolver = self._resolver or Resolver(loop)
        pool = self._pools[target.origin] = HostPool(target, self._limits, loop, self._tls, self._resolver)
        return pool

    def _tls(self) -> ssl.SSLContext:
        if self._ssl_context is None:
            self._ssl_context = ssl.create_default_context()
            self._ssl_context.set_alpn_protocols(["http/1.1"])
        return self._ssl_context

    async def aclose(self) -> None:
        """Close every connection, also those in use: their readers see LocallyClosed."""
        self._is_closed = True
        pools = list(self._pools.values())
        self._pools.clear()
        for pool in pools:
            await pool.aclose()
        if self._resolver is not None:
            await self._resolver.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        await self.aclose()
