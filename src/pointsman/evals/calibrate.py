"""Picks a router's setting for a budget, a quality or a share of strong calls, and says what to expect of it.

What to expect is measured on prompts that the setting was not picked on: of each source in turn where there are
several, else of each of five parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from pointsman.core.errors import InvalidRequest
from pointsman.evals.figures import Figure
from pointsman.evals.metrics import Floats, resamples
from pointsman.evals.pairs import MIN_ROWS, with_interval
from pointsman.evals.spending import Choices, ndch, shuffled_control

if TYPE_CHECKING:
    from pointsman.evals.knobs import Knob, Rows, Setting
    from pointsman.evals.pairs import Setting as Resampling

PARTS = 5
_SLACK = 1e-12
BY_SOURCE, BY_PART = "by source", f"by {PARTS} parts"


class Aim(StrEnum):
    """What is given; the rest is made the best of."""

    BUDGET = "budget"
    QUALITY = "quality"
    STRONG_SHARE = "strong_share"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """US dollars for 1,000 prompts at most, a mean quality at least, or a share of calls to the strong model at most.

    Of a ladder of three or four, a call to a model between counts as a part of a strong one, by its place.
    """

    aim: Aim
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is known of the prompts: a matrix of qualities, one of costs (USD; None where not known), and sources."""

    quality: Floats
    cost: Floats | None
    sources: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """What choices come to. `gain`: quality beyond the same calls dealt at random for the same spend."""

    quality: Figure
    usd_per_1k: Figure | None
    shares: tuple[float, ...]  # of calls, by column
    gain: Figure
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """The setting for all prompts, what it reaches on them, and what the way of picking it reaches on others."""

    goal: Goal
    setting: Setting
    named: Mapping[str, float]
    split: str
    fitted: Reached
    held_out: Reached
    by_source: Mapping[str, Reached]  # held out
    settings: Mapping[str, Setting]  # of each source or part, as picked without it
    frontier: tuple[tuple[float, ...], tuple[float, ...]]  # spend and quality, fitted
    singles: tuple[Reached, ...]  # each model for everything
    in_force: Reached | None = None


def calibrate(
    knob: Knob,
    problem: Problem,
    goal: Goal,
    resampling: Resampling,
    *,
    in_force: Choices | None = None,
    advance: Callable[[float], None] = lambda _share: None,
) -> Calibrated:
    """The best setting of *knob*; *advance* is told shares of 1. InvalidRequest when no setting reaches *goal*."""
    quality, spend = problem.quality, _spend(problem, goal)
    count = len(quality)
    if count < MIN_ROWS:
        raise InvalidRequest(f"Only {count} prompts have outcomes of all the models; {MIN_ROWS} are needed.")
    every = np.arange(count)
    at = _best(knob.means(quality, every), knob.means(spend, every), goal, must=True)
    choice = np.zeros(count, dtype=np.intp)
    picked: dict[str, Setting] = {}
    split, folds = _folds(problem.sources, resampling.seed)
    for name, members in folds:
        others = np.setdiff1d(every, members)
        here = _best(knob.means(quality, others), knob.means(spend, others), goal)
        picked[name] = knob.settings[here]
        choice[members] = knob.choices(picked[name], members)
    advance(0.3)
    columns = range(quality.shape[1])
    measured = _Measure(problem, resampling)
    sources = sorted(set(problem.sources))
    held_out = measured(choice)
    advance(0.4)
    fitted = measured(knob.choices(knob.settings[at], every))
    by_source = {
        source: measured(choice, np.flatnonzero(np.array(problem.sources) == source))
        for source in sources
        if len(sources) > 1
    }
    found = Calibrated(
        goal=goal,
        setting=knob.settings[at],
        named=knob.named(knob.settings[at]),
        split=split,
        fitted=fitted,
        held_out=held_out,
        by_source=by_source,
        settings=picked,
        frontier=_frontier(knob, problem),
        singles=tuple(measured(np.full(count, column)) for column in columns),
        in_force=None if in_force is None else measured(in_force),
    )
    advance(0.3)
    return found


