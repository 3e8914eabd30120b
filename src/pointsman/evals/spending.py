"""What routing costs and what it is worth: pure functions of costs, qualities and choices.

From RouterBench, arXiv 2403.12031: NDCH, AIQ. From RouterArena, arXiv 2510.00202: its score, robustness, Opt.*.
Matrices are prompts × models; a choice is a column's number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

import numpy as np
from numpy.typing import NDArray

from pointsman.evals.metrics import Floats

Choices = NDArray[np.intp]

_ARENA_BETA = 0.1
_ARENA_MOST_USD = 200.0
_ARENA_LEAST_USD = 0.0044


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimality:
    """RouterArena's figures beside the cheapest right model of each prompt.

    `selected`: share of prompts that some model answers and that went to the cheapest which does. `cost`: what those
    would have cost / what was spent. `accuracy`: what was reached / what could be.
    """

    selected: float
    cost: float
    accuracy: float


def ndch(cost: Floats, quality: Floats) -> tuple[Floats, Floats]:
    """The non-decreasing convex hull of points: what a random mix of them reaches for each cost, at best.

    Costs and qualities of its corners, from the cheapest point to the best. Points (1, 0.5), (2, 0.4), (3, 0.8),
    (4, 0.7): corners (1, 0.5), (3, 0.8).
    """
    if len(cost) != len(quality) or len(cost) == 0:
        raise ValueError(f"{len(cost)} costs for {len(quality)} qualities")
    order = np.lexsort((-quality, cost))
    corners: list[tuple[float, float]] = []
    for x, y in zip(cost[order].tolist(), quality[order].tolist(), strict=True):
        if corners and y <= corners[-1][1]:
            continue
        while len(corners) > 1 and _is_below(corners[-2], corners[-1], (x, y)):
            corners.pop()
        corners.append((x, y))
    return np.array([x for x, _ in corners]), np.array([y for _, y in corners])


def reached_at(spend: float, cost: Floats, quality: Floats) -> float:
    """The hull's quality for *spend*; flat beyond its last corner, NaN below its first."""
    corners_x, corners_y = ndch(cost, quality)
    if spend < corners_x[0] * (1 - 1e-9):
        return float("nan")
    return float(np.interp(spend, corners_x, corners_y))


def aiq(cost: Floats, quality: Floats, lowest: float, highest: float) -> float:
    """Average improvement in quality: the mean height of the hull from cost *lowest* to *highest*, flat at its end.

    Points (0, 0.4) and (2, 0.8), from 0 to 4: (0.6 · 2 + 0.8 · 2) / 4 = 0.7. Compared routers need the same bounds.
    A hull that begins above *lowest* has no height there: ValueError.
    """
    corners_x, corners_y = ndch(cost, quality)
    if not lowest < highest or corners_x[0] > lowest + 1e-9 * abs(highest):
        raise ValueError(f"no hull from {lowest} to {highest}: it begins at {corners_x[0]}")
    inner = corners_x[(corners_x > lowest) & (corners_x < highest)]
    at = np.concatenate([[lowest], inner, [highest]])
    height = np.interp(at, corners_x, corners_y)
    return float(np.sum(np.diff(at) * (height[1:] + height[:-1]) / 2) / (highest - lowest))


def arena_score(accuracy: float, usd_per_1k: float) -> float:
    """RouterArena's score, 0..1: (1 + b) A C / (b A + C), b = 0.1, with C from the cost of a thousand prompts.

    C = (log2 200 - log2 c) / (log2 200 - log2 0.0044), held within 0..1. A = 0.7396 at $10.02: C = 0.2791, score 0.6432
    (GPT-5 alone on its leaderboard).
    """
    cost = max(usd_per_1k, _ARENA_LEAST_USD)
    cheapness = max(0.0, (log2(_ARENA_MOST_USD) - log2(cost)) / (log2(_ARENA_MOST_USD) - log2(_ARENA_LEAST_USD)))
    divisor = _ARENA_BETA * accuracy + cheapness
    return (1 + _ARENA_BETA) * accuracy * cheapness / divisor if divisor > 0 else 0.0


