"""The hints inside messages and tools that an endpoint of another dialect cannot be told, by their callers' names.

A hint changes how a part is taken, not what it says: where to cache, how finely to look, that a tool failed, how
another model came to its answer. Settings of the request itself are the dialects' own affair (`Encoded.dropped`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

from pointsman.core.chat import Media, Reasoning, Refusal, Text, ToolCall, ToolResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pointsman.core.chat import ChatRequest, Part
    from pointsman.core.jsontypes import Json, JsonObject

_READS_ANY_THINKING: Final = frozenset(("openai_chat", "ollama"))  # the others read what they signed
_LOOKS_FINELY: Final = frozenset(("openai_chat", "openai_responses"))
_MARKS_ERRORS: Final = frozenset(("anthropic_messages", "gemini"))

# What callers of each dialect call it; OpenAI's other names stand for themselves.
_THINKING = {
    "anthropic_messages": "messages.thinking",
    "gemini": "contents.thought",
    "ollama": "messages.thinking",
    "openai_chat": "messages.reasoning_content",
    "openai_responses": "input.reasoning",
}
_SIGNATURE = {
    "anthropic_messages": "signature",
    "gemini": "thoughtSignature",
    "openai_chat": "extra_content",
    "openai_responses": "encrypted_content",
}
_ERROR = {"gemini": "functionResponse.response.error"}

# Extras that are no hints: names, ids and shapes, and what the neutral form says in other words.
_SAID: Final = frozenset(
    (
        "content",
        "field",
        "file",
        "file_data",
        "file_id",
        "file_url",
        "fileData",
        "filename",
        "format",
        "function_call",
        "functionCall",
        "id",
        "image_url",
        "index",
        "inlineData",
        "input_audio",
        "instructions",
        "logprobs",
        "name",
        "namespace",
        "parameters",
        "parametersJsonSchema",
        "response",
        "source",
        "status",
        "summary",
        "text",
        "title",
        "type",
    )
)
_INNER: Final = frozenset(("message_item", "functionCall"))  # extras that hold fields of an object around the part
_ITEM: Final = "input_item"  # a record of what an endpoint of the Responses API did for itself
_HEADING: Final = "context"  # a document's, which stands above the words of one that is text
_CALL_SIGNATURE: Final = "thoughtSignature"
_NO_SIGNATURE: Final = "skip_thought_signature_validator"
_OFF: Final[JsonObject] = {"enabled": False}


def lost_hints(request: ChatRequest, surface: str, upstream: str) -> tuple[str, ...]:
    """The names of what *request*, of a caller of *surface*, loses inside its messages and tools on its way."""
    found: dict[str, None] = {}
    for tool in request.tools:
        if tool.extras:
            found |= dict.fromkeys(_foreign(tool.extras, upstream))
    for message in request.messages:
        if message.extras:
            found |= dict.fromkeys(_foreign(message.extras, upstream))
        for part in message.parts:
            if part.extras or not isinstance(part, Text):
                found |= dict.fromkeys(_lost(part, surface, upstream))
    return tuple(found)


def called(name: str, surface: str) -> str:
    """What callers of *surface* call the field *name* of Chat Completions' messages."""
    match name:
        case "reasoning_content" | "reasoning":
            return _THINKING.get(surface, "reasoning")
        case "extra_content":
            return _SIGNATURE.get(surface, "signature")
        case _:
            return name


def _lost(part: Part, surface: str, upstream: str) -> Iterator[str]:
    match part:
        case Text() | Refusal():
            yield from (name for name in _foreign(part.extras, upstream) if name != _HEADING)
        case Media():
            if part.detail not in (None, "auto") and upstream not in _LOOKS_FINELY:
                yield "detail"
            yield from (name for name in _foreign(part.extras, upstream) if name != "detail")
        case Reasoning():
            yield from _lost_thinking(part, surface, upstream)
            yield from _foreign(part.extras, upstream)
        case ToolCall():
            yield from _lost_of_call(part, surface, upstream)
        case ToolResult():
            if part.is_error and upstream not in _MARKS_ERRORS:
                yield _ERROR.get(surface, "is_error")
            yield from _foreign(part.extras, upstream)
            for shown in part.content:
                yield from _lost(shown, surface, upstream)
        case _:
            assert_never(part)


def _lost_thinking(part: Reasoning, surface: str, upstream: str) -> Iterator[str]:
    """The thinking itself, where the endpoint reads only its own; or what was signed of thinking it does read."""
    if part.signature is not None and part.origin == upstream:
        return
    if part.text and upstream in _READS_ANY_THINKING:
        if part.signature:
            yield _SIGNATURE.get(surface, "signature")
    elif part.text or part.signature:
        yield _THINKING.get(surface, "reasoning")


def _lost_of_call(call: ToolCall, surface: str, upstream: str) -> Iterator[str]:
    """Gemini's signature, which Chat Completions has too: a caller's `extra_content` is both, and is named once."""
    is_signed = _CALL_SIGNATURE in call.extras.get("gemini", {})
    for name in _foreign(call.extras, upstream):
        if name == _CALL_SIGNATURE and upstream != "openai_chat":
            yield _SIGNATURE.get(surface, name)
        elif name != _CALL_SIGNATURE and not (is_signed and name == _SIGNATURE["openai_chat"]):
            yield name


def _foreign(extras: Mapping[str, JsonObject], upstream: str) -> Iterator[str]:
    for dialect, held in extras.items():
        if dialect == upstream:
            continue
        for name, value in held.items():
            if name == _ITEM:
                yield from _kind_of(value)
            elif name in _INNER and isinstance(value, dict):
                yield from (inner for inner, said in value.items() if inner not in _SAID and _says(said))
            elif name not in _SAID and _says(value) and value != _NO_SIGNATURE:
                yield name


def _kind_of(item: Json) -> Iterator[str]:
    kind = item.get("type") if isinstance(item, dict) else None
    if isinstance(kind, str):
        yield kind


def _says(value: Json) -> bool:
    """Whether a hint of this *value* hints at anything."""
    return bool(value) and value != _OFF
