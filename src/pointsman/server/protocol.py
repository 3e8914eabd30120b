"""A caller's connection: reads requests, lets the application answer them in turn, and is patient only so long.

It is uvicorn's `http` class: uvicorn runs the process, the sockets, the signals and the date; the reasons for a
protocol of our own are in docs/decisions/0011-own-protocol.md.

| the caller                                   | what happens                                                   |
| -------------------------------------------- | -------------------------------------------------------------- |
| keeps us waiting                             | see patience.py                                                |
| sends what is no HTTP, or too long a head    | 400, 431, after the answers that are due; closed               |
| sends further requests before it is answered | they wait, unread but for what has come                        |
| wants another protocol                       | is answered in this one                                        |
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import unquote

import httptools

from pointsman.server.cycle import HIGH_WATER_BYTES, Cycle, ends_of
from pointsman.server.deadlines import Deadlines
from pointsman.server.refusal import BAD_REQUEST, HEAD_TOO_LONG, TOO_SLOW, refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from uvicorn.config import Config
    from uvicorn.server import ServerState

    from pointsman.server.http import Header
    from pointsman.server.patience import Patience

MAX_HEAD_BYTES: Final = 64 * 1024


class CallerConnection(asyncio.Protocol):
    """One connection; made by uvicorn."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],  # the lifespan's: ours has none
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        patience: Patience,
    ) -> None:
        """Wait for the loop to connect."""
        self.transport: asyncio.Transport = cast("asyncio.Transport", None)
        self.is_write_paused = False
        self._app = config.loaded_app
        self._server = server_state
        self._loop = _loop or asyncio.get_running_loop()
        self._patience = patience
        self._keep_alive_s = config.timeout_keep_alive
        self._address: str | None = None  # whose connection it is, if it was admitted
        self._parser = httptools.HttpRequestParser(self)
        self._ends: dict[str, Any] = {}  # what every request's scope says of the connection
        self._url = b""
        self._headers: list[Header] = []
        self._expects_continue = False
        self._is_in_head = False
        self._head_bytes = 0  # of a head that is arriving, but for the piece that it began in
        self._head_since = 0.0
        self._piece_bytes = 0
        self._first_bytes = 0  # of the piece that a head began in
        self._unparsed_bytes = 0  # of a body that the parser takes for another protocol
        self._arriving: Cycle | None = None  # whose body is on its way
        self._body_bytes = 0
        self._body_since = 0.0
        self._current: Cycle | None = None
        self._next: deque[Cycle] = deque()
        self._fault = 0  # the status of what cannot be read
        self._is_read_paused = False
        self._writable: asyncio.Event | None = None
        self._left_to_write = 0
        self._deadlines = Deadlines(self._loop, self._late_reading, self._late_writing)

    @property
    def default_headers(self) -> Sequence[Header]:
        """The date, and what else uvicorn adds to every answer."""
        return self._server.default_headers

    # ── the loop's side ──

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        self.transport = cast("asyncio.Transport", transport)
        self._ends = ends_of(transport)
        client = self._ends["client"]
        address = client[0] if client is not None else ""
        if not self._patience.admits(address):
            self.transport.abort()
            return
        self._address = address
        self._server.connections.add(self)  # type: ignore[arg-type]  # uvicorn names its own classes there
        self._deadlines.read_by = self._loop.time() + self._patience.read_timeout_s
        self._deadlines.arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all work for the caller."""
        self._server.connections.discard(self)
        if self._address is not None:
            self._patience.released(self._address)
            self._address = None
        self._deadlines.stop()
        self._parser = cast("httptools.HttpRequestParser", None)  # each held the other
        cycles, self._current = (self._current, *self._next), None
        self._next.clear()
        self._arriving = None
        self.resume_writing()
        for cycle in cycles:
            if cycle is not None:
                cycle.gone()

    def data_received(self, data: bytes) -> None:
        """Parse; begin with the answer once all of *data* is read, as then the body is mostly here."""
        if self._fault:
            return
        self._piece_bytes = len(data)
        if self._is_in_head:
            self._head_bytes += len(data)
        elif self._arriving is not None:
            self._body_bytes += len(data)
        fault = self._feed(data)
        current = self._current
        if current is not None and current.task is None:
            self._begin(current)
        if fault:
            self._refuse()
        elif self._is_in_head or self._arriving is not None:
            self._mind()
        else:
            self._rest()

    def _feed(self, data: bytes) -> int:
        """The status of what is wrong with *data*; 0 when nothing is."""
        while data:
            if self._unparsed_bytes:
                data = self._past_the_body(data)
                continue
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] or len(data) :]
                continue
            except httptools.HttpParserError:
                self._fault = self._fault or BAD_REQUEST
            break
        return self._fault

    def _past_the_body(self, data: bytes) -> bytes:
        """What follows in *data* on the body of a request that wishes for another protocol.

        Expected: such a request has a body like any other. Actual: the parser takes all that follows the head for the
        other protocol. Java's client sends `Upgrade: h2c` with every first request.
        """
        body, rest = data[: self._unparsed_bytes], data[self._unparsed_bytes :]
        self._unparsed_bytes -= len(body)
        self.on_body(body)
        if not self._unparsed_bytes:
            self.on_message_complete()
        return rest

    def pause_writing(self) -> None:
        """The caller reads more slowly than it is answered: not for ever."""
        self.is_write_paused = True
        self._left_to_write = self.transport.get_write_buffer_size()
        self._deadlines.write_by = self._loop.time() + self._patience.take_timeout_s
        self._deadlines.arm()

    def resume_writing(self) -> None:
        """The caller has taken most of it."""
        self.is_write_paused = False
        self._deadlines.write_by = math.inf
        if self._writable is not None:
            self._writable.set()

    def shutdown(self) -> None:
        """Close as soon as what has been asked is answered (uvicorn calls it when the server is to end)."""
        if self._current is None:
            self.close()
            return
        for cycle in (self._current, *self._next):
            cycle.keep_alive = False

    # ── the parser's side ──

    def on_message_begin(self) -> None:
        """A request begins."""
        self._url = b""
        self._headers = []
        self._expects_continue = False
        self._is_in_head = True
        self._head_bytes = 0
        self._first_bytes = self._piece_bytes
        self._head_since = 0.0

    def on_url(self, url: bytes) -> None:
        """A piece of the request's target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; trailers come to nothing."""
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self._expects_continue = True
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """A request to be answered, in its turn."""
        parser = self._parser
        self._is_in_head = False
        if self._first_bytes + self._head_bytes > MAX_HEAD_BYTES and _size(self._url, self._headers) > MAX_HEAD_BYTES:
            self._fault = self._fault or HEAD_TOO_LONG
            return
        if parser.should_upgrade():
            lengths = [value for name, value in self._headers if name == b"content-length"]
            self._unparsed_bytes = int(lengths[0]) if lengths else 0
        version = parser.get_http_version()
        url = self._url
        if url[:1] == b"/" and b"?" not in url and b"%" not in url and b"#" not in url and url.isascii():
            raw_path, query = url, b""
        else:
            parsed = httptools.parse_url(url)
            raw_path, query = parsed.path or b"", parsed.query or b""
        path = raw_path.decode("ascii")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": version,
            "method": parser.get_method().decode("ascii"),
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "root_path": "",
            "headers": self._headers,
            **self._ends,
        }
        keep_alive = version != "1.0" and parser.should_keep_alive()
        cycle = Cycle(self, scope, keep_alive=keep_alive, expects_continue=self._expects_continue)
        self._arriving = cycle
        self._body_bytes = 0
        self._body_since = 0.0
        if self._current is None:
            self._current = cycle
        else:
            self._next.append(cycle)

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        cycle = self._arriving
        if cycle is not None:
            cycle.feed(body)
            if cycle.unread_bytes > HIGH_WATER_BYTES:
                self._pause_reading()

    def on_message_complete(self) -> None:
        """The request is whole."""
        cycle = self._arriving
        if cycle is not None and not self._unparsed_bytes:
            cycle.end()
            self._arriving = None
            if self._next:
                self._pause_reading()

    # ── the cycle's side ──

    def _begin(self, cycle: Cycle) -> None:
        """Let the application answer. The server keeps the task until it is done, and waits for it when it ends."""
        cycle.task = self._loop.create_task(self._serve(cycle))
        self._server.tasks.add(cycle.task)

    async def _serve(self, cycle: Cycle) -> None:
        try:
            await self._app(cycle.scope, cycle.receive, cycle.send)
        finally:
            cycle.conclude()
            if cycle.task is not None:
                self._server.tasks.discard(cycle.task)
                cycle.task = None  # each held the other

    def answered(self, cycle: Cycle) -> None:
        """See cycle.Line."""
        self._server.total_requests += 1
        self._current = None
        if not cycle.keep_alive or self.transport.is_closing():
            self.close()
            return
        if self._next:
            self._current = self._next.popleft()
            self._begin(self._current)
        elif self._fault:
            self._refuse()
            return
        self.resume_reading()
        if self._arriving is None and not self._is_in_head:
            self._rest()

    def close(self) -> None:
        """See cycle.Line."""
        if self._deadlines.write_by == math.inf and self.transport.get_write_buffer_size():
            self.pause_writing()
        self.transport.close()

    async def drained(self) -> None:
        """See cycle.Line."""
        while self.is_write_paused:
            self._writable = self._writable or asyncio.Event()
            self._writable.clear()
            await self._writable.wait()

    def resume_reading(self) -> None:
        """See cycle.Line."""
        if self._is_read_paused and not self._next:
            self._is_read_paused = False
            self._body_since = 0.0
            self.transport.resume_reading()
            if self._is_in_head or self._arriving is not None:
                self._mind()

    def _pause_reading(self) -> None:
        if not self._is_read_paused:
            self._is_read_paused = True
            self.transport.pause_reading()

    # ── patience ──

    def _mind(self) -> None:
        """Set the time by which the rest of a head or body must be here; while it is us who do not read, none."""
        now, patience = self._loop.time(), self._patience
        if self._is_read_paused:
            self._deadlines.read_by = math.inf
        elif self._is_in_head:
            if self._head_bytes > MAX_HEAD_BYTES:
                self._fault = HEAD_TOO_LONG
                self._refuse()
                return
            self._head_since = self._head_since or now
            self._deadlines.read_by = self._head_since + patience.read_timeout_s
        else:
            if not self._body_since:
                self._body_since, self._body_bytes = now, 0
            self._deadlines.read_by = (
                self._body_since + patience.read_timeout_s + self._body_bytes / patience.slowest_bytes_per_s
            )
        self._deadlines.arm()

    def _rest(self) -> None:
        """Nothing is arriving: wait for the answer as long as it takes, and then for the next request."""
        if self._current is not None:
            self._deadlines.read_by = math.inf
            return
        self._deadlines.read_by = self._loop.time() + self._keep_alive_s
        self._deadlines.arm()

    def _late_reading(self) -> None:
        if self._arriving is None and not self._is_in_head:
            self.close()
            return
        self._fault = TOO_SLOW
        self._refuse()

    def _late_writing(self) -> None:
        """Hang up, unless the caller took enough of what was written since the last look."""
        left = self.transport.get_write_buffer_size()
        taken, self._left_to_write = self._left_to_write - left, left
        if taken < HIGH_WATER_BYTES:
            self.transport.abort()
        else:
            self._deadlines.write_by = self._loop.time() + self._patience.take_timeout_s

    def _refuse(self) -> None:
        """Say what is wrong, unless an answer is under way or due: after it, or not at all where it has begun."""
        broken, self._arriving = self._arriving, None
        current = self._current
        if current is not None and current is not broken:
            if broken is not None and broken in self._next:
                self._next.remove(broken)
            self._deadlines.read_by = math.inf
            return  # `answered` comes back here
        self._current = None
        if current is None or not current.has_started:
            self.transport.write(refusal(self._fault, self.default_headers))
        self.close()
        if current is not None:
            current.gone()


def _size(url: bytes, headers: Sequence[Header]) -> int:
    return len(url) + sum(len(name) + len(value) for name, value in headers)
