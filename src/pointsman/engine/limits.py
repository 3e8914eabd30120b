"""How much is put to an endpoint at once: its slots, and a queue with a deadline for the rest.

An endpoint has the slots it was configured with, an Ollama without any as many as Ollama answers at once at most by
itself, and any other as many as it bears. resilience/gradient.py says how many, resilience/line.py who is next.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.core.errors import AttemptFailed
from pointsman.core.failure import Failure, FailureKind, Reach
from pointsman.resilience.gradient import AT_LEAST, AT_LEAST_LOCAL, Gradient
from pointsman.resilience.line import Line, Load, Slot

if TYPE_CHECKING:
    from pointsman.core.catalog import Endpoint, ModelCard

__all__ = ["QUEUE_FULL", "QUEUE_TIMEOUT", "Limits", "Load", "Slot"]

OLLAMA_SLOTS = 4
QUEUE_FULL = "queue_full"
QUEUE_TIMEOUT = "queue_timeout"


@dataclass(slots=True, kw_only=True)
class Limits:
    """The slots of every endpoint. `clock` is monotonic seconds, the event loop's."""

    clock: Callable[[], float] = time.monotonic
    _lines: dict[str, Line] = field(default_factory=dict)
    _alarms: dict[str, asyncio.TimerHandle] = field(default_factory=dict)

    def try_enter(self, card: ModelCard) -> Slot | None:
        """A slot at *card*'s endpoint if one is free now."""
        line = self._lines.get(card.endpoint.name)
        return (line or self._line(card.endpoint)).try_enter(card.id)

    async def enter(self, card: ModelCard, deadline_s: float | None) -> Slot:
        """A slot at *card*'s endpoint, waited for until *deadline_s* (the loop's clock).

        AttemptFailed (transient, code "queue_full" or "queue_timeout") when there is none: another model may do it.
        """
        line = self._line(card.endpoint)
        if (slot := line.try_enter(card.id)) is not None:
            return slot
        until_s = self.clock() + card.endpoint.queue_timeout_s
        place: asyncio.Future[Slot | None] = asyncio.get_running_loop().create_future()
        waiter = line.join(card.id, until_s if deadline_s is None else min(until_s, deadline_s), _teller(place))
        if waiter is None:
            raise AttemptFailed(_no_place(card, QUEUE_FULL, f"{line.waiting} others wait for it already", line))
        self._set_alarm(card.endpoint.name, line)
        try:
            slot = await place
        except BaseException:
            line.quit(waiter)
            if place.done() and not place.cancelled() and (given := place.result()) is not None:
                given.release()
            raise
        finally:
            self._silence(card.endpoint.name, line)
        if slot is None:
            raise AttemptFailed(_no_place(card, QUEUE_TIMEOUT, "it was busy with others for too long", line))
        return slot

    def loads(self) -> Mapping[str, Load]:
        """How full each endpoint is that was asked so far."""
        return {name: line.load() for name, line in self._lines.items()}

    def _line(self, endpoint: Endpoint) -> Line:
        line = self._lines.get(endpoint.name)
        if line is None:
            line = self._lines[endpoint.name] = line_of(endpoint, self.clock)
        return line

    def _set_alarm(self, name: str, line: Line) -> None:
        """See to it that somebody looks after *line* when it is due."""
        due_s, alarm = line.next_due_s(), self._alarms.get(name)
        if due_s is None:
            return
        loop = asyncio.get_running_loop()
        rings_s = loop.time() + due_s - self.clock()
        if alarm is not None:
            if alarm.when() <= rings_s:
                return
            alarm.cancel()
        self._alarms[name] = loop.call_at(rings_s, self._ring, name, line)

    def _silence(self, name: str, line: Line) -> None:
        """Nobody waits any more, so nothing has to be noticed."""
        if not line.waiting and (alarm := self._alarms.pop(name, None)) is not None:
            alarm.cancel()

    def _ring(self, name: str, line: Line) -> None:
        self._alarms.pop(name, None)
        line.attend()
        self._set_alarm(name, line)


def line_of(endpoint: Endpoint, clock: Callable[[], float]) -> Line:
    """The line before *endpoint*."""
    slots = endpoint.slots
    if slots is None and endpoint.is_local and endpoint.dialect == "ollama":
        slots = OLLAMA_SLOTS
    if slots is not None:
        return Line(clock=clock, room=endpoint.queue, slots=slots)
    at_least = AT_LEAST_LOCAL if endpoint.is_local else AT_LEAST
    return Line(clock=clock, room=endpoint.queue, gradient=Gradient(at_least=at_least))


def _teller(place: asyncio.Future[Slot | None]) -> Callable[[Slot | None], bool]:
    def tell(slot: Slot | None) -> bool:
        if place.done():  # cancelled, and its owner has not had its turn to say so
            return False
        place.set_result(slot)
        return True

    return tell


def _no_place(card: ModelCard, code: str, why: str, line: Line) -> Failure:
    return Failure(
        kind=FailureKind.TRANSIENT,
        model=card.id,
        endpoint=card.endpoint.name,
        message=f"no place was free at {card.endpoint.name}: {why}",
        code=code,
        retry_after_s=line.wait_s(),
        reach=Reach.ENDPOINT,
    )
