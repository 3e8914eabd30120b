"""Asking the person behind a request before another model takes over, and remembering what they said.

Nothing of it changes the configuration: the next request is routed as ever, and a model that is well again is asked
again, but for what the person chose for the rest of their session.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.core.chat import Usage
from pointsman.core.consent import Consent, Question
from pointsman.resilience.cause import cause_of

if TYPE_CHECKING:
    from pointsman.core.catalog import ModelCard
    from pointsman.core.decision import Caller, Decision, PromptFeatures
    from pointsman.core.failure import Failure

TYPICAL_OUTPUT_TOKENS = 400  # of a chat answer, where the request sets no limit
MAX_SESSIONS = 10_000

Session = tuple[str | None, str]  # the caller's key, the session they named


@dataclass(slots=True)
class Said:
    """What one session's person has chosen, by the name of the model that failed."""

    for_session: dict[str, str] = field(default_factory=dict)  # -> who does its work until the session ends
    while_unwell: set[str] = field(default_factory=set)


@dataclass(slots=True, kw_only=True)
class Consents:
    """The choices of all sessions, the oldest forgotten first. `unattended_stops`: without a person, ask means no."""

    unattended_stops: bool = False
    sessions: OrderedDict[Session, Said] = field(default_factory=OrderedDict)

    def of(self, caller: Caller) -> Said | None:
        """What the person of *caller*'s session has chosen so far; None when nothing, or no session was named."""
        if not self.sessions or caller.session is None:
            return None
        return self.sessions.get((caller.key_id, caller.session))

    def remember(self, caller: Caller, question: Question, answer: Consent) -> None:
        """Keep what outlasts the request."""
        if caller.session is None or answer not in (Consent.ONCE, Consent.SESSION):
            return
        key = (caller.key_id, caller.session)
        said = self.sessions.setdefault(key, Said())
        self.sessions.move_to_end(key)
        said.while_unwell.add(question.failed)
        if answer is Consent.SESSION:
            for failed, instead in said.for_session.items():  # it stood in for others, and fails now
                if instead == question.failed:
                    said.for_session[failed] = question.other
            said.for_session[question.failed] = question.other
            said.for_session.pop(question.other, None)
        while len(self.sessions) > MAX_SESSIONS:
            self.sessions.popitem(last=False)

    def forget(self, caller: Caller) -> None:
        """The session's person has changed their mind: all its models are as configured."""
        if caller.session is not None:
            self.sessions.pop((caller.key_id, caller.session), None)


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
