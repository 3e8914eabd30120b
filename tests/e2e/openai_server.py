"""A server in the shape of OpenAI's API on a real socket: each request gets the next act of its script."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from tests.adapters.http.servers import Peer
from tests.e2e.wire import Call, Scripted, begin, finish, piece, scripted, stand_still, whole

Act = Callable[[Peer, Call], Awaitable[None]]
SSE = "text/event-stream"
IDENTITY = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": "upstream"}


@asynccontextmanager
async def openai_server(*acts: Act) -> AsyncIterator[Scripted]:
    """The server; the last act is for ever. The base URL for clients is `url` + /v1."""
    waiting = list(acts)

    async def handle(peer: Peer, call: Call) -> None:
        await (waiting.pop(0) if len(waiting) > 1 else waiting[0])(peer, call)

    async with scripted(handle) as server:
        yield server


def answers(status: int, body: object, *, content: str = "application/json", **headers: str) -> Act:
    """A whole answer; headers are written with _ for -."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}

    async def act(peer: Peer, call: Call) -> None:
        await whole(peer, status, body, content=content, headers=sent)

    return act


def completes(text: str) -> Act:
    """A whole completion that says *text*, or the same as a stream when a stream was asked for."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    body = {**IDENTITY, "object": "chat.completion", "choices": [choice], "usage": usage}

    async def act(peer: Peer, call: Call) -> None:
        if call.body.get("stream"):
            await streams(text)(peer, call)
        else:
            await whole(peer, 200, body)

    return act


def streams(*texts: str, then: Act | None = None) -> Act:
    """A stream of *texts*, then its proper end, or what *then* does instead."""

    async def act(peer: Peer, call: Call) -> None:
        await begin(peer, SSE)
        for text in texts:
            await piece(peer, chunk({"content": text}))
        if then is not None:
            await then(peer, call)
            return
        await piece(peer, chunk({}, finish_reason="stop") + b"data: [DONE]\n\n")
        await finish(peer)

    return act


def chunk(delta: Mapping[str, str], finish_reason: str | None = None) -> bytes:
    """One event of a stream."""
    choice = {"index": 0, "delta": dict(delta), "finish_reason": finish_reason}
    return f"data: {json.dumps({**IDENTITY, 'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n".encode()


def refuses(status: int, message: str, code: str | None = None, **headers: str) -> Act:
    """An error in OpenAI's form."""
    return answers(status, {"error": {"message": message, "type": "error", "param": None, "code": code}}, **headers)


async def hangs(peer: Peer, call: Call) -> None:
    """Nothing (more) comes."""
    await stand_still(peer)


async def resets(peer: Peer, call: Call) -> None:
    """The connection breaks."""
    peer.reset()


def says_error(message: str) -> Act:
    """An error event inside a stream, then its end."""

    async def act(peer: Peer, call: Call) -> None:
        await piece(peer, f"data: {json.dumps({'error': {'message': message, 'code': None}})}\n\n".encode())
        await finish(peer)

    return act
