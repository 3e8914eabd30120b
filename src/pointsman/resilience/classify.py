"""From an endpoint's error to one of eight kinds. Reads status, code and type first; words for what these leave open.

A bare number in a text is never a reason: "error 429" inside a message says nothing.
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from pointsman.core.failure import Failure, FailureKind

if TYPE_CHECKING:
    from pointsman.core.catalog import ModelCard

_BY_CODE = {
    "context_length_exceeded": FailureKind.CONTEXT,
    "exceed_context_size_error": FailureKind.CONTEXT,
    "insufficient_quota": FailureKind.TERMINAL,
    "billing_error": FailureKind.TERMINAL,
    "request_too_large": FailureKind.CONTEXT,
    "FAILED_PRECONDITION": FailureKind.TERMINAL,
    "model_not_found": FailureKind.NOT_FOUND,
    "model_decommissioned": FailureKind.NOT_FOUND,
    "invalid_model": FailureKind.NOT_FOUND,
    "not_found_error": FailureKind.NOT_FOUND,
    "content_policy_violation": FailureKind.CONTENT,
    "content_filter": FailureKind.CONTENT,
    "ResponsibleAIPolicyViolation": FailureKind.CONTENT,
    "invalid_prompt": FailureKind.CONTENT,
    "invalid_api_key": FailureKind.AUTH,
    "authentication_error": FailureKind.AUTH,
    "permission_error": FailureKind.AUTH,
    "rate_limit_exceeded": FailureKind.TRANSIENT,
    "rate_limit_error": FailureKind.TRANSIENT,
    "overloaded_error": FailureKind.TRANSIENT,
    "server_is_overloaded": FailureKind.TRANSIENT,
    "unavailable_error": FailureKind.TRANSIENT,
}
# What says as much as the status 500, and inside a stream is all there is.
_OF_SERVERS = frozenset(("server_error", "api_error", "timeout_error", "internal_server_error", "InternalServerError"))
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
# The words of OpenAI, Anthropic, Gemini, Ollama, llama.cpp, LM Studio, vLLM, TGI, Bedrock, Cerebras, Mistral and xAI.
_CONTEXT_WORDS = re.compile(
    r"maximum (?:context|prompt) length|context[ _](?:length|size|window|limit)|prompt is too long"
    r"|too many (?:input )?tokens(?!.{0,40}(?:per minute|please wait))|input is too long|longer than the context"
    r"|input length exceeds"
    r"|exceeds? the (?:maximum number of tokens|available context)|input tokens exceed the configured limit"
    r"|input is too large to process|`inputs`[^.]{0,60} must (?:be|have) |max_tokens must be at least 1, got -"
    r"|current length is \d+ while limit is \d+"
    r"|'(?:messages|input|prompt)(?:[^']*\b(?:content|text|output))?(?:\[\d+\])?': string too long"
    r"|^string too long\. expected a string with maximum length",
    re.IGNORECASE,
)
_POLICY_WORDS = re.compile(
    r"content[ _]?(?:policy|filter|management)|safety system|ResponsibleAI|violates usage guidelines"
    r"|(?:input|prompt) (?:was|is|has been) flagged|content exists risk",
    re.IGNORECASE,
)
# What another model may know or be able to do.
_UNKNOWN_WORDS = re.compile(
    r"model not exist|is not a valid model id|does not support (?:chat|generate|thinking|tools)", re.IGNORECASE
)
_WRONG_KEY = re.compile(r"(?:incorrect|invalid) api key", re.IGNORECASE)
_OPEN_TO_CONTEXT = frozenset((400, 413, 422, 500, None))
_OPEN_TO_NAMES = frozenset((400, None))
_OPEN_TO_POLICY = frozenset((400, 403, 422, 500, None))
# A prompt above the account's whole allowance for a minute: said with a rate limit's code, and no wait will help.
_TOO_LARGE = re.compile(r"Request too large for ", re.IGNORECASE)
_NO_CREDIT = re.compile(
    r"credit balance is too low|insufficient (?:balance|credits)|used all available credits", re.IGNORECASE
)
_WAIT = re.compile(
    r"(?:try again|retry)(?: again)? (?:in|after) (?=\d)"
    r"(?:(?P<h>\d{1,4})h)?(?:(?P<m>\d{1,5})m(?![a-z]))?(?:(?P<s>\d{1,7}(?:\.\d{1,9})?) ?(?P<unit>ms|s\b|sec))?",
    re.IGNORECASE,
)
_SERVER_ERROR = 500


def classify(
    *,
    card: ModelCard,
    status: int | None,
    message: str,
    code: str | None = None,
    error_type: str | None = None,
    retry_after: str | None = None,
    date: str | None = None,
    elapsed_ms: float = 0.0,
) -> Failure:
    """The failure that *card*'s endpoint reported.

    `retry_after` is the header's text: seconds, or a time that counts from the header `date`. Without it the message
    of a passing failure is read for one ("try again in 20s").
    """
    kind = _kind(status, message, code, error_type)
    wait_s = _seconds(retry_after) if retry_after is not None else None
    if wait_s is None and retry_after is not None and date is not None:
        wait_s = _between(date, retry_after)
    if wait_s is None and kind is FailureKind.TRANSIENT:
        wait_s = _said_wait_s(message)
    return Failure(
        kind=kind,
        model=card.id,
        endpoint=card.endpoint.name,
        message=message or (f"HTTP {status}" if status else "no message"),
        status=status,
        code=code or error_type,
        retry_after_s=wait_s,
        elapsed_ms=elapsed_ms,
    )


def _kind(status: int | None, message: str, code: str | None, error_type: str | None) -> FailureKind:
    if _TOO_LARGE.match(message):
        return FailureKind.CONTEXT
    for word in (code, error_type):
        if word is not None and word in _BY_CODE:
            return _BY_CODE[word]
    if status in _OPEN_TO_CONTEXT and _CONTEXT_WORDS.search(message):
        return FailureKind.CONTEXT
    if status in _OPEN_TO_POLICY and _POLICY_WORDS.search(message):
        return FailureKind.CONTENT
    if _NO_CREDIT.search(message):
        return FailureKind.TERMINAL
    if status in _OPEN_TO_NAMES:
        if _UNKNOWN_WORDS.search(message):
            return FailureKind.NOT_FOUND
        if _WRONG_KEY.search(message):
            return FailureKind.AUTH
    if status is None:
        return FailureKind.TRANSIENT if code in _OF_SERVERS or error_type in _OF_SERVERS else FailureKind.UNKNOWN
    if status >= _SERVER_ERROR:
        return FailureKind.TRANSIENT
    return _BY_STATUS.get(status, FailureKind.UNKNOWN)


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def _between(date: str, until: str) -> float | None:
    """Seconds from one HTTP date to another; 0 when it is past."""
    try:
        wait = parsedate_to_datetime(until) - parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError):  # no date; only one of them with a time zone; a year beyond all
        return None
    return max(0.0, wait.total_seconds())


def _said_wait_s(message: str) -> float | None:
    """The wait that *message* names: "in 20s", "in 1m2.5s", "after 26 seconds", "in 350ms"."""
    said = _WAIT.search(message)
    if said is None or not any(said.group("h", "m", "s")):
        return None
    per_s = 1000 if said["unit"] and said["unit"].lower() == "ms" else 1
    return int(said["h"] or 0) * 3600 + int(said["m"] or 0) * 60 + float(said["s"] or 0) / per_s
