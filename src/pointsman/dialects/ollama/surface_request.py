"""Requests of Ollama's callers: /api/chat, /api/generate, and the requests that only load or unload a model."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Final

from pointsman.core.chat import (
    NO_EXTRAS,
    ChatRequest,
    Media,
    Message,
    Part,
    Reasoning,
    ResponseFormat,
    Role,
    Sampling,
    Text,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields
from pointsman.dialects.ollama.request import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pointsman.core.jsontypes import Json, JsonObject

_KNOWN = frozenset(("model", "messages", "tools", "format", "options", "stream", "think", "logprobs", "top_logprobs"))
_KNOWN_OF_GENERATE = frozenset(
    (
        "model",
        "prompt",
        "system",
        "images",
        "format",
        "options",
        "stream",
        "think",
        "suffix",
        "logprobs",
        "top_logprobs",
    )
)
_KNOWN_OF_MESSAGE = frozenset(("role", "content", "images", "thinking", "tool_calls", "tool_name", "tool_call_id"))
_OPTIONS = {
    "num_predict": "max_output_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "seed": "seed",
    "stop": "stop",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
}
_OURS: Final = ("truncate", "shift")  # sent as false to every endpoint: a caller's false says nothing more
_SHOWN_ROLE_CHARS = 32
_MAGIC = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
    (b"BM", "image/bmp"),
)


def own(found: JsonObject) -> Mapping[str, JsonObject]:
    """*found* as the extras of this dialect, none when it is empty."""
    return {NAME: found} if found else NO_EXTRAS


def is_load_request(body: JsonObject) -> bool:
    """Whether *body* only wants a model loaded (or, with a `keep_alive` of 0, unloaded): it says nothing."""
    return not body.get("messages") and not body.get("prompt") and not body.get("images")


def wants_unload(body: JsonObject) -> bool:
    """Whether *body* has a `keep_alive` of nothing."""
    kept = body.get("keep_alive")
    return kept is not None and not isinstance(kept, bool) and str(kept).rstrip("smh") in ("0", "0.0")


def decode_chat(body: JsonObject) -> ChatRequest:
    """The neutral request of /api/chat; InvalidRequest names the path of what is wrong."""
    items = fields.objects(body, "messages")
    if not items:
        raise InvalidRequest("messages is missing or empty.", hint="Send at least one message.", param="messages")
    return _request(body, tuple(_messages(items)), _decode_tools(body), _KNOWN)


def decode_generate(body: JsonObject) -> ChatRequest:
    """The neutral request of /api/generate: a system prompt, and a prompt with its images as the user's turn.

    What only a template can say (`suffix`) becomes a Media part of a kind that no other dialect knows.
    """
    system, prompt = fields.string(body, "system"), fields.string(body, "prompt")
    if prompt is None and not body.get("images"):
        raise InvalidRequest("prompt is missing.", hint="Send a string.", param="prompt")
    told = (Message(role=Role.SYSTEM, parts=(Text(text=system),)),) if system else ()
    parts: list[Part] = [] if prompt is None else [Text(text=prompt)]
    parts += _images(body, "")
    suffix = fields.string(body, "suffix")
    if suffix:
        parts += (Text(text=suffix), Media(kind="suffix"))
    return _request(body, (*told, Message(role=Role.USER, parts=tuple(parts))), (), _KNOWN_OF_GENERATE)


def _request(
    body: JsonObject, messages: tuple[Message, ...], tools: tuple[ToolSpec, ...], known: frozenset[str]
) -> ChatRequest:
    extras = {
        key: value for key, value in fields.others(body, known).items() if not (key in _OURS and value in (False, None))
    }
    options = fields.mapping(body, "options") or {}
    more = fields.others(options, _OPTIONS)
    if more:
        extras["options"] = more
    is_streamed = fields.boolean(body, "stream") is not False
    return ChatRequest(
        model=fields.string(body, "model"),
        messages=messages,
        tools=tools,
        response_format=_decode_format(body.get("format")),
        sampling=_decode_sampling(body, options),
        reasoning_effort=_decode_think(body.get("think"), extras),
        stream=is_streamed,
        stream_usage=is_streamed,
        extras=own(extras),
    )


def _decode_sampling(body: JsonObject, options: JsonObject) -> Sampling:
    """The options, and what is said beside them: alternatives to no log-probabilities mean nothing."""
    limit = fields.integer(options, "num_predict", "options")
    logprobs, top = fields.boolean(body, "logprobs"), fields.integer(body, "top_logprobs", minimum=0)
    return Sampling(
        temperature=fields.number(options, "temperature", "options"),
        top_p=fields.number(options, "top_p", "options"),
        top_k=fields.integer(options, "top_k", "options"),
        min_p=fields.number(options, "min_p", "options"),
        max_output_tokens=limit if limit is None or limit > 0 else None,  # -1 and -2: until the model stops
        stop=fields.strings(options.get("stop"), "options.stop"),
        seed=fields.integer(options, "seed", "options"),
        frequency_penalty=fields.number(options, "frequency_penalty", "options"),
        presence_penalty=fields.number(options, "presence_penalty", "options"),
        logprobs=logprobs or None,
        top_logprobs=top if logprobs else None,
    )


def _decode_think(given: Json, extras: JsonObject) -> str | None:
    match given:
        case None:
            return None
        case False:
            return "none"
        case str():
            extras["think"] = given
            return given
        case True:
            extras["think"] = True
            return None
        case _:
            raise fields.wrong_type(given, "a boolean or a level", "think")


def _decode_format(given: Json) -> ResponseFormat | None:
    match given:
        case None | "":
            return None
        case "json":
            return ResponseFormat(kind="json_object")
        case dict():
            return ResponseFormat(kind="json_schema", schema=given)
        case _:
            raise InvalidRequest('format must be "json" or a JSON Schema.', param="format")


def _decode_tools(body: JsonObject) -> tuple[ToolSpec, ...]:
    tools = []
    for index, item in enumerate(fields.objects(body, "tools")):
        at = f"tools[{index}].function"
        function = fields.required_mapping(item, "function", f"tools[{index}]")
        tools.append(
            ToolSpec(
                name=fields.required_string(function, "name", at),
                description=fields.string(function, "description", at),
                parameters=fields.mapping(function, "parameters", at),
            )
        )
    return tuple(tools)


def _messages(items: list[JsonObject]) -> Iterator[Message]:
    """The conversation. Calls have no ids in older clients: they get theirs by number, and results find them."""
    open_calls: list[ToolCall] = []
    for index, item in enumerate(items):
        at = f"messages[{index}]"
        role = fields.required_string(item, "role", at)
        extras = own(fields.others(item, _KNOWN_OF_MESSAGE))
        match role:
            case "system" | "user":
                yield Message(role=Role(role), parts=tuple(_said(item, at)), extras=extras)
            case "assistant":
                calls = tuple(_calls(item, at, index))
                open_calls += calls
                yield Message(role=Role.ASSISTANT, parts=(*_thought(item, at), *_said(item, at), *calls), extras=extras)
            case "tool":
                yield Message(role=Role.TOOL, parts=(_result(item, at, open_calls),), extras=extras)
            case _:
                raise InvalidRequest(
                    f"{at}.role must be system, user, assistant or tool, not {role[:_SHOWN_ROLE_CHARS]!a}.",
                    param=f"{at}.role",
                )


def _said(item: JsonObject, at: str) -> Iterator[Text | Media]:
    text = fields.string(item, "content", at)
    images = tuple(_images(item, at))
    if text or not (images or item.get("tool_calls") or item.get("thinking")):
        yield Text(text=text or "")
    yield from images


def _images(item: JsonObject, at: str) -> Iterator[Media]:
    path = fields.path_of(at, "images")
    for data in fields.strings(item.get("images"), path):
        yield Media(kind="image", data_base64=data, media_type=_media_type(data))


def _media_type(data: str) -> str:
    """What kind of image *data* is, by its first bytes; JPEG when they say nothing."""
    try:
        head = base64.b64decode(data[:16])
    except (binascii.Error, ValueError):
        head = b""
    return next((kind for magic, kind in _MAGIC if head.startswith(magic)), "image/jpeg")


def _thought(item: JsonObject, at: str) -> Iterator[Reasoning]:
    thinking = fields.string(item, "thinking", at)
    if thinking:
        yield Reasoning(text=thinking)


def _calls(item: JsonObject, at: str, number: int) -> Iterator[ToolCall]:
    for index, call in enumerate(fields.objects(item, "tool_calls", at)):
        where = f"{at}.tool_calls[{index}]"
        function = fields.required_mapping(call, "function", where)
        given = function.get("arguments")
        text = given if isinstance(given, str) else json.dumps(given or {}, ensure_ascii=False, separators=(",", ":"))
        yield ToolCall(
            id=fields.string(call, "id", where) or f"call_{number}_{index}",
            name=fields.required_string(function, "name", f"{where}.function"),
            arguments=text,
        )


def _result(item: JsonObject, at: str, open_calls: list[ToolCall]) -> ToolResult:
    name, call_id = fields.string(item, "tool_name", at), fields.string(item, "tool_call_id", at)
    answered = next(
        (call for call in open_calls if (call.id == call_id if call_id else name in (None, call.name))), None
    )
    if answered is not None:
        open_calls.remove(answered)
    return ToolResult(
        call_id=call_id or (answered.id if answered else ""),
        content=tuple(_said(item, at)),
        name=name or (answered.name if answered else None),
    )


def load_reply(model: str, created_at: str, *, unload: bool, is_generate: bool = False) -> JsonObject:
    """What Ollama answers once *model* is loaded, or unloaded."""
    said: JsonObject = {"response": ""} if is_generate else {"message": {"role": "assistant", "content": ""}}
    return {
        "model": model,
        "created_at": created_at,
        **said,
        "done": True,
        "done_reason": "unload" if unload else "load",
    }
