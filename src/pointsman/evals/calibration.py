"""Whether a stated probability means what it says: pure functions of arrays, one entry for each statement."""

from __future__ import annotations

import numpy as np

from pointsman.evals.metrics import Floats

BINS = 10


def brier(probability: Floats, outcome: Floats) -> float:
    """Mean squared distance of *probability* and *outcome* (0..1); Brier 1950. 0 is perfect, always 0.5 gives 0.25.

    0.8 for a success and 0.3 for a failure: (0.04 + 0.09) / 2 = 0.065.
    """
    _check(probability, outcome)
    return float(np.mean((probability - outcome) ** 2))


def ece(probability: Floats, outcome: Floats, bins: int = BINS) -> float:
    """Expected calibration error: Σ |bin| / n · |mean outcome - mean probability|, over *bins* of equal width.

    Naeini et al. 2015; Guo et al., arXiv 1706.04599. 0.9 twice and 0.1 twice, with outcomes 1, 0 and 0, 0:
    2/4 · |0.5 - 0.9| + 2/4 · |0 - 0.1| = 0.25.
    """
    _check(probability, outcome)
    index = np.minimum((probability * bins).astype(np.intp), bins - 1)
    apart = np.bincount(index, outcome - probability, minlength=bins)
    return float(np.sum(np.abs(apart)) / len(probability))


def _check(probability: Floats, outcome: Floats) -> None:
    if len(probability) != len(outcome) or len(outcome) == 0:
        raise ValueError(f"{len(probability)} probabilities for {len(outcome)} outcomes")
    if not bool(((probability >= 0) & (probability <= 1)).all()):
        raise ValueError("a probability is not within 0..1")
