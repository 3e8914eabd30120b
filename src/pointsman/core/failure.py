"""What can go wrong with one attempt, in eight words that policies are written in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FailureKind(StrEnum):
    """Why a model did not answer; the closed set that policies and fallbacks are keyed on."""

    TERMINAL = "terminal"  # quota spent, model gone for good: not again today
    TRANSIENT = "transient"  # overload, rate limit, 5xx, network: may work soon
    NOT_FOUND = "not_found"  # the endpoint does not know the model, or the model not what is asked of it
    CONTEXT = "context"  # the prompt is longer than the window
    CONTENT = "content"  # a safety filter refused the content
    AUTH = "auth"  # our key for the endpoint is wrong
    BAD_REQUEST = "bad_request"  # the request itself is wrong: no other model will do better
    UNKNOWN = "unknown"


DISCONNECTED = "upstream_disconnected"  # the code of a connection that ended before a byte of the answer
SPENT_TODAY = "daily_quota"  # the code of Google's daily allowances, which are back at midnight in California
UNABLE = "unsupported_by_model"  # the code of a request that is right, and more than this one model can do


class Reach(StrEnum):
    """Whom a failure is about."""

    MODEL = "model"
    ENDPOINT = "endpoint"  # no connection, a wrong key, an account without credit: all of its models


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failed attempt. `message` is the endpoint's own words, shortened; it never holds the prompt.

    The endpoint wants to be left alone for `retry_after_s` seconds, or until `until_s` (since the epoch).
    """

    kind: FailureKind
    model: str
    endpoint: str
    message: str
    status: int | None = None
    code: str | None = None
    retry_after_s: float | None = None
    until_s: float | None = None
    reach: Reach = Reach.MODEL
    elapsed_ms: float = 0.0
