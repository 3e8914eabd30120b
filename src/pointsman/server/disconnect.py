"""Notices that the caller hung up and cancels the work done for them.

Most answers come before anybody hangs up, so the watch begins only after a grace period: a timer costs a microsecond,
a task many.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from pointsman.server.http import Receive

GRACE_S = 0.02


class DisconnectWatch:
    """`async with DisconnectWatch(receive):` leaves quietly, with `has_fired` set, when the caller hangs up.

    The body must have been read: the next message `receive` gives is the hang-up. Owns its task and awaits its end.
    """

    def __init__(self, receive: Receive, grace_s: float = GRACE_S) -> None:
        """Watch *receive* once *grace_s* seconds have passed."""
        self._receive = receive
        self._grace_s = grace_s
        self._timer: asyncio.TimerHandle | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._worker: asyncio.Task[object] | None = None
        self.has_fired = False

    async def __aenter__(self) -> Self:
        """Start the timer."""
        self._worker = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(self._grace_s, self._begin)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool:
        """Stop watching; a cancellation that came from here ends here."""
        if self._timer is not None:
            self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait((self._watcher,))
        if self.has_fired and self._worker is not None:
            return self._worker.uncancel() == 0 and kind is asyncio.CancelledError
        return False

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        self._watcher = loop.create_task(self._watch())  # kept here, ended and awaited in __aexit__

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.has_fired = True
        if self._worker is not None:
            self._worker.cancel()
