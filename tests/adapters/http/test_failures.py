"""What each fault of a server or a network is called, and what is left behind."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack

import pytest

from pointsman.adapters.http import (
    ConnectFailed,
    ConnectFailure,
    ConnectTimeout,
    DeadlineExceeded,
    DisconnectStage,
    FirstByteTimeout,
    HttpClient,
    IdleTimeout,
    LocallyClosed,
    Target,
    Timeouts,
    TransportError,
    UpstreamDisconnected,
)
from tests.adapters.http.servers import OK, Peer, Script, answers, upstream

HALF = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello"


async def test_a_refused_connection_says_so() -> None:
    """A model server that is not running is the most common fault of all."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with HttpClient() as client:
        with pytest.raises(ConnectFailed) as caught:
            await client.request("GET", Target.parse(f"http://127.0.0.1:{port}"))
    assert (caught.value.reason, caught.value.peer) == (ConnectFailure.REFUSED, f"127.0.0.1:{port}")
    assert str(caught.value).startswith(f"127.0.0.1:{port}: cannot connect (refused): ")


async def test_a_name_without_address_is_a_dns_failure() -> None:
    """`.invalid` never resolves."""
    async with HttpClient() as client:
        with pytest.raises(ConnectFailed) as caught:
            await client.request("GET", Target.parse("http://nowhere.invalid"))
    assert caught.value.reason is ConnectFailure.DNS


@pytest.mark.parametrize("deadline_s", [None, 0.02])
async def test_a_connection_that_is_never_accepted_times_out(deadline_s: float | None) -> None:
    """A full accept queue swallows SYNs, as a dead route does."""
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = sockets.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        target = Target.parse(f"http://127.0.0.1:{listener.getsockname()[1]}")
        deadline = None if deadline_s is None else asyncio.get_running_loop().time() + deadline_s
        async with HttpClient(timeouts=Timeouts(connect_s=0.05)) as client:
            with pytest.raises(TransportError) as caught:
                await client.request("GET", target, deadline=deadline)
    if deadline is None:
        assert (type(caught.value), str(caught.value)) == (
            ConnectTimeout,
            f"{target.peer}: no connection within 0.05 s",
        )
    else:
        expected = f"{target.peer}: the deadline passed while connecting"
        assert (type(caught.value), str(caught.value)) == (DeadlineExceeded, expected)


async def silent(peer: Peer) -> None:
    """Read the request and never answer."""
    await peer.request()
    await peer.client_closed()


async def stalls_in_the_body(peer: Peer) -> None:
    """Send half a body, then nothing."""
    await peer.request()
    await peer.send(HALF)
    await peer.client_closed()


async def stalls_after_the_headers(peer: Peer) -> None:
    """Send headers at once, as streaming servers do, then nothing."""
    await peer.request()
    await peer.send(HALF.removesuffix(b"hello"))
    await peer.client_closed()


async def test_no_response_in_time_is_a_first_byte_timeout() -> None:
    """The connection is closed, so the server stops working."""
    async with upstream(silent) as server, HttpClient(timeouts=Timeouts(first_byte_s=0.05)) as client:
        with pytest.raises(FirstByteTimeout) as caught:
            await client.request("POST", server.target)
        await server.peers[0].has_left.wait()
    assert str(caught.value) == f"{server.target.peer}: no response within 0.05 s"


@pytest.mark.parametrize("idle_s", [0.01, 60])
async def test_headers_alone_do_not_end_the_wait_for_the_first_byte(idle_s: float) -> None:
    """A model may answer 200 at once and its first token much later: one limit holds till then, and that one only."""
    limits = Timeouts(first_byte_s=0.05, idle_s=idle_s)
    async with upstream(stalls_after_the_headers) as server, HttpClient(timeouts=limits) as client:
        response = await client.request("POST", server.target)
        with pytest.raises(FirstByteTimeout):
            await response.next_chunk()


