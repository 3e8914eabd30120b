"""A mock OpenAI-compatible model server that costs far less than any gateway in front of it.

`POST …/chat/completions` answers at once: a fixed JSON body with usage, or, for `"stream": true`, 64 SSE chunks in one
write. A prompt that contains `PACE_MARK` gets the same chunks 10 ms apart; the mark travels in the prompt because that
is the one thing every gateway passes on unchanged. `GET /counters` tells how many completions were served, so that a
gateway answering by itself is noticed. Nothing is decoded: this is for loopback measurements only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from dataclasses import dataclass
from typing import cast

import httptools
import uvloop

CHUNK_COUNT = 64
CHUNK_INTERVAL_S = 0.010
PACE_MARK = b"[paced]"
WORDS = [f" word{index:02d}" for index in range(CHUNK_COUNT - 1)]
STREAMED_TEXT = "".join(WORDS)
PLAIN_TEXT = "A short answer of fixed length, so that every gateway relays the same bytes. " * 4

_STREAM = re.compile(rb'"stream"\s*:\s*true')
_INCLUDE_USAGE = re.compile(rb'"include_usage"\s*:\s*true')
_USAGE = {"prompt_tokens": 256, "completion_tokens": 64, "total_tokens": 320}
_IDENTITY = {"id": "chatcmpl-mock", "created": 1700000000, "model": "mock"}


def _compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _response(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _framed(data: bytes) -> bytes:
    """One SSE event as one HTTP chunk."""
    event = b"data: " + data + b"\n\n"
    return b"%x\r\n" % len(event) + event + b"\r\n"


def _chunk(delta: dict[str, str], finish_reason: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return _framed(_compact({**_IDENTITY, "object": "chat.completion.chunk", "choices": [choice]}))


def _plain() -> bytes:
    message = {"role": "assistant", "content": PLAIN_TEXT}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return _response(_compact({**_IDENTITY, "object": "chat.completion", "choices": [choice], "usage": _USAGE}))


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
CHUNKS = [_chunk({"role": "assistant", "content": WORDS[0]}, None)]
CHUNKS += [_chunk({"content": word}, None) for word in WORDS[1:]]
CHUNKS += [_chunk({}, "stop")]
USAGE_CHUNK = _framed(_compact({**_IDENTITY, "object": "chat.completion.chunk", "choices": [], "usage": _USAGE}))
STREAM_END = _framed(b"[DONE]") + b"0\r\n\r\n"
PLAIN = _plain()
STREAM = STREAM_HEAD + b"".join(CHUNKS) + STREAM_END
STREAM_WITH_USAGE = STREAM_HEAD + b"".join(CHUNKS) + USAGE_CHUNK + STREAM_END
MODELS = _response(_compact({"object": "list", "data": [{"id": "mock", "object": "model", "owned_by": "bench"}]}))
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"


@dataclass(slots=True)
class Counters:
    """What was served since the start."""

    completions: int = 0


class MockProtocol(asyncio.Protocol):
    """One connection: parse a request, write the prepared answer."""

    def __init__(self, counters: Counters) -> None:
        """Count into *counters*, which all connections share."""
        self._counters = counters
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._body: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop a paced answer that nobody reads any more."""
        del exc
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; bytes that are not HTTP close the connection."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_message_begin(self) -> None:
        """Forget the previous request."""
        self._url = b""
        self._body.clear()

    def on_url(self, url: bytes) -> None:
        """Keep the path (it may come in pieces)."""
        self._url += url

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Answer the request just read."""
        if self._url.endswith(b"/chat/completions"):
            self._counters.completions += 1
            self._complete(b"".join(self._body))
        elif self._url == b"/counters":
            self._transport.write(_response(_compact({"completions": self._counters.completions})))
        elif self._url.endswith(b"/models"):
            self._transport.write(MODELS)
        else:
            self._transport.write(NOT_FOUND)

    def _complete(self, body: bytes) -> None:
        if _STREAM.search(body) is None:
            self._transport.write(PLAIN)
            return
        with_usage = _INCLUDE_USAGE.search(body) is not None
        if PACE_MARK in body:
            self._transport.write(STREAM_HEAD)
            start = asyncio.get_running_loop().time()
            self._pace(0, start, USAGE_CHUNK + STREAM_END if with_usage else STREAM_END)
        else:
            self._transport.write(STREAM_WITH_USAGE if with_usage else STREAM)

    def _pace(self, index: int, start: float, end: bytes) -> None:
        """Write chunk *index*, and the next when it is due; due times count from *start*, so delays do not add up."""
        if index == CHUNK_COUNT:
            self._transport.write(end)
            return
        self._transport.write(CHUNKS[index])
        due = start + (index + 1) * CHUNK_INTERVAL_S
        self._timer = asyncio.get_running_loop().call_at(due, self._pace, index + 1, start, end)


async def serve(port: int) -> None:
    """Listen on 127.0.0.1:*port* until the process is ended."""
    counters = Counters()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: MockProtocol(counters), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


def main() -> None:
    """Read the port from the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
