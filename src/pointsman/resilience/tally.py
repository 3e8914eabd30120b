"""What was seen of one model or endpoint lately: failures in a row, and their share of a sliding window."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from pointsman.resilience.tolerance import MAX_FAILING, MIN_REQUESTS, ROW_S, WINDOW_S

SLOT_S = 3.0


@dataclass(slots=True)
class Slot:
    """So many answers and failures in the three seconds number `number`."""

    number: int
    answered: int = 0
    failed: int = 0


@dataclass(slots=True)
class Tally:
    """Counts from its first failure on. Times are monotonic seconds; one that goes back counts as the last."""

    in_a_row: int = 0
    failed_at: float = float("-inf")
    failing: set[str] = field(default_factory=set)  # who failed in a row; an endpoint's models
    slots: deque[Slot] = field(default_factory=deque)

    def answer(self, at: float) -> None:
        """Somebody was answered."""
        if self.in_a_row:
            self.in_a_row = 0
            self.failing.clear()
        self._slot(at).answered += 1

    def failure(self, at: float, model: str) -> None:
        """*model* failed."""
        if at - self.failed_at > ROW_S:
            self.in_a_row = 0
            self.failing.clear()
        self.in_a_row += 1
        self.failing.add(model)
        self.failed_at = max(at, self.failed_at)
        self._slot(at).failed += 1

    def is_over_rate(self, at: float) -> bool:
        """Whether more than half of ten requests or more failed."""
        self._drop_old(at)
        failed = sum(slot.failed for slot in self.slots)
        total = failed + sum(slot.answered for slot in self.slots)
        return total >= MIN_REQUESTS and failed > total * MAX_FAILING

    def is_quiet(self, at: float) -> bool:
        """Whether no failure is left to be counted."""
        return at - self.failed_at > max(WINDOW_S, ROW_S)

    def clear(self) -> None:
        """Begin anew."""
        self.in_a_row = 0
        self.failing.clear()
        self.slots.clear()

    def _slot(self, at: float) -> Slot:
        number = int(at // SLOT_S)
        if not self.slots or number > self.slots[-1].number:
            self._drop_old(at)
            self.slots.append(Slot(number))
        return self.slots[-1]

    def _drop_old(self, at: float) -> None:
        oldest = (at - WINDOW_S) // SLOT_S
        while self.slots and self.slots[0].number <= oldest:
            self.slots.popleft()
