"""What can be turned to spend more or less: boundaries on a score, or a number that a router asks for.

Each setting is a policy, which sends each prompt to a column: a model of the ladder, weakest first. Matrices are
prompts × columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pointsman.core.catalog import Tier
from pointsman.evals.metrics import Floats
from pointsman.evals.spending import Choices

MOST_CUTS = 48
FREE = -1  # in `fixed`: the setting decides
NEVER_BELOW, NEVER_ABOVE = -1.0, 1.0  # beyond what LiteLLM's score reaches
_DIGITS = 4
_NAMES = ("simple_medium", "medium_complex", "complex_reasoning")

Rows = NDArray[np.intp]
Setting = tuple[float, ...]


class Knob(Protocol):
    """A family of policies, one for each setting."""

    @property
    def settings(self) -> Sequence[Setting]:
        """All that are tried."""

    def means(self, values: Floats, rows: Rows) -> Floats:
        """For each setting the mean over *rows* of *values* at the columns that it chooses."""

    def choices(self, setting: Setting, rows: Rows) -> Choices:
        """The column of each of *rows* under *setting*."""

    def named(self, setting: Setting) -> Mapping[str, float]:
        """The setting as configuration has it; nothing where configuration has no place for it."""


class Boundaries:
    """Where each next column begins on the scale of a score, by itself or for LiteLLM's tiers.

    *fixed* is the column of a prompt that is settled before it is scored, FREE for the others. Prompts that *climb* go
    to the last column as soon as they reach the first boundary: two reasoning markers do that. *tiers* are those of
    the columns; None where the score has no place in the configuration. Boundaries are tried where scores part, at most
    MOST_CUTS of them.
    """

    def __init__(
        self,
        score: Floats,
        columns: int,
        *,
        fixed: NDArray[np.intp] | None = None,
        climb: NDArray[np.bool_] | None = None,
        tiers: Sequence[Tier] | None = None,
    ) -> None:
        """Find out where boundaries may be; *columns* is 2 or more."""
        self._score = score
        self._columns = columns
        self._fixed = np.full(len(score), FREE) if fixed is None else fixed
        self._climb = np.zeros(len(score), dtype=np.bool_) if climb is None else climb
        self._tiers = tiers
        self._cuts = _cuts(score)
        grids = np.meshgrid(*[np.arange(len(self._cuts))] * (columns - 1), indexing="ij")
        places = np.stack([grid.ravel() for grid in grids], axis=1)
        self._places = places[np.all(places[:, 1:] >= places[:, :-1], axis=1)]
        self._settings: Sequence[Setting] = [tuple(row) for row in self._cuts[self._places].tolist()]

    @property
    def settings(self) -> Sequence[Setting]:
        return self._settings

    def means(self, values: Floats, rows: Rows) -> Floats:
        """By sums below each cut: a policy's total is the last column's, and a term for each of its boundaries."""
        own, fixed, climb = values[rows], self._fixed[rows], self._climb[rows]
        bins = np.searchsorted(self._cuts, self._score[rows], side="right")  # cuts that the score has reached
        settled = fixed != FREE
        total = float(own[settled, fixed[settled]].sum()) + float(own[~settled, -1].sum())
        terms = [self._below(own, bins, ~settled & ~climb, column, column + 1) for column in range(self._columns - 1)]
        terms[0] = terms[0] + self._below(own, bins, ~settled & climb, 0, self._columns - 1)
        summed = np.sum([term[self._places[:, column]] for column, term in enumerate(terms)], axis=0)
        return np.asarray((summed + total) / len(rows), dtype=np.float64)

    def choices(self, setting: Setting, rows: Rows) -> Choices:
        found: Choices = np.searchsorted(np.array(setting), self._score[rows], side="right")
        found = np.where(self._climb[rows] & (found > 0), self._columns - 1, found)
        return np.where(self._fixed[rows] == FREE, found, self._fixed[rows])

    def named(self, setting: Setting) -> Mapping[str, float]:
        """A tier that no column has gets nothing: what its model is worth is not known."""
        if self._tiers is None:
            return {}
        ranks = [tier.rank for tier in self._tiers]
        found = {}
        for rank, name in enumerate(_NAMES):
            begun = sum(one <= rank for one in ranks)  # columns at or under the lower of the two tiers
            found[name] = NEVER_BELOW if begun == 0 else NEVER_ABOVE if begun == len(ranks) else setting[begun - 1]
        return found

    def _below(self, own: Floats, bins: NDArray[np.intp], among: NDArray[np.bool_], low: int, high: int) -> Floats:
        """For each cut, what is won by sending *among* that are below it to column *low* instead of *high*."""
        gain = np.bincount(bins[among], own[among, low] - own[among, high], minlength=len(self._cuts) + 1)
        return np.asarray(np.cumsum(gain)[:-1], dtype=np.float64)


class Listed:
    """Policies that were asked one by one: *choices* are settings × prompts. *name* is the configuration's."""

    def __init__(self, settings: Sequence[float], choices: NDArray[np.intp], *, name: str) -> None:
        """A row of *choices* for each of *settings*."""
        self._settings: Sequence[Setting] = [(value,) for value in settings]
        self._choices = choices
        self._name = name

    @property
    def settings(self) -> Sequence[Setting]:
        return self._settings

    def means(self, values: Floats, rows: Rows) -> Floats:
        own, places = values[rows], np.arange(len(rows))
        return np.array([own[places, chosen[rows]].mean() for chosen in self._choices])

    def choices(self, setting: Setting, rows: Rows) -> Choices:
        found: Choices = self._choices[self._settings.index(setting)][rows]
        return found

    def named(self, setting: Setting) -> Mapping[str, float]:
        return {self._name: setting[0]}


def _cuts(score: Floats) -> Floats:
    """Between neighbouring scores, by quantiles where there are many; before the first and behind the last."""
    known = np.unique(score)
    between = (known[1:] + known[:-1]) / 2
    if len(between) > MOST_CUTS - 2:
        wanted = np.quantile(score, np.linspace(0, 1, MOST_CUTS)[1:-1])
        between = between[np.clip(np.searchsorted(between, wanted), 0, len(between) - 1)]
    scale = 10.0**_DIGITS
    ends = [np.floor(known[0] * scale) / scale, (np.floor(known[-1] * scale) + 1) / scale]
    return np.unique([*np.round(between, _DIGITS).tolist(), *ends])