def robustness(chosen: Sequence[str], chosen_for_variants: Sequence[str]) -> float:
    """1 - the share of prompts whose model changes when the prompt is said in another way. Changes in 1 of 4: 0.75."""
    if len(chosen) != len(chosen_for_variants) or not chosen:
        raise ValueError(f"{len(chosen_for_variants)} variants of {len(chosen)} prompts")
    return sum(one == other for one, other in zip(chosen, chosen_for_variants, strict=True)) / len(chosen)


def oracle_choice(quality: Floats, cost: Floats) -> Choices:
    """For each prompt the cheapest of the models that do best on it. Qualities 0, 1, 1 at costs 1, 3, 2: the last."""
    best = quality >= quality.max(axis=1, keepdims=True)
    choice: Choices = np.argmin(np.where(best, cost, np.inf), axis=1)
    return choice


def optimality(quality: Floats, cost: Floats, choice: Choices) -> Optimality:
    """RouterArena's Opt.Sel, Opt.Cost and Opt.Acc of *choice*; NaN where nothing can be reached or was spent.

    An answer is right that is worth 1. Prompts that no model gets right count for the accuracy only.
    """
    rows = np.arange(len(choice))
    right = quality >= 1 - 1e-9
    answered = right.any(axis=1)
    best = np.argmin(np.where(right, cost, np.inf), axis=1)
    spent, least = float(cost[rows, choice][answered].sum()), float(cost[rows, best][answered].sum())
    could = float(quality.max(axis=1).sum())
    return Optimality(
        selected=float(np.mean((choice == best)[answered])) if bool(answered.any()) else float("nan"),
        cost=least / spent if spent > 0 else float("nan"),
        accuracy=float(quality[rows, choice].sum()) / could if could > 0 else float("nan"),
    )


def shuffled_control(quality: Floats, cost: Floats, choice: Choices, weights: Floats | None = None) -> float:
    """The quality of the same choices dealt to the prompts at random, at the same spend: in expectation, exactly.

    Shuffled, a model gets its share of calls of any prompt: Σ share · mean quality, for Σ share · mean cost. Where that
    costs less than was spent, calls go over to the best model that costs more, else to the best that costs less, until
    the spend is equal. A router that beats this knows more of the prompts than how many calls each model should get.
    Two models of mean quality 0.4 and 0.8, half of the calls each, all prompts alike in cost: 0.6.
    *weights* says how often each prompt counts, for resampling; else once.
    """
    weight = (np.ones(len(choice)) if weights is None else weights) / (
        len(choice) if weights is None else weights.sum()
    )
    share = np.bincount(choice, weight, minlength=quality.shape[1])
    mean_quality, mean_cost = weight @ quality, weight @ cost
    mixed_quality, mixed_cost = float(share @ mean_quality), float(share @ mean_cost)
    missing = float(weight @ cost[np.arange(len(choice)), choice]) - mixed_cost
    if abs(missing) <= 1e-9 * max(mixed_cost, 1e-300):
        return mixed_quality
    towards = mean_cost > mixed_cost if missing > 0 else mean_cost < mixed_cost
    if not bool(towards.any()):
        return mixed_quality
    target = int(np.argmax(np.where(towards, mean_quality, -np.inf)))
    part = min(1.0, missing / float(mean_cost[target] - mixed_cost))
    return mixed_quality + part * (float(mean_quality[target]) - mixed_quality)


def _is_below(first: tuple[float, float], middle: tuple[float, float], last: tuple[float, float]) -> bool:
    """Whether *middle* is on or under the line from *first* to *last*."""
    return (middle[1] - first[1]) * (last[0] - first[0]) <= (last[1] - first[1]) * (middle[0] - first[0])
