"""A model that does as it is told: calls the tool of `CALLTOOL name {json} END`, repeats a tool's result, else speaks.

It speaks OpenAI chat, so what a program of another API sees of it has gone through the gateway's translation.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from tests.adapters.http.servers import Peer
from tests.e2e.wire import Call, Scripted, begin, finish, piece, scripted, whole

SENTENCE: Final = "The scripted model answers."
TOOL_SAID: Final = "The tool said: "
WORD, NUMBER = "scripted", 3
_ORDER: Final = re.compile(r"CALLTOOL (\S+) (\{.*?\}) END", re.DOTALL)
_SAYING: Final = re.compile(r"SAY\n(.*?)\nEND", re.DOTALL)
_USAGE: Final = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}

Turn = Mapping[str, Any]
"""An assistant's message."""


@asynccontextmanager
async def obedient_model() -> AsyncIterator[Scripted]:
    """The server; its base URL for a configuration is `url` + /v1."""
    numbers = itertools.count(1)

    async def handle(peer: Peer, call: Call) -> None:
        await _answer(peer, call, f"chatcmpl-{next(numbers)}")

    async with scripted(handle) as server:
        yield server


async def _answer(peer: Peer, call: Call, answer_id: str) -> None:
    """Each answer has an id of its own: Claude Code takes two of one id for parts of the same."""
    turn = turn_after(call.body)
    reason = "tool_calls" if "tool_calls" in turn else "stop"
    named = {"id": answer_id, "created": 1_700_000_000, "model": call.body["model"]}
    if not call.body.get("stream"):
        choice = {"index": 0, "message": {"role": "assistant", "content": None, **turn}, "finish_reason": reason}
        await whole(peer, 200, {**named, "object": "chat.completion", "choices": [choice], "usage": _USAGE})
        return
    named["object"] = "chat.completion.chunk"
    await begin(peer, "text/event-stream")
    for delta in _pieces(turn):
        await piece(peer, _event({**named, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}))
    await piece(peer, _event({**named, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}))
    await piece(peer, _event({**named, "choices": [], "usage": _USAGE}) + b"data: [DONE]\n\n")
    await finish(peer)


def turn_after(body: Mapping[str, Any]) -> Turn:
    """What the assistant says to a chat request's *body*."""
    messages = _since_the_assistant(body["messages"])
    results = [_text(message) for message in messages if message["role"] == "tool"]
    if results:
        return {"content": TOOL_SAID + " ".join(results)}
    orders = [order for message in messages if message["role"] == "user" for order in _ORDER.findall(_text(message))]
    if orders and body.get("tools"):
        return {"tool_calls": [_tool_call(number, *order) for number, order in enumerate(orders)]}
    sayings = [said for message in messages for said in _SAYING.findall(_text(message))]
    if sayings:
        return {"content": sayings[-1]}
    shape = body.get("response_format")
    if shape and shape["type"] == "json_schema":
        return {"content": json.dumps(instance_of(shape["json_schema"]["schema"]))}
    return {"content": SENTENCE}


def instance_of(schema: Mapping[str, Any]) -> object:
    """The simplest value of *schema*: all properties, one word, one number."""
    match schema["type"]:
        case "object":
            return {name: instance_of(property_) for name, property_ in schema["properties"].items()}
        case "array":
            return []
        case "string":
            return schema.get("enum", [WORD])[0]
        case "boolean":
            return True
        case _:
            return NUMBER


def _since_the_assistant(messages: Sequence[Turn]) -> Sequence[Turn]:
    last = max((place for place, message in enumerate(messages) if message["role"] == "assistant"), default=-1)
    return messages[last + 1 :]


def _text(message: Turn) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content)


def _tool_call(number: int, name: str, arguments: str) -> Turn:
    function = {"name": name, "arguments": arguments}
    return {"index": number, "id": f"call_{number}", "type": "function", "function": function}


def _pieces(turn: Turn) -> Sequence[Turn]:
    """The turn in deltas: a text word by word, each call's arguments in two halves."""
    if "content" in turn:
        return [
            {"role": "assistant", "content": ""},
            *({"content": word} for word in re.findall(r"\S+\s*|\s+", turn["content"])),
        ]
    deltas: list[Turn] = [{"role": "assistant", "content": None}]
    for call in turn["tool_calls"]:
        function = call["function"]
        half = len(function["arguments"]) // 2
        first = {**call, "function": {**function, "arguments": function["arguments"][:half]}}
        rest = {"index": call["index"], "function": {"arguments": function["arguments"][half:]}}
        deltas += [{"tool_calls": [first]}, {"tool_calls": [rest]}]
    return deltas


def _event(value: object) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()
