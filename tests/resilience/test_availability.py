"""The book of healths: when a model is left alone and for how long, its probe, its way back."""

from __future__ import annotations

import pytest

from pointsman.core.failure import Failure, FailureKind
from pointsman.core.health import Cause, Health, HealthState
from pointsman.core.policy import Mark
from pointsman.resilience.tolerance import Tolerance
from pointsman.testing import ManualClock
from tests.resilience.book import EPOCH_S, FLASH, OTHER, PRO, Book, failing, too_many

HEALTHY, COOLING, PROBING = HealthState.HEALTHY, HealthState.COOLING, HealthState.PROBING
RAMPING, DOWN, ONE_RETRY = HealthState.RAMPING, HealthState.DOWN, HealthState.ONE_RETRY


def test_with_nothing_known_all_is_well() -> None:
    """Everybody may be asked, again too, at once; nobody is listed."""
    book = Book()
    assert book.health.is_all_well
    assert book.health.may_try(PRO)
    assert book.take(PRO)
    assert book.health.retries(PRO)
    assert book.wait_s(PRO) == 0.0
    assert book.health.health_of(PRO) == Health(subject="pro")
    assert list(book.health.healths()) == []
    assert book.health.wait_s([]) is None


def test_a_third_failure_in_a_row_cools_the_model() -> None:
    """A single error or two are luck: everybody has some."""
    book = Book()
    book.fail(PRO, times=2)
    assert (book.state(PRO), book.health.is_all_well) == (HEALTHY, True)
    book.fail(PRO)
    assert list(book.health.healths()) == [
        Health(
            subject="pro",
            state=COOLING,
            cause=Cause.CAPACITY,
            since_s=EPOCH_S,
            until_s=EPOCH_S + 5,
            failures=3,
            message="no luck",
        )
    ]
    assert not book.health.is_all_well
    assert not book.health.may_try(PRO)
    assert not book.take(PRO)
    assert book.state(FLASH) is HEALTHY


@pytest.mark.parametrize(
    ("elapsed_ms", "status", "state"), [(9_999, None, HEALTHY), (10_000, None, COOLING), (60_000, 503, HEALTHY)]
)
def test_a_model_that_hangs_cools_at_once(elapsed_ms: float, status: int | None, state: HealthState) -> None:
    """Each further request would wait as long; an error, however late, is an answer."""
    book = Book()
    hung = Failure(
        kind=FailureKind.TRANSIENT,
        model="pro",
        endpoint=PRO.endpoint.name,
        message="no response",
        status=status,
        elapsed_ms=elapsed_ms,
    )
    book.fail(PRO, hung)
    assert book.state(PRO) is state


def test_an_answer_between_failures_begins_the_count_anew() -> None:
    """Two, an answer, two: nobody cools."""
    book = Book()
    for _ in range(2):
        book.fail(PRO, times=2)
        book.health.succeeded(PRO)
    assert book.health.is_all_well


def test_failures_more_than_a_minute_apart_are_not_in_a_row() -> None:
    """A model that is asked once an hour does not cool for yesterday's."""
    book = Book()
    for _ in range(5):
        book.fail(PRO)
        book.advance(61)
    assert book.health.is_all_well


@pytest.mark.parametrize(
    ("failure", "wait_s"),
    [
        (too_many(PRO, 20.0), 20.0),
        (too_many(PRO), 5.0),
        (too_many(PRO, 1e9), 3600.0),
        (failing(PRO, status=503, retry_after_s=7.5), 7.5),
        (failing(PRO, status=429, until_s=EPOCH_S + 90), 90.0),
        (failing(PRO, status=429, until_s=EPOCH_S + 1e6), 3600.0),
        (failing(PRO, status=429, until_s=EPOCH_S - 90), 5.0),
    ],
)
def test_a_model_that_asks_for_a_pause_gets_it_the_first_time(failure: Failure, wait_s: float) -> None:
    """Up to an hour; 429 says so without a time too."""
    book = Book()
    book.fail(PRO, failure)
    assert (book.state(PRO), book.wait_s(PRO)) == (COOLING, wait_s)


