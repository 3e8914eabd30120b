"""The one timer of a connection, for all that it waits for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

_SLACK_S: Final = 0.002  # uvloop counts in whole milliseconds


class Deadlines:
    """When reading and writing must have come on, in the loop's time.

    Every request moves a deadline, so that costs an assignment: the timer stays, and looks again when it goes off.
    """

    __slots__ = ("_at", "_late_reading", "_late_writing", "_loop", "_timer", "read_by", "write_by")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, late_reading: Callable[[], None], late_writing: Callable[[], None]
    ) -> None:
        """Call *late_reading* or *late_writing* when one has passed; neither is set yet."""
        self.read_by = self.write_by = math.inf
        self._loop = loop
        self._late_reading = late_reading
        self._late_writing = late_writing
        self._timer: asyncio.TimerHandle | None = None
        self._at = math.inf

    def arm(self) -> None:
        """Heed a deadline that may be earlier than the one before."""
        when = min(self.read_by, self.write_by)
        if when >= self._at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._at = when
        self._timer = self._loop.call_at(when, self._look)

    def stop(self) -> None:
        """Forget both, and who wanted to know."""
        self._late_reading = self._late_writing = _nobody
        self.read_by = self.write_by = self._at = math.inf
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer, self._at = None, math.inf
        now = self._loop.time() + _SLACK_S
        if now >= self.write_by:
            self.write_by = math.inf
            self._late_writing()
        if now >= self.read_by:
            self.read_by = math.inf
            self._late_reading()
        self.arm()


def _nobody() -> None:
    pass
