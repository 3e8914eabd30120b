"""A server that speaks Ollama's own API on a real socket, with no model behind it: it says what its script tells it.

Shapes, statuses and wordings as Ollama has them (docs/api.md, server/routes.go, api/types.go of ollama/ollama).
It is as strict as Go's decoder: a field of the wrong type is refused, an unknown one is passed over.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pointsman.core.jsontypes import Json
from tests.adapters.http.servers import Peer
from tests.e2e.wire import Call, Scripted, begin, finish, piece, scripted, stand_still, whole

NDJSON = "application/x-ndjson"
CREATED = "2026-08-21T09:30:00.123456789Z"
CREATED_S = 1787304600
BUSY = "server busy, please try again.  maximum pending requests exceeded"
DIMENSIONS = 4
DURATIONS = {
    "total_duration": 4_883_583_458,
    "load_duration": 1_334_875,
    "prompt_eval_duration": 342_546_000,
    "eval_duration": 4_535_599_000,
}
_TYPES: Mapping[str, tuple[type, ...]] = {
    "model": (str,),
    "messages": (list,),
    "tools": (list,),
    "options": (dict,),
    "stream": (bool,),
    "truncate": (bool,),
    "shift": (bool,),
    "think": (bool, str),
    "keep_alive": (str, int, float),
    "dimensions": (int,),
}
_MESSAGE_TYPES: Mapping[str, tuple[type, ...]] = {
    "role": (str,),
    "content": (str,),
    "thinking": (str,),
    "images": (list,),
    "tool_calls": (list,),
    "tool_name": (str,),
    "tool_call_id": (str,),
}


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """An error under way: a line of the stream under status 200."""

    message: str = "llama runner process has terminated: signal: killed"


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection ends under way."""


@dataclass(frozen=True, slots=True)
class Stall:
    """Nothing more comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """An answer in pieces; with `then` it has no proper end. `when` is waited for between the two."""

    pieces: tuple[str, ...] = ("Hello", " there", ".")
    thinking: tuple[str, ...] = ()
    calls: tuple[tuple[str, Mapping[str, object]], ...] = ()
    reason: str = "stop"
    then: ErrorLine | Cut | Stall | None = None
    when: asyncio.Event | None = None


@dataclass(frozen=True, slots=True)
class Refuses:
    """An error before the answer."""

    status: int
    message: str


Act = Says | Refuses
GREETING = Says()


class BadRequest(Exception):
    """What Go's decoder would say."""


@asynccontextmanager
async def ollama_server(
    *acts: Act, models: Sequence[str] = ("qwen2.5:3b",), shown: Mapping[str, Mapping[str, Json]] | None = None
) -> AsyncIterator[Scripted]:
    """Ollama with *models* pulled. Chats get *acts* in turn, the last one for ever; *shown* is more about models."""
    waiting = list(acts or (GREETING,))

    async def handle(peer: Peer, call: Call) -> None:
        match call.method, call.path:
            case "GET", "/api/tags":
                await whole(peer, 200, {"models": [_row(name) for name in models]})
            case "GET", "/api/ps":
                loaded = {"expires_at": "2318-01-01T00:00:00Z", "size_vram": 2_000_000_000, "context_length": 4096}
                await whole(peer, 200, {"models": [{**_row(name), **loaded} for name in models]})
            case "POST", "/api/show" | "/api/chat" | "/api/embed":
                await _asked(peer, call)
            case _:
                await whole(peer, 404, b"404 page not found", content="text/plain")

    async def _asked(peer: Peer, call: Call) -> None:
        try:
            _check(call.body)
        except BadRequest as error:
            await whole(peer, 400, {"error": str(error)})
            return
        if call.body["model"] not in models:
            hint = ", try pulling it first" if call.path != "/api/show" else ""
            await whole(peer, 404, {"error": f'model "{call.body["model"]}" not found{hint}'})
        elif call.path == "/api/show":
            details = {**_row(call.body["model"])["details"]}
            more = (shown or {}).get(call.body["model"], {})
            await whole(peer, 200, {"details": details, "capabilities": ["completion", "tools", "vision"], **more})
        elif call.path == "/api/embed":
            await _embed(peer, call.body)
        else:
            await _chat(peer, call.body, waiting.pop(0) if len(waiting) > 1 else waiting[0])

    async with scripted(handle) as server:
        yield server


def _row(name: str) -> dict[str, Any]:
    details = {"format": "gguf", "family": "qwen2", "parameter_size": "3.1B", "quantization_level": "Q4_K_M"}
    return {"name": name, "model": name, "size": 1_929_912_432, "digest": "357c53fb659c", "details": details}


