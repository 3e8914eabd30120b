"""One endpoint's places and the line of those who wait for one. Knows no event loop; time is given.

Whoever's deadline comes first is let in first, and sent away when it has come. While anybody waits no place is free,
so nobody overtakes. Each who waits is told exactly once: let in, or sent away; one who leaves is told nothing.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.core.values import value_type

if TYPE_CHECKING:
    from pointsman.resilience.gradient import Gradient

Tell = Callable[["Slot | None"], bool]
_PACE = 0.2  # weight of the newest departure


@dataclass(slots=True, eq=False)
class Slot:
    """One request's place at an endpoint, until `release`."""

    _line: Line
    _model: str
    _entered_s: float
    _has_begun: bool = False
    _is_whole: bool = False
    _is_held: bool = True

    def first_byte(self) -> None:
        """The answer's first content is here."""
        if self._is_held and not self._has_begun:
            self._has_begun = True
            self._line.began(self._model, self._entered_s)

    def whole(self) -> None:
        """The answer is here in one piece: nobody knows when it began."""
        self._is_whole = not self._has_begun

    def release(self, *, failed: bool = False) -> None:
        """Make room; again does nothing. `failed`: the endpoint did, by its own fault and not the request's."""
        if self._is_held:
            self._is_held = False
            self._line.leave(is_whole=self._is_whole, failed=failed, has_begun=self._has_begun)


@dataclass(slots=True, eq=False, kw_only=True)
class Waiter:
    """Somebody in line. `tell` gets the place, or None when the deadline has come; it does not raise.

    It says whether the place is taken: one who is about to quit does not take it any more.
    """

    model: str
    tell: Tell
    is_waiting: bool = True


@value_type
class Load:
    """How full an endpoint is."""

    inside: int
    limit: int
    waiting: int


@dataclass(slots=True, kw_only=True)
class Line:
    """The places of one endpoint: `slots` of them, or as many as `gradient` says. `clock` is monotonic seconds."""

    clock: Callable[[], float]
    room: int  # how many may wait
    slots: int = 0
    gradient: Gradient | None = None
    inside: int = 0
    waiting: int = 0
    _heap: list[tuple[float, int, Waiter]] = field(default_factory=list)
    _joined: int = 0
    _begun: int = 0  # of those inside
    _moved_s: float = 0.0  # since somebody waits: when something happened last
    _left_s: float | None = None
    _pace_s: float = 0.0  # between two departures, on average

    def __post_init__(self) -> None:
        """Begin with the gradient's limit, where there is one."""
        if self.gradient is not None:
            self.slots = int(self.gradient.limit)

    def try_enter(self, model: str) -> Slot | None:
        """A place if one is free."""
        if self.inside >= self.slots:
            return None
        self.inside += 1
        return Slot(self, model, self.clock())

    def join(self, model: str, until_s: float, tell: Tell) -> Waiter | None:
        """Wait until *until_s*; None when the line is as long as it may be."""
        if self.waiting >= self.room:
            return None
        waiter = Waiter(model=model, tell=tell)
        self._joined += 1
        if not self.waiting:
            self._moved_s = self.clock()
        self.waiting += 1
        heapq.heappush(self._heap, (until_s, self._joined, waiter))
        return waiter

    def quit(self, waiter: Waiter) -> None:
        """*waiter* does not want to wait any more; one who was told already is let be."""
        if waiter.is_waiting:
            waiter.is_waiting = False
            self.waiting -= 1
            if len(self._heap) > 2 * self.waiting + 8:
                self._heap = [entry for entry in self._heap if entry[2].is_waiting]
                heapq.heapify(self._heap)

    def next_deadline_s(self) -> float | None:
        """When `expire` is next due; None while nobody waits."""
        while self._heap and not self._heap[0][2].is_waiting:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def expire(self) -> None:
        """Send away everybody whose deadline has come."""
        now_s = self.clock()
        while (until_s := self.next_deadline_s()) is not None and until_s <= now_s:
            self._told(heapq.heappop(self._heap)[2], None)

    def next_due_s(self) -> float | None:
        """When `attend` is next due; None while nobody waits."""
        due_s = self.next_deadline_s()
        if due_s is None or self.gradient is None:
            return due_s
        return min(due_s, self._moved_s + self.gradient.patience_s)

    def attend(self) -> None:
        """See to those who wait: whose deadline has come is sent away; after a standstill one more is let in.

        It stands still where most of those inside have begun to be answered and neither another began nor one left.
        """
        self.expire()
        now_s = self.clock()
        if self.gradient is None or not self.waiting or now_s < self._moved_s + self.gradient.patience_s:
            return
        self._moved_s = now_s
        if 2 * self._begun >= self.inside:
            self.gradient.try_one_more(self.inside)
            self.slots = int(self.gradient.limit)
            self._let_in()

    def began(self, model: str, entered_s: float) -> None:
        """An answer's first content is here."""
        self._begun += 1
        if self.gradient is not None:
            self.gradient.began(model, self.clock() - entered_s, self.inside)
            self.slots = int(self.gradient.limit)
            self._let_in()

    def leave(self, *, is_whole: bool, failed: bool, has_begun: bool) -> None:
        """Somebody is done."""
        self._begun -= has_begun
        if self.gradient is not None:
            if failed:
                self.gradient.failed(self.inside)
            elif is_whole:
                self.gradient.ended(self.inside)
            self.slots = int(self.gradient.limit)
        self.inside -= 1
        self._let_in()
        if self.waiting or self._left_s is not None:
            self._keep_pace()

    def wait_s(self) -> float:
        """How long somebody who came now would wait, by the pace of late; at least a second."""
        return max(1.0, self._pace_s * (self.waiting + 1))

    def load(self) -> Load:
        """How full it is."""
        return Load(inside=self.inside, limit=self.slots, waiting=self.waiting)

    def _let_in(self) -> None:
        """Give what is free to those who wait, the nearest deadline first."""
        if not self.waiting:
            return
        self._moved_s = self.clock()
        self.expire()
        while self.inside < self.slots and self.next_deadline_s() is not None:
            waiter = heapq.heappop(self._heap)[2]
            self.inside += self._told(waiter, Slot(self, waiter.model, self.clock()))

    def _told(self, waiter: Waiter, slot: Slot | None) -> bool:
        waiter.is_waiting = False
        self.waiting -= 1
        return waiter.tell(slot)

    def _keep_pace(self) -> None:
        """Remember how often somebody leaves while others wait."""
        now_s = self.clock()
        if self._left_s is not None:
            gap_s = now_s - self._left_s
            self._pace_s = self._pace_s + (gap_s - self._pace_s) * _PACE if self._pace_s else gap_s
        self._left_s = now_s if self.waiting else None
