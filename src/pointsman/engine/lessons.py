"""What happens next as a verdict on an answer: an agent was raised a tier, or the same was asked again. An observer.

| what is seen                                                         | verdict on                                |
| -------------------------------------------------------------------- | ----------------------------------------- |
| an answer was asked for once more, one tier up                       | the model that gave the first one         |
| a turn was raised because of the answer before it                    | the tier below the one it was raised to   |
| a session asks the same in the same place, soon after it was answered | the model that answered                   |

Only tiers that a classifier chose are judged. Nothing of a text is kept but its hash, and that in memory.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from pointsman.core.decision import Outcome
from pointsman.core.events import AttemptEnded, Decided, Finished, FinishReason
from pointsman.core.values import value_type
from pointsman.engine.escalation import CODE
from pointsman.engine.escalation import NAME as ESCALATION
from pointsman.routing.learned.feedback import Remark, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from pointsman.core.assessment import Assessment
    from pointsman.core.catalog import Tier
    from pointsman.core.decision import Decision
    from pointsman.core.events import Event
    from pointsman.routing.learned.tutor import Tutor

MOST_REMEMBERED: Final = 4096

_Name = TypeVar("_Name")
_Kept = TypeVar("_Kept")
_Session = tuple[str | None, str | None, str]


@value_type
class _Judged:
    """A decision of a classifier, while its answer may still get a verdict."""

    decision: Decision
    assessment: Assessment
    key_id: str | None
    place: int | None  # what the ask is known by, where it belongs to a session
    served: str | None = None
    at_s: float = 0.0  # when it was answered


@dataclass(slots=True, kw_only=True)
class Signs:
    """Tells what it sees. `again_s` is the seconds within which the same ask is a complaint; `tell` must be quick."""

    tutor: Tutor
    tell: Callable[[Remark], None]
    again_s: float = 300.0
    _under_way: OrderedDict[str, _Judged] = field(default_factory=OrderedDict, init=False, repr=False)
    _answered: OrderedDict[int, _Judged] = field(default_factory=OrderedDict, init=False, repr=False)
    _latest: OrderedDict[_Session, Assessment] = field(default_factory=OrderedDict, init=False, repr=False)

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
            if judged is not None and judged.decision.tier is not None:
                self._complain(judged, judged.decision.tier, Verdict.ESCALATED, event.at_s, event.failure.model)

    def _decided(self, event: Decided) -> None:
        if event.is_dry_run or event.features.is_housekeeping:
            return
        decision, caller, features = event.decision, event.caller, event.features
        session = (caller.key_id, caller.agent, caller.session) if caller.session is not None else None
        assessment = decision.assessment
        if assessment is None:
            # Inside a tool's loop the session keeps its model: what was to be done is what was judged before.
            assessment = self._latest.get(session) if session is not None and features.in_tool_loop else None
            if assessment is None:
                return
        elif session is not None:
            _remember(self._latest, session, assessment)
        place = None
        if session is not None and not features.in_tool_loop and features.ask:
            place = hash((session, features.turns, features.ask))
        judged = _Judged(decision=decision, assessment=assessment, key_id=caller.key_id, place=place)
        self._raised(judged, event.at_s)
        if place is not None:
            self._asked_again(place, event.at_s)
        _remember(self._under_way, decision.id, judged)

    def _raised(self, judged: _Judged, at_s: float) -> None:
        """The tier below gave the answer that *judged* was raised for."""
        decision = judged.decision
        if decision.tier is None:
            return
        if not any(step.strategy == ESCALATION and step.outcome is Outcome.CLIMBED for step in decision.trail):
            return
        below = self.tutor.below(decision.router, decision.tier)
        if below is not None:
            self._complain(judged, below, Verdict.ESCALATED, at_s)

    def _asked_again(self, place: int, at_s: float) -> None:
        earlier = self._answered.pop(place, None)
        if earlier is None or at_s - earlier.at_s > self.again_s or earlier.decision.tier is None:
            return
        tier = self.tutor.tier_of(earlier.decision.router, earlier.decision.tier, earlier.served)
        if tier is not None:
            self._complain(earlier, tier, Verdict.REGENERATED, at_s, earlier.served)

    def _finished(self, event: Finished) -> None:
        judged = self._under_way.pop(event.decision_id, None)
        if judged is None or judged.place is None or event.reason is not FinishReason.OK:
            return
        answered = _Judged(
            decision=judged.decision,
            assessment=judged.assessment,
            key_id=judged.key_id,
            place=judged.place,
            served=event.served,
            at_s=event.at_s,
        )
        _remember(self._answered, judged.place, answered)

    def _complain(self, judged: _Judged, tier: Tier, verdict: Verdict, at_s: float, served: str | None = None) -> None:
        decision, found = judged.decision, judged.assessment
        task = self.tutor.task(decision.router, found.kind, found.difficulty, tier, served)
        if task is None:
            return
        remark = Remark(
            decision_id=decision.id, key_id=judged.key_id, verdict=verdict, at_s=at_s, task=task, is_sign=True
        )
        self.tell(remark)


def _remember(where: OrderedDict[_Name, _Kept], name: _Name, kept: _Kept) -> None:
    where[name] = kept
    where.move_to_end(name)
    if len(where) > MOST_REMEMBERED:
        where.popitem(last=False)
