"""A report on routers as tables, for a person."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from typing import TYPE_CHECKING

from pointsman.cli.figures import NOTHING, share
from pointsman.cli.output import print_data, table, width

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from pointsman.evals.figures import ChoiceFigures, Figure, OnPair, Report

MANY_SKIPPED = 5
_SHOWN_SHARE = 0.005
_WIDE = 105
_PAIR_WIDTH = 50
_ROUTER_WIDTH = 11
_REACHED = ("quality", "over control", "95 %")
_SPENT = ("$ per 1,000", "over a mix", "arena", "Opt.Sel")
_CALLS = "calls, %"
_LEGEND = (
    "APGR: the share of the strong model's gain that is kept, over all shares of strong calls; chance has 0.500. "
    "↑ ↓: the whole 95 % interval is above or below that."
)


def print_report(report: Report) -> None:
    """All tables of *report* that have something in them, on stdout."""
    for number, (title, shown) in enumerate(_parts(report)):
        if number:
            print_data("")
        print_data(title)
        print_data(shown)


def _parts(report: Report) -> Iterator[tuple[str, RenderableType]]:
    about = f"{report.rows:,} prompts of {report.data}; {report.resamples:,} draws, seed {report.seed}"
    yield about, _routers(report)
    if report.means:
        count = sum(1 for pair in report.pairs if not pair.source.startswith("("))
        noun = "comparison" if count == 1 else "comparisons"
        yield f"Weak or strong: mean of {count} {noun} by source. {_LEGEND}", _means(report)
        yield from (("APGR by comparison", shown) for shown in _pairs(report))
    if report.skipped:
        shown = [f"{one.source} {one.weak}/{one.strong} ({one.reason})" for one in report.skipped[:MANY_SKIPPED]]
        more = len(report.skipped) - MANY_SKIPPED
        yield "Not compared", ", ".join(shown) + (f" and {more} more" if more > 0 else "")
    yield from _choices(report.choices)
    if report.calibration:
        yield "Calibration", _calibration(report)
    if report.labels:
        yield "Tiers that somebody said", _labels(report)


def _routers(report: Report) -> RenderableType:
    made = table("router", "µs a prompt", "refused", "robustness", right=("µs a prompt", "refused", "robustness"))
    for name, one in report.routers.items():
        speed = NOTHING if one.us_per_prompt is None else f"{one.us_per_prompt:,.0f}"
        made.add_row(name, speed, f"{one.refused:,}", _three(one.robustness))
    return made


def _means(report: Report) -> RenderableType:
    """A narrow terminal gets the columns that matter most."""
    ahead = f"{short(next(iter(report.means)))} ahead by"
    columns = ("APGR", "95 %", "CPT 50", "CPT 80", "AIQ", ahead, "below chance on")
    kept = [True, True, width() >= _WIDE, True, width() >= _WIDE, True, width() >= _WIDE]
    made = whole(table("router", *compress(columns, kept), right=columns), 1)
    for name, mean in report.means.items():
        figures = [pair.routers[name] for pair in report.pairs if not pair.source.startswith("(")]
        cells = (
            f"{mean.apgr.value:.3f}{mark(mean.apgr, 0.5)}",
            span(mean.apgr),
            *_call_shares(figures),
            NOTHING if mean.ahead is None else f"{signed(mean.ahead.value)} {span(mean.ahead)}",
            f"{len(mean.below)} of {len(figures)}" if mean.below else "none",
        )
        made.add_row(short(name), *compress(cells, kept))
    return made


def _call_shares(figures: Sequence[OnPair]) -> tuple[str, str, str]:
    known = [one.aiq for one in figures if one.aiq is not None]
    return (
        share(sum(one.cpt50 for one in figures) / len(figures)),
        share(sum(one.cpt80 for one in figures) / len(figures)),
        _three(sum(known) / len(known)) if len(known) == len(figures) else NOTHING,
    )


def _pairs(report: Report) -> Iterator[RenderableType]:
    """As many routers beside each other as the terminal is wide."""
    names = list(dict.fromkeys(name for pair in report.pairs for name in pair.routers))
    beside = max(1, (width() - _PAIR_WIDTH) // _ROUTER_WIDTH)
    for start in range(0, len(names), beside):
        yield _pairs_of(report, names[start : start + beside])


def _pairs_of(report: Report, names: Sequence[str]) -> RenderableType:
    columns = ("n", "gap", *(short(name) for name in names))
    made = whole(table("source", "weak", "strong", *columns, right=columns), 3)
    for source, pair in zip(once([pair.source for pair in report.pairs]), report.pairs, strict=True):
        known = [pair.routers.get(name) for name in names]
        cells = [NOTHING if one is None else f"{one.apgr.value:.3f}{mark(one.apgr, 0.5)}" for one in known]
        gap = f"{pair.strong_quality - pair.weak_quality:.3f}"
        made.add_row(short(source, 20), short(pair.weak), short(pair.strong), f"{pair.n:,}", gap, *cells)
    return made


def _choices(choices: Sequence[ChoiceFigures]) -> Iterator[tuple[str, RenderableType]]:
    """One table, or in a narrow terminal three: what is cut off there would look like another figure."""
    if not choices:
        return
    has_costs = any(one.usd_per_1k is not None for one in choices)
    title = "Own choices, beside the same calls dealt at random for the same spend"
    if width() >= _WIDE:
        yield title, _choice_table(choices, (*_REACHED, *(_SPENT if has_costs else ()), _CALLS), 20)
        return
    yield title, _choice_table(choices, _REACHED, 12)
    if has_costs:
        yield "What they cost", _choice_table(choices, _SPENT, 12)
    yield "Calls by model", _choice_table(choices, (_CALLS,), 12)


def _choice_table(choices: Sequence[ChoiceFigures], columns: Sequence[str], source_width: int) -> RenderableType:
    made = whole(table("source", "router", *columns, right=(*_REACHED, *_SPENT)), 2)
    for source, one in zip(once([one.source for one in choices]), choices, strict=True):
        cells = {
            "quality": f"{one.quality:.3f}",
            "over control": f"{signed(one.gain.value)}{mark(one.gain, 0.0)}",
            "95 %": span(one.gain),
            "$ per 1,000": NOTHING if one.usd_per_1k is None else f"{one.usd_per_1k:.4g}",
            "over a mix": signed(one.over_mix),
            "arena": _three(one.arena),
            "Opt.Sel": _three(one.selected),
            _CALLS: calls(one.shares),
        }
        made.add_row(short(source, source_width), short(one.router), *(cells[column] for column in columns))
    return made


def _calibration(report: Report) -> RenderableType:
    made = table("source", "router", "states", "n", "ECE", "Brier", right=("n", "ECE", "Brier"))
    for one in report.calibration:
        made.add_row(
            one.source,
            _fitted(one.router),
            one.of,
            f"{one.n:,}",
            f"{one.ece:.3f}",
            f"{one.brier:.3f}",
        )
    return made


def _labels(report: Report) -> RenderableType:
    columns = ("n", "rho", "exact", "two tiers too low")
    made = table("source", "router", *columns, right=columns)
    for one in report.labels:
        made.add_row(
            one.source,
            _fitted(one.router),
            f"{one.n:,}",
            _three(one.rho),
            share(one.exact),
            share(one.under_two),
        )
    return made


def _fitted(name: str) -> str:
    """A router's name, longer where there is room: it may be a command line."""
    return short(name, 30 if width() >= _WIDE else 14)


