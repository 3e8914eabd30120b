"""How much is put up with before a model or an endpoint is left alone, and for how long. Each number with its source.

Envoy is its outlier detection, LiteLLM its Router's cooldowns (1.92), as measured or read in their own defaults.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointsman.core.failure import Failure, FailureKind
from pointsman.core.health import Cause

if TYPE_CHECKING:
    from collections.abc import Callable

ROW_S = 60.0  # failures in a row that are further apart than this have nothing to do with each other (LiteLLM: 1 min)
WINDOW_S = 30.0  # in which the rate of failures is looked at
MIN_REQUESTS = 10  # below this a rate means nothing (LiteLLM: 5 in a minute; Envoy: 100)
MAX_FAILING = 0.5  # of them (LiteLLM: more than half)
UNREACHABLE_FAILURES = 2  # an endpoint without a connection: asking again at once is pointless
PROBE_LOST_S = 60.0  # a probe that has not reported by then is given up
FORGET_S = 300.0  # so long healthy, and earlier ejections make the next no longer (Envoy forgets one each 10 s)
STAGES = (0.10, 0.25, 0.50)  # shares of a model that is back, before it gets all
STAGE_SUCCESSES = 5  # end a stage before its time is over
HANG_MS = 10_000.0  # a model that said nothing for so long cools at once: everybody who meets it waits as long
SHORT_S = 2.0  # a request may wait so long for the same model, see `backoff.MOST_S`

MOST_ASKED_S = 3600.0  # a wait that an endpoint asks for is believed up to this
MOST_QUOTA_S = 24 * 3600.0  # a day's allowance is back after a day
QUOTA_S = 3600.0  # where nobody says when an allowance is back
MISSING_S = 60.0  # a model that is being pulled, or was renamed; doubled by each probe in vain
AUTH_S = 300.0  # a wrong key is tried again, should it have been the endpoint's mistake


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """What the configuration says about it."""

    allowed_fails: int = 2  # in a row, the next one cools the model (LiteLLM: 3 in a minute; Envoy: the 5th ejects)
    breaker_failures: int = 5  # in a row, of two models at least: the endpoint's own (Envoy: 5)
    cooldown_s: float = 5.0  # first time, then doubled (LiteLLM: 5, never more; Envoy: 30 times how often)
    max_cooldown_s: float = 300.0  # (Envoy: 300)
    ramp_s: float = 10.0  # from the first share to all


DEFAULT_TOLERANCE = Tolerance()
TOO_MANY = 429
PASSING = frozenset((FailureKind.TRANSIENT, FailureKind.UNKNOWN))


def is_hang(failure: Failure) -> bool:
    """Whether the model let a request wait for nothing."""
    return failure.status is None and failure.elapsed_ms >= HANG_MS


def asks_to_wait(failure: Failure) -> bool:
    """Whether *failure* says by itself that the model is to be left alone, the first time already."""
    return failure.status == TOO_MANY or bool(failure.retry_after_s) or failure.until_s is not None


def hint_s(failure: Failure, now_s: float) -> float | None:
    """How long the endpoint itself wants to be left alone, believed within bounds; None when it does not say."""
    if failure.until_s is not None and failure.until_s > now_s:
        most_s = MOST_ASKED_S if failure.kind in PASSING else MOST_QUOTA_S
        return min(failure.until_s - now_s, most_s)
    if failure.retry_after_s is not None and failure.retry_after_s > 0:
        return min(failure.retry_after_s, MOST_ASKED_S)
    return None


def cooling_s(tolerance: Tolerance, times: int, draw: Callable[[], float]) -> float:
    """Seconds to cool for the time number *times* (from 1): base · 2^(times-1), drawn up to a fifth longer.

    5, 10, 20 … 300 with the defaults and a draw of 0.
    """
    doubled = tolerance.cooldown_s * 2.0 ** min(max(times - 1, 0), 30)
    return min(doubled * (1.0 + 0.2 * draw()), tolerance.max_cooldown_s)


def down_s(tolerance: Tolerance, cause: Cause, times: int, failure: Failure, now_s: float) -> float:
    """Seconds until the first probe of somebody who is down for the time number *times* (from 1).

    Where an allowance is spent only a date is believed: Gemini asks for 30 s when the day's is.
    """
    hint = hint_s(failure, now_s) or 0.0
    match cause:
        case Cause.QUOTA:
            is_dated = failure.until_s is not None and failure.until_s > now_s
            return hint if is_dated else max(hint, QUOTA_S)
        case Cause.MISSING:
            return max(hint, min(MISSING_S * 2.0 ** min(max(times - 1, 0), 30), QUOTA_S))
        case Cause.AUTH:
            return AUTH_S
        case _:
            return max(hint, tolerance.max_cooldown_s)
