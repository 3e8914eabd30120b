"""The models that prompts are divided between, weakest first, and their outcomes as matrices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pointsman.core.catalog import Tier
from pointsman.core.errors import InvalidRequest
from pointsman.evals.datasets import TIERS
from pointsman.evals.metrics import Floats

if TYPE_CHECKING:
    from pointsman.evals.datasets import Row
    from pointsman.evals.routers import Answer

MOST_MODELS = 8
_TOP_RANK = len(Tier) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Names of models (or of tiers, where the file has outcomes by tier), weakest first. `cost`: USD of a call."""

    models: tuple[str, ...]
    are_tiers: bool = False
    cost: Mapping[str, float] = field(default_factory=dict)

    def quality(self, rows: Sequence[Row]) -> Floats:
        """Outcomes, rows × models; NaN where unknown."""
        nan = float("nan")
        per_row = [row.tiers if self.are_tiers else row.outcomes for row in rows]
        return np.array([[known.get(model, nan) for model in self.models] for known in per_row], dtype=np.float64)

    def costs(self, rows: Sequence[Row]) -> Floats:
        """Costs in USD, rows × models: the row's own, else the ladder's; NaN where unknown."""
        nan = float("nan")
        found = [[row.cost.get(model, self.cost.get(model, nan)) for model in self.models] for row in rows]
        return np.array(found, dtype=np.float64)

    def others(self, rows: Sequence[Row], pair: Sequence[str]) -> Floats:
        """Outcomes of all models but the *pair*, rows × models; NaN where unknown.

        Beside tiers these are all models of the file: which of them a tier is made of is not known here.
        """
        names = sorted({name for row in rows for name in row.outcomes} - set(pair))
        if self.are_tiers and not names:
            names = [name for name in self.models if name not in pair]
            return np.array([[row.tiers.get(name, float("nan")) for name in names] for row in rows])
        return np.array([[row.outcomes.get(name, float("nan")) for name in names] for row in rows])


def ladder_of(rows: Sequence[Row], named: Sequence[str] = (), cost: Mapping[str, float] | None = None) -> Ladder:
    """The ladder of *named* models, else of the file's tiers, else of its models by mean cost or mean outcome.

    InvalidRequest: a name that the file does not have, one model only, or too many to be ordered by a guess.
    """
    given = cost or {}
    tiers = tuple(tier for tier in TIERS if any(tier in row.tiers for row in rows))
    models = sorted({model for row in rows for model in row.outcomes})
    if named:
        are_tiers = all(name in tiers for name in named)
        known = tiers if are_tiers else models
        missing = [name for name in named if name not in known]
        if missing or len(set(named)) != len(named) or len(named) < 2:
            raise InvalidRequest(_naming_problem(named, missing, models))
        ladder = Ladder(models=tuple(named), are_tiers=are_tiers, cost=given)
    elif len(tiers) > 1:
        ladder = Ladder(models=tiers, are_tiers=True, cost=given)
    else:
        if not 2 <= len(models) <= MOST_MODELS:
            hint = "Name them, weakest first: --models small-one,large-one"
            raise InvalidRequest(f"The file has outcomes of {len(models)} models.", hint=hint if models else None)
        ladder = Ladder(models=_ordered(rows, models, given), cost=given)
    strange = [name for name in given if name not in ladder.models]
    if strange:
        raise InvalidRequest(f"--cost names {strange[0]!r}, which is none of {', '.join(ladder.models)}.")
    return ladder


def chosen(answers: Sequence[Answer], models: Sequence[str], available: Sequence[int]) -> list[int] | None:
    """The column of each answer's choice among *available* ones; None when some answer is no choice.

    A model is taken by its name; a tier by its place, 0..3 stretched over the ladder. What is not available gives way
    to the nearest that is, the stronger of two.
    """
    column = {model: index for index, model in enumerate(models)}
    found = []
    for answer in answers:
        if answer.model in column:
            wanted = column[answer.model]
        elif answer.tier is not None:
            wanted = round(answer.tier.rank / _TOP_RANK * (len(models) - 1))
        else:
            return None
        found.append(min(available, key=lambda index: (abs(index - wanted), -index)))
    return found


def tiers_of_columns(answers: Sequence[Answer], ladder: Ladder) -> Mapping[int, int]:
    """For each column of *ladder* the rank of its tier.

    A tier of the file is its own; a model is of the tier that *answers* choose it for, where they name any of the
    ladder's, else of its place, stretched as in `chosen`.
    """
    models = ladder.models
    if ladder.are_tiers:
        return {column: TIERS.index(name) for column, name in enumerate(models)}
    named = {answer.model: answer.tier.rank for answer in answers if answer.model in models and answer.tier is not None}
    if named:
        return {column: named[model] for column, model in enumerate(models) if model in named}
    return {column: round(column / (len(models) - 1) * _TOP_RANK) for column in range(len(models))}


def _ordered(rows: Sequence[Row], models: Sequence[str], given: Mapping[str, float]) -> tuple[str, ...]:
    """By mean cost where all have one, else by mean outcome."""
    costs = {model: _mean([row.cost.get(model, given.get(model)) for row in rows]) for model in models}
    outcomes = {model: _mean([row.outcomes.get(model) for row in rows]) or 0.0 for model in models}
    if all(cost is not None for cost in costs.values()):
        return tuple(sorted(models, key=lambda model: (costs[model] or 0.0, outcomes[model])))
    return tuple(sorted(models, key=lambda model: (outcomes[model], model)))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _naming_problem(named: Sequence[str], missing: Sequence[str], models: Sequence[str]) -> str:
    if missing:
        shown = ", ".join(models[:12]) + (", …" if len(models) > 12 else "")
        return f"--models: the file has no outcomes of {missing[0]!r}; it has {shown or 'none at all'}."
    return f"--models should name two or more models, each once; it is {','.join(named)!r}."
