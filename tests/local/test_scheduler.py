"""Who waits, who is loaded and who gives way: by examples, and whatever happens."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pointsman.core.local import Presence
from pointsman.local.model_state import LocalModel, Waiting, expected_load_s
from pointsman.local.planner import Room
from pointsman.local.scheduler import Admit, Effect, Load, Place, Refuse, Scheduler, Unload
from pointsman.testing import ManualClock

GB = 1_000_000_000
SMALL, CODER, BIG = "3b", "7b", "32b"


def device(
    clock: ManualClock, *, budget_gb: float = 24, pinned: Sequence[str] = (), bypass_s: float = 30.0
) -> Scheduler:
    """A card with the guide's three models; loads of 2, 3 and 9 seconds."""
    sizes = {SMALL: (2.6, 2.0), CODER: (5.6, 3.0), BIG: (21.7, 9.0)}
    return Scheduler(
        models=[
            LocalModel(name=name, size_bytes=int(size * GB), load_s=load, is_pinned=name in pinned)
            for name, (size, load) in sizes.items()
        ],
        budget_bytes=int(budget_gb * GB),
        clock=clock,
        bypass_s=bypass_s,
    )


def test_a_first_request_loads_and_others_join() -> None:
    """One load in flight; who comes meanwhile for the same model waits for the same load."""
    clock = ManualClock()
    found = device(clock)
    assert found.arrive(1, SMALL) == [Load(SMALL)]
    assert found.arrive(2, SMALL) == []
    assert found.arrive(3, CODER) == []  # one load at a time
    clock.advance(0.5)
    assert [found.place(ticket) for ticket in (1, 2, 3, 4)] == [
        Place(position=1, eta_s=1.5),
        Place(position=2, eta_s=1.5),
        Place(position=3, eta_s=4.5),
        None,
    ]
    assert found.loaded(SMALL) == [Admit(1), Admit(2), Load(CODER)]
    assert found.arrive(4, SMALL) == [Admit(4)]
    assert found.loaded(CODER) == [Admit(3)]
    assert found.presence(BIG) is Presence.ABSENT


def test_a_model_makes_room_when_it_is_idle_and_has_paid_for_its_load() -> None:
    """Not while it answers, nor within twice its load time."""
    clock = ManualClock()
    found = device(clock)
    found.arrive(1, CODER)
    clock.advance(3.0)
    assert found.loaded(CODER) == [Admit(1)]
    assert found.arrive(2, BIG) == []  # 7b is busy
    assert found.verdict(BIG) is Room.WAIT
    assert found.leave(1) == []  # 7b has been here for no time
    assert found.next_tick_s() == 9.0
    clock.advance(6.0)
    assert found.tick() == [Unload(CODER)]
    assert found.unloaded(CODER) == [Load(BIG)]
    assert found.loaded(BIG) == [Admit(2)]


def test_requests_of_one_model_go_together() -> None:
    """A B A B A B needs one swap, not five."""
    clock = ManualClock()
    found = device(clock)
    found.arrive(0, CODER)
    found.loaded(CODER)
    for ticket in (2, 4, 6):
        assert found.arrive(ticket, BIG) == []
        assert found.arrive(ticket + 1, CODER) == [Admit(ticket + 1)]
    clock.advance(10)
    assert [found.leave(ticket) for ticket in (0, 3, 5, 7)] == [[], [], [], [Unload(CODER)]]
    assert found.unloaded(CODER) == [Load(BIG)]
    assert found.loaded(BIG) == [Admit(2), Admit(4), Admit(6)]


def test_nobody_is_passed_for_ever() -> None:
    """After the bound the loaded model takes nobody new, finishes and gives way; then the others have their turn."""
    clock = ManualClock()
    found = device(clock, bypass_s=30)
    found.arrive(1, CODER)
    found.loaded(CODER)
    found.arrive(2, BIG)
    clock.advance(29)
    assert found.arrive(3, CODER) == [Admit(3)]
    clock.advance(1)
    assert found.arrive(4, CODER) == []
    found.leave(1)
    assert found.leave(3) == [Unload(CODER)]
    assert found.unloaded(CODER) == [Load(BIG)]
    assert found.loaded(BIG) == [Admit(2)]