def test_retry_after_zero_is_no_pause() -> None:
    """It may be asked again at once; the failure counts as any."""
    book = Book()
    book.fail(PRO, failing(PRO, status=503, retry_after_s=0.0))
    assert book.health.is_all_well


def test_more_than_half_failing_is_ejected_by_rate() -> None:
    """Of ten or more in 30 s, though never three in a row; less is borne."""
    book = Book()
    for _ in range(3):
        book.fail(PRO, times=2)
        book.health.succeeded(PRO)
    assert book.health.is_all_well, "6 of 9: too few to tell"
    book.fail(PRO)
    assert book.state(PRO) is COOLING, "7 of 10"
    for _ in range(20):
        book.fail(OTHER)
        book.health.succeeded(OTHER)
        book.health.succeeded(OTHER)
        book.fail(OTHER)
        book.health.succeeded(OTHER)
    assert book.state(OTHER) is HEALTHY, "40 of 100"


def test_what_is_older_than_the_window_does_not_count() -> None:
    """Nine failures half a minute ago and one now make no rate."""
    book = Book(tolerance=Tolerance(allowed_fails=100))
    book.fail(PRO, times=9)
    book.advance(33)
    book.fail(PRO)
    assert book.health.is_all_well
    book.fail(PRO, times=9)
    assert book.state(PRO) is COOLING


def test_one_probe_finds_out_and_the_others_wait() -> None:
    """When the time is over one request may ask; who has told nothing after a minute is given up."""
    book = Book()
    book.fail(PRO, times=3)
    book.advance(5)
    assert book.health.may_try(PRO)
    assert book.take(PRO)
    assert (book.state(PRO), book.wait_s(PRO)) == (PROBING, 1.0)
    assert not book.health.may_try(PRO)
    assert not book.take(PRO, has_other=False)
    book.advance(60)
    assert book.take(PRO)
    assert not book.take(PRO)


def test_a_probe_given_back_is_free_for_the_next() -> None:
    """The caller went away: nothing was learnt."""
    book = Book()
    book.fail(PRO, times=3)
    book.advance(5)
    assert book.take(PRO)
    book.health.released(PRO)
    assert book.state(PRO) is COOLING
    assert book.take(PRO)


def test_each_probe_in_vain_makes_the_pause_twice_as_long() -> None:
    """5, 10, 20 … 300 seconds."""
    book = Book()
    book.fail(PRO, times=3)
    waits = []
    for _ in range(8):
        waits.append(book.wait_s(PRO))
        book.advance(waits[-1] or 0.0)
        assert book.take(PRO)
        book.fail(PRO)
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300]


def test_pauses_are_drawn_apart() -> None:
    """Up to a fifth longer, so that gateways that failed together do not come back together."""
    book = Book(drawn=0.5)
    book.fail(PRO, times=3)
    assert book.wait_s(PRO) == 5.5


def test_a_probe_in_vain_waits_longer_than_the_endpoint_asks() -> None:
    """What it asked for had not been enough."""
    book = Book()
    book.fail(PRO, too_many(PRO, 1.0))
    assert book.wait_s(PRO) == 1.0
    book.advance(1)
    assert book.take(PRO)
    book.fail(PRO, too_many(PRO, 1.0))
    assert book.wait_s(PRO) == 5.0


def test_failures_from_before_the_pause_change_nothing() -> None:
    """Two hundred that were under way fail together: one pause, not two hundred doublings."""
    book = Book()
    book.fail(PRO, times=203)
    assert (book.wait_s(PRO), len(book.told)) == (5.0, 1)


def test_a_longer_wish_prolongs_the_pause() -> None:
    """A shorter one does not cut it."""
    book = Book()
    for asked_s, waits_s in ((10.0, 10.0), (30.0, 30.0), (5.0, 30.0)):
        book.fail(PRO, too_many(PRO, asked_s))
        assert book.wait_s(PRO) == waits_s


def test_an_answer_from_before_the_pause_does_not_end_it() -> None:
    """Half of a flapping model's requests under way will succeed."""
    book = Book()
    book.fail(PRO, times=3)
    book.health.succeeded(PRO)
    assert book.state(PRO) is COOLING


