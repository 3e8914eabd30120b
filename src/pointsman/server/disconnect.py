"""Notices that the caller hung up and cancels the work done for them.

On a connection of ours it is told. With another server it has to ask: most answers come before anybody hangs up, so
that begins only after a grace period, as a timer costs a microsecond, a task many.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from pointsman.server.cycle import cycle_of
from pointsman.server.http import CallerGone

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
        self._cycle = cycle_of(receive)
        self._grace_s = grace_s
        self._timer: asyncio.TimerHandle | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._worker: asyncio.Task[object] | None = None
        self.has_fired = False

    async def __aenter__(self) -> Self:
        """Begin to watch; CallerGone when there is nobody any more."""
        cycle = self._cycle
        if cycle is not None:
            if cycle.is_gone:
                raise CallerGone
            self._worker = cycle.task
            cycle.on_gone = self._fire
            return self
        self._worker = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(self._grace_s, self._begin)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool:
        """Stop watching; a cancellation that came from here ends here."""
        if self._cycle is not None:
            self._cycle.on_gone = None
            if not self.has_fired:
                return False
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
        self._fire()

    def _fire(self) -> None:
        self.has_fired = True
        if self._worker is not None:
            self._worker.cancel()