def test_pins_stay_and_what_cannot_fit_beside_them_is_refused() -> None:
    """With the figures; the router sends it elsewhere if it may."""
    clock = ManualClock()
    found = device(clock, pinned=[SMALL])
    found.arrive(1, SMALL)
    found.loaded(SMALL)
    found.leave(1)
    clock.now_s += 1.0
    assert found.verdict(BIG) is Room.NEVER
    assert found.arrive(2, BIG) == [
        Refuse(2, "32b needs 21.7 GB beside 2.6 GB of pinned models, the budget is 24.0 GB")
    ]


def test_a_runtime_may_want_more_room_beside_others() -> None:
    """Ollama fills four fifths of what is free: beside a pin 32b needs 27 GB; alone it may have all."""
    clock = ManualClock(1000.0)
    models = [
        LocalModel(name=SMALL, size_bytes=int(2.6 * GB), load_s=2.0, is_pinned=True, beside=1.25),
        LocalModel(name=BIG, size_bytes=int(21.6 * GB), load_s=9.0, beside=1.25),
    ]
    tight = Scheduler(models=models, budget_bytes=26 * GB, clock=clock)
    tight.recovered([SMALL])
    assert tight.verdict(BIG) is Room.NEVER
    ample = Scheduler(models=models, budget_bytes=30 * GB, clock=clock)
    ample.recovered([SMALL])
    assert ample.verdict(BIG) is Room.FREE
    alone = Scheduler(models=models[1:], budget_bytes=22 * GB, clock=clock)
    assert alone.verdict(BIG) is Room.FREE


def test_deadlines_and_leaving_empty_the_queue() -> None:
    """Nobody is loaded for who has gone."""
    clock = ManualClock()
    found = device(clock)
    found.arrive(1, CODER)
    clock.advance(3.0)
    found.loaded(CODER)
    assert found.arrive(2, BIG, deadline_s=8.0) == []
    assert found.arrive(3, BIG) == []
    assert found.next_tick_s() == 8.0
    clock.advance(5)
    assert found.tick() == [Refuse(2, "32b was not in memory in time")]
    assert found.leave(3) == []
    assert found.leave(99) == []
    clock.now_s += 1.0
    assert found.leave(1) == []
    assert found.next_tick_s() is None


def test_a_load_that_fails_refuses_those_who_wait_for_it() -> None:
    """The rest goes on."""
    clock = ManualClock()
    found = device(clock)
    found.arrive(1, SMALL)
    found.arrive(2, CODER)
    assert found.load_failed(SMALL, "no such file") == [Refuse(1, "no such file"), Load(CODER)]


def test_load_times_are_learned_and_sizes_corrected() -> None:
    """Three tenths of each new figure; the runtime's own size counts from then on."""
    clock = ManualClock()
    found = device(clock)
    found.arrive(1, SMALL)
    clock.advance(12.0)
    found.loaded(SMALL, size_bytes=3 * GB)
    assert found.free_bytes == 21 * GB
    found.leave(1)
    found.unloaded(SMALL)
    assert found.wait_s(SMALL) == pytest.approx(2.0 + 0.3 * 10.0)
    assert expected_load_s(4_900_000_000) == pytest.approx(3.38, abs=0.01)


def test_prefetching_costs_nobody_anything() -> None:
    """Into free memory only, when nobody waits and nothing moves."""
    clock = ManualClock()
    found = device(clock)
    assert found.prefetch(SMALL) == [Load(SMALL)]
    assert found.prefetch(CODER) == ()
    found.loaded(SMALL)
    assert found.prefetch(SMALL) == ()
    assert found.prefetch(BIG) == ()  # 3b would have to go


