"""From an endpoint's error to one of eight kinds. Reads status, code and type first; words only for context and policy.

A bare number in a text is never a reason: "error 429" inside a message says nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pointsman.core.failure import Failure, FailureKind

if TYPE_CHECKING:
    from pointsman.core.catalog import ModelCard

_BY_CODE = {
    "context_length_exceeded": FailureKind.CONTEXT,
    "exceed_context_size_error": FailureKind.CONTEXT,
    "insufficient_quota": FailureKind.TERMINAL,
    "billing_error": FailureKind.TERMINAL,
    "model_not_found": FailureKind.NOT_FOUND,
    "content_policy_violation": FailureKind.CONTENT,
    "content_filter": FailureKind.CONTENT,
    "invalid_api_key": FailureKind.AUTH,
    "authentication_error": FailureKind.AUTH,
    "permission_error": FailureKind.AUTH,
    "rate_limit_exceeded": FailureKind.TRANSIENT,
    "rate_limit_error": FailureKind.TRANSIENT,
    "overloaded_error": FailureKind.TRANSIENT,
    "server_is_overloaded": FailureKind.TRANSIENT,
    "unavailable_error": FailureKind.TRANSIENT,
}
_BY_STATUS = {
    400: FailureKind.BAD_REQUEST,
    401: FailureKind.AUTH,
    402: FailureKind.TERMINAL,
    403: FailureKind.AUTH,
    404: FailureKind.NOT_FOUND,
    405: FailureKind.NOT_FOUND,
    408: FailureKind.TRANSIENT,
    409: FailureKind.TRANSIENT,
    413: FailureKind.CONTEXT,
    415: FailureKind.BAD_REQUEST,
    422: FailureKind.BAD_REQUEST,
    425: FailureKind.TRANSIENT,
    429: FailureKind.TRANSIENT,
    529: FailureKind.TRANSIENT,
}
_CONTEXT_WORDS = re.compile(
    r"maximum context length|context[ _](?:length|size|window|limit)|prompt is too long|too many tokens"
    r"|exceeds? the (?:maximum number of tokens|available context)|longer than the context|input length exceeds"
    r"|input is too large to process",
    re.IGNORECASE,
)
_POLICY_WORDS = re.compile(r"content[ _]?(?:policy|filter|management)|safety system|ResponsibleAI", re.IGNORECASE)
_SERVER_ERROR = 500


def classify(
    *,
    card: ModelCard,
    status: int | None,
    message: str,
    code: str | None = None,
    error_type: str | None = None,
    retry_after: str | None = None,
    elapsed_ms: float = 0.0,
) -> Failure:
    """The failure that *card*'s endpoint reported. `retry_after` is the header's text, in seconds."""
    return Failure(
        kind=_kind(status, message, code, error_type),
        model=card.id,
        endpoint=card.endpoint.name,
        message=message or (f"HTTP {status}" if status else "no message"),
        status=status,
        code=code or error_type,
        retry_after_s=_seconds(retry_after),
        elapsed_ms=elapsed_ms,
    )


def _kind(status: int | None, message: str, code: str | None, error_type: str | None) -> FailureKind:
    for word in (code, error_type):
        if word is not None and word in _BY_CODE:
            return _BY_CODE[word]
    if status in {400, 413, 422, 500, None}:
        if _CONTEXT_WORDS.search(message):
            return FailureKind.CONTEXT
        if _POLICY_WORDS.search(message):
            return FailureKind.CONTENT
    if status is None:
        return FailureKind.UNKNOWN
    if status >= _SERVER_ERROR:
        return FailureKind.TRANSIENT
    return _BY_STATUS.get(status, FailureKind.UNKNOWN)


def _seconds(text: str | None) -> float | None:
    try:
        seconds = float(text) if text is not None else None
    except ValueError:
        return None
    return seconds if seconds is not None and 0 <= seconds < float("inf") else None
