"""OpenAI's chat completions, as api.openai.com reads and answers them (platform.openai.com/docs/api-reference/chat)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tests.clients.upstream import mind
from tests.clients.upstream.mind import Prompt, Result, Tool, Turn
from tests.clients.upstream.openai_shown import READER, seen_in
from tests.clients.upstream.rules import Body, Refused, refuse_unless
from tests.e2e.wire import Call

TOP: Final = {
    "messages": "array",
    "model": "string",
    "audio": "object|null",
    "frequency_penalty": "number|null",
    "logit_bias": "object|null",
    "logprobs": "boolean|null",
    "max_completion_tokens": "integer|null",
    "max_tokens": "integer|null",
    "metadata": "object|null",
    "modalities": "array|null",
    "n": "integer|null",
    "parallel_tool_calls": "boolean",
    "prediction": "object|null",
    "presence_penalty": "number|null",
    "prompt_cache_key": "string",
    "prompt_cache_retention": "string|null",
    "reasoning_effort": "string|null",
    "response_format": "object",
    "safety_identifier": "string",
    "seed": "integer|null",
    "service_tier": "string|null",
    "stop": "string|array|null",
    "store": "boolean|null",
    "stream": "boolean|null",
    "stream_options": "object|null",
    "temperature": "number|null",
    "tool_choice": "string|object",
    "tools": "array",
    "top_k": "integer",  # this and the next two: of other servers of this shape
    "min_p": "number",
    "reasoning": "object",
    "top_logprobs": "integer|null",
    "top_p": "number|null",
    "user": "string",
    "verbosity": "string|null",
    "web_search_options": "object",
}
_MESSAGES: Final = {
    "system": {"content": "string|array", "name": "string"},
    "developer": {"content": "string|array", "name": "string"},
    "user": {"content": "string|array", "name": "string"},
    "assistant": {
        "content": "string|array|null",
        "name": "string",
        "refusal": "string|null",
        "audio": "object|null",
        "tool_calls": "array",
        "function_call": "object|null",
        "annotations": "array",
        "reasoning_content": "string|null",  # of other servers of this shape; the gateway knows that OpenAI's is not
    },
    "tool": {"content": "string|array", "tool_call_id": "string", "name": "string"},
}
_PARTS: Final = {
    "text": {"text": "string"},
    "refusal": {"refusal": "string"},
    "image_url": {"image_url": "object"},
    "input_audio": {"input_audio": "object"},
    "file": {"file": "object"},
}
_SAYABLE: Final = {
    "system": {"text"},
    "developer": {"text"},
    "user": {"text", "image_url", "input_audio", "file"},
    "assistant": {"text", "refusal"},
    "tool": {"text"},
}
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", None)
_SILENT: Final = ("none", None)
_LONGEST_ID: Final = 40
_ENDS: Final = {"stop": "stop", "length": "length", "calls": "tool_calls", "filter": "content_filter"}


def hear(call: Call) -> Prompt:
    """The prompt in a request's body; Refused where the API would refuse it."""
    body = READER.shape(call.body, "", TOP, ("messages", "model"))
    messages = body["messages"]
    refuse_unless(messages, "Invalid 'messages': empty array. Expected an array with minimum length 1.")
    names = _check_messages(messages)
    tools = [_tool(tool, index) for index, tool in enumerate(body.get("tools", []))]
    refuse_unless(body.get("tools") != [], "Invalid 'tools': empty array. Expected an array with minimum length 1.")
    for needing in ("tool_choice", "parallel_tool_calls"):
        refuse_unless(needing not in body or tools, f"'{needing}' is only allowed when 'tools' are specified.")
    refuse_unless(
        not body.get("stream_options") or body.get("stream"),
        "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
    )
    refuse_unless(
        not body.get("metadata") or body.get("store"), "The 'metadata' parameter is only allowed when 'store' is on."
    )
    READER.one_of(body.get("reasoning_effort"), "reasoning_effort", _EFFORTS)
    latest = messages[_after_assistant(messages) :]
    form = _response_format(body, messages)
    stops = body.get("stop") or []
    refuse_unless(len(stops) <= 4 or isinstance(stops, str), "Invalid 'stop': array too long. Expected at most 4.")
    return Prompt(
        model=body["model"],
        text="\n".join(_text(message) for message in latest if message["role"] == "user"),
        system="\n".join(_text(message) for message in messages if message["role"] in {"system", "developer"}),
        seen=tuple(seen for message in latest for seen in seen_in(message)),
        results=tuple(
            Result(name=names[message["tool_call_id"]], text=_text(message))
            for message in latest
            if message["role"] == "tool"
        ),
        tools=tuple(tools),
        choice=_choice(body, tools),
        is_parallel=body.get("parallel_tool_calls", True),
        schema=form.get("schema"),
        is_json=form.get("type") == "json_object",
        is_thinking=body.get("reasoning_effort") not in _SILENT,
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        stops=tuple([stops] if isinstance(stops, str) else stops),
        is_stream=bool(body.get("stream")),
        is_counted=(body.get("stream_options") or {}).get("include_usage", False),
        count=body.get("n") or 1,
    )


