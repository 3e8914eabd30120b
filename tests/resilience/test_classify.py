"""An endpoint's error becomes one of eight kinds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.failure import Failure, FailureKind
from pointsman.resilience.classify import classify
from pointsman.testing import a_card

CARD = a_card("m", id="m#2")
TERMINAL, TRANSIENT, NOT_FOUND = FailureKind.TERMINAL, FailureKind.TRANSIENT, FailureKind.NOT_FOUND
CONTEXT, CONTENT, AUTH = FailureKind.CONTEXT, FailureKind.CONTENT, FailureKind.AUTH
BAD_REQUEST, UNKNOWN = FailureKind.BAD_REQUEST, FailureKind.UNKNOWN


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BAD_REQUEST),
        (401, AUTH),
        (402, TERMINAL),
        (403, AUTH),
        (404, NOT_FOUND),
        (408, TRANSIENT),
        (413, CONTEXT),
        (422, BAD_REQUEST),
        (429, TRANSIENT),
        (500, TRANSIENT),
        (503, TRANSIENT),
        (529, TRANSIENT),
        (599, TRANSIENT),
        (302, UNKNOWN),
        (418, UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_a_status_alone_has_a_kind(status: int | None, kind: FailureKind) -> None:
    """When the endpoint says nothing else."""
    assert classify(card=CARD, status=status, message="").kind is kind


@pytest.mark.parametrize(
    ("status", "code", "error_type", "kind"),
    [
        (429, "insufficient_quota", None, TERMINAL),
        (429, None, "insufficient_quota", TERMINAL),
        (400, "context_length_exceeded", "invalid_request_error", CONTEXT),
        (400, None, "exceed_context_size_error", CONTEXT),
        (400, "content_filter", None, CONTENT),
        (404, "model_not_found", None, NOT_FOUND),
        (400, "invalid_api_key", None, AUTH),
        (None, "overloaded_error", None, TRANSIENT),
        (400, "made_up", "made_up_too", BAD_REQUEST),
    ],
)
def test_code_and_type_say_more_than_the_status(
    status: int | None, code: str | None, error_type: str | None, kind: FailureKind
) -> None:
    """The code first, then the type; words nobody knows say nothing."""
    assert classify(card=CARD, status=status, message="", code=code, error_type=error_type).kind is kind


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "This model's maximum context length is 8192 tokens.", CONTEXT),
        (500, "the request exceeds the available context size", CONTEXT),
        (400, "prompt is too long: 250000 tokens > 200000 maximum", CONTEXT),
        (500, "input is too large to process. increase the physical batch size", CONTEXT),
        (400, "Your request was rejected by our safety system.", CONTENT),
        (None, "The response was filtered due to ResponsibleAI policy", CONTENT),
        (429, "too many tokens per minute", TRANSIENT),
        (401, "context length unknown", AUTH),
        (400, "error 429", BAD_REQUEST),
        (None, "HTTP 503 from upstream", UNKNOWN),
    ],
)
def test_words_count_for_context_and_policy_only(status: int | None, message: str, kind: FailureKind) -> None:
    """And only where the status leaves it open; a bare number in a text is never a reason."""
    assert classify(card=CARD, status=status, message=message).kind is kind


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30.0),
        ("1.5", 1.5),
        ("0", 0.0),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("Wed, 21 Oct", None),
        ("Sat, 21 Nov 2026 08:00:31 GMT", 31.0),
        ("Sat, 21 Nov 2026 07:00:00 GMT", 0.0),
        ("Saturday, 21-Nov-26 08:01:00 GMT", 60.0),
        ("Sat, 21 Nov 99999 08:00:00 GMT", None),
    ],
)
def test_retry_after_is_taken_in_seconds_or_as_a_time(header: str, seconds: float | None) -> None:
    """A time counts from the answer's own `Date`, whatever our clock says; anything else is no advice."""
    date = "Sat, 21 Nov 2026 08:00:00 GMT"
    assert classify(card=CARD, status=429, message="", retry_after=header, date=date).retry_after_s == seconds


def test_a_time_without_a_date_to_count_from_is_no_advice() -> None:
    """Nor is one beside a date that is none."""
    later = "Sat, 21 Nov 2026 08:00:31 GMT"
    assert classify(card=CARD, status=429, message="", retry_after=later).retry_after_s is None
    assert classify(card=CARD, status=429, message="", retry_after=later, date="today").retry_after_s is None
    assert (
        classify(card=CARD, status=429, message="", retry_after=later, date=f"{later[:-3]}-0000").retry_after_s is None
    )


@pytest.mark.parametrize(
    ("status", "message", "seconds"),
    [
        (429, "Rate limit reached for gpt-5 in organization o. Please try again in 20s. Visit …", 20.0),
        (429, "Limit 10000, Used 9870. Please try again in 1m12.5s.", 72.5),
        (429, "Please try again in 350ms.", 0.35),
        (429, "Please try again in 2h", 7200.0),
        (429, "Please retry after 26 seconds.", 26.0),
        (429, "You exceeded your quota. Please retry in 34.074824224s.", 34.074824224),
        (503, "Try again in 5 sec", 5.0),
        (429, "Please try again in a moment.", None),
        (429, "Please try again in 5 minutes.", None),
        (429, "429 after 20s", None),
        (400, "The text says: try again in 20s", None),
    ],
)
def test_a_passing_failure_may_say_in_words_when_to_come_back(status: int, message: str, seconds: float | None) -> None:
    """As OpenAI, Azure and Gemini say it; a lasting failure's words are not advice."""
    assert classify(card=CARD, status=status, message=message).retry_after_s == seconds


def test_the_header_says_it_before_the_words_do() -> None:
    """The header is meant for programs."""
    failure = classify(card=CARD, status=429, message="Please try again in 20s.", retry_after="1")
    assert failure.retry_after_s == 1.0


def test_a_failure_says_who_failed_and_how() -> None:
    """The type stands in for a missing code, the status for missing words."""
    assert classify(card=CARD, status=502, message="", error_type="server_error", elapsed_ms=12.0) == Failure(
        kind=TRANSIENT,
        model="m#2",
        endpoint="home",
        message="HTTP 502",
        status=502,
        code="server_error",
        elapsed_ms=12.0,
    )
    assert classify(card=CARD, status=None, message="").message == "no message"


@given(
    status=st.none() | st.integers(),
    message=st.text(),
    code=st.none() | st.text(max_size=4),
    retry_after=st.none() | st.text(max_size=6),
)
def test_anything_an_endpoint_says_has_a_kind(
    status: int | None, message: str, code: str | None, retry_after: str | None
) -> None:
    """Never an exception, never a wait that is not a number of seconds."""
    failure = classify(card=CARD, status=status, message=message, code=code, retry_after=retry_after)
    assert failure.kind in FailureKind
    assert failure.retry_after_s is None or 0 <= failure.retry_after_s < float("inf")
