"""A second local model is asked when a local one is slow to begin; whoever has content first gives the answer.

the first      the second     the answer      recorded of the other
quick          not asked      the first's     -
slow, answers  late           the first's     cancelled: an attempt that lost, its prompt as used
slow           answers        the second's    the same
fails          answers        the second's    its failure
answers        fails          the first's     its failure
fails          fails          the plan's next both failures

Only on this machine: a prompt that is paid for, or leaves it, is never sent twice at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from pointsman.core.failure import Failure, FailureKind
from pointsman.engine.usage import estimate
from pointsman.resilience.plan import Next

if TYPE_CHECKING:
    from pointsman.core.catalog import ModelCard
    from pointsman.engine.entrance import Entrance, Held
    from pointsman.engine.record import Record
    from pointsman.resilience.plan import Plan

Found = TypeVar("Found")
LOST = "hedge_lost"


@dataclass(slots=True, kw_only=True)
class Hedge(Generic[Found]):
    """One attempt that may become two. `attempt` takes a slot that is held, or None to get one itself."""

    plan: Plan
    limits: Entrance
    record: Record
    after_s: float
    attempt: Callable[[ModelCard, Held | None], Awaitable[Found]]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _holds_budget: bool = False

    async def answer(self, card: ModelCard) -> tuple[ModelCard, Found]:
        """The answer of *card* or of who was asked beside it; the last one's error when there is none."""
        racers = [self._begin(card, None)]
        try:
            await self._head_start(racers[0][1])
            if not racers[0][1].done() and (second := self._second()) is not None:
                racers.append(self._begin(*second))
            winner = await first_success([task for _, task in racers])
        except BaseException:
            await self._end(racers, None)
            raise
        await self._end(racers, winner)
        return next(one for one, task in racers if task is winner), winner.result()

    def _begin(self, card: ModelCard, slot: Held | None) -> tuple[ModelCard, asyncio.Task[Found]]:
        loop = asyncio.get_running_loop()
        return card, loop.create_task(self._run(card, slot))  # kept by `answer`, ended and awaited in `_end`

    async def _run(self, card: ModelCard, slot: Held | None) -> Found:
        return await self.attempt(card, slot)

    async def _head_start(self, first: asyncio.Task[Found]) -> None:
        """Wait until *first* is done, or slow."""

        async def pause() -> None:
            await self.sleep(self.after_s)

        timer = asyncio.get_running_loop().create_task(pause())  # ended and awaited here
        try:
            await asyncio.wait((first, timer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            await asyncio.wait((timer,))

    def _second(self) -> tuple[ModelCard, Held] | None:
        """Another local model that is well and has room, if further attempts may run at all."""
        for card in self.plan.waits():
            if not card.is_local or card.id in self.plan.tried or not self.plan.health.may_try(card):
                continue
            if (slot := self.limits.try_enter(card)) is None:
                continue
            if self.plan.budget.take():
                self._holds_budget = True
                if self.plan.take(Next(card=card)):
                    return card, slot
                self._give_back()
            slot.release()
        return None

    async def _end(
        self, racers: Sequence[tuple[ModelCard, asyncio.Task[Found]]], winner: asyncio.Task[Found] | None
    ) -> None:
        """Cancel who is still under way; an answer that came meanwhile is let go, and what it read is recorded."""
        self._give_back()
        for card, task in racers:
            is_late = task is not winner and (task.cancel() or (not task.cancelled() and task.exception() is None))
            await asyncio.wait((task,))
            if not is_late:
                continue
            if not task.cancelled() and task.exception() is None:
                await self._let_go(card, task.result())
            if winner is not None:
                read = estimate(self.record.resolved.features.estimated_input_tokens, 0)
                self.record.lost(card, read, _lost(card))

    async def _let_go(self, card: ModelCard, found: object) -> None:
        """Close the stream that *card* began too late; a whole answer is over."""
        if isinstance(found, tuple):
            begun, slot = found
            slot.release()
            self.plan.health.succeeded(card)
            await begun.response.aclose()

    def _give_back(self) -> None:
        if self._holds_budget:
            self._holds_budget = False
            self.plan.budget.put()


async def first_success(tasks: Sequence[asyncio.Task[Found]]) -> asyncio.Task[Found]:
    """The first of *tasks* that succeeds, of two at once the one named first; the last one's error when none does."""
    pending = set(tasks)
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task in done and not task.cancelled() and task.exception() is None:
                return task
    tasks[-1].result()
    raise asyncio.CancelledError


def _lost(card: ModelCard) -> Failure:
    return Failure(
        kind=FailureKind.TRANSIENT,
        model=card.id,
        endpoint=card.endpoint.name,
        message="another model that was asked beside it answered first",
        code=LOST,
    )