def calls(shares: Mapping[str, float]) -> str:
    """`small 60, large 40`, in percent of calls."""
    return ", ".join(f"{short(name, 12)} {100 * part:.0f}" for name, part in shares.items() if part >= _SHOWN_SHARE)


def whole(made: Table, columns: int) -> Table:
    """*made* with its first columns not broken, however narrow the terminal is."""
    for column in made.columns[:columns]:
        column.no_wrap = True
    return made


def short(name: str, width: int = 14) -> str:
    """*name*, cut where it is wider."""
    return name if len(name) <= width else f"{name[: width - 1]}…"


def once(names: Sequence[str]) -> Iterator[str]:
    """Each name where it begins, else nothing."""
    for number, name in enumerate(names):
        yield "" if number and names[number - 1] == name else name


def mark(figure: Figure, chance: float) -> str:
    """An arrow where the whole interval is on one side of *chance*."""
    if figure.low > chance + 1e-9:
        return " ↑"
    return " ↓" if figure.high < chance - 1e-9 else "  "


def span(figure: Figure) -> str:
    """The interval."""
    return NOTHING if math.isnan(figure.low) else f"{_plain(figure.low)} … {_plain(figure.high)}"


def _plain(value: float) -> str:
    return f"{value:.3f}" if round(value, 3) else "0.000"


def _three(value: float | None) -> str:
    return NOTHING if value is None or math.isnan(value) else f"{value:.3f}"


def signed(value: float | None) -> str:
    """`+0.012`; a dash where it cannot be told."""
    if value is None or math.isnan(value):
        return NOTHING
    return f"{value:+.3f}" if round(value, 3) else "0.000"
