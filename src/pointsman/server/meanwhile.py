"""Work done beside a wait that turns out long, and only then: a timer costs a microsecond, a task many."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class Meanwhile:
    """`async with Meanwhile(5.0, work):` begins `work()` when the body takes longer than that, and ends it with it.

    Owns its task and awaits its end; what it raised is raised at the end of the body.
    """

    def __init__(self, delay_s: float, work: Callable[[], Awaitable[None]]) -> None:
        """Begin *work* once *delay_s* seconds have passed."""
        self._delay_s = delay_s
        self._work = work
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start the timer."""
        self._timer = asyncio.get_running_loop().call_later(self._delay_s, self._begin)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """End the work."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait((self._task,))
        failed = None if self._task.cancelled() else self._task.exception()
        if failed is not None and error is None:
            raise failed

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._run())  # kept here, ended and awaited in __aexit__

    async def _run(self) -> None:
        await self._work()
