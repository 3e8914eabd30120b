"""What every store of healths promises: the SQLite one and the fake in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from pointsman.adapters.storage.health import SqliteHealths, identities_of
from pointsman.core.health import Cause, Health, HealthState
from pointsman.core.ports import HealthStore
from pointsman.testing import ManualClock, MemoryHealths, SharedHealths, a_card

WAIT_S = 20.0
CARDS = (a_card("pro", is_local=False), a_card("flash", is_local=False))
DOWN = Health(
    subject="pro",
    state=HealthState.DOWN,
    cause=Cause.QUOTA,
    since_s=990.0,
    until_s=5000.0,
    failures=3,
    message="You exceeded your quota. \U0001f4b8",
)
SHUT = Health(
    subject="cloud", is_endpoint=True, state=HealthState.RAMPING, cause=Cause.NETWORK, since_s=995.0, share=0.25
)


@dataclass(slots=True)
class Party:
    """One process's store, and a bell that rings when there is news."""

    store: HealthStore
    rung: threading.Event = field(default_factory=threading.Event)

    def heard(self) -> list[Health]:
        """The news, once there is any."""
        assert self.rung.wait(WAIT_S)
        self.rung.clear()
        return list(self.store.news())


@dataclass(slots=True)
class Gateway:
    """Makes parties; `clock` is everybody's."""

    make: Callable[[Callable[[], object]], HealthStore]
    clock: ManualClock

    def party(self) -> Party:
        """A process that has just started."""
        rung = threading.Event()
        return Party(self.make(rung.set), rung)


@pytest.fixture(params=["sqlite", "memory"])
def gateway(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gateway]:
    """Each store that there is."""
    clock = ManualClock(1_000.0)
    if request.param == "memory":
        shared = SharedHealths()
        yield Gateway(lambda bell: MemoryHealths(shared, on_news=bell, clock=clock), clock)
        return
    with ExitStack() as stack:
        path, identities = tmp_path / "healths.db", identities_of(CARDS)
        yield Gateway(
            lambda bell: stack.enter_context(
                SqliteHealths(path, identities, on_news=bell, clock=clock, poll_s=0.02, retry_s=0.02)
            ),
            clock,
        )


def test_what_one_tells_the_other_hears_as_it_was(gateway: Gateway) -> None:
    """Every field of it, once, of models and endpoints."""
    one, other = gateway.party(), gateway.party()
    for health in (DOWN, SHUT):
        one.store.tell(health)
        assert other.heard() == [health]
    assert list(other.store.news()) == []


def test_nobody_hears_of_himself(gateway: Gateway) -> None:
    """What the other says is all that comes."""
    one, other = gateway.party(), gateway.party()
    one.store.tell(DOWN)
    assert other.heard() == [DOWN]
    other.store.tell(SHUT)
    assert one.heard() == [SHUT]


def test_a_reset_is_news_too(gateway: Gateway) -> None:
    """Whoever is well again is so everywhere."""
    one, other = gateway.party(), gateway.party()
    one.store.tell(DOWN)
    assert other.heard() == [DOWN]
    well = Health(subject="pro", since_s=1000.0)
    one.store.tell(well)
    assert other.heard() == [well]


def test_a_newcomer_hears_the_latest_of_each(gateway: Gateway) -> None:
    """A day's quota survives a restart, what was before it does not."""
    one, other = gateway.party(), gateway.party()
    later = replace(DOWN, failures=4)
    for health in (DOWN, later, SHUT):
        one.store.tell(health)
        other.heard()
    newcomer = gateway.party()
    assert sorted(newcomer.store.news(), key=lambda health: health.subject) == [SHUT, later]


def test_what_is_over_is_not_told_to_newcomers(gateway: Gateway) -> None:
    """Rows go when their time has come."""
    one, other = gateway.party(), gateway.party()
    one.store.tell(DOWN)
    other.heard()
    gateway.clock.advance(4000)
    assert list(gateway.party().store.news()) == []
