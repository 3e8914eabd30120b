"""One request's way: attempt after attempt until somebody answers.

The first content is the point of no return: before it every failure may be retried on the next model, after it the
answer can only go on, end properly, or end with the dialect's own error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from pointsman.core.errors import AttemptFailed, DeadlineExceeded
from pointsman.core.failure import Failure, FailureKind
from pointsman.core.values import value_type
from pointsman.engine.attempt import hung, stream_failure
from pointsman.engine.context_check import CODE as CONTEXT_CUT
from pointsman.engine.context_check import ContextCheck, check_for
from pointsman.engine.continuation import ContinuedDelivery, Heard, Resumer, may_be_continued
from pointsman.engine.delivery import Delivery, Say
from pointsman.engine.escalation import OneTierUp
from pointsman.engine.exchange import Birth, Exchange, Piece, Translate, Whole, relay_for
from pointsman.engine.hedge import Hedge
from pointsman.engine.leave import Leave, why_unwell
from pointsman.engine.modality import LEFT_OUT, leaves_images_out, without_images
from pointsman.engine.outcome import BY_CONFIGURATION, declined, exhausted, unwell
from pointsman.engine.usage import estimate
from pointsman.resilience.cause import is_overloaded
from pointsman.resilience.plan import NOT_UNWELL, Next, Plan, is_loading

if TYPE_CHECKING:
    from pointsman.core.catalog import ModelCard
    from pointsman.core.chat import Usage
    from pointsman.core.decision import Decision
    from pointsman.core.stream import StreamFailed
    from pointsman.engine.attempt import Begun, ModelCaller
    from pointsman.engine.consent import Consents
    from pointsman.engine.context_size import ContextSizes
    from pointsman.engine.entrance import Entrance, Held
    from pointsman.engine.escalation import Escalations
    from pointsman.engine.exchange import Check
    from pointsman.engine.inbound import Inbound
    from pointsman.engine.record import Record
    from pointsman.engine.usage import Bill

Found = TypeVar("Found")
HUNG_S = 10.0  # a model that let the caller's time run out by so much without a word counts as hanging


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
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedAnswer(Generic[Piece]):
    """A streamed answer that has begun. `pieces` must be exhausted or closed: closing cancels the endpoint's work."""

    decision: Decision
    card: ModelCard
    pieces: Delivery[Piece]
    fallbacks: int
    overhead_ms: float
    dropped: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()


