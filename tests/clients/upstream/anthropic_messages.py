"""Anthropic's Messages, as api.anthropic.com reads and answers them (docs.anthropic.com/en/api/messages)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tests.clients.upstream import mind
from tests.clients.upstream.anthropic_check import CACHED, NAME, READER, SEAL, blocks, check_block, check_conversation
from tests.clients.upstream.mind import Prompt, Result, Tool, Turn
from tests.clients.upstream.rules import Body, Refused, refuse_unless
from tests.e2e.wire import Call

TOP: Final = {
    "model": "string",
    "messages": "array",
    "max_tokens": "integer",
    "system": "string|array",
    "metadata": "object|null",
    "stop_sequences": "array",
    "stream": "boolean",
    "temperature": "number",
    "top_k": "integer",
    "top_p": "number",
    "tools": "array",
    "tool_choice": "object",
    "thinking": "object",
    "output_config": "object|null",
    "service_tier": "string",
    "container": "string|object|null",
    "inference_geo": "string|null",
    "cache_control": "object|null",
}
_COUNT: Final = ("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control")
_TOOL: Final = {
    "type": "string|null",
    "name": "string",
    "description": "string",
    "input_schema": "object",
    "strict": "boolean",
    "eager_input_streaming": "boolean|null",
    "defer_loading": "boolean",
    "allowed_callers": "array",
    "input_examples": "array",
    **CACHED,
}
_ENDS: Final = {"stop": "end_turn", "length": "max_tokens", "calls": "tool_use", "filter": "refusal"}
_MOST_THOUGHT: Final = 1024


def hear(call: Call) -> Prompt:
    """The prompt in a request's body; Refused where the API would refuse it."""
    check_headers(call)
    body = READER.shape(call.body, "", TOP, ("model", "max_tokens", "messages"))
    refuse_unless(body["max_tokens"] >= 1, "max_tokens: Input should be greater than or equal to 1")
    return _prompt(body)


def count(call: Call) -> Body:
    """How many tokens a request has."""
    check_headers(call)
    _prompt(READER.shape(call.body, "", {name: TOP[name] for name in _COUNT}, ("model", "messages")))
    return {"input_tokens": mind.INPUT_TOKENS}


def check_headers(call: Call) -> None:
    """A key and the API's version."""
    has_key = call.headers.get("x-api-key") or call.headers.get("authorization", "").startswith("Bearer ")
    if not has_key:
        raise Refused("x-api-key header is required", status=401)
    refuse_unless("anthropic-version" in call.headers, "anthropic-version: header is required")


def _prompt(body: Body) -> Prompt:
    thinking = _thinking(body)
    alternates = "alternating" in body["model"]  # as where the API is sold by others; its own joins such turns
    names = check_conversation(body["messages"], is_thinking=thinking == "enabled", alternates=alternates)
    tools = [_tool(tool, index) for index, tool in enumerate(body.get("tools", []))]
    _check_settings(body, is_thinking=thinking != "disabled")
    choice = _choice(body, tools)
    refuse_unless(
        thinking != "enabled" or choice in {"auto", "none"},
        "Thinking may not be enabled when tool_choice forces tool use.",
    )
    latest = _latest(body["messages"])
    return Prompt(
        model=body["model"],
        text="\n".join(block["text"] for block in latest if block["type"] == "text"),
        system=_system(body.get("system", "")),
        seen=tuple(_seen(block["source"]) for block in latest if "source" in block),
        results=tuple(_result(block, names) for block in latest if block["type"] == "tool_result"),
        tools=tuple(tools),
        choice=choice,
        is_parallel=not body.get("tool_choice", {}).get("disable_parallel_tool_use", False),
        schema=_schema(body.get("output_config") or {}),
        is_thinking=thinking in {"enabled", "adaptive"},
        max_tokens=body.get("max_tokens"),
        stops=tuple(body.get("stop_sequences", ())),
        is_stream=body.get("stream", False),
    )


def _thinking(body: Body) -> str:
    thinking = body.get("thinking", {"type": "disabled"})
    known = {"type": "string", "budget_tokens": "integer", "display": "string|null"}
    READER.shape(thinking, "thinking", known, ("type",))
    READER.one_of(thinking["type"], "thinking.type", ("enabled", "disabled", "adaptive"))
    if thinking["type"] == "enabled":
        budget = thinking.get("budget_tokens", 0)
        refuse_unless(budget >= _MOST_THOUGHT, "thinking.enabled.budget_tokens: Input should be at least 1024")
        refuse_unless(
            budget < body.get("max_tokens", budget + 1), "`max_tokens` must be greater than `thinking.budget_tokens`."
        )
    return str(thinking["type"])


