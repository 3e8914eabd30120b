"""The quick way to answer whole says what the ASGI way says, byte for byte, and declines what it does not know."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn

from pointsman.server import one_write
from pointsman.server.http import Message, Receive, Scope, Send, respond

HEADERS = ((b"x-one", b"1"), (b"x-two", b"2"))


@asynccontextmanager
async def served(*, quickly: bool, headers: tuple[tuple[bytes, bytes], ...] = HEADERS) -> AsyncIterator[int]:
    """A uvicorn whose only answer is a small one; gives its port."""

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        plain = send

        async def slowly(message: Message) -> None:
            await plain(message)

        await respond(plain if quickly else slowly, 200, b'{"a": 1}', headers)

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        config = uvicorn.Config(app, http="httptools", lifespan="off", log_level="critical", server_header=False)
        server = uvicorn.Server(config)
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(server.serve(sockets=[listener]))
            try:
                yield listener.getsockname()[1]
            finally:
                server.should_exit = True
                await asyncio.wait((serving,))


async def said(port: int, request: bytes) -> bytes:
    """Everything the server says to *request*, without the date."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return b"\r\n".join(line for line in answer.split(b"\r\n") if not line.startswith(b"date:"))


REQUESTS = {
    "closing": b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    "1.0": b"GET / HTTP/1.0\r\nhost: a\r\n\r\n",
    "head": b"HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    "two on one connection": b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
async def test_both_ways_say_the_same(request_: bytes) -> None:
    """Status, headers in their order, body, and whether the connection stays."""
    async with served(quickly=True) as port:
        quick = await said(port, request_)
    async with served(quickly=False) as port:
        assert quick == await said(port, request_)
    assert quick.count(b"HTTP/1.1 200 OK") == request_.count(b"HTTP/1.")


async def test_a_header_that_would_break_the_head_is_not_written() -> None:
    """It is left to uvicorn, which refuses it and hangs up."""
    broken = ((b"x-one", b"1\r\nx-evil: 2"),)
    async with served(quickly=True, headers=broken) as port:
        assert await said(port, REQUESTS["closing"]) == b""


def test_the_release_it_was_measured_with_is_the_one_we_lock() -> None:
    """A new uvicorn means measuring again: until then the quick way stands aside, and this test says so."""
    assert one_write.KNOWS_THIS_RELEASE, uvicorn.__version__


def test_an_unknown_send_is_declined() -> None:
    """Any other server, a test's own `send` for one, is answered as ASGI says."""

    async def send(_message: Message) -> None:
        raise AssertionError

    assert not one_write.write_whole(send, 200, HEADERS, b"")
