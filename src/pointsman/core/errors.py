"""Every error Pointsman raises on purpose.

PointsmanError
├── ConfigError                  a file, variable or flag is wrong                     exit 3
├── RequestError                 the caller's request is wrong                         4xx
│   ├── InvalidRequest           a field has the wrong shape or value                  400
│   ├── ContextTooLong           the prompt fits no allowed model                      400
│   ├── Unauthenticated          the key is missing or wrong                           401
│   ├── UnknownModel             the model (or path) is not configured                 404
│   ├── UnknownResponse          no such stored answer, or no longer                   404
│   │   └── UnknownPrevious      ... the one a request wants to go on from             400
│   ├── UnknownConsent           no such open question for this caller                 404
│   ├── ConsentSettled           the question has its answer, or its time is over      409
│   ├── WrongMethod              the path exists, but not for this HTTP method         405
│   ├── KeyReused                an Idempotency-Key came with another request           422
│   ├── UpgradeRequired          a protocol we do not speak was asked for              426
│   └── PayloadTooLarge          the body is over the limit                            413
├── Refused                      a constraint says no                                  403, exit 5
│   └── ModelStruckOut           ... to the one model the caller insisted on
├── NoModelAvailable             nothing is configured, or nobody answered             503, exit 4
│   ├── ShuttingDown             the gateway ends before the answer does
│   ├── AllUnwell                every model that may answer is cooling or down
│   ├── AllAttemptsFailed        every attempt of the plan failed
│   │   ├── AllRateLimited       ... each with "too many requests"                     429
│   │   ├── BadUpstream          ... in a way that no waiting mends                    502
│   │   └── FallbackDeclined     ... and the person, or the policy, wants no other
│   └── RuntimeUnavailable       a local runtime cannot start
├── DeadlineExceeded             the caller's or the route's time is up                504
└── AttemptFailed                one model failed; carries the Failure (the plan goes on)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.core.failure import Failure


class PointsmanError(Exception):
    """Root of the tree. `str(error)` is one sentence a person can act on, with nothing private in it."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None, param: str | None = None) -> None:
        """Keep *message* (what was wrong, which value), *hint* (what to do) and *param* (the field's path)."""
        super().__init__(message if hint is None else f"{message} {hint}")
        self.message = message
        self.hint = hint
        self.param = param


class ConfigError(PointsmanError):
    """A configuration file, environment variable or flag is wrong."""

    code = "config_error"
    exit_code = 3


class RequestError(PointsmanError):
    """The caller's request cannot be served as it is."""

    status = 400
    code = "invalid_request"
    exit_code = 2


class InvalidRequest(RequestError):
    """A field of the request has the wrong shape or value; `param` is its path, such as `messages[0].role`."""


class ContextTooLong(RequestError):
    """The prompt is longer than the context window of every model it may go to."""

    code = "context_length_exceeded"


class Unauthenticated(RequestError):
    """The caller's key is missing or wrong."""

    status = 401
    code = "invalid_api_key"


class UnknownModel(RequestError):
    """The requested model, or the requested path, does not exist here."""

    status = 404
    code = "model_not_found"


class UnknownResponse(RequestError):
    """No answer of this id is kept for this caller, or its time is over."""

    status = 404
    code = "response_not_found"


class UnknownPrevious(UnknownResponse):
    """The answer that a request wants to go on from is not kept."""

    status = 400
    code = "previous_response_not_found"


class UnknownConsent(RequestError):
    """No question of this id is open to this caller."""

    status = 404
    code = "consent_not_found"


class ConsentSettled(RequestError):
    """The question has been answered, or nobody waits for the answer any more."""

    status = 409
    code = "consent_settled"


class WrongMethod(RequestError):
    """The path takes another HTTP method."""

    status = 405
    code = "method_not_allowed"


class KeyReused(RequestError):
    """The Idempotency-Key was sent before, with another request."""

    status = 422
    code = "idempotency_key_reused"


class UpgradeRequired(RequestError):
    """A protocol was asked for that is not spoken here."""

    status = 426
    code = "upgrade_required"


class PayloadTooLarge(RequestError):
    """The request body is larger than the configured limit."""

    status = 413
    code = "request_too_large"


class Refused(PointsmanError):
    """A constraint struck out every model this request could use."""

    status = 403
    code = "refused_by_policy"
    exit_code = 5


class ModelStruckOut(Refused):
    """The one model the caller asked for by name may not take this request."""

    def __init__(self, *, model: str, by: str, reason: str, hint: str | None = None) -> None:
        """Name the *model*, the constraint (*by*) and its *reason*."""
        super().__init__(f"Model {model!r} may not take this request ({by}: {reason}).", hint=hint, param="model")
        self.model = model
        self.by = by
        self.reason = reason


class NoModelAvailable(PointsmanError):
    """No configured model can answer at the moment; `retry_after_s` is when one may, where that is known."""

    status = 503
    code = "no_model_available"
    exit_code = 4

    def __init__(
        self, message: str, *, hint: str | None = None, param: str | None = None, retry_after_s: float | None = None
    ) -> None:
        """Keep *retry_after_s* beside the sentence."""
        super().__init__(message, hint=hint, param=param)
        self.retry_after_s = retry_after_s


class ShuttingDown(NoModelAvailable):
    """The gateway ends before the answer does; another one, or the next start, may give it."""

    code = "shutting_down"


class AllUnwell(NoModelAvailable):
    """Every model that may take the request is cooling or down, and was not asked."""

    code = "models_unavailable"


class AllAttemptsFailed(NoModelAvailable):
    """Every model of the plan was tried and failed; `failures` says how, in order."""

    def __init__(
        self,
        message: str,
        *,
        failures: Sequence[Failure],
        hint: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        """Keep the *failures* in the order of the attempts."""
        super().__init__(message, hint=hint, retry_after_s=retry_after_s)
        self.failures = tuple(failures)


class AllRateLimited(AllAttemptsFailed):
    """Every model of the plan said "too many requests"."""

    status = 429
    code = "rate_limit_exceeded"


class BadUpstream(AllAttemptsFailed):
    """The models failed in a way that no waiting mends: a wrong key, a broken certificate, no HTTP."""

    status = 502
    code = "bad_upstream"


class FallbackDeclined(AllAttemptsFailed):
    """A model failed, and the person or the policy wants no other to take over."""

    code = "fallback_declined"


class RuntimeUnavailable(NoModelAvailable):
    """A local model runtime is not installed or did not start."""

    code = "runtime_unavailable"


class DeadlineExceeded(PointsmanError):
    """The time the caller or the route allows is up."""

    status = 504
    code = "deadline_exceeded"
    exit_code = 4


class AttemptFailed(PointsmanError):
    """One attempt on one model failed; the plan decides what follows. Never shown to a caller as it is."""

    status = 502
    code = "upstream_failed"
    exit_code = 4

    def __init__(self, failure: Failure) -> None:
        """Keep the classified *failure*."""
        super().__init__(failure.message)
        self.failure = failure
