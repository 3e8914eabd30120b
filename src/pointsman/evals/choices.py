"""Routers' own choices: what they reach, what they cost, whether they mean what they say of themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pointsman.evals.calibration import brier, ece
from pointsman.evals.figures import POOLED, CalibrationFigures, ChoiceFigures, Figure, LabelFigures
from pointsman.evals.ladder import chosen, tiers_of_columns
from pointsman.evals.metrics import Floats, rank_correlation, resamples
from pointsman.evals.pairs import MIN_ROWS, Setting, with_interval
from pointsman.evals.routers import ALWAYS, ORACLE
from pointsman.evals.spending import (
    Choices,
    arena_score,
    optimality,
    oracle_choice,
    reached_at,
    robustness,
    shuffled_control,
)

if TYPE_CHECKING:
    from pointsman.evals.datasets import Row
    from pointsman.evals.ladder import Ladder
    from pointsman.evals.routers import Answer

_COMMON = 0.5
"""A model is offered for a source when that share of its prompts has an outcome of it."""

Answers = Mapping[str, Sequence["Answer"]]


def choice_figures(rows: Sequence[Row], ladder: Ladder, answers: Answers, setting: Setting) -> list[ChoiceFigures]:
    """For each source, and all of them, and each router that chooses; and the choice of who knows the outcomes."""
    return [
        figures
        for number, (source, members) in enumerate(_sources_and_all(rows))
        for figures in _source_choices(source, members, rows, ladder, answers, setting, number)
    ]


def calibration_figures(rows: Sequence[Row], ladder: Ladder, answers: Answers) -> list[CalibrationFigures]:
    """For each source, and all of them, and each router that states a probability, or how sure it is of its choice."""
    found = []
    for source, members in _sources_and_all(rows):
        quality = ladder.quality([rows[at] for at in members])
        for router, given in answers.items():
            of, probability, outcome = _statements([given[at] for at in members], ladder, quality)
            if probability:
                stated, happened = np.array(probability), np.array(outcome)
                figures = {"ece": ece(stated, happened), "brier": brier(stated, happened)}
                found.append(CalibrationFigures(source=source, router=router, of=of, n=len(stated), **figures))
    return found


def label_figures(rows: Sequence[Row], answers: Answers) -> list[LabelFigures]:
    """For each source with tiers that somebody said, and each router: how well it agrees."""
    found = []
    labelled = [(at, row) for at, row in enumerate(rows) if row.label is not None]
    for source in sorted({row.source for _, row in labelled}):
        members = [(at, row.label.rank) for at, row in labelled if row.source == source and row.label is not None]
        wanted = np.array([rank for _, rank in members])
        for router, given in answers.items():
            own = [given[at] for at, _ in members]
            given_ranks = [answer.tier.rank for answer in own if answer.tier is not None]
            ranks = np.array(given_ranks) if len(given_ranks) == len(own) else None
            found.append(
                LabelFigures(
                    source=source,
                    router=router,
                    n=len(members),
                    rho=rank_correlation(np.array([answer.score for answer in own]), wanted.astype(np.float64)),
                    exact=None if ranks is None else float(np.mean(ranks == wanted)),
                    under_two=None if ranks is None else float(np.mean(wanted - ranks >= 2)),
                )
            )
    return found


def robustness_of(rows: Sequence[Row], given: Sequence[Answer]) -> tuple[int, float | None]:
    """How many variants there are, and the share of them that is sent where the original is; None without choices."""
    place = {row.id: at for at, row in enumerate(rows)}
    pairs = [(given[place[row.variant_of]], given[at]) for at, row in enumerate(rows) if row.variant_of is not None]
    named = [(one.tier or one.model, other.tier or other.model) for one, other in pairs]
    kept = [(one, other) for one, other in named if one is not None and other is not None]
    if not kept or len(kept) < len(named):
        return len(pairs), None
    return len(pairs), robustness([one for one, _ in kept], [other for _, other in kept])


def by_source(rows: Sequence[Row]) -> Iterator[tuple[str, list[int]]]:
    """The places of each source's rows."""
    for source in sorted({row.source for row in rows}):
        yield source, [at for at, row in enumerate(rows) if row.source == source]


def _sources_and_all(rows: Sequence[Row]) -> list[tuple[str, list[int]]]:
    """`by_source`, and all of them together where there are several."""
    groups = list(by_source(rows))
    return groups if len(groups) == 1 else [*groups, (POOLED, list(range(len(rows))))]


