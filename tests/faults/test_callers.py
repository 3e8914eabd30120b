"""Faults 30 to 34: callers who are slow, leave, speak nonsense, dawdle, or send too much."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.adapters.http.servers import Peer
from tests.e2e.wire import Call, begin, piece
from tests.faults.conftest import Opens
from tests.faults.place import CHAT, HI, Place
from tests.faults.upstream import OPENAI, STALL, Act, faulty, good, model, plays, streams, unfinished

SSE = "text/event-stream"
STREAM = {"model": "auto", "messages": HI, "stream": True}


class Raw:
    """A caller who writes its own bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak on an open connection."""
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        """Write and flush."""
        self.writer.write(data)
        await self.writer.drain()

    async def rest(self) -> bytes:
        """Everything until the other side is done; b"" too when it was reset."""
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""


@asynccontextmanager
async def raw(place: Place, *, receive_bytes: int | None = None) -> AsyncIterator[Raw]:
    """A connection to the gateway, with a small receive buffer where that is asked for."""
    sock = socket.socket()
    if receive_bytes is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", place.port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=2**16)
    try:
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()


def post(body: object, *, path: str = CHAT, length: int | None = None) -> bytes:
    """A request as it goes over the wire."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(data) if length is None else length}\r\n\r\n".encode() + data


def endless(sent: list[int]) -> Act:
    """A stream that never ends by itself; *sent* counts its bytes."""
    frame = max(OPENAI.unfinished("x" * 20_000), key=len)

    async def act(peer: Peer, call: Call) -> None:
        peer.writer.transport.set_write_buffer_limits(high=0)
        await begin(peer, SSE)
        await piece(peer, OPENAI.frames("x")[0])
        while True:
            await piece(peer, frame)
            sent.append(len(frame))

    return act


async def test_30_a_slow_reader(gateway: Opens) -> None:
    """Slow client reader: upstream is slowed down, buffers stay small; after `write_timeout_s` both are given up."""
    sent: list[int] = []
    async with (
        faulty(endless(sent)) as upstream,
        gateway(model(OPENAI, upstream.url), server={"write_timeout_s": 0.5}) as place,
        raw(place, receive_bytes=4096) as caller,
    ):
        await caller.send(post(STREAM))
        await upstream.was_asked()
        await upstream.was_left()
        await place.settled("cancelled")
    assert sum(sent) < 20_000_000  # what four sockets and our buffers hold; it would never end


async def test_30_a_reader_who_takes_a_rest(gateway: Opens) -> None:
    """Slow client reader who goes on in time: loses nothing."""
    act = streams(OPENAI, *OPENAI.frames("word " * 20_000))
    async with faulty(act) as upstream, gateway(model(OPENAI, upstream.url)) as place, place.streaming() as response:
        received = [piece async for piece in response.aiter_bytes()]
    assert b"".join(received).count(b'"word ') == 20_000


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_31_the_caller_leaves_before_the_answer(gateway: Opens, *, is_streamed: bool) -> None:
    """Client disconnects before the first byte: upstream cancelled within a second, recorded, the next is served."""
    async with faulty(plays(STALL)) as upstream, gateway(model(OPENAI, upstream.url)) as place:
        async with raw(place) as caller:
            await caller.send(post({**STREAM, "stream": is_streamed}))
            await upstream.was_asked()
        began = time.monotonic()
        await upstream.was_left()
        elapsed_s = time.monotonic() - began
        await place.settled("cancelled")
        health = place.router.health.healths()
    assert elapsed_s < 1  # the outcome itself
    assert health == []


async def test_31_the_caller_leaves_in_the_middle(gateway: Opens) -> None:
    """Client disconnects while streaming: upstream cancelled within a second, partial usage recorded."""
    act = unfinished(OPENAI, "Once upon a", STALL)
    slots = {"slots": 1, "queue": 0}
    async with (
        faulty(act, good(OPENAI, "Next.")) as upstream,
        gateway(model(OPENAI, upstream.url, concurrency=slots)) as place,
    ):
        async with place.streaming() as response:
            async for _ in response.aiter_bytes():
                break
            began = time.monotonic()
        await upstream.was_left()
        elapsed_s = time.monotonic() - began
        heard = await place.ask()
        row = await place.settled("cancelled")
    assert elapsed_s < 1  # the outcome itself
    assert row["output_tokens"] > 0
    assert heard.outcome == (200, "Next.")


async def test_32_half_close(gateway: Opens) -> None:
    """Client closes its sending side after the request: served or let go, nothing is left open."""
    async with faulty(good(OPENAI, "Heard.")) as upstream, gateway(model(OPENAI, upstream.url)) as place:
        async with raw(place) as caller:
            await caller.send(post({**STREAM, "stream": False}))
            caller.writer.write_eof()
            async with asyncio.timeout(5):
                answer = await caller.rest()
        again = await place.ask()
    assert answer == b"" or answer.startswith(b"HTTP/1.1 200")
    assert again.outcome == (200, "Heard.")


async def test_32_garbage_after_a_request(gateway: Opens) -> None:
    """Garbage after the request: the answer, or none, and the connection is closed; nobody else notices."""
    async with faulty(good(OPENAI, "Heard.")) as upstream, gateway(model(OPENAI, upstream.url)) as place:
        async with raw(place) as caller:
            await caller.send(post({**STREAM, "stream": False}) + b"\x00\xff GARBAGE\r\n\r\n" * 100)
            async with asyncio.timeout(5):
                answer = await caller.rest()
        again = await place.ask()
    assert answer.count(b"HTTP/1.1 200") <= 1
    assert answer.count(b"HTTP/1.1 ") <= 2
    assert again.outcome == (200, "Heard.")


