"""What is found of routers, as values: the parts of a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

POOLED = "(all)"
"""The source that all rows together are called. It rewards knowing the source: not part of any mean."""

SHARES = tuple(step / 20 for step in range(21))
"""Of calls to the strong model: where the curves of a report are given."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its 95 % interval; NaN where it cannot be told."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OnPair:
    """One router on one comparison."""

    apgr: Figure
    cpt50: float
    cpt80: float
    quality_at: tuple[float, ...]  # mean quality when the strong model gets each of SHARES
    usd_at: tuple[float, ...] | None = None  # mean cost of a prompt there
    aiq: float | None = None  # over the spend from all weak to all strong; None where costs are not known


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFigures:
    """A comparison: the prompts of a source, divided between a weak and a strong model."""

    source: str
    weak: str
    strong: str
    n: int
    weak_quality: float
    strong_quality: float
    routers: Mapping[str, OnPair]


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A comparison that was left out, and why."""

    source: str
    weak: str
    strong: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanFigures:
    """A router over all comparisons by source. `ahead`: how much more the first router has, paired."""

    apgr: Figure
    ahead: Figure | None = None
    below: tuple[str, ...] = ()  # comparisons whose whole interval is under 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceFigures:
    """A router's own choices on the prompts of a source. What needs costs is None where they are not known.

    `control`: the same calls dealt at random, at the same spend; `gain`: quality - control. `over_mix`: quality - what
    the best random mix of single models reaches for the same spend.
    """

    source: str
    router: str
    n: int
    quality: float
    shares: Mapping[str, float]  # of calls, by model
    control: float
    gain: Figure
    usd_per_1k: float | None = None
    over_mix: float | None = None
    arena: float | None = None
    selected: float | None = None
    optimal_cost: float | None = None
    optimal_accuracy: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationFigures:
    """Stated probabilities against outcomes. `of`: `probability` by model, or `confidence` in the choice."""

    source: str
    router: str
    of: str
    n: int
    ece: float
    brier: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFigures:
    """Against the tiers that somebody said. `under_two`: share sent two tiers too low, or more."""

    source: str
    router: str
    n: int
    rho: float
    exact: float | None = None
    under_two: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterFigures:
    """What is known of a router besides. `us_per_prompt`: mean time of an answer, over all rows."""

    us_per_prompt: float | None = None
    refused: int = 0
    robustness: float | None = None
    n_variants: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that one run found."""

    data: str
    rows: int
    seed: int
    resamples: int
    models: tuple[str, ...]
    routers: Mapping[str, RouterFigures]
    pairs: tuple[PairFigures, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    means: Mapping[str, MeanFigures] = field(default_factory=dict)
    choices: tuple[ChoiceFigures, ...] = ()
    calibration: tuple[CalibrationFigures, ...] = ()
    labels: tuple[LabelFigures, ...] = ()