def _check(body: Json) -> None:
    """The types that Go's decoder would refuse."""
    if not isinstance(body, dict):
        raise BadRequest("missing request body")
    _check_fields(body, _TYPES, "ChatRequest")
    messages: Any = body.get("messages") or []
    for message in messages:
        _check_fields(message, _MESSAGE_TYPES, "ChatRequest.messages")
        for call in message.get("tool_calls", []):
            _check_fields(call["function"], {"name": (str,), "arguments": (dict,)}, "ChatRequest.messages.tool_calls")
        for image in message.get("images", []):
            try:
                base64.b64decode(image, validate=True)
            except binascii.Error as error:
                raise BadRequest("illegal base64 data at input byte 0") from error
    if not isinstance(body.get("format"), dict) and body.get("format") not in (None, "", "json"):
        raise BadRequest(f'invalid format: "{body["format"]}"; expected "json" or a valid JSON Schema object')


def _check_fields(value: Mapping[str, Any], types: Mapping[str, tuple[type, ...]], where: str) -> None:
    for name, allowed in types.items():
        given = value.get(name)
        if given is not None and not isinstance(given, allowed):
            wanted = allowed[0].__name__
            raise BadRequest(
                f"json: cannot unmarshal {type(given).__name__} into Go struct field {where}.{name} of type {wanted}"
            )


async def _embed(peer: Peer, body: Mapping[str, Any]) -> None:
    inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
    vectors = [[(len(text) + place) / 8 for place in range(DIMENSIONS)] for text in inputs]
    durations = {"total_duration": 14_143_917, "load_duration": 1_019_500}
    read = sum(len(text.split()) for text in inputs)
    await whole(peer, 200, {"model": body["model"], "embeddings": vectors, **durations, "prompt_eval_count": read})


async def _chat(peer: Peer, body: Mapping[str, Any], act: Act) -> None:
    if isinstance(act, Refuses):
        await whole(peer, act.status, {"error": act.message})
    elif body.get("stream", True):
        await _stream(peer, body, act)
    else:
        await _at_once(peer, body, act)


async def _at_once(peer: Peer, body: Mapping[str, Any], act: Says) -> None:
    message = {"role": "assistant", "content": "".join(act.pieces)}
    if act.thinking:
        message["thinking"] = "".join(act.thinking)
    match act.then:
        case ErrorLine():
            await whole(peer, 500, {"error": act.then.message})
        case Cut():
            peer.reset()
        case Stall():
            await stand_still(peer)
        case None:
            await whole(peer, 200, {**_line(body, {**message, **_calls(act)}), **_end(act)})


async def _stream(peer: Peer, body: Mapping[str, Any], act: Says) -> None:
    await begin(peer, NDJSON)
    for message in _messages(act):
        await _say(peer, _line(body, {"role": "assistant", "content": "", **message}))
    if act.when is not None:
        await act.when.wait()
    match act.then:
        case ErrorLine():
            await _say(peer, {"error": act.then.message})
        case Cut():
            peer.reset()
            return
        case Stall():
            await stand_still(peer)
            return
        case None:
            await _say(peer, {**_line(body, {"role": "assistant", "content": ""}), **_end(act)})
    await finish(peer)


async def _say(peer: Peer, line: Mapping[str, Any]) -> None:
    await piece(peer, json.dumps(line, separators=(",", ":")).encode() + b"\n")


def _messages(act: Says) -> Iterator[dict[str, Any]]:
    yield from ({"thinking": thought} for thought in act.thinking)
    yield from ({"content": text} for text in act.pieces)
    if act.calls:
        yield _calls(act)


def _calls(act: Says) -> dict[str, Any]:
    calls = [
        {"id": f"call_{number}x", "function": {"index": number, "name": name, "arguments": dict(arguments)}}
        for number, (name, arguments) in enumerate(act.calls)
    ]
    return {"tool_calls": calls} if calls else {}


def _line(body: Mapping[str, Any], message: Mapping[str, Any]) -> dict[str, Any]:
    return {"model": body["model"], "created_at": CREATED, "message": dict(message), "done": False}


def _end(act: Says) -> dict[str, Any]:
    written = len(act.pieces) + len(act.thinking) + len(act.calls)
    counts = {"prompt_eval_count": 26, "eval_count": written}
    return {"done": True, "done_reason": act.reason, **DURATIONS, **counts}
