"""Who waits for which model, what is loaded next, and for how long one may have to wait. Pure: told and asked.

One device, one load at a time. Requests are tickets; the scheduler answers each call with effects for somebody else
to carry out, and is told when they are done:

told                                          may answer with
arrive(ticket, model)                         Admit, Load, Unload, or nothing yet
leave(ticket)        done, or gone            Load, Unload
loaded / load_failed / unloaded (model)       Admit, Refuse, Load, Unload
tick()               a deadline or a bound    Refuse, Load, Unload

Order. Who asks for a loaded model is admitted at once, unless another has waited longer than `bypass_s` for its place:
then the loaded model takes nobody new, and gives way when its requests are done. Of several models that wait, the one
whose first ticket came first is loaded; all its tickets go with it. A loaded model stays for `residency` times its load
time, so that memory is not spent on swapping alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from pointsman.core.local import Presence
from pointsman.local.model_state import LocalModel, ModelState, Standing, Ticket, Waiting, expected_load_s
from pointsman.local.planner import Plan, Resident, Room, plan


@dataclass(frozen=True, slots=True)
class Load:
    """Bring *model* into memory, then say `loaded` or `load_failed`."""

    model: str


@dataclass(frozen=True, slots=True)
class Unload:
    """Take *model* out of memory, then say `unloaded`."""

    model: str


@dataclass(frozen=True, slots=True)
class Admit:
    """*ticket*'s model is there: it may go on, and says `leave` at its end."""

    ticket: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """*ticket* will not get its model; it is forgotten."""

    ticket: int
    reason: str


