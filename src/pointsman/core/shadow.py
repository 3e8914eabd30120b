"""A sampled request's copy to another model, and what became of it, as values; and where that is kept."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from pointsman.core.values import value_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.core.catalog import Tier


class Likeness(StrEnum):
    """What the copy's answer is beside the one that the caller got. Nobody knows which of two that differ is right."""

    AGREES = "agrees"
    DIFFERS = "differs"  # both can be used, and they do not say the same
    WORSE = "worse"  # it is the copy's that cannot be used
    BETTER = "better"  # it is the caller's that cannot be used
    UNCLEAR = "unclear"  # nothing that is cheap to look at tells


class CopyEnd(StrEnum):
    """How a copy ended."""

    ANSWERED = "answered"
    FAILED = "failed"
    TIMEOUT = "timeout"
    GAVE_WAY = "gave_way"  # a caller's request needed its place
    STOPPED = "stopped"  # the gateway ended, or took another configuration


class NotCopied(StrEnum):
    """Why a request that was drawn got no copy."""

    FULL = "full"  # as many copies as may be were under way
    OVER_BUDGET = "over_budget"
    TOO_LONG = "too_long"
    NOT_ALLOWED = "not_allowed"  # private, or the model is not able to
    NO_ROOM = "no_room"  # its server is busy
    NOT_LOADED = "not_loaded"  # the model is not in memory, and is not loaded for a copy
    PAUSED = "paused"  # the model is not well, or has failed a copy a short time ago
    NOT_KEPT = "not_kept"  # the budget's file cannot be written


@value_type
class Side:
    """One of the two answers. Costs in US dollars, None when no price is known."""

    model: str  # a card's id
    is_local: bool
    took_ms: float
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    text: str | None = None  # only where the ledger keeps prompts, and the request is public


@value_type
class Comparison:
    """How two answers compare. `similarity` is of their words, 0..1; `reasons` never quote an answer."""

    likeness: Likeness
    reasons: tuple[str, ...]
    similarity: float | None = None
    judge: str | None = None  # the model that was asked, where one was


@value_type
class Copy:
    """One copy: of which request, to whom, how it went and how it compares. `at_s` is seconds since the epoch."""

    decision_id: str  # the request's; it has one copy at most
    at_s: float
    key_id: str | None
    kind: str | None  # of task, as the classifier has it
    tier: Tier | None
    router: str | None
    surface: str
    served: Side
    shadow: Side
    end: CopyEnd
    failure: str | None = None  # its kind
    message: str | None = None
    comparison: Comparison | None = None
    prompt: str | None = None  # as `Side.text`


class ShadowStore(Protocol):
    """Keeps copies, why others were not made, and what has been spent in a day. Its calls block.

    ConfigError when the file cannot be read or written.
    """

    def reserve(self, day: str, amount_usd: float, budget_usd: float, /) -> bool:
        """Put *amount_usd* on that day's bill, unless it would come to more than *budget_usd*."""

    def settle(self, day: str, reserved_usd: float, spent_usd: float, /) -> None:
        """What was reserved has cost so much."""

    def keep(self, copy: Copy, /) -> None:
        """Write *copy* down."""

    def add(self, day: str, counts: Mapping[tuple[str, NotCopied], int], /) -> None:
        """Add to that day's *counts* of what was drawn and not copied, by the model meant and the reason."""
