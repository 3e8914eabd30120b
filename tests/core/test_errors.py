"""The error tree: statuses, codes and exit codes that scripts rely on."""

from __future__ import annotations

import pytest

from pointsman.core import errors
from pointsman.core.failure import Failure, FailureKind

FAILURE = Failure(kind=FailureKind.TRANSIENT, model="m", endpoint="e", message="overloaded")


@pytest.mark.parametrize(
    ("kind", "status", "code", "exit_code"),
    [
        (errors.PointsmanError, 500, "internal_error", 1),
        (errors.ConfigError, 500, "config_error", 3),
        (errors.InvalidRequest, 400, "invalid_request", 2),
        (errors.ContextTooLong, 400, "context_length_exceeded", 2),
        (errors.Unauthenticated, 401, "invalid_api_key", 2),
        (errors.UnknownModel, 404, "model_not_found", 2),
        (errors.UnknownResponse, 404, "response_not_found", 2),
        (errors.UnknownPrevious, 400, "previous_response_not_found", 2),
        (errors.PayloadTooLarge, 413, "request_too_large", 2),
        (errors.Refused, 403, "refused_by_policy", 5),
        (errors.NoModelAvailable, 503, "no_model_available", 4),
        (errors.RuntimeUnavailable, 503, "runtime_unavailable", 4),
        (errors.DeadlineExceeded, 504, "deadline_exceeded", 4),
    ],
)
def test_an_error_says_what_how_bad_and_what_to_do(
    kind: type[errors.PointsmanError], status: int, code: str, exit_code: int
) -> None:
    """The message and the hint are one text; both are there for themselves as well."""
    error = kind("It was wrong.", hint="Do better.", param="model")
    assert (error.status, error.code, error.exit_code) == (status, code, exit_code)
    assert (str(error), error.message, error.hint, error.param) == (
        "It was wrong. Do better.",
        "It was wrong.",
        "Do better.",
        "model",
    )


def test_a_struck_out_model_is_refused_with_the_reason() -> None:
    """The facts are attributes too."""
    error = errors.ModelStruckOut(model="gpt", by="privacy", reason="not local", hint="Ask for `auto`.")
    assert str(error) == "Model 'gpt' may not take this request (privacy: not local). Ask for `auto`."
    assert (error.model, error.by, error.reason, error.param, error.status) == (
        "gpt",
        "privacy",
        "not local",
        "model",
        403,
    )


def test_failures_are_kept_in_order() -> None:
    """Of one attempt, and of all of them."""
    assert errors.AttemptFailed(FAILURE).failure is FAILURE
    assert errors.AttemptFailed(FAILURE).status == 502
    assert errors.AllAttemptsFailed("Nobody.", failures=[FAILURE]).failures == (FAILURE,)
