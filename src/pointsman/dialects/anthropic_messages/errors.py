"""Errors as Anthropic's API gives them, and the statuses its types stand for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pointsman.core.errors import ContextTooLong
from pointsman.dialects.error_bodies import decode_error_body, read_error

if TYPE_CHECKING:
    from pointsman.core.errors import PointsmanError
    from pointsman.core.jsontypes import Json, JsonObject
    from pointsman.dialects.base import UpstreamError

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_STATUSES = {kind: status for status, kind in _TYPES.items()} | {"timeout_error": 504}
_TOO_LONG = "prompt is too long"  # by these words clients know that they should shorten the conversation


def encode_error(error: PointsmanError) -> tuple[int, JsonObject]:
    """Status and body for *error*."""
    message = str(error)
    if isinstance(error, ContextTooLong) and _TOO_LONG not in message:
        message = f"{_TOO_LONG}: {message}"
    return error.status, error_body(message, type_of_status(error.status))


def error_body(message: str, kind: str) -> JsonObject:
    """The body of an error, whole or as an event of a stream."""
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": None}


def type_of_status(status: int) -> str:
    """The `type` this API gives with *status*."""
    return _TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")


def decode_error(body: bytes) -> UpstreamError:
    """An error body; the type tells the status where the body names none."""
    return _with_status(decode_error_body(body))


def error_in(event: Json) -> UpstreamError:
    """The error that an event of a stream reports."""
    return _with_status(read_error(event))


def _with_status(found: UpstreamError) -> UpstreamError:
    if found.status is not None or found.type not in _STATUSES:
        return found
    return replace(found, status=_STATUSES[found.type])
