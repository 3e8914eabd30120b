"""What a calibration found, as JSON and as a chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, cast

from pointsman.evals.chart import Series, svg
from pointsman.evals.report import axis, plain

if TYPE_CHECKING:
    from pointsman.core.jsontypes import JsonObject
    from pointsman.evals.calibrate import Calibrated, Reached

HELD_OUT, FITTED, IN_FORCE = "expected", "fitted", "in force"


def as_json(found: Calibrated, models: Sequence[str]) -> JsonObject:
    """All figures, under the names of their fields; shares and single models by name."""
    made = asdict(found)
    made["singles"] = {model: asdict(one) for model, one in zip(models, found.singles, strict=True)}
    for one in _all(made):
        one["shares"] = dict(zip(models, cast("tuple[float, ...]", one["shares"]), strict=True))
    made["frontier"] = dict(zip(("spend", "quality"), found.frontier, strict=True))
    return cast("JsonObject", plain(made))


def chart(found: Calibrated, models: Sequence[str], title: str) -> str:
    """Quality over spend (dollars, else the share of strong calls): what settings can reach, and single points."""
    points = [(f"always {model}", one) for model, one in zip(models, found.singles, strict=True)]
    points += [(IN_FORCE, found.in_force)] if found.in_force is not None else []
    points += [(FITTED, found.fitted), (f"{HELD_OUT} ({found.split})", found.held_out)]
    frontier = Series(name="settings, fitted", x=found.frontier[0], y=found.frontier[1])
    series = [frontier, *(Series(name=name, x=[_spend(one)], y=[one.quality.value]) for name, one in points)]
    has_cost = found.held_out.usd_per_1k is not None
    label = "US dollars for 1,000 prompts" if has_cost else "calls to the strong model, %"
    x = axis(label, [value for one in series for value in one.x], scale=1 if has_cost else 100)
    y = axis("quality, %", [value for one in series for value in one.y], scale=100)
    return svg(title, x, y, series)


def _spend(one: Reached) -> float:
    if one.usd_per_1k is not None:
        return one.usd_per_1k.value
    return strong_share(one)


def strong_share(one: Reached) -> float:
    """The share of calls to the strong model; one to a model between counts as a part, by its place."""
    last = len(one.shares) - 1
    return sum(share * place / last for place, share in enumerate(one.shares))


def _all(made: dict[str, object]) -> list[dict[str, object]]:
    """Each set of figures in *made*."""
    groups = [made["singles"], made["by_source"]]
    single = [made["fitted"], made["held_out"], made["in_force"]]
    found = [one for one in single if one is not None]
    found += [one for group in groups for one in cast("dict[str, object]", group).values()]
    return cast("list[dict[str, object]]", found)
