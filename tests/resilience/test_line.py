"""The line before an endpoint: those who went away leave nothing behind."""

from __future__ import annotations

from pointsman.resilience.gradient import PATIENCE_S, Gradient
from pointsman.resilience.line import Line, Slot
from pointsman.testing import ManualClock


def test_those_who_went_away_are_cleared_out() -> None:
    """However many: the one who stayed is served, and the line holds no more than it has to."""
    line = Line(clock=ManualClock(), room=100, slots=1)
    slot = line.try_enter("m")
    assert slot is not None
    served: list[Slot | None] = []

    def tell(found: Slot | None) -> bool:
        served.append(found)
        return True

    waiters = [line.join("m", 10.0 + number, tell) for number in range(40)]
    for waiter in waiters[:-1]:
        assert waiter is not None
        line.quit(waiter)
        line.quit(waiter)  # again does nothing
    assert line.waiting == 1
    assert len(line._heap) <= 10
    slot.release()
    assert len(served) == 1
    assert served[0] is not None


class Standing:
    """Two long answers in an endpoint's two places, and one who waits."""

    def __init__(self, *, begun: int) -> None:
        self.clock = ManualClock()
        self.line = Line(clock=self.clock, room=10, gradient=Gradient(limit=2.0, at_least=1.0, is_starting=False))
        self.inside = [self.line.try_enter("m") for _ in range(2)]
        for slot in self.inside[:begun]:
            assert slot is not None
            slot.first_byte()
        self.served: list[Slot | None] = []
        assert self.line.join("m", 100.0, self.tell) is not None

    def tell(self, found: Slot | None) -> bool:
        """See Waiter."""
        self.served.append(found)
        return True


def test_one_more_is_let_in_while_long_answers_take_all_places() -> None:
    """After a standstill, and not before: who has begun may go on for minutes, and shows nothing more of the load."""
    standing = Standing(begun=2)
    assert standing.line.next_due_s() == PATIENCE_S
    standing.clock.advance(PATIENCE_S / 2)
    standing.line.attend()
    assert standing.served == []
    standing.clock.advance(PATIENCE_S)
    standing.line.attend()
    assert len(standing.served) == 1
    assert standing.line.load().inside == standing.line.load().limit == 3


def test_nobody_more_is_let_in_while_most_have_not_begun() -> None:
    """The endpoint is still at them, so one more would only wait there."""
    standing = Standing(begun=0)
    for _ in range(20):
        standing.clock.advance(PATIENCE_S)
        standing.line.attend()
    assert standing.served == []
    assert standing.line.load().limit == 2


def test_an_answer_that_ends_counts_as_movement() -> None:
    """Its place goes to who waits, and the next standstill is counted from then."""
    standing = Standing(begun=2)
    standing.line.join("m", 100.0, standing.tell)
    standing.clock.advance(PATIENCE_S * 0.9)
    first = standing.inside[0]
    assert first is not None
    first.release()
    assert len(standing.served) == 1
    standing.clock.advance(PATIENCE_S * 0.9)
    standing.line.attend()
    assert len(standing.served) == 1
