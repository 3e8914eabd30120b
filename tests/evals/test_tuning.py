"""What can be turned at which router, and what the tiers of a file's models are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pointsman.core.catalog import Tier
from pointsman.core.errors import InvalidRequest
from pointsman.evals.datasets import Row
from pointsman.evals.ladder import Ladder
from pointsman.evals.routers import length
from pointsman.evals.tuning import column_of, compat_tuning, listed_tuning, score_tuning, tiers_of
from pointsman.routing.complexity import ComplexitySettings, KeywordTierRule, score
from pointsman.testing import a_router

PROMPTS = (
    "Hi",
    "Write a python function that sorts a list",
    "Think step by step and reason through the proof: analyze this algorithm's complexity",
    "Translate this poem for grandma",
)
ROWS = [Row(id=str(at), request={"prompt": text}, text=text) for at, text in enumerate(PROMPTS)]
TIERS = tuple(Tier)
EVERY = np.arange(len(ROWS))


def quiet(_more: int) -> None:
    """Nobody watches."""


@pytest.mark.parametrize("floor", [None, 0.0, 0.9])
def test_with_the_boundaries_in_force_it_chooses_what_the_scorer_does(floor: float | None) -> None:
    """Overrides by two markers and rules by keyword included."""
    rule = KeywordTierRule(keywords=("grandma",), tier=Tier.COMPLEX)
    settings = replace(ComplexitySettings(), reasoning_override_min_score=floor, keyword_tier_rules=(rule,))
    found = compat_tuning(ROWS, TIERS, settings, quiet)
    wanted = [score(text, settings).tier.rank for text in PROMPTS[:3]] + [Tier.COMPLEX.rank]
    assert found.in_force is not None
    assert found.in_force.tolist() == wanted
    assert found.knob.choices((0.15, 0.35, 0.60), EVERY).tolist() == wanted


def test_any_score_has_boundaries_without_a_place_in_the_configuration() -> None:
    """Such as the length."""
    found = score_tuning(ROWS, 2, length(), quiet)
    assert found.knob.choices((20.0,), EVERY).tolist() == [0, 1, 1, 1]
    assert (found.knob.named((20.0,)), found.in_force) == ({}, None)


def test_a_router_can_be_asked_at_each_setting() -> None:
    """A tier that the file has no model of is served by the one under it."""
    decided = {0.5: (Tier.SIMPLE, Tier.MEDIUM), 0.8: (Tier.MEDIUM, Tier.REASONING)}
    found = listed_tuning([0.5, 0.8], decided.__getitem__, (Tier.SIMPLE, Tier.COMPLEX), name="target", in_force=0.8)
    assert found.in_force is not None
    assert found.in_force.tolist() == [0, 1]
    assert found.knob.choices((0.5,), np.arange(2)).tolist() == [0, 0]


def test_tiers_are_those_of_the_configuration_else_go_by_order() -> None:
    """A model in two tiers, or tiers out of order, tell nothing."""
    router = a_router({Tier.SIMPLE: ["a"], Tier.MEDIUM: ["b", "both"], Tier.COMPLEX: ["both"]})
    assert tiers_of(Ladder(models=("a", "b")), router) == ((Tier.SIMPLE, Tier.MEDIUM), True)
    assert tiers_of(Ladder(models=("b", "a")), router) == ((Tier.SIMPLE, Tier.COMPLEX), False)
    assert tiers_of(Ladder(models=("a", "both", "x")), router)[0] == (Tier.SIMPLE, Tier.MEDIUM, Tier.REASONING)
    assert tiers_of(Ladder(models=("small", "frontier"), are_tiers=True), None) == ((Tier.SIMPLE, Tier.REASONING), True)
    with pytest.raises(InvalidRequest, match="There are four tiers, and the file has 5 models"):
        tiers_of(Ladder(models=tuple("abcde")), None)


def test_a_tier_without_a_model_is_served_by_the_one_under_it() -> None:
    """Or by the weakest."""
    assert [column_of(tier, (Tier.MEDIUM, Tier.REASONING)) for tier in Tier] == [0, 0, 0, 1]