Effect = Load | Unload | Admit | Refuse


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a waiting ticket stands: 1 is next. `eta_s` is an estimate, from learned load times."""

    position: int
    eta_s: float


@dataclass(slots=True, kw_only=True)
class Scheduler:
    """The queue and the memory of one device. `clock` is monotonic seconds.

    `bypass_s` is how long a request may be passed by others whose model is loaded; `residency` times its load time is
    how long a model stays at least.
    """

    models: Sequence[LocalModel]
    budget_bytes: int
    clock: Callable[[], float]
    bypass_s: float = 30.0
    residency: float = 2.0
    _states: dict[str, ModelState] = field(default_factory=dict, init=False)
    _waiting: list[Ticket] = field(default_factory=list, init=False)
    _holders: dict[int, str] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Nothing is loaded yet; `recovered` says what is."""
        for model in self.models:
            expected = model.load_s if model.load_s is not None else expected_load_s(model.size_bytes)
            self._states[model.name] = ModelState(model=model, expected_load_s=expected)

    # ── told ──

    def recovered(self, names: Iterable[str]) -> None:
        """These were found in memory at the start."""
        for name in names:
            if name in self._states:
                self._states[name].presence = Presence.LOADED

    def arrive(self, ticket: int, model: str, *, deadline_s: float | None = None) -> Sequence[Effect]:
        """A request for *model*; KeyError when the device does not know it."""
        now_s = self.clock()
        self._states[model].count(now_s)
        self._waiting.append(Ticket(ticket, model, now_s, deadline_s))
        return self._go_on(now_s)

    def leave(self, ticket: int) -> Sequence[Effect]:
        """The request is done, or its caller has gone. An unknown ticket changes nothing."""
        name = self._holders.pop(ticket, None)
        if name is not None:
            self._states[name].active.discard(ticket)
        else:
            self._waiting = [one for one in self._waiting if one.number != ticket]
        return self._go_on(self.clock())

    def loaded(self, model: str, *, size_bytes: int | None = None) -> Sequence[Effect]:
        """*model* can answer; *size_bytes* is what it takes as its runtime reports it."""
        now_s, state = self.clock(), self._states[model]
        if state.presence is Presence.LOADING:
            state.learn_load(now_s - state.since_s)
        state.presence, state.since_s = Presence.LOADED, now_s
        if size_bytes is not None:
            state.model = replace(state.model, size_bytes=size_bytes)
        return self._go_on(now_s)

    def load_failed(self, model: str, reason: str) -> Sequence[Effect]:
        """*model* did not come up: whoever waits for it is refused."""
        self._states[model].presence = Presence.ABSENT
        refused = [Refuse(one.number, reason) for one in self._waiting if one.model == model]
        self._waiting = [one for one in self._waiting if one.model != model]
        return [*refused, *self._go_on(self.clock())]

    def answered(self, model: str, tokens: int, seconds: float) -> None:
        """*model* made an answer of *tokens* in *seconds*; one that is not of this device changes nothing."""
        state = self._states.get(model)
        if state is not None:
            state.learn_speed(tokens, seconds)

    def unloaded(self, model: str) -> Sequence[Effect]:
        """*model* is out of memory, by us or by others."""
        self._states[model].presence = Presence.ABSENT
        return self._go_on(self.clock())

    def tick(self) -> Sequence[Effect]:
        """Time has passed; `next_tick_s` says when to call."""
        return self._go_on(self.clock())

    def prefetch(self, model: str) -> Sequence[Effect]:
        """*model* will be asked for soon: load it when that costs nobody anything."""
        state = self._states[model]
        if self._waiting or self._moving() or state.presence is not Presence.ABSENT:
            return ()
        if self._plan(state, self.clock()).room is not Room.FREE:
            return ()
        return self._load(state, self.clock())

    # ── asked ──

    @property
    def free_bytes(self) -> int:
        """What is left of the budget; a model on its way out still has its part."""
        return self.budget_bytes - sum(
            state.model.size_bytes for state in self._states.values() if state.presence is not Presence.ABSENT
        )

    def size_bytes(self, model: str) -> int:
        """What *model* takes, as declared or as its runtime has reported."""
        return self._states[model].model.size_bytes

    def presence(self, model: str) -> Presence:
        """Whether *model* is in memory."""
        return self._states[model].presence

    def place(self, ticket: int) -> Place | None:
        """Where *ticket* stands; None when it does not wait."""
        return next((place for one, place in self._places() if one.number == ticket), None)

    def last_place(self, model: str) -> Place | None:
        """Where the last of those who wait for *model* stands; None when nobody does."""
        places = [place for one, place in self._places() if one.model == model]
        return places[-1] if places else None

    def standing(self) -> Standing:
        """All of it, to be shown."""
        now_s = self.clock()
        return Standing(
            budget_bytes=self.budget_bytes,
            free_bytes=self.free_bytes,
            models=tuple(state.standing() for state in self._states.values()),
            queue=tuple(
                Waiting(
                    model=one.model,
                    position=place.position,
                    eta_s=place.eta_s,
                    waited_s=max(0.0, now_s - one.arrived_s),
                )
                for one, place in self._places()
            ),
        )

    def tokens_per_s(self, model: str) -> float | None:
        """How fast *model* has answered so far; None when it has not."""
        return self._states[model].tokens_per_s

    def wait_s(self, model: str) -> float:
        """How long a new request for *model* would have to wait, as far as that can be told."""
        now_s = self.clock()
        names = dict.fromkeys([*(one.model for one in self._order()), model])
        if self._states[model].presence is Presence.LOADED and not self._is_held_back(model, now_s):
            return 0.0
        return sum(self._until_loaded_s(name, now_s) for name in names)

    def verdict(self, model: str) -> Room:
        """What a load of *model* would take now: see planner.Room."""
        state = self._states[model]
        if state.presence is Presence.LOADED:
            return Room.FREE
        return self._plan(state, self.clock()).room

    def next_tick_s(self) -> float | None:
        """When something may change by itself, on the clock; None when nothing waits."""
        if not self._waiting:
            return None
        times = [one.arrived_s + self.bypass_s for one in self._waiting]
        times.extend(one.deadline_s for one in self._waiting if one.deadline_s is not None)
        times.extend(
            state.since_s + self.residency * state.expected_load_s
            for state in self._states.values()
            if state.presence is Presence.LOADED
        )
        now_s = self.clock()
        return min((time for time in times if time > now_s), default=None)

    # ── how it goes on ──

    def _go_on(self, now_s: float) -> list[Effect]:
        effects: list[Effect] = []
        effects.extend(self._expire(now_s))
        effects.extend(self._admit(now_s))
        if not self._moving():
            effects.extend(self._next_move(now_s))
        return effects

    def _expire(self, now_s: float) -> list[Effect]:
        late = [one for one in self._waiting if one.deadline_s is not None and one.deadline_s <= now_s]
        self._waiting = [one for one in self._waiting if one not in late]
        return [Refuse(one.number, f"{one.model} was not in memory in time") for one in late]

    def _admit(self, now_s: float) -> list[Effect]:
        admitted: list[Effect] = []
        left: list[Ticket] = []
        for one in self._waiting:
            state = self._states[one.model]
            if state.presence is Presence.LOADED and not self._is_held_back(one.model, now_s):
                state.active.add(one.number)
                self._holders[one.number] = one.model
                admitted.append(Admit(one.number))
            else:
                left.append(one)
        self._waiting = left
        return admitted

    def _is_held_back(self, model: str, now_s: float) -> bool:
        """Whether *model* takes nobody new, because it is in the way of one who has waited too long."""
        state = self._states[model]
        if state.model.is_pinned:
            return False
        overdue = next(
            (one for one in self._waiting if one.model != model and now_s - one.arrived_s >= self.bypass_s), None
        )
        if overdue is None or self._states[overdue.model].presence is Presence.LOADED:
            return False
        first = next(one for one in self._waiting if one.model == model or one is overdue)
        is_first = first is not overdue  # by the queue, not by time: two may have come at once
        return not is_first and self._states[overdue.model].model.size_bytes > self.free_bytes

    def _next_move(self, now_s: float) -> list[Effect]:
        """The next load, or the next model to go for it."""
        effects: list[Effect] = []
        for name in dict.fromkeys(one.model for one in self._order()):
            state = self._states[name]
            if state.presence is not Presence.ABSENT:
                continue
            found = self._plan(state, now_s)
            if found.room is Room.FREE:
                return [*effects, *self._load(state, now_s)]
            if found.room is Room.EVICT:
                for gone in found.evict:
                    self._states[gone].presence = Presence.UNLOADING
                return [*effects, *(Unload(gone) for gone in found.evict)]
            if found.room is Room.NEVER:
                effects.extend(Refuse(one.number, found.reason) for one in self._waiting if one.model == name)
                self._waiting = [one for one in self._waiting if one.model != name]
                continue
            return effects  # it waits for the busy: nobody behind it may take the place it waits for
        return effects

    def _plan(self, state: ModelState, now_s: float) -> Plan:
        """How *state*'s model gets in; room is kept for pinned models that are not there yet."""
        absent = (
            one.model.size_bytes
            for one in self._states.values()
            if one.model.is_pinned and one is not state and one.presence is Presence.ABSENT
        )
        residents, reserved = self._residents(now_s), sum(absent)
        size = state.model.size_bytes
        if residents or reserved:
            size = math.ceil(size * state.model.beside)
            if not reserved and not any(one.is_pinned for one in residents):
                size = max(state.model.size_bytes, min(size, self.budget_bytes))  # alone it may have all
        return plan(state.model.name, size, residents, self.budget_bytes, reserved_bytes=reserved)

    def _load(self, state: ModelState, now_s: float) -> list[Effect]:
        state.presence, state.since_s = Presence.LOADING, now_s
        return [Load(state.model.name)]

    def _moving(self) -> bool:
        return any(state.presence in (Presence.LOADING, Presence.UNLOADING) for state in self._states.values())

    def _order(self) -> list[Ticket]:
        """The waiting tickets in the order of their models' first tickets, those of one model together."""
        first: dict[str, int] = {}
        for index, one in enumerate(self._waiting):
            first.setdefault(one.model, index)
        return sorted(self._waiting, key=lambda one: first[one.model])

    def _places(self) -> Iterator[tuple[Ticket, Place]]:
        """The waiting tickets in order, each with its place."""
        now_s, ahead_s = self.clock(), 0.0
        seen: set[str] = set()
        for position, one in enumerate(self._order(), start=1):
            if one.model not in seen:
                seen.add(one.model)
                ahead_s += self._until_loaded_s(one.model, now_s)
            yield one, Place(position=position, eta_s=ahead_s)

    def _residents(self, now_s: float) -> list[Resident]:
        return [
            Resident(
                model=name,
                size_bytes=state.model.size_bytes,
                reload_s=state.expected_load_s,
                reuse=state.reuse(now_s),
                is_pinned=state.model.is_pinned,
                is_busy=bool(state.active) or state.presence is not Presence.LOADED,
                is_settled=now_s - state.since_s >= self.residency * state.expected_load_s,
            )
            for name, state in self._states.items()
            if state.presence is not Presence.ABSENT
        ]

    def _until_loaded_s(self, model: str, now_s: float) -> float:
        state = self._states[model]
        if state.presence is Presence.LOADED:
            return 0.0
        if state.presence is Presence.LOADING:
            return max(0.0, state.expected_load_s - (now_s - state.since_s))
        return state.expected_load_s