async def test_32_garbage_while_a_stream_runs(gateway: Opens) -> None:
    """Garbage while the answer streams: the upstream is let go or the answer ends; never a leak."""
    act = unfinished(OPENAI, "Once upon", STALL)
    async with (
        faulty(act, good(OPENAI, "x")) as upstream,
        gateway(model(OPENAI, upstream.url, idle_timeout_s=0.3)) as place,
    ):
        async with raw(place) as caller:
            await caller.send(post(STREAM))
            await caller.reader.readuntil(b"upon")
            await caller.send(b"\x00\xff GARBAGE\r\n\r\n" * 100)
            async with asyncio.timeout(5):
                await caller.rest()
        await upstream.was_left()
        again = await place.ask()
    assert again.outcome == (200, "x")


SLOW_HEADS = {"nothing": b"", "half a head": post(STREAM)[:30], "half a body": post(STREAM, length=5000)}


@pytest.mark.parametrize("start", SLOW_HEADS.values(), ids=SLOW_HEADS)
async def test_33_slowloris(gateway: Opens, start: bytes) -> None:
    """Slowloris: a head or a body that does not come is waited for so long and no longer; others are served."""
    async with (
        faulty(good(OPENAI, "Served.")) as upstream,
        gateway(model(OPENAI, upstream.url), server={"read_timeout_s": 0.3}) as place,
        raw(place) as slow,
    ):
        await slow.send(start)
        heard = await place.ask()
        async with asyncio.timeout(3):
            answer = await slow.rest()
    assert heard.outcome == (200, "Served.")
    assert answer == b"" or b" 408 " in answer.partition(b"\r\n")[0]
    assert len(upstream.calls) == 1


async def test_33_a_head_in_drops(gateway: Opens) -> None:
    """Slowloris, a head that comes byte by byte: the same deadline as for a whole one."""
    async with (
        faulty(good(OPENAI, "Served.")) as upstream,
        gateway(model(OPENAI, upstream.url), server={"read_timeout_s": 0.3}) as place,
        raw(place) as slow,
    ):
        async with asyncio.timeout(3):
            try:
                for byte in post(STREAM) * 100:
                    await slow.send(bytes([byte]))
                    await asyncio.sleep(0.01)
                    if slow.reader.at_eof():
                        break
            except ConnectionError:
                pass
    assert upstream.calls == []


async def test_33_ten_thousand_idle_connections(gateway: Opens) -> None:
    """Idle connections over the limit (by default 2,000 an address): closed at once; those below are served."""
    async with (
        faulty(good(OPENAI, "Served.")) as upstream,
        gateway(model(OPENAI, upstream.url), server={"max_connections_per_address": 50}) as place,
    ):
        before = await place.ask()
        idle = [await asyncio.open_connection("127.0.0.1", place.port) for _ in range(100)]
        async with asyncio.timeout(5):
            turned_away = [await reader.read() for reader, _ in idle[60:]]
        heard = await place.ask()
        for _, writer in idle:
            writer.close()
    assert (before.outcome, heard.outcome) == ((200, "Served."), (200, "Served."))
    assert turned_away == [b""] * 40


TOO_MUCH = {
    "too large": (b'{"x":"' + b"a" * 30_000_000 + b'"}', 413),
    "too deep": (b'{"messages":' + b"[" * 500_000 + b"]" * 500_000 + b"}", 400),
    "too many keys": (b'{"x":{"first":0,' + b",".join(b'"%d":0' % n for n in range(400_000)) + b"}}", 400),
    "too many values": (b'{"x":[' + b"0," * 5_000_000 + b"0]}", 400),
    "bad UTF-8": (b'{"messages":"' + b"a" * 5_000_000 + b'\xff"}', 400),
    "duplicate keys": (b'{"a":{' + b'"b":1,' * 50_000 + b'"b":1}}', 400),
}


@pytest.mark.parametrize("name", TOO_MUCH)
async def test_34_too_much(gateway: Opens, name: str) -> None:
    """A body too large, too deep, with too many keys, bad UTF-8 or duplicate keys: 413 or 400, the loop goes on."""
    body, status = TOO_MUCH[name]
    loop = asyncio.get_running_loop()
    longest_s = 0.0

    async def beat() -> None:
        nonlocal longest_s
        while True:
            began = loop.time()
            await asyncio.sleep(0.001)
            longest_s = max(longest_s, time.monotonic() - began)

    async with faulty(good(OPENAI, "x")) as upstream, gateway(model(OPENAI, upstream.url)) as place:
        async with raw(place) as caller, asyncio.TaskGroup() as group:
            await caller.send(post(b"", length=len(body)).replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
            beating = group.create_task(beat())
            async with asyncio.timeout(10):
                for start in range(0, len(body), 65536):
                    try:
                        await caller.send(body[start : start + 65536])
                    except ConnectionError:
                        break
                answer = await caller.rest()
            beating.cancel()
        again = await place.ask()
    assert answer == b"" or int(answer[9:12]) == status
    assert again.outcome == (200, "x")
    assert longest_s < 0.25  # 50 ms, five times for a busy machine