def _source_choices(
    source: str,
    members: Sequence[int],
    rows: Sequence[Row],
    ladder: Ladder,
    answers: Answers,
    setting: Setting,
    number: int,
) -> Iterator[ChoiceFigures]:
    quality = ladder.quality([rows[at] for at in members])
    offered = np.flatnonzero((~np.isnan(quality)).mean(axis=0) >= _COMMON)
    whole = np.flatnonzero(~np.isnan(quality[:, offered]).any(axis=1)).tolist()
    if len(offered) < 2 or len(whole) < MIN_ROWS:
        return
    if source == POOLED and len({rows[members[at]].source for at in whole}) == 1:
        return  # the other sources lack some model: it would say one source's figures again
    quality = quality[whole]
    cost = ladder.costs([rows[members[at]] for at in whole])
    has_costs = not bool(np.isnan(cost[:, offered]).any())
    cost = cost if has_costs else np.zeros_like(cost)
    # What is not offered must not be chosen: the matrices are those of the offered models.
    quality, cost = quality[:, offered], cost[:, offered]
    names = [ladder.models[at] for at in offered]
    choices: dict[str, Choices] = {}
    for router, given in answers.items():
        if router.startswith(ALWAYS) and router.removeprefix(ALWAYS) not in names:
            continue
        found = chosen([given[members[at]] for at in whole], ladder.models, offered.tolist())
        if found is not None:
            choices[router] = np.searchsorted(offered, np.array(found))
    choices[ORACLE] = oracle_choice(quality, cost)
    seed = setting.seed * 1013 + number
    for router, choice in choices.items():
        gain = _gain(quality, cost, choice, setting.times, seed)
        yield _figures(source, router, names, quality, cost if has_costs else None, choice, gain)


def _figures(
    source: str,
    router: str,
    names: Sequence[str],
    quality: Floats,
    cost: Floats | None,
    choice: Choices,
    gain: Figure,
) -> ChoiceFigures:
    rows = np.arange(len(choice))
    reached = float(quality[rows, choice].mean())
    shares = np.bincount(choice, minlength=len(names)) / len(choice)
    figures = ChoiceFigures(
        source=source,
        router=router,
        n=len(choice),
        quality=reached,
        shares={name: float(share) for name, share in zip(names, shares, strict=True)},
        control=reached - gain.value,
        gain=gain,
    )
    if cost is None:
        return figures
    spend = float(cost[rows, choice].mean())
    best = optimality(quality, cost, choice)
    return replace(
        figures,
        usd_per_1k=1000 * spend,
        over_mix=reached - reached_at(spend, cost.mean(axis=0), quality.mean(axis=0)),
        arena=arena_score(reached, 1000 * spend),
        selected=best.selected,
        optimal_cost=best.cost,
        optimal_accuracy=best.accuracy,
    )


def _gain(quality: Floats, cost: Floats, choice: Choices, times: int, seed: int) -> Figure:
    """Quality less that of the shuffled control, resampled."""
    reached = quality[np.arange(len(choice)), choice]
    samples = [
        float(weights @ reached / weights.sum()) - shuffled_control(quality, cost, choice, weights)
        for chunk in resamples(len(choice), times, seed)
        for weights in chunk
    ]
    value = float(reached.mean()) - shuffled_control(quality, cost, choice)
    return with_interval(round(value, 12), np.round(samples, 12))  # no gain is 0, not 1e-16


def _statements(given: Sequence[Answer], ladder: Ladder, quality: Floats) -> tuple[str, list[float], list[float]]:
    """What was stated and what happened: by model or tier where a router does that, else of its choices."""
    if any(answer.probabilities for answer in given):
        pairs = [
            (probability, quality[at, ladder.models.index(model)])
            for at, answer in enumerate(given)
            for model, probability in answer.probabilities.items()
            if model in ladder.models
        ]
        of = "probability"
    elif any(answer.chances for answer in given):
        ranks = tiers_of_columns(given, ladder)
        pairs = [
            (answer.chances[rank], quality[at, column])
            for at, answer in enumerate(given)
            if answer.chances
            for column, rank in ranks.items()
        ]
        of = "probability"
    else:
        pairs = [
            (answer.confidence, quality[at, columns[0]])
            for at, answer in enumerate(given)
            if answer.confidence is not None
            for known_at in [np.flatnonzero(~np.isnan(quality[at])).tolist()]
            if known_at
            for columns in [chosen([answer], ladder.models, known_at)]
            if columns is not None
        ]
        of = "confidence"
    known = [(probability, float(outcome)) for probability, outcome in pairs if not np.isnan(outcome)]
    return of, [probability for probability, _ in known], [outcome for _, outcome in known]
