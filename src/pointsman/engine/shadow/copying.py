"""One copy from its place to its line in the book.

| step                          | may end it as                                             |
| ----------------------------- | --------------------------------------------------------- |
| the caller's answer is read   | nothing: an answer that cannot be read is not compared    |
| the budget                    | over_budget, not_kept                                     |
| a place                       | no_room, not_loaded                                       |
| the model is asked            | failed, timeout, gave_way, stopped                        |
| the answers are compared      | answered                                                  |
| the judge, where it is unclear | answered, as compared before if the judge does not say   |
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, cast

from pointsman.core.chat import ChatReply
from pointsman.core.errors import AttemptFailed, DeadlineExceeded, PointsmanError
from pointsman.core.shadow import Comparison, Copy, CopyEnd, Likeness, NotCopied, Side
from pointsman.engine.shadow.asking import as_loaded, request_of_copy
from pointsman.engine.shadow.books import NOTHING, most_usd
from pointsman.engine.shadow.compare import compare, seen
from pointsman.engine.shadow.judge import PairJudge
from pointsman.engine.shadow.sample import reply_of
from pointsman.engine.usage import estimate
from pointsman.resilience.plan import NOT_UNWELL
from pointsman.routing.tokens import estimated_tokens, family_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pointsman.core.catalog import ModelCard
    from pointsman.core.chat import ChatRequest, Usage
    from pointsman.core.decision import Decision
    from pointsman.engine.exchange import Whole
    from pointsman.engine.shadow.asking import Asker
    from pointsman.engine.shadow.books import Books, Reservation
    from pointsman.engine.shadow.pauses import Pauses
    from pointsman.engine.shadow.room import Room
    from pointsman.engine.shadow.rules import Allowance
    from pointsman.engine.shadow.sample import Sample, Served

WORTH_JUDGING: Final = frozenset((Likeness.UNCLEAR, Likeness.DIFFERS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every copy is made with. `clock` is the loop's monotonic seconds, `now` seconds since the epoch."""

    asker: Asker
    books: Books
    room: Room
    allowance: Allowance
    judge: ModelCard | None
    keeps_text: bool
    clock: Callable[[], float]
    now: Callable[[], float]
    pauses: Pauses