def _check_settings(body: Body, *, is_thinking: bool) -> None:
    temperature = body.get("temperature", 1)
    refuse_unless(0 <= temperature <= 1, "temperature: range: 0..1")
    refuse_unless(not is_thinking or temperature == 1, "`temperature` may only be set to 1 when thinking is enabled.")
    refuse_unless(not is_thinking or "top_k" not in body, "`top_k` must be unset when thinking is enabled.")
    READER.shape(body.get("metadata") or {}, "metadata", {"user_id": "string|null"})
    for index, stop in enumerate(body.get("stop_sequences", ())):
        refuse_unless(isinstance(stop, str) and stop.strip(), f"stop_sequences.{index}: must contain non-whitespace")


def _schema(config: Body) -> Body | None:
    known = {"effort": "string|null", "format": "object|null", "task_budget": "object|null"}
    READER.shape(config, "output_config", known)
    READER.one_of(config.get("effort"), "output_config.effort", (None, "low", "medium", "high", "xhigh", "max"))
    form = config.get("format")
    if form is None:
        return None
    READER.shape(form, "output_config.format", {"type": "string", "schema": "object"}, ("type", "schema"))
    READER.one_of(form["type"], "output_config.format.type", ("json_schema",))
    _check_closed(form["schema"])
    schema: Body = form["schema"]
    return schema


def _check_closed(schema: Mapping[str, Any]) -> None:
    """Structured output wants every object closed."""
    if schema.get("type") == "object":
        refuse_unless(
            schema.get("additionalProperties") is False,
            "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false",
        )
    nested = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values(), *schema.get("anyOf", [])]
    for inner in [*nested, *([schema["items"]] if isinstance(schema.get("items"), dict) else [])]:
        _check_closed(inner)


def _tool(tool: object, index: int) -> Tool:
    path = f"tools.{index}"
    given = READER.shape(tool, path, _TOOL, ("name", "input_schema"))
    READER.one_of(given.get("type"), f"{path}.type", (None, "custom"))
    refuse_unless(NAME.fullmatch(given["name"]), f"{path}.name: String should match pattern '^{NAME.pattern}$'")
    refuse_unless(given["input_schema"].get("type") == "object", f"{path}.input_schema.type: Input should be 'object'")
    return Tool(name=given["name"], schema=given["input_schema"])


def _choice(body: Body, tools: Sequence[Tool]) -> str:
    choice = body.get("tool_choice", {"type": "auto"})
    refuse_unless("tool_choice" not in body or tools, "tool_choice may only be specified while providing tools.")
    known = {"type": "string", "name": "string", "disable_parallel_tool_use": "boolean"}
    READER.shape(choice, "tool_choice", known, ("type",))
    READER.one_of(choice["type"], "tool_choice.type", ("auto", "any", "tool", "none"))
    if choice["type"] != "tool":
        return str(choice["type"])
    named = [tool.name for tool in tools]
    refuse_unless(choice.get("name") in named, f"Tool '{choice.get('name')}' not found in provided tools")
    return str(choice["name"])


def _system(system: str | list[Body]) -> str:
    if isinstance(system, str):
        return system
    for index, block in enumerate(system):
        check_block(block, f"system.{index}", ("text",))
    return "\n".join(block["text"] for block in system)


def _latest(messages: Sequence[Body]) -> list[Body]:
    return blocks(messages[-1]["content"]) if messages[-1]["role"] == "user" else []


def _seen(source: Body) -> str:
    match source["type"]:
        case "base64":
            return mind.media(source["media_type"], source["data"])
        case "url":
            return f"image at {source['url']}"
        case "text":
            return f"text/plain {source['data']}"
        case _:
            return f"file {source.get('file_id')}"


def _result(block: Body, names: Mapping[str, str]) -> Result:
    inner = blocks(block.get("content", ""))
    text = "".join(one["text"] if one["type"] == "text" else f"[{_seen(one['source'])}]" for one in inner)
    return Result(name=names[block["tool_use_id"]], text=f"error: {text}" if block.get("is_error") else text)


