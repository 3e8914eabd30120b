"""Whole answers of Chat Completions, both ways, and their usage and finish reasons."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pointsman.core.chat import (
    ChatReply,
    Choice,
    Message,
    Reasoning,
    Refusal,
    StopReason,
    Text,
    ToolCall,
    Usage,
)
from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields
from pointsman.dialects.openai_chat.content import NAME, own
from pointsman.dialects.openai_chat.messages import decode_assistant, encode_assistant, is_legacy_call

if TYPE_CHECKING:
    from pointsman.core.jsontypes import Json, JsonObject

_KNOWN = frozenset(("id", "object", "created", "model", "choices", "usage"))
_KNOWN_OF_CHOICE = frozenset(("index", "message", "logprobs", "finish_reason"))
_REASONS = {reason.value: reason for reason in StopReason} | {"function_call": StopReason.TOOL_CALLS}


def decode_reply(body: JsonObject) -> ChatReply:
    """A whole answer; ValueError when the body is not one."""
    try:
        choices = fields.objects(body, "choices")
        if not choices:
            raise ValueError("the answer holds no choices")
        return ChatReply(
            id=fields.string(body, "id") or "",
            model=fields.string(body, "model") or "",
            created_s=fields.integer(body, "created") or 0,
            choices=tuple(_decode_choice(item, index) for index, item in enumerate(choices)),
            usage=decode_usage(body),
            extras=own({key: value for key, value in fields.others(body, _KNOWN).items() if value is not None}),
        )
    except InvalidRequest as error:
        raise ValueError(f"the answer is malformed: {error.message}") from error


def _decode_choice(item: JsonObject, position: int) -> Choice:
    at = f"choices[{position}]"
    index = fields.integer(item, "index", at)
    message = decode_assistant(fields.required_mapping(item, "message", at), f"{at}.message")
    said = tuple(
        part for part in message.parts if not isinstance(part, Text | Reasoning | Refusal) or part.text or part.extras
    )
    return Choice(
        index=position if index is None else index,
        message=replace(message, parts=said),
        stop_reason=decode_reason(item.get("finish_reason")),
        logprobs=decode_logprobs(item.get("logprobs")),
        extras=own({key: value for key, value in fields.others(item, _KNOWN_OF_CHOICE).items() if value is not None}),
    )


def decode_reason(reason: Json) -> StopReason | None:
    """The stop reason; a word of some server's own (`eos`, `abort`) is a plain stop."""
    return _REASONS.get(reason, StopReason.STOP) if isinstance(reason, str) else None


def decode_logprobs(given: Json) -> Json:
    """The endpoint's own JSON, less its nulls."""
    return {key: value for key, value in given.items() if value is not None} if isinstance(given, dict) else None


def decode_usage(body: JsonObject) -> Usage | None:
    """The usage in a whole answer or a chunk of any operation; None when there is none that can be read."""
    usage = body.get("usage")
    if not isinstance(usage, dict):
        return None
    prompt, completion = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    if prompt is None and completion is None:
        return None
    cached = _count(_inside(usage, "prompt_tokens_details", "cached_tokens"))
    return Usage(
        input_tokens=prompt or 0,
        output_tokens=completion or 0,
        cached_input_tokens=(_count(usage.get("prompt_cache_hit_tokens")) if cached is None else cached) or 0,
        reasoning_tokens=_count(_inside(usage, "completion_tokens_details", "reasoning_tokens")) or 0,
    )


def _inside(usage: JsonObject, outer: str, inner: str) -> Json:
    details = usage.get(outer)
    return details.get(inner) if isinstance(details, dict) else None


def _count(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def encode_reply(reply: ChatReply) -> JsonObject:
    """A whole answer in this dialect."""
    body: JsonObject = {
        "id": reply.id,
        "object": "chat.completion",
        "created": reply.created_s,
        "model": reply.model,
        "choices": [_encode_choice(choice) for choice in reply.choices],
    }
    if reply.usage is not None:
        body["usage"] = encode_usage(reply.usage)
    return body | reply.extras.get(NAME, {})


def _encode_choice(choice: Choice) -> JsonObject:
    legacy = any(isinstance(part, ToolCall) and is_legacy_call(part) for part in choice.message.parts)
    return {
        "index": choice.index,
        "message": _encode_message(choice.message),
        "logprobs": choice.logprobs,
        "finish_reason": encode_reason(choice.stop_reason, is_legacy=legacy),
        **choice.extras.get(NAME, {}),
    }


def _encode_message(message: Message) -> JsonObject:
    """As in a request, but the content is one string, or null beside a refusal or tool calls."""
    body = encode_assistant(message, "message")
    refusals = [part.text for part in message.parts if isinstance(part, Refusal)]
    is_silent = not message.text and bool(refusals or any(isinstance(part, ToolCall) for part in message.parts))
    return body | {"content": None if is_silent else message.text, "refusal": "".join(refusals) or None}


def encode_reason(reason: StopReason | None, *, is_legacy: bool = False) -> str | None:
    """The finish reason; *is_legacy* when the call was made with `function_call`."""
    if reason is StopReason.TOOL_CALLS and is_legacy:
        return "function_call"
    return None if reason is None else reason.value


def encode_usage(usage: Usage) -> JsonObject:
    """Token counts as this API reports them."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_input_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