@dataclass(slots=True, kw_only=True)
class Copying:
    """One copy under way; its task is its owner's."""

    bench: Bench
    sample: Sample
    served: Served
    card: ModelCard
    request: ChatRequest  # as the model that served it got it, its preset's words included
    makes_way: bool = False
    _task: asyncio.Task[None] | None = None
    _reserved: Reservation = field(default=NOTHING)

    async def run(self) -> None:
        """Make the copy, compare, write it down. Nothing of it is raised but a cancellation."""
        self._task = asyncio.current_task()
        theirs = reply_of(self.sample, self.served, self.bench.asker.caller.upstreams)
        if theirs is None:
            return
        try:
            why = await self._made(theirs)
        finally:
            self._settle(0.0)  # unless that was done, nothing was sent
        if why is not None:
            self.bench.books.not_copied(self.card.id, why)

    async def _made(self, theirs: ChatReply) -> NotCopied | None:
        """Why there is no copy, if there is none."""
        bench, card, features = self.bench, self.card, self.sample.resolved.features
        if as_loaded(bench.asker.sizes, card, features) is None:
            return NotCopied.NOT_LOADED
        request, is_capped = request_of_copy(self.request, bench.allowance.max_output_tokens)
        tokens = estimated_tokens(features, family_of(card.upstream_model))
        reserved = await bench.books.reserve(card, most_usd(card, tokens, request.sampling.max_output_tokens or 0))
        if isinstance(reserved, NotCopied):
            return reserved
        self._reserved = reserved
        place = await bench.room.enter(card, self._make_way)
        if isinstance(place, NotCopied):
            return place
        try:
            made, ours = await self._asked(request)
        finally:
            place.release()
        if ours is not None:
            made = replace(made, comparison=compare(request, seen(theirs), seen(ours, was_capped=is_capped)))
            made = await self._judged(made, request, theirs, ours)
        bench.books.keep(self._with_text(made, theirs, ours))
        return None

    def _make_way(self) -> None:
        """A caller's request needs the place."""
        if self._task is not None and not self.makes_way:
            self.makes_way = True
            self._task.cancel()

    async def _asked(self, request: ChatRequest) -> tuple[Copy, ChatReply | None]:
        bench, card, began = self.bench, self.card, self.bench.clock()
        try:
            async with asyncio.timeout(bench.allowance.timeout_s):
                whole = await bench.asker.copy(card, self.sample, request, began + bench.allowance.timeout_s)
        except AttemptFailed as error:
            if error.failure.kind not in NOT_UNWELL:
                bench.pauses.failed(card, error.failure)
            self._settle(0.0 if error.failure.status is not None else None)
            made = self._copy(CopyEnd.FAILED, began, failure=error.failure.kind.value, message=error.failure.message)
            return made, None
        except (TimeoutError, DeadlineExceeded):
            bench.pauses.failed(card)
            self._settle(None)
            return self._copy(CopyEnd.TIMEOUT, began), None
        except PointsmanError as error:  # the gate's refusal, or content that this dialect cannot say: not sent
            self._settle(0.0)
            return self._copy(CopyEnd.FAILED, began, failure=error.code, message=error.message), None
        except asyncio.CancelledError:
            self._settle(None)
            if not self.makes_way:
                bench.books.keep(self._copy(CopyEnd.STOPPED, began))
                raise
            self._go_on()
            return self._copy(CopyEnd.GAVE_WAY, began), None
        bench.pauses.answered(card)
        return self._answered(whole, began), cast("ChatReply", whole.reply)

    def _go_on(self) -> None:
        """The cancellation was ours, and ends here."""
        if self._task is not None:
            self._task.uncancel()

    def _answered(self, whole: Whole, began: float) -> Copy:
        usage = whole.usage or estimate(self.sample.resolved.features.estimated_input_tokens, whole.output_chars)
        cost = _cost(self.card, usage)
        self._settle(cost or 0.0)
        return self._copy(CopyEnd.ANSWERED, began, usage=usage, cost_usd=cost)

    def _settle(self, spent_usd: float | None) -> None:
        """Close the bill; None: nobody knows what was spent, so what was reserved stays on it."""
        if spent_usd is not None:
            self.bench.books.settle(self._reserved, spent_usd)
        self._reserved = NOTHING

    async def _judged(self, made: Copy, request: ChatRequest, theirs: ChatReply, ours: ChatReply) -> Copy:
        """*made*, with the judge's word where there is one."""
        bench, card, found = self.bench, self.bench.judge, made.comparison
        one, other = seen(theirs), seen(ours)
        if card is None or found is None or found.likeness not in WORTH_JUDGING or one.calls or other.calls:
            return made
        place = await bench.room.enter(card, self._make_way)
        if isinstance(place, NotCopied):
            return _with_note(made, found, f"the judge was not asked ({place.value})")
        judge = PairJudge(model=_Judge(bench.asker, card, self.sample.resolved.decision), name=card.name)
        deadline_s = bench.clock() + bench.allowance.timeout_s
        try:
            async with asyncio.timeout(bench.allowance.timeout_s):
                said = await judge.judge(asked_of(request), one.text, other.text, deadline_s=deadline_s)
        except (PointsmanError, TimeoutError):
            return _with_note(made, found, "the judge did not answer")
        except asyncio.CancelledError:
            noted = _with_note(made, found, "the judge gave way")
            if not self.makes_way:
                bench.books.keep(self._with_text(noted, theirs, ours))
                raise
            self._go_on()
            return noted
        finally:
            place.release()
        if said is None:
            return _with_note(made, found, "the judge does not say")
        return replace(made, comparison=replace(said, similarity=found.similarity))

    def _copy(
        self,
        end: CopyEnd,
        began: float,
        *,
        usage: Usage | None = None,
        cost_usd: float | None = None,
        failure: str | None = None,
        message: str | None = None,
    ) -> Copy:
        decision, served, bench = self.sample.resolved.decision, self.served, self.bench
        return Copy(
            decision_id=decision.id,
            at_s=bench.now(),
            key_id=self.sample.inbound.caller.key_id,
            kind=decision.assessment.kind if decision.assessment is not None else None,
            tier=decision.tier,
            router=decision.router,
            surface=self.sample.inbound.surface,
            served=_side(served.card, served.took_ms, served.usage, _cost(served.card, served.usage)),
            shadow=_side(self.card, (bench.clock() - began) * 1e3, usage, cost_usd),
            end=end,
            failure=failure,
            message=message,
        )

    def _with_text(self, made: Copy, theirs: ChatReply, ours: ChatReply | None) -> Copy:
        """*made* with what was asked and said, where that is kept at all, and the request is public."""
        if not self.bench.keeps_text or self.sample.resolved.decision.privacy.is_private:
            return made
        return replace(
            made,
            prompt=self.sample.resolved.features.ask,
            served=replace(made.served, text=seen(theirs).text),
            shadow=replace(made.shadow, text=seen(ours).text if ours is not None else None),
        )


@dataclass(frozen=True, slots=True)
class _Judge:
    """The judge's card as something that can be asked about one request."""

    asker: Asker
    card: ModelCard
    decision: Decision

    async def ask(self, request: ChatRequest, /, *, deadline_s: float) -> ChatReply:
        """See judge.Asked."""
        return await self.asker.judge(self.card, request, self.decision, deadline_s)


def asked_of(request: ChatRequest) -> str:
    """What *request* asks, for the judge: its messages' words, the last of them if it is long."""
    return "\n\n".join(f"{one.role.value}: {one.text}" for one in request.messages if one.text)[-6_000:]


def _with_note(made: Copy, found: Comparison, note: str) -> Copy:
    return replace(made, comparison=replace(found, reasons=(*found.reasons, note)))


def _side(card: ModelCard, took_ms: float, usage: Usage | None, cost_usd: float | None) -> Side:
    return Side(
        model=card.id,
        is_local=card.is_local,
        took_ms=round(took_ms, 1),
        input_tokens=usage.input_tokens if usage is not None else None,
        output_tokens=usage.output_tokens if usage is not None else None,
        cost_usd=cost_usd,
    )


def _cost(card: ModelCard, usage: Usage) -> float | None:
    return card.price.cost_usd(usage) if card.price is not None else None
