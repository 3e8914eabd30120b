"""An upstream that fails by script: the first step of the path says how. It counts what it is asked.

http://127.0.0.1:PORT/busy/v1/chat/completions and so on; see `BEHAVIOURS`.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

HINT_S = 2.0
_CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": 1700000000, "model": "m"}
_STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _json(status: str, value: object, *headers: str) -> bytes:
    body = json.dumps(value).encode()
    lines = [f"HTTP/1.1 {status}", "content-type: application/json", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _event(delta: dict[str, str], reason: str | None) -> bytes:
    data = json.dumps({**_CHUNK, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
    return _framed(data.encode())


def _framed(data: bytes) -> bytes:
    event = b"data: " + data + b"\n\n"
    return b"%x\r\n" % len(event) + event + b"\r\n"


@dataclass(slots=True)
class Asked:
    """One request and where its answer goes."""

    body: bytes
    writer: asyncio.StreamWriter

    async def well(self) -> None:
        """A proper answer."""
        if b'"stream": true' in self.body or b'"stream":true' in self.body:
            pieces = [_event({"content": "fine"}, None), _event({}, "stop"), _framed(b"[DONE]"), b"0\r\n\r\n"]
            self.writer.write(_STREAM_HEAD + b"".join(pieces))
            return
        choice = {"index": 0, "message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        whole = {**_CHUNK, "object": "chat.completion", "choices": [choice], "usage": usage}
        self.writer.write(_json("200 OK", whole))

    async def busy(self) -> None:
        """503."""
        error = {"message": "The model is overloaded. Please try again later.", "type": "server_error", "code": None}
        self.writer.write(_json("503 Service Unavailable", {"error": error}))

    async def quota(self) -> None:
        """The day's allowance is spent."""
        kind = "insufficient_quota"
        error = {"message": "You exceeded your current quota, please check your plan.", "type": kind, "code": kind}
        self.writer.write(_json("429 Too Many Requests", {"error": error}))

    async def limited(self) -> None:
        """Too many requests for now."""
        kind = "rate_limit_exceeded"
        error = {"message": "Rate limit reached. Please try again in 2s.", "type": "requests", "code": kind}
        self.writer.write(_json("429 Too Many Requests", {"error": error}, f"retry-after: {HINT_S:.0f}"))

    async def hang(self) -> None:
        """Nothing, for as long as anybody waits."""
        await asyncio.sleep(3600)

    async def cut(self) -> None:
        """Two pieces of a stream, then the connection breaks."""
        self.writer.write(_STREAM_HEAD + _event({"content": "half "}, None) + _event({"content": "an answer"}, None))
        await self.writer.drain()
        await asyncio.sleep(0.05)
        self.writer.transport.abort()


BEHAVIOURS: dict[str, Callable[[Asked], Awaitable[None]]] = {
    "well": Asked.well,
    "busy": Asked.busy,
    "quota": Asked.quota,
    "limited": Asked.limited,
    "hang": Asked.hang,
    "cut": Asked.cut,
}


@dataclass(slots=True)
class Scripted:
    """The server: how often each behaviour was asked for, and since when `limited` is."""

    asked: Counter[str] = field(default_factory=Counter)
    limited_since: float | None = None

    def reset(self) -> None:
        """Count anew."""
        self.asked.clear()
        self.limited_since = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = int(head.partition("content-length:")[2].partition("\r\n")[0] or 0)
                body = await reader.readexactly(length)
                name = head.split(" ")[1].split("/")[1]
                self.asked[name] += 1
                await BEHAVIOURS[self._now(name)](Asked(body, writer))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):  # the last at the very end
            pass
        finally:
            writer.close()

    def _now(self, name: str) -> str:
        """*name*, or `well` once the time that `limited` asked for is over."""
        if name != "limited":
            return name
        now = asyncio.get_running_loop().time()
        self.limited_since = self.limited_since or now
        return name if now - self.limited_since < HINT_S else "well"


@asynccontextmanager
async def scripted() -> AsyncIterator[tuple[Scripted, int]]:
    """The server and its port."""
    script = Scripted()
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    try:
        yield script, server.sockets[0].getsockname()[1]
    finally:
        server.close()
