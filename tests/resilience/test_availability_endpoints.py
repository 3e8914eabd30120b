"""What counts for an endpoint and so for all of its models."""

from __future__ import annotations

from pointsman.core.failure import FailureKind, Reach
from pointsman.core.health import Cause, Health, HealthState
from tests.resilience.book import EPOCH_S, FLASH, OTHER, PRO, Book, failing, too_many, unreachable

HEALTHY, COOLING, PROBING = HealthState.HEALTHY, HealthState.COOLING, HealthState.PROBING


def test_two_refused_connections_open_the_breaker() -> None:
    """For every model there, and nobody elsewhere."""
    book = Book()
    book.fail(PRO, unreachable(PRO))
    assert book.health.is_all_well
    book.fail(FLASH, unreachable(FLASH))
    assert list(book.health.healths()) == [
        Health(
            subject="cloud",
            is_endpoint=True,
            state=COOLING,
            cause=Cause.NETWORK,
            since_s=EPOCH_S,
            until_s=EPOCH_S + 5,
            failures=2,
            message="no luck",
        )
    ]
    assert [book.health.may_try(card) for card in (PRO, FLASH, OTHER)] == [False, False, True]
    assert book.health.health_of(PRO).subject == "cloud"


def test_a_wrong_key_shuts_the_endpoint_at_once() -> None:
    """Each of its models would be told the same."""
    book = Book()
    book.fail(PRO, failing(PRO, FailureKind.AUTH, status=401, reach=Reach.ENDPOINT))
    health = book.health.health_of(FLASH)
    assert (health.subject, health.state, health.cause) == ("cloud", HealthState.DOWN, Cause.AUTH)
    assert book.wait_s(FLASH) == 300.0


def test_five_failures_of_two_models_are_the_endpoints() -> None:
    """Of one model alone they are that model's."""
    alone = Book()
    alone.fail(PRO, times=5)
    assert [health.subject for health in alone.health.healths()] == ["pro"]
    shared = Book()
    shared.fail(PRO, times=2)
    shared.fail(FLASH, times=2)
    assert shared.health.is_all_well
    shared.fail(PRO)
    assert [(health.subject, health.is_endpoint) for health in shared.health.healths()] == [
        ("pro", False),
        ("cloud", True),
    ]


def test_an_answer_with_a_status_below_500_proves_the_endpoint() -> None:
    """It is there and knows us; only its model is missing or busy."""
    book = Book()
    book.fail(PRO, unreachable(PRO))
    book.fail(FLASH, too_many(FLASH, 10.0))
    book.fail(PRO, unreachable(PRO))
    assert [health.subject for health in book.health.healths()] == ["flash"]


def test_one_probe_is_for_the_endpoint_and_its_model() -> None:
    """Whoever asks first; its answer brings both back."""
    book = Book()
    book.fail(PRO, too_many(PRO, 5.0))
    book.fail(
        FLASH,
        unreachable(FLASH),
    )
    book.fail(FLASH, unreachable(FLASH))
    book.advance(5)
    assert book.take(PRO)
    assert [health.state for health in book.health.healths()] == [PROBING, PROBING]
    assert not book.health.may_try(FLASH)
    book.health.succeeded(PRO)
    assert [health.state for health in book.health.healths()] == [HealthState.RAMPING] * 2


def test_a_probe_that_cannot_connect_says_nothing_of_the_model() -> None:
    """The endpoint cools for longer, the model's place is free."""
    book = Book()
    book.fail(PRO, too_many(PRO, 5.0))
    book.fail(PRO, unreachable(PRO))
    book.fail(PRO, unreachable(PRO))
    book.advance(5)
    assert book.take(PRO)
    book.fail(PRO, unreachable(PRO))
    assert [(health.subject, health.state, health.until_s) for health in book.health.healths()] == [
        ("pro", COOLING, EPOCH_S + 5),
        ("cloud", COOLING, EPOCH_S + 15),
    ]


def test_a_probe_that_is_refused_by_the_model_brings_the_endpoint_back() -> None:
    """404 is an answer."""
    book = Book()
    book.fail(PRO, unreachable(PRO))
    book.fail(PRO, unreachable(PRO))
    book.advance(5)
    assert book.take(PRO)
    book.fail(PRO, failing(PRO, FailureKind.NOT_FOUND, status=404))
    assert [(health.subject, health.state) for health in book.health.healths()] == [
        ("pro", HealthState.DOWN),
        ("cloud", HealthState.RAMPING),
    ]


def test_a_probe_with_a_server_error_keeps_the_endpoint_away() -> None:
    """It was the endpoint's trouble before, and is still."""
    book = Book()
    book.fail(PRO, unreachable(PRO))
    book.fail(PRO, unreachable(PRO))
    book.advance(5)
    assert book.take(FLASH)
    book.fail(FLASH)
    health = book.health.health_of(FLASH)
    assert (health.subject, health.state, book.wait_s(FLASH)) == ("cloud", COOLING, 10.0)
    book.fail(FLASH)
    assert book.wait_s(FLASH) == 10.0


def test_a_ramping_endpoint_takes_no_probe_it_does_not_let_through() -> None:
    """The model's place is given back when the endpoint's lot says no."""
    book = Book()
    book.fail(PRO, unreachable(PRO))
    book.fail(PRO, unreachable(PRO))
    book.advance(5)
    book.take(FLASH)
    book.health.succeeded(FLASH)
    book.fail(PRO, too_many(PRO, 1.0))
    book.advance(1)
    book.drawn = 0.99
    assert not book.take(PRO)
    assert book.state(PRO) is COOLING
    assert book.take(PRO, has_other=False)


def test_the_first_of_several_is_what_the_caller_waits_for() -> None:
    """Each by its own or its endpoint's pause, the longer one."""
    book = Book()
    book.fail(PRO, too_many(PRO, 20.0))
    book.fail(FLASH, too_many(FLASH, 12.0))
    assert book.health.wait_s([PRO, FLASH]) == 12.0
    book.fail(PRO, failing(PRO, FailureKind.AUTH, status=401, reach=Reach.ENDPOINT))
    assert book.health.wait_s([PRO, FLASH]) == 300.0
    assert book.health.wait_s([PRO, FLASH, OTHER]) == 0.0


def test_resetting_an_endpoint_leaves_its_models() -> None:
    """And the other way round."""
    book = Book()
    book.fail(PRO, times=3)
    book.fail(FLASH, unreachable(FLASH))
    book.fail(FLASH, unreachable(FLASH))
    assert [health.subject for health in book.health.reset("cloud")] == ["cloud"]
    assert [health.subject for health in book.health.healths()] == ["pro"]
