"""What the engine tells the world, as values. Ledger, metrics, traces, page and tests listen; nobody answers.

Order for one request: Decided, then for each attempt AttemptStarted and perhaps AttemptFailed, then Finished.
A request that is only decided (a dry run) gives Decided alone; one that is refused gives Rejected alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pointsman.core.values import value_type

if TYPE_CHECKING:
    from pointsman.core.chat import Usage
    from pointsman.core.decision import Caller, Decision, PromptFeatures
    from pointsman.core.failure import Failure
    from pointsman.core.health import Health


class FinishReason(StrEnum):
    """How a request ended."""

    OK = "ok"
    FAILED = "failed"  # nobody answered, or the answer broke off
    CANCELLED = "cancelled"  # the caller went away
    DEADLINE = "deadline"


@value_type
class Decided:
    """A request got its decision. `at_s` is seconds since the epoch; the prompt is not in here unless logging is on."""

    at_s: float
    decision: Decision
    caller: Caller
    features: PromptFeatures
    surface: str  # the caller's dialect
    stream: bool
    is_dry_run: bool = False
    prompt: str | None = None  # only when prompt logging is on and the request is public


@value_type
class AttemptStarted:
    """An attempt is about to be sent to `model` (a card's id)."""

    decision_id: str
    at_s: float
    model: str
    endpoint: str
    number: int  # from 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnded:
    """An attempt failed; the plan may go on."""

    decision_id: str
    at_s: float
    number: int
    failure: Failure


@value_type
class Finished:
    """The request is over. Durations in milliseconds from its arrival; costs in US dollars, None when unknown."""

    decision_id: str
    at_s: float
    reason: FinishReason
    status: int
    served: str | None  # the card's id that answered
    upstream_model: str | None
    attempts: int
    fallbacks: int
    usage: Usage | None
    cost_usd: float | None
    saved_usd: float | None
    baseline: str | None
    duration_ms: float
    first_byte_ms: float | None = None
    overhead_ms: float | None = None  # ours, before the first attempt was sent
    is_local: bool | None = None  # whether the card that answered runs on this machine; None when not known
    error: str | None = None
    dropped: tuple[str, ...] = ()  # settings the model's dialect cannot carry


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The request never got a model: bad input, refused by policy, or nothing configured."""

    at_s: float
    decision_id: str
    surface: str
    status: int
    code: str
    message: str
    asked: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthChanged:
    """A model's or an endpoint's health has changed in this process; no request's event, it may come between any."""

    at_s: float
    old: Health
    new: Health


Event = Decided | AttemptStarted | AttemptEnded | Finished | Rejected | HealthChanged