def test_who_was_asked_against_advice_and_answers_is_back() -> None:
    """A last resort, a person who wanted to keep trying."""
    book = Book()
    book.fail(PRO, times=3)
    book.health.insist(PRO)
    book.health.succeeded(PRO)
    assert book.state(PRO) is RAMPING


def test_who_was_asked_against_advice_and_fails_stays_where_it_was() -> None:
    """And the next answer from before proves nothing again."""
    book = Book()
    book.fail(PRO, times=3)
    book.health.insist(PRO)
    book.fail(PRO)
    book.health.succeeded(PRO)
    assert (book.state(PRO), book.wait_s(PRO)) == (COOLING, 5.0)


def test_one_request_may_ask_again_after_a_short_pause_only() -> None:
    """Two seconds a caller waits; a model that cools for longer, or has its one retry, is not asked again."""
    book = Book()
    book.fail(PRO, too_many(PRO, 2.0))
    assert book.health.retries(PRO)
    book.fail(PRO, too_many(PRO, 2.5))
    assert not book.health.retries(PRO)


def test_one_retry_lasts_until_an_answer() -> None:
    """Every request may ask it, none twice."""
    book = Book()
    book.fail(PRO, mark=Mark.ONE_RETRY, times=9)
    assert (book.state(PRO), book.health.is_all_well) == (ONE_RETRY, False)
    assert book.take(PRO)
    assert not book.health.retries(PRO)
    book.health.succeeded(PRO)
    assert (book.health.is_all_well, book.health.retries(PRO)) == (True, True)


def test_one_retry_does_not_bring_back_who_is_left_alone() -> None:
    """A failure of another kind had been worse."""
    book = Book()
    book.fail(PRO, too_many(PRO, 20.0))
    book.fail(PRO, mark=Mark.ONE_RETRY)
    assert (book.state(PRO), book.wait_s(PRO)) == (COOLING, 20.0)


def test_a_policy_without_a_mark_leaves_no_mark() -> None:
    """However often."""
    book = Book()
    book.fail(PRO, mark=Mark.NONE, times=50)
    assert (book.health.is_all_well, book.told) == (True, [])


@pytest.mark.parametrize(
    ("failure", "cause", "waits"),
    [
        (failing(PRO, FailureKind.TERMINAL, status=429, until_s=EPOCH_S + 900), Cause.QUOTA, [900, 3600]),
        (failing(PRO, FailureKind.TERMINAL, status=429, until_s=EPOCH_S + 1e9), Cause.QUOTA, [86_400, 86_400]),
        (failing(PRO, FailureKind.TERMINAL, status=429, retry_after_s=30.0), Cause.QUOTA, [3600, 3600]),
        (failing(PRO, FailureKind.NOT_FOUND, status=404), Cause.MISSING, [60, 120, 240, 480, 960, 1920, 3600]),
        (failing(PRO, FailureKind.AUTH, status=401), Cause.AUTH, [300, 300, 300]),
        (failing(PRO, FailureKind.TRANSIENT, status=503), Cause.CAPACITY, [300, 300]),
        (failing(PRO, FailureKind.TRANSIENT, status=None), Cause.NETWORK, [300, 300]),
    ],
)
def test_down_is_probed_when_it_may_be_over(failure: Failure, cause: Cause, waits: list[float]) -> None:
    """Quota at its reset, a missing model ever less often, a key each five minutes."""
    book = Book()
    found = []
    for _ in waits:
        book.fail(PRO, failure, mark=Mark.DOWN)
        health = book.health.health_of(PRO)
        assert (health.state, health.cause) == (DOWN, cause)
        found.append(book.wait_s(PRO))
        book.advance(found[-1] or 0.0)
        assert book.take(PRO)
    assert found == waits


def test_down_is_worse_than_cooling() -> None:
    """Who cools and proves to be out of quota is down; who is down does not merely cool."""
    book = Book()
    book.fail(PRO, too_many(PRO, 10.0))
    book.fail(PRO, failing(PRO, FailureKind.TERMINAL, status=429))
    book.fail(PRO, too_many(PRO, 10.0))
    health = book.health.health_of(PRO)
    assert (health.state, health.cause, book.wait_s(PRO)) == (DOWN, Cause.QUOTA, 3600.0)