@dataclass(slots=True, kw_only=True)
class Turn(Generic[Piece]):
    """One decided request. `new_say` makes a fresh function from stream events to the caller's pieces."""

    caller: ModelCaller
    plan: Plan
    limits: Entrance
    consents: Consents
    sizes: ContextSizes
    inbound: Inbound
    record: Record
    new_say: Callable[[], Say[Piece]]
    deadline_s: float | None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    hedge_after_s: float | None = None
    escalations: Escalations | None = None  # None: an answer is taken as it is
    mark: Callable[[str], Sequence[Piece]] | None = None  # who goes on, said in the stream; None: nobody goes on
    heard: dict[str, Heard] = field(default_factory=dict, init=False)  # by card, of those that may be asked at once

    async def whole(self) -> Answer:
        """The whole answer of the first model that gives one."""
        card, found = await self._first_success(self._whole)
        if self.escalations is not None:
            card, found = await self._good_enough(self.escalations, card, found)
        usage = found.usage or estimate(self.record.resolved.features.estimated_input_tokens, found.output_chars)
        return Answer(
            decision=self.plan.decision,
            card=card,
            whole=found,
            bill=self.record.served(card, usage),
            fallbacks=len(self.record.failures),
            overhead_ms=self.record.overhead_ms or 0.0,
            dropped=self.record.dropped,
            failures=tuple(self.record.failures),
        )

    async def _good_enough(self, escalations: Escalations, card: ModelCard, found: Whole) -> tuple[ModelCard, Whole]:
        """*found*, or what the next tier says in its place where an agent could not use it."""
        upstream = self.caller.upstreams[card.endpoint.dialect]
        why = escalations.complaint(self.inbound, self.plan.decision, found, upstream)
        if why is None:
            return card, found
        above = OneTierUp(escalations=escalations, plan=self.plan, record=self.record, inbound=self.inbound)
        return await above.instead(card, found, why, lambda other: self._attempted(other, self._whole))

    async def stream(self) -> StreamedAnswer[Piece]:
        """The streamed answer of the first model that shows content."""
        card, (begun, slot) = await self._first_success(self._stream)
        self.record.content_began()
        return StreamedAnswer(
            decision=self.plan.decision,
            card=card,
            pieces=self._delivery(card, begun, slot),
            fallbacks=len(self.record.failures),
            overhead_ms=self.record.overhead_ms or 0.0,
            dropped=self.record.dropped,
            failures=tuple(self.record.failures),
        )

    def _delivery(self, card: ModelCard, begun: Begun[Piece], slot: Held) -> Delivery[Piece]:
        heard = self.heard.get(card.id)
        if heard is None or self.mark is None:
            return Delivery(
                card=card,
                begun=begun,
                record=self.record,
                new_say=self.new_say,
                slot=slot,
                health=self.plan.health,
                catalog=self.plan.catalog,
            )
        return ContinuedDelivery(
            card=card,
            begun=begun,
            record=self.record,
            new_say=self.new_say,
            slot=slot,
            health=self.plan.health,
            catalog=self.plan.catalog,
            heard=heard,
            mark=self.mark,
            resumer=Resumer(
                caller=self.caller,
                plan=self.plan,
                limits=self.limits,
                sizes=self.sizes,
                inbound=self.inbound,
                record=self.record,
                deadline_s=self.deadline_s,
            ),
        )

    async def _first_success(self, attempt: Callable[[ModelCard, Held], Awaitable[Found]]) -> tuple[ModelCard, Found]:
        budget = self.plan.budget
        budget.active += 1
        try:
            step = await self._first()
            while True:
                if not self.plan.take(step):
                    step = self.plan.instead(step) or self._nobody()
                    continue
                try:
                    if self.hedge_after_s is not None and step.card.is_local:
                        return await self._hedge(attempt, self.hedge_after_s).answer(step.card)
                    return step.card, await self._attempted(step.card, attempt)
                except AttemptFailed as error:
                    step = await self._following(self.plan.open_models[self.plan.tried[-1]], error.failure)
        except BaseException as error:
            self.record.raised(error)
            raise
        finally:
            self.plan.done()
            budget.active -= 1

    def _hedge(self, attempt: Callable[[ModelCard, Held], Awaitable[Found]], after_s: float) -> Hedge[Found]:
        return Hedge(
            plan=self.plan,
            limits=self.limits,
            record=self.record,
            after_s=after_s,
            attempt=lambda card, held: self._attempted(card, attempt, held),
            sleep=self.sleep,
        )

    async def _attempted(
        self, card: ModelCard, attempt: Callable[[ModelCard, Held], Awaitable[Found]], held: Held | None = None
    ) -> Found:
        """One attempt, once there is room for it, and what it says about the model's health."""
        slot = held or self.limits.try_enter(card) or await self._queued(card)
        began = self.record.clock()
        health = self.plan.health
        try:
            self.record.attempt(card)
            return await attempt(card, slot)
        except AttemptFailed as error:
            elapsed_ms = (self.record.clock() - began) * 1e3
            error.failure = error.failure if error.failure.elapsed_ms else replace(error.failure, elapsed_ms=elapsed_ms)
            self._note(card, error.failure)
            raise
        except DeadlineExceeded as error:
            if (elapsed_s := self.record.clock() - began) >= HUNG_S:
                self._note(card, hung(card, error.message, elapsed_s))
            else:
                health.released(card)
            raise
        except BaseException:
            health.released(card)
            raise

    async def _queued(self, card: ModelCard) -> Held:
        """A slot that was waited for. When none is free in time the model is not to blame, and nothing was sent.

        Waiting may load the model: with the window that this prompt needs, lest its request loads it anew.
        """
        self.sizes.sized(card, self.inbound.operation, self.record.resolved.features)
        try:
            return await self.limits.enter(card, self.deadline_s)
        except BaseException as error:
            self.plan.health.released(card)
            if isinstance(error, AttemptFailed):
                self.record.failures.append(error.failure)
            raise

    def _note(self, card: ModelCard, failure: Failure) -> None:
        """Tell the book of healths and the record of *failure*. A refusal of the request is an answer all the same."""
        health = self.plan.health
        if is_loading(failure):
            health.released(card)
        elif failure.kind in NOT_UNWELL:
            health.succeeded(card)
            if failure.kind is FailureKind.CONTEXT and failure.code != CONTEXT_CUT:
                self.sizes.refused(card, failure, self.record.resolved.features)
        else:
            health.failed(card, failure, self.plan.catalog.policy_of(card.name).rule(failure.kind))
        self.record.failed(failure, card)

    async def _first(self) -> Next:
        """The first attempt; AllUnwell when nobody may be asked."""
        step = self.plan.first() or self._nobody()
        if self.plan.decision.preferred is None:
            self.consents.well_again(self.inbound.caller, step.card.name)
        preferred = self.plan.open_models[self.plan.decision.preferred or step.card.id]
        if not step.needs_consent and not (self.inbound.asks_always and step.card.name != preferred.name):
            return step
        said = self.consents.of(self.inbound.caller)
        if said is not None and preferred.name in said.while_unwell:
            return step
        return await self._consented(preferred, step, why_unwell(self.plan.health.health_of(preferred), preferred))

    async def _following(self, card: ModelCard, failure: Failure) -> Next:
        """The attempt after *failure*, when its pause is over; the request's error when there is none."""
        step = self.plan.after(failure)
        if step is None:
            raise self._ended(failure)
        if step.needs_consent or (self.inbound.asks_always and step.card.name != card.name):
            step = await self._consented(card, step, failure)
        if step.pause_s:
            await self._pause(step.pause_s, failure)
        return step

    async def _consented(self, failed: ModelCard, step: Next, failure: Failure) -> Next:
        """*step* when the person behind the request wants it, or the failed model again; FallbackDeclined else."""
        leave = Leave(plan=self.plan, inbound=self.inbound, record=self.record, consents=self.consents)
        asked_s = self.record.clock()
        found = await leave.for_other(failed, step, failure)
        if self.deadline_s is not None:  # a person's time is not the models'
            self.deadline_s += self.record.clock() - asked_s
        return found

    def _nobody(self) -> Next:
        """Raise: there is nobody to ask, or nobody left."""
        cards = self.plan.waits()
        wait_s = self.plan.health.wait_s(cards)
        if self.record.failures:
            raise exhausted(self.record.failures, wait_s)
        raise unwell([self.plan.health.health_of(card) for card in cards], wait_s)

    def _ended(self, failure: Failure) -> Exception:
        failures = self.record.failures
        wait_s = self.plan.health.wait_s(self.plan.waits())
        if self.plan.stopped(failure) and failure.kind not in NOT_UNWELL:
            return declined(failures, why=BY_CONFIGURATION, wait_s=wait_s)
        return exhausted(failures, wait_s)

    async def _pause(self, pause_s: float, failure: Failure) -> None:
        """Wait as the plan says; DeadlineExceeded when the time would be up by then."""
        if self.deadline_s is not None and self.record.clock() + pause_s >= self.deadline_s:
            message = f"The time for this request is up ({failure.model}: {failure.message})."
            raise DeadlineExceeded(message)
        await self.sleep(pause_s)

    async def _whole(self, card: ModelCard, slot: Held) -> Whole:
        has_failed = False
        try:
            asked, check = self._checked(card)
            exchange = self._exchange(card)
            found = await self.caller.whole(asked, self.plan.decision, exchange, self.deadline_s)
            if check is not None and (failed := check(found.usage)) is not None:
                raise AttemptFailed(stream_failure(card, failed, now_s=self.record.now()))
            slot.whole()
        except AttemptFailed as error:
            has_failed = is_overloaded(error.failure)
            raise
        finally:
            slot.release(failed=has_failed)
        self.plan.health.succeeded(card)
        self.record.dropped = exchange.dropped + (check.lost(found.usage) if check is not None else ())
        return found

    async def _stream(self, card: ModelCard, slot: Held) -> tuple[Begun[Piece], Held]:
        try:
            asked, check = self._checked(card)
            exchange = self._exchange(card)
            exchange.check = self._told(check) if check is not None else None
            overhear = self._overhear(card) if self.mark is not None else None
            call = self.caller.stream(asked, self.plan.decision, exchange, self.deadline_s, overhear)
            begun = await self._in_its_share(card, call)
        except BaseException as error:
            slot.release(failed=isinstance(error, AttemptFailed) and is_overloaded(error.failure))
            raise
        slot.first_byte()
        self.plan.health.answering(card)
        self.record.dropped = exchange.dropped + (check.lost(begun.pump.usage) if check is not None else ())
        return begun, slot

    def _checked(self, card: ModelCard) -> tuple[ModelCard, ContextCheck | None]:
        """*card* with the window this prompt needs, and how to tell from its answer that it read all of it."""
        features = self.record.resolved.features
        asked = self.sizes.sized(card, self.inbound.operation, features)
        return asked, check_for(card, self.sizes, self.inbound.request, features, asked=asked)

    def _told(self, check: ContextCheck) -> Check:
        """*check* for a stream, whose end comes when the record is under way."""

        def judge(usage: Usage | None) -> StreamFailed | None:
            self.record.dropped = tuple(dict.fromkeys((*self.record.dropped, *check.lost(usage))))
            return check(usage)

        return judge

    async def _in_its_share(self, card: ModelCard, call: Awaitable[Begun[Piece]]) -> Begun[Piece]:
        """*call*'s first content within half of the time that the caller leaves, where another model could take over.

        A model that hangs would else take the whole of it, and nobody answers in time.
        """
        if self.inbound.caller.deadline_ms is None or self.deadline_s is None or not self.plan.has_other(card):
            return await call
        share_s = max(0.0, (self.deadline_s - self.record.clock()) / 2)
        try:
            async with asyncio.timeout(share_s):
                return await call
        except TimeoutError as error:
            message = f"no content within {share_s:.1f} s, half of the time that was left"
            raise AttemptFailed(hung(card, message, share_s)) from error

    def _overhear(self, card: ModelCard) -> Callable[[bytes], None] | None:
        """Listen to *card*'s stream, in case another has to go on with it."""
        if not may_be_continued(self.inbound):
            return None
        heard = self.heard[card.id] = Heard(self.caller.upstreams[card.endpoint.dialect].stream_decoder())
        return heard.feed

    def _exchange(self, card: ModelCard) -> Exchange[Piece]:
        upstream = self.caller.upstreams[card.endpoint.dialect]
        is_blind = leaves_images_out(card, self.record.resolved.features)
        relay = relay_for(self.inbound, upstream) if not is_blind else None
        if relay is not None:
            return relay  # type: ignore[return-value]  # a relay's pieces are bytes, as are those of every surface
        return Translate(
            request=without_images(self.inbound.request) if is_blind else self.inbound.request,
            left_out=(LEFT_OUT,) if is_blind else (),
            surface=self.inbound.surface,
            upstream=upstream,
            outward=self.inbound.outward,
            say=self.new_say,
            birth=Birth(id=self.plan.decision.id, now=self.record.now),
        )
