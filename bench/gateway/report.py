"""What was measured, as Markdown for people and JSON for programs; also puts the Markdown into its place in a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from load import Cell
from measure import Record, Sample

BEGIN = "<!-- bench:gateway -->"
END = "<!-- /bench:gateway -->"
LATENCY_CELLS = ("1k-c1", "1k-c32", "1k-c256")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Where, when and how it was measured."""

    date: str
    command: str
    machine: str
    cpus: int
    pinning: str
    python: str
    wrk: str
    load_average: str
    rounds: int
    seconds: float


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * (len(heads) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _number(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _scaled(value: float | None) -> str:
    """Three digits that matter for a value of any size."""
    return _number(value, 0 if value is None or value >= 100 else 1 if value >= 10 else 2)


def _ratio(mine: float | None, theirs: float | None) -> str:
    """×1.5, ×120, or 1/120 where *mine* is less than half of *theirs*; a dash where either is unknown."""
    if not mine or not theirs:
        return "–"
    return f"×{_scaled(mine / theirs)}" if mine / theirs > 0.5 else f"1/{_scaled(theirs / mine)}"


def _cpu(sample: Sample) -> float:
    return sample.cpu_us_per_request


def _median_of(values: Sequence[float]) -> float | None:
    return sorted(values)[len(values) // 2] if values else None


def _cpu_table(records: Sequence[Record], cells: Sequence[Cell]) -> str:
    busiest = next((cell for cell in cells if cell.name == "1k-c32"), cells[0])
    heads = [
        "CPU-µs per request",
        *(cell.title for cell in cells),
        f"req/s ({busiest.title})",
        "peak RSS MB",
        "start s",
    ]
    rows = []
    for record in records:
        cost = ["invalid" if record.problem(cell.name) else _number(record.median(cell.name, _cpu)) for cell in cells]
        rate = _number(record.median(busiest.name, lambda sample: sample.requests_per_s))
        memory = _number(max(record.peak_rss_mb, default=None))
        rows.append([record.target.title, *cost, rate, memory, _number(_median_of(record.start_s), 2)])
    return _table(heads, rows)


def _latency_table(records: Sequence[Record], cells: Sequence[Cell]) -> str:
    shown = [cell for cell in cells if cell.name in LATENCY_CELLS]
    if not shown:
        return ""
    rows = []
    for record in records:
        pairs = []
        for cell in shown:
            p50 = record.median(cell.name, lambda sample: sample.p50_ms)
            p99 = record.median(cell.name, lambda sample: sample.p99_ms)
            late = any(sample.answered == 0 for sample in record.samples.get(cell.name, []))
            pairs.append("no answer in time" if late else f"{_scaled(p50)} / {_scaled(p99)}")
        rows.append([record.target.title, *pairs])
    return _table(["p50 / p99 ms", *(cell.title for cell in shown)], rows)


def _ratio_table(records: Sequence[Record], cells: Sequence[Cell], base_name: str) -> str:
    """CPU per request of each gateway, divided by that of the target *base_name*."""
    base = next((record for record in records if record.target.name == base_name and record.samples), None)
    if base is None:
        return ""
    rows = []
    for record in records:
        if record.target.is_mock or record is base:
            continue
        ratios = []
        for cell in cells:
            mine, theirs = record.median(cell.name, _cpu), base.median(cell.name, _cpu)
            ratios.append(_ratio(mine, theirs))
        rows.append([record.target.title, *ratios])
    return _table([f"CPU relative to {base.target.title}", *(cell.title for cell in cells)], rows) if rows else ""


def _problems(records: Sequence[Record], cells: Sequence[Cell]) -> str:
    lines = [f"- {record.target.title}: not measured: {record.missing}" for record in records if record.missing]
    for record in records:
        found = ((cell, record.problem(cell.name)) for cell in cells)
        lines += [f"- {record.target.title}, {cell.title}: {problem}" for cell, problem in found if problem]
    return "\n".join(["Left out or invalid:", "", *lines]) if lines else ""


def markdown(records: Sequence[Record], cells: Sequence[Cell], circumstances: Circumstances) -> str:
    """The tables and the line about circumstances, without headings."""
    c = circumstances
    measured = [record for record in records if not record.missing]
    versions = ", ".join(f"{record.target.title} {record.version}" for record in measured)
    facts = (
        f"{c.date}; {c.machine}, {c.cpus} CPUs ({c.pinning}), Python {c.python}, {c.wrk}; "
        f"load average at the start {c.load_average}; {c.rounds} interleaved rounds of {c.seconds:g} s, medians. "
        f"Versions: {versions}.\n\n`{c.command}`"
    )
    parts = [
        facts,
        _cpu_table(measured, cells),
        _latency_table(measured, cells),
        _ratio_table(measured, cells, "nginx"),
        _ratio_table(measured, cells, "litellm"),
        _problems(records, cells),
    ]
    return "\n\n".join(part for part in parts if part)


def as_json(records: Sequence[Record], circumstances: Circumstances) -> dict[str, object]:
    """Everything: circumstances, and every sample of every round."""
    return {
        "circumstances": dataclasses.asdict(circumstances),
        "targets": [
            {
                "name": record.target.name,
                "version": record.version,
                "missing": record.missing,
                "start_s": record.start_s,
                "peak_rss_mb": record.peak_rss_mb,
                "cells": {
                    name: [dataclasses.asdict(sample) for sample in samples] for name, samples in record.samples.items()
                },
            }
            for record in records
        ],
    }


def place(path: Path, text: str) -> None:
    """Put *text* between the marks in *path*; file and marks are made if missing."""
    section = f"{BEGIN}\n\n{text}\n\n{END}"
    old = path.read_text(encoding="utf-8") if path.exists() else "# Benchmarks\n"
    before, found, rest = old.partition(BEGIN)
    after = rest.partition(END)[2] if found else "\n"
    path.write_text((before if found else f"{old.rstrip()}\n\n") + section + after, encoding="utf-8")
