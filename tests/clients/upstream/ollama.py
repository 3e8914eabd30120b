"""Ollama's chat, generate and embed, with the types its Go decoder wants (docs/api.md and api/types.go of ollama)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from tests.clients.upstream import mind
from tests.clients.upstream.mind import Prompt, Result, Tool, Turn
from tests.clients.upstream.rules import Body, Reader, Refused, refuse_unless
from tests.e2e.wire import Call

READER: Final = Reader(
    unknown="unknown {path}",
    missing="{path} is required",
    wrong="json: cannot unmarshal {given} into Go struct field ChatRequest.{path} of type {wanted}",
    is_open=True,
)
_TOP: Final = {
    "model": "string",
    "stream": "boolean|null",
    "format": "string|object|null",
    "options": "object|null",
    "think": "boolean|string|null",
    "keep_alive": "string|number|null",
    "truncate": "boolean|null",
    "shift": "boolean|null",
    "logprobs": "boolean",
    "top_logprobs": "integer",
}
_CHAT: Final = {**_TOP, "messages": "array|null", "tools": "array|null"}
_GENERATE: Final = {
    **_TOP,
    "prompt": "string",
    "suffix": "string",
    "system": "string",
    "template": "string",
    "context": "array|null",
    "raw": "boolean",
    "images": "array|null",
}
_MESSAGE: Final = {
    "role": "string",
    "content": "string",
    "thinking": "string",
    "images": "array|null",
    "tool_calls": "array|null",
    "tool_name": "string",
    "tool_call_id": "string",
}
_OPTIONS: Final = {
    "num_ctx": "integer",
    "num_predict": "integer",
    "num_keep": "integer",
    "seed": "integer",
    "top_k": "integer",
    "top_p": "number",
    "min_p": "number",
    "typical_p": "number",
    "repeat_last_n": "integer",
    "temperature": "number",
    "repeat_penalty": "number",
    "presence_penalty": "number",
    "frequency_penalty": "number",
    "stop": "array",
    "num_batch": "integer",
    "num_gpu": "integer",
    "main_gpu": "integer",
    "use_mmap": "boolean",
    "num_thread": "integer",
}
_ENDS: Final = {"stop": "stop", "length": "length", "calls": "stop", "filter": "stop"}
_MAGIC: Final = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"RIFF": "image/webp"}
CREATED: Final = "2026-11-02T09:30:00.123456789Z"
DURATIONS: Final = {"total_duration": 5_000_000, "load_duration": 1_000_000}
TIMES: Final = {**DURATIONS, "prompt_eval_duration": 2_000_000, "eval_duration": 2_000_000}


def hear(call: Call) -> Prompt:
    """The prompt in a chat's body; Refused where Ollama would refuse it."""
    body = READER.shape(call.body, "", _CHAT, ("model",))
    messages = [_message(one, f"messages[{index}]") for index, one in enumerate(body.get("messages") or ())]
    refuse_unless(messages, "the scripted Ollama was asked to load a model only")
    latest = messages[max((i + 1 for i, one in enumerate(messages) if one["role"] == "assistant"), default=0) :]
    return _prompt(
        body,
        text="\n".join(one.get("content", "") for one in latest if one["role"] == "user"),
        system="\n".join(one.get("content", "") for one in messages if one["role"] == "system"),
        seen=tuple(_image(image) for one in latest for image in one.get("images") or ()),
        results=tuple(_results(messages, latest)),
        tools=tuple(_tool(tool) for tool in body.get("tools") or ()),
    )


def hear_generate(call: Call) -> Prompt:
    """The prompt of a generate request."""
    body = READER.shape(call.body, "", _GENERATE, ("model",))
    seen = tuple(_image(image) for image in body.get("images") or ())
    return _prompt(body, text=body.get("prompt", ""), system=body.get("system", ""), seen=seen)


def _prompt(
    body: Body,
    *,
    text: str,
    system: str,
    seen: tuple[str, ...],
    results: tuple[Result, ...] = (),
    tools: tuple[Tool, ...] = (),
) -> Prompt:
    options = body.get("options") or {}
    for name, value in options.items():
        wanted = _OPTIONS.get(name)
        refuse_unless(wanted, f"invalid option provided: {name}")
        assert wanted is not None
        READER.shape({name: value}, "options", {name: wanted})
    form = body.get("format")
    refuse_unless(form in (None, "", "json") or isinstance(form, dict), f"invalid format: {form!r}")
    limit = options.get("num_predict", -1)
    return Prompt(
        model=body["model"],
        text=text,
        system=system,
        seen=seen,
        results=results,
        tools=tools,
        schema=form if isinstance(form, dict) else None,
        is_json=form == "json",
        is_thinking=bool(body.get("think")),
        max_tokens=limit if limit > 0 else None,
        stops=tuple(options.get("stop", ())),
        is_stream=body.get("stream") is not False,
    )


def _message(message: object, path: str) -> Body:
    given = READER.shape(message, path, _MESSAGE, ("role",))
    READER.one_of(given["role"], f"{path}.role", ("system", "user", "assistant", "tool"))
    for call in given.get("tool_calls") or ():
        function = READER.shape(call, f"{path}.tool_calls", {"id": "string", "function": "object"}, ("function",))
        known = {"name": "string", "arguments": "object", "index": "integer"}
        READER.shape(function["function"], f"{path}.tool_calls.function", known, ("name", "arguments"))
    return given


