"""A caller of Ollama's chat."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from tests.clients.callers.talk import (
    Body,
    Caller,
    CallHeard,
    Heard,
    Said,
    Sent,
    Talk,
    Told,
    joined,
    without_nothing,
)


def request(talk: Talk) -> Sent:
    """*talk* as a request; this API cannot force a tool."""
    system = [{"role": "system", "content": talk.system}] if talk.system else []
    tools = [{"type": "function", "function": {"name": name, "parameters": one}} for name, one in talk.tools.items()]
    options = {"num_predict": talk.max_tokens, "stop": list(talk.stops) or None, "temperature": talk.temperature}
    body = {
        "model": talk.model,
        "messages": [*system, *_messages(talk)],
        "tools": tools or None,
        "format": talk.schema,
        "think": talk.thinks or None,
        "options": without_nothing(options) or None,
        "stream": None if talk.is_stream else False,
    }
    return Sent(path="/api/chat", body=without_nothing(body))


def _messages(talk: Talk) -> Iterator[Body]:
    for turn in talk.turns:
        match turn:
            case Said(text=text, png=png):
                yield without_nothing({"role": "user", "content": text, "images": [png] if png else None})
            case Heard(echo=echo):
                yield from echo
            case _:
                yield from (_result(told) for told in turn)


def _result(told: Told) -> Body:
    return {"role": "tool", "tool_name": told.name, "content": told.text}


def whole(body: Body) -> Heard:
    """An answer at once."""
    assert body["done"] is True
    assert set(body) >= {"created_at", "total_duration", "load_duration", "prompt_eval_duration", "eval_duration"}
    return _heard(body, [body["message"]])


def stream(data: bytes) -> Heard:
    """An answer line by line."""
    lines = [json.loads(line) for line in data.decode().splitlines()]
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    return _heard(lines[-1], [line["message"] for line in lines])


def _heard(last: Body, messages: list[Body]) -> Heard:
    calls: list[Any] = [call for message in messages for call in message.get("tool_calls") or ()]
    text = joined([message["content"] for message in messages])
    thinking = joined([message.get("thinking") for message in messages])
    said = {"role": "assistant", "content": text, "thinking": thinking or None, "tool_calls": calls or None}
    end = last["done_reason"]
    return Heard(
        text=text,
        thinking=thinking,
        calls=tuple(
            CallHeard(id=one.get("id", ""), name=one["function"]["name"], arguments=one["function"]["arguments"])
            for one in calls
        ),
        end="calls" if calls and end == "stop" else end,
        model=last["model"],
        input_tokens=last["prompt_eval_count"],
        output_tokens=last["eval_count"],
        echo=(without_nothing(said),),
    )


def error(body: Body) -> str:
    """The message of an error."""
    assert set(body) >= {"error"}
    return str(body["error"])


CALLER: Final = Caller(name="ollama", request=request, whole=whole, stream=stream, error=error)
