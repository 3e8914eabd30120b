"""What happens next as a verdict on an answer: an agent was raised a tier, or the same was asked again. An observer.

| what is seen                                                         | verdict on                                |
| -------------------------------------------------------------------- | ----------------------------------------- |
| an answer was asked for once more, one tier up                       | the model that gave the first one         |
| a turn was raised because of the answer before it                    | the tier below the one it was raised to   |
| a session asks the same in the same place, soon after it was answered | the model that answered                   |

Only tiers that a classifier chose are judged. Nothing of a text is kept but a keyed hash of its place and its words.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeVar

from pointsman.core.decision import Outcome
from pointsman.core.events import AttemptEnded, Decided, Finished, FinishReason
from pointsman.core.session import Answer, digest
from pointsman.core.values import value_type
from pointsman.engine.escalation import CODE
from pointsman.engine.escalation import NAME as ESCALATION
from pointsman.routing.learned.feedback import Remark, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from pointsman.core.catalog import Tier
    from pointsman.core.decision import Caller, Decision, PromptFeatures
    from pointsman.core.events import Event
    from pointsman.core.ports import SessionBoard
    from pointsman.core.session import Note
    from pointsman.routing.learned.tutor import Tutor

MOST_REMEMBERED: Final = 8192
SESSION_S: Final = 3600.0
"""So long others remember what a session was last judged for."""
_END_CHARS: Final = 2048

_Name = TypeVar("_Name")
_Kept = TypeVar("_Kept")


@value_type
class _UnderWay:
    """A decision of a classifier, while its answer may still get a verdict."""

    answer: Answer
    key_id: str | None
    session: bytes | None = None
    place: bytes | None = None  # what the ask is known by, where it belongs to a session


@dataclass(slots=True, kw_only=True)
class Signs:
    """Tells what it sees. `again_s` is the seconds within which the same ask is a complaint; `tell` must be quick.

    `secret` is the key of the hashes that asks and sessions are known by.
    """

    tutor: Tutor
    tell: Callable[[Remark], None]
    again_s: float = 300.0
    secret: bytes = field(default=b"", repr=False)
    share: Callable[[Note], None] | None = None  # None: nobody else is to know
    _under_way: OrderedDict[str, _UnderWay] = field(default_factory=OrderedDict, init=False, repr=False)
    _answers: OrderedDict[bytes, Answer] = field(default_factory=OrderedDict, init=False, repr=False)

    def join(self, board: SessionBoard) -> None:
        """Go by the board's hashes, and tell it what is remembered here from now on."""
        self.secret, self.share = board.secret, board.tell

    def learn(self, key: bytes, answer: Answer) -> None:
        """Another process has seen *answer*, at a place or as a session's latest, if nothing later is known here."""
        found = self._answers.get(key)
        if found is None or found.at_s < answer.at_s:
            _remember(self._answers, key, answer)

    def __call__(self, event: Event, /) -> None:
        """See core.ports.Observer."""
        if type(event) is Decided:
            caller = event.caller
            if caller.session is not None or caller.agent is not None or event.features.n_tools:
                self._decided(event)
        elif type(event) is Finished:
            if self._under_way:
                self._finished(event)
        elif type(event) is AttemptEnded and event.failure.code == CODE:
            judged = self._under_way.get(event.decision_id)
            if judged is not None and judged.answer.tier is not None:
                self._complain(judged, judged.answer.tier, Verdict.ESCALATED, event.at_s, event.failure.model)

    def _decided(self, event: Decided) -> None:
        if event.is_dry_run or event.features.is_housekeeping:
            return
        decision, caller, features = event.decision, event.caller, event.features
        session = self._session(caller)
        before = self._answers.get(session) if session is not None else None
        answer = _asked(decision, before if features.in_tool_loop else None)
        if answer is None:
            return
        place = self._place(session, features) if session is not None else None
        judged = _UnderWay(answer=answer, key_id=caller.key_id, session=session, place=place)
        self._raised(judged, decision, before, event.at_s)
        if place is not None:
            self._asked_again(place, judged, event.at_s)
        if session is not None:
            _remember(self._answers, session, answer)
        _remember(self._under_way, decision.id, judged)

    def _session(self, caller: Caller) -> bytes | None:
        if caller.session is None:
            return None
        return digest(self.secret, f"latest\0{caller.key_id}\0{caller.agent}\0{caller.session}")

    def _place(self, session: bytes, features: PromptFeatures) -> bytes | None:
        """The place of an ask in its session, with its words; None inside a tool's loop."""
        ask = features.ask
        if features.in_tool_loop or not ask:
            return None
        if len(ask) > 2 * _END_CHARS:
            ask = f"{len(ask)}\0{ask[:_END_CHARS]}{ask[-_END_CHARS:]}"
        return digest(self.secret + session, f"{features.turns}\0{ask}")

    def _raised(self, judged: _UnderWay, decision: Decision, before: Answer | None, at_s: float) -> None:
        """The tier below gave the answer that the request was raised for: the session's last, where it did."""
        if decision.tier is None:
            return
        if not any(step.strategy == ESCALATION and step.outcome is Outcome.CLIMBED for step in decision.trail):
            return
        below = self.tutor.below(decision.router, decision.tier)
        if below is None:
            return
        served = before.served if before is not None else None
        if served is not None and self.tutor.tier_of(decision.router, below, served) is not below:
            served = None
        self._complain(judged, below, Verdict.ESCALATED, at_s, served)

    def _asked_again(self, place: bytes, judged: _UnderWay, at_s: float) -> None:
        earlier = self._answers.pop(place, None)
        if earlier is None or at_s - earlier.at_s > self.again_s or earlier.tier is None:
            return
        tier = self.tutor.tier_of(earlier.router, earlier.tier, earlier.served)
        if tier is not None:
            self._complain(replace(judged, answer=earlier), tier, Verdict.REGENERATED, at_s, earlier.served)

    def _finished(self, event: Finished) -> None:
        judged = self._under_way.pop(event.decision_id, None)
        if judged is None or judged.session is None or event.reason is not FinishReason.OK:
            return
        answer = replace(judged.answer, served=event.served, at_s=event.at_s)
        _remember(self._answers, judged.session, answer)
        if judged.place is not None:
            _remember(self._answers, judged.place, answer)
        if self.share is not None:
            self.share((judged.session, answer, SESSION_S))
            if judged.place is not None:
                self.share((judged.place, answer, self.again_s))

    def _complain(self, judged: _UnderWay, tier: Tier, verdict: Verdict, at_s: float, served: str | None) -> None:
        found = judged.answer
        task = self.tutor.task(found.router, found.kind, found.difficulty, tier, served)
        if task is None:
            return
        remark = Remark(
            decision_id=found.decision_id, key_id=judged.key_id, verdict=verdict, at_s=at_s, task=task, is_sign=True
        )
        self.tell(remark)


def _asked(decision: Decision, before: Answer | None) -> Answer | None:
    """What is to be answered; inside a tool's loop, where the session keeps its model, what was judged *before*.

    None where no classifier has judged it.
    """
    found = decision.assessment or before
    if found is None:
        return None
    return Answer(
        decision_id=decision.id,
        router=decision.router,
        tier=decision.tier,
        kind=found.kind,
        difficulty=found.difficulty,
    )


def _remember(where: OrderedDict[_Name, _Kept], name: _Name, kept: _Kept) -> None:
    where[name] = kept
    where.move_to_end(name)
    if len(where) > MOST_REMEMBERED:
        where.popitem(last=False)
