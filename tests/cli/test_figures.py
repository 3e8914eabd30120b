"""Figures as a person reads them."""

from __future__ import annotations

import pytest

from pointsman.cli import options
from pointsman.cli.figures import count, dollars, duration, share, window
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
