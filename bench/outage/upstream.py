"""A model server for the outage run: answers after a fixed time, whole or in eight pieces, and says who it is.

Without any work of its own, so that many of its answers can be under way at once. For loopback only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from typing import cast

import httptools
import uvloop

WHOLE_S = 0.2
FIRST_S = 0.1
GAP_S = 0.02
PIECES = 8
_STREAM = re.compile(rb'"stream"\s*:\s*true')
_IDENTITY = {"id": "chatcmpl-outage", "created": 1700000000, "model": "mock"}
_USAGE = {"prompt_tokens": 20, "completion_tokens": PIECES, "total_tokens": 20 + PIECES}
_STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _whole(name: str) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": f"from {name}"}, "finish_reason": "stop"}
    body = _json({**_IDENTITY, "object": "chat.completion", "choices": [choice], "usage": _USAGE})
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def _framed(data: bytes) -> bytes:
    event = b"data: " + data + b"\n\n"
    return b"%x\r\n" % len(event) + event + b"\r\n"


def _pieces(name: str) -> list[bytes]:
    texts = [f"from {name}", *(f" {number}" for number in range(1, PIECES))]
    deltas = [({"content": text}, None) for text in texts] + [({}, "stop")]
    chunks = [
        _json(
            {
                **_IDENTITY,
                "object": "chat.completion.chunk",
                "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
            }
        )
        for delta, reason in deltas
    ]
    framed = [_framed(chunk) for chunk in chunks]
    return [*framed[:-2], framed[-2] + framed[-1] + _framed(b"[DONE]") + b"0\r\n\r\n"]


class Answers(asyncio.Protocol):
    """One connection: each request is answered when its time has come."""

    def __init__(self, whole: bytes, pieces: list[bytes]) -> None:
        """*whole* and *pieces* are the two answers there are."""
        self._whole = whole
        self._pieces = pieces
        self._parser = httptools.HttpRequestParser(self)
        self._body: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody waits any more."""
        del exc
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        """Forget the previous request."""
        self._body.clear()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Answer the request just read, in a while."""
        if _STREAM.search(b"".join(self._body)):
            self._timer = self._loop.call_later(FIRST_S, self._stream, 0)
        else:
            self._timer = self._loop.call_later(WHOLE_S, self._transport.write, self._whole)

    def _stream(self, index: int) -> None:
        self._transport.write(self._pieces[index] if index else _STREAM_HEAD + self._pieces[0])
        if index + 1 < len(self._pieces):
            self._timer = self._loop.call_later(GAP_S, self._stream, index + 1)


async def serve(port: int, name: str) -> None:
    """Listen on 127.0.0.1:*port* until the process is ended."""
    whole, pieces = _whole(name), _pieces(name)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answers(whole, pieces), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


def main() -> None:
    """Read port and name from the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--name", required=True)
    options = parser.parse_args()
    uvloop.run(serve(options.port, options.name))


if __name__ == "__main__":
    main()
