"""The end of a gateway: nothing new is taken, answers under way may finish, what is left is told why it breaks off.

| moment                                | what happens                                                               |
| ------------------------------------- | -------------------------------------------------------------------------- |
| SIGTERM or SIGINT                     | `/readyz` says no; for `delay_s` everything else goes on as ever           |
| then                                  | the port is closed, idle connections too; answers under way go on          |
| all are done                          | the end                                                                    |
| after `timeout_s`, or a second signal | each caller left gets an error in its own API's form; models are let go    |
| GOODBYE_S later                       | connections whose callers still do not read are cut                        |
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn

from pointsman.core.errors import ShuttingDown

if TYPE_CHECKING:
    import socket
    from types import FrameType

log = logging.getLogger("pointsman.server")

GOODBYE_S = 2.0
TICK_S = 0.05
NOW = getattr(signal, "SIGQUIT", None)  # what the first process tells its workers when it got its signal twice


@dataclass(slots=True, kw_only=True)
class Drain:
    """How far the end has come, for those who serve."""

    timeout_s: float = 30.0
    delay_s: float = 0.0
    has_begun: bool = False
    is_over: bool = False

    def breaks_off(self) -> ShuttingDown | None:
        """Why the current task was cancelled, if it was for this; it is not cancelled any more then."""
        task = asyncio.current_task()
        if not self.is_over or task is None:
            return None
        task.uncancel()
        return ShuttingDown("The gateway is shutting down.", hint="Send the request again.", retry_after_s=1.0)


class DrainingServer(uvicorn.Server):
    """A uvicorn that ends as *drain* says. One that is a *worker* takes a repeated signal from its parent only."""

    def __init__(self, config: uvicorn.Config, drain: Drain, *, is_worker: bool = False) -> None:
        """Serve by *config*."""
        super().__init__(config)
        self.drain = drain
        self.is_worker = is_worker

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end, or end now.

        A terminal's Ctrl-C and a service manager's SIGTERM reach workers twice, from there and from the parent.
        """
        if self.should_exit and not self.is_worker:
            self.force_exit = True
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn does; a worker listens to `NOW` as well."""
        is_told = self.is_worker and NOW is not None and threading.current_thread() is threading.main_thread()
        if is_told and NOW is not None:
            signal.signal(NOW, self._end_now)
        with super().capture_signals():
            yield

    def _end_now(self, _sig: int, _frame: FrameType | None) -> None:
        self.should_exit = self.force_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See the module's table."""
        self.drain.has_begun = True
        await self._wait(self.drain.delay_s, for_callers=False)
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if not await self._wait(self.drain.timeout_s):
            await self._break_off()
        await self.lifespan.shutdown()

    async def _wait(self, seconds: float, *, for_callers: bool = True) -> bool:
        """Let *seconds* pass, fewer when told to end now, or when no caller is left; whether none is."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + seconds
        # Expected of uvicorn: an event to wait for. Actual: two sets, one flag.
        while not self.force_exit and loop.time() < until_s and (self._is_busy() or not for_callers):  # noqa: ASYNC110
            await asyncio.sleep(min(TICK_S, seconds))
        return not self._is_busy()

    def _is_busy(self) -> bool:
        return bool(self.server_state.tasks or self.server_state.connections)

    async def _break_off(self) -> None:
        """Tell whoever is left, and cut those who do not listen."""
        state = self.server_state
        log.warning("drain-over requests=%d", len(state.tasks))
        self.drain.is_over = True
        for _ in range(2):  # the second time those who could not be told for want of a reader
            for task in list(state.tasks):
                task.cancel()
            if state.tasks:
                await asyncio.wait(list(state.tasks), timeout=GOODBYE_S)
        for connection in list(state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)
