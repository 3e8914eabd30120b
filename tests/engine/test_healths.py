"""Healths as others see them."""

from __future__ import annotations

import pytest

from pointsman.core.health import Cause, Health, HealthState
from pointsman.engine.healths import in_words, named, of_card, of_catalog, to_json
from pointsman.testing import a_card, a_catalog

PRO, FLASH = a_card("pro", is_local=False), a_card("flash", is_local=False)
NOW_S = 1000.0
COOLING = Health(subject="pro", state=HealthState.COOLING, cause=Cause.CAPACITY, since_s=NOW_S, until_s=NOW_S + 12)
SHUT = Health(subject="cloud", is_endpoint=True, state=HealthState.DOWN, cause=Cause.AUTH, since_s=NOW_S)


def test_whoever_is_not_known_to_be_unwell_is_well() -> None:
    """Models first, each endpoint once."""
    assert of_catalog(a_catalog(PRO, FLASH), [COOLING]) == [
        COOLING,
        Health(subject="flash"),
        Health(subject="cloud", is_endpoint=True),
    ]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("pro", [(False, "pro"), (False, "pro#2"), (True, "cloud"), (True, "home")]),
        ("best", [(False, "pro"), (False, "pro#2"), (True, "cloud"), (True, "home")]),
        ("pro#2", [(False, "pro#2"), (True, "home")]),
        ("cloud", [(True, "cloud")]),
        ("nobody", []),
    ],
)
def test_a_model_is_named_with_its_endpoints(name: str, found: list[tuple[bool, str]]) -> None:
    """An endpoint alone, one deployment alone."""
    catalog = a_catalog(PRO, FLASH, a_card("pro", id="pro#2"), aliases={"best": "pro"})
    assert named(catalog, name) == found


def test_the_worse_of_a_model_and_its_endpoint_counts() -> None:
    """A model that cools behind a shut door is behind a shut door."""
    assert [of_card(card, [COOLING, SHUT]) for card in (PRO, a_card("near"))] == [SHUT, Health(subject="near")]
    assert of_card(PRO, [COOLING]) == COOLING


def test_a_healthy_model_has_no_times() -> None:
    """In JSON."""
    shown = to_json(Health(subject="pro", since_s=5.0))
    assert (shown["state"], shown["since_s"], shown["until_s"]) == ("healthy", None, None)


@pytest.mark.parametrize(
    ("health", "words"),
    [
        (Health(subject="pro"), "healthy"),
        (COOLING, "cooling for 12 s (capacity)"),
        (SHUT, "down (auth)"),
        (
            Health(subject="a", state=HealthState.DOWN, cause=Cause.QUOTA, until_s=NOW_S + 3000),
            "down for 50 min (quota)",
        ),
        (Health(subject="a", state=HealthState.DOWN, cause=Cause.QUOTA, until_s=NOW_S + 30000), "down for 8 h (quota)"),
        (Health(subject="a", state=HealthState.COOLING, cause=Cause.NETWORK, until_s=NOW_S), "cooling (network)"),
    ],
)
def test_a_health_in_a_few_words(health: Health, words: str) -> None:
    """The state, how long it lasts, why."""
    assert in_words(health, NOW_S) == words