def _check_messages(messages: Sequence[Any]) -> Mapping[str, str]:
    """Roles, parts, and each tool call answered at once; the names of all calls by their ids."""
    names: dict[str, str] = {}
    waiting: set[str] = set()
    for index, message in enumerate(messages):
        path = f"messages[{index}]"
        role = message.get("role") if isinstance(message, dict) else None
        READER.one_of(role, f"{path}.role", tuple(_MESSAGES))
        READER.shape(message, path, {"role": "string", **_MESSAGES[role or "user"]})
        if role == "tool":
            refuse_unless(
                message.get("tool_call_id") in waiting,
                f"Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
                f"'tool_calls': {path}",
            )
            waiting.discard(message["tool_call_id"])
        else:
            refuse_unless(
                not waiting,
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
                f"'tool_call_id'. These have no answer: {', '.join(sorted(waiting))}",
            )
        for one in message.get("tool_calls", []):
            names[_tool_call(one, path)] = one["function"]["name"]
            waiting.add(one["id"])
        _check_content(message, role or "", path)
    refuse_unless(not waiting, f"These tool_call_ids have no answer: {', '.join(sorted(waiting))}")
    return names


def _check_content(message: Body, role: str, path: str) -> None:
    content = message.get("content")
    if content is None:
        needed = role != "assistant" or not (message.get("tool_calls") or message.get("refusal"))
        refuse_unless(not needed, f"Invalid value for 'content': expected a string, got null: {path}.content")
        return
    if isinstance(content, str):
        return
    refuse_unless(content, f"Invalid '{path}.content': empty array. Expected an array with minimum length 1.")
    for place, part in enumerate(content):
        where = f"{path}.content[{place}]"
        kind = part.get("type") if isinstance(part, dict) else None
        READER.one_of(kind, f"{where}.type", sorted(_SAYABLE[role]))
        READER.shape(part, where, {"type": "string", **_PARTS[kind or "text"]}, tuple(_PARTS[kind or "text"]))


def _tool_call(call: object, path: str) -> str:
    given = READER.shape(
        call, f"{path}.tool_calls", {"id": "string", "type": "string", "function": "object", "extra_content": "object"}
    )
    for name in ("id", "type", "function"):
        refuse_unless(name in given, f"Missing required parameter: '{path}.tool_calls[0].{name}'.")
    refuse_unless(given["type"] == "function", f"Invalid value: '{given['type']}'. Supported values are: 'function'.")
    READER.shape(given["function"], f"{path}.tool_calls.function", _CALL, tuple(_CALL))
    refuse_unless(
        len(given["id"]) <= _LONGEST_ID,
        f"Invalid '{path}.tool_calls[0].id': string too long. Expected a string with maximum length {_LONGEST_ID}.",
    )
    _check_name(given["function"]["name"], f"{path}.tool_calls[0].function.name")
    return str(given["id"])


_CALL: Final = {"name": "string", "arguments": "string"}


def _check_name(name: str, path: str) -> None:
    refuse_unless(
        _NAME.fullmatch(name),
        f"Invalid '{path}': string does not match pattern. Expected a string that matches '^[a-zA-Z0-9_-]+$'.",
    )


def _tool(tool: object, index: int) -> Tool:
    path = f"tools[{index}]"
    given = READER.shape(tool, path, {"type": "string", "function": "object"}, ("type", "function"))
    READER.one_of(given["type"], f"{path}.type", ("function",))
    known = {"name": "string", "description": "string", "parameters": "object", "strict": "boolean|null"}
    function = READER.shape(given["function"], f"{path}.function", known, ("name",))
    _check_name(function["name"], f"{path}.function.name")
    schema = function.get("parameters", {})
    refuse_unless(
        not schema or schema.get("type") == "object",
        f"Invalid schema for function '{function['name']}': schema must be a JSON Schema of 'type: \"object\"'.",
    )
    if function.get("strict"):
        check_strict(schema, f"Invalid schema for function '{function['name']}'")
    return Tool(name=function["name"], schema=schema)


def check_strict(schema: Mapping[str, Any], what: str) -> None:
    """Strict mode: every object closed, and all of its properties required."""
    if schema.get("type") == "object":
        refuse_unless(
            schema.get("additionalProperties") is False,
            f"{what}: 'additionalProperties' is required to be supplied and to be false.",
        )
        properties = schema.get("properties", {})
        refuse_unless(
            set(schema.get("required", [])) == set(properties),
            f"{what}: 'required' is required to be supplied and to be an array including every key in properties.",
        )
    nested = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values(), *schema.get("anyOf", [])]
    for inner in [*nested, *([schema["items"]] if isinstance(schema.get("items"), dict) else [])]:
        check_strict(inner, what)


