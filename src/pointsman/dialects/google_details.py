"""What Google's errors say beyond their message: which quota, which reason, how long to wait. Any of its APIs.

https://cloud.google.com/apis/design/errors; the order is that of gemini-cli's `googleQuotaErrors`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pointsman.core.failure import SPENT_TODAY
from pointsman.core.values import value_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pointsman.core.jsontypes import Json, JsonObject

# What these are called in every part of Pointsman.
WRONG_KEY: Final = "invalid_api_key"
NO_CREDIT: Final = "insufficient_quota"
SPENT: Final = "quota_exhausted"
NO_CAPACITY: Final = "model_capacity_exhausted"
KNOWN: Final = frozenset((WRONG_KEY, NO_CREDIT, SPENT, NO_CAPACITY, SPENT_TODAY))

_MAX_READ_CHARS: Final = 20_000
_DAILY = ("PerDay", "Daily")
_LONG_S: Final = 300.0
_A_MINUTE_S: Final = 60.0
_KEY_REASON = "API_KEY_"  # API_KEY_INVALID, API_KEY_SERVICE_BLOCKED, API_KEY_IP_ADDRESS_BLOCKED …
_BY_REASON = {
    "SERVICE_DISABLED": WRONG_KEY,
    "CONSUMER_INVALID": WRONG_KEY,
    "CONSUMER_SUSPENDED": WRONG_KEY,
    "ACCESS_TOKEN_EXPIRED": WRONG_KEY,
    "VALIDATION_REQUIRED": WRONG_KEY,
    "BILLING_DISABLED": NO_CREDIT,
    "INSUFFICIENT_G1_CREDITS_BALANCE": NO_CREDIT,
    "QUOTA_EXHAUSTED": SPENT,
    "MODEL_CAPACITY_EXHAUSTED": NO_CAPACITY,
    "MODEL_CAPACITY_EXCEEDED": NO_CAPACITY,
}
_RATE: Final = "RATE_LIMIT_EXCEEDED"
_CODE_ASSIST: Final = "cloudcode"  # begins the domains whose limits without a wait are the day's
_NOTHING_ALLOWED = re.compile(r"quota exceeded for metric: [^\s,]{1,300}, limit: 0(?![\d.])", re.IGNORECASE)
_WAIT = re.compile(r"please retry in (\d{1,9}(?:\.\d{1,12})?)(ms|s)\b", re.IGNORECASE | re.ASCII)
_DELAY = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)(ms|s|)", re.ASCII)


@value_type
class GoogleDetails:
    """`word` is what everybody here knows it as, `code` the quota or the reason by Google's name."""

    word: str | None = None
    code: str | None = None
    retry_after_s: float | None = None


def details_in(error: JsonObject) -> GoogleDetails:
    """What *error*, the object under `error`, says in its details, and in words too long to be shown."""
    details = error.get("details")
    found = [one for one in details if isinstance(one, dict)] if isinstance(details, list) else []
    given = error.get("message")
    message = given[:_MAX_READ_CHARS] if isinstance(given, str) else ""
    quotas = [name for one in found for name in _quotas(one)]
    reasons = [reason for one in found if isinstance(reason := one.get("reason"), str)]
    wait_s = max((wait for one in found if (wait := _seconds(one.get("retryDelay"))) is not None), default=None)
    daily = next((name for name in quotas if any(word in name for word in _DAILY)), None)
    code = daily or next(iter((*quotas, *reasons)), None)
    if _NOTHING_ALLOWED.search(message):
        return GoogleDetails(word=SPENT, code=code)
    word = SPENT_TODAY if daily is not None else _word(reasons, _domains(found), wait_s)
    if wait_s is None:
        said = _WAIT.search(message) if found or error.get("status") else None
        is_minutely = any("PerMinute" in name for name in quotas)
        wait_s = _scaled(said) if said is not None else _A_MINUTE_S if is_minutely else None
    return GoogleDetails(word=word, code=code, retry_after_s=wait_s)


def _word(reasons: Sequence[str], domains: Sequence[str], wait_s: float | None) -> str | None:
    for reason in reasons:
        if reason in _BY_REASON:
            return _BY_REASON[reason]
        if reason.startswith(_KEY_REASON):
            return WRONG_KEY
        is_long = wait_s is None or wait_s > _LONG_S
        if reason == _RATE and is_long and any(domain.startswith(_CODE_ASSIST) for domain in domains):
            return SPENT
    return None


def _domains(details: Sequence[JsonObject]) -> list[str]:
    return [domain for one in details if isinstance(domain := one.get("domain"), str)]


def _quotas(detail: JsonObject) -> Iterator[str]:
    violations, metadata = detail.get("violations"), detail.get("metadata")
    holders = [*violations] if isinstance(violations, list) else []
    for holder in (*holders, metadata):
        for key in ("quotaId", "quota_limit"):
            name = holder.get(key) if isinstance(holder, dict) else None
            if isinstance(name, str) and name:
                yield name


def _seconds(delay: Json) -> float | None:
    """A duration as protobuf writes it, "34.07s" or "900ms"."""
    given = _DELAY.fullmatch(delay) if isinstance(delay, str) else None
    return _scaled(given) if given is not None else None


def _scaled(found: re.Match[str]) -> float:
    return float(found[1]) * (1e-3 if found[2].lower() == "ms" else 1.0)
