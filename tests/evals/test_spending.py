"""Costs, hulls and choices, by hand and by their laws."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.evals.metrics import Floats
from pointsman.evals.spending import (
    Optimality,
    aiq,
    arena_score,
    ndch,
    optimality,
    oracle_choice,
    reached_at,
    robustness,
    shuffled_control,
)

POINTS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=12)
QUALITY = np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0], [1.0, 0.0]])
COST = np.array([[1.0, 4.0]] * 4)


def columns(points: list[tuple[int, int]]) -> tuple[Floats, Floats]:
    """Costs and qualities of *points*."""
    return np.array([float(x) for x, _ in points]), np.array([float(y) for _, y in points])


def test_the_hull_by_hand() -> None:
    """Neither the point under it nor the worse and dearer one are corners."""
    cost, quality = ndch(np.array([4.0, 1, 2, 3]), np.array([0.7, 0.5, 0.4, 0.8]))
    assert (cost.tolist(), quality.tolist()) == ([1, 3], [0.5, 0.8])


@given(POINTS)
def test_no_point_is_above_the_hull_and_it_bends_down(points: list[tuple[int, int]]) -> None:
    """It rises, ever less steeply."""
    cost, quality = columns(points)
    x, y = ndch(cost, quality)
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) > 0).all()
    assert (np.diff(np.diff(y) / np.diff(x)) < 1e-9).all()
    assert all(reached_at(float(at), cost, quality) >= worth - 1e-9 for at, worth in zip(cost, quality, strict=True))


def test_what_a_mix_reaches_for_a_spend() -> None:
    """On the line between the corners, flat after the last, nothing before the first."""
    cost, quality = np.array([1.0, 3.0]), np.array([0.5, 0.8])
    assert reached_at(2, cost, quality) == pytest.approx(0.65)
    assert reached_at(9, cost, quality) == 0.8
    assert isnan(reached_at(0.5, cost, quality))


def test_aiq_by_hand() -> None:
    """Half of the way rising, half flat; and none where the hull does not begin at the lowest cost."""
    assert aiq(np.array([0.0, 2.0]), np.array([0.4, 0.8]), 0, 4) == pytest.approx(0.7)
    with pytest.raises(ValueError, match="1 costs for 0 qualities"):
        ndch(np.ones(1), np.ones(0))
    with pytest.raises(ValueError, match="no hull from 0 to 4"):
        aiq(np.array([1.0, 2.0]), np.array([0.4, 0.8]), 0, 4)


@pytest.mark.parametrize(
    ("accuracy", "usd_per_1k", "score"),
    [
        (0.7396, 10.02, 64.32),
        (0.7814, 0.30, 76.12),
        (0.5869, 4.27, 55.48),
        (0.6721, 2.06, 63.87),
        (0.4704, 0.27, 48.07),
    ],
)
def test_arena_scores_are_those_of_the_leaderboard(accuracy: float, usd_per_1k: float, score: float) -> None:
    """Five of its rows, to the rounding of their costs."""
    assert 100 * arena_score(accuracy, usd_per_1k) == pytest.approx(score, abs=0.05)


def test_arena_scores_at_their_ends() -> None:
    """Dearer than the dearest is worth nothing; cheaper than the cheapest is no better than it."""
    assert arena_score(0.9, 500) == 0
    assert arena_score(0, 500) == 0
    assert arena_score(0.9, 0) == arena_score(0.9, 0.0044)


def test_robustness_by_hand() -> None:
    """One of four changes; as many variants as prompts."""
    assert robustness(["a", "b", "a", "a"], ["a", "b", "a", "b"]) == 0.75
    with pytest.raises(ValueError, match="0 variants of 1 prompts"):
        robustness(["a"], [])


def test_the_oracle_takes_the_cheapest_of_the_best() -> None:
    """Also where all of them fail."""
    assert oracle_choice(QUALITY, COST).tolist() == [0, 1, 0, 0]


def test_optimality_by_hand() -> None:
    """Always the strong one: of three answerable prompts one at its cheapest, 6 dollars where 12 were spent."""
    assert optimality(QUALITY, COST, np.array([1, 1, 1, 1])) == Optimality(selected=1 / 3, cost=6 / 12, accuracy=2 / 3)
    nothing = optimality(np.zeros((1, 2)), np.ones((1, 2)), np.array([0]))
    assert isnan(nothing.selected)
    assert isnan(nothing.accuracy)


def test_the_control_has_the_same_spend() -> None:
    """Shuffled choices of models of 0.5 and 0.5; where the choices cost more than chance, the rest buys quality."""
    assert shuffled_control(QUALITY, COST, np.array([0, 0, 1, 1])) == 0.5
    quality = np.array([[0.0, 1.0], [0.0, 1.0]])
    cost = np.array([[1.0, 2.0], [1.0, 6.0]])
    # Half each is 0.5 for 2.5 dollars in the mean. Spent were 3.5 (1 and 6): two thirds of the way to the strong one.
    assert shuffled_control(quality, cost, np.array([0, 1])) == pytest.approx(0.5 + 0.5 * (1.0 / 1.5))
    # The other way round 1.5 were spent: two thirds of the way to the weak one.
    assert shuffled_control(quality, cost, np.array([1, 0])) == pytest.approx(0.5 - 0.5 * (1.0 / 1.5))


@given(st.lists(st.integers(0, 1), min_size=4, max_size=4))
def test_always_the_same_model_is_its_own_control(choice: list[int]) -> None:
    """Nothing is known of the prompts, nothing is gained by shuffling."""
    same = np.full(4, choice[0])
    assert shuffled_control(QUALITY, COST, same) == QUALITY[:, choice[0]].mean()