async def test_a_stall_between_chunks_is_an_idle_timeout() -> None:
    """What came before the stall is delivered first."""
    async with upstream(stalls_in_the_body) as server, HttpClient(timeouts=Timeouts(idle_s=0.05)) as client:
        response = await client.request("POST", server.target)
        assert await response.next_chunk() == b"hello"
        with pytest.raises(IdleTimeout) as caught:
            await response.next_chunk()
        await server.peers[0].has_left.wait()
    assert str(caught.value) == f"{server.target.peer}: the response stalled for 0.05 s"


async def test_a_slow_stream_does_not_time_out_while_bytes_keep_coming() -> None:
    """The idle limit is between arrivals, not over the whole body."""
    turn = asyncio.Semaphore(0)

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
        for _ in range(5):
            await turn.acquire()
            await peer.send(b"x")
        await peer.client_closed()

    async with upstream(script) as server, HttpClient(timeouts=Timeouts(idle_s=0.25)) as client:
        loop = asyncio.get_running_loop()
        started = loop.time()
        response = await client.request("GET", server.target)
        for _ in range(5):
            loop.call_later(0.07, turn.release)
            assert await response.next_chunk() == b"x"
        assert loop.time() - started > 0.25


@pytest.mark.parametrize(
    ("script", "step"),
    [(silent, "waiting for the response"), (stalls_in_the_body, "reading the body")],
)
async def test_the_deadline_covers_headers_and_body(script: Script, step: str) -> None:
    """The caller's deadline wins over longer time-outs."""
    async with upstream(script) as server, HttpClient() as client:
        deadline = asyncio.get_running_loop().time() + 0.05
        with pytest.raises(DeadlineExceeded) as caught:
            await (await client.request("GET", server.target, deadline=deadline)).read(100)
    assert str(caught.value) == f"{server.target.peer}: the deadline passed while {step}"


async def test_a_deadline_already_past_sends_nothing() -> None:
    """No connection is opened for a request that is too late."""
    async with upstream(silent) as server, HttpClient() as client:
        with pytest.raises(DeadlineExceeded):
            await client.request("GET", server.target, deadline=asyncio.get_running_loop().time())
    assert server.peers == []


async def test_a_deadline_that_passes_while_the_reader_is_busy_ends_the_stream() -> None:
    """A reader that never has to wait is held to the deadline too; nothing that came is lost."""
    loop = asyncio.get_running_loop()
    late = asyncio.Event()
    async with upstream(stalls_in_the_body) as server, HttpClient() as client:
        deadline = loop.time() + 0.05
        response = await client.request("GET", server.target, deadline=deadline)
        loop.call_at(deadline + 0.01, late.set)
        await late.wait()
        assert await response.next_chunk() == b"hello"
        with pytest.raises(DeadlineExceeded):
            await response.next_chunk()


@pytest.mark.parametrize(
    ("raw", "stage"),
    [
        (b"", DisconnectStage.BEFORE_RESPONSE),
        (b"HTTP/1.1 200 OK\r\ncontent-le", DisconnectStage.MID_HEAD),
        (b"HTTP/1.1 100 Continue\r\n\r\n", DisconnectStage.MID_HEAD),
        (HALF, DisconnectStage.MID_BODY),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", DisconnectStage.MID_BODY),
    ],
)
@pytest.mark.parametrize("is_reset", [False, True])
async def test_a_lost_connection_says_how_far_the_response_came(
    raw: bytes, stage: DisconnectStage, *, is_reset: bool
) -> None:
    """A truncated body is never a success, and a fresh connection is never retried."""
    may_end = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(raw)
        if stage is DisconnectStage.MID_BODY:
            await may_end.wait()  # a reset discards what the client has not read
        if is_reset and stage is not DisconnectStage.MID_HEAD:
            peer.reset()

    async with upstream(script) as server, HttpClient() as client:

        async def read_to_the_end() -> None:
            response = await client.request("POST", server.target)
            assert await response.next_chunk() == b"hello"
            may_end.set()
            await response.next_chunk()

        with pytest.raises(UpstreamDisconnected) as caught:
            await read_to_the_end()
    assert (caught.value.stage, caught.value.mid_body, len(server.peers)) == (
        stage,
        stage is DisconnectStage.MID_BODY,
        1,
    )


