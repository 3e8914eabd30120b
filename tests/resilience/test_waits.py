"""When an endpoint says it may be asked again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.resilience.waits import (
    Hints,
    asked_wait_s,
    exhausted_wait_s,
    midnight_in_california_s,
    said_date_s,
    said_wait_s,
)

DATE = "Sat, 21 Nov 2026 08:00:00 GMT"
DATE_S = datetime(2026, 11, 21, 8, tzinfo=UTC).timestamp()
LATER = "Sat, 21 Nov 2026 08:00:31 GMT"
CALIFORNIA = ZoneInfo("America/Los_Angeles")


def hints(headers: dict[str, str], now_s: float | None = None, asked_s: float | None = None) -> Hints:
    """What stands beside an error."""
    return Hints(header=headers.get, now_s=now_s, asked_s=asked_s)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30.0),
        (" 30 ", 30.0),
        ("1.5", 1.5),
        ("0", 0.0),
        ("86401", 86_400.0),
        ("9" * 18, 86_400.0),
        ("9" * 400, None),
        ("-1", None),
        ("+1", None),
        ("1_0", None),
        ("1e3", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("soon", None),
        ("Wed, 21 Oct", None),
        (LATER, 31.0),
        ("Sat, 21 Nov 2026 07:00:00 GMT", 0.0),
        ("Saturday, 21-Nov-26 08:01:00 GMT", 60.0),
        ("Mon, 21 Nov 2033 08:00:00 GMT", 86_400.0),
        ("Sat, 21 Nov 99999 08:00:00 GMT", None),
    ],
)
def test_retry_after_is_taken_in_seconds_or_as_a_time(header: str, seconds: float | None) -> None:
    """A time counts from the answer's own `Date`, whatever our clock says; anything else is no advice."""
    assert asked_wait_s(hints({"retry-after": header, "date": DATE}, now_s=5.0)) == seconds


def test_a_time_without_a_date_to_count_from_counts_from_our_clock() -> None:
    """Where there is none either, it is no advice."""
    assert asked_wait_s(hints({"retry-after": LATER}, now_s=DATE_S + 1)) == 30.0
    assert asked_wait_s(hints({"retry-after": LATER, "date": "today"}, now_s=DATE_S)) == 31.0
    assert asked_wait_s(hints({"retry-after": LATER, "date": f"{DATE[:-3]}-0000"}, now_s=DATE_S)) == 31.0
    assert asked_wait_s(hints({"retry-after": f"{LATER[:-3]}-0000"}, now_s=DATE_S)) is None
    assert asked_wait_s(hints({"retry-after": LATER})) is None


def test_the_most_exact_hint_counts() -> None:
    """Milliseconds, then the usual header, then what the body asks for."""
    every = {"retry-after-ms": "1500", "retry-after": "2"}
    assert asked_wait_s(hints(every, asked_s=3.0)) == 1.5
    assert asked_wait_s(hints({**every, "retry-after-ms": "-1"}, asked_s=3.0)) == 2.0
    assert asked_wait_s(hints({"retry-after": "soon"}, asked_s=0.1)) == 0.1
    assert asked_wait_s(hints({}, asked_s=-1.0)) is None
    assert asked_wait_s(hints({}, asked_s=float("nan"))) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1s"}, 1.0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 360.0),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1d2h3m4.5s"}, 86_400.0),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "2h3m4.5s"}, 7384.5),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "120ms"}, 0.12),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "10"}, 10.0),
        ({"x-ratelimit-remaining-tokens": "-5", "x-ratelimit-reset-tokens": "10"}, 10.0),
        ({"x-ratelimit-remaining-tokens": "1", "x-ratelimit-reset-tokens": "10"}, None),
        ({"x-ratelimit-remaining-tokens": "none", "x-ratelimit-reset-tokens": "10"}, None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "soon"}, None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": ""}, None),
        ({"x-ratelimit-remaining-tokens": "0"}, None),
        ({"x-ratelimit-reset-tokens": "10"}, None),
        (
            {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "7s",
            },
            7.0,
        ),
        (
            {
                "x-ratelimit-remaining-requests": "9",
                "x-ratelimit-reset-requests": "6m",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "7s",
            },
            7.0,
        ),
        ({"x-ratelimit-remaining-requests-day": "0", "x-ratelimit-reset-requests-day": "33011.38"}, 33_011.38),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(DATE_S) + 9)}, 9.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(DATE_S * 1000) + 9500)}, 9.5),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(DATE_S) - 9)}, 0.0),
        (
            {
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2026-11-21T08:00:40Z",
            },
            40.0,
        ),
        (
            {
                "anthropic-ratelimit-input-tokens-remaining": "0",
                "anthropic-ratelimit-input-tokens-reset": "2026-11-21T10:00:50+02:00",
                "date": "Sat, 21 Nov 2026 08:00:30 GMT",
            },
            20.0,
        ),
        (
            {"anthropic-ratelimit-tokens-remaining": "5", "anthropic-ratelimit-tokens-reset": "2026-11-21T08:00:40Z"},
            None,
        ),
        (
            {"anthropic-ratelimit-tokens-remaining": "0", "anthropic-ratelimit-tokens-reset": "2026-11-21T08:00:40"},
            40.0,
        ),
        (
            {"anthropic-ratelimit-tokens-remaining": "0", "anthropic-ratelimit-tokens-reset": "2026-13-21T08:00:40Z"},
            None,
        ),
    ],
)
def test_only_what_is_used_up_is_waited_for(headers: dict[str, str], seconds: float | None) -> None:
    """All of it: the request needs the last of them too."""
    assert exhausted_wait_s(hints(headers, now_s=DATE_S)) == seconds


