"""OpenAI's Responses, as api.openai.com reads and answers them (platform.openai.com/docs/api-reference/responses)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from tests.clients.upstream import mind
from tests.clients.upstream.mind import Prompt, Result, Tool, Turn
from tests.clients.upstream.openai_chat import check_strict
from tests.clients.upstream.openai_shown import image
from tests.clients.upstream.responses_items import OUTPUTS, READER, SEAL, read_items
from tests.clients.upstream.rules import Body, refuse_unless
from tests.e2e.wire import Call

TOP: Final = {
    "input": "string|array",
    "model": "string",
    "background": "boolean|null",
    "client_metadata": "object|null",
    "context_management": "array|null",
    "conversation": "string|object|null",
    "include": "array|null",
    "instructions": "string|null",
    "max_output_tokens": "integer|null",
    "max_tool_calls": "integer|null",
    "metadata": "object|null",
    "parallel_tool_calls": "boolean|null",
    "previous_response_id": "string|null",
    "prompt": "object|null",
    "prompt_cache_key": "string",
    "prompt_cache_retention": "string|null",
    "reasoning": "object|null",
    "safety_identifier": "string",
    "service_tier": "string|null",
    "store": "boolean|null",
    "stream": "boolean|null",
    "stream_options": "object|null",
    "temperature": "number|null",
    "text": "object",
    "tool_choice": "string|object",
    "tools": "array",
    "top_logprobs": "integer|null",
    "top_p": "number|null",
    "truncation": "string|null",
    "user": "string",
}
_INCLUDES: Final = (
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
    "message.input_image.image_url",
    "web_search_call.action.sources",
    "file_search_call.results",
)
_FEWEST: Final = 16
_ENDS: Final = {"length": "max_output_tokens", "filter": "content_filter"}


def hear(call: Call) -> Prompt:
    """The prompt in a request's body; Refused where the API would refuse it."""
    body = READER.shape(call.body, "", TOP, ("input", "model"))
    items = read_items(body["input"])
    refuse_unless(
        not body.get("previous_response_id"), "Previous response not found.", code="previous_response_not_found"
    )
    limit = body.get("max_output_tokens")
    refuse_unless(
        limit is None or limit >= _FEWEST,
        f"Invalid 'max_output_tokens': integer below minimum value. Expected a value >= {_FEWEST}.",
    )
    for name in body.get("include") or ():
        READER.one_of(name, "include", _INCLUDES)
    tools = [_tool(tool, index) for index, tool in enumerate(body.get("tools", []))]
    reasoning = READER.shape(
        body.get("reasoning") or {},
        "reasoning",
        {"effort": "string|null", "summary": "string|null", "generate_summary": "string|null"},
    )
    efforts = (None, "none", "minimal", "low", "medium", "high", "xhigh")
    READER.one_of(reasoning.get("effort"), "reasoning.effort", efforts)
    form = _format(body, items)
    latest = _latest(items)
    names = {item["call_id"]: item["name"] for item in items if "name" in item}
    return Prompt(
        model=body["model"],
        text="\n".join(_text(item["content"]) for item in latest if item.get("role") == "user"),
        system="\n".join(_told(body, items)),
        seen=tuple(seen for item in latest if item["type"] == "message" for seen in _seen(item["content"])),
        results=tuple(
            Result(name=names[item["call_id"]], text=_text(item["output"]))
            for item in latest
            if item["type"] in OUTPUTS
        ),
        tools=tuple(tools),
        choice=_choice(body, tools),
        is_parallel=body.get("parallel_tool_calls") is not False,
        schema=form.get("schema"),
        is_json=form.get("type") == "json_object",
        is_thinking=reasoning.get("effort") not in (None, "none"),
        max_tokens=limit,
        is_stream=bool(body.get("stream")),
    )


def _told(body: Body, items: Sequence[Body]) -> Iterator[str]:
    if body.get("instructions"):
        yield body["instructions"]
    yield from (_text(item["content"]) for item in items if item.get("role") in {"system", "developer"})


def _latest(items: Sequence[Body]) -> Sequence[Body]:
    """What came since the model spoke last."""
    kinds = ("function_call", "custom_tool_call", "reasoning")
    spoke = [index for index, item in enumerate(items) if item["type"] in kinds or item.get("role") == "assistant"]
    return items[max(spoke, default=-1) + 1 :]


