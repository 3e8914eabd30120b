"""One request's way: attempt after attempt until somebody answers.

The first content is the point of no return: before it every failure may be retried on the next model, after it the
answer can only go on, end properly, or end with the dialect's own error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from pointsman.core.errors import (
    AllAttemptsFailed,
    AttemptFailed,
    ContextTooLong,
    DeadlineExceeded,
    InvalidRequest,
    PointsmanError,
    Refused,
)
from pointsman.core.failure import Failure, FailureKind
from pointsman.core.values import value_type
from pointsman.engine.delivery import Delivery, Say
from pointsman.engine.exchange import Birth, Exchange, Piece, Translate, Whole, relay_for
from pointsman.engine.usage import estimate
from pointsman.resilience.plan import Plan

if TYPE_CHECKING:
    from pointsman.core.catalog import ModelCard
    from pointsman.core.decision import Decision
    from pointsman.engine.attempt import Begun, ModelCaller
    from pointsman.engine.inbound import Inbound
    from pointsman.engine.record import Record
    from pointsman.engine.usage import Bill

Found = TypeVar("Found")


@value_type
class Answer:
    """A whole answer and where it came from."""

    decision: Decision
    card: ModelCard
    whole: Whole
    bill: Bill
    fallbacks: int
    overhead_ms: float
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedAnswer(Generic[Piece]):
    """A streamed answer that has begun. `pieces` must be exhausted or closed: closing cancels the endpoint's work."""

    decision: Decision
    card: ModelCard
    pieces: Delivery[Piece]
    fallbacks: int
    overhead_ms: float
    dropped: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Turn(Generic[Piece]):
    """One decided request. `new_say` makes a fresh function from stream events to the caller's pieces."""

    caller: ModelCaller
    plan: Plan
    inbound: Inbound
    record: Record
    new_say: Callable[[], Say[Piece]]
    deadline_s: float | None

    async def whole(self) -> Answer:
        """The whole answer of the first model that gives one."""
        try:
            card, found = await self._first_success(self._whole)
        except BaseException as error:
            self.record.raised(error)
            raise
        usage = found.usage or estimate(self.record.resolved.features.estimated_input_tokens, found.output_chars)
        return Answer(
            decision=self.plan.decision,
            card=card,
            whole=found,
            bill=self.record.served(card, usage),
            fallbacks=len(self.record.failures),
            overhead_ms=self.record.overhead_ms or 0.0,
            dropped=self.record.dropped,
        )

    async def stream(self) -> StreamedAnswer[Piece]:
        """The streamed answer of the first model that shows content."""
        try:
            card, begun = await self._first_success(self._stream)
        except BaseException as error:
            self.record.raised(error)
            raise
        self.record.content_began()
        return StreamedAnswer(
            decision=self.plan.decision,
            card=card,
            pieces=Delivery(card=card, begun=begun, record=self.record, new_say=self.new_say),
            fallbacks=len(self.record.failures),
            overhead_ms=self.record.overhead_ms or 0.0,
            dropped=self.record.dropped,
        )

    async def _first_success(self, attempt: Callable[[ModelCard], Awaitable[Found]]) -> tuple[ModelCard, Found]:
        card: ModelCard | None = self.plan.first()
        while card is not None:
            self.record.attempt(card)
            try:
                return card, await attempt(card)
            except AttemptFailed as error:
                self.record.failed(error.failure)
                card = self.plan.after(error.failure)
                await self._pause(error.failure)
        raise exhausted(self.record.failures)

    async def _pause(self, failure: Failure) -> None:
        """Wait as the plan says; DeadlineExceeded when the time would be up by then."""
        pause_s = self.plan.pause_s
        if not pause_s:
            return
        if self.deadline_s is not None and self.record.clock() + pause_s >= self.deadline_s:
            message = f"The time for this request is up ({failure.model}: {failure.message})."
            raise DeadlineExceeded(message)
        await asyncio.sleep(pause_s)

    async def _whole(self, card: ModelCard) -> Whole:
        exchange = self._exchange(card)
        found = await self.caller.whole(card, self.plan.decision, exchange, self.deadline_s)
        self.record.dropped = exchange.dropped
        return found

    async def _stream(self, card: ModelCard) -> Begun[Piece]:
        exchange = self._exchange(card)
        begun = await self.caller.stream(card, self.plan.decision, exchange, self.deadline_s)
        self.record.dropped = exchange.dropped
        return begun

    def _exchange(self, card: ModelCard) -> Exchange[Piece]:
        upstream = self.caller.upstreams[card.endpoint.dialect]
        relay = relay_for(self.inbound, upstream)
        if relay is not None:
            return relay  # type: ignore[return-value]  # a relay's pieces are bytes, as are those of every surface
        return Translate(
            request=self.inbound.request,
            surface=self.inbound.surface,
            upstream=upstream,
            outward=self.inbound.outward,
            say=self.new_say,
            birth=Birth(id=self.plan.decision.id, now=self.record.now),
        )


def exhausted(failures: Sequence[Failure]) -> PointsmanError:
    """The error for the caller when the plan is at its end: their mistake if it was one, else who failed and how.

    A prompt is too long, or its content refused, only when no model failed for another reason: that one might serve it.
    """
    last = failures[-1]
    is_theirs = {failure.kind for failure in failures} <= {FailureKind.CONTEXT, FailureKind.CONTENT}
    match last.kind:
        case FailureKind.BAD_REQUEST:
            return InvalidRequest(f"{last.model} refused the request: {last.message}")
        case FailureKind.CONTEXT if is_theirs:
            return ContextTooLong(f"The prompt is too long for {last.model}: {last.message}", param="messages")
        case FailureKind.CONTENT if is_theirs:
            return Refused(f"{last.model} refused the content: {last.message}")
        case _:
            told = "; ".join(f"{one.model}: {one.message}" for one in failures)
            return AllAttemptsFailed(f"No model answered ({told}).", failures=failures)
