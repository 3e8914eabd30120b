"""Errors as Google's APIs give them: a number, a word of gRPC's, and details; both ways."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pointsman.core.errors import AllAttemptsFailed, ContextTooLong
from pointsman.core.stream import StreamFailed
from pointsman.dialects.error_bodies import decode_error_body, failure_of, read_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pointsman.core.errors import PointsmanError
    from pointsman.core.jsontypes import Json, JsonObject
    from pointsman.dialects.base import UpstreamError

_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    426: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_CODES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
_TYPE: Final = "@type"
_RPC: Final = "type.googleapis.com/google.rpc."
_DOMAIN: Final = "pointsman"
_TOO_LONG: Final = "exceeds the maximum number of tokens allowed"  # by these words clients know a full context


def encode_error(error: PointsmanError) -> tuple[int, JsonObject]:
    """Status and body for *error*."""
    message = str(error)
    if isinstance(error, ContextTooLong) and _TOO_LONG not in message:
        message = f"The input {_TOO_LONG}. {message}"
    return error.status, error_body(message, error.status, details=list(_details(error)))


def _details(error: PointsmanError) -> Iterator[JsonObject]:
    yield {_TYPE: f"{_RPC}ErrorInfo", "reason": error.code.upper(), "domain": _DOMAIN}
    if error.param is not None:
        violation: JsonObject = {"field": error.param, "description": error.message}
        yield {_TYPE: f"{_RPC}BadRequest", "fieldViolations": [violation]}
    if isinstance(error, AllAttemptsFailed):
        waits = [failure.retry_after_s for failure in error.failures if failure.retry_after_s is not None]
        if waits:
            yield {_TYPE: f"{_RPC}RetryInfo", "retryDelay": f"{min(waits):g}s"}


def error_body(message: str, status: int, *, details: list[Json] | None = None) -> JsonObject:
    """The body of an error, whole or as a piece of a stream."""
    body: JsonObject = {"code": status, "message": message, "status": word_of(status)}
    return {"error": {**body, "details": details} if details else body}


def word_of(status: int) -> str:
    """The word of gRPC's for an HTTP *status*."""
    return _STATUSES.get(status, "INTERNAL" if status >= 500 else "INVALID_ARGUMENT")


def decode_error(body: bytes) -> UpstreamError:
    """An error body of any shape; the code names the quota or the reason where details do."""
    return _with_status(decode_error_body(body))


def error_in(value: Json) -> UpstreamError:
    """The error in a piece of a stream."""
    return _with_status(read_error(value))


def _with_status(found: UpstreamError) -> UpstreamError:
    """A word of gRPC's stands for a status where the body names none."""
    return replace(found, status=_CODES[found.type]) if found.status is None and found.type in _CODES else found


def failure_in(chunk: object) -> StreamFailed | None:
    """The failure that a piece of a stream reports, or is."""
    if not isinstance(chunk, dict):
        return StreamFailed(message="a piece of the endpoint's stream is no JSON object")
    return failure_of(error_in(chunk)) if chunk.get("error") else None
