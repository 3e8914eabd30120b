"""Messages of Chat Completions: roles, content parts, tool calls and tool results, both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.chat import (
    NO_EXTRAS,
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields
from pointsman.dialects.openai_chat.content import NAME, decode_content, encode_content, own
from pointsman.dialects.openai_chat.google import signature_in, signed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pointsman.core.jsontypes import Json, JsonObject

_KNOWN = frozenset(("role", "content", "name"))
_KNOWN_OF_ASSISTANT = _KNOWN | {"refusal", "reasoning_content", "tool_calls", "function_call"}
_KNOWN_OF_TOOL = _KNOWN | {"tool_call_id"}
_KNOWN_OF_CALL = frozenset(("id", "function"))
_SHOWN_ROLE_CHARS = 32
_TELLING = {"user": Role.USER, "system": Role.SYSTEM, "developer": Role.DEVELOPER}
_RESULT_ROLES = frozenset(("tool", "function"))
_SHOWN_BELOW = "(see below)"
_SHOWN = "What the tools showed, in order:"


def decode_messages(body: JsonObject) -> tuple[Message, ...]:
    """The conversation; at least one message."""
    items = fields.array(body, "messages")
    if not items:
        raise InvalidRequest("messages is missing or empty.", hint="Send at least one message.", param="messages")
    return tuple(_decode_message(item, f"messages[{index}]") for index, item in enumerate(items))


def _decode_message(item: Json, at: str) -> Message:
    if not isinstance(item, dict):
        raise fields.wrong_type(item, "an object", at)
    role = fields.required_string(item, "role", at)
    content = item.get("content")
    if len(item) == 2 and type(content) is str and role in _TELLING:  # as nearly always
        return Message(role=_TELLING[role], parts=(Text(text=content),))
    match role:
        case "user" | "system" | "developer":
            return Message(
                role=_TELLING[role],
                parts=_required_content(item, at),
                name=fields.string(item, "name", at),
                extras=own(fields.others(item, _KNOWN)),
            )
        case "assistant":
            return decode_assistant(item, at)
        case "tool" | "function":
            return _decode_tool_result(item, at, is_legacy=role == "function")
        case _:
            raise InvalidRequest(
                f"{at}.role must be system, developer, user, assistant or tool, not {role[:_SHOWN_ROLE_CHARS]!a}.",
                param=f"{at}.role",
            )


def _required_content(item: JsonObject, at: str) -> tuple[Part, ...]:
    if item.get("content") is None:
        state = "must be a string or a list of parts, not null" if "content" in item else "is missing"
        raise InvalidRequest(f"{at}.content {state}.", param=f"{at}.content")
    return decode_content(item, at)


def decode_assistant(item: JsonObject, at: str) -> Message:
    """A message of the assistant, in a request or in a reply: reasoning, content, refusal, tool calls."""
    parts: list[Part] = []
    known = _KNOWN_OF_ASSISTANT
    reasoning = fields.string(item, "reasoning_content", at)
    if reasoning is not None:
        parts.append(Reasoning(text=reasoning))
    elif isinstance(item.get("reasoning"), str):
        known |= {"reasoning"}
        parts.append(Reasoning(text=str(item["reasoning"]), extras=own({"field": "reasoning"})))
    parts += decode_content(item, at)
    refusal = fields.string(item, "refusal", at)
    if refusal is not None:
        parts.append(Refusal(text=refusal))
    parts += (
        decode_call(call, f"{at}.tool_calls[{index}]")
        for index, call in enumerate(fields.objects(item, "tool_calls", at))
    )
    legacy = fields.mapping(item, "function_call", at)
    if legacy is not None:
        where = f"{at}.function_call"
        parts.append(
            ToolCall(
                id="",
                name=fields.required_string(legacy, "name", where),
                arguments=fields.string(legacy, "arguments", where) or "",
                extras=own({"function_call": True}),
            )
        )
    return Message(
        role=Role.ASSISTANT,
        parts=tuple(parts),
        name=fields.string(item, "name", at),
        extras=own(fields.others(item, known)),
    )


def decode_call(call: JsonObject, at: str) -> ToolCall:
    """One tool call; a type this dialect does not know is kept whole in its extras."""
    identity = fields.string(call, "id", at) or ""
    kind = call.get("type") or "function"
    if kind == "function":
        function = fields.required_mapping(call, "function", at)
        return ToolCall(
            id=identity,
            name=fields.required_string(function, "name", f"{at}.function"),
            arguments=fields.string(function, "arguments", f"{at}.function") or "",
            extras={**own(fields.others(call, _KNOWN_OF_CALL | {"type"})), **signature_in(call)},
        )
    if kind == "custom":
        custom = fields.required_mapping(call, "custom", at)
        return ToolCall(
            id=identity,
            name=fields.required_string(custom, "name", f"{at}.custom"),
            arguments=fields.string(custom, "input", f"{at}.custom") or "",
            extras=own(fields.others(call, {"id", "custom"})),
        )
    return ToolCall(id=identity, name=fields.required_string(call, "type", at), arguments="", extras=own(call))


def _decode_tool_result(item: JsonObject, at: str, *, is_legacy: bool) -> Message:
    content = tuple(part for part in decode_content(item, at) if isinstance(part, Text | Media))
    result = ToolResult(
        call_id=fields.string(item, "tool_call_id", at) or "",
        content=content,
        name=fields.string(item, "name", at),
        extras=own({"function_call": True}) if is_legacy else NO_EXTRAS,
    )
    return Message(role=Role.TOOL, parts=(result,), extras=own(fields.others(item, _KNOWN_OF_TOOL)))


def encode_messages(messages: Sequence[Message]) -> list[Json]:
    """The conversation in this dialect; a message that holds several tool results becomes several."""
    items = (item for index, message in enumerate(messages) for item in _encode(message, f"messages[{index}]"))
    return list(_with_media_shown_by_the_user(items))


def _with_media_shown_by_the_user(items: Iterable[JsonObject]) -> Iterator[JsonObject]:
    """*items* with the images of tool results in a user's message behind the results.

    Expected: a tool's message may hold an image. Actual: OpenAI takes text there and answers 400, "Image URLs are only
    allowed for messages with role 'user'".
    """
    shown: list[Json] = []
    for item in items:
        if item["role"] not in _RESULT_ROLES:
            if shown:
                yield _showing(shown)
                shown = []
            yield item
            continue
        content = item["content"]
        media = [part for part in content if not _is_text(part)] if isinstance(content, list) else []
        if media and isinstance(content, list):
            shown += media
            item["content"] = [part for part in content if _is_text(part)] or _SHOWN_BELOW
        yield item
    if shown:
        yield _showing(shown)


def _is_text(part: Json) -> bool:
    return isinstance(part, dict) and part.get("type") == "text"


def _showing(media: Sequence[Json]) -> JsonObject:
    return {"role": "user", "content": [{"type": "text", "text": _SHOWN}, *media]}


def _encode(message: Message, at: str) -> Iterator[JsonObject]:
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    extras = message.extras.get(NAME, {})
    is_alone = len(results) == len(message.parts) == 1
    for result in results:
        yield _encode_tool_result(result, at) | (extras if is_alone else {})
    if is_alone or (message.parts and all(_is_unreadable(part) for part in message.parts)):
        return
    parts = tuple(part for part in message.parts if not isinstance(part, ToolResult))
    if message.role is Role.ASSISTANT:
        yield encode_assistant(message, at)
    elif parts or not results:
        name: JsonObject = {} if message.name is None else {"name": message.name}
        role = "user" if message.role is Role.TOOL else message.role.value
        yield {"role": role, "content": encode_content(parts, at), **name, **extras}


def _encode_tool_result(result: ToolResult, at: str) -> JsonObject:
    content = encode_content(result.content, at)
    if NAME in result.extras:
        return {"role": "function", "name": result.name or "", "content": content}
    body: JsonObject = {"role": "tool", "tool_call_id": result.call_id, "content": content}
    if result.name is not None:
        body["name"] = result.name
    return body


def encode_assistant(message: Message, at: str) -> JsonObject:
    """A message of the assistant. A lone refusal has its own field, several are parts of the content."""
    spoken = [part for part in message.parts if isinstance(part, Text | Refusal | Media)]
    refusals = [part for part in spoken if isinstance(part, Refusal)]
    body: JsonObject = {"role": "assistant"}
    if len(refusals) == 1:
        body["refusal"] = refusals[0].text
        spoken.remove(refusals[0])
    body["content"] = encode_content(spoken, at) if spoken else None
    if message.name is not None:
        body["name"] = message.name
    calls: list[Json] = []
    for part in message.parts:
        if _is_unreadable(part):
            continue
        if isinstance(part, Reasoning):
            field = str(part.extras.get(NAME, {}).get("field", "reasoning_content"))
            body[field] = f"{body.get(field, '')}{part.text}"
        elif isinstance(part, ToolCall):
            if is_legacy_call(part):
                body["function_call"] = {"name": part.name, "arguments": part.arguments}
            else:
                calls.append(encode_call(part))
    if calls:
        body["tool_calls"] = calls
    return body | message.extras.get(NAME, {})


def _is_unreadable(part: Part) -> bool:
    """Whether *part* is thinking without words: encrypted for its own endpoint, or a record of what that one did."""
    return (
        isinstance(part, Reasoning)
        and not part.text
        and (part.signature is not None or not part.extras.keys() <= {NAME})
    )


def is_legacy_call(call: ToolCall) -> bool:
    """Whether the call was made with the older `function_call` field."""
    return call.extras.get(NAME, {}).get("function_call") is True


def encode_call(call: ToolCall) -> JsonObject:
    """One entry of `tool_calls`."""
    extras = call.extras.get(NAME, {})
    identity: JsonObject = {"id": call.id} if call.id else {}
    match extras.get("type"):
        case None:
            function: JsonObject = {"name": call.name, "arguments": call.arguments}
            return {**identity, "type": "function", "function": function, **signed(call.extras), **extras}
        case "custom":
            return {**identity, "custom": {"name": call.name, "input": call.arguments}, **extras}
        case _:
            return dict(extras)
