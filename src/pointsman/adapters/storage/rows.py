"""What is read back from a ledger, as values: requests, attempts, rejections, statistics. Knows no database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from pointsman.core.decision import Struck
from pointsman.core.errors import InvalidRequest, RequestError
from pointsman.core.jsontypes import JsonObject

MAX_ROWS = 10_000


class RequestOutcome(StrEnum):
    """How a recorded request or attempt stands."""

    OPEN = "open"
    OK = "ok"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DEADLINE = "deadline"
    UNKNOWN = "unknown"  # the process that was serving it is gone
    DRY_RUN = "dry_run"


class Grouping(StrEnum):
    """What statistics are grouped by; a day is a day in UTC."""

    MODEL = "model"
    TIER = "tier"
    STRATEGY = "strategy"
    CLIENT = "client"
    AGENT = "agent"
    DAY = "day"


class UnknownDecision(RequestError):
    """No recorded request has this id."""

    status = 404
    code = "decision_not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailStep:
    """One line of a recorded trail."""

    strategy: str
    outcome: str
    detail: str
    elapsed_us: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """One attempt on one model. `elapsed_ms` runs until it failed or the request was over."""

    number: int
    at_s: float
    model: str
    endpoint: str
    outcome: RequestOutcome
    kind: str | None = None
    status: int | None = None
    message: str | None = None
    elapsed_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """One request as recorded; docs/reference/ledger.md explains each field."""

    id: str
    at_s: float
    outcome: RequestOutcome
    surface: str
    operation: str
    stream: bool
    routed: str
    strategy: str
    reason: str
    privacy: str
    decision_us: float
    estimated_input_tokens: int
    turns: int
    n_tools: int
    ask_chars: int
    is_explicit: bool
    is_demo: bool
    in_tool_loop: bool
    is_housekeeping: bool
    client: str | None = None
    agent: str | None = None
    session: str | None = None
    key_id: str | None = None
    asked: str | None = None
    served: str | None = None
    upstream_model: str | None = None
    is_local: bool | None = None
    candidates: tuple[str, ...] = ()
    router: str | None = None
    tier: str | None = None
    score: float | None = None
    confidence: float | None = None
    privacy_kinds: tuple[str, ...] = ()
    privacy_source: str | None = None
    struck: tuple[Struck, ...] = ()
    trail: tuple[TrailStep, ...] = ()
    warnings: tuple[str, ...] = ()
    prompt: str | None = None
    finished_at_s: float | None = None
    status: int | None = None
    attempts: tuple[AttemptRow, ...] = ()
    fallbacks: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    reasoning_tokens: int | None = None
    cache_write_tokens: int | None = None
    is_estimated: bool | None = None
    cost_usd: float | None = None
    saved_usd: float | None = None
    baseline: str | None = None
    duration_ms: float | None = None
    first_byte_ms: float | None = None
    overhead_ms: float | None = None
    dropped: tuple[str, ...] = ()
    error: str | None = None
    assessment: JsonObject | None = None

    def to_json(self) -> JsonObject:
        """The row as plain JSON, `at` in ISO 8601 beside the seconds, `privacy` as `route --json` writes it."""
        plain: JsonObject = asdict(self)
        if self.assessment is None:
            del plain["assessment"]
        kinds = plain.pop("privacy_kinds")
        source = plain.pop("privacy_source")
        plain["privacy"] = {"class": self.privacy, "kinds": kinds, "source": source}
        return {"id": self.id, "at": iso_time(self.at_s)} | plain


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRow:
    """One request that never got a model."""

    at_s: float
    decision_id: str
    surface: str
    status: int
    code: str
    message: str
    asked: str | None = None

    def to_json(self) -> JsonObject:
        """The row as plain JSON."""
        plain: JsonObject = asdict(self)
        return {"at": iso_time(self.at_s)} | plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which requests to show. Everything given must hold.

    `model` is compared with asked, routed, served and upstream name; `outcome` may also be an HTTP status in digits;
    `text` is looked for, in any case of ASCII letters, in the names, the reason, the error and a logged prompt.
    """

    since_s: float | None = None
    model: str | None = None
    tier: str | None = None
    outcome: str | None = None
    session: str | None = None
    agent: str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        known = [outcome.value for outcome in RequestOutcome]
        if self.outcome is not None and self.outcome not in known and not self.outcome.isdecimal():
            raise InvalidRequest(
                f"There is no request status {self.outcome!r}.",
                hint=f"Use an HTTP status or one of {', '.join(known)}.",
                param="status",
            )


