"""An endpoint's error becomes one of eight kinds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.catalog import Secret
from pointsman.core.failure import UNABLE, Failure, FailureKind, Reach
from pointsman.resilience.classify import classify
from pointsman.resilience.waits import Hints
from pointsman.testing import a_card, an_endpoint

CARD = a_card("m", id="m#2")
TERMINAL, TRANSIENT, NOT_FOUND = FailureKind.TERMINAL, FailureKind.TRANSIENT, FailureKind.NOT_FOUND
CONTEXT, CONTENT, AUTH = FailureKind.CONTEXT, FailureKind.CONTENT, FailureKind.AUTH
BAD_REQUEST, UNKNOWN = FailureKind.BAD_REQUEST, FailureKind.UNKNOWN


def hints_of(now_s: float | None = None, asked_s: float | None = None, **headers: str) -> Hints:
    """Headers, with `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Hints(header=named.get, asked_s=asked_s, now_s=now_s)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BAD_REQUEST),
        (401, AUTH),
        (402, TERMINAL),
        (403, AUTH),
        (404, NOT_FOUND),
        (405, NOT_FOUND),
        (408, TRANSIENT),
        (409, TRANSIENT),
        (410, NOT_FOUND),
        (413, CONTEXT),
        (415, BAD_REQUEST),
        (422, BAD_REQUEST),
        (424, TRANSIENT),
        (425, TRANSIENT),
        (429, TRANSIENT),
        (498, TRANSIENT),
        (499, TRANSIENT),
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
    failure = classify(card=CARD, status=429, message="Please try again in 20s.", hints=hints_of(retry_after="1"))
    assert failure.retry_after_s == 1.0


@pytest.mark.parametrize(
    ("key", "message", "shown"),
    [
        ("sk-0123456789", "Incorrect API key provided: sk-0123456789.", "Incorrect API key provided: ***."),
        ("sk-0123456789", "sk-0123456789 is not sk-0123456789", "*** is not ***"),
        ("sk-0123456789", "Incorrect API key provided: sk-01234567…", "Incorrect API key provided: ***"),
        (
            "sk-0123456789",
            "Incorrect API key provided: sk-01234*****89.",
            "Incorrect API key provided: sk-01234*****89.",
        ),
        ("sk-0123456789", "no", "no"),
        ("none", "an older key: none", "an older key: ***"),
        ("", "no key", "no key"),
    ],
)
def test_the_endpoints_key_is_never_repeated(key: str, message: str, shown: str) -> None:
    """Servers quote a key that they refuse; the caller has no business with it."""
    card = a_card("m", endpoint=replace(an_endpoint(), api_key=Secret(key)))
    assert classify(card=card, status=401, message=message).message == shown


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


@pytest.mark.parametrize(
    ("kind", "status", "message", "code", "reach"),
    [
        (AUTH, 401, "", None, Reach.ENDPOINT),
        (AUTH, 403, "", None, Reach.MODEL),
        (AUTH, 403, "no", "permission_error", Reach.MODEL),
        (AUTH, 403, "no", "account_deactivated", Reach.ENDPOINT),
        (AUTH, None, "Invalid API key", None, Reach.ENDPOINT),
        (TERMINAL, 402, "", None, Reach.ENDPOINT),
        (TERMINAL, 429, "", "insufficient_quota", Reach.ENDPOINT),
        (TERMINAL, 429, "", "daily_quota", Reach.MODEL),
        (TERMINAL, 400, "", "FAILED_PRECONDITION", Reach.MODEL),
        (TERMINAL, 400, "User location is not supported.", "FAILED_PRECONDITION", Reach.ENDPOINT),
        (TRANSIENT, 503, "", None, Reach.MODEL),
        (NOT_FOUND, 404, "", None, Reach.MODEL),
        (CONTEXT, 413, "", None, Reach.MODEL),
    ],
)
def test_a_key_and_an_account_are_the_endpoints(
    kind: FailureKind, status: int | None, message: str, code: str | None, reach: Reach
) -> None:
    """Its other models will say the same; everything else is the model's."""
    failure = classify(card=CARD, status=status, message=message, code=code)
    assert (failure.kind, failure.reach) == (kind, reach)


@pytest.mark.parametrize(
    "quoted",
    [
        "Insufficient credits",
        "your credit balance is too low",
        "Incorrect API key provided",
        "Model Not Exist",
        "model x not found",
        "the model `x` does not exist",
        "budget has been exceeded",
    ],
)
def test_words_of_a_prompt_take_nobody_out_of_service(quoted: str) -> None:
    """What a caller can make a server quote must not shut out the other callers."""
    failure = classify(card=CARD, status=400, message=f"Unexpected value: '{quoted}'")
    assert (failure.kind, failure.reach) == (BAD_REQUEST, Reach.MODEL)


@pytest.mark.parametrize(
    ("status", "message", "is_unable"),
    [
        (400, '"x" does not support tools', True),
        (404, "No endpoints found that support image input", True),
        (None, "llama3 does not support chat", True),
        (429, '"x" does not support tools', False),
        (400, "The parameter temperature does not support 0.5", False),
        (400, "messages[0]: a text that says: x does not support tools", False),
    ],
)
def test_a_model_may_be_unable_to_do_what_is_rightly_asked(
    status: int | None, message: str, *, is_unable: bool
) -> None:
    """That says nothing about its health, and another model may be able."""
    failure = classify(card=CARD, status=status, message=message)
    assert (failure.code == UNABLE, failure.kind is BAD_REQUEST and failure.code == UNABLE) == (is_unable, is_unable)


@pytest.mark.parametrize(
    ("message", "code", "hints", "retry_after_s", "until_s"),
    [
        ("You have no credit.", "insufficient_quota", hints_of(1000.0, retry_after="20"), None, None),
        ("Spent.", "quota_exhausted", hints_of(1000.0, asked_s=20.0), None, 1020.0),
        ("Spent.", "quota_exhausted", hints_of(None, asked_s=20.0), None, None),
        ("Spent.", "daily_quota", hints_of(None, asked_s=20.0), None, None),
        ("Spent.", "daily_quota", hints_of(1_772_000_000.0, asked_s=20.0), None, 1_772_006_400.0),
        ("Resource exhausted.", None, hints_of(1000.0, asked_s=300.0), 300.0, None),
        ("Resource exhausted.", None, hints_of(1000.0, asked_s=301.0), None, 1301.0),
        ("Resource exhausted.", None, hints_of(1000.0, asked_s=1e9), None, 87_400.0),
        ("Resource exhausted.", None, hints_of(1000.0, asked_s=301.0, retry_after="5"), 5.0, None),
        ("Slow down.", None, hints_of(1000.0, retry_after="4000"), 4000.0, None),
        ("The daily limit is reached.", None, hints_of(1000.0, retry_after="4000"), None, 5000.0),
        ("The daily limit is reached.", None, hints_of(1000.0), None, None),
        ("The daily limit is reached.", None, hints_of(1000.0, retry_after="60"), 60.0, None),
    ],
)
def test_what_is_spent_is_whole_again_at_a_time_and_what_passes_after_a_wait(
    message: str, code: str | None, hints: Hints, retry_after_s: float | None, until_s: float | None
) -> None:
    """A short wait beside an account without credit is not believed."""
    failure = classify(card=CARD, status=429, message=message, code=code, hints=hints)
    assert (failure.retry_after_s, failure.until_s) == (retry_after_s, until_s)
    assert (failure.kind is TERMINAL) is (retry_after_s is None)


def test_used_up_allowances_are_waited_for_where_nothing_else_is_said() -> None:
    """Only with "too many requests": every answer has these headers."""
    spent = hints_of(1000.0, x_ratelimit_remaining_requests="0", x_ratelimit_reset_requests="6m0s")
    assert classify(card=CARD, status=429, message="", hints=spent).retry_after_s == 360.0
    assert classify(card=CARD, status=429, message="Try again in 2s", hints=spent).retry_after_s == 2.0
    assert classify(card=CARD, status=503, message="", hints=spent).retry_after_s is None


@given(
    status=st.none() | st.integers(),
    message=st.text(),
    code=st.none() | st.text(max_size=4) | st.sampled_from(["daily_quota", "quota_exhausted"]),
    retry_after=st.none() | st.text(max_size=6),
    now_s=st.none() | st.floats(0, 4e9),
    asked_s=st.none() | st.floats(),
)
def test_anything_an_endpoint_says_has_a_kind(
    *,
    status: int | None,
    message: str,
    code: str | None,
    retry_after: str | None,
    now_s: float | None,
    asked_s: float | None,
) -> None:
    """Never an exception, never a wait that is not a number of seconds."""
    hints = Hints(header=lambda _name: retry_after, asked_s=asked_s, now_s=now_s)
    failure = classify(card=CARD, status=status, message=message, code=code, hints=hints)
    assert failure.kind in FailureKind
    assert failure.retry_after_s is None or 0 <= failure.retry_after_s <= 86_400
    assert failure.until_s is None or now_s is None or failure.until_s > now_s - 1


def test_our_key_is_never_repeated() -> None:
    """Some endpoints quote the key that they refuse."""
    endpoint = replace(CARD.endpoint, api_key=Secret("sk-secret"))
    said = classify(card=replace(CARD, endpoint=endpoint), status=401, message="Incorrect API key: sk-secret")
    assert said.message == "Incorrect API key: ***"
