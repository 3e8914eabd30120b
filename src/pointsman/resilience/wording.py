"""What happened to a model, and what a person may choose then, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

from pointsman.core.consent import Consent
from pointsman.core.failure import FailureKind
from pointsman.core.health import Cause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.core.consent import Question

_CAUSES: Final[Mapping[Cause, str]] = {
    Cause.QUOTA: "too many requests for now",
    Cause.CAPACITY: "overloaded",
    Cause.AUTH: "the key was refused",
    Cause.MISSING: "not known there",
    Cause.NETWORK: "not reachable",
}


def what_happened(kind: FailureKind, cause: Cause, *, is_local: bool, until_s: float | None = None) -> str:
    """Why a model did not answer, such as `overloaded`; *until_s* is when its quota is whole again, where known."""
    match kind:
        case FailureKind.TERMINAL:
            if cause is not Cause.QUOTA:
                return _CAUSES[cause]
            return "quota used up" if until_s is None else "daily quota used up"
        case FailureKind.NOT_FOUND:
            return "not installed there" if is_local else "not known there"
        case FailureKind.AUTH:
            return "the key was refused"
        case FailureKind.CONTEXT:
            return "the prompt is too long for it"
        case FailureKind.CONTENT:
            return "it refused the content"
        case FailureKind.BAD_REQUEST:
            return "it refused the request"
        case FailureKind.UNKNOWN:
            return "not reachable" if cause is Cause.NETWORK else "failed"
        case FailureKind.TRANSIENT:
            return _CAUSES[cause]
        case _:
            assert_never(kind)


def why_asked(question: Question) -> str:
    """`what_happened` to the model that a question is about."""
    return what_happened(
        question.kind,
        question.cause,
        is_local=question.failed_is_local,
        until_s=question.until_s if question.until_is_named else None,
    )


def choices(question: Question) -> Mapping[Consent, str]:
    """What each answer to *question* means, in the order they are shown."""
    return {
        Consent.KEEP_TRYING: f"Keep trying {question.failed}",
        Consent.ONCE: f"{question.other} this time",
        Consent.SESSION: f"{question.other} for the rest of this session",
        Consent.STOP: "Stop",
    }


def default_choice(question: Question) -> Consent:
    """What nothing but Enter means: the other model, unless the text would leave the machine by that."""
    if question.other_is_local or not question.failed_is_local:
        return Consent.ONCE
    return Consent.KEEP_TRYING if question.can_keep_trying else Consent.STOP
