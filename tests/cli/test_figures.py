"""Figures as a person reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pointsman.cli import options
from pointsman.cli.figures import about, again, count, dollars, duration, share, span, window
from pointsman.core.catalog import Tier


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (None, "–"),
        (0.0, "$0"),
        (0.0105, "$0.0105"),
        (0.5, "$0.5"),
        (1.5, "$1.50"),
        (-0.002, "-$0.002"),
        (1234.5, "$1,234.50"),
        (1e-9, "<$0.000001"),
    ],
)
def test_money(amount: float | None, shown: str) -> None:
    """Cents where they matter, fractions of them where they do not add up to one."""
    assert dollars(amount) == shown


@pytest.mark.parametrize(
    ("ms", "shown"),
    [(None, "–"), (0.084, "84 µs"), (12.3, "12 ms"), (420, "0.4 s"), (59_940, "59.9 s"), (125_000, "2 min 5 s")],
)
def test_durations(ms: float | None, shown: str) -> None:
    """In the unit that needs the fewest digits."""
    assert duration(ms) == shown


@pytest.mark.parametrize(
    ("tokens", "shown"),
    [(None, "–"), (4096, "4K"), (128_000, "128K"), (1_048_576, "1M"), (1_000_000, "1M"), (777, "777")],
)
def test_context_windows(tokens: int | None, shown: str) -> None:
    """As model cards write them."""
    assert window(tokens) == shown


def test_counts_and_shares() -> None:
    """With a dash for what is not known."""
    assert [count(1234), count(None), share(0.934), share(None)] == ["1,234", "–", "93 %", "–"]


def test_the_tiers_that_options_take_are_the_tiers_there_are() -> None:
    """The list is written out for speed; this keeps it true."""
    assert {Tier.parse(name) for name in options.TIER_NAMES} == set(Tier)
    assert set(Tier) <= set(options.TIER_NAMES)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.2, "1 s"),
        (12, "12 s"),
        (240, "4 min"),
        (3599, "1 h"),
        (3 * 3600 + 12 * 60, "3 h 12 min"),
        (24 * 3600, "1 d"),
        (52 * 3600, "2 d 4 h"),
    ],
)
def test_spans_of_time(seconds: float, shown: str) -> None:
    """Two units at most."""
    assert span(seconds) == shown


NOW = datetime(2026, 11, 21, 5, 48, tzinfo=UTC)


@pytest.mark.parametrize(
    ("later", "shown"),
    [
        (timedelta(seconds=12), "again in 12 s"),
        (timedelta(hours=3, minutes=12), "again at 09:00, in 3 h 12 min"),
        (timedelta(hours=20), "again tomorrow at 01:48, in 20 h"),
        (timedelta(days=3), "again on Tue 24 Nov at 05:48, in 3 d"),
    ],
)
def test_when_something_may_be_asked_again(later: timedelta, shown: str) -> None:
    """By the clock, with the day where it is another."""
    assert again(NOW + later, NOW) == shown


@pytest.mark.parametrize(("amount", "shown"), [(0.004215, "$0.0042"), (0.0, "$0"), (1.234, "$1.20"), (12.6, "$13.00")])
def test_estimates_have_two_digits(amount: float, shown: str) -> None:
    """More would be pretence."""
    assert about(amount) == shown
