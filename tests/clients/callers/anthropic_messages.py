"""A caller of Anthropic's Messages."""

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
    events,
    joined,
    without_nothing,
)

ENDS: Final = {"end_turn": "stop", "stop_sequence": "stop", "tool_use": "calls", "max_tokens": "length"}
HEADERS: Final = {"x-api-key": "key", "anthropic-version": "2023-06-01"}
_MOST: Final = 4096


def request(talk: Talk) -> Sent:
    """*talk* as a request."""
    form = {"format": {"type": "json_schema", "schema": talk.schema}}
    body = {
        "model": talk.model,
        "max_tokens": talk.max_tokens or _MOST,
        "messages": list(_messages(talk)),
        "system": talk.system,
        "tools": [{"name": name, "input_schema": one} for name, one in talk.tools.items()] or None,
        "tool_choice": _choice(talk),
        "output_config": form if talk.schema else None,
        "thinking": {"type": "enabled", "budget_tokens": 1024} if talk.thinks else None,
        "stop_sequences": list(talk.stops) or None,
        "temperature": talk.temperature,
        "stream": talk.is_stream or None,
    }
    return Sent(path="/v1/messages", body=without_nothing(body), headers=HEADERS)


def _choice(talk: Talk) -> Body | None:
    if talk.choice is None and not talk.one_call:
        return None
    named = talk.choice or "auto"
    choice: Body = {"type": named} if named in {"auto", "any", "none"} else {"type": "tool", "name": named}
    return {**choice, "disable_parallel_tool_use": True} if talk.one_call else choice


def _messages(talk: Talk) -> Iterator[Body]:
    for turn in talk.turns:
        match turn:
            case Said(text=text, png=None, pdf=None):
                yield {"role": "user", "content": text}
            case Said():
                yield {"role": "user", "content": list(_blocks(turn))}
            case Heard(echo=echo):
                yield {"role": "assistant", "content": list(echo)}
            case _:
                results = [{"type": "tool_result", "tool_use_id": one.call_id, "content": one.text} for one in turn]
                yield {"role": "user", "content": results}


def _blocks(said: Said) -> Iterator[Body]:
    shown = (("image", "image/png", said.png), ("document", "application/pdf", said.pdf))
    for kind, media_type, data in shown:
        if data:
            yield {"type": kind, "source": {"type": "base64", "media_type": media_type, "data": data}}
    yield {"type": "text", "text": said.text}


def whole(body: Body) -> Heard:
    """An answer at once."""
    assert (body["type"], body["role"]) == ("message", "assistant")
    content = body["content"]
    usage = body["usage"]
    cached, written = usage.get("cache_read_input_tokens") or 0, usage.get("cache_creation_input_tokens") or 0
    return Heard(
        text=joined([block["text"] for block in content if block["type"] == "text"]),
        thinking=joined([block["thinking"] for block in content if block["type"] == "thinking"]),
        calls=tuple(
            CallHeard(id=block["id"], name=block["name"], arguments=block["input"])
            for block in content
            if block["type"] == "tool_use"
        ),
        end="filter" if body["stop_reason"] == "refusal" else ENDS[body["stop_reason"]],
        model=body["model"],
        input_tokens=usage["input_tokens"] + cached + written,
        output_tokens=usage["output_tokens"],
        cached=cached,
        reasoning=(usage.get("output_tokens_details") or {}).get("thinking_tokens"),
        echo=tuple(content),
    )


def stream(data: bytes) -> Heard:
    """An answer in events, put together."""
    found = [(name, json.loads(text)) for name, text in events(data)]
    assert [name for name, _ in found] == [event["type"] for _, event in found]
    said = [event for name, event in found if name != "ping"]
    assert (said[0]["type"], said[-1]["type"]) == ("message_start", "message_stop")
    message = said[0]["message"]
    blocks: list[Body] = []
    open_at: int | None = None
    for event in said[1:-1]:
        match event["type"]:
            case "content_block_start":
                assert (open_at, event["index"]) == (None, len(blocks))
                open_at = event["index"]
                blocks.append({**event["content_block"], "json": ""})
            case "content_block_delta":
                assert event["index"] == open_at
                _add(blocks[-1], event["delta"])
            case "content_block_stop":
                assert event["index"] == open_at
                open_at = None
            case "message_delta":
                message |= event["delta"] | {"usage": {**message["usage"], **event["usage"]}}
    assert open_at is None
    for block in blocks:
        text = block.pop("json")
        if block["type"] == "tool_use":
            block["input"] = json.loads(text or "{}")
    return whole({**message, "content": blocks})


def _add(block: Body, delta: Body) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "input_json_delta":
            block["json"] += delta["partial_json"]


def error(body: Body) -> str:
    """The message of an error."""
    assert body["type"] == "error"
    assert set(body["error"]) >= {"type", "message"}
    return str(body["error"]["message"])


CALLER: Final = Caller(name="anthropic_messages", request=request, whole=whole, stream=stream, error=error)
