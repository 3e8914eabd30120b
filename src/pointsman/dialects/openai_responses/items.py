"""Items of Responses' `input`, both ways: messages, calls and their results, reasoning, and what is still unknown.

Neighbouring items of the assistant are one neutral message, its parts in the items' order, and become items again.
An item this dialect cannot name is a Media of its kind, kept whole. A record of what an endpoint did for itself
(a search) is an empty Reasoning: other dialects leave it out, as the answer that follows holds what came of it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from pointsman.core.chat import Media, Message, Part, Reasoning, Refusal, Role, Text, ToolCall, ToolResult
from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields, signatures
from pointsman.dialects.openai_responses.content import (
    MESSAGE,
    NAME,
    decode_content,
    encode_content,
    own,
)
from pointsman.dialects.openai_responses.tools import (
    CUSTOM_CALL,
    FUNCTION_CALL,
    ToolNames,
    is_custom_call,
    unwrap_input,
    wrap_input,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pointsman.core.jsontypes import Json, JsonObject

ITEM: Final = "input_item"  # in a part's extras: the whole item it stands for
INSTRUCTIONS: Final = "instructions"  # in a message's extras: it came as the field of that name

_RECORDS = frozenset(("web_search_call", "file_search_call", "mcp_list_tools", "tool_search_call"))
_KNOWN_OF_MESSAGE = frozenset(("type", "role", "content"))
_KNOWN_OF_CALL = frozenset(("type", "call_id", "name", "arguments"))
_KNOWN_OF_CUSTOM_CALL = frozenset(("call_id", "name", "input"))
_KNOWN_OF_REASONING = frozenset(("type", "summary", "content", "encrypted_content"))
_MAX_CALL_ID_CHARS = 64
_SHOWN_CHARS = 32


@dataclass(slots=True)
class _Conversation:
    """Messages as items come; `turn` are the parts of the assistant's message that still goes on."""

    messages: list[Message] = field(default_factory=list)
    turn: list[Part] = field(default_factory=list)

    def add(self, message: Message) -> None:
        self.close()
        self.messages.append(message)

    def say(self, parts: Sequence[Part], more: JsonObject) -> None:
        """A message item of the assistant; its first part marks where it begins if nothing else tells."""
        first, *rest = parts
        if more or (self.turn and isinstance(self.turn[-1], Text | Refusal | Media)):
            first = replace(first, extras={**first.extras, NAME: {**first.extras.get(NAME, {}), MESSAGE: more}})
        self.turn += (first, *rest)

    def close(self) -> None:
        if self.turn:
            self.messages.append(Message(role=Role.ASSISTANT, parts=tuple(self.turn)))
            self.turn = []


def decode_input(body: JsonObject, names: ToolNames) -> tuple[Message, ...]:
    """The conversation in `input`; a string is one message of the user."""
    given = body.get("input")
    if isinstance(given, str):
        return (Message(role=Role.USER, parts=(Text(text=given),)),)
    talk = _Conversation()
    for index, item in enumerate(fields.objects(body, "input")):
        _decode_item(talk, item, names, f"input[{index}]")
    talk.close()
    return tuple(talk.messages)


def _decode_item(talk: _Conversation, item: JsonObject, names: ToolNames, at: str) -> None:
    kind = fields.string(item, "type", at) or (
        "message" if "role" in item else fields.required_string(item, "type", at)
    )
    match kind:
        case "message":
            _decode_message(talk, item, at)
        case "function_call" | "custom_tool_call":
            talk.turn.append(_decode_call(item, names, at))
        case "function_call_output" | "custom_tool_call_output":
            talk.add(Message(role=Role.TOOL, parts=(_decode_result(item, kind, at),)))
        case "reasoning":
            talk.turn.append(decode_reasoning(item, at))
        case _ if kind in _RECORDS:
            talk.turn.append(Reasoning(text="", extras=own({ITEM: item})))
        case _ if kind.endswith(("_output", "_response")):
            talk.add(Message(role=Role.USER, parts=(Media(kind=kind, extras=own({ITEM: item})),)))
        case _:
            talk.turn.append(Media(kind=kind, extras=own({ITEM: item})))


def _decode_message(talk: _Conversation, item: JsonObject, at: str) -> None:
    role = fields.required_string(item, "role", at)
    if role not in {"user", "assistant", "system", "developer"}:
        raise InvalidRequest(
            f"{at}.role must be user, assistant, system or developer, not {role[:_SHOWN_CHARS]!a}.", param=f"{at}.role"
        )
    parts = decode_content(item, "content", at)
    more = fields.others(item, _KNOWN_OF_MESSAGE)
    if role != "assistant":
        talk.add(Message(role=Role(role), parts=parts, extras=own(more)))
    elif parts:
        talk.say(parts, more)


def _decode_call(item: JsonObject, names: ToolNames, at: str) -> ToolCall:
    name = fields.required_string(item, "name", at)
    flat = names.flat(name, fields.string(item, "namespace", at))
    renamed: JsonObject = {} if flat == name else {"name": name}
    identity = fields.required_string(item, "call_id", at)
    if item["type"] == CUSTOM_CALL:
        arguments = wrap_input(fields.required_string(item, "input", at))
        more = fields.others(item, _KNOWN_OF_CUSTOM_CALL)
    else:
        arguments = fields.string(item, "arguments", at) or ""
        more = fields.others(item, _KNOWN_OF_CALL)
    return ToolCall(id=identity, name=flat, arguments=arguments, extras=own(more | renamed))


