"""Who gets which connection, and when one is thrown away."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from pointsman.adapters.http import DeadlineExceeded, HttpClient, HttpResponse, PoolLimits
from pointsman.adapters.http.pool import HostPool
from pointsman.adapters.http.resolve import Resolver
from tests.adapters.http.servers import OK, Peer, keeps_answering, upstream


class Gate:
    """A server that answers each request when it is told to."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[Peer] = asyncio.Queue()

    async def __call__(self, peer: Peer) -> None:
        while True:
            await peer.request()
            await self.arrived.put(peer)


async def test_the_connection_used_last_is_used_next() -> None:
    """Warm first, so that the surplus of a burst can age and go."""
    gate = Gate()
    async with upstream(gate) as server, HttpClient() as client:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(2):
                tasks.create_task(client.request("GET", server.target))
            first, second = await gate.arrived.get(), await gate.arrived.get()
            await second.send(OK)
            await first.send(OK)
        numbers = []
        for _ in range(3):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(client.request("GET", server.target))
                peer = await gate.arrived.get()
                numbers.append(peer.number)
                await peer.send(OK)
        assert len(set(numbers)) == 1
        assert len(server.peers) == 2


async def test_requests_over_the_limit_wait_in_line_and_are_served_in_order() -> None:
    """One connection, three requests: first come, first served."""
    gate = Gate()
    order: list[int] = []
    async with upstream(gate) as server, HttpClient(PoolLimits(max_connections_per_host=1)) as client:

        async def ask(number: int) -> None:
            assert await (await client.request("GET", server.target)).read(2) == b"ok"
            order.append(number)

        async with asyncio.TaskGroup() as tasks:
            for number in range(3):
                tasks.create_task(ask(number))
                await asyncio.sleep(0)
            for _ in range(3):
                await (await gate.arrived.get()).send(OK)
        assert (order, len(server.peers)) == ([0, 1, 2], 1)


async def test_waiting_in_line_ends_with_the_deadline() -> None:
    """The line is left cleanly: the next request still gets its turn."""
    gate = Gate()
    async with upstream(gate) as server, HttpClient(PoolLimits(max_connections_per_host=1)) as client:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(client.request("GET", server.target))
            busy = await gate.arrived.get()
            with pytest.raises(DeadlineExceeded) as caught:
                await client.request("GET", server.target, deadline=asyncio.get_running_loop().time() + 0.03)
            waiting = tasks.create_task(client.request("GET", server.target))
            await busy.send(OK)
            await (await gate.arrived.get()).send(OK)
        assert (await waiting.result().read(2), len(server.peers)) == (b"ok", 1)
    assert str(caught.value) == f"{server.target.peer}: the deadline passed while waiting for a free connection"


@pytest.mark.parametrize("is_kept", [True, False], ids=["a connection", "a slot"])
async def test_what_was_granted_in_the_moment_of_cancelling_is_given_back(*, is_kept: bool) -> None:
    """A request cancelled after its turn came, before it ran, strands neither connection nor slot."""
    loop = asyncio.get_running_loop()
    async with upstream(keeps_answering) as server:
        limits = PoolLimits(max_connections_per_host=1)
        pool = HostPool(server.target, limits, loop, ssl.create_default_context, Resolver(loop))
        busy = await pool.acquire(connect_s=5, deadline=None)
        async with asyncio.TaskGroup() as tasks:
            doomed = tasks.create_task(pool.acquire(connect_s=5, deadline=None))
            await asyncio.sleep(0)
            if is_kept:
                pool.released(busy)
            else:
                busy.abort()
            doomed.cancel()
        assert doomed.cancelled()
        again = pool.take(loop.time()) or await pool.acquire(connect_s=5, deadline=loop.time() + 5)
        assert (again is busy, again.is_open) == (is_kept, True)
        await pool.aclose()


async def test_a_failed_connection_passes_its_slot_on() -> None:
    """The first one's connection breaks; the one in line gets a new one."""

    async def script(peer: Peer) -> None:
        await peer.request()
        if peer.number:
            await peer.send(OK)
            await peer.client_closed()

    async with upstream(script) as server, HttpClient(PoolLimits(max_connections_per_host=1)) as client:
        results = await asyncio.gather(
            client.request("GET", server.target), client.request("GET", server.target), return_exceptions=True
        )
        assert [type(result).__name__ for result in results] == ["UpstreamDisconnected", "HttpResponse"]
        assert isinstance(results[1], HttpResponse)


@pytest.mark.parametrize("farewell", [b"", b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n"])
async def test_an_idle_connection_that_ends_or_speaks_is_dropped(farewell: bytes) -> None:
    """Unasked bytes are never the answer to the next request, and a closed connection is not tried."""
    may_speak = asyncio.Event()
    gone = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        if peer.number == 0:
            await may_speak.wait()
            await peer.send(farewell)
            if not farewell:
                peer.writer.write_eof()
            await peer.client_closed()
            gone.set()
        await peer.client_closed()

    async with upstream(script) as server, HttpClient() as client:
        await (await client.request("GET", server.target)).read(2)
        may_speak.set()
        await gone.wait()
        assert await (await client.request("GET", server.target)).read(2) == b"ok"
        assert len(server.peers) == 2


async def test_an_unused_connection_is_closed_after_its_time() -> None:
    """Without any further request: the pool does not keep sockets for nothing."""
    closed = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.client_closed()
        closed.set()

    async with upstream(script) as server, HttpClient(PoolLimits(max_idle_s=0.03)) as client:
        await (await client.request("GET", server.target)).read(2)
        await closed.wait()


async def test_connections_over_the_idle_limit_are_closed() -> None:
    """A burst leaves at most `max_idle_per_host` behind."""
    arrived: asyncio.Queue[Peer] = asyncio.Queue()
    closed: asyncio.Queue[int] = asyncio.Queue()

    async def script(peer: Peer) -> None:
        await peer.request()
        await arrived.put(peer)
        await peer.client_closed()
        await closed.put(peer.number)

    async with upstream(script) as server, HttpClient(PoolLimits(max_idle_per_host=1)) as client:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(2):
                tasks.create_task(client.request("GET", server.target))
            peers = [await arrived.get(), await arrived.get()]
            for peer in peers:
                await peer.send(OK)
        await closed.get()
        assert closed.empty()


async def test_servers_do_not_share_connections() -> None:
    """Scheme, host and port make a pool."""
    async with upstream(keeps_answering) as one, upstream(keeps_answering) as two, HttpClient() as client:
        for server in (one, two, one, two):
            assert await (await client.request("GET", server.target)).read(2) == b"ok"
        assert (len(one.peers), len(two.peers)) == (1, 1)
