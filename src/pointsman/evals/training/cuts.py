"""Where one tier ends and the next begins on the scale of difficulty, and how far off the scale is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from pointsman.core.values import value_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]
    Ints = NDArray[np.int64]

CANDIDATES: Final = 60
ROUNDS: Final = 4
TIERS: Final = 4
TOO_HIGH: Final = 0.75
"""What a tier too high counts beside one too low: money against a bad answer."""


@value_type
class Tiered:
    """The three cuts, the noise in steps of difficulty, and how often the tier is right, by source."""

    cuts: tuple[float, float, float]
    noise: float
    told: Mapping[str, Mapping[str, float]]


def fitted(difficulty: Doubles, tiers: Ints, sources: NDArray[np.str_]) -> Tiered:
    """The cuts by which prompts are least far from their tier; one too low counts 1, one too high TOO_HIGH.

    Prompts of a rare tier and source weigh more, by the root.

    The noise is what makes the mean of the chance said for the true tier greatest (maximum likelihood).
    """
    weight = np.zeros(len(tiers))
    for source in set(sources.tolist()):
        for tier in range(TIERS):
            at = (sources == source) & (tiers == tier)
            weight[at] = 1.0 / max(1.0, at.sum()) ** 0.5  # halfway between each prompt and each tier alike
    cuts = [float(np.quantile(difficulty, share)) for share in (0.3, 0.6, 0.85)]
    for _ in range(ROUNDS):
        for at in range(TIERS - 1):
            low = cuts[at - 1] if at else float(difficulty.min())
            high = cuts[at + 1] if at + 1 < len(cuts) else float(difficulty.max())
            tried = np.linspace(low, high, CANDIDATES)
            off = [_off(difficulty, tiers, weight, [*cuts[:at], one, *cuts[at + 1 :]]) for one in tried]
            cuts[at] = float(tried[int(np.argmin(off))])
    first, second, third = cuts
    noises = np.linspace(0.1, 2.5, CANDIDATES)
    likely = [_likelihood(difficulty, tiers, weight, cuts, noise) for noise in noises]
    told = {}
    for source in sorted(set(sources.tolist())):
        at = sources == source
        far = np.digitize(difficulty[at], cuts) - tiers[at]
        told[source] = {
            "prompts": int(at.sum()),
            "exact": round(float((far == 0).mean()), 3),
            "two_too_low": round(float((far <= -2).mean()), 3),
        }
    return Tiered(cuts=(first, second, third), noise=float(noises[int(np.argmax(likely))]), told=told)


def _off(difficulty: Doubles, tiers: Ints, weight: Doubles, cuts: list[float]) -> float:
    """How far off, in tiers."""
    off = np.digitize(difficulty, cuts) - tiers
    return float((weight * np.where(off < 0, -off, TOO_HIGH * off)).sum())


def _likelihood(difficulty: Doubles, tiers: Ints, weight: Doubles, cuts: list[float], noise: float) -> float:
    edges = np.array([-1e9, *cuts, 1e9])
    chance = _below((edges[tiers + 1] - difficulty) / noise) - _below((edges[tiers] - difficulty) / noise)
    return float((weight * np.log(np.maximum(chance, 1e-6))).sum())


def _below(deviations: Doubles) -> Doubles:
    """The normal distribution function, by the logistic's likeness to it (off by less than 0.01)."""
    found: Doubles = 1.0 / (1.0 + np.exp(-np.clip(1.702 * deviations, -50, 50)))
    return found
