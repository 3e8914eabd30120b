"""Any course of coming, answering, failing, leaving and waiting in vain before one endpoint.

Never more inside than the limit lets in, nobody waits while a place is free, everybody who waited is let in, sent away
or has left, exactly once, and the next one let in is the one with the nearest deadline.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pointsman.resilience.gradient import Gradient
from pointsman.resilience.line import Line, Slot, Waiter
from pointsman.testing import ManualClock


@dataclass(eq=False)
class Caller:
    """One who waits, and what it was told."""

    until_s: float
    number: int
    takes: bool = True  # False: its task is cancelled, but it has not had its turn yet
    waiter: Waiter | None = None
    told: list[Slot | None] = field(default_factory=list)
    has_quit: bool = False

    def tell(self, slot: Slot | None) -> bool:
        """See Waiter."""
        if self.takes:
            self.told.append(slot)
        return self.takes


class LineMachine(RuleBasedStateMachine):
    """One endpoint with a line before it."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock(100.0)
        self.callers: list[Caller] = []
        self.slots: list[Slot] = []
        self.allowed = 0  # what the limit was when the last one was let in

    @initialize(slots=st.one_of(st.none(), st.integers(1, 4)), room=st.integers(0, 6))
    def begin(self, slots: int | None, room: int) -> None:
        """Fixed slots, or found out."""
        self.room = room
        if slots is None:
            gradient = Gradient(limit=2.0, at_least=1.0, at_most=6.0)
            self.line = Line(clock=self.clock, room=room, gradient=gradient)
        else:
            self.line = Line(clock=self.clock, room=room, slots=slots)

    @rule(wait_s=st.sampled_from((0.0, 0.5, 1.0, 3.0)), takes=st.booleans())
    def come(self, wait_s: float, *, takes: bool) -> None:
        """In if there is room, else in line, else away."""
        slot = self.line.try_enter("m")
        if slot is not None:
            assert not self.waiting()
            self.slots.append(slot)
            return
        caller = Caller(self.clock() + wait_s, len(self.callers), takes)
        was_full = self.line.waiting >= self.room
        caller.waiter = self.line.join("m", caller.until_s, caller.tell)
        assert (caller.waiter is None) == was_full
        if caller.waiter is not None:
            self.callers.append(caller)

    @precondition(lambda self: self.slots)
    @rule(which=st.integers(0, 100), failed=st.booleans(), whole=st.booleans())
    def leave(self, which: int, *, failed: bool, whole: bool) -> None:
        """One that is in is done, and a second release changes nothing."""
        slot = self.slots.pop(which % len(self.slots))
        if whole:
            slot.whole()
        before = self.waiting()
        slot.release(failed=failed)
        self.collect(before)
        load = self.line.load()
        slot.release()
        assert self.line.load() == load

    @precondition(lambda self: self.slots)
    @rule(which=st.integers(0, 100))
    def answer(self, which: int) -> None:
        """One that is in has its first content."""
        before = self.waiting()
        self.slots[which % len(self.slots)].first_byte()
        self.collect(before)

    @precondition(lambda self: self.callers)
    @rule(which=st.integers(0, 100))
    def quit(self, which: int) -> None:
        """One who may wait does not want to any more; if it was let in already it gives the place back."""
        caller = self.callers[which % len(self.callers)]
        assert caller.waiter is not None
        caller.has_quit = caller.has_quit or caller.waiter.is_waiting
        self.line.quit(caller.waiter)

    @rule(seconds=st.sampled_from((0.1, 0.5, 2.0)))
    def wait(self, seconds: float) -> None:
        """Time passes, and the alarm rings."""
        self.clock.advance(seconds)
        before = self.waiting()
        self.line.attend()
        self.collect([caller for caller in before if caller.until_s > self.clock()])
        due_s = self.line.next_due_s()
        assert due_s is None or due_s > self.clock()
        for caller in self.callers:
            if caller.until_s <= self.clock() and caller.takes and not caller.has_quit:
                assert len(caller.told) == 1

    def waiting(self) -> list[Caller]:
        """Who waits now, the nearest deadline first."""
        found = [caller for caller in self.callers if caller.waiter is not None and caller.waiter.is_waiting]
        return sorted(found, key=lambda caller: (caller.until_s, caller.number))

    def collect(self, before: list[Caller]) -> None:
        """Take the places that were given, and check that the first in line got them."""
        served = [caller for caller in before if caller.told and caller.told[0] is not None]
        for caller in served:
            assert caller.until_s > self.clock()
            slot = caller.told[0]
            assert slot is not None
            self.slots.append(slot)
        left = self.waiting()
        if served and left:
            assert max((one.until_s, one.number) for one in served) < (left[0].until_s, left[0].number)
        if served:
            assert self.line.inside <= self.line.slots

    @invariant()
    def holds(self) -> None:
        """What is always so."""
        if not hasattr(self, "line"):
            return
        assert self.line.inside == len(self.slots)
        assert self.line.waiting == len(self.waiting()) <= self.room
        assert not (self.line.waiting and self.line.inside < self.line.slots), "somebody waits before a free place"
        for caller in self.callers:
            assert caller.waiter is not None
            assert len(caller.told) + caller.has_quit <= 1
            assert caller.waiter.is_waiting or caller.told or caller.has_quit or not caller.takes
        assert self.line.wait_s() >= 1.0


TestLine = LineMachine.TestCase
TestLine.settings = settings(max_examples=200, stateful_step_count=60)
