"""A caller of OpenAI's chat completions."""

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
    events,
    joined,
    without_nothing,
)

ENDS: Final = {"stop": "stop", "tool_calls": "calls", "length": "length", "content_filter": "filter"}


def request(talk: Talk) -> Sent:
    """*talk* as a request."""
    system = [{"role": "system", "content": talk.system}] if talk.system else []
    tools = [{"type": "function", "function": {"name": name, "parameters": one}} for name, one in talk.tools.items()]
    schema = {"name": "answer", "schema": talk.schema, "strict": True}
    body = {
        "model": talk.model,
        "messages": [*system, *_messages(talk)],
        "tools": tools or None,
        "tool_choice": _choice(talk.choice),
        "parallel_tool_calls": False if talk.one_call else None,
        "response_format": {"type": "json_schema", "json_schema": schema} if talk.schema else None,
        "reasoning_effort": "low" if talk.thinks else None,
        "max_completion_tokens": talk.max_tokens,
        "stop": list(talk.stops) or None,
        "temperature": talk.temperature,
        "stream": talk.is_stream or None,
        "stream_options": {"include_usage": True} if talk.is_stream else None,
    }
    return Sent(path="/v1/chat/completions", body=without_nothing(body), headers={"authorization": "Bearer key"})


def _choice(choice: str | None) -> str | Body | None:
    if choice in {None, "auto", "none"}:
        return choice
    return "required" if choice == "any" else {"type": "function", "function": {"name": choice}}


def _messages(talk: Talk) -> Iterator[Body]:
    for turn in talk.turns:
        match turn:
            case Said(text=text, png=None, pdf=None):
                yield {"role": "user", "content": text}
            case Said():
                yield {"role": "user", "content": list(_parts(turn))}
            case Heard(echo=echo):
                yield from echo
            case _:
                yield from (_result(told) for told in turn)


def _parts(said: Said) -> Iterator[Body]:
    yield {"type": "text", "text": said.text}
    if said.png:
        yield {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{said.png}"}}
    if said.pdf:
        data = f"data:application/pdf;base64,{said.pdf}"
        yield {"type": "file", "file": {"filename": "a.pdf", "file_data": data}}


def _result(told: Told) -> Body:
    return {"role": "tool", "tool_call_id": told.call_id, "content": told.text}


def whole(body: Body) -> Heard:
    """An answer at once."""
    assert body["object"] == "chat.completion"
    (choice,) = body["choices"]
    return _heard(body, choice["message"], choice["finish_reason"])


def stream(data: bytes) -> Heard:
    """An answer in chunks, put together."""
    *texts, last = [text for _, text in events(data)]
    assert last == "[DONE]"
    chunks = [json.loads(text) for text in texts]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    calls: dict[int, Body] = {}
    for piece in (piece for choice in choices for piece in choice["delta"].get("tool_calls") or ()):
        call = calls.setdefault(piece["index"], {"id": "", "function": {"name": "", "arguments": ""}})
        call["id"] += piece.get("id") or ""
        call["function"]["name"] += piece["function"].get("name") or ""
        call["function"]["arguments"] += piece["function"].get("arguments") or ""
    deltas = [choice["delta"] for choice in choices]
    message = {
        "content": joined([delta.get("content") for delta in deltas]) or None,
        "reasoning_content": joined([delta.get("reasoning_content") for delta in deltas]),
        "tool_calls": [{**call, "type": "function"} for _, call in sorted(calls.items())],
    }
    (end,) = [choice["finish_reason"] for choice in choices if choice["finish_reason"]]
    (usage,) = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
    return _heard({**chunks[0], "usage": usage}, message, end)


def _heard(body: Body, message: Body, end: str) -> Heard:
    calls = message.get("tool_calls") or []
    usage: Any = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    said = without_nothing({"role": "assistant", "content": message.get("content"), "tool_calls": calls or None})
    return Heard(
        text=message.get("content") or "",
        thinking=message.get("reasoning_content") or "",
        calls=tuple(
            CallHeard(id=one["id"], name=one["function"]["name"], arguments=json.loads(one["function"]["arguments"]))
            for one in calls
        ),
        end=ENDS[end],
        model=body["model"],
        input_tokens=usage["prompt_tokens"],
        output_tokens=usage["completion_tokens"],
        cached=(usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0),
        reasoning=(usage.get("completion_tokens_details") or {}).get("reasoning_tokens", 0),
        echo=(said,),
    )


def error(body: Body) -> str:
    """The message of an error."""
    assert set(body["error"]) >= {"message", "type", "param", "code"}
    return str(body["error"]["message"])


CALLER: Final = Caller(name="openai_chat", request=request, whole=whole, stream=stream, error=error)
