"""Requests of Chat Completions, both ways.

What the neutral form has no name for is kept in `extras["openai_chat"]` under its own name and given back. A field
that it can name only in part (a tool of an unknown type, `allowed_tools`) is kept there whole as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.chat import ChatRequest, ResponseFormat, Sampling, ToolChoice, ToolMode, ToolSpec
from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields
from pointsman.dialects.base import Encoded, foreign_settings
from pointsman.dialects.openai_chat.content import NAME, own
from pointsman.dialects.openai_chat.messages import decode_messages, encode_messages

if TYPE_CHECKING:
    from pointsman.core.jsontypes import Json, JsonObject

PATH = "/chat/completions"

_KNOWN = frozenset(
    (
        "model",
        "messages",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "response_format",
        "reasoning_effort",
        "stream",
        "stream_options",
        "metadata",
        "user",
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "max_tokens",
        "stop",
        "seed",
        "frequency_penalty",
        "presence_penalty",
        "n",
        "logprobs",
        "top_logprobs",
    )
)
_SAMPLING = frozenset(
    (
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "max_completion_tokens",
        "max_tokens",
        "stop",
        "seed",
        "frequency_penalty",
        "presence_penalty",
        "n",
        "logprobs",
        "top_logprobs",
    )
)
_SELDOM = _KNOWN - _SAMPLING - {"model", "messages", "stream"}
_UNSAID = Sampling()
_MODES = {mode.value: mode for mode in ToolMode}


def decode_chat(body: JsonObject) -> ChatRequest:
    """The neutral request; InvalidRequest names the path of what is wrong."""
    extras = fields.others(body, _KNOWN)
    if not extras and _SELDOM.isdisjoint(body):
        return ChatRequest(
            model=fields.string(body, "model"),
            messages=decode_messages(body),
            sampling=_decode_sampling(body),
            stream=fields.boolean(body, "stream") or False,
        )
    stream_options = fields.mapping(body, "stream_options") or {}
    if stream_options and (more_options := fields.others(stream_options, ("include_usage",))):
        extras["stream_options"] = more_options
    return ChatRequest(
        model=fields.string(body, "model"),
        messages=decode_messages(body),
        tools=_decode_tools(body, extras) if "tools" in body else (),
        tool_choice=_decode_tool_choice(body, extras) if "tool_choice" in body else None,
        parallel_tool_calls=fields.boolean(body, "parallel_tool_calls"),
        response_format=_decode_response_format(body, extras),
        sampling=_decode_sampling(body),
        reasoning_effort=fields.string(body, "reasoning_effort"),
        stream=fields.boolean(body, "stream") or False,
        stream_usage=fields.boolean(stream_options, "include_usage", "stream_options") or False,
        metadata=fields.mapping(body, "metadata") or {},
        user=fields.string(body, "user"),
        extras=own(extras),
    )


def _decode_sampling(body: JsonObject) -> Sampling:
    if _SAMPLING.isdisjoint(body):
        return _UNSAID
    limit = fields.integer(body, "max_completion_tokens")
    older = fields.integer(body, "max_tokens")
    return Sampling(
        temperature=fields.number(body, "temperature"),
        top_p=fields.number(body, "top_p"),
        top_k=fields.integer(body, "top_k"),
        min_p=fields.number(body, "min_p"),
        max_output_tokens=older if limit is None else limit,
        stop=fields.strings(body.get("stop"), "stop"),
        seed=fields.integer(body, "seed"),
        frequency_penalty=fields.number(body, "frequency_penalty"),
        presence_penalty=fields.number(body, "presence_penalty"),
        n=fields.integer(body, "n", minimum=1),
        logprobs=fields.boolean(body, "logprobs"),
        top_logprobs=fields.integer(body, "top_logprobs"),
    )


def _decode_tools(body: JsonObject, extras: JsonObject) -> tuple[ToolSpec, ...]:
    items = fields.objects(body, "tools")
    tools = tuple(
        _decode_tool(item, f"tools[{index}]")
        for index, item in enumerate(items)
        if item.get("type", "function") == "function"
    )
    if [_encode_tool(tool) for tool in tools] != items:
        extras["tools"] = body["tools"]
    return tools


def _decode_tool(item: JsonObject, at: str) -> ToolSpec:
    function = fields.required_mapping(item, "function", at)
    at += ".function"
    return ToolSpec(
        name=fields.required_string(function, "name", at),
        description=fields.string(function, "description", at),
        parameters=fields.mapping(function, "parameters", at),
        strict=fields.boolean(function, "strict", at),
    )


def _decode_tool_choice(body: JsonObject, extras: JsonObject) -> ToolChoice | None:
    choice = body.get("tool_choice")
    found: ToolChoice | None = None
    if isinstance(choice, str):
        found = ToolChoice(mode=_MODES[choice]) if choice in _MODES else None
    elif isinstance(choice, dict):
        found = _decode_choice_object(choice)
    elif choice is not None:
        raise fields.wrong_type(choice, "a string or an object", "tool_choice")
    if choice is not None and (found is None or _encode_tool_choice(found) != choice):
        extras["tool_choice"] = choice
    return found


def _decode_choice_object(choice: JsonObject) -> ToolChoice | None:
    match choice:
        case {"type": "function", "function": {"name": str(name)}}:
            return ToolChoice(mode=ToolMode.REQUIRED, name=name)
        case {"type": "function"}:
            raise InvalidRequest("tool_choice.function.name must be a string.", param="tool_choice.function.name")
        case {"type": "allowed_tools", "allowed_tools": {"mode": "auto" | "required" as mode}}:
            return ToolChoice(mode=ToolMode(mode))
        case _:
            return None


def _decode_response_format(body: JsonObject, extras: JsonObject) -> ResponseFormat | None:
    given = fields.mapping(body, "response_format")
    if given is None:
        return None
    at = "response_format"
    kind = fields.required_string(given, "type", at)
    found: ResponseFormat | None = None
    if kind == "json_schema":
        named = fields.required_mapping(given, "json_schema", at)
        at += ".json_schema"
        found = ResponseFormat(
            kind=kind,
            schema=fields.mapping(named, "schema", at),
            name=fields.string(named, "name", at),
            description=fields.string(named, "description", at),
            strict=fields.boolean(named, "strict", at),
        )
    elif kind in {"text", "json_object"}:
        found = ResponseFormat(kind=kind, schema=fields.mapping(given, "schema", at))
    if found is None or _encode_response_format(found) != given:
        extras["response_format"] = given
    return found


def encode_chat(request: ChatRequest, model: str) -> Encoded:
    """*request* for *model*. A stream is always asked to report its usage."""
    extras = dict(request.extras.get(NAME, {}))
    body: JsonObject = {"model": model, "messages": encode_messages(request.messages)}
    if request.tools:
        body["tools"] = [_encode_tool(tool) for tool in request.tools]
    if request.tool_choice is not None:
        body["tool_choice"] = _encode_tool_choice(request.tool_choice)
    if request.response_format is not None:
        body["response_format"] = _encode_response_format(request.response_format)
    limit = "max_completion_tokens" if extras.pop("max_completion_tokens", None) is not None else "max_tokens"
    sampling = request.sampling
    settings: JsonObject = {
        "parallel_tool_calls": request.parallel_tool_calls,
        "reasoning_effort": request.reasoning_effort,
        "user": request.user,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        limit: sampling.max_output_tokens,
        "stop": list(sampling.stop) or None,
        "seed": sampling.seed,
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
        "n": sampling.n,
        "logprobs": sampling.logprobs,
        "top_logprobs": sampling.top_logprobs,
        "metadata": request.metadata or None,
    }
    body |= {key: value for key, value in settings.items() if value is not None}
    body |= extras
    if request.stream:
        more_options = fields.mapping(extras, "stream_options") or {}
        body |= {"stream": True, "stream_options": {"include_usage": True, **more_options}}
    return Encoded(path=PATH, body=body, dropped=foreign_settings(request.extras, NAME))


def relay_fields(body: JsonObject, model: str, *, stream_usage: bool) -> JsonObject:
    """See base.Relayable."""
    if not stream_usage:
        return {"model": model}
    asked = body.get("stream_options")
    return {"model": model, "stream_options": {**(asked if isinstance(asked, dict) else {}), "include_usage": True}}


def _encode_tool(tool: ToolSpec) -> JsonObject:
    function: JsonObject = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": tool.strict,
    }
    return {"type": "function", "function": {key: value for key, value in function.items() if value is not None}}


def _encode_tool_choice(choice: ToolChoice) -> Json:
    if choice.name is not None:
        return {"type": "function", "function": {"name": choice.name}}
    return choice.mode.value


def _encode_response_format(wanted: ResponseFormat) -> JsonObject:
    """The value of `response_format`; a schema has to have a name."""
    if wanted.kind != "json_schema":
        return {"type": wanted.kind} if wanted.schema is None else {"type": wanted.kind, "schema": wanted.schema}
    named: JsonObject = {
        "name": wanted.name or "answer",
        "description": wanted.description,
        "schema": wanted.schema,
        "strict": wanted.strict,
    }
    return {"type": "json_schema", "json_schema": {key: value for key, value in named.items() if value is not None}}
