"""Observers hear everything in order; one that raises is reported once and harms nobody."""

from __future__ import annotations

import pytest

from pointsman.core.events import Event, Rejected
from pointsman.engine.bus import Bus

EVENT = Rejected(at_s=0.0, decision_id="d", surface="s", status=400, code="c", message="m")


def test_an_observer_that_raises_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    """By its type and the error's; the event's content is in no log."""
    heard: list[Event] = []

    def broken(event: Event) -> None:
        raise KeyError("secret prompt")

    bus = Bus([broken, heard.append])
    bus.emit(EVENT)
    bus.emit(EVENT)
    assert heard == [EVENT, EVENT]
    assert caplog.messages == ["observer-failed observer=function error=KeyError"]


def test_nobody_need_listen() -> None:
    """A bus without observers is quiet."""
    Bus().emit(EVENT)