def _tool(tool: object, index: int) -> Tool:
    path = f"tools[{index}]"
    known = {
        "type": "string",
        "name": "string",
        "description": "string|null",
        "parameters": "object|null",
        "strict": "boolean|null",
    }
    given = READER.shape(tool, path, known, ("type", "name", "parameters"))
    READER.one_of(given["type"], f"{path}.type", ("function",))
    schema = given["parameters"] or {}
    refuse_unless(
        not schema or schema.get("type") == "object", f"Invalid schema for function '{given['name']}': not an object."
    )
    if given.get("strict"):
        check_strict(schema, f"Invalid schema for function '{given['name']}'")
    return Tool(name=given["name"], schema=schema)


def _choice(body: Body, tools: Sequence[Tool]) -> str:
    choice: Any = body.get("tool_choice", "auto")
    if isinstance(choice, str):
        READER.one_of(choice, "tool_choice", ("none", "auto", "required"))
        refuse_unless(choice != "required" or tools, "Tool choice 'required' must be specified with 'tools' parameter.")
        return "any" if choice == "required" else choice
    READER.shape(choice, "tool_choice", {"type": "string", "name": "string"}, ("type", "name"))
    READER.one_of(choice["name"], "tool_choice.name", [tool.name for tool in tools])
    return str(choice["name"])


def _format(body: Body, items: Sequence[Body]) -> Body:
    text = READER.shape(body.get("text", {}), "text", {"format": "object", "verbosity": "string|null"})
    known = {
        "type": "string",
        "name": "string",
        "schema": "object",
        "strict": "boolean|null",
        "description": "string|null",
    }
    form = READER.shape(text.get("format", {"type": "text"}), "text.format", known, ("type",))
    READER.one_of(form["type"], "text.format.type", ("text", "json_object", "json_schema"))
    if form["type"] == "json_object":
        refuse_unless("json" in json.dumps(items).lower(), "Response input messages must contain the word 'json'.")
    if form["type"] == "json_schema":
        READER.shape(form, "text.format", known, ("name", "schema"))
        if form.get("strict"):
            check_strict(form["schema"], f"Invalid schema for response_format '{form['name']}'")
    return form


def _text(content: str | list[Body]) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _seen(content: str | list[Body]) -> Iterator[str]:
    for part in [] if isinstance(content, str) else content:
        if part["type"] == "input_image":
            yield image(part["image_url"], "Invalid 'input_image.image_url'")
        if part["type"] == "input_file":
            refuse_unless("filename" in part or "file_data" not in part, "Missing required parameter: 'filename'.")
            head, _, data = part.get("file_data", "").partition(";base64,")
            yield mind.media(head.removeprefix("data:"), data) if data else f"file {part.get('file_url')}"


def say(turn: Turn, prompt: Prompt, number: int, body: Body) -> Body:
    """The whole answer to the request *body*, much of which it repeats."""
    return _response(turn, body, number, output=_output(turn, number), status=_status(turn))


def _status(turn: Turn) -> str:
    return "incomplete" if turn.end in _ENDS else "completed"


def _response(turn: Turn, body: Body, number: int, *, output: list[Body], status: str) -> Body:
    is_over = status != "in_progress"
    reason = _ENDS.get(turn.end) if is_over else None
    reasoning = body.get("reasoning") or {}
    text = body.get("text", {})
    tools = [{"strict": True, "description": None, **tool} for tool in body.get("tools", [])]
    return {
        "id": f"resp_{number:08d}",
        "object": "response",
        "created_at": 1_700_000_000 + number,
        "completed_at": 1_700_000_001 + number if status == "completed" else None,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "max_tool_calls": body.get("max_tool_calls"),
        "model": body["model"],
        "output": output,
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "previous_response_id": None,
        "prompt_cache_key": body.get("prompt_cache_key"),
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "safety_identifier": body.get("safety_identifier"),
        "service_tier": "default",
        "store": body.get("store") is not False,
        "temperature": body.get("temperature", 1.0),
        "text": {"format": text.get("format", {"type": "text"}), "verbosity": text.get("verbosity", "medium")},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": tools,
        "top_logprobs": body.get("top_logprobs") or 0,
        "top_p": body.get("top_p", 1.0),
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "truncation": body.get("truncation") or "disabled",
        "usage": _usage(turn) if is_over else None,
        "user": body.get("user"),
        "metadata": body.get("metadata") or {},
    }


