"""Requests to Ollama: /api/chat and /api/embed.

`truncate` and `shift` are off, so that a prompt longer than the context is an error and not silently cut.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from pointsman.core.catalog import Operation
from pointsman.core.chat import (
    ChatRequest,
    Media,
    Message,
    Reasoning,
    Refusal,
    ResponseFormat,
    Role,
    Text,
    ToolCall,
    ToolMode,
    ToolResult,
    ToolSpec,
)
from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields
from pointsman.dialects.base import Encoded, foreign_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pointsman.core.chat import EmbeddingRequest, Sampling
    from pointsman.core.jsontypes import Json, JsonObject

NAME: Final = "ollama"
CHAT_PATH = "/api/chat"
GENERATE_PATH = "/api/generate"
EMBED_PATH = "/api/embed"

_ROLES = {Role.DEVELOPER: "system"}
_NO_THINKING = "none"


def encode_chat(request: ChatRequest, model: str) -> Encoded:
    """*request* for *model*; InvalidRequest for content Ollama cannot take."""
    extras = dict(request.extras.get(NAME, {}))
    options = {**(fields.mapping(extras, "options") or {}), **_options(request)}
    body: JsonObject = {
        "model": model,
        "messages": list(_messages(request.messages)),
        "stream": request.stream,
        "truncate": False,
        "shift": False,
    }
    wanted = _format(request.response_format)
    if wanted is not None:
        body["format"] = wanted
    if request.tools and not _forbids_tools(request):
        body["tools"] = [_tool(tool) for tool in request.tools]
    if request.reasoning_effort == _NO_THINKING:
        body["think"] = False
    body |= _probabilities(request.sampling) | extras
    if options:
        body["options"] = options
    return Encoded(path=CHAT_PATH, body=body, dropped=(*_dropped(request), *foreign_settings(request.extras, NAME)))


def _options(request: ChatRequest) -> JsonObject:
    sampling = request.sampling
    options: JsonObject = {
        "num_predict": sampling.max_output_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "seed": sampling.seed,
        "stop": list(sampling.stop) or None,
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
    }
    return {key: value for key, value in options.items() if value is not None}


def _probabilities(sampling: Sampling) -> JsonObject:
    """The wish for log-probabilities; alternatives to none mean nothing."""
    if not sampling.logprobs:
        return {}
    return {"logprobs": True, **({} if sampling.top_logprobs is None else {"top_logprobs": sampling.top_logprobs})}


def _dropped(request: ChatRequest) -> Iterator[str]:
    """Settings Ollama has no word for, and thinking levels: a model that does not think refuses them."""
    choice = request.tool_choice
    settings = {
        "n": request.sampling.n not in (None, 1),
        "tool_choice": choice is not None and choice.mode is ToolMode.REQUIRED,
        "parallel_tool_calls": request.parallel_tool_calls is False,
        "reasoning_effort": _wants_level(request),
        "metadata": bool(request.metadata),
        "user": request.user is not None,
        "name": any(message.name is not None for message in request.messages),
        "strict": any(tool.strict for tool in request.tools),
    }
    return (name for name, is_lost in settings.items() if is_lost)


def _wants_level(request: ChatRequest) -> bool:
    """Whether a caller of another API wants a level of thinking; one of this API says it in `think`."""
    effort = request.reasoning_effort
    return effort not in (None, _NO_THINKING) and request.extras.get(NAME, {}).get("think") != effort


def _forbids_tools(request: ChatRequest) -> bool:
    return request.tool_choice is not None and request.tool_choice.mode is ToolMode.NONE


def _format(wanted: ResponseFormat | None) -> Json:
    if wanted is None or wanted.kind == "text":
        return None
    return "json" if wanted.schema is None else wanted.schema


def _tool(tool: ToolSpec) -> JsonObject:
    function: JsonObject = {
        "name": tool.name,
        "description": tool.description or "",
        "parameters": tool.parameters or {"type": "object", "properties": {}},
    }
    return {"type": "function", "function": function}


def _messages(messages: tuple[Message, ...]) -> Iterator[JsonObject]:
    names: dict[str, str] = {}
    for number, message in enumerate(messages):
        at = f"messages[{number}]"
        names |= {part.id: part.name for part in message.parts if isinstance(part, ToolCall)}
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        for result in results:
            yield _tool_result(result, names, at)
        if len(results) < len(message.parts) or not results:
            yield _message(message, at)


def _tool_result(result: ToolResult, names: Mapping[str, str], at: str) -> JsonObject:
    body = {"role": "tool", **_content(result.content, at)}
    name = result.name or names.get(result.call_id)
    if name is not None:
        body["tool_name"] = name
    if result.call_id:
        body["tool_call_id"] = result.call_id
    return body


def _message(message: Message, at: str) -> JsonObject:
    spoken = tuple(part for part in message.parts if isinstance(part, Text | Refusal | Media))
    role = _ROLES.get(message.role, message.role.value)
    body: JsonObject = {"role": role, **_content(spoken, at)}
    thinking = "".join(part.text for part in message.parts if isinstance(part, Reasoning))
    if thinking:
        body["thinking"] = thinking
    calls: list[Json] = [_call(part) for part in message.parts if isinstance(part, ToolCall)]
    if calls:
        body["tool_calls"] = calls
    return body


def _content(parts: tuple[Text | Refusal | Media, ...], at: str) -> JsonObject:
    """Texts on lines of their own, images as base64."""
    texts = [part.text for part in parts if isinstance(part, Text | Refusal)]
    images = [_image(part, f"{at}.content[{number}]") for number, part in enumerate(parts) if isinstance(part, Media)]
    body: JsonObject = {"content": "\n".join(texts)}
    if images:
        body["images"] = list(images)
    return body


def _image(media: Media, at: str) -> str:
    if media.kind == "image" and media.data_base64 is not None:
        return media.data_base64
    if media.kind == "image" and media.url is not None:
        raise InvalidRequest(
            f"{at} is an image by URL, and Ollama takes images as base64 data only.",
            hint="Send it as a data URL.",
            param=at,
        )
    raise InvalidRequest(f"{at} is of the kind {media.kind!a}, which Ollama cannot take.", param=at)


def _call(call: ToolCall) -> JsonObject:
    body: JsonObject = {"function": {"name": call.name, "arguments": arguments_of(call.arguments)}}
    return {"id": call.id, **body} if call.id else body


def arguments_of(text: str) -> JsonObject:
    """The arguments as the object Ollama wants; text that is none is wrapped, so that the conversation can go on."""
    if not text.strip():
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {"arguments": text}


def encode_embeddings(request: EmbeddingRequest, model: str) -> Encoded:
    """*request* for *model*; InvalidRequest for token ids, which Ollama cannot take."""
    texts = [item for item in request.inputs if isinstance(item, str)]
    if len(texts) != len(request.inputs):
        raise InvalidRequest("input holds token ids, and Ollama embeds texts only.", param="input")
    body: JsonObject = {"model": model, "input": list(texts), "truncate": False}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    body |= request.extras.get(NAME, {})
    dropped = ("user",) if request.user is not None else ()
    return Encoded(path=EMBED_PATH, body=body, dropped=(*dropped, *foreign_settings(request.extras, NAME)))


def relay_fields(body: JsonObject, operation: Operation, model: str) -> JsonObject:
    """See base.Relayable: silent truncation is off unless the caller asked for it."""
    wanted = ("truncate",) if operation is Operation.EMBEDDINGS else ("truncate", "shift")
    return {"model": model, **{name: False for name in wanted if body.get(name) is None}}
