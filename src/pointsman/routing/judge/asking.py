"""Putting questions to a judge: each one once, few at a time, for a limited time, and not while it keeps failing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from pointsman.core.errors import AttemptFailed, DeadlineExceeded, PointsmanError
from pointsman.routing.judge.likelihood import share_of
from pointsman.routing.judge.memory import Finding
from pointsman.routing.judge.rubric import RUBRICS
from pointsman.routing.judge.verdict import Verdict, verdict_in
from pointsman.routing.strategy import StrategyFailed

if TYPE_CHECKING:
    from pointsman.core.chat import ChatReply, ChatRequest
    from pointsman.routing.judge.breaker import Breaker
    from pointsman.routing.judge.memory import Digest, Memory
    from pointsman.routing.judge.rubric import Scale

WAITING: Final = 1
"""How many questions may wait for the judge; one more is not put at all."""


class JsonModel(Protocol):
    """A model that answers in JSON if it can, and that text never leaves the machine for."""

    async def ask(self, request: ChatRequest, /, *, deadline_s: float) -> ChatReply:
        """Its answer; a PointsmanError when there is none by *deadline_s* on the event loop's clock."""


@dataclass(slots=True, kw_only=True)
class Judge:
    """One model as the judge, asked on one event loop. `slots` are the questions it answers at once."""

    model: JsonModel
    name: str
    scale: Scale
    breaker: Breaker
    memory: Memory
    slots: int = 1
    _asking: dict[Digest, asyncio.Future[Finding]] = field(default_factory=dict, init=False, repr=False)
    _n_waiting: int = field(default=0, init=False)
    _free: asyncio.Semaphore = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """All slots are free."""
        self._free = asyncio.Semaphore(self.slots)

    def said_before(self, question: ChatRequest) -> Finding | None:
        """What came of the same *question* before."""
        return self.memory.find(self.memory.digest(question))

    async def verdict(self, question: ChatRequest, allowed_s: float) -> Verdict:
        """Its verdict, within *allowed_s*; StrategyFailed says why there is none."""
        digest = self.memory.digest(question)
        limit = asyncio.timeout(allowed_s)
        finding: Finding
        try:
            async with limit:
                if (other := self._asking.get(digest)) is not None:
                    finding = await asyncio.shield(other)
                else:
                    finding = await self._first(question, digest, limit)
        except TimeoutError:
            finding = f"did not answer within {allowed_s * 1e3:.0f} ms"
        if isinstance(finding, str):
            raise StrategyFailed(f"{self.name} {finding}")
        return finding

    async def _first(self, question: ChatRequest, digest: Digest, limit: asyncio.Timeout) -> Finding:
        """The finding, told to all who ask the same meanwhile."""
        answer = self._asking[digest] = asyncio.get_running_loop().create_future()
        finding: Finding = "was asked the same by somebody who has left"
        try:
            finding = await self._in_turn(question, digest, limit)
        finally:
            del self._asking[digest]
            answer.set_result(finding)
        return finding

    async def _in_turn(self, question: ChatRequest, digest: Digest, limit: asyncio.Timeout) -> Finding:
        if self._free.locked():
            if self._n_waiting >= WAITING:
                return "is busy"
            self._n_waiting += 1
            try:
                await self._free.acquire()
            finally:
                self._n_waiting -= 1
        else:
            await self._free.acquire()
        try:
            return await self._put(question, digest, limit)
        finally:
            self._free.release()

    async def _put(self, question: ChatRequest, digest: Digest, limit: asyncio.Timeout) -> Finding:
        if not self.breaker.may_ask():
            return f"keeps failing and is left alone for {self.breaker.rests_s:.0f} s"
        try:
            reply = await self.model.ask(question, deadline_s=limit.when() or 0.0)
        except PointsmanError as error:
            self.breaker.failed()
            return _wrong_with(error)
        except BaseException:
            self._was_left(is_too_late=limit.expired())
            raise
        self.breaker.succeeded()
        finding = _read(reply, self.scale)
        self.memory.keep(digest, finding)
        return finding

    def _was_left(self, *, is_too_late: bool) -> None:
        """The wait was ended: by its limit, which is the judge's failure, or because the caller has left."""
        if is_too_late:
            self.breaker.failed()
        else:
            self.breaker.released()


def _read(reply: ChatReply, scale: Scale) -> Finding:
    rubric = RUBRICS[scale]
    found = verdict_in(reply.choices[0].message.text, rubric) if reply.choices else None
    if found is None:
        return f"gave no answer of the scale {scale.value}"
    if found.word is None:
        return found
    return Verdict(word=found.word, confidence=share_of(found.word, rubric.words, reply.choices[0].logprobs))


def _wrong_with(error: PointsmanError) -> str:
    """What is wrong, without the server's own words: they may repeat the question."""
    if isinstance(error, DeadlineExceeded):
        return "did not answer in time"
    if not isinstance(error, AttemptFailed):
        return f"could not be asked ({error.code})"
    status = error.failure.status
    if status is None:
        return "could not be reached, or gave no answer of its API"
    return f"answered with status {status}"