def _output(turn: Turn, number: int) -> list[Body]:
    found: list[Body] = []
    if turn.thinking:
        summary = [{"type": "summary_text", "text": turn.thinking}]
        seal = f"{SEAL}{number}"
        found.append({"id": f"rs_{number:08d}", "type": "reasoning", "summary": summary, "encrypted_content": seal})
    if turn.text:
        part = {"type": "output_text", "text": turn.text, "annotations": [], "logprobs": []}
        status = "incomplete" if turn.end in _ENDS else "completed"
        found.append(
            {"id": f"msg_{number:08d}", "type": "message", "role": "assistant", "status": status, "content": [part]}
        )
    for place, call in enumerate(turn.calls):
        identity = f"{number:08d}{place:02d}"
        found.append(
            {
                "id": f"fc_{identity}",
                "type": "function_call",
                "status": "completed",
                "call_id": f"call_{identity}",
                "name": call.name,
                "arguments": call.text,
            }
        )
    return found


def _usage(turn: Turn) -> Body:
    return {
        "input_tokens": mind.INPUT_TOKENS,
        "input_tokens_details": {"cached_tokens": mind.CACHED_TOKENS},
        "output_tokens": mind.OUTPUT_TOKENS,
        "output_tokens_details": {"reasoning_tokens": turn.reasoning_tokens},
        "total_tokens": mind.INPUT_TOKENS + mind.OUTPUT_TOKENS,
    }


def stream(turn: Turn, prompt: Prompt, number: int, body: Body) -> Iterator[bytes]:
    """The answer as numbered events."""
    for sequence, (kind, fields) in enumerate(_events(turn, number, body)):
        value = {"type": kind, "sequence_number": sequence, **fields}
        yield f"event: {kind}\ndata: {json.dumps(value)}\n\n".encode()


_Event = tuple[str, Body]


def _events(turn: Turn, number: int, body: Body) -> Iterator[_Event]:
    begun = _response(turn, body, number, output=[], status="in_progress")
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    output = _output(turn, number)
    for place, item in enumerate(output):
        yield from _item(place, item, turn)
    status = _status(turn)
    whole = _response(turn, body, number, output=output, status=status)
    yield f"response.{status}", {"response": whole}


def _item(place: int, item: Body, turn: Turn) -> Iterator[_Event]:
    at = {"output_index": place, "item_id": item["id"]}
    match item["type"]:
        case "message":
            yield _added(place, {**item, "status": "in_progress", "content": []})
            yield from _text_part(at, item["content"][0], turn)
        case "reasoning":
            yield _added(place, {**item, "summary": []})
            yield from _summary_part(at, item["summary"][0])
        case _:
            yield _added(place, {**item, "status": "in_progress", "arguments": ""})
            text = item["arguments"]
            for half in (text[: len(text) // 2], text[len(text) // 2 :]):
                yield "response.function_call_arguments.delta", {**at, "delta": half}
            yield "response.function_call_arguments.done", {**at, "name": item["name"], "arguments": text}
    yield "response.output_item.done", {"output_index": place, "item": item}


def _added(place: int, item: Body) -> _Event:
    return "response.output_item.added", {"output_index": place, "item": item}


def _text_part(at: Body, part: Body, turn: Turn) -> Iterator[_Event]:
    at = {**at, "content_index": 0}
    yield "response.content_part.added", {**at, "part": {**part, "text": ""}}
    for word in turn.words:
        yield "response.output_text.delta", {**at, "delta": word, "logprobs": []}
    yield "response.output_text.done", {**at, "text": part["text"], "logprobs": []}
    yield "response.content_part.done", {**at, "part": part}


def _summary_part(at: Body, part: Body) -> Iterator[_Event]:
    at = {**at, "summary_index": 0}
    yield "response.reasoning_summary_part.added", {**at, "part": {**part, "text": ""}}
    yield "response.reasoning_summary_text.delta", {**at, "delta": part["text"]}
    yield "response.reasoning_summary_text.done", {**at, "text": part["text"]}
    yield "response.reasoning_summary_part.done", {**at, "part": part}
