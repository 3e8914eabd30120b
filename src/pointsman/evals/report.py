"""A report as JSON, and as the chart of what quality costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, cast

import numpy as np

from pointsman.evals.chart import Axis, Series, svg
from pointsman.evals.figures import POOLED, SHARES, PairFigures, Report

if TYPE_CHECKING:
    from pointsman.core.jsontypes import Json, JsonObject

_MARGIN = 0.04


def as_json(report: Report) -> JsonObject:
    """All figures of *report*, under the names of its fields; null for what cannot be told."""
    return cast("JsonObject", plain({"shares": SHARES} | asdict(report)))


def chart(report: Report) -> str:
    """The cost-quality curve as SVG.

    Of one source with known costs: quality over dollars from all weak to all strong, for the ends of the ladder, with
    a dot for each single choice. Else the share of the gap that is recovered over the share of strong calls, in the
    mean of all comparisons by source. ValueError when nothing was compared.
    """
    by_source = [pair for pair in report.pairs if pair.source != POOLED]
    if not by_source:
        raise ValueError("nothing was compared")
    widest = by_source[-1] if len(by_source) == 1 else _widest(by_source, report.models)
    if widest is not None and all(one.usd_at is not None for one in widest.routers.values()):
        return _spend_chart(widest, report)
    return _share_chart(by_source)


def _widest(pairs: Sequence[PairFigures], models: Sequence[str]) -> PairFigures | None:
    """The pair that is furthest apart, when there is but one source."""
    if len({pair.source for pair in pairs}) > 1:
        return None
    return max(pairs, key=lambda pair: models.index(pair.strong) - models.index(pair.weak))


def _spend_chart(pair: PairFigures, report: Report) -> str:
    lines = [
        Series(name=name, x=[1000 * usd for usd in one.usd_at or ()], y=one.quality_at)
        for name, one in pair.routers.items()
    ]
    dots = [
        Series(name=choice.router, x=[choice.usd_per_1k], y=[choice.quality])
        for choice in report.choices
        if choice.source == pair.source and choice.usd_per_1k is not None
    ]
    series = [*lines, *dots]
    title = f"{pair.source}: {pair.weak} or {pair.strong}, {pair.n:,} prompts"
    usd = axis("US dollars for 1,000 prompts", [value for one in series for value in one.x])
    quality = axis("quality, %", [value for one in series for value in one.y], scale=100)
    return svg(title, usd, quality, series)


def _share_chart(pairs: Sequence[PairFigures]) -> str:
    names = [name for name in pairs[0].routers if all(name in pair.routers for pair in pairs)]
    series = [
        Series(name=name, x=SHARES, y=np.mean([_recovered(pair, name) for pair in pairs], axis=0).tolist())
        for name in names
    ]
    title = f"Mean of {len(pairs)} comparisons"
    recovered = axis("gap recovered, %", [value for one in series for value in one.y], scale=100)
    return svg(title, Axis(label="calls to the strong model, %", low=0, high=1, scale=100), recovered, series)


def _recovered(pair: PairFigures, name: str) -> list[float]:
    gap = pair.strong_quality - pair.weak_quality
    return [(quality - pair.weak_quality) / gap for quality in pair.routers[name].quality_at]


def axis(label: str, values: Sequence[float], scale: float = 1.0) -> Axis:
    """The side of a chart on which all *values* are, with a margin."""
    low, high = min(values), max(values)
    margin = (high - low) * _MARGIN or max(abs(high), 1.0) * _MARGIN
    return Axis(label=label, low=low - margin, high=high + margin, scale=scale)


def plain(value: object) -> Json:
    """*value*, made of dicts, sequences and figures, as JSON; null for what is no number."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return round(value, 9) if math.isfinite(value) else None
    return cast("Json", value)
