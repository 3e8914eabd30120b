"""Error bodies of any server, read: JSON of many shapes, HTML, plain text. Never raises."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from pointsman.core.stream import StreamFailed
from pointsman.dialects import google_details
from pointsman.dialects.base import UpstreamError

if TYPE_CHECKING:
    from pointsman.core.jsontypes import Json, JsonObject

MAX_MESSAGE_CHARS = 300
SAID_NOTHING = "the endpoint gave no message"

_MAX_READ_CHARS = 65_536
_MAX_LOOKED_AT_CHARS = 4 * MAX_MESSAGE_CHARS
_MAX_WRAPPED = 3
_WORDS = ("message", "detail", "msg", "error_description", "title")
_TITLE = re.compile(r"<title[^>]*>([^<]{1,400})", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,1000}>")


def decode_error_body(body: bytes) -> UpstreamError:
    """The endpoint's own words, code and type, wherever this server puts them."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return UpstreamError(message=_plain(body.decode(errors="replace")[:_MAX_READ_CHARS]))
    return read_error(value)


def read_error(value: Json) -> UpstreamError:
    """The error in a JSON body.

    Nested (`{"error": {...}}`: OpenAI, Azure, llama.cpp), flat (vLLM, Azure's gateway), `{"error": "..."}` (Ollama,
    TGI with `error_type`), `{"detail": ...}` (FastAPI), or any of these in a list.
    """
    if isinstance(value, list):
        return read_error(value[0]) if value else UpstreamError(message=SAID_NOTHING)
    if not isinstance(value, dict):
        return UpstreamError(message=_word(value) or SAID_NOTHING)
    inner = value.get("error") or value.get("errors") or value
    if isinstance(inner, list):
        inner = inner[0] if inner else value
    if not isinstance(inner, dict):
        return UpstreamError(message=shorten(str(inner)) or SAID_NOTHING, type=_word(value.get("error_type")))
    google = google_details.details_in(inner)
    return UpstreamError(
        message=_message(inner),
        code=google.code or _code(inner),
        type=google.word or _word(inner.get("type")) or _aws_type(inner) or _word(inner.get("status")),
        status=_status(inner),
        retry_after_s=google.retry_after_s,
    )


def failure_of(found: UpstreamError) -> StreamFailed:
    """The same as an event of a stream. The type stands in for a missing code, and for one that only Google knows."""
    code = found.type if found.type in google_details.KNOWN else found.code or found.type
    return StreamFailed(message=found.message, status=found.status, code=code, retry_after_s=found.retry_after_s)


def shorten(text: str) -> str:
    """*text* on one line, without control characters, at most 300 characters."""
    seen = "".join(letter if letter.isprintable() else " " for letter in text[:_MAX_LOOKED_AT_CHARS])
    line = " ".join(seen.split())
    return line if len(line) <= MAX_MESSAGE_CHARS else line[: MAX_MESSAGE_CHARS - 1] + "…"


def _plain(text: str) -> str:
    if text.lstrip()[:1] == "<":
        title = _TITLE.search(text)
        text = title[1] if title else _TAG.sub(" ", text)
    return shorten(text) or SAID_NOTHING


def _message(inner: JsonObject) -> str:
    return next((said for key in _WORDS if (said := _said(inner.get(key), 0)) is not None), SAID_NOTHING)


def _said(found: Json, depth: int) -> str | None:
    """The words in *found*: a text, or FastAPI's list of what is wrong with which field, which Mistral wraps again."""
    if isinstance(found, list) and found:
        found = found[0]
    if not isinstance(found, dict) or depth > _MAX_WRAPPED:
        return _word(found)
    words = next((said for key in _WORDS if (said := _said(found.get(key), depth + 1)) is not None), None)
    where = found.get("loc")
    path = ".".join(map(str, where)) if isinstance(where, list) else ""
    return shorten(f"{path}: {words}") if words and path else words


def _code(inner: JsonObject) -> str | None:
    """The code in words. Azure's `innererror` is the more exact one; a number is a status and not a code."""
    deeper = inner.get("innererror")
    if isinstance(deeper, dict) and isinstance(deeper.get("code"), str):
        return _word(deeper["code"])
    code = inner.get("code")
    return None if isinstance(code, str) and code.isdecimal() else _word(code)


def _aws_type(inner: JsonObject) -> str | None:
    """The name of the exception, as Bedrock has it: `com.amazon.coral.service#ThrottlingException`."""
    found = inner.get("__type")
    return _word(found.rpartition("#")[2]) if isinstance(found, str) else None


def _status(inner: JsonObject) -> int | None:
    for key in ("code", "status", "statusCode", "status_code", "http_code"):
        found = inner.get(key)
        if isinstance(found, str) and found.isdecimal() and len(found) == 3:
            found = int(found)
        if isinstance(found, int) and 400 <= found <= 599:
            return found
    return None


def _word(value: Json) -> str | None:
    return shorten(value) or None if isinstance(value, str) else None
