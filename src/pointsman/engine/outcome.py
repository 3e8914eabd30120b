"""The error that a request ends with when its plan is at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.errors import (
    AllAttemptsFailed,
    AllRateLimited,
    AllUnwell,
    BadUpstream,
    ContextTooLong,
    FallbackDeclined,
    InvalidRequest,
    Refused,
)
from pointsman.core.failure import UNABLE, Failure, FailureKind
from pointsman.resilience.plan import NOT_UNWELL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.core.errors import PointsmanError
    from pointsman.core.health import Health

_TOO_MANY_REQUESTS = 429
_BAD_UPSTREAM = "bad_upstream"
BY_CONFIGURATION = "the configuration wants no other model"
BY_PERSON = "the person asked wants no other model"
SOME_TIME_S = 5.0  # what Retry-After says where a model may be back at any time


def exhausted(failures: Sequence[Failure], wait_s: float | None = None) -> PointsmanError:
    """The error when everybody failed: the caller's mistake if it was one, else who failed and how.

    A prompt is too long, or its content refused, only when no model failed for another reason: that one might serve
    it; a model is unable to do what is asked only when every other was as well. `wait_s` is when the first of the
    models may be asked again, for Retry-After.
    """
    last = failures[-1]
    is_theirs = {failure.kind for failure in failures} <= {FailureKind.CONTEXT, FailureKind.CONTENT}
    match last.kind:
        case FailureKind.BAD_REQUEST if last.code != UNABLE or all(failure.code == UNABLE for failure in failures):
            return InvalidRequest(f"{last.model} refused the request: {last.message}")
        case FailureKind.CONTEXT if is_theirs:
            return ContextTooLong(f"The prompt is too long for {last.model}: {last.message}", param="messages")
        case FailureKind.CONTENT if is_theirs:
            return Refused(f"{last.model} refused the content: {last.message}")
        case _:
            pass
    message = f"No model answered ({told(failures)})."
    wait = _wait_s(failures, wait_s)
    if all(failure.status == _TOO_MANY_REQUESTS for failure in failures):
        return AllRateLimited(message, failures=failures, retry_after_s=wait)
    if all(map(_is_beyond_waiting, failures)):
        return BadUpstream(message, failures=failures)
    return AllAttemptsFailed(message, failures=failures, retry_after_s=SOME_TIME_S if wait is None else wait)


def declined(failures: Sequence[Failure], *, why: str, wait_s: float | None = None) -> FallbackDeclined:
    """The error when a model failed and no other may take over, for the reason *why*, such as BY_PERSON."""
    message = f"{failures[-1].model} did not answer ({told(failures)}), and {why}."
    return FallbackDeclined(message, failures=failures, retry_after_s=_wait_s(failures, wait_s))


def unwell(healths: Sequence[Health], wait_s: float | None) -> AllUnwell:
    """The error when nobody who may take the request may be asked now."""
    shown = "; ".join(f"{one.subject} is {one.state.value}{_why(one)}" for one in healths)
    wait = SOME_TIME_S if wait_s is None else wait_s
    return AllUnwell(
        f"No model may be asked now ({shown}).", hint=f"Try again in {max(1, round(wait))} s.", retry_after_s=wait
    )


def told(failures: Sequence[Failure]) -> str:
    """Who failed and how, each model's last words once."""
    words = {failure.model: failure.message for failure in failures}
    return "; ".join(f"{model}: {message}" for model, message in words.items())


def _why(health: Health) -> str:
    return f": {health.message}" if health.message else ""


def _wait_s(failures: Sequence[Failure], wait_s: float | None) -> float | None:
    asked = [failure.retry_after_s for failure in failures if failure.retry_after_s is not None]
    return wait_s or min(asked, default=wait_s)  # a model that is well may be busy all the same


def _is_beyond_waiting(failure: Failure) -> bool:
    """Whether it will be the same at the next attempt: a key, a certificate, an answer that is none."""
    if failure.kind in NOT_UNWELL:
        return False
    if failure.kind is FailureKind.AUTH or failure.code == _BAD_UPSTREAM:
        return True
    return failure.status is None and failure.kind in (FailureKind.TERMINAL, FailureKind.UNKNOWN)