def _results(messages: Sequence[Body], latest: Sequence[Body]) -> Iterator[Result]:
    """Ollama matches nothing itself: by the call's id, else by the tool's name, else by order."""
    calls = [call for one in messages for call in one.get("tool_calls") or ()]
    names: dict[str, str] = {call["id"]: call["function"]["name"] for call in calls if "id" in call}
    recent = next((one.get("tool_calls") or [] for one in reversed(messages) if one["role"] == "assistant"), [])
    tools = [one for one in latest if one["role"] == "tool"]
    for place, one in enumerate(tools):
        named = names.get(one.get("tool_call_id", "")) or one.get("tool_name")
        by_order = recent[place]["function"]["name"] if place < len(recent) else None
        yield Result(name=named or by_order or "", text=one.get("content", ""))


def _tool(tool: object) -> Tool:
    function = READER.shape(tool, "tools", {"type": "string", "function": "object"}, ("function",))["function"]
    known = {"name": "string", "description": "string", "parameters": "object"}
    given = READER.shape(function, "tools.function", known, ("name",))
    schema: Any = given.get("parameters", {})
    READER.shape(schema, "tools.function.parameters", {"type": "string", "properties": "object", "required": "array"})
    return Tool(name=given["name"], schema=schema)


def _image(data: str) -> str:
    try:
        raw = base64.b64decode(data, validate=True)
    except ValueError as error:
        raise Refused("illegal base64 data at input byte 0") from error
    kind = next((kind for magic, kind in _MAGIC.items() if raw.startswith(magic)), None)
    if kind is None:
        raise Refused("Failed to load image or audio file", status=500)
    return mind.media(kind, data)


def say(turn: Turn, prompt: Prompt, number: int) -> Body:
    """The whole answer."""
    message: Body = {"role": "assistant", "content": turn.text}
    if turn.thinking:
        message["thinking"] = turn.thinking
    if turn.calls:
        message["tool_calls"] = _calls(turn, number)
    return {**_line(prompt, message), **_end(turn)}


def stream(turn: Turn, prompt: Prompt, number: int) -> Iterator[bytes]:
    """The answer line by line; calls are never split."""
    if turn.thinking:
        yield _written(_line(prompt, {"role": "assistant", "content": "", "thinking": turn.thinking}))
    for word in turn.words:
        yield _written(_line(prompt, {"role": "assistant", "content": word}))
    if turn.calls:
        yield _written(_line(prompt, {"role": "assistant", "content": "", "tool_calls": _calls(turn, number)}))
    yield _written({**_line(prompt, {"role": "assistant", "content": ""}), **_end(turn)})


def say_generated(turn: Turn, prompt: Prompt, number: int) -> Body:
    """The whole answer to generate."""
    found: Body = {"model": prompt.model, "created_at": CREATED, "response": turn.text, "context": [1, 2, 3]}
    return {**found, **({"thinking": turn.thinking} if turn.thinking else {}), **_end(turn)}


def stream_generated(turn: Turn, prompt: Prompt, number: int) -> Iterator[bytes]:
    """The answer to generate, line by line."""
    named = {"model": prompt.model, "created_at": CREATED, "done": False}
    if turn.thinking:
        yield _written({**named, "response": "", "thinking": turn.thinking})
    for word in turn.words:
        yield _written({**named, "response": word})
    yield _written({**named, "response": "", "context": [1, 2, 3], **_end(turn)})


def _calls(turn: Turn, number: int) -> list[Body]:
    return [
        {"id": f"call_{number}{place}", "function": {"index": place, "name": call.name, "arguments": call.arguments}}
        for place, call in enumerate(turn.calls)
    ]


def _line(prompt: Prompt, message: Body) -> Body:
    return {"model": prompt.model, "created_at": CREATED, "message": message, "done": False}


def _end(turn: Turn) -> Body:
    counts = {"prompt_eval_count": mind.INPUT_TOKENS, "eval_count": mind.OUTPUT_TOKENS}
    return {"done": True, "done_reason": _ENDS[turn.end], **TIMES, **counts}


def _written(line: Body) -> bytes:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


_EMBED: Final = {
    "model": "string",
    "input": "string|array",
    "truncate": "boolean|null",
    "dimensions": "integer",
    "options": "object|null",
    "keep_alive": "string|number|null",
}


def embed(call: Call) -> Body:
    """The vectors."""
    body = READER.shape(call.body, "", _EMBED, ("model", "input"))
    inputs = [body["input"]] if isinstance(body["input"], str) else body["input"]
    refuse_unless(all(isinstance(one, str) for one in inputs), "invalid input type")
    vectors = [mind.vector(one, body.get("dimensions")) for one in inputs]
    return {"model": body["model"], "embeddings": vectors, **DURATIONS, "prompt_eval_count": mind.INPUT_TOKENS}


def embed_prompt(call: Call) -> Body:
    """The one vector of the older path."""
    body = READER.shape(call.body, "", {"model": "string", "prompt": "string"}, ("model", "prompt"))
    return {"embedding": mind.vector(body["prompt"])}


def refuse(error: Refused) -> Body:
    """The error's body."""
    return {"error": error.message}


def tags(names: list[str]) -> Body:
    """The list of models."""
    details = {"format": "gguf", "family": "qwen2", "parameter_size": "3.1B", "quantization_level": "Q4_K_M"}
    rows = [
        {"name": name, "model": name, "size": 1_929_912_432, "digest": "357c5", "details": details} for name in names
    ]
    return {"models": rows}
