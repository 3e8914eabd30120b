"""What a person is asked before another model takes over, and what they may say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.core.failure import FailureKind
    from pointsman.core.health import Cause


class Consent(StrEnum):
    """A person's answer."""

    KEEP_TRYING = "keep_trying"  # the same model again
    ONCE = "once"  # the other model, for as long as this one is not well
    SESSION = "session"  # the other model for the rest of the session
    STOP = "stop"  # neither: the error


class Unanswered(Exception):
    """No person has answered: *instead* goes for it. *why* is said where that means STOP: "nobody answered in 60 s"."""

    def __init__(self, instead: Consent, why: str) -> None:
        super().__init__(why)
        self.instead = instead
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """*failed* did not answer: may *other* do it? Model names are those that callers know."""

    decision_id: str
    failed: str
    other: str
    kind: FailureKind
    cause: Cause
    message: str  # what happened, in the endpoint's words
    until_s: float | None  # when *failed* may be asked again, seconds since the epoch; None: not known
    other_is_local: bool
    failed_is_local: bool
    cost_usd: float | None  # what *other* would cost for this request, its output estimated; None: not known
    can_keep_trying: bool = True
    until_is_named: bool = True  # by the endpoint, else it is our own guess


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the person of one session has chosen so far, by the names of the models that failed."""

    owner: str | None  # the caller's key, by its id
    session: str
    for_session: Mapping[str, str]  # -> who does its work until the session ends
    while_unwell: frozenset[str]  # another answers until it is well
    until_s: float  # seconds since the epoch, when it is forgotten
