"""The line before an endpoint: those who went away leave nothing behind."""

from __future__ import annotations

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
