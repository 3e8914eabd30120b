"""Probabilities against what happened, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pointsman.evals.calibration import brier, ece


def test_brier_by_hand() -> None:
    """0.8 for a success and 0.3 for a failure."""
    assert brier(np.array([0.8, 0.3]), np.array([1.0, 0.0])) == pytest.approx(0.065)


def test_ece_by_hand() -> None:
    """Two bins, half of the statements each; and 1.0 is in the last bin."""
    assert ece(np.array([0.9, 0.9, 0.1, 0.1]), np.array([1.0, 0.0, 0.0, 0.0])) == pytest.approx(0.25)
    assert ece(np.array([1.0, 0.0]), np.array([1.0, 0.0])) == 0


@pytest.mark.parametrize(
    ("probability", "message"), [([0.5], "1 probabilities for 2 outcomes"), ([0.5, 1.2], "not within")]
)
def test_what_is_no_probability_is_refused(probability: list[float], message: str) -> None:
    """Before it gives a figure."""
    with pytest.raises(ValueError, match=message):
        ece(np.array(probability), np.array([1.0, 0.0]))
