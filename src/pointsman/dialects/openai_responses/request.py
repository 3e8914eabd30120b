"""Requests of Responses, both ways.

What the neutral form has no name for is kept in `extras["openai_responses"]` under its own name, parts of an object
under a dotted one (`reasoning.summary`), and given back. What this surface answers for itself (`store`, encrypted
reasoning) is kept under `ANSWERED_HERE`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.chat import NO_EXTRAS, ChatRequest, Message, ResponseFormat, Role, Sampling, Text
from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields, signatures
from pointsman.dialects.base import ANSWERED_HERE, Encoded, foreign_settings
from pointsman.dialects.openai_responses.content import NAME, own
from pointsman.dialects.openai_responses.items import INSTRUCTIONS, decode_input, encode_input
from pointsman.dialects.openai_responses.tools import (
    HOSTED,
    ToolNames,
    decode_tool_choice,
    decode_tools,
    encode_tool_choice,
    encode_tools,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.core.jsontypes import Json, JsonObject

PATH = "/responses"

_LOGPROBS = "message.output_text.logprobs"
_ENCRYPTED_REASONING = "reasoning.encrypted_content"
_NESTED = ("text", "reasoning", "stream_options")
_KNOWN = frozenset(
    (
        "model",
        "instructions",
        "input",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "text",
        "reasoning",
        "stream",
        "stream_options",
        "include",
        "store",
        "metadata",
        "user",
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "max_output_tokens",
        "stop",
        "seed",
        "frequency_penalty",
        "presence_penalty",
        "top_logprobs",
    )
)


def decode_chat(body: JsonObject) -> ChatRequest:
    """The neutral request; InvalidRequest names the path of what is wrong."""
    extras: JsonObject = {key: value for key, value in fields.others(body, _KNOWN).items() if value is not None}
    text = _nested(body, "text", ("format",), extras)
    reasoning = _nested(body, "reasoning", ("effort",), extras)
    _nested(body, "stream_options", (), extras)
    tools = decode_tools(body, extras)
    kept: JsonObject = {}
    includes_logprobs = _decode_include(body, extras, kept)
    store = fields.boolean(body, "store")
    if store is not None:
        kept["store"] = store
    stream = fields.boolean(body, "stream") or False
    user = fields.string(body, "user")
    return ChatRequest(
        model=fields.string(body, "model"),
        messages=_decode_messages(body, ToolNames.of(tools)),
        tools=tools,
        tool_choice=decode_tool_choice(body, extras, tools),
        parallel_tool_calls=fields.boolean(body, "parallel_tool_calls"),
        response_format=_decode_format(text, extras),
        sampling=_decode_sampling(body, logprobs=includes_logprobs),
        reasoning_effort=fields.string(reasoning, "effort", "reasoning"),
        stream=stream,
        stream_usage=stream,
        metadata=fields.mapping(body, "metadata") or {},
        user=fields.string(body, "safety_identifier") if user is None else user,
        extras={**own(extras), **({ANSWERED_HERE: kept} if kept else NO_EXTRAS)},
    )


def _nested(body: JsonObject, key: str, known: tuple[str, ...], extras: JsonObject) -> JsonObject:
    """The object at *key*; what is not *known* of it goes to *extras* under dotted names."""
    found = fields.mapping(body, key) or {}
    for name, value in fields.others(found, known).items():
        if value is not None:
            extras[f"{key}.{name}"] = value
    return found


def _decode_messages(body: JsonObject, names: ToolNames) -> tuple[Message, ...]:
    instructions = fields.string(body, "instructions")
    messages = decode_input(body, names)
    if not messages and not any(body.get(key) for key in ("previous_response_id", "conversation", "prompt")):
        raise InvalidRequest("input is missing or empty.", hint="Send a text or at least one item.", param="input")
    if instructions is None:
        return messages
    told = Message(role=Role.SYSTEM, parts=(Text(text=instructions),), extras=own({INSTRUCTIONS: True}))
    return (told, *messages)


def _decode_include(body: JsonObject, extras: JsonObject, kept: JsonObject) -> bool:
    """Whether log-probabilities are wanted."""
    wanted = fields.array(body, "include") or []
    if _ENCRYPTED_REASONING in wanted:
        kept["include"] = [_ENCRYPTED_REASONING]
    more = [name for name in wanted if name not in (_LOGPROBS, _ENCRYPTED_REASONING)]
    if more:
        extras["include"] = more
    return _LOGPROBS in wanted


def _decode_sampling(body: JsonObject, *, logprobs: bool) -> Sampling:
    return Sampling(
        temperature=fields.number(body, "temperature"),
        top_p=fields.number(body, "top_p"),
        top_k=fields.integer(body, "top_k"),
        min_p=fields.number(body, "min_p"),
        max_output_tokens=fields.integer(body, "max_output_tokens"),
        stop=fields.strings(body.get("stop"), "stop"),
        seed=fields.integer(body, "seed"),
        frequency_penalty=fields.number(body, "frequency_penalty"),
        presence_penalty=fields.number(body, "presence_penalty"),
        logprobs=logprobs or None,
        top_logprobs=fields.integer(body, "top_logprobs"),
    )


def _decode_format(text: JsonObject, extras: JsonObject) -> ResponseFormat | None:
    given = fields.mapping(text, "format", "text")
    if given is None:
        return None
    at = "text.format"
    kind = fields.required_string(given, "type", at)
    found: ResponseFormat | None = None
    if kind == "json_schema":
        found = ResponseFormat(
            kind=kind,
            schema=fields.mapping(given, "schema", at),
            name=fields.string(given, "name", at),
            description=fields.string(given, "description", at),
            strict=fields.boolean(given, "strict", at),
        )
    elif kind in {"text", "json_object"}:
        found = ResponseFormat(kind=kind)
    if found is None or encode_format(found) != {key: value for key, value in given.items() if value is not None}:
        extras[at] = given
    return found


def encode_chat(request: ChatRequest, model: str) -> Encoded:
    """*request* for *model*. The endpoint is to store nothing unless the caller said so."""
    extras = request.extras.get(NAME, {})
    kept = request.extras.get(ANSWERED_HERE, {})
    names = ToolNames.of(request.tools)
    told, messages = _split_instructions(request.messages)
    sampling = request.sampling
    wanted = request.response_format
    names_user = extras.get("safety_identifier") != request.user
    settings: JsonObject = {
        "instructions": told,
        "tools": encode_tools(request.tools, extras) or None,
        "tool_choice": None if request.tool_choice is None else encode_tool_choice(request.tool_choice, request.tools),
        "parallel_tool_calls": request.parallel_tool_calls,
        "user": request.user if names_user else None,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_output_tokens": sampling.max_output_tokens,
        "top_logprobs": sampling.top_logprobs,
        "metadata": request.metadata or None,
        "text": _with_dotted("format", None if wanted is None else encode_format(wanted), "text", extras),
        "reasoning": _with_dotted("effort", request.reasoning_effort, "reasoning", extras),
        "stream_options": _with_dotted("", None, "stream_options", extras),
        "include": _encode_include(request, extras, kept),
        "stream": request.stream or None,
    }
    body: JsonObject = {"model": model, "input": encode_input(messages, names), "store": kept.get("store", False)}
    body |= {key: value for key, value in settings.items() if value is not None}
    body |= {key: value for key, value in extras.items() if key != "include" and not _is_part(key)}
    return Encoded(path=PATH, body=body, dropped=(*_unsaid(request), *foreign_settings(request.extras, NAME)))


def _is_part(key: str) -> bool:
    return key.startswith(HOSTED) or key.partition(".")[0] in _NESTED


def _split_instructions(messages: tuple[Message, ...]) -> tuple[str | None, tuple[Message, ...]]:
    """What came as `instructions`, and the rest."""
    if messages and messages[0].extras.get(NAME, {}).get(INSTRUCTIONS):
        return messages[0].text, messages[1:]
    return None, messages


def _with_dotted(name: str, value: Json, key: str, extras: JsonObject) -> JsonObject | None:
    """The object *key*: *value* as its *name*, and the parts of it that *extras* keep; None when there is nothing."""
    begin = f"{key}."
    found: JsonObject = {} if value is None else {name: value}
    found |= {part.removeprefix(begin): given for part, given in extras.items() if part.startswith(begin)}
    return found or None


def _encode_include(request: ChatRequest, extras: JsonObject, kept: Mapping[str, Json]) -> Json:
    wanted: list[Json] = [_LOGPROBS] if request.sampling.logprobs else []
    for more in (kept.get("include"), extras.get("include")):
        wanted += more if isinstance(more, list) else []
    return wanted or None


def _unsaid(request: ChatRequest) -> tuple[str, ...]:
    """The settings that this API does not have."""
    sampling = request.sampling
    unsaid: dict[str, object] = {
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "stop": sampling.stop or None,
        "seed": sampling.seed,
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
        "n": sampling.n if sampling.n != 1 else None,
        "name": any(message.name is not None for message in request.messages) or None,
    }
    return tuple(name for name, value in unsaid.items() if value is not None)


def encode_format(wanted: ResponseFormat) -> JsonObject:
    """The value of `text.format`; a schema has to have a name."""
    if wanted.kind != "json_schema":
        return {"type": wanted.kind}
    named: JsonObject = {
        "name": wanted.name or "answer",
        "description": wanted.description,
        "schema": wanted.schema,
        "strict": wanted.strict,
    }
    return {"type": "json_schema", **{key: value for key, value in named.items() if value is not None}}


def relay_fields(body: JsonObject, model: str) -> JsonObject:
    """See base.Relayable: the model, and an input without the thinking of others' models."""
    items = body.get("input")
    if not isinstance(items, list):
        return {"model": model}
    kept: list[Json] = [item for item in items if not _is_foreign(item)]
    return {"model": model} if len(kept) == len(items) else {"model": model, "input": kept}


def _is_foreign(item: Json) -> bool:
    match item:
        case {"type": "reasoning", "encrypted_content": str(signature)}:
            return signatures.is_foreign(signature)
        case _:
            return False