def test_what_is_found_at_the_start_is_used() -> None:
    """A restart does not load again; strangers are ignored."""
    found = device(ManualClock(1000.0))
    found.recovered([SMALL, "somebody else's"])
    assert found.arrive(1, SMALL) == [Admit(1)]
    assert found.wait_s(SMALL) == 0.0


class Device(RuleBasedStateMachine):
    """A device whose loads take time, and callers who come, go and give up."""

    clock: ManualClock
    scheduler: Scheduler
    now: dict[str, Presence]

    @initialize(
        sizes=st.lists(st.integers(1, 20), min_size=1, max_size=5),
        budget=st.integers(4, 30),
        pins=st.integers(0, 2),
        bypass_s=st.sampled_from((0.0, 5.0, 30.0)),
    )
    def begin(self, *, sizes: list[int], budget: int, pins: int, bypass_s: float) -> None:
        """Models of whole gigabytes, the first few pinned where they fit."""
        self.clock = ManualClock(10.0)
        models = [
            LocalModel(name=f"m{n}", size_bytes=size * GB, is_pinned=n < pins and sum(sizes[: n + 1]) <= budget)
            for n, size in enumerate(sizes)
        ]
        self.sizes = {model.name: model.size_bytes for model in models}
        self.pinned = {model.name for model in models if model.is_pinned}
        self.budget = budget * GB
        self.scheduler = Scheduler(models=models, budget_bytes=self.budget, clock=self.clock, bypass_s=bypass_s)
        self.now = dict.fromkeys(self.sizes, Presence.ABSENT)
        self.waiting: dict[int, str] = {}
        self.active: dict[int, str] = {}
        self.tickets = 0

    def carry_out(self, effects: Sequence[Effect]) -> None:
        """What the effects mean on the device."""
        for effect in effects:
            match effect:
                case Load(model):
                    assert Presence.LOADING not in self.now.values()
                    assert self.now[model] is Presence.ABSENT
                    self.now[model] = Presence.LOADING
                case Unload(model):
                    assert self.now[model] is Presence.LOADED
                    assert model not in self.pinned
                    assert model not in self.active.values()
                    self.now[model] = Presence.UNLOADING
                case Admit(ticket):
                    model = self.waiting.pop(ticket)
                    assert self.now[model] is Presence.LOADED
                    self.active[ticket] = model
                case Refuse(ticket, reason):
                    assert reason
                    self.waiting.pop(ticket)

    @rule(model=st.integers(0, 4), patience=st.none() | st.integers(1, 60))
    def arrive(self, model: int, patience: int | None) -> None:
        """Somebody asks for a model."""
        name = f"m{model % len(self.sizes)}"
        self.tickets += 1
        self.waiting[self.tickets] = name
        deadline = None if patience is None else self.clock.now_s + patience
        self.carry_out(self.scheduler.arrive(self.tickets, name, deadline_s=deadline))

    @precondition(lambda self: hasattr(self, "now") and (self.active or self.waiting))
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """Somebody is done, or gives up."""
        ticket = data.draw(st.sampled_from(sorted({*self.active, *self.waiting})))
        self.active.pop(ticket, None)
        self.waiting.pop(ticket, None)
        self.carry_out(self.scheduler.leave(ticket))

    @rule(seconds=st.sampled_from((0.1, 1.0, 10.0, 60.0)))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.clock.advance(seconds)
        self.carry_out(self.scheduler.tick())

    @rule(fails=st.booleans())
    def moved(self, *, fails: bool) -> None:
        """What is on its way arrives."""
        for name, presence in list(self.now.items()):
            if presence is Presence.LOADING:
                self.now[name] = Presence.ABSENT if fails else Presence.LOADED
                done = self.scheduler.load_failed(name, "broken") if fails else self.scheduler.loaded(name)
                self.carry_out(done)
                return
            if presence is Presence.UNLOADING:
                self.now[name] = Presence.ABSENT
                self.carry_out(self.scheduler.unloaded(name))
                return

    @rule(model=st.integers(0, 4))
    def prefetch(self, model: int) -> None:
        """Somebody will ask."""
        self.carry_out(self.scheduler.prefetch(f"m{model % len(self.sizes)}"))

    @invariant()
    def memory_holds(self) -> None:
        """Never more than the budget; both sides agree on what is there; whoever waits has a place."""
        if not hasattr(self, "now"):
            return
        there = [name for name, presence in self.now.items() if presence is not Presence.ABSENT]
        assert sum(self.sizes[name] for name in there) <= self.budget
        assert {name: self.scheduler.presence(name) for name in self.now} == self.now
        places = [self.scheduler.place(ticket) for ticket in self.waiting]
        assert sorted(place.position for place in places if place) == list(range(1, len(self.waiting) + 1))
        assert all(place is not None and place.eta_s >= 0 for place in places)

    def teardown(self) -> None:
        """When all callers are patient and done in turn, everybody is served or refused: nobody waits for ever."""
        if not hasattr(self, "now"):
            return
        for _ in range(200):
            if not self.waiting:
                return
            for ticket in list(self.active):
                del self.active[ticket]
                self.carry_out(self.scheduler.leave(ticket))
            self.moved(fails=False)
            self.wait(60.0)
        raise AssertionError(f"still waiting: {self.waiting}, {self.now}")


