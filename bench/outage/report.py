"""What the outage run saw, as Markdown: a table of phases, a timeline, and whether the aims were met."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from callers import Outcome

BEGIN = "<!-- bench:outage -->"
END = "<!-- /bench:outage -->"
MOST_ADDED_MS = 1000.0
MOST_ATTEMPTS = 1.2
WHOLE_SHARE = 0.4  # of the requests, of the two even shares: as much as before
_BARS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A part of the run, in seconds from its start."""

    name: str
    from_s: float
    to_s: float

    def of(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Those that ended in it, so that what was under way when an upstream died belongs to the outage."""
        return [one for one in outcomes if self.from_s <= one.started_s + one.elapsed_ms / 1000 < self.to_s]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The figures that the aims are about."""

    requests: int
    lost: int  # not served, although nothing of the answer had been sent
    cut: int  # broke off after their first content: nobody else can go on with them
    attempts_per_request: float
    added_p99_ms: float
    back_after_s: float | None  # from the restart to an even share again

    @property
    def is_met(self) -> bool:
        """Whether every aim is."""
        return (
            self.lost == 0
            and self.attempts_per_request <= MOST_ATTEMPTS
            and self.added_p99_ms < MOST_ADDED_MS
            and self.back_after_s is not None
        )


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; 0 of nothing."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)] if ranked else 0.0


def verdict(outcomes: Sequence[Outcome], calm: Phase, outage: Phase, after: Phase) -> Verdict:
    """*calm* is before the outage. The upstream that dies is B. Coming back may cost no more than being down."""
    lost = [one for one in outcomes if not one.is_served and not one.had_begun]
    cut = [one for one in outcomes if not one.is_served and one.had_begun]
    attempts = sum(1 + one.failed_attempts for one in outcomes)
    before, *later = (
        percentile([one.elapsed_ms for one in phase.of(outcomes) if one.is_served], 0.99)
        for phase in (calm, outage, after)
    )
    return Verdict(
        requests=len(outcomes),
        lost=len(lost),
        cut=len(cut),
        attempts_per_request=attempts / max(1, len(outcomes)),
        added_p99_ms=max(later) - before,
        back_after_s=_back_after_s(outcomes, outage.to_s),
    )


def _back_after_s(outcomes: Sequence[Outcome], restarted_s: float) -> float | None:
    last_s = max((one.started_s for one in outcomes), default=0.0)
    for second in range(math.ceil(restarted_s), int(last_s)):
        found = [one for one in outcomes if second <= one.started_s < second + 1 and one.is_served]
        if found and sum(one.by == "B" for one in found) / len(found) >= WHOLE_SHARE:
            return second + 1 - restarted_s
    return None


def markdown(outcomes: Sequence[Outcome], phases: Sequence[Phase], found: Verdict) -> str:
    """One run's table, aims and timeline."""
    rows = [
        "| | requests | lost | cut mid-stream | failed attempts | p50 ms | p99 ms | longest ms | answered by A / B |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for phase in phases:
        some = phase.of(outcomes)
        times = [one.elapsed_ms for one in some if one.is_served]
        lost = sum(not one.is_served and not one.had_begun for one in some)
        cut = sum(not one.is_served and one.had_begun for one in some)
        shares = " / ".join(f"{sum(one.by == name and one.is_served for one in some):,}" for name in "AB")
        cells = [
            f"{phase.name}, {phase.from_s:.0f}–{phase.to_s:.0f} s",
            f"{len(some):,}",
            f"{lost}",
            f"{cut}",
            f"{sum(one.failed_attempts for one in some)}",
            f"{percentile(times, 0.5):,.0f}",
            f"{percentile(times, 0.99):,.0f}",
            f"{max(times, default=0.0):,.0f}",
            shares,
        ]
        rows.append("| " + " | ".join(cells) + " |")
    back = "not seen" if found.back_after_s is None else f"{found.back_after_s:.0f} s"
    aims = [
        f"- requests lost that could be served: **{found.lost}** of {found.requests:,} (aim 0)",
        f"- added to the 99th percentile, then or when B is back: **{found.added_p99_ms:,.0f} ms** (aim < 1,000)",
        f"- attempts per request: **{found.attempts_per_request:.3f}** (aim ≤ 1.2)",
        f"- from the restart to an even share again: **{back}**",
    ]
    return "\n\n".join(["\n".join(rows), "\n".join(aims), f"```text\n{timeline(outcomes, phases)}\n```"])


def timeline(outcomes: Sequence[Outcome], phases: Sequence[Phase]) -> str:
    """A column per second: answers of A and of B, and requests whose first attempt failed."""
    seconds = math.ceil(phases[-1].to_s)
    by_second: list[list[Outcome]] = [[] for _ in range(seconds)]
    for one in outcomes:
        if one.started_s < seconds:
            by_second[int(one.started_s)].append(one)
    counts = {
        "answered by A": [sum(one.by == "A" and one.is_served for one in some) for some in by_second],
        "answered by B": [sum(one.by == "B" and one.is_served for one in some) for some in by_second],
        "second attempts": [sum(one.failed_attempts for one in some) for some in by_second],
        "lost": [sum(not one.is_served and not one.had_begun for one in some) for some in by_second],
    }
    most = max(max(row) for row in counts.values()) or 1
    marks = [" "] * seconds
    for phase, mark in zip(phases[1:], ("x", "^"), strict=False):
        marks[min(seconds - 1, int(phase.from_s))] = mark
    lines = [f"{name:<16} {''.join(_bar(count, most) for count in row)}  {sum(row):,}" for name, row in counts.items()]
    return "\n".join([*lines, f"{'':<16} {''.join(marks)}  a column is a second; x: B is killed, ^: started again"])


def _bar(count: int, most: int) -> str:
    return _BARS[math.ceil(count / most * (len(_BARS) - 1))]


def place(path: Path, text: str) -> None:
    """Put *text* between the marks in *path*, under a heading of its own where they are missing."""
    section = f"{BEGIN}\n\n{text}\n\n{END}"
    old = path.read_text(encoding="utf-8")
    before, found, rest = old.partition(BEGIN)
    if found:
        path.write_text(before + section + rest.partition(END)[2], encoding="utf-8")
        return
    path.write_text(f"{old.rstrip()}\n\n## An outage under load\n\n{section}\n", encoding="utf-8")
