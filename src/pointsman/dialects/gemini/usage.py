"""Tokens as this API counts them: thinking stands beside the answer, what its own tools read beside the prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.chat import Usage

if TYPE_CHECKING:
    from pointsman.core.jsontypes import Json, JsonObject


def decode_usage(given: Json) -> Usage | None:
    """The neutral counts of a `usageMetadata`; None when none can be read."""
    if not isinstance(given, dict):
        return None
    prompt, answer = _count(given.get("promptTokenCount")), _count(given.get("candidatesTokenCount"))
    thought, total = _count(given.get("thoughtsTokenCount")), _count(given.get("totalTokenCount"))
    if prompt is None and answer is None and total is None:
        return None
    read = (prompt or 0) + (_count(given.get("toolUsePromptTokenCount")) or 0)
    if answer is None and total is not None:
        answer = max(total - read - (thought or 0), 0)
    return Usage(
        input_tokens=read,
        output_tokens=(answer or 0) + (thought or 0),
        cached_input_tokens=_count(given.get("cachedContentTokenCount")) or 0,
        reasoning_tokens=thought or 0,
    )


def encode_usage(usage: Usage) -> JsonObject:
    """`usageMetadata`; counts that are 0 only where every answer has them."""
    body: JsonObject = {
        "promptTokenCount": usage.input_tokens,
        "candidatesTokenCount": max(usage.output_tokens - usage.reasoning_tokens, 0),
        "totalTokenCount": usage.input_tokens + usage.output_tokens,
    }
    if usage.reasoning_tokens:
        body["thoughtsTokenCount"] = usage.reasoning_tokens
    if usage.cached_input_tokens:
        body["cachedContentTokenCount"] = usage.cached_input_tokens
    return body


def _count(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
