"""The ridge regression finds what numpy's own solver finds."""

from __future__ import annotations

import numpy as np
import pytest

from pointsman.evals.training.cuts import fitted
from pointsman.evals.training.design import Design, ridge


def design_of(dense: np.ndarray, sparse: np.ndarray) -> Design:
    """A design of both blocks."""
    example, row = np.nonzero(sparse)
    return Design(dense, example, row, sparse[example, row], sparse.shape[1])


def test_the_ridge_is_that_of_the_normal_equations() -> None:
    """Weighted, with a bias that is not penalised."""
    chance = np.random.default_rng(1)
    dense, sparse = chance.normal(size=(60, 3)), chance.binomial(1, 0.3, (60, 5)).astype(float)
    target, weight = chance.normal(size=60), chance.uniform(0.5, 2.0, 60)
    found, bias = ridge(design_of(dense, sparse), target, weight, penalty=2.0)
    whole = np.hstack((dense, sparse, np.ones((60, 1))))
    penalty = np.diag([2.0] * 8 + [0.0])
    exact = np.linalg.solve(whole.T @ (weight[:, None] * whole) + penalty, whole.T @ (weight * target))
    assert [*found, bias] == pytest.approx(exact.tolist(), abs=1e-3)


def test_a_part_of_the_examples() -> None:
    """Their rows follow them."""
    sparse = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]])
    part = design_of(np.arange(3.0)[:, None], sparse).of(np.array([True, False, True]))
    assert part.times(np.array([1.0, 10.0, 100.0])).tolist() == [10.0, 32.0]
    assert part.transposed_times(np.array([1.0, 1.0])).tolist() == [2.0, 4.0, 0.0]
    assert part.width == 3


def test_cuts_lie_between_the_tiers() -> None:
    """Where the tiers are apart all prompts get theirs, and the noise is small."""
    tiers = np.repeat(np.arange(4), 50)
    difficulty = tiers + np.random.default_rng(2).uniform(-0.3, 0.3, 200)
    found = fitted(difficulty, tiers, np.array(["one"] * 200))
    assert all(at + 0.2 < cut < at + 0.8 for at, cut in enumerate(found.cuts))
    assert found.noise < 0.4
    assert found.told == {"one": {"prompts": 200, "exact": 1.0, "two_too_low": 0.0}}
