"""Errors as OpenAI's API gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pointsman.core.errors import PointsmanError
    from pointsman.core.jsontypes import JsonObject

_TYPES = {403: "permission_error", 429: "rate_limit_error"}


def encode_error(error: PointsmanError) -> tuple[int, JsonObject]:
    """Status and body for *error*."""
    return error.status, error_body(str(error), type_of_status(error.status), param=error.param, code=error.code)


def error_body(message: str, kind: str, *, param: str | None = None, code: str | None = None) -> JsonObject:
    """The body of an error, whole or as an event of a stream."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def type_of_status(status: int) -> str:
    """The `type` this API gives with *status*."""
    return _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