async def test_a_reset_in_a_body_delimited_by_the_end_is_not_the_end() -> None:
    """Only a clean FIN completes a body without length."""
    may_end = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
        await may_end.wait()
        peer.reset()

    async with upstream(script) as server, HttpClient() as client:
        response = await client.request("GET", server.target)
        assert await response.next_chunk() == b"hello"
        may_end.set()
        with pytest.raises(UpstreamDisconnected):
            await response.next_chunk()


async def test_a_stale_kept_connection_is_replaced_once() -> None:
    """A server that closes just as the next request is written costs nothing but a new connection."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        if peer.number == 0:
            await peer.request()  # and close without a byte of an answer

    async with upstream(script) as server, HttpClient() as client:
        for _ in range(2):
            assert await (await client.request("POST", server.target, body=b"{}")).read(2) == b"ok"
        assert len(server.peers) == 2


async def test_a_second_close_is_not_retried_again() -> None:
    """One retry, no more."""

    async def script(peer: Peer) -> None:
        await peer.request()
        if peer.number == 0:
            await peer.send(OK)
            await peer.request()

    async with upstream(script) as server, HttpClient() as client:
        await (await client.request("POST", server.target)).read(2)
        with pytest.raises(UpstreamDisconnected):
            await client.request("POST", server.target)
        assert len(server.peers) == 2


@pytest.mark.parametrize("raw", [b"H", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_a_request_is_never_repeated_once_a_byte_of_an_answer_came(raw: bytes) -> None:
    """The server was at work: doing it again would pay twice."""
    async with upstream(answers(OK, raw)) as server, HttpClient() as client:
        await (await client.request("POST", server.target)).read(2)
        with pytest.raises(UpstreamDisconnected) as caught:
            await client.request("POST", server.target)
        assert (caught.value.stage, len(server.peers)) == (DisconnectStage.MID_HEAD, 1)


async def test_a_timeout_on_a_kept_connection_is_not_retried() -> None:
    """Slow is not stale."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.client_closed()

    async with upstream(script) as server, HttpClient(timeouts=Timeouts(first_byte_s=0.05)) as client:
        await (await client.request("POST", server.target)).read(2)
        with pytest.raises(FirstByteTimeout):
            await client.request("POST", server.target)
        assert len(server.peers) == 1


async def test_an_answer_before_the_whole_request_was_written_is_given_and_the_connection_dropped() -> None:
    """A server that refuses a large upload early is heard; the half-written connection is not used again."""

    async def script(peer: Peer) -> None:
        if peer.number == 0:
            await peer.reader.readuntil(b"\r\n\r\n")
            await peer.send(OK)
            await asyncio.Event().wait()
        await peer.request()
        await peer.send(OK)
        await peer.client_closed()

    async with upstream(script) as server, HttpClient() as client:
        assert await (await client.request("POST", server.target, body=b"x" * 30_000_000)).read(2) == b"ok"
        assert await (await client.request("POST", server.target)).read(2) == b"ok"
        assert len(server.peers) == 2


async def test_reading_a_closed_response_is_an_error_not_an_end() -> None:
    """A body cut short by its own reader does not look complete."""
    async with upstream(stalls_in_the_body) as server, HttpClient() as client:
        response = await client.request("GET", server.target)
        await response.aclose()
        with pytest.raises(LocallyClosed):
            await response.read(100)


async def test_no_error_repeats_what_was_sent() -> None:
    """Neither key nor prompt nor path reaches a message."""
    async with upstream(answers(b"nonsense")) as server, HttpClient() as client:
        with pytest.raises(TransportError) as caught:
            await client.request("POST", server.target.join("/x?key=s3cret"), [(b"x-key", b"s3cret")], b"s3cret")
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(caught.value)
