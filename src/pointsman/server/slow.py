"""Gives up callers who do not read what they asked for, so that their models are let go and nothing piles up.

What is not read waits in the connection's buffer, 64 KiB at most; after that the model's connection is not read either.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Self

from pointsman.server.http import CallerGone

if TYPE_CHECKING:
    from types import TracebackType

    from pointsman.server.http import Message, Send

log = logging.getLogger("pointsman.server")

WHOLE = "pointsman.whole"  # in the last message of a stream: it did not break off


class SlowReader:
    """`async with SlowReader(send, 60.0) as watch`: cuts the connection and raises CallerGone.

    It looks twice within *timeout_s* whether one and the same `watch.send` is still not over. That costs a stream one
    timer, and a piece nothing but two assignments.
    """

    def __init__(self, send: Send, timeout_s: float) -> None:
        """Watch what goes out by *send*."""
        self._send = send
        self._interval_s = timeout_s / 2
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        self._sent = 0
        self._is_sending = False
        self._stuck: tuple[int, int] = (-1, 0)  # which send, how often it was seen
        self.has_fired = False

    async def __aenter__(self) -> Self:
        """Start the timer."""
        self._task = asyncio.current_task()
        self._look_later()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Stop watching; a cancellation that came from here ends here."""
        if self._timer is not None:
            self._timer.cancel()
        if self.has_fired and self._task is not None:
            self._task.uncancel()
            await hang_up(self._send)
            raise CallerGone

    async def send(self, piece: bytes, *, is_last: bool = False, is_whole: bool = False) -> None:
        """Send one piece of the answer; with the last goes whether the answer is all there, for a Recorder."""
        message = {"type": "http.response.body", "body": piece, "more_body": not is_last}
        await self.pass_on(message | {WHOLE: is_whole} if is_last else message)

    async def pass_on(self, message: Message) -> None:
        """Send *message*."""
        self._is_sending = True
        await self._send(message)
        self._is_sending = False
        self._sent += 1

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._interval_s, self._look)

    def _look(self) -> None:
        which, times = self._stuck
        if not self._is_sending:
            self._stuck = (-1, 0)
        elif which != self._sent:
            self._stuck = (self._sent, 1)
        elif times == 1:
            self._stuck = (self._sent, 2)
        elif self._task is not None:
            log.warning("caller-does-not-read seconds=%.1f", self._interval_s * 2)
            self.has_fired = True
            self._task.cancel()
            return
        self._look_later()


async def hang_up(send: Send) -> None:
    """Cut the connection behind *send*, if it is one of uvicorn's, with all that nobody reads."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if isinstance(transport, asyncio.Transport):
        transport.abort()
        await asyncio.sleep(0)  # uvicorn learns of it