ANY = Wanted()


@dataclass(frozen=True, slots=True, kw_only=True)
class StatsLine:
    """Figures over one group of requests; shares are 0..1 and None where nothing counts towards them.

    Percentiles are by nearest rank over the requests that have the figure. `unpriced` requests were answered and have
    no known price: they are missing from `cost_usd`.
    """

    key: str | None  # None in the group of those without the property
    requests: int = 0  # all but dry runs
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: int = 0  # requests whose tokens are our estimate
    cost_usd: float = 0.0
    saved_usd: float = 0.0
    unpriced: int = 0
    unfinished: int = 0  # open, or their process died
    local_share: float | None = None  # of the answers whose place is known
    fallback_rate: float | None = None  # of the finished
    error_rate: float | None = None  # of the finished; a caller who went away is no error
    duration_p50_ms: float | None = None
    duration_p95_ms: float | None = None
    first_byte_p50_ms: float | None = None
    first_byte_p95_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Figures over a span of time, in total and by group: most requests first, days in order."""

    since_s: float | None
    group_by: Grouping
    total: StatsLine
    groups: tuple[StatsLine, ...]
    rejected: int  # requests that never got a model; not among `requests`

    def to_json(self) -> JsonObject:
        """The figures as plain JSON."""
        plain: JsonObject = asdict(self)
        return plain


class ReadableLedger(Protocol):
    """What a command or page may ask a ledger."""

    def recent(self, limit: int = 50, wanted: Wanted = ANY) -> list[LedgerRow]:
        """The newest requests first."""

    def each(self, wanted: Wanted = ANY) -> Iterator[LedgerRow]:
        """All requests that are wanted, oldest first."""

    def find(self, prefix: str) -> LedgerRow:
        """The one request whose id is or starts with *prefix*; UnknownDecision or InvalidRequest when none or many."""

    def rejected(self, limit: int = 50, since_s: float | None = None) -> list[RejectedRow]:
        """The newest rejected requests first."""

    def stats(self, since_s: float | None = None, group_by: Grouping = Grouping.MODEL) -> Stats:
        """Figures over the requests since *since_s*."""


def iso_time(at_s: float) -> str:
    """The moment in ISO 8601, UTC, to the millisecond."""
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ordered(groups: list[StatsLine], group_by: Grouping) -> tuple[StatsLine, ...]:
    """*groups* as a person wants them: days in order, everything else by requests, then by name."""
    if group_by is Grouping.DAY:
        return tuple(sorted(groups, key=lambda line: line.key or ""))
    return tuple(sorted(groups, key=lambda line: (-line.requests, line.key or "")))


def check_limit(limit: int) -> int:
    """*limit*, when it is one; InvalidRequest otherwise."""
    if not 1 <= limit <= MAX_ROWS:
        raise InvalidRequest(f"limit {limit} is out of range.", hint=f"Use 1 to {MAX_ROWS}.", param="limit")
    return limit


def one_of(prefix: str, ids: list[str], rejected: RejectedRow | None = None) -> str:
    """The one id that *prefix* means among *ids* (those that start with it)."""
    if prefix in ids:
        return prefix
    if len(ids) == 1:
        return ids[0]
    if ids:
        shown = ", ".join(sorted(ids)[:3])
        raise InvalidRequest(
            f"{len(ids) if len(ids) < 10 else '10 or more'} requests have an id that starts with {prefix!r} "
            f"({shown}{', …' if len(ids) > 3 else ''}).",
            hint="Give more characters of the id.",
            param="id",
        )
    raise unknown(prefix, rejected)


def unknown(prefix: str, rejected: RejectedRow | None = None) -> UnknownDecision:
    """Why there is no request *prefix*: it was *rejected*, or never seen."""
    if rejected is None:
        return UnknownDecision(
            f"No request with the id {prefix!r} is recorded.", hint="`pointsman logs` lists the newest.", param="id"
        )
    return UnknownDecision(
        f"Request {rejected.decision_id!r} was rejected before a decision ({rejected.code}): {rejected.message}",
        param="id",
    )
