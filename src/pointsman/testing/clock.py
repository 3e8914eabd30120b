"""A clock that moves when it is told to."""

from __future__ import annotations

import asyncio


class ManualClock:
    """Seconds, as `time.monotonic` gives them; `step_s` is added after each look."""

    def __init__(self, now_s: float = 0.0, *, step_s: float = 0.0) -> None:
        """Start at *now_s*."""
        self.now_s = now_s
        self.step_s = step_s

    def __call__(self) -> float:
        """The time, before the step."""
        now_s = self.now_s
        self.now_s += self.step_s
        return now_s

    async def sleep(self, seconds: float) -> None:
        """Let *seconds* pass, and the others have their turn."""
        self.advance(seconds)
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self.now_s += seconds
