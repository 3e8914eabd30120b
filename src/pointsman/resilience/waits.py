"""When an endpoint may be asked again, as it says itself: in headers, in words, by the day. Seconds everywhere.

What makes no sense (negative, not a number, a date of no calendar) is no advice; what is huge is cut to a day.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from pointsman.core.values import value_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Header = Callable[[str], str | None]  # a header by its lower-case name

MOST_S: Final = 86_400.0

_NUMBER = re.compile(r"\d{1,18}(?:\.\d{1,18})?", re.ASCII)
_DURATION = re.compile(
    r"(?:(?P<d>\d{1,4})d)?(?:(?P<h>\d{1,5})h)?(?:(?P<m>\d{1,6})m(?!s))?"
    r"(?:(?P<s>\d{1,8}(?:\.\d{1,18})?)s)?(?:(?P<ms>\d{1,11}(?:\.\d{1,18})?)ms)?",
    re.ASCII,
)
_SAID = re.compile(
    r"(?:try again|retry)(?: again)? (?:in|after) (?=\d)"
    r"(?:(?P<h>\d{1,4})h)?(?:(?P<m>\d{1,5})m(?![a-z]))?(?:(?P<s>\d{1,7}(?:\.\d{1,9})?) ?(?P<unit>ms|s\b|sec))?",
    re.IGNORECASE | re.ASCII,
)
_SAID_DATE = re.compile(r"regain access on (\d{4}-\d\d-\d\d)(?: at (\d\d:\d\d))? UTC", re.ASCII)
_OF_OPENAI = ("requests", "tokens", *(f"{what}-{per}" for what in ("requests", "tokens") for per in ("minute", "day")))
_OF_ANTHROPIC = ("requests", "tokens", "input-tokens", "output-tokens")
# What is left of an allowance, and when it is whole again: OpenAI and Groq, Cerebras, OpenRouter; Anthropic.
_ALLOWANCES = (
    *((f"x-ratelimit-remaining-{name}", f"x-ratelimit-reset-{name}") for name in _OF_OPENAI),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    *((f"anthropic-ratelimit-{name}-remaining", f"anthropic-ratelimit-{name}-reset") for name in _OF_ANTHROPIC),
)
_SINCE_EPOCH_S = 1e9  # a number as large is a time, not a wait
_SINCE_EPOCH_MS = 1e11


_NO_HEADERS: dict[str, str] = {}


@value_type
class Hints:
    """What stands beside an error: the answer's headers, and the wait that the body asks for.

    `now_s` is the time since the epoch; without it a date that stands alone is no advice.
    """

    header: Header = _NO_HEADERS.get
    asked_s: float | None = None
    now_s: float | None = None


NO_HINTS: Final = Hints()


def bounded(wait_s: float | None) -> float | None:
    """*wait_s* as advice that may be followed."""
    return None if wait_s is None or not wait_s >= 0 else min(wait_s, MOST_S)


def asked_wait_s(hints: Hints) -> float | None:
    """What `retry-after-ms`, `Retry-After` or the body asks for.

    A date counts from the answer's own `Date`, whatever our clock says.
    """
    exact = _number(hints.header("retry-after-ms"))
    if exact is not None:
        return bounded(exact / 1e3)
    text = hints.header("retry-after")
    wait_s = _number(text)
    if wait_s is None and text is not None:
        wait_s = _until(_http_date(text), hints)
    return bounded(hints.asked_s if wait_s is None else wait_s)


def exhausted_wait_s(hints: Hints) -> float | None:
    """When all the allowances that are used up are whole again; those that are not are not waited for."""
    return bounded(max(_resets(hints), default=None))


def said_wait_s(message: str) -> float | None:
    """The wait that *message* names: "in 20s", "in 1m2.5s", "after 26 seconds", "in 350ms"."""
    said = _SAID.search(message)
    if said is None or not any(said.group("h", "m", "s")):
        return None
    per_s = 1000 if said["unit"] and said["unit"].lower() == "ms" else 1
    return bounded(int(said["h"] or 0) * 3600 + int(said["m"] or 0) * 60 + float(said["s"] or 0) / per_s)


def said_date_s(message: str) -> float | None:
    """The time that *message* names, in seconds since the epoch: "regain access on 2026-03-01 at 00:00 UTC"."""
    said = _SAID_DATE.search(message)
    if said is None:
        return None
    try:
        return datetime.fromisoformat(f"{said[1]}T{said[2] or '00:00'}+00:00").timestamp()
    except ValueError:
        return None


def midnight_in_california_s(now_s: float) -> float:
    """The next one, in seconds since the epoch: Google's daily allowances begin anew then.

    https://ai.google.dev/gemini-api/docs/rate-limits
    """
    utc = datetime.fromtimestamp(now_s, UTC)
    local = utc - timedelta(hours=7 if _is_summer(utc) else 8)
    midnight = datetime(local.year, local.month, local.day, tzinfo=UTC) + timedelta(days=1)
    in_summer = midnight + timedelta(hours=7)
    return (in_summer if _is_summer(in_summer) else in_summer + timedelta(hours=1)).timestamp()


def _is_summer(utc: datetime) -> bool:
    """Whether the western United States have their summer time: second Sunday of March to first of November, 2 am."""
    return _sunday(utc.year, 3, 2, 10) <= utc < _sunday(utc.year, 11, 1, 9)


def _sunday(year: int, month: int, number: int, hour: int) -> datetime:
    first = datetime(year, month, 1, hour, tzinfo=UTC)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (number - 1))


def _resets(hints: Hints) -> Iterator[float]:
    for remaining, reset in _ALLOWANCES:
        left, text = hints.header(remaining), hints.header(reset)
        if left is not None and text is not None and _is_spent(left.strip()):
            wait_s = _reset_s(text, hints)
            if wait_s is not None:
                yield wait_s


def _is_spent(left: str) -> bool:
    number = _number(left.removeprefix("-"))
    return number == 0 or (number is not None and left.startswith("-"))


def _reset_s(text: str, hints: Hints) -> float | None:
    """Seconds until a reset that is told as a wait ("6m0s", "12.5"), as seconds since the epoch, or by RFC 3339."""
    number = _number(text)
    if number is not None and number >= _SINCE_EPOCH_S:
        at_s = number / 1e3 if number >= _SINCE_EPOCH_MS else number
        return None if hints.now_s is None else max(0.0, at_s - hints.now_s)
    return number if number is not None else _duration(text) or _until(_iso_date(text), hints)


def _number(text: str | None) -> float | None:
    return float(text) if text is not None and _NUMBER.fullmatch(text := text.strip()) else None


def _duration(text: str) -> float | None:
    """A duration as Go writes it; None for an empty one."""
    said = _DURATION.fullmatch(text.strip())
    if said is None or not any(said.groups()):
        return None
    scales = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3}
    return sum(float(said[unit] or 0) * scale for unit, scale in scales.items())


def _until(moment: datetime | None, hints: Hints) -> float | None:
    """Seconds to *moment* from the answer's `Date`, else from our clock; 0 when it is past."""
    if moment is None:
        return None
    date = hints.header("date")
    began = _http_date(date) if date is not None else None
    if began is not None and (began.tzinfo is None) is not (moment.tzinfo is None):
        began = None
    if began is not None:
        return max(0.0, (moment - began).total_seconds())
    if hints.now_s is None or moment.tzinfo is None:
        return None
    return max(0.0, moment.timestamp() - hints.now_s)


def _http_date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):  # no date, or of a year beyond all
        return None


def _iso_date(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