TestDevice = Device.TestCase
TestDevice.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)


def test_speed_is_learned_in_bounds() -> None:
    """The first answer counts in full; one outlier moves it by no more than a share of four times; short ones not."""
    scheduler = Scheduler(models=[LocalModel(name="a", size_bytes=GB)], budget_bytes=GB, clock=ManualClock())
    assert scheduler.tokens_per_s("a") is None
    scheduler.answered("a", 15, 0.1)
    scheduler.answered("a", 100, 0.0)
    assert scheduler.tokens_per_s("a") is None
    scheduler.answered("a", 100, 2.0)
    assert scheduler.tokens_per_s("a") == 50.0
    scheduler.answered("a", 100_000, 0.001)
    assert scheduler.tokens_per_s("a") == pytest.approx(50 + 0.3 * 150)
    scheduler.answered("a", 16, 100_000.0)
    assert scheduler.tokens_per_s("a") == pytest.approx(95 - 0.3 * 95 * 0.75)


def test_all_of_it_can_be_shown() -> None:
    """Models with what they do, and the queue in its order."""
    clock = ManualClock()
    scheduler = Scheduler(
        models=[LocalModel(name="a", size_bytes=6 * GB, is_pinned=True), LocalModel(name="b", size_bytes=3 * GB)],
        budget_bytes=10 * GB,
        clock=clock,
    )
    scheduler.arrive(1, "a")
    scheduler.loaded("a")
    scheduler.arrive(2, "b")
    scheduler.arrive(3, "b")
    clock.now_s += 1.0
    load_s = expected_load_s(3 * GB)
    found = scheduler.standing()
    assert (found.budget_bytes, found.free_bytes) == (10 * GB, GB)
    assert [(one.name, one.presence, one.busy, one.is_pinned) for one in found.models] == [
        ("a", Presence.LOADED, 1, True),
        ("b", Presence.LOADING, 0, False),
    ]
    assert found.queue == (
        Waiting(model="b", position=1, eta_s=load_s - 1, waited_s=1.0),
        Waiting(model="b", position=2, eta_s=load_s - 1, waited_s=1.0),
    )


def test_two_who_come_at_once_are_both_served() -> None:
    """The first one's model is loaded for it, not put out again for the second, and so on for ever."""
    clock = ManualClock()
    models = [LocalModel(name="a", size_bytes=GB), LocalModel(name="b", size_bytes=4 * GB)]
    scheduler = Scheduler(models=models, budget_bytes=4 * GB, clock=clock, bypass_s=0.0)
    assert scheduler.arrive(1, "a") == [Load("a")]
    assert scheduler.arrive(2, "b") == []
    clock.now_s += 60.0
    assert scheduler.loaded("a") == [Admit(1)]