def _decode_result(item: JsonObject, kind: str, at: str) -> ToolResult:
    content = decode_content(item, "output", at)
    known = ("call_id", "output") if kind == "custom_tool_call_output" else ("type", "call_id", "output")
    return ToolResult(
        call_id=fields.required_string(item, "call_id", at),
        content=tuple(part for part in content if isinstance(part, Text | Media)),
        extras=own(fields.others(item, known)),
    )


def decode_reasoning(item: JsonObject, at: str) -> Reasoning:
    """Thinking: its summary, its text, both or only what is encrypted."""
    summary = [part for part in (*_thoughts(item, "summary", at), *_thoughts(item, "content", at)) if part]
    signature, origin = signatures.inward(fields.string(item, "encrypted_content", at), NAME)
    more = fields.others(item, _KNOWN_OF_REASONING)
    found = Reasoning(text="\n\n".join(summary), signature=signature, origin=origin, extras=own(more))
    if origin != NAME or encode_reasoning(found) == item:
        return found
    kept = {key: item[key] for key in ("summary", "content") if item.get(key) is not None}
    return replace(found, extras=own(more | kept))


def _thoughts(item: JsonObject, key: str, at: str) -> Iterator[str]:
    for index, part in enumerate(fields.objects(item, key, at)):
        yield fields.string(part, "text", f"{at}.{key}[{index}]") or ""


def encode_reasoning(part: Reasoning) -> JsonObject:
    """An item of thinking that this dialect's endpoint signed."""
    summary: list[Json] = [{"type": "summary_text", "text": part.text}] if part.text else []
    body: JsonObject = {"type": "reasoning", "summary": summary, "encrypted_content": part.signature}
    return body | part.extras.get(NAME, {})


def encode_input(messages: Sequence[Message], names: ToolNames) -> list[Json]:
    """The conversation as items."""
    return [item for index, message in enumerate(messages) for item in _encode(message, names, f"messages[{index}]")]


def _encode(message: Message, names: ToolNames, at: str) -> Iterator[JsonObject]:
    if message.role is Role.ASSISTANT:
        yield from _encode_turn(message, names, at)
        return
    spoken: list[Part] = []
    for part in message.parts:
        if isinstance(part, ToolResult):
            yield _encode_result(part, at)
        elif ITEM in part.extras.get(NAME, {}):
            yield _item_of(part.extras[NAME])
        else:
            spoken.append(part)
    if spoken or not message.parts:
        role = "user" if message.role is Role.TOOL else message.role.value
        more = message.extras.get(NAME, {})
        yield {"type": "message", "role": role, "content": encode_content(spoken, at), **more}


def _encode_turn(message: Message, names: ToolNames, at: str) -> Iterator[JsonObject]:
    spoken: list[Part] = []
    for part in message.parts:
        extras = part.extras.get(NAME, {})
        is_speech = isinstance(part, Text | Refusal | Media) and ITEM not in extras
        if spoken and (not is_speech or MESSAGE in extras):
            yield _speech(spoken, at)
            spoken = []
        if is_speech:
            spoken.append(part)
        elif ITEM in extras:
            yield _item_of(extras)
        elif isinstance(part, ToolCall):
            yield _encode_call(part, names)
        elif isinstance(part, ToolResult):
            yield _encode_result(part, at)
        elif isinstance(part, Reasoning) and part.signature is not None and part.origin == NAME:
            yield encode_reasoning(part)
    if spoken:
        yield _speech(spoken, at)


def _item_of(extras: Mapping[str, Json]) -> JsonObject:
    item = extras[ITEM]
    return item if isinstance(item, dict) else {}


def _speech(parts: Sequence[Part], at: str) -> JsonObject:
    more = parts[0].extras.get(NAME, {}).get(MESSAGE)
    content = encode_content(parts, at, is_said=True)
    return {"type": "message", "role": "assistant", "content": content, **(more if isinstance(more, dict) else {})}


def _encode_call(call: ToolCall, names: ToolNames) -> JsonObject:
    wire: JsonObject = {"call_id": call_id(call.id, call.name), **names.wire(call.name)}
    more = call.extras.get(NAME, {})
    if is_custom_call(call, names):
        return {"type": CUSTOM_CALL, **wire, "input": unwrap_input(call.arguments), **more}
    return {"type": FUNCTION_CALL, **wire, "arguments": call.arguments, **more}


def _encode_result(result: ToolResult, at: str) -> JsonObject:
    identity = call_id(result.call_id, result.name)
    output = encode_content(result.content, at)
    return {"type": "function_call_output", "call_id": identity, "output": output, **result.extras.get(NAME, {})}


def call_id(identity: str, name: str | None) -> str:
    """A call's id as this API takes it: at most 64 characters, and never empty (older calls have only a name)."""
    if not identity:
        identity = f"call_{name or ''}"
    if len(identity) <= _MAX_CALL_ID_CHARS:
        return identity
    return f"call_{hashlib.sha256(identity.encode(errors='surrogatepass')).hexdigest()[:32]}"
