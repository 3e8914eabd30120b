"""A caller of OpenAI's Responses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

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


def request(talk: Talk) -> Sent:
    """*talk* as a request; nothing is kept on the other side."""
    tools = [{"type": "function", "name": name, "parameters": one, "strict": False} for name, one in talk.tools.items()]
    form = {"type": "json_schema", "name": "answer", "schema": talk.schema, "strict": True}
    body = {
        "model": talk.model,
        "input": list(_items(talk)),
        "instructions": talk.system,
        "tools": tools or None,
        "tool_choice": _choice(talk.choice),
        "parallel_tool_calls": False if talk.one_call else None,
        "text": {"format": form} if talk.schema else None,
        "reasoning": {"effort": "low", "summary": "auto"} if talk.thinks else None,
        "include": ["reasoning.encrypted_content"] if talk.thinks else None,
        "max_output_tokens": talk.max_tokens,
        "temperature": talk.temperature,
        "store": False,
        "stream": talk.is_stream or None,
    }
    return Sent(path="/v1/responses", body=without_nothing(body), headers={"authorization": "Bearer key"})


def _choice(choice: str | None) -> str | Body | None:
    if choice in {None, "auto", "none"}:
        return choice
    return "required" if choice == "any" else {"type": "function", "name": choice}


def _items(talk: Talk) -> Iterator[Body]:
    for turn in talk.turns:
        match turn:
            case Said():
                yield {"role": "user", "content": list(_parts(turn))}
            case Heard(echo=echo):
                yield from echo
            case _:
                yield from (_output(told) for told in turn)


def _parts(said: Said) -> Iterator[Body]:
    yield {"type": "input_text", "text": said.text}
    if said.png:
        yield {"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{said.png}"}
    if said.pdf:
        data = f"data:application/pdf;base64,{said.pdf}"
        yield {"type": "input_file", "filename": "a.pdf", "file_data": data}


def _output(told: Told) -> Body:
    return {"type": "function_call_output", "call_id": told.call_id, "output": told.text}


def whole(body: Body) -> Heard:
    """An answer at once."""
    assert (body["object"], body["error"]) == ("response", None)
    output = body["output"]
    parts = [part for item in output if item["type"] == "message" for part in item["content"]]
    calls = [item for item in output if item["type"] == "function_call"]
    usage = body["usage"]
    return Heard(
        text=joined([part["text"] for part in parts]),
        thinking=joined(
            [part["text"] for item in output if item["type"] == "reasoning" for part in _thoughts(item)],
        ),
        calls=tuple(
            CallHeard(id=one["call_id"], name=one["name"], arguments=json.loads(one["arguments"])) for one in calls
        ),
        end=_end(body, has_calls=bool(calls)),
        model=body["model"],
        input_tokens=usage["input_tokens"],
        output_tokens=usage["output_tokens"],
        cached=usage["input_tokens_details"]["cached_tokens"],
        reasoning=usage["output_tokens_details"]["reasoning_tokens"],
        echo=tuple(output),
    )


def _thoughts(item: Body) -> list[Body]:
    return [*item["summary"], *(item.get("content") or [])]


def _end(body: Body, *, has_calls: bool) -> str:
    if body["status"] == "incomplete":
        return {"max_output_tokens": "length", "content_filter": "filter"}[body["incomplete_details"]["reason"]]
    assert (body["status"], body["incomplete_details"]) == ("completed", None)
    return "calls" if has_calls else "stop"


def stream(data: bytes) -> Heard:
    """An answer in events: what the deltas say is what the last event says."""
    found = [(name, json.loads(text)) for name, text in events(data)]
    assert [name for name, _ in found] == [event["type"] for _, event in found]
    assert [event["sequence_number"] for _, event in found] == list(range(len(found)))
    assert [name for name, _ in found[:2]] == ["response.created", "response.in_progress"]
    last = found[-1][1]
    assert last["type"] in {"response.completed", "response.incomplete"}
    heard = whole(last["response"])
    assert joined([one["delta"] for name, one in found if name == "response.output_text.delta"]) == heard.text
    items = [one for name, one in found if name == "response.output_item.done"]
    assert [one["item"] for one in items] == last["response"]["output"]
    assert [one["output_index"] for one in items] == list(range(len(items)))
    for item in (one["item"] for one in items if one["item"]["type"] == "function_call"):
        deltas = [one["delta"] for _, one in found if one.get("item_id") == item["id"] and "delta" in one]
        assert joined(deltas) == item["arguments"]
    return heard


def error(body: Body) -> str:
    """The message of an error."""
    assert set(body["error"]) >= {"message", "type", "param", "code"}
    return str(body["error"]["message"])


CALLER: Final = Caller(name="openai_responses", request=request, whole=whole, stream=stream, error=error)
