"""Asking the person behind a request before another model takes over, and remembering what they said.

Nothing of it changes the configuration: the next request is routed as ever, and a model that is well again is asked
again, but for what the person chose for the rest of their session.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.core.chat import Usage
from pointsman.core.consent import Choices, Consent, Question
from pointsman.resilience.cause import cause_of

if TYPE_CHECKING:
    from pointsman.core.catalog import ModelCard
    from pointsman.core.decision import Caller, Decision, PromptFeatures
    from pointsman.core.failure import Failure

TYPICAL_OUTPUT_TOKENS = 400  # of a chat answer, where the request sets no limit
MAX_SESSIONS = 10_000
KEPT_S = 86_400.0  # since the person last chose

Session = tuple[str | None, str]  # the caller's key, the session they named


@dataclass(slots=True)
class Said:
    """What one session's person has chosen, by the name of the model that failed."""

    for_session: dict[str, str] = field(default_factory=dict)  # -> who does its work until the session ends
    while_unwell: set[str] = field(default_factory=set)
    until_s: float = float("inf")


@dataclass(slots=True, kw_only=True)
class Consents:
    """The choices of all sessions, the oldest forgotten first. `unattended_stops`: without a person, ask means no.

    `clock` is seconds since the epoch. `listeners` hear what is chosen here; `learn` takes what is chosen elsewhere.
    """

    unattended_stops: bool = False
    clock: Callable[[], float] = time.time
    listeners: list[Callable[[Choices], None]] = field(default_factory=list)
    sessions: OrderedDict[Session, Said] = field(default_factory=OrderedDict)

    def of(self, caller: Caller) -> Said | None:
        """What the person of *caller*'s session has chosen so far; None when nothing, or no session was named."""
        if not self.sessions or caller.session is None:
            return None
        key = (caller.key_id, caller.session)
        said = self.sessions.get(key)
        if said is not None and said.until_s <= self.clock():
            del self.sessions[key]
            return None
        return said

    def remember(self, caller: Caller, question: Question, answer: Consent) -> None:
        """Keep what outlasts the request."""
        if caller.session is None or answer not in (Consent.ONCE, Consent.SESSION):
            return
        key = (caller.key_id, caller.session)
        said = self._kept(key, self.of(caller) or Said())
        said.until_s = self.clock() + KEPT_S
        said.while_unwell.add(question.failed)
        if answer is Consent.SESSION:
            for failed, instead in said.for_session.items():  # it stood in for others, and fails now
                if instead == question.failed:
                    said.for_session[failed] = question.other
            said.for_session[question.failed] = question.other
            said.for_session.pop(question.other, None)
        self._tell(key, said)

    def well_again(self, caller: Caller, name: str) -> None:
        """The model *name* is well: what was agreed for its absence is over."""
        said = self.of(caller)
        if said is not None and caller.session is not None and name in said.while_unwell:
            said.while_unwell.discard(name)
            self._tell((caller.key_id, caller.session), said)

    def forget(self, caller: Caller) -> None:
        """The session's person has changed their mind: all its models are as configured."""
        if caller.session is not None:
            key = (caller.key_id, caller.session)
            said = self.sessions.pop(key, None)
            if said is not None:
                self._tell(key, Said(until_s=said.until_s))

    def learn(self, choices: Choices) -> None:
        """Go by what was chosen in another process."""
        key = (choices.owner, choices.session)
        if not choices.for_session and not choices.while_unwell:
            self.sessions.pop(key, None)
            return
        self._kept(key, Said(dict(choices.for_session), set(choices.while_unwell), choices.until_s))

    def _kept(self, key: Session, said: Said) -> Said:
        self.sessions[key] = said
        self.sessions.move_to_end(key)
        while len(self.sessions) > MAX_SESSIONS:
            self.sessions.popitem(last=False)
        return said

    def _tell(self, key: Session, said: Said) -> None:
        owner, session = key
        told = Choices(
            owner=owner,
            session=session,
            for_session=dict(said.for_session),
            while_unwell=frozenset(said.while_unwell),
            until_s=said.until_s,
        )
        for listener in self.listeners:
            listener(told)


def question_for(
    *,
    decision: Decision,
    features: PromptFeatures,
    failure: Failure,
    failed: ModelCard,
    other: ModelCard,
    until_s: float | None,
) -> Question:
    """What to ask about *other* in place of *failed*."""
    output_tokens = min(features.max_output_tokens or TYPICAL_OUTPUT_TOKENS, TYPICAL_OUTPUT_TOKENS)
    usage = Usage(input_tokens=features.estimated_input_tokens, output_tokens=output_tokens)
    return Question(
        decision_id=decision.id,
        failed=failed.name,
        other=other.name,
        kind=failure.kind,
        cause=cause_of(failure),
        message=failure.message,
        until_s=until_s,
        until_is_named=failure.until_s is not None,
        other_is_local=other.is_local,
        failed_is_local=failed.is_local,
        cost_usd=other.price.cost_usd(usage) if other.price is not None else None,
    )
