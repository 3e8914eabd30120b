"""Scores on weak-or-strong comparisons: each source by itself and all together, with paired intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pointsman.evals.figures import POOLED, SHARES, Figure, MeanFigures, OnPair, PairFigures, Skipped
from pointsman.evals.metrics import (
    Floats,
    apgr,
    cpt,
    curve,
    difficulty_score,
    interval,
    oracle_score,
    resamples,
    weighted_apgr,
)
from pointsman.evals.routers import DIFFICULTY, ORACLE
from pointsman.evals.spending import aiq

if TYPE_CHECKING:
    from pointsman.evals.datasets import Row
    from pointsman.evals.ladder import Ladder

MIN_ROWS = 30
MIN_GAP = 0.02
MIN_GAP_ERRORS = 3.0
"""Of mean quality, absolute and in standard errors: with a smaller gap APGR divides noise by noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How figures are resampled."""

    times: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """One comparison's arrays. `at`: which rows of the source it has."""

    weak_name: str
    strong_name: str
    at: NDArray[np.intp]
    weak: Floats
    strong: Floats
    weak_cost: Floats
    strong_cost: Floats
    scores: Mapping[str, Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What came of all comparisons."""

    pairs: tuple[PairFigures, ...]
    skipped: tuple[Skipped, ...]
    means: Mapping[str, MeanFigures]


def compare_pairs(
    rows: Sequence[Row],
    ladder: Ladder,
    scores: Mapping[str, Floats],
    oracles: Sequence[str],
    setting: Setting,
    advance: Callable[[float], None] = lambda _share: None,
) -> Compared:
    """Every two models of *ladder* on every source of *rows*, and on all of them; *advance* is told shares of 1.

    *scores* by router, an entry for each row; *oracles* are named as in `routers`.
    """
    if not scores and not oracles:
        return Compared(pairs=(), skipped=(), means={})
    sources = sorted({row.source for row in rows})
    groups = [(source, [at for at, row in enumerate(rows) if row.source == source]) for source in sources]
    if len(sources) > 1:
        groups.append((POOLED, list(range(len(rows)))))
    figures: list[PairFigures] = []
    skipped: list[Skipped] = []
    samples: list[Mapping[str, Floats]] = []
    total = sum(len(members) for _, members in groups)
    for number, (source, members) in enumerate(groups):
        own = {name: score[members] for name, score in scores.items()}
        pairs, left_out = _pairs([rows[at] for at in members], source, ladder, own, oracles)
        drawn = _drawn(pairs, len(members), setting.times, setting.seed * 1009 + number)
        figures += [_figures(source, pair, sample) for pair, sample in zip(pairs, drawn, strict=True)]
        skipped += left_out
        if source != POOLED:
            samples += drawn
        advance(len(members) / total)
    return Compared(pairs=tuple(figures), skipped=tuple(skipped), means=_means(figures, samples))


def _pairs(
    rows: Sequence[Row], source: str, ladder: Ladder, scores: Mapping[str, Floats], oracles: Sequence[str]
) -> tuple[list[_Pair], list[Skipped]]:
    quality, cost = ladder.quality(rows), ladder.costs(rows)
    made: list[_Pair] = []
    skipped: list[Skipped] = []
    for low, high in combinations(range(len(ladder.models)), 2):
        names = ladder.models[low], ladder.models[high]
        at = np.flatnonzero(~np.isnan(quality[:, low]) & ~np.isnan(quality[:, high]))
        if len(at) == 0:
            continue
        weak, strong = quality[at, low], quality[at, high]
        gap = float(strong.mean() - weak.mean())
        error = float(np.std(strong - weak)) / len(at) ** 0.5
        if len(at) < MIN_ROWS or gap < max(MIN_GAP, MIN_GAP_ERRORS * error):
            few = len(at) < MIN_ROWS
            reason = f"{len(at)} prompts" if few else f"the strong model gains {gap:+.3f} ± {2 * error:.3f}"
            skipped.append(Skipped(source=source, weak=names[0], strong=names[1], reason=reason))
            continue
        own = {name: score[at] for name, score in scores.items()}
        others = (
            ladder.others([rows[index] for index in at.tolist()], names) if DIFFICULTY in oracles else np.empty((0, 0))
        )
        if others.shape[1]:
            own[DIFFICULTY] = difficulty_score(others)
        if ORACLE in oracles:
            own[ORACLE] = oracle_score(weak, strong)
        made.append(
            _Pair(
                weak_name=names[0],
                strong_name=names[1],
                at=at,
                weak=weak,
                strong=strong,
                weak_cost=cost[at, low],
                strong_cost=cost[at, high],
                scores=own,
            )
        )
    return made, skipped


def _drawn(pairs: Sequence[_Pair], count: int, times: int, seed: int) -> list[Mapping[str, Floats]]:
    """For each pair and router its APGR in each draw; a draw is the same rows for all of them."""
    found: list[dict[str, list[Floats]]] = [{name: [] for name in pair.scores} for pair in pairs]
    for weights in resamples(count, times, seed) if pairs else ():
        for pair, samples in zip(pairs, found, strict=True):
            own = weights if len(pair.at) == count else weights[:, pair.at]
            for name, score in pair.scores.items():
                samples[name].append(weighted_apgr(score, pair.strong - pair.weak, own))
    return [{name: np.concatenate(parts) for name, parts in samples.items()} for samples in found]


def _figures(source: str, pair: _Pair, samples: Mapping[str, Floats]) -> PairFigures:
    return PairFigures(
        source=source,
        weak=pair.weak_name,
        strong=pair.strong_name,
        n=len(pair.at),
        weak_quality=float(pair.weak.mean()),
        strong_quality=float(pair.strong.mean()),
        routers={
            name: OnPair(
                apgr=with_interval(apgr(score, pair.weak, pair.strong), samples[name]),
                cpt50=cpt(score, pair.weak, pair.strong, 0.5),
                cpt80=cpt(score, pair.weak, pair.strong, 0.8),
                quality_at=tuple(np.interp(SHARES, *_points(score, pair.weak, pair.strong)).tolist()),
                usd_at=_usd_at(score, pair),
                aiq=_aiq(score, pair),
            )
            for name, score in pair.scores.items()
        },
    )


def _points(score: Floats, weak: Floats, strong: Floats) -> tuple[Floats, Floats]:
    found = curve(score, weak, strong)
    return found.share, found.quality


def _usd_at(score: Floats, pair: _Pair) -> tuple[float, ...] | None:
    """The mean cost of a prompt at each of SHARES."""
    if bool(np.isnan(pair.weak_cost).any() or np.isnan(pair.strong_cost).any()):
        return None
    return tuple(np.interp(SHARES, *_points(score, pair.weak_cost, pair.strong_cost)).tolist())


def _aiq(score: Floats, pair: _Pair) -> float | None:
    lowest, highest = float(pair.weak_cost.mean()), float(pair.strong_cost.mean())
    if not lowest < highest:  # NaN where a cost is not known
        return None
    cost = curve(score, pair.weak_cost, pair.strong_cost).quality
    # Where the strong model is the cheaper one for some prompts, less than all weak can be spent: no gain of ours.
    inside = (cost >= lowest) & (cost <= highest)
    quality = curve(score, pair.weak, pair.strong).quality
    ends = [float(pair.weak.mean()), float(pair.strong.mean())]
    return aiq(np.append(cost[inside], [lowest, highest]), np.append(quality[inside], ends), lowest, highest)


def with_interval(value: float, samples: Floats) -> Figure:
    """*value* and what it lies between."""
    found = interval(samples)
    return Figure(value, found.low, found.high)


def _means(figures: Sequence[PairFigures], samples: Sequence[Mapping[str, Floats]]) -> Mapping[str, MeanFigures]:
    """Over the comparisons by source that a router has a figure for: all of them, or it gets no mean."""
    by_source = [pair for pair in figures if pair.source != POOLED]
    every = dict.fromkeys(name for pair in by_source for name in pair.routers)
    names = [name for name in every if all(name in pair.routers for pair in by_source)]
    if not names:
        return {}
    drawn = {name: np.mean([sample[name] for sample in samples], axis=0) for name in names}
    values = {name: float(np.mean([pair.routers[name].apgr.value for pair in by_source])) for name in names}
    first = names[0]
    return {
        name: MeanFigures(
            apgr=with_interval(values[name], drawn[name]),
            ahead=None if name == first else with_interval(values[first] - values[name], drawn[first] - drawn[name]),
            below=tuple(
                f"{pair.source} {pair.weak}/{pair.strong}"
                for pair in by_source
                if pair.routers[name].apgr.high < 0.5 - 1e-9
            ),
        )
        for name in names
    }
