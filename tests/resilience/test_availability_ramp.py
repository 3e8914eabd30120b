"""The way back: a model gets a growing share of its requests, and one failure ends that."""

from __future__ import annotations

import pytest

from pointsman.core.health import HealthState
from pointsman.core.policy import Mark
from tests.resilience.book import PRO, Book


@pytest.fixture
def book() -> Book:
    """A model whose probe was answered just now."""
    book = Book()
    book.fail(PRO, times=3)
    book.advance(5)
    assert book.take(PRO)
    book.health.succeeded(PRO)
    return book


def share(book: Book) -> float:
    """What the model gets."""
    return book.health.health_of(PRO).share


def test_it_begins_with_a_tenth(book: Book) -> None:
    """By lot, and whole when nobody else can answer."""
    assert (book.state(PRO), share(book), book.wait_s(PRO)) == (HealthState.RAMPING, 0.10, 0.0)
    book.drawn = 0.09
    assert book.take(PRO)
    book.drawn = 0.10
    assert not book.take(PRO)
    assert book.take(PRO, has_other=False)


def test_time_lets_the_share_grow(book: Book) -> None:
    """A tenth, a quarter, a half, a third of ten seconds each; then it is well."""
    shares = []
    for _ in range(4):
        shares.append(share(book))
        book.advance(10 / 3 + 0.001)
    assert shares == [0.10, 0.25, 0.50, 1.0]
    assert (book.state(PRO), book.health.is_all_well) == (HealthState.HEALTHY, True)


def test_answers_let_it_grow_sooner(book: Book) -> None:
    """Five of them are a stage."""
    shares = []
    for _ in range(15):
        shares.append(share(book))
        book.health.succeeded(PRO)
    assert shares == [0.10] * 5 + [0.25] * 5 + [0.50] * 5
    assert book.health.is_all_well


def test_long_unseen_it_is_well_at_the_next_look(book: Book) -> None:
    """Time passes also when nobody asks."""
    book.advance(3600)
    assert list(book.health.healths()) == []
    assert book.health.is_all_well


def test_a_failure_on_the_way_cools_it_for_longer(book: Book) -> None:
    """One is enough now."""
    book.fail(PRO)
    assert (book.state(PRO), book.wait_s(PRO)) == (HealthState.COOLING, 10.0)


def test_its_relapses_are_remembered_for_five_minutes(book: Book) -> None:
    """A model that flaps is ejected for longer each time; one that was well for long begins anew."""
    book.advance(10)
    book.health.healths()
    book.fail(PRO, times=3)
    assert book.wait_s(PRO) == 10.0
    book.advance(10)
    book.take(PRO)
    book.health.succeeded(PRO)
    book.advance(10)
    book.health.healths()
    book.advance(301)
    book.fail(PRO, times=3)
    assert book.wait_s(PRO) == 5.0


def test_the_first_content_of_a_stream_ends_the_probe() -> None:
    """Others need not wait for the end of a long answer; a cut after it is a failure on the way."""
    book = Book()
    book.fail(PRO, times=3)
    book.advance(5)
    book.take(PRO)
    book.health.answering(PRO)
    assert book.state(PRO) is HealthState.RAMPING
    book.fail(PRO)
    assert (book.state(PRO), book.wait_s(PRO)) == (HealthState.COOLING, 10.0)


def test_a_policy_of_one_retry_holds_on_the_way_too(book: Book) -> None:
    """Its model does not cool."""
    book.fail(PRO, mark=Mark.ONE_RETRY)
    assert book.state(PRO) is HealthState.ONE_RETRY


def test_a_flapping_model_is_mostly_left_alone() -> None:
    """Every second request fails, one request each 0.1 s for ten minutes: few of them reach it, ever fewer."""
    book = Book()
    reached = [0, 0]
    number = 0
    for tick in range(6000):
        if book.health.is_all_well or (book.health.may_try(PRO) and book.take(PRO)):
            reached[tick // 3000] += 1
            number += 1
            if number % 2:
                book.fail(PRO)
            else:
                book.health.succeeded(PRO)
        book.advance(0.1)
    assert reached[0] < 150
    assert reached[1] < 50
