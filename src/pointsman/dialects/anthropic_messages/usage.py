"""Tokens as this API counts them: what a cache gave or took stands beside the input, not in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.chat import Usage

if TYPE_CHECKING:
    from pointsman.core.jsontypes import Json, JsonObject

_READ = "cache_read_input_tokens"
_WRITTEN = "cache_creation_input_tokens"
_COUNTS = ("input_tokens", "output_tokens", _READ, _WRITTEN)


def decode_usage(usage: Json) -> Usage | None:
    """The neutral counts; None when none can be read."""
    if not isinstance(usage, dict):
        return None
    counts = {name: _count(usage.get(name)) for name in _COUNTS}
    if counts["input_tokens"] is None and counts["output_tokens"] is None:
        return None
    details = usage.get("output_tokens_details")
    thought = _count(details.get("thinking_tokens")) if isinstance(details, dict) else None
    read, written = counts[_READ] or 0, counts[_WRITTEN] or 0
    return Usage(
        input_tokens=(counts["input_tokens"] or 0) + read + written,
        output_tokens=counts["output_tokens"] or 0,
        cached_input_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=thought or 0,
    )


def merged(earlier: JsonObject, later: Json) -> JsonObject:
    """The counts of a stream so far: a later event's are totals, and what it leaves out stays."""
    if not isinstance(later, dict):
        return earlier
    return {**earlier, **{name: value for name, value in later.items() if value is not None}}


def encode_usage(usage: Usage | None) -> JsonObject:
    """Counts as an answer has them; every field the API's schema requires is there."""
    counted = encode_counts(usage)
    return {**counted, "cache_creation": None, "service_tier": None, "inference_geo": None}


def encode_counts(usage: Usage | None) -> JsonObject:
    """Counts as a stream's `message_delta` has them."""
    used = usage or Usage(input_tokens=0, output_tokens=0)
    beside = used.cached_input_tokens + used.cache_write_tokens
    return {
        "input_tokens": max(used.input_tokens - beside, 0),
        "output_tokens": used.output_tokens,
        _WRITTEN: used.cache_write_tokens,
        _READ: used.cached_input_tokens,
        "output_tokens_details": {"thinking_tokens": used.reasoning_tokens},
        "server_tool_use": None,
    }


def _count(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
