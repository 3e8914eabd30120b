"""Figures as a person reads them: money, times, counts, shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_MINUTE_MS = 60_000.0
_SECOND_MS = 1_000.0
_MINUTE_S = 60
_HOUR_MIN = 60
_DAY_H = 24
NOTHING = "–"


def dollars(amount: float | None) -> str:
    """`$0`, `$0.0042`, `$1.50`; a dash when the price is not known."""
    if amount is None:
        return NOTHING
    sign, size = ("-", -amount) if amount < 0 else ("", amount)
    if size == 0:
        return "$0"
    if size >= 1:
        return f"{sign}${size:,.2f}"
    return f"{sign}${size:.6f}".rstrip("0") if size >= 0.000001 else f"{sign}<$0.000001"


def duration(ms: float | None) -> str:
    """`84 µs`, `12 ms`, `0.4 s`, `2 min 5 s`; a dash when not known."""
    if ms is None:
        return NOTHING
    if ms < 1:
        return f"{ms * 1000:.0f} µs"
    if ms < 100:
        return f"{ms:.0f} ms"
    if ms < _MINUTE_MS:
        return f"{ms / _SECOND_MS:.1f} s"
    minutes, rest_ms = divmod(ms, _MINUTE_MS)
    return f"{minutes:.0f} min {rest_ms / _SECOND_MS:.0f} s"


def count(number: int | None) -> str:
    """`1,234`; a dash when not known."""
    return NOTHING if number is None else f"{number:,}"


def share(part: float | None) -> str:
    """`93 %`, of 0..1; a dash when nothing counts towards it."""
    return NOTHING if part is None else f"{part * 100:.0f} %"


def window(tokens: int | None) -> str:
    """A context window: `4K`, `128K`, `1M`; thousands are 1,000 where that divides it, else 1,024."""
    if tokens is None:
        return NOTHING
    for size, mark in ((1024 * 1024, "M"), (1_000_000, "M"), (1000, "K"), (1024, "K")):
        if tokens % size == 0:
            return f"{tokens // size}{mark}"
    return f"{tokens:,}"


def about(amount: float) -> str:
    """An estimate in dollars, to two digits: `$0.0042`."""
    return dollars(float(f"{amount:.2g}"))


def span(seconds: float) -> str:
    """`12 s`, `4 min`, `3 h 12 min`, `2 d 4 h`."""
    if seconds < _MINUTE_S:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / _MINUTE_S)
    if minutes < _HOUR_MIN:
        return f"{minutes} min"
    hours, rest_min = divmod(minutes, _HOUR_MIN)
    if hours < _DAY_H:
        return f"{hours} h {rest_min} min" if rest_min else f"{hours} h"
    days, rest_h = divmod(hours, _DAY_H)
    return f"{days} d {rest_h} h" if rest_h else f"{days} d"


def again(until: datetime, now: datetime) -> str:
    """When something may be asked: `again in 12 s`, `again at 09:00, in 3 h 12 min`; the day if it is not today."""
    wait = span((until - now).total_seconds())
    if (until - now).total_seconds() < _MINUTE_S:
        return f"again in {wait}"
    days = (until.date() - now.date()).days
    day = "" if days == 0 else "tomorrow " if days == 1 else f"on {until:%a} {until.day} {until:%b} "
    return f"again {day}at {until:%H:%M}, in {wait}"


def size(size_bytes: int) -> str:
    """Bytes of a file or of memory: `19.8 GB`, `806 MB`, `1.9 MB`."""
    if size_bytes >= 1e9:
        return f"{size_bytes / 1e9:.1f} GB"
    megabytes = size_bytes / 1e6
    return f"{megabytes:.0f} MB" if megabytes >= 10 else f"{megabytes:.1f} MB"
