"""Tool calls and their results as blocks."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from pointsman.core.chat import NO_EXTRAS, ToolCall, ToolResult
from pointsman.dialects import fields
from pointsman.dialects.anthropic_messages.content import NAME, decode_content, encode_content, more_than

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.core.jsontypes import Json, JsonObject

_DIRECT: Json = {"type": "direct"}

_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


_decoder = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)


def read_arguments(text: str) -> JsonObject | None:
    """*text* as an object; None when it is none, or not yet."""
    try:
        value = _decoder.decode(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def arguments_of(text: str) -> JsonObject:
    """The object the API wants; text that is none is wrapped, so that the conversation can go on."""
    if not text.strip():
        return {}
    found = read_arguments(text)
    return {"arguments": text} if found is None else found


def decode_call(block: JsonObject, at: str) -> ToolCall:
    """A `tool_use` block."""
    return ToolCall(
        id=fields.required_string(block, "id", at),
        name=fields.required_string(block, "name", at),
        arguments=_dumps(fields.mapping(block, "input", at) or {}),
        extras=said_extras(block),
    )


def said_extras(block: JsonObject) -> Mapping[str, JsonObject]:
    """What else a `tool_use` block says; that the model itself called goes without saying."""
    found = more_than(block, "type", "id", "name", "input")
    return NO_EXTRAS if found.get(NAME) == {"caller": _DIRECT} else found


def said_input(block: JsonObject) -> str:
    """The arguments with which a streamed call begins: usually none."""
    value = block.get("input")
    return _dumps(value) if value and isinstance(value, dict) else ""


def encode_call(call: ToolCall, identity: str) -> JsonObject:
    """A `tool_use` block as a request has it."""
    block: JsonObject = {"type": "tool_use", "id": identity, "name": call.name, "input": arguments_of(call.arguments)}
    return block | call.extras.get(NAME, {})


def said_call(call: ToolCall) -> JsonObject:
    """A `tool_use` block as an answer has it."""
    return {"caller": _DIRECT, **encode_call(call, call.id)}


def decode_result(block: JsonObject, at: str) -> ToolResult:
    """A `tool_result` block."""
    return ToolResult(
        call_id=fields.required_string(block, "tool_use_id", at),
        content=decode_content(block, at),
        is_error=fields.boolean(block, "is_error", at) or False,
        extras=more_than(block, "type", "tool_use_id", "content", "is_error"),
    )


def encode_result(result: ToolResult, identity: str, at: str) -> JsonObject:
    """A `tool_result` block."""
    block: JsonObject = {"type": "tool_result", "tool_use_id": identity}
    content = encode_content(result.content, at)
    if content:
        block["content"] = content
    if result.is_error:
        block["is_error"] = True
    return block | result.extras.get(NAME, {})
