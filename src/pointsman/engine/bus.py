"""Hands events to observers. An observer that raises is reported once and keeps its place; requests go on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pointsman.core.events import Event
    from pointsman.core.ports import Observer

log = logging.getLogger("pointsman.events")


class Bus:
    """Synchronous fan-out; observers must be quick and are never waited for."""

    def __init__(self, observers: Iterable[Observer] = ()) -> None:
        """Listen with *observers*, in this order."""
        self._observers = tuple(observers)
        self._broken: set[int] = set()

    def with_observer(self, observer: Observer) -> Bus:
        """A bus for the same observers, and *observer* after them."""
        return Bus((*self._observers, observer))

    def emit(self, event: Event) -> None:
        """Tell everybody."""
        for observer in self._observers:
            try:
                observer(event)
            except Exception as error:  # noqa: BLE001  seam: an observer never harms a request
                if id(observer) not in self._broken:
                    self._broken.add(id(observer))
                    log.warning("observer-failed observer=%s error=%s", type(observer).__name__, type(error).__name__)
