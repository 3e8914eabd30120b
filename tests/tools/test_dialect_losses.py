"""The page of what is lost between two APIs."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.dialects.registry import SURFACES, UPSTREAMS
from tools.dialect_losses import PROBES, WITHOUT_EFFECT, fate, page

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "dialect-losses.md"


def test_the_page_is_current() -> None:
    """When this fails: python tools/dialect_losses.py."""
    assert PAGE.read_text("utf-8") == page()


def test_every_api_that_both_sides_speak_is_measured() -> None:
    """A new dialect needs its probes."""
    assert set(PROBES) == set(SURFACES) & set(UPSTREAMS)


@pytest.mark.parametrize("surface", PROBES)
def test_nothing_is_lost_in_silence(surface: str) -> None:
    """A setting is carried, dropped by name, or refused: with one exception it never just vanishes."""
    silent = {
        (upstream, probe)
        for upstream in UPSTREAMS
        for probe in PROBES[surface]
        if probe and fate(surface, upstream, probe) == WITHOUT_EFFECT
    }
    assert silent == set()
