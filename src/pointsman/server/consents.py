"""Questions that wait for the people behind requests: each is shown to its own key only, and none waits for ever."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pointsman.core.consent import Consent, Unanswered
from pointsman.core.errors import ConsentSettled, InvalidRequest, UnknownConsent
from pointsman.core.ports import PostedQuestion
from pointsman.resilience.wording import choices, default_choice, why_asked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pointsman.core.consent import Question
    from pointsman.core.decision import Caller
    from pointsman.core.jsontypes import Json, JsonObject
    from pointsman.core.ports import ConsentAsker, ConsentBoard

MOST_OPEN = 1_000
MOST_SETTLED = 10_000  # ids remembered to tell a late answer from a wrong one
LOOK_S = 0.25
NOBODY = "nobody"  # answered in time


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQuestion:
    """A question and whom it is for. Times are seconds since the epoch."""

    id: str
    question: Question
    owner: str | None  # the key's id
    session: str | None
    asked_s: float
    expires_s: float
    answer: asyncio.Future[Consent] = field(repr=False, compare=False)

    def to_json(self) -> JsonObject:
        """The question for a page or a program."""
        question = self.question
        return {
            "id": self.id,
            "object": "consent",
            "decision_id": question.decision_id,
            "session": self.session,
            "failed": {"model": question.failed, "local": question.failed_is_local},
            "other": {"model": question.other, "local": question.other_is_local, "cost_usd": question.cost_usd},
            "what": why_asked(question),
            "kind": question.kind.value,
            "cause": question.cause.value,
            "message": question.message,
            "again_at": _moment(question.until_s),
            "choices": [
                {"answer": answer.value, "label": label}
                for answer, label in choices(question).items()
                if self.allows(answer)
            ],
            "default": default_choice(question).value,
            "asked_at": _moment(self.asked_s),
            "expires_at": _moment(self.expires_s),
        }

    def posted(self) -> PostedQuestion:
        """The question for the gateway's other processes."""
        return PostedQuestion(
            id=self.id, owner=self.owner, session=self.session, expires_s=self.expires_s, body=self.to_json()
        )

    def allows(self, answer: Consent) -> bool:
        """Whether *answer* is one of the choices."""
        return answer is not Consent.KEEP_TRYING or self.question.can_keep_trying


