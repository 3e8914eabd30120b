"""How well a score sends prompts to a weak or a strong model: pure functions of arrays, one entry for each prompt.

    score    higher: rather the strong model. Its scale does not matter, only its order.
    weak     what the weak model's answer to the prompt is worth, 0..1
    strong   the same for the strong one

Prompts of equal score are in no order: what is given then is the mean over all their orders, exactly. The curve is
straight through such a group, so that a score of few values is neither helped nor hurt by how a sort breaks ties.

From RouteLLM, arXiv 2406.18665: PGR, APGR (by area, as its code has it), CPT.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator

Floats: TypeAlias = NDArray[np.float64]

CHUNK = 4_000_000
"""Weights held at once while resampling: 32 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Mean quality over the share of prompts that the strong model gets, 0..1; straight between the points."""

    share: Floats
    quality: Floats


@dataclass(frozen=True, slots=True)
class Interval:
    """What a figure lies between; NaN where it cannot be told."""

    low: float
    high: float


def curve(score: Floats, weak: Floats, strong: Floats) -> Curve:
    """The quality for each share of strong calls, highest scores first.

    Scores 3, 2, 2, 1, of which the first and the last prompt need the strong model: quality 0.5, 0.75, 0.75, 1 at the
    shares 0, 1/4, 3/4, 1.
    """
    _check(score, weak, strong)
    order, starts = _groups(score)
    gain = np.add.reduceat((strong - weak)[order], starts)
    sizes = np.diff(np.append(starts, len(score)))
    share = np.append(0.0, np.cumsum(sizes)) / len(score)
    quality = float(np.mean(weak)) + np.append(0.0, np.cumsum(gain)) / len(score)
    return Curve(share=share, quality=quality)


def pgr(quality: float, weak: float, strong: float) -> float:
    """Performance gap recovered: (quality - weak) / (strong - weak), of means; NaN when the strong one is no better.

    0.6 between 0.5 and 0.9: 0.25.
    """
    return (quality - weak) / (strong - weak) if strong > weak else float("nan")


def apgr(score: Floats, weak: Floats, strong: Floats) -> float:
    """Average PGR: the area under PGR over the share of strong calls, 0 → 1, by trapezoids.

    0.5: no better than chance, as when all scores are equal; `oracle_score` gives the most there is.
    Two prompts of which one needs the strong model and is first: (0 + 1)/2 · 1/2 + (1 + 1)/2 · 1/2 = 0.75.
    NaN when the strong model is no better.
    """
    _check(score, weak, strong)
    return float(weighted_apgr(score, strong - weak, np.ones((1, len(score))))[0])


def weighted_apgr(score: Floats, gain: Floats, weights: Floats) -> Floats:
    """APGR for each row of *weights* (rows × prompts), which says how often each prompt counts."""
    order, starts = _groups(score)
    ordered = weights[:, order]
    sizes = np.add.reduceat(ordered, starts, axis=1)
    gains = np.add.reduceat(ordered * gain[order], starts, axis=1)
    reached = np.cumsum(gains, axis=1)
    area = np.sum(sizes * (reached - gains / 2), axis=1)
    # A gap of rounding errors is no gap: without it, equal models would get an APGR of noise.
    gap, count = reached[:, -1], np.sum(sizes, axis=1)
    result = np.full(len(weights), np.nan)
    np.divide(area, gap * count, out=result, where=gap > 1e-9 * count)
    return result


def cpt(score: Floats, weak: Floats, strong: Floats, level: float) -> float:
    """Call-performance threshold: the least share of strong calls that reaches PGR = *level*, 0..1.

    A random score needs *level* itself: CPT(0.8) = 0.8. The example of `apgr`: CPT(0.5) = 0.25.
    NaN when the strong model is no better.
    """
    found = curve(score, weak, strong)
    low, high = float(found.quality[0]), float(found.quality[-1])
    if not high - low > 1e-9:
        return float("nan")
    recovered = (found.quality - low) / (high - low)
    at = int(np.argmax(recovered >= level - 1e-12))  # the last point is 1
    if at == 0:
        return 0.0
    before, after = recovered[at - 1], recovered[at]
    part = min(1.0, (level - before) / (after - before))
    return float(found.share[at - 1] + part * (found.share[at] - found.share[at - 1]))


def oracle_score(weak: Floats, strong: Floats) -> Floats:
    """The score of who knows each prompt's outcome: what the strong model gains. No score has a larger APGR."""
    return strong - weak


def difficulty_score(outcomes: Floats) -> Floats:
    """The mean failure of other models, from their *outcomes* (prompts × models, NaN where unknown).

    The score of who knows how hard a prompt is for models in general, and nothing of the two that are compared. A
    prompt that no other model was asked gets the mean of the rest. Outcomes 1, 0, 0: 2/3.
    """
    known = ~np.isnan(outcomes)
    count = known.sum(axis=1)
    failed = np.where(known, 1 - outcomes, 0.0).sum(axis=1)
    score = np.divide(failed, count, out=np.full(len(outcomes), np.nan), where=count > 0)
    rest = float(np.mean(score[count > 0])) if bool((count > 0).any()) else 0.5
    return np.where(count > 0, score, rest)


def rank_correlation(first: Floats, second: Floats) -> float:
    """Spearman's rho: the correlation of ranks, ties at their mean rank; NaN when one of them never changes.

    1, 2, 3 beside 1, 3, 2: 0.5.
    """
    ranks = [_ranks(first), _ranks(second)]
    if any(float(np.ptp(rank)) == 0 for rank in ranks):
        return float("nan")
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def resamples(count: int, times: int, seed: int) -> Iterator[Floats]:
    """Bootstrap: how often each of *count* prompts is drawn, in *times* draws with replacement; a chunk at a time.

    The same seed gives the same draws, so that figures of several routers over the same prompts are paired.
    """
    random = np.random.default_rng([seed, count])
    step = max(1, CHUNK // max(1, count))
    for start in range(0, times, step):
        rows = min(step, times - start)
        drawn = random.integers(0, count, size=(rows, count)) + np.arange(rows)[:, None] * count
        yield np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count).astype(np.float64)


def interval(samples: Floats, level: float = 0.95) -> Interval:
    """The middle *level* of resampled figures; NaN when one in twenty of them or more cannot be told."""
    known = samples[~np.isnan(samples)]
    if len(known) == 0 or len(known) <= 0.95 * len(samples):
        return Interval(float("nan"), float("nan"))
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def _groups(score: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The order from the highest score down, and where in it each group of equal scores begins."""
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    return order, np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))


def _ranks(values: Floats) -> Floats:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return (last - (count - 1) / 2)[place]


def _check(score: Floats, weak: Floats, strong: Floats) -> None:
    if not len(score) == len(weak) == len(strong) or len(score) == 0:
        raise ValueError(f"{len(score)} scores for {len(weak)} weak and {len(strong)} strong outcomes")
    if bool(np.isnan(score).any()):
        raise ValueError("a score is NaN")
