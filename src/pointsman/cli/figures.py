"""Figures as a person reads them: money, times, counts, shares."""

from __future__ import annotations

_MINUTE_MS = 60_000.0
_SECOND_MS = 1_000.0
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
