"""What one process learns from another."""

from __future__ import annotations

from dataclasses import replace

from pointsman.core.failure import FailureKind
from pointsman.core.health import Cause, Health, HealthState
from tests.resilience.book import EPOCH_S, PRO, Book, failing, too_many, unreachable


def shared(one: Book, other: Book) -> None:
    """Tell *other* what *one* has told so far."""
    for _, health in one.told:
        other.health.learn(health)


def test_what_another_saw_counts_here() -> None:
    """The pause ends at the same time, and nothing is told on."""
    one, other = Book(), Book()
    other.clock.advance(5000)  # its monotonic clock began elsewhere
    one.fail(PRO, times=3)
    shared(one, other)
    assert other.health.healths() == one.health.healths()
    assert other.told == []
    assert not other.health.is_all_well
    other.advance(5)
    assert other.take(PRO)


def test_its_probe_is_left_alone_here() -> None:
    """And given up here as well, when it never reports."""
    one, other = Book(), Book()
    one.fail(PRO, unreachable(PRO), times=2)
    one.advance(5)
    other.advance(5)
    one.take(PRO)
    shared(one, other)
    assert not other.take(PRO)
    other.advance(60)
    assert other.take(PRO)


def test_its_ramp_goes_on_here() -> None:
    """From the share it has there."""
    other = Book()
    other.health.learn(Health(subject="pro", state=HealthState.RAMPING, since_s=EPOCH_S, share=0.25))
    assert other.health.health_of(PRO).share == 0.25
    other.advance(10)
    assert list(other.health.healths()) == []


def test_its_reset_counts_here() -> None:
    """Whoever is well again there is so here."""
    one, other = Book(), Book()
    for book in (one, other):
        book.fail(PRO, times=3)
        book.advance(1)
    one.health.reset("pro")
    shared(one, other)
    assert other.health.is_all_well


def test_news_of_someone_well_is_no_entry() -> None:
    """Nothing is kept of it."""
    book = Book()
    book.health.learn(Health(subject="pro", since_s=EPOCH_S))
    assert book.health.is_all_well


def test_old_news_are_none() -> None:
    """What was so before the reset here does not come back."""
    one, other = Book(), Book()
    one.fail(PRO, times=3)
    for book in (one, other):
        book.advance(1)
    other.fail(PRO, too_many(PRO, 60.0))
    other.health.reset()
    shared(one, other)
    assert other.health.is_all_well


def test_a_daily_quota_is_learnt_after_a_restart() -> None:
    """By its date, at most a day ahead however far that is."""
    one, other = Book(), Book()
    one.fail(PRO, failing(PRO, FailureKind.TERMINAL, status=429, until_s=EPOCH_S + 7200))
    other.advance(600)
    shared(one, other)
    health = other.health.health_of(PRO)
    assert (health.state, health.cause, other.wait_s(PRO)) == (HealthState.DOWN, Cause.QUOTA, 6600.0)
    other.health.learn(replace(health, since_s=EPOCH_S + 601, until_s=EPOCH_S + 1e9))
    assert other.wait_s(PRO) == 86_400.0