def say(turn: Turn, prompt: Prompt, number: int) -> Body:
    """The whole answer."""
    return {**_message(turn, prompt, number), "content": _content(turn, number), "usage": _usage(turn)}


def _message(turn: Turn, prompt: Prompt, number: int) -> Body:
    return {
        "id": f"msg_{number:08d}",
        "type": "message",
        "role": "assistant",
        "model": prompt.model,
        "content": [],
        "container": None,
        "context_management": None,
        "diagnostics": None,
        "stop_reason": "stop_sequence" if turn.stopped_at else _ENDS[turn.end],
        "stop_sequence": turn.stopped_at,
        "stop_details": None,
    }


def _content(turn: Turn, number: int) -> list[Body]:
    found: list[Body] = []
    if turn.thinking:
        found.append({"type": "thinking", "thinking": turn.thinking, "signature": f"{SEAL}{number}"})
    if turn.text:
        found.append({"type": "text", "text": turn.text, "citations": None})
    for place, call in enumerate(turn.calls):
        identity = f"toolu_{number:08d}{place:02d}"
        found.append(
            {
                "type": "tool_use",
                "id": identity,
                "name": call.name,
                "input": call.arguments,
                "caller": {"type": "direct"},
            }
        )
    return found


def _usage(turn: Turn) -> Body:
    return {
        "input_tokens": mind.INPUT_TOKENS - mind.CACHED_TOKENS - mind.WRITTEN_TOKENS,
        "cache_creation_input_tokens": mind.WRITTEN_TOKENS,
        "cache_read_input_tokens": mind.CACHED_TOKENS,
        "cache_creation": {"ephemeral_5m_input_tokens": mind.WRITTEN_TOKENS, "ephemeral_1h_input_tokens": 0},
        "output_tokens": mind.OUTPUT_TOKENS,
        "output_tokens_details": {"thinking_tokens": turn.reasoning_tokens},
        "server_tool_use": None,
        "service_tier": "standard",
        "inference_geo": "global",
    }


def stream(turn: Turn, prompt: Prompt, number: int) -> Iterator[bytes]:
    """The answer as events; the stop reason and what it cost come near the end."""
    message = {**_message(turn, prompt, number), "stop_reason": None, "stop_sequence": None}
    yield _event("message_start", message={**message, "usage": {**_usage(turn), "output_tokens": 1}})
    for index, block in enumerate(_content(turn, number)):
        yield from _block(index, block, turn)
        if index == 0:
            yield _event("ping")
    whole = _message(turn, prompt, number)
    delta = {name: whole[name] for name in ("stop_reason", "stop_sequence", "container", "stop_details")}
    yield _event("message_delta", delta=delta, usage=_usage(turn))
    yield _event("message_stop")


def _block(index: int, block: Body, turn: Turn) -> Iterator[bytes]:
    deltas: list[Body]
    match block["type"]:
        case "text":
            begun = {"text": ""}
            deltas = [{"type": "text_delta", "text": word} for word in turn.words]
        case "thinking":
            begun = {"thinking": "", "signature": ""}
            deltas = [
                {"type": "thinking_delta", "thinking": block["thinking"]},
                {"type": "signature_delta", "signature": block["signature"]},
            ]
        case _:
            begun = {"input": {}}  # type: ignore[dict-item]
            text = json.dumps(block["input"], ensure_ascii=False)
            halves = ["", text[: len(text) // 2], text[len(text) // 2 :]]
            deltas = [{"type": "input_json_delta", "partial_json": half} for half in halves]
    yield _event("content_block_start", index=index, content_block={**block, **begun})
    for delta in deltas:
        yield _event("content_block_delta", index=index, delta=delta)
    yield _event("content_block_stop", index=index)


def _event(kind: str, **fields: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def refuse(error: Refused) -> Body:
    """The error's body."""
    kinds = {
        401: "authentication_error",
        404: "not_found_error",
        429: "rate_limit_error",
        500: "api_error",
        529: "overloaded_error",
    }
    kind = kinds.get(error.status, "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": error.message}, "request_id": "req_scripted"}


def models(names: list[str]) -> Body:
    """The list of models."""
    rows = [{"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"} for name in names]
    return {"data": rows, "has_more": False, "first_id": names[0], "last_id": names[-1]}
