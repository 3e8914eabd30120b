"""How many attempts may be second ones: a fifth of the requests under way, and three at any time."""

from __future__ import annotations

from dataclasses import dataclass

SHARE = 0.2
AT_LEAST = 3


@dataclass(slots=True, kw_only=True)
class RetryBudget:
    """Counts requests and, among them, those in a further attempt on a model that has just failed or is not well.

    A fallback to a healthy model costs nothing: it is the outage's answer, not its amplifier.
    """

    share: float = SHARE
    at_least: int = AT_LEAST
    active: int = 0
    retrying: int = 0

    def take(self) -> bool:
        """Leave for one more attempt; give it back with `put`."""
        if self.retrying >= max(self.at_least, self.share * self.active):
            return False
        self.retrying += 1
        return True

    def put(self) -> None:
        """The attempt is over."""
        self.retrying -= 1
