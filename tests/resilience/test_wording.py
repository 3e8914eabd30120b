"""What happened, in words a person knows, and what they may choose."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointsman.core.consent import Consent, Question
from pointsman.core.failure import FailureKind
from pointsman.core.health import Cause
from pointsman.resilience.wording import choices, default_choice, what_happened, why_asked

QUESTION = Question(
    decision_id="d1",
    failed="heavy",
    other="quick",
    kind=FailureKind.TERMINAL,
    cause=Cause.QUOTA,
    message="You exceeded your current quota.",
    until_s=1000.0,
    other_is_local=True,
    failed_is_local=False,
    cost_usd=0.0,
)


@pytest.mark.parametrize(
    ("kind", "cause", "words"),
    [
        (FailureKind.TERMINAL, Cause.QUOTA, "quota used up"),
        (FailureKind.TERMINAL, Cause.NETWORK, "not reachable"),
        (FailureKind.TRANSIENT, Cause.QUOTA, "too many requests for now"),
        (FailureKind.TRANSIENT, Cause.CAPACITY, "overloaded"),
        (FailureKind.TRANSIENT, Cause.NETWORK, "not reachable"),
        (FailureKind.NOT_FOUND, Cause.MISSING, "not known there"),
        (FailureKind.AUTH, Cause.AUTH, "the key was refused"),
        (FailureKind.CONTEXT, Cause.CAPACITY, "the prompt is too long for it"),
        (FailureKind.CONTENT, Cause.CAPACITY, "it refused the content"),
        (FailureKind.BAD_REQUEST, Cause.CAPACITY, "it refused the request"),
        (FailureKind.UNKNOWN, Cause.CAPACITY, "failed"),
        (FailureKind.UNKNOWN, Cause.NETWORK, "not reachable"),
    ],
)
def test_each_kind_has_its_words(kind: FailureKind, cause: Cause, words: str) -> None:
    """Not one of ours is shown to a person."""
    assert what_happened(kind, cause, is_local=False) == words


def test_a_quota_with_a_known_end_is_a_daily_one() -> None:
    """Without one, or with one that is only our guess, it may be an account without credit."""
    assert why_asked(QUESTION) == "daily quota used up"
    assert why_asked(replace(QUESTION, until_is_named=False)) == "quota used up"
    assert why_asked(replace(QUESTION, until_s=None)) == "quota used up"


def test_a_model_missing_from_a_local_server_is_not_installed() -> None:
    """One missing at a provider is not known there."""
    assert what_happened(FailureKind.NOT_FOUND, Cause.MISSING, is_local=True) == "not installed there"


def test_the_choices_name_the_models() -> None:
    """In the order of their numbers."""
    assert dict(choices(QUESTION)) == {
        Consent.KEEP_TRYING: "Keep trying heavy",
        Consent.ONCE: "quick this time",
        Consent.SESSION: "quick for the rest of this session",
        Consent.STOP: "Stop",
    }


@pytest.mark.parametrize(
    ("failed_is_local", "other_is_local", "can_keep_trying", "answer"),
    [
        (False, True, True, Consent.ONCE),
        (True, True, True, Consent.ONCE),
        (False, False, True, Consent.ONCE),
        (True, False, True, Consent.KEEP_TRYING),
        (True, False, False, Consent.STOP),
    ],
)
def test_enter_alone_never_sends_text_off_the_machine(
    *, failed_is_local: bool, other_is_local: bool, can_keep_trying: bool, answer: Consent
) -> None:
    """Where the failed model was local and the other is not, the default is not the other."""
    question = replace(
        QUESTION, failed_is_local=failed_is_local, other_is_local=other_is_local, can_keep_trying=can_keep_trying
    )
    assert default_choice(question) is answer
