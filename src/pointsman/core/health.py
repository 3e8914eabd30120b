"""How well a model or an endpoint is, and since when: what is known before it is asked again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class HealthState(StrEnum):
    """Whether one may be asked."""

    HEALTHY = "healthy"
    ONE_RETRY = "one_retry"  # it failed lately: each request asks it once and not again
    COOLING = "cooling"  # nobody asks it until `until_s`
    PROBING = "probing"  # one request is finding out whether it is back, the others leave it alone
    RAMPING = "ramping"  # it is back, and gets a growing share of the requests
    DOWN = "down"  # nobody asks it until it is reset, or `until_s` where that is known


class Cause(StrEnum):
    """What stands behind a state other than healthy."""

    QUOTA = "quota"  # an allowance is spent: waiting for its reset is all that helps
    CAPACITY = "capacity"  # too busy, too many requests, an error of its own
    AUTH = "auth"  # our key is wrong
    MISSING = "missing"  # the endpoint does not have the model
    NETWORK = "network"  # no connection, a cut, a stall, an answer that is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """One model's health, or (`is_endpoint`) one endpoint's. Times are seconds since the epoch."""

    subject: str  # a card's id, or an endpoint's name
    is_endpoint: bool = False
    state: HealthState = HealthState.HEALTHY
    cause: Cause | None = None
    since_s: float = 0.0
    until_s: float | None = None
    failures: int = 0  # in a row
    share: float = 1.0  # of its requests that it gets while it ramps
    message: str | None = None  # the endpoint's own words
