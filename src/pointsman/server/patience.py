"""How long a caller may take over its request, and how many connections one address may hold. A uvicorn protocol.

Expected of uvicorn: a deadline for a request's head and body. Actual: it waits for ever for both.

| what is missing      | how long it is waited for                                            | then        |
| -------------------- | -------------------------------------------------------------------- | ----------- |
| the first byte       | `read_timeout_s` from the connection on                              | closed      |
| the rest of the head | `read_timeout_s` from its first byte on                              | 408, closed |
| the rest of the body | the same, and a second more for each SLOWEST_BYTES_PER_S that came   | 408, closed |
| the next request     | uvicorn's own keep-alive                                             | closed      |
"""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

_TIMER_SLACK_S: Final = 0.001  # uvloop counts in whole milliseconds
SLOWEST_BYTES_PER_S: Final = 8 * 1024
TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@dataclass(slots=True, kw_only=True)
class Patience:
    """The limits of one server, and who holds how many of its connections."""

    read_timeout_s: float = 30.0
    max_connections_per_address: int = 2000
    held: Counter[str] = field(default_factory=Counter)

    @property
    def protocol(self) -> type[asyncio.Protocol]:
        """What uvicorn is to make for each connection."""
        return cast("type[asyncio.Protocol]", functools.partial(PatientProtocol, patience=self))


class PatientProtocol(HttpToolsProtocol):
    """One connection. A request that comes in one piece costs two looks at what is there anyway."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        patience: Patience,
    ) -> None:
        """Serve by *patience*."""
        super().__init__(config, server_state, app_state, _loop)
        self._patience = patience
        self._address: str | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timed: object = None  # the request whose time is running
        self._deadline = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Turn away whoever holds too many already."""
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if isinstance(peer, tuple) else ""
        held = self._patience.held
        if held[address] >= self._patience.max_connections_per_address:
            self.transport = transport
            transport.abort()
            return
        self._address = address
        held[address] += 1
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._address is not None:
            held = self._patience.held
            held[self._address] -= 1
            if not held[self._address]:
                del held[self._address]
            self._address = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take *data*, and wait for the rest if there is one."""
        super().data_received(data)
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.scope is not self.scope:
            self._begins()
        elif cycle.more_body:
            self._begins()
            self._deadline += len(data) / SLOWEST_BYTES_PER_S
        elif self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _begins(self) -> None:
        """Let the request's time begin, if it has not."""
        if self._timed is not self.scope:
            self._timed = self.scope
            self._wait()

    def _wait(self) -> None:
        """Begin to wait, once more if need be: the timer that runs already will see the new deadline."""
        self._deadline = self.loop.time() + self._patience.read_timeout_s
        if self._timer is None:
            self._timer = self.loop.call_at(self._deadline, self._look)

    def _look(self) -> None:
        """Close, unless what came since has moved the deadline."""
        self._timer = None
        if self.transport.is_closing():
            return
        if self.loop.time() + _TIMER_SLACK_S < self._deadline:
            self._timer = self.loop.call_at(self._deadline, self._look)
            return
        cycle: RequestResponseCycle | None = self.cycle
        is_answered = cycle is not None and cycle.response_started and cycle.scope is self.scope
        is_behind_another = cycle is not None and cycle.scope is not self.scope and not cycle.response_complete
        if self._timed is not None and not is_answered and not is_behind_another:
            self.transport.write(TOO_SLOW)
        self.transport.close()