@dataclass(slots=True)
class OpenQuestions:
    """All questions that wait in this process and, where there is a *board*, in the gateway's others.

    `now` is seconds since the epoch.
    """

    board: ConsentBoard | None = None
    now: Callable[[], float] = time.time
    changes: int = field(default=0, init=False)  # so far
    _open: dict[str, OpenQuestion] = field(default_factory=dict, init=False)
    _settled: OrderedDict[str, tuple[str | None, str]] = field(default_factory=OrderedDict, init=False)
    _change: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def asker(self, caller: Caller, *, timeout_s: float, unattended: Consent) -> ConsentAsker:
        """Puts questions to *caller*; Unanswered, with *unattended* instead, where *timeout_s* s bring nothing."""

        async def ask(question: Question, /) -> Consent:
            if len(self._open) >= MOST_OPEN:
                raise Unanswered(unattended, f"nobody could be asked, as {MOST_OPEN:,} questions wait already")
            waiting = self._put(question, caller, timeout_s)
            try:
                async with asyncio.timeout(timeout_s):
                    return await self._answered(waiting)
            except TimeoutError as error:
                why = f"nobody answered within {timeout_s:g} s whether another model may, which counts as no"
                raise Unanswered(unattended, why) from error
            finally:
                ended = self._settle(waiting)
                if self.board is not None:
                    await self.board.end(waiting.id, ended)

        return ask

    async def open_to(self, owner: str | None, session: str | None = None) -> Sequence[JsonObject]:
        """The questions for *owner* (of one *session*), those of this process first, the oldest first."""
        mine = (one for one in self._open.values() if one.owner == owner and not one.answer.done())
        here = [one.to_json() for one in mine if session is None or one.session == session]
        if self.board is None:
            return here
        elsewhere = await self.board.open_to(owner, session)
        return [*here, *(one for one in elsewhere if one["id"] not in self._open)]

    async def answer(self, question_id: str, owner: str | None, answer: Consent) -> None:
        """The person's *answer*; UnknownConsent, ConsentSettled or InvalidRequest when it cannot be taken."""
        waiting = self._open.get(question_id)
        if waiting is None or waiting.owner != owner:
            await self._answer_elsewhere(question_id, owner, answer)
            return
        if not waiting.allows(answer):
            raise _no_choice(answer)
        if waiting.answer.done():
            raise _settled(question_id, str(waiting.answer.result()))
        waiting.answer.set_result(answer)

    async def endings(self, ids: Sequence[str]) -> Mapping[str, str]:
        """How those of *ids* that are settled ended: by an answer, or NOBODY's."""
        ended = {one: self._settled[one][1] for one in ids if one in self._settled}
        elsewhere = [one for one in ids if one not in ended]
        if self.board is None or not elsewhere:
            return ended
        return {**ended, **await self.board.endings(elsewhere)}

    async def changed(self, since: int, within_s: float) -> None:
        """Wait until a question has come or gone *since* that number of `changes`, *within_s* seconds at most.

        What happens in other processes is looked for every LOOK_S.
        """
        if self.changes != since:
            return
        try:
            async with asyncio.timeout(within_s if self.board is None else min(within_s, LOOK_S)):
                await self._change.wait()
        except TimeoutError:
            return

    def _put(self, question: Question, caller: Caller, timeout_s: float) -> OpenQuestion:
        now_s = self.now()
        waiting = OpenQuestion(
            id=f"consent_{secrets.token_hex(12)}",
            question=question,
            owner=caller.key_id,
            session=caller.session,
            asked_s=now_s,
            expires_s=now_s + timeout_s,
            answer=asyncio.get_running_loop().create_future(),
        )
        self._open[waiting.id] = waiting
        self._tell()
        return waiting

    async def _answered(self, waiting: OpenQuestion) -> Consent:
        if self.board is None:
            return await waiting.answer
        await self.board.put(waiting.posted())
        while not waiting.answer.done():
            await asyncio.wait((waiting.answer,), timeout=LOOK_S)
            posted = await self.board.find(waiting.id, waiting.owner)
            if posted is not None and posted.answer is not None and not waiting.answer.done():
                waiting.answer.set_result(Consent(posted.answer))
        return waiting.answer.result()

    async def _answer_elsewhere(self, question_id: str, owner: str | None, answer: Consent) -> None:
        """Answer a question that waits in another process."""
        posted = await self.board.find(question_id, owner) if self.board is not None else None
        if posted is None or self.board is None:
            raise self._not_open(question_id, owner)
        if answer.value not in _allowed(posted.body):
            raise _no_choice(answer)
        if not await self.board.answer(question_id, answer.value):
            now = await self.board.find(question_id, owner) or posted
            raise _settled(question_id, now.ended or now.answer or NOBODY)

    def _settle(self, waiting: OpenQuestion) -> str:
        del self._open[waiting.id]
        future = waiting.answer
        ended = future.result().value if future.done() and not future.cancelled() else NOBODY
        self._settled[waiting.id] = (waiting.owner, ended)
        while len(self._settled) > MOST_SETTLED:
            self._settled.popitem(last=False)
        self._tell()
        return ended

    def _tell(self) -> None:
        self.changes += 1
        self._change.set()
        self._change = asyncio.Event()

    def _not_open(self, question_id: str, owner: str | None) -> UnknownConsent | ConsentSettled:
        known = self._settled.get(question_id)
        if known is None or known[0] != owner:
            message = f"There is no open question {question_id[:80]!r}."
            return UnknownConsent(message, hint="See GET /v1/consents for those that are.", param="id")
        return _settled(question_id, known[1])


def _allowed(body: JsonObject) -> set[Json]:
    shown = body.get("choices")
    return {choice.get("answer") for choice in shown if isinstance(choice, dict)} if isinstance(shown, list) else set()


def _no_choice(answer: Consent) -> InvalidRequest:
    return InvalidRequest(f"{answer.value} is none of this question's choices.", param="answer")


def _settled(question_id: str, how: str) -> ConsentSettled:
    ended = "its time is over, or the caller has gone" if how == NOBODY else f"it was answered with {how}"
    return ConsentSettled(f"The question {question_id!r} is settled: {ended}.", param="id")


def _moment(at_s: float | None) -> str | None:
    return None if at_s is None else datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds")