def test_a_reset_without_a_clock_is_no_advice() -> None:
    """Seconds since the epoch say nothing to somebody who does not know the time."""
    assert exhausted_wait_s(hints({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1772000000"})) is None


@pytest.mark.parametrize(
    ("message", "at"),
    [
        ("You will regain access on 2026-03-01 at 00:00 UTC.", datetime(2026, 3, 1, tzinfo=UTC)),
        ("You will regain access on 2026-03-01 at 13:30 UTC.", datetime(2026, 3, 1, 13, 30, tzinfo=UTC)),
        ("You will regain access on 2026-03-01 UTC.", datetime(2026, 3, 1, tzinfo=UTC)),
        ("You will regain access on 2026-13-01 at 00:00 UTC.", None),
        ("You will regain access soon.", None),
    ],
)
def test_a_date_may_stand_in_the_words(message: str, at: datetime | None) -> None:
    """As Anthropic says it of a spending limit."""
    assert said_date_s(message) == (None if at is None else at.timestamp())


@given(st.floats(1_200_000_000.0, 2_100_000_000.0))
def test_googles_day_ends_at_midnight_in_california(now_s: float) -> None:
    """Summer and winter, the days of change too."""
    utc = datetime.fromtimestamp(now_s, UTC)
    found = datetime.fromtimestamp(midnight_in_california_s(now_s), CALIFORNIA)
    assert (found.hour, found.minute, found.second) == (0, 0, 0)
    assert timedelta(0) < found - utc <= timedelta(hours=25)
    assert found.date() == utc.astimezone(CALIFORNIA).date() + timedelta(days=1)


@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        (datetime(2026, 3, 8, 7, 59, tzinfo=UTC), datetime(2026, 3, 8, 8, tzinfo=UTC)),
        (datetime(2026, 3, 8, 8, tzinfo=UTC), datetime(2026, 3, 9, 7, tzinfo=UTC)),
        (datetime(2026, 11, 1, 7, tzinfo=UTC), datetime(2026, 11, 2, 8, tzinfo=UTC)),
        (datetime(2026, 7, 1, 6, 59, 59, tzinfo=UTC), datetime(2026, 7, 1, 7, tzinfo=UTC)),
    ],
)
def test_the_days_of_change_have_23_and_25_hours(now: datetime, midnight: datetime) -> None:
    """The second Sunday of March, the first of November."""
    assert midnight_in_california_s(now.timestamp()) == midnight.timestamp()


@given(header=st.text(max_size=40), now_s=st.none() | st.floats(0, 4e9))
def test_nonsense_in_headers_and_words_is_no_advice_and_no_error(header: str, now_s: float | None) -> None:
    """A wait is a number of seconds within a day, or there is none."""
    one = Hints(header=lambda name: "0" if "remaining" in name else header, now_s=now_s)
    for wait_s in (asked_wait_s(one), exhausted_wait_s(one), said_wait_s(header)):
        assert wait_s is None or 0 <= wait_s <= 86_400
    assert said_date_s(header) is None


@given(st.datetimes(timezones=st.sampled_from([None, UTC, CALIFORNIA])))
def test_a_date_of_any_calendar_is_no_error(moment: datetime) -> None:
    """The first and the last days of it too."""
    text = moment.isoformat()
    found = exhausted_wait_s(hints({"x-ratelimit-remaining": "0", "x-ratelimit-reset": text}, now_s=DATE_S))
    assert found is not None
    assert 0 <= found <= 86_400
