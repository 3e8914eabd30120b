"""The clock that moves when it is told to."""

from __future__ import annotations

from pointsman.testing import ManualClock


def test_time_passes_by_steps_and_by_word() -> None:
    """A step after each look, and as much as one says."""
    clock = ManualClock(10.0, step_s=1.0)
    assert (clock(), clock()) == (10.0, 11.0)
    clock.advance(5.0)
    assert clock() == 17.0
