"""The way of a streamed answer from its first content to its end: pieces out, and one last line in the record.

ended by                                   told to the caller            recorded as
the dialect's proper end                   -                             ok, whatever happens to the connection then
an error event of the endpoint             that event                    failed
a cut, a stall, a broken connection        the dialect's error event     failed
the deadline                               the dialect's error event     deadline
the caller, who closes or is cancelled     -                             cancelled
an exception of our own                    the exception                 failed
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Generic

from pointsman.core.errors import AttemptFailed, DeadlineExceeded, PointsmanError
from pointsman.core.stream import StreamEvent, StreamFailed
from pointsman.engine.attempt import cut, stream_failure
from pointsman.engine.exchange import Piece
from pointsman.engine.usage import estimate
from pointsman.resilience.cause import is_overloaded

if TYPE_CHECKING:
    from pointsman.core.catalog import Catalog, ModelCard
    from pointsman.core.chat import Usage
    from pointsman.core.failure import Failure
    from pointsman.engine.attempt import Begun
    from pointsman.engine.entrance import Held
    from pointsman.engine.record import Record
    from pointsman.resilience.availability import Availability

Say = Callable[[StreamEvent], Sequence[Piece]]


@dataclass(slots=True, kw_only=True)
class Delivery(Generic[Piece]):
    """The pieces of one streamed answer, to be iterated once and then closed, even when none was ever taken.

    Closing before the end cancels the endpoint's work. However it ends, the endpoint's slot is free again and the book
    of healths knows.
    """

    card: ModelCard
    begun: Begun[Piece]
    record: Record
    new_say: Callable[[], Say[Piece]]
    slot: Held
    health: Availability
    catalog: Catalog
    _running: AsyncGenerator[Piece, None] | None = field(default=None, init=False)

    def __aiter__(self) -> AsyncIterator[Piece]:
        if self._running is None:
            self._running = self._run()
        return self._running

    async def aclose(self) -> None:
        """Let go of the endpoint and close the record, unless that is done."""
        if self._running is not None:
            await self._running.aclose()
        if not self.record.is_finished:  # a generator that was never started does not run its `finally` either
            self._settle(None, GeneratorExit())
            await self.begun.response.aclose()

    async def _run(self) -> AsyncGenerator[Piece, None]:
        pump = self.begun.pump
        problem: PointsmanError | None = None
        try:
            for piece in self.begun.first:
                yield piece
            try:
                async for data in self.begun.arriving:
                    for piece in pump.feed(data):
                        yield piece
                    if pump.failure is not None:
                        break
                else:
                    for piece in () if self.begun.is_complete else pump.close():
                        yield piece
            except PointsmanError as error:
                problem = error
            if pump.is_cut or (pump.failure is None and not pump.has_ended):
                failed = cut(self.card) if pump.failure is None else self._stream_failure(pump.failure)
                problem = problem or AttemptFailed(failed)
                for piece in self._broken_off(problem):
                    yield piece
            self._settle(problem, None)
        except BaseException as error:
            self._settle(problem, error)
            raise
        finally:
            await self.begun.response.aclose()

    def failed(self, failed: StreamFailed) -> Sequence[Piece]:
        """What tells the caller of *failed* after the pieces so far."""
        said = self.begun.pump.fail(failed)
        return said if said is not None else self.new_say()(replace(failed, is_amid=True))

    def _broken_off(self, problem: PointsmanError) -> Sequence[Piece]:
        return self.failed(StreamFailed(message=f"{self.card.name}: {problem}", code=problem.code))

    def _settle(self, problem: PointsmanError | None, error: BaseException | None) -> None:
        """Close the record: *problem* is the endpoint's, *error* is what stopped us."""
        pump, card, record = self.begun.pump, self.card, self.record
        usage = self._usage()
        has_left = isinstance(error, (GeneratorExit, asyncio.CancelledError))
        failure: Failure | None = None
        if pump.failure is not None:
            failure = self._stream_failure(pump.failure)
            record.broke_off(card, usage, pump.failure.message)
        elif error is not None and not has_left:
            record.broke_off(card, usage, type(error).__name__)
        elif pump.has_ended:
            record.served(card, usage)
        elif problem is not None:
            failure = problem.failure if isinstance(problem, AttemptFailed) else None
            record.broke_off(card, usage, problem.message, in_time=not isinstance(problem, DeadlineExceeded))
        else:
            record.cancelled(card, usage)
        self._tell(failure, is_served=pump.has_ended and error is None)

    def _usage(self) -> Usage:
        """What the endpoint counted, else an estimate."""
        pump = self.begun.pump
        return pump.usage or estimate(self.record.resolved.features.estimated_input_tokens, pump.output_chars)

    def _stream_failure(self, failed: StreamFailed) -> Failure:
        return stream_failure(self.card, failed, now_s=self.record.now())

    def _tell(self, failure: Failure | None, *, is_served: bool) -> None:
        """Free the slot, and tell the book of healths how it went."""
        self.slot.release(failed=failure is not None and is_overloaded(failure))
        if failure is not None:
            self.health.failed(self.card, failure, self.catalog.policy_of(self.card.name).rule(failure.kind))
        elif is_served:
            self.health.succeeded(self.card)
        else:
            self.health.released(self.card)
