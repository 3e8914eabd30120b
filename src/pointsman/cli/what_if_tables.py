"""What traffic would have cost elsewhere, for a person: tables, bars, a chart; and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, cast

from pointsman.cli.figures import NOTHING, count, dollars, share
from pointsman.cli.output import print_data, table, width
from pointsman.evals.bar_chart import Bars, bar_svg

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pointsman.core.jsontypes import JsonObject
    from pointsman.evals.what_if import Line, WhatIf

_MOST_CALLERS, _MOST_DAYS = 12, 31
_BAR_CELLS, _WIDE_BAR_CELLS, _ROOMY = 20, 50, 110


def what_if_json(found: WhatIf) -> JsonObject:
    """All of it, under the names of its fields."""
    made = asdict(found)
    made["stays"] = {reason.name.lower(): number for reason, number in found.stays}
    return cast("JsonObject", made)


def chart(found: WhatIf) -> str:
    """Costs by day as SVG."""
    series = [
        Bars(name="now", values=[line.now_usd for line in found.days]),
        Bars(name="what if", values=[line.then_usd for line in found.days]),
    ]
    return bar_svg("What if", "US dollars a day", [line.key or "" for line in found.days], series)


def print_what_if(found: WhatIf) -> None:
    """All of it on stdout."""
    for line in _headline(found):
        print_data(line)
    print_data("")
    print_data(_days(found.days[-_MOST_DAYS:]))
    print_data("")
    print_data(_lines("asked by", found.callers[:_MOST_CALLERS]))
    print_data("")
    print_data(_models(found))
    print_data("")
    for line in _notes(found):
        print_data(line)


def _headline(found: WhatIf) -> Iterator[str]:
    total = found.total
    difference = total.then_usd - total.now_usd
    part = f" ({share(abs(difference) / total.now_usd)})" if total.now_usd else ""
    less = "less" if difference < 0 else "more"
    yield (
        f"{dollars(total.now_usd)} → {dollars(total.then_usd)}: {dollars(abs(difference))}{part} {less}, "
        f"{count(total.moved)} of {count(total.requests)} requests elsewhere"
    )


def _days(days: Sequence[Line]) -> RenderableType:
    """Two bars for each day: now, and if."""
    from rich.text import Text

    top = max((max(line.now_usd, line.then_usd) for line in days), default=0.0)
    cells = _WIDE_BAR_CELLS if width() >= _ROOMY else _BAR_CELLS
    made = table("day (UTC)", "requests", "moved", "now", "what if", "", right=("requests", "moved", "now", "what if"))
    for line in days:
        bars = Text.assemble(
            (_bar(line.now_usd, top, cells), "blue"), "\n", (_bar(line.then_usd, top, cells, "▒"), "yellow")
        )
        made.add_row(line.key, *_figures(line), bars)
    return made


def _bar(value: float, top: float, cells: int, sign: str = "█") -> str:
    return sign * round(value / top * cells) if top else ""


def _lines(title: str, lines: Sequence[Line]) -> RenderableType:
    right = ("requests", "moved", "now", "what if")
    made = table(title, *right, right=right)
    for line in lines:
        made.add_row(line.key or NOTHING, *_figures(line))
    return made


def _figures(line: Line) -> tuple[str, ...]:
    return (count(line.requests), count(line.moved), dollars(line.now_usd), dollars(line.then_usd))


def _models(found: WhatIf) -> RenderableType:
    right = ("requests now", "what if")
    made = table("served by", *right, right=right)
    for one in found.models:
        made.add_row(one.model or NOTHING, count(one.now), count(one.then))
    return made


def _notes(found: WhatIf) -> Iterator[str]:
    yield "█ now, ▒ what if. For the same tokens: how long or how good another model's answer is, no ledger knows."
    missing = found.total.requests - found.total.priced
    if missing:
        yield f"{count(missing)} requests have no known cost, now or then, and are in no sum."
    for reason, number in found.stays:
        yield f"{count(number)} would stay where they were: {reason.value}."
