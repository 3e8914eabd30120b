"""Long bodies: leaving early, being cancelled, reading slowly."""

from __future__ import annotations

import asyncio

import pytest

from pointsman.adapters.http import HttpClient, LocallyClosed, PoolLimits
from tests.adapters.http.servers import OK, Peer, keeps_answering, upstream

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Streamer:
    """A server that sends one chunk and then waits for its client to leave."""

    def __init__(self) -> None:
        self.saw_request = asyncio.Event()
        self.saw_close = asyncio.Event()
        self.first = HEAD + b"5\r\nhello\r\n"

    async def __call__(self, peer: Peer) -> None:
        await peer.request()
        self.saw_request.set()
        await peer.send(self.first)
        await peer.client_closed()
        self.saw_close.set()


async def test_leaving_a_stream_early_closes_the_connection() -> None:
    """llama.cpp frees its slot when it sees the connection end."""
    streamer = Streamer()
    async with upstream(streamer) as server, HttpClient() as client:
        async with await client.request("POST", server.target) as response:
            async for chunk in response.chunks():
                assert chunk == b"hello"
                break
        await streamer.saw_close.wait()


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\n", HEAD, HEAD + b"5\r\nhello\r\n"])
async def test_cancelling_a_task_that_waits_closes_the_connection(first: bytes) -> None:
    """Whatever it waits for, a cancelled task leaves no request running, and its slot is free again."""
    streamer = Streamer()
    streamer.first = first

    async with upstream(streamer) as server, HttpClient(PoolLimits(max_connections_per_host=1)) as client:

        async def read_all() -> None:
            response = await client.request("POST", server.target)
            await response.read(1000)

        for count in (1, 2):
            async with asyncio.TaskGroup() as tasks:
                task = tasks.create_task(read_all())
                await streamer.saw_request.wait()
                await asyncio.sleep(0)
                task.cancel()
            await streamer.saw_close.wait()
            streamer.saw_request.clear()
            streamer.saw_close.clear()
            assert (task.cancelled(), len(server.peers)) == (True, count)


async def test_cancelling_while_connecting_frees_the_slot() -> None:
    """The attempt's slot goes to the next request."""
    async with upstream(keeps_answering) as server, HttpClient(PoolLimits(max_connections_per_host=1)) as client:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(client.request("GET", server.target))
            await asyncio.sleep(0)
            task.cancel()
        assert task.cancelled()
        assert await (await client.request("GET", server.target)).read(2) == b"ok"


async def test_a_slow_reader_slows_the_server_down() -> None:
    """Unread bytes stay bounded: here, and then in the sockets, until the server cannot write."""
    sent = 0
    is_stuck = asyncio.Event()

    async def script(peer: Peer) -> None:
        nonlocal sent
        peer.writer.transport.set_write_buffer_limits(high=0)
        await peer.request()
        await peer.send(HEAD)
        while sent < 1000 * 65536:
            sent += 65536
            stuck = asyncio.get_running_loop().call_later(0.3, is_stuck.set)
            await peer.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            stuck.cancel()
        await peer.send(b"0\r\n\r\n")
        await peer.client_closed()

    async with upstream(script) as server, HttpClient() as client:
        response = await client.request("GET", server.target)
        await is_stuck.wait()
        sent_while_stuck = sent
        buffered = len(await response.next_chunk())
        rest = 0
        async for chunk in response.chunks():
            rest += len(chunk)
    assert buffered <= 256 * 1024 + 256 * 1024 + 65536
    assert sent_while_stuck < 20_000_000  # what two sockets hold, far below the 65 MB of the whole
    assert buffered + rest == sent


async def test_a_paused_connection_that_is_left_can_be_closed() -> None:
    """Leaving a response whose socket is not being read ends it all the same."""
    closed = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        peer.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n" + b"x" * 5_000_000)
        await peer.client_closed()
        closed.set()

    async with upstream(script) as server, HttpClient() as client:
        response = await client.request("GET", server.target)
        while len(await response.next_chunk()) < 128 * 1024:
            pass
        await response.aclose()
        await closed.wait()


async def test_a_finished_response_gives_its_connection_back_before_it_is_read() -> None:
    """The pool does not wait for slow readers of bodies that are here already."""
    async with upstream(keeps_answering) as server, HttpClient() as client:
        first = await client.request("GET", server.target)
        second = await client.request("GET", server.target)
        assert (await first.read(2), await second.read(2), len(server.peers)) == (b"ok", b"ok", 1)


async def test_two_tasks_cannot_read_one_response() -> None:
    """The second reader is told at once instead of stealing bytes."""
    streamer = Streamer()
    streamer.first = HEAD
    async with upstream(streamer) as server, HttpClient() as client:
        response = await client.request("GET", server.target)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(response.next_chunk())
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="one task at a time"):
                await response.next_chunk()
            task.cancel()


async def test_closing_the_client_ends_streams_and_the_line() -> None:
    """Readers and those waiting for a connection hear LocallyClosed."""
    streamer = Streamer()
    async with upstream(streamer) as server:
        client = HttpClient(PoolLimits(max_connections_per_host=1))
        response = await client.request("GET", server.target)
        assert await response.next_chunk() == b"hello"

        async def is_sent_home() -> bool:
            try:
                await client.request("GET", server.target)
            except LocallyClosed:
                return True
            return False

        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(is_sent_home())
            await asyncio.sleep(0)
            await client.aclose()
        with pytest.raises(LocallyClosed):
            await response.next_chunk()
        with pytest.raises(LocallyClosed):
            await client.request("GET", server.target)
        await streamer.saw_close.wait()
    assert waiting.result()


async def test_an_answer_that_came_before_the_cancellation_leaves_the_connection_in_the_pool() -> None:
    """A complete response is no reason to close, even if nobody waits for it any more."""
    answered = asyncio.Event()

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(OK)
            answered.set()

    async with upstream(script) as server, HttpClient() as client:
        await (await client.request("GET", server.target)).read(2)
        async with await client.request("GET", server.target) as response:
            assert response.is_complete
        await (await client.request("GET", server.target)).read(2)
        assert len(server.peers) == 1
