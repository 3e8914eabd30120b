"""The ledger's rows as tables and texts for a person."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import compress
from typing import TYPE_CHECKING

from pointsman.cli.explanation import assessment_lines, facts_grid, labelled, struck_lines, trail_lines
from pointsman.cli.figures import NOTHING, count, dollars, duration, share
from pointsman.cli.output import print_data, say, table, width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table
    from rich.text import Text

    from pointsman.adapters.storage.rows import LedgerRow, Stats, StatsLine

_STYLES = {"ok": "green", "failed": "red", "deadline": "red", "cancelled": "yellow", "open": "cyan"}
_ID_SHOWN = 8
_WIDE = 90
_LESS = ("LOCAL", "P50")


def print_rows(rows: Sequence[LedgerRow], *, header: bool = True) -> None:
    """A line for each request."""
    made = table("TIME", "ID", "MODEL", "TIER", "RESULT", "TOKENS", "TOOK", "COST", right=("TOKENS", "TOOK", "COST"))
    made.show_header = header
    for row in rows:
        made.add_row(
            clock_time(row.at_s),
            row.id[:_ID_SHOWN],
            _model(row),
            row.tier or NOTHING,
            _result(row),
            _tokens(row),
            duration(row.duration_ms),
            dollars(row.cost_usd),
        )
    print_data(made)


def print_row(row: LedgerRow) -> None:
    """All about one request."""
    from rich.text import Text

    place = "demo" if row.is_demo else {True: "local", False: "cloud", None: None}[row.is_local]
    facts = [row.tier, place, f"by {row.strategy}", row.outcome.value]
    print_data(
        Text.assemble((row.served or row.routed, "bold"), "  ", (" · ".join(fact for fact in facts if fact), "cyan"))
    )
    grid = facts_grid()
    grid.add_row("id", Text(row.id))
    grid.add_row("at", Text(f"{clock_time(row.at_s)} from {row.client or row.surface}"))
    grid.add_row("why", Text(row.reason))
    for label, line in assessment_lines(row.assessment) if row.assessment is not None else ():
        grid.add_row(label, Text(line))
    grid.add_row("privacy", Text(_privacy(row)))
    if row.asked is not None:
        grid.add_row("asked for", Text(row.asked))
    if row.prompt is not None:
        grid.add_row("prompt", Text(row.prompt))
    if row.finished_at_s is not None:
        grid.add_row("used", Text(_used(row)))
        grid.add_row("took", Text(_times(row)))
    _add_history(grid, row)
    print_data(grid)


def print_stats(stats: Stats) -> None:
    """A line for each group and one for all; a narrow terminal gets the columns that matter most."""
    right = ("REQUESTS", "IN", "OUT", "COST", "SAVED", "LOCAL", "FAILED", "P50", "P95")
    kept = [width() >= _WIDE or column not in _LESS for column in right]
    made = table(stats.group_by.value.upper(), *compress(right, kept), right=right)
    for line in stats.groups:
        made.add_row(line.key or NOTHING, *compress(_figures(line), kept))
    if len(stats.groups) != 1:
        made.add_section()
        made.add_row("all", *compress(_figures(stats.total), kept), style="bold")
    print_data(made)
    notes = []
    if stats.rejected:
        notes.append(f"{stats.rejected:,} more were rejected before a decision")
    if stats.total.unpriced:
        notes.append(f"{stats.total.unpriced:,} answers have no known price and are missing from COST")
    for note in notes:
        say(note)


def clock_time(at_s: float) -> str:
    """The moment on this machine's clock."""
    return datetime.fromtimestamp(at_s, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _figures(line: StatsLine) -> tuple[str, ...]:
    return (
        count(line.requests),
        count(line.input_tokens),
        count(line.output_tokens),
        dollars(line.cost_usd),
        dollars(line.saved_usd),
        share(line.local_share),
        share(line.error_rate),
        duration(line.duration_p50_ms),
        duration(line.duration_p95_ms),
    )


def _model(row: LedgerRow) -> Text:
    """Who answered; after an arrow when another had been chosen."""
    from rich.text import Text

    if row.served is not None and row.served != row.routed and row.fallbacks:
        return Text.assemble((f"{row.routed} ", "strike dim"), f"→ {row.served}")
    return Text(row.served or row.routed)


def _result(row: LedgerRow) -> Text:
    from rich.text import Text

    return Text(row.outcome.value.replace("_", " "), style=_STYLES.get(row.outcome.value, ""))


def _tokens(row: LedgerRow) -> str:
    if row.input_tokens is None or row.output_tokens is None:
        return NOTHING
    mark = "~" if row.is_estimated else ""
    return f"{mark}{row.input_tokens:,}+{row.output_tokens:,}"


def _privacy(row: LedgerRow) -> str:
    source = f" ({row.privacy_source})" if row.privacy_source else ""
    return f"{row.privacy}{source}" + (f": {', '.join(row.privacy_kinds)}" if row.privacy_kinds else "")


def _used(row: LedgerRow) -> str:
    saved = f", {dollars(row.saved_usd)} saved against {row.baseline}" if row.saved_usd else ""
    return f"{_tokens(row)} tokens (in + out), {dollars(row.cost_usd)}{saved}"


def _times(row: LedgerRow) -> str:
    parts = [duration(row.duration_ms), f"decided in {duration(row.decision_us / 1000)}"]
    if row.first_byte_ms is not None:
        parts.append(f"first byte after {duration(row.first_byte_ms)}")
    return ", ".join(parts)


def _add_history(grid: Table, row: LedgerRow) -> None:
    """Who was struck out, the trail, the attempts, what went wrong."""
    from rich.text import Text

    for label, line in labelled("struck out", struck_lines((one.model, one.by, one.reason) for one in row.struck)):
        grid.add_row(label, line)
    steps = [(step.strategy, step.outcome, step.detail) for step in row.trail]
    for label, step in labelled("trail", trail_lines(steps, row.strategy)):
        grid.add_row(label, Text(step))
    for label, attempt in labelled("attempts", row.attempts):
        status = f" {attempt.status}" if attempt.status else ""
        message = f": {attempt.message}" if attempt.message else ""
        kind = f" ({attempt.kind}{status})" if attempt.kind else ""
        took = f" in {duration(attempt.elapsed_ms)}" if attempt.elapsed_ms is not None else ""
        grid.add_row(label, Text(f"{attempt.number}. {attempt.model} {attempt.outcome.value}{kind}{took}{message}"))
    if row.error is not None:
        grid.add_row("error", Text(row.error, style="red"))
    for label, warning in labelled("warning", row.warnings):
        grid.add_row(label, Text(warning, style="yellow"))
    if row.dropped:
        grid.add_row("dropped", Text(f"{', '.join(row.dropped)}: the model's API cannot carry them", style="yellow"))
