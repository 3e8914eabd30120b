"""Has local models in memory when requests need them: carries out what `local.scheduler` decides, and wakes who waits.

One `Residency` holds one device. It knows models by their cards' ids; a card that it does not know is none of its
business, and goes by the limits of its endpoint alone.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pointsman.core.errors import AttemptFailed, PointsmanError
from pointsman.core.failure import Failure, FailureKind
from pointsman.core.local import Presence
from pointsman.local.scheduler import Admit, Effect, Load, Refuse, Scheduler, Unload

if TYPE_CHECKING:
    from pointsman.core.catalog import ModelCard
    from pointsman.core.ports import LocalRuntime
    from pointsman.engine.entrance import Entrance, Held
    from pointsman.local.scheduler import Place
    from pointsman.resilience.line import Load as EndpointLoad

log = logging.getLogger("pointsman.local")
NO_ROOM = "no_room"


@dataclass(frozen=True, slots=True, kw_only=True)
class Housed:
    """Where a card's model lives: its runtime, and what that calls it."""

    runtime: LocalRuntime
    model: str


@dataclass(slots=True, kw_only=True)
class Residency:
    """The models of one device. Enter it before serving, on the loop that serves; leaving it stops what is under way.

    `clock` is the scheduler's: the event loop's monotonic seconds.
    """

    scheduler: Scheduler
    housed: Mapping[str, Housed]  # by the card's id, which is the scheduler's name too
    clock: Callable[[], float]
    _group: asyncio.TaskGroup = field(default_factory=asyncio.TaskGroup, init=False)
    _numbers: itertools.count[int] = field(default_factory=itertools.count, init=False)
    _places: dict[int, asyncio.Future[str | None]] = field(default_factory=dict, init=False)
    _alarm: asyncio.TimerHandle | None = field(default=None, init=False)
    _under_way: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    async def __aenter__(self) -> Self:
        """Find out what is in memory already."""
        await self._group.__aenter__()
        for runtime in {id(house.runtime): house.runtime for house in self.housed.values()}.values():
            try:
                running = {one.model for one in await runtime.running() if one.presence is Presence.LOADED}
            except PointsmanError as error:
                log.warning("runtime-unavailable runtime=%s error=%s", runtime.name, error)
                continue
            here = (card for card, house in self.housed.items() if house.runtime is runtime and house.model in running)
            self.scheduler.recovered(here)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of loads under way; the models stay in memory, their runtimes' own rules hold."""
        if self._alarm is not None:
            self._alarm.cancel()
        for task in self._under_way:
            task.cancel()
        await self._group.__aexit__(kind, error, trace)

    def manages(self, card: ModelCard) -> bool:
        """Whether *card*'s model is on this device."""
        return card.id in self.housed

    def try_lease(self, card: ModelCard) -> int | None:
        """A ticket if *card*'s model is there and takes requests now."""
        if self.scheduler.presence(card.id) is not Presence.LOADED:
            return None
        ticket = self._arrive(card, None)
        if self._places[ticket].done():
            del self._places[ticket]
            return ticket
        self.leave(ticket)
        return None

    async def lease(self, card: ModelCard, deadline_s: float | None) -> int:
        """A ticket once *card*'s model is in memory, to be given back by `leave`; AttemptFailed when it never is."""
        ticket = self._arrive(card, deadline_s)
        try:
            refusal = await self._places[ticket]
        except BaseException:
            self.leave(ticket)
            raise
        finally:
            self._places.pop(ticket, None)
        if refusal is not None:
            raise AttemptFailed(
                Failure(
                    kind=FailureKind.TRANSIENT,
                    model=card.id,
                    endpoint=card.endpoint.name,
                    message=refusal,
                    code=NO_ROOM,
                    retry_after_s=self.scheduler.wait_s(card.id),
                )
            )
        return ticket

    def leave(self, ticket: int) -> None:
        """The request is over, or has gone."""
        self._places.pop(ticket, None)
        self._carry_out(self.scheduler.leave(ticket))

    def place(self, card: ModelCard) -> Place | None:
        """Where the last of *card*'s waiting requests stands; None when nobody waits for it."""
        return self.scheduler.last_place(card.id) if self.manages(card) else None

    def prefetch(self, card: ModelCard) -> None:
        """*card* will be asked for soon."""
        self._carry_out(self.scheduler.prefetch(card.id))

    def keep(self, cards: Iterable[ModelCard]) -> None:
        """Bring the pinned *cards* in, one after the other, before anybody asks."""
        self._begin(self._keep(list(cards)))

    async def _keep(self, cards: Sequence[ModelCard]) -> None:
        for card in cards:
            try:
                self.leave(await self.lease(card, None))
            except AttemptFailed as error:
                log.warning("pinned-not-loaded model=%s error=%s", card.id, error)

    def _arrive(self, card: ModelCard, deadline_s: float | None) -> int:
        ticket = next(self._numbers)
        self._places[ticket] = asyncio.get_running_loop().create_future()
        self._carry_out(self.scheduler.arrive(ticket, card.id, deadline_s=deadline_s))
        return ticket

    def _carry_out(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Load(model):
                    self._begin(self._load(model))
                case Unload(model):
                    self._begin(self._unload(model))
                case Admit(ticket):
                    self._tell(ticket, None)
                case Refuse(ticket, reason):
                    self._tell(ticket, reason)
        self._set_alarm()

    def _tell(self, ticket: int, refusal: str | None) -> None:
        place = self._places.get(ticket)
        if place is None or place.cancelled():  # its owner is on the way out, and will say `leave`
            return
        place.set_result(refusal)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = self._group.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _load(self, model: str) -> None:
        house = self.housed[model]
        log.info("load-began model=%s runtime=%s", model, house.runtime.name)
        began_s = self.clock()
        try:
            running = await house.runtime.load(house.model)
        except PointsmanError as error:
            log.warning("load-failed model=%s error=%s", model, error)
            self._carry_out(self.scheduler.load_failed(model, str(error)))
            return
        log.info("loaded model=%s seconds=%.1f", model, self.clock() - began_s)
        await self._look_after(model)
        self._carry_out(self.scheduler.loaded(model, size_bytes=running.vram_bytes or running.total_bytes))

    async def _look_after(self, loaded: str) -> None:
        """Whom the runtime has put out by itself to make room for *loaded* is not there any more."""
        runtime = self.housed[loaded].runtime
        try:
            here = {one.model for one in await runtime.running()}
        except PointsmanError as error:
            log.warning("runtime-silent runtime=%s error=%s", runtime.name, error)
            return
        for card, house in self.housed.items():
            is_gone = house.runtime is runtime and house.model not in here and card != loaded
            if is_gone and self.scheduler.presence(card) is Presence.LOADED:
                log.warning("put-out model=%s runtime=%s for=%s", card, runtime.name, loaded)
                self._carry_out(self.scheduler.unloaded(card))

    async def _unload(self, model: str) -> None:
        house = self.housed[model]
        try:
            await house.runtime.unload(house.model)
        except PointsmanError as error:  # it may be gone already; a load that finds no room will say so
            log.warning("unload-failed model=%s error=%s", model, error)
        self._carry_out(self.scheduler.unloaded(model))

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        due_s = self.scheduler.next_tick_s()
        if due_s is not None:
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_later(max(0.0, due_s - self.clock()) + _AFTER_S, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._carry_out(self.scheduler.tick())


_AFTER_S = 0.001  # a timer may ring a moment early


@dataclass(slots=True, kw_only=True)
class HeldInMemory:
    """A place at an endpoint whose model stays in memory for it."""

    slot: Held
    residency: Residency
    ticket: int
    is_released: bool = False

    def first_byte(self) -> None:
        """See engine.entrance.Held."""
        self.slot.first_byte()

    def whole(self) -> None:
        """See engine.entrance.Held."""
        self.slot.whole()

    def release(self, *, failed: bool = False) -> None:
        """See engine.entrance.Held."""
        if self.is_released:
            return
        self.is_released = True
        self.slot.release(failed=failed)
        self.residency.leave(self.ticket)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidentLimits:
    """The limits of endpoints, and before them the memory of the device: first the model has to be there."""

    limits: Entrance
    residency: Residency

    def try_enter(self, card: ModelCard) -> Held | None:
        """See engine.entrance.Entrance."""
        if not self.residency.manages(card):
            return self.limits.try_enter(card)
        ticket = self.residency.try_lease(card)
        if ticket is None:
            return None
        slot = self.limits.try_enter(card)
        if slot is None:
            self.residency.leave(ticket)
            return None
        return HeldInMemory(slot=slot, residency=self.residency, ticket=ticket)

    def loads(self) -> Mapping[str, EndpointLoad]:
        """See engine.entrance.Entrance."""
        return self.limits.loads()

    async def enter(self, card: ModelCard, deadline_s: float | None) -> Held:
        """See engine.entrance.Entrance."""
        if not self.residency.manages(card):
            return await self.limits.enter(card, deadline_s)
        ticket = await self.residency.lease(card, deadline_s)
        try:
            slot = await self.limits.enter(card, deadline_s)
        except BaseException:
            self.residency.leave(ticket)
            raise
        return HeldInMemory(slot=slot, residency=self.residency, ticket=ticket)
