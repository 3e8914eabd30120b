"""Sizes as people write them."""

from __future__ import annotations

import pytest

from pointsman.core.units import parse_bytes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("24GiB", 25_769_803_776),
        ("24 gib", 25_769_803_776),
        ("24", 25_769_803_776),
        ("24G", 25_769_803_776),
        ("24GB", 24_000_000_000),
        ("1.5 GB", 1_500_000_000),
        ("512MiB", 536_870_912),
        ("2T", 2 << 40),
        ("0", None),
        ("0.0 GB", None),
        ("-3GB", None),
        ("24 apples", None),
        ("", None),
        ("1e9", None),
    ],
)
def test_sizes(text: str, size: int | None) -> None:
    """Binary and decimal units are told apart; without a unit it is GiB, as cards are sold."""
    assert parse_bytes(text) == size