@dataclass(frozen=True, slots=True)
class _Measure:
    """What choices come to, with intervals by bootstrap over prompts."""

    problem: Problem
    resampling: Resampling

    def __call__(self, choice: Choices, rows: Rows | None = None) -> Reached:
        members = np.arange(len(choice)) if rows is None else rows
        quality, own = self.problem.quality[members], choice[members]
        cost = np.zeros_like(quality) if self.problem.cost is None else self.problem.cost[members]
        places = np.arange(len(members))
        reached, spent = quality[places, own], cost[places, own]
        value, usd, gain = [], [], []
        for chunk in resamples(len(members), self.resampling.times, self.resampling.seed):
            for weights in chunk:
                total = weights.sum()
                value.append(float(weights @ reached / total))
                usd.append(1000 * float(weights @ spent / total))
                gain.append(value[-1] - shuffled_control(quality, cost, own, weights))
        mean = float(reached.mean())
        beyond = round(mean - shuffled_control(quality, cost, own), 12) + 0.0  # no gain is 0, not -1e-16
        has_cost = self.problem.cost is not None
        shares = np.bincount(own, minlength=quality.shape[1]) / len(members)
        return Reached(
            quality=with_interval(mean, np.array(value)),
            usd_per_1k=with_interval(1000 * float(spent.mean()), np.array(usd)) if has_cost else None,
            shares=tuple(shares.tolist()),
            gain=with_interval(beyond, np.round(gain, 12) + 0.0),
            n=len(members),
        )


def _spend(problem: Problem, goal: Goal) -> Floats:
    """What a choice takes of what is short, for each prompt and column."""
    if goal.aim is Aim.STRONG_SHARE or (problem.cost is None and goal.aim is Aim.QUALITY):
        columns = problem.quality.shape[1]
        return np.broadcast_to(np.arange(columns) / (columns - 1), problem.quality.shape)
    if problem.cost is None:
        raise InvalidRequest(
            "A budget needs to know what a call costs, and the file does not say.",
            hint="Add --cost MODEL=USD for each model, or ask for --quality or --strong-share.",
        )
    return 1000 * problem.cost


def _best(quality: Floats, spend: Floats, goal: Goal, *, must: bool = False) -> int:
    """The number of the setting; where *must* is not said, the nearest when none reaches the goal."""
    if goal.aim is Aim.QUALITY:
        reaches = quality >= goal.value - _SLACK
        order = np.lexsort((-quality, spend))
        nearest = int(np.lexsort((spend, -quality))[0])
    else:
        reaches = spend <= goal.value + _SLACK
        order = np.lexsort((spend, -quality))
        nearest = int(np.lexsort((-quality, spend))[0])
    if bool(reaches.any()):
        first = int(order[np.argmax(reaches[order])])
        # Of settings that come to the same, the one in the middle is the furthest from where something changes.
        same = np.isclose(quality, quality[first], rtol=0, atol=_SLACK) & np.isclose(spend, spend[first], atol=_SLACK)
        alike = np.flatnonzero(same & reaches)
        return int(alike[len(alike) // 2])
    if must:
        raise InvalidRequest(_out_of_reach(goal, float(quality.max()), float(spend.min())))
    return nearest


def _out_of_reach(goal: Goal, best: float, least: float) -> str:
    match goal.aim:
        case Aim.QUALITY:
            return f"No setting reaches a quality of {goal.value:g}: {best:.4g} is the most on these prompts."
        case Aim.BUDGET:
            return f"No setting keeps within ${goal.value:g} for 1,000 prompts: ${least:.4g} is the least on these."
        case Aim.STRONG_SHARE:
            return f"No setting keeps within {goal.value:.3g} of strong calls: {least:.3g} is the least on these."


def _folds(sources: Sequence[str], seed: int) -> tuple[str, Iterator[tuple[str, Rows]]]:
    """How the prompts are parted, and the parts."""
    names = sorted(set(sources))
    if len(names) > 1:
        known = np.array(sources)
        return BY_SOURCE, ((name, np.flatnonzero(known == name)) for name in names)
    order = np.random.default_rng([seed, len(sources)]).permutation(len(sources))
    return BY_PART, ((f"part {part + 1}", np.sort(order[part::PARTS])) for part in range(PARTS))


def _frontier(knob: Knob, problem: Problem) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The corners of what all settings reach: dollars for 1,000 prompts, else strong calls; and quality."""
    every = np.arange(len(problem.quality))
    aim = Aim.BUDGET if problem.cost is not None else Aim.STRONG_SHARE
    spend = knob.means(_spend(problem, Goal(aim=aim, value=0)), every)
    x, y = ndch(spend, knob.means(problem.quality, every))
    return tuple(x.tolist()), tuple(y.tolist())