def test_a_kind_that_does_not_pass_cools_at_once() -> None:
    """Where the policy says `cool` of it, as LiteLLM does of 401 and 404."""
    book = Book()
    book.fail(PRO, failing(PRO, FailureKind.NOT_FOUND, status=404), mark=Mark.COOL, times=2)
    assert (book.state(PRO), book.wait_s(PRO)) == (COOLING, 5.0)


def test_resetting_a_model_forgets_it_and_its_past() -> None:
    """By its id or its name; the next pause is a first one."""
    book = Book()
    book.fail(PRO, times=3)
    book.advance(5)
    book.take(PRO)
    book.fail(PRO)
    book.fail(OTHER, times=3)
    assert [health.subject for health in book.health.reset("pro")] == ["pro"]
    assert book.state(PRO) is HEALTHY
    assert book.state(OTHER) is COOLING
    book.fail(PRO, times=3)
    assert book.wait_s(PRO) == 5.0
    assert [health.subject for health in book.health.reset()] == ["pro", "other"]
    assert book.health.is_all_well
    assert list(book.health.reset("nobody")) == []


def test_a_name_resets_every_deployment() -> None:
    """Of the pool, and nobody whose name only begins alike."""
    book = Book()
    pool = [
        Failure(kind=FailureKind.AUTH, model=id_, endpoint="cloud", message="", status=401)
        for id_ in ("a", "a#2", "a#b")
    ]
    for failure in pool:
        book.health.learn(Health(subject=failure.model, state=DOWN, since_s=EPOCH_S, until_s=EPOCH_S + 60))
    assert [health.subject for health in book.health.reset("a")] == ["a", "a#2"]


def test_listeners_hear_every_change_once() -> None:
    """The health before and after; failures that change nothing are not told."""
    book = Book()
    book.fail(PRO, times=4)
    book.advance(5)
    book.take(PRO)
    book.health.answering(PRO)
    book.health.succeeded(PRO)
    book.advance(10)
    book.health.healths()
    assert [(old.state, new.state, new.share) for old, new in book.told] == [
        (HEALTHY, COOLING, 1.0),
        (COOLING, PROBING, 1.0),
        (PROBING, RAMPING, 0.10),
        (RAMPING, HEALTHY, 1.0),
    ]


def test_a_jump_of_the_wall_clock_makes_no_time_negative() -> None:
    """Pauses run by the monotonic clock; what is shown moves with the wall clock."""
    book = Book()
    book.fail(PRO, times=3)
    book.epoch.advance(-7200)
    health = book.health.health_of(PRO)
    assert (health.since_s, health.until_s) == (EPOCH_S - 7200, EPOCH_S - 7200 + 5)
    book.epoch.advance(14_400)
    assert (book.wait_s(PRO), book.health.may_try(PRO)) == (5.0, False)


def test_a_date_is_kept_through_a_sleep() -> None:
    """The machine slept over the reset: the monotonic clock stood still, the date has come."""
    book = Book()
    book.fail(PRO, failing(PRO, FailureKind.TERMINAL, status=429, until_s=EPOCH_S + 8 * 3600))
    book.epoch.advance(8 * 3600)
    assert book.take(PRO)


def test_an_answer_costs_nothing_while_nothing_failed() -> None:
    """Not even a look at the clock: it is told of every request."""
    book = Book(clock=ManualClock(step_s=1.0), epoch=ManualClock(step_s=1.0))
    book.health.succeeded(PRO)
    book.health.answering(PRO)
    book.health.released(PRO)
    assert (book.clock.now_s, book.epoch.now_s) == (0.0, 0.0)


def test_long_after_the_last_failure_nothing_is_kept_of_it() -> None:
    """The next answers cost nothing again."""
    book = Book()
    book.fail(PRO)
    book.advance(61)
    book.health.succeeded(PRO)
    clock = book.clock.now_s
    book.clock.step_s = 1.0
    book.health.succeeded(PRO)
    assert book.clock.now_s == clock


def test_an_answer_of_somebody_else_is_not_counted() -> None:
    """Nothing is held against them."""
    book = Book()
    book.fail(PRO, times=2)
    book.health.succeeded(OTHER)
    book.fail(PRO)
    assert [health.subject for health in book.health.healths()] == ["pro"]
