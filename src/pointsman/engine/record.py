"""Keeps the score of one request and tells the observers: each attempt, each failure, and exactly one end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.core.errors import DeadlineExceeded, PointsmanError
from pointsman.core.events import AttemptEnded, AttemptStarted, Decided, Finished, FinishReason
from pointsman.engine.usage import Bill, bill, together, with_part

if TYPE_CHECKING:
    from collections.abc import Callable

    from pointsman.core.catalog import Catalog, ModelCard
    from pointsman.core.chat import Usage
    from pointsman.core.failure import Failure
    from pointsman.engine.bus import Bus
    from pointsman.engine.decide import Resolved
    from pointsman.engine.inbound import Inbound

OK = 200
CANCELLED = 499
_FAILED = 500


@dataclass(slots=True, kw_only=True)
class Record:
    """One request's attempts and times. `clock` is monotonic seconds, `now` seconds since the epoch."""

    catalog: Catalog
    bus: Bus
    inbound: Inbound
    resolved: Resolved
    clock: Callable[[], float]
    now: Callable[[], float]
    failures: list[Failure] = field(default_factory=list)
    attempts: int = 0
    overhead_ms: float | None = None
    first_byte_ms: float | None = None
    is_finished: bool = False
    reason: FinishReason | None = None
    numbers: dict[str, int] = field(default_factory=dict)  # of each card's latest attempt
    dropped: tuple[str, ...] = ()
    parts: list[tuple[ModelCard, Usage]] = field(default_factory=list)  # what others did before the one that served

    def attempt(self, card: ModelCard) -> None:
        """An attempt on *card* is about to be sent."""
        if self.overhead_ms is None:
            self.overhead_ms = self._elapsed_ms()
        self.attempts += 1
        self.numbers[card.id] = self.attempts
        self.bus.emit(
            AttemptStarted(
                decision_id=self.resolved.decision.id,
                at_s=self.now(),
                model=card.id,
                endpoint=card.endpoint.name,
                number=self.attempts,
            )
        )

    def failed(self, failure: Failure, card: ModelCard | None = None) -> None:
        """The attempt on *card* failed; without it, the latest."""
        self.failures.append(failure)
        self.ended(failure, self.attempts if card is None else self.numbers[card.id])

    def lost(self, card: ModelCard, usage: Usage, failure: Failure) -> None:
        """Another was asked beside *card*, and was quicker. Who was not sent anything yet has lost nothing."""
        number = self.numbers.get(card.id)
        if number is not None:
            self.part(card, usage)
            self.ended(failure, number)

    def ended(self, failure: Failure, number: int) -> None:
        """The attempt of that *number* is over, without being the answer."""
        decision_id = self.resolved.decision.id
        self.bus.emit(AttemptEnded(decision_id=decision_id, at_s=self.now(), number=number, failure=failure))

    def content_began(self) -> None:
        """The first content is here."""
        self.first_byte_ms = self._elapsed_ms()

    def part(self, card: ModelCard, usage: Usage) -> None:
        """What *card* used beside the one that answers: it began, or lost."""
        self.parts.append((card, usage))

    def served(self, card: ModelCard, usage: Usage) -> Bill:
        """*card* answered in full."""
        return self._finish(FinishReason.OK, OK, card, usage)

    def broke_off(self, card: ModelCard, usage: Usage, message: str, *, in_time: bool = True) -> Bill:
        """*card* began to answer and failed, or the time was up."""
        reason = FinishReason.FAILED if in_time else FinishReason.DEADLINE
        return self._finish(reason, OK, card, usage, message)

    def cancelled(self, card: ModelCard | None = None, usage: Usage | None = None) -> Bill:
        """The caller went away."""
        return self._finish(FinishReason.CANCELLED, CANCELLED, card, usage)

    def raised(self, error: BaseException) -> None:
        """The request ends with *error*."""
        match error:
            case asyncio.CancelledError() | GeneratorExit():
                self.cancelled()
            case DeadlineExceeded():
                self._finish(FinishReason.DEADLINE, error.status, error=error.message)
            case PointsmanError():
                self._finish(FinishReason.FAILED, error.status, error=error.message)
            case _:
                self._finish(FinishReason.FAILED, _FAILED, error=type(error).__name__)

    def _finish(
        self,
        reason: FinishReason,
        status: int,
        card: ModelCard | None = None,
        usage: Usage | None = None,
        error: str | None = None,
    ) -> Bill:
        costs = bill(usage, card, self.catalog.baseline_card)
        for earlier, used in self.parts:
            costs = together(costs, bill(used, earlier, self.catalog.baseline_card))
            usage = with_part(usage, used)
        if self.is_finished:
            return costs
        self.is_finished = True
        self.reason = reason
        self.bus.emit(
            Finished(
                decision_id=self.resolved.decision.id,
                at_s=self.now(),
                reason=reason,
                status=status,
                served=card.id if card else None,
                upstream_model=card.upstream_model if card else None,
                attempts=self.attempts,
                fallbacks=len(self.failures),
                usage=usage,
                cost_usd=costs.cost_usd,
                saved_usd=costs.saved_usd,
                baseline=costs.baseline,
                duration_ms=self._elapsed_ms(),
                first_byte_ms=self.first_byte_ms,
                overhead_ms=self.overhead_ms,
                is_local=card.is_local if card else None,
                error=error,
                dropped=self.dropped,
            )
        )
        return costs

    def _elapsed_ms(self) -> float:
        return int((self.clock() - self.inbound.arrived_s) * 1e6 + 0.5) / 1e3  # round() takes three times as long


def decided(inbound: Inbound, resolved: Resolved, at_s: float, *, log_prompt: bool) -> Decided:
    """The decision stands. The prompt goes along only when logging is on and the text is public."""
    decision, features = resolved.decision, resolved.features
    shown = log_prompt and not decision.privacy.is_private
    return Decided(
        at_s=at_s,
        decision=decision,
        caller=inbound.caller,
        features=features,
        surface=inbound.surface,
        stream=inbound.wants_stream,
        is_dry_run=inbound.is_dry_run,
        prompt=features.ask if shown else None,
    )