def _choice(body: Body, tools: Sequence[Tool]) -> str:
    choice = body.get("tool_choice", "auto")
    if isinstance(choice, str):
        READER.one_of(choice, "tool_choice", ("none", "auto", "required"))
        return "any" if choice == "required" else choice
    READER.shape(choice, "tool_choice", {"type": "string", "function": "object"}, ("type", "function"))
    name = READER.shape(choice["function"], "tool_choice.function", {"name": "string"}, ("name",))["name"]
    READER.one_of(name, "tool_choice.function.name", [tool.name for tool in tools])
    return str(name)


def _response_format(body: Body, messages: Sequence[Any]) -> Body:
    form: Body = body.get("response_format", {"type": "text"})
    READER.shape(form, "response_format", {"type": "string", "json_schema": "object"}, ("type",))
    READER.one_of(form["type"], "response_format.type", ("text", "json_object", "json_schema"))
    if form["type"] == "json_object":
        refuse_unless(
            "json" in json.dumps(messages).lower(),
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
        )
    if form["type"] != "json_schema":
        return form
    known = {"name": "string", "schema": "object", "strict": "boolean|null", "description": "string"}
    given = READER.shape(form.get("json_schema"), "response_format.json_schema", known, ("name", "schema"))
    _check_name(given["name"], "response_format.json_schema.name")
    if given.get("strict"):
        check_strict(given["schema"], f"Invalid schema for response_format '{given['name']}'")
    return {"type": form["type"], "schema": given["schema"]}


def _after_assistant(messages: Sequence[Body]) -> int:
    return max((place + 1 for place, message in enumerate(messages) if message["role"] == "assistant"), default=0)


def _text(message: Body) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def say(turn: Turn, prompt: Prompt, number: int) -> Body:
    """The whole answer."""
    message: Body = {"role": "assistant", "content": turn.text or None, "refusal": None, "annotations": []}
    if turn.thinking:
        message["reasoning_content"] = turn.thinking
    if turn.calls:
        message["tool_calls"] = [_call(turn, number, place) for place in range(len(turn.calls))]
    choices = [
        {"index": index, "message": message, "logprobs": None, "finish_reason": _ENDS[turn.end]}
        for index in range(prompt.count)
    ]
    return {**_named(prompt, number, "chat.completion"), "choices": choices, "usage": usage(turn)}


def stream(turn: Turn, prompt: Prompt, number: int) -> Iterator[bytes]:
    """The answer in chunks: the usage in a last one of its own, as it is only when asked for."""
    for index in range(prompt.count):
        for delta in _deltas(turn, number):
            yield event(_chunk(prompt, number, {"index": index, "delta": delta, "finish_reason": None}))
        yield event(_chunk(prompt, number, {"index": index, "delta": {}, "finish_reason": _ENDS[turn.end]}))
    if prompt.is_counted:
        yield event({**_chunk(prompt, number), "usage": usage(turn)})
    yield b"data: [DONE]\n\n"


def event(value: object) -> bytes:
    """A nameless event."""
    return f"data: {json.dumps(value)}\n\n".encode()


def _deltas(turn: Turn, number: int) -> Iterator[Body]:
    yield {"role": "assistant", "content": None if turn.calls else "", "refusal": None}
    if turn.thinking:
        yield {"reasoning_content": turn.thinking}
    for word in turn.words:
        yield {"content": word}
    for place, call in enumerate(turn.calls):
        whole = _call(turn, number, place)
        half = len(call.text) // 2
        yield {"tool_calls": [{"index": place, **whole, "function": {"name": call.name, "arguments": ""}}]}
        for piece in (call.text[:half], call.text[half:]):
            yield {"tool_calls": [{"index": place, "function": {"arguments": piece}}]}


def _call(turn: Turn, number: int, place: int) -> Body:
    call = turn.calls[place]
    function = {"name": call.name, "arguments": call.text}
    return {"id": f"call_{number:08d}{place:02d}", "type": "function", "function": function}


def _named(prompt: Prompt, number: int, kind: str) -> Body:
    return {
        "id": f"chatcmpl-{number:08d}",
        "object": kind,
        "created": 1_700_000_000 + number,
        "model": prompt.model,
        "service_tier": "default",
        "system_fingerprint": "fp_scripted",
    }


def _chunk(prompt: Prompt, number: int, *choices: Body) -> Body:
    return {**_named(prompt, number, "chat.completion.chunk"), "choices": list(choices)}


def usage(turn: Turn) -> Body:
    """What it cost."""
    return {
        "prompt_tokens": mind.INPUT_TOKENS,
        "completion_tokens": mind.OUTPUT_TOKENS,
        "total_tokens": mind.INPUT_TOKENS + mind.OUTPUT_TOKENS,
        "prompt_tokens_details": {"cached_tokens": mind.CACHED_TOKENS, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": turn.reasoning_tokens, "audio_tokens": 0},
    }


def refuse(error: Refused) -> Body:
    """The error's body."""
    kinds = {401: "authentication_error", 429: "rate_limit_error", 500: "server_error"}
    kind = kinds.get(error.status, "invalid_request_error")
    return {"error": {"message": error.message, "type": kind, "param": None, "code": error.code}}
