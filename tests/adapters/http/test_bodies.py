"""How a response ends, told by the bytes on the wire."""

from __future__ import annotations

import asyncio

import pytest

from pointsman.adapters.http import HttpClient, ProtocolViolation, ResponseTooLarge
from tests.adapters.http.servers import OK, Peer, answers, keeps_answering, upstream

CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n1;x=y\r\n \r\n5\r\nworld\r\n0\r\nX-T: 1\r\n\r\n"
)


async def test_a_request_arrives_as_written_and_its_answer_comes_back() -> None:
    """Head and body of the request are exact; names of response headers are lower case."""
    requests: list[bytes] = []

    async def script(peer: Peer) -> None:
        requests.append(await peer.request())
        await peer.send(b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\nX-A: 1\r\nX-A: 2\r\n\r\nhello")
        await peer.client_closed()

    async with upstream(script) as server, HttpClient() as client:
        target = server.target.join("/chat")
        async with await client.request("POST", target, [(b"x-key", b"k")], b"{}") as response:
            body = await response.read(100)
    assert (response.status, response.headers, body) == (
        201,
        ((b"content-length", b"5"), (b"x-a", b"1"), (b"x-a", b"2")),
        b"hello",
    )
    assert (response.header("X-A"), response.header("x-none")) == ("1", None)
    assert requests == [
        b"POST /v1/chat HTTP/1.1\r\nhost: %b\r\nx-key: k\r\ncontent-length: 2\r\n\r\n{}" % target.host_header
    ]


async def test_a_large_request_body_arrives_whole() -> None:
    """Bodies above one write are sent in pieces."""
    body = bytes(range(256)) * 8192

    async def script(peer: Peer) -> None:
        request = await peer.request()
        await peer.send(OK if request.endswith(b"\r\n\r\n" + body) else b"HTTP/1.1 400 No\r\ncontent-length: 0\r\n\r\n")
        await peer.client_closed()

    async with upstream(script) as server, HttpClient() as client:
        response = await client.request("POST", server.target, body=body)
        assert (response.status, await response.read(2)) == (200, b"ok")


@pytest.mark.parametrize("raw", [CHUNKED, b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world"])
async def test_a_response_in_single_bytes_is_the_same_response(raw: bytes) -> None:
    """Where segments are cut changes nothing; trailers are not headers."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send_each_byte(raw)
        await peer.client_closed()

    async with upstream(script) as server, HttpClient() as client:
        response = await client.request("GET", server.target)
        body = b"".join([chunk async for chunk in response.chunks()])
        assert (len(response.headers), body, response.is_complete) == (1, b"hello world", True)


async def test_chunks_that_came_together_are_read_together() -> None:
    """What arrived in one go is relayed in one go."""
    async with upstream(answers(CHUNKED)) as server, HttpClient() as client:
        response = await client.request("GET", server.target)
        assert [chunk async for chunk in response.chunks()] == [b"hello world"]


async def test_a_body_without_length_ends_with_the_connection() -> None:
    """HTTP/1.0 style bodies are complete at a clean end."""
    async with upstream(answers(b"HTTP/1.0 200 OK\r\n\r\nall of it")) as server, HttpClient() as client:
        response = await client.request("GET", server.target)
        assert await response.read(100) == b"all of it"


async def test_interim_responses_are_skipped() -> None:
    """100 and 103 come before the answer, with headers of their own."""
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    async with upstream(answers(interim + OK)) as server, HttpClient() as client:
        response = await client.request("POST", server.target)
        assert (response.status, response.headers, await response.read(9)) == (200, ((b"content-length", b"2"),), b"ok")


@pytest.mark.parametrize(
    ("method", "raw"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n"),
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ],
)
async def test_a_response_without_body_leaves_the_connection_usable(method: str, raw: bytes) -> None:
    """HEAD, 204, 304 and length 0 have no body, whatever their headers promise."""
    async with upstream(answers(raw, OK)) as server, HttpClient() as client:
        first = await client.request("HEAD" if method == "HEAD" else "GET", server.target)
        assert await first.read(0) == b""
        second = await client.request("GET", server.target)
        assert (await second.read(2), len(server.peers)) == (b"ok", 1)


async def test_a_redirect_is_an_answer_like_any_other() -> None:
    """A key never follows a Location."""
    raw = b"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    async with upstream(answers(raw)) as server, HttpClient() as client:
        response = await client.request("POST", server.target, [(b"authorization", b"k")])
        assert (response.status, response.header("location")) == (307, "http://127.0.0.1:1/")


async def test_a_body_over_the_readers_limit_closes_the_connection() -> None:
    """The rest of an oversized body is not downloaded."""
    closed = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 20)
        await peer.client_closed()
        closed.set()

    async with upstream(script) as server, HttpClient() as client:
        response = await client.request("GET", server.target)
        with pytest.raises(ResponseTooLarge) as caught:
            await response.read(10)
        await closed.wait()
    assert str(caught.value) == f"{server.target.peer}: the response body is over 10 bytes"


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        b"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ],
)
async def test_what_is_not_a_plain_response_is_a_protocol_violation(raw: bytes) -> None:
    """Garbage, ambiguous framing and lenient line ends are refused, not guessed at."""
    async with upstream(answers(raw)) as server, HttpClient() as client:
        with pytest.raises(ProtocolViolation):
            await client.request("GET", server.target)


async def test_a_broken_chunk_size_fails_the_body_after_what_came_before() -> None:
    """Bytes that arrived are handed over, then the fault is raised."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n")
        await peer.client_closed()

    async with upstream(script) as server, HttpClient() as client:
        response = await client.request("GET", server.target)
        assert await response.next_chunk() == b"hello"
        with pytest.raises(ProtocolViolation):
            await response.next_chunk()


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"a" * 1000),
        (b"HTTP/1.1 200 OK\r\n", b"X: a\r\n" * 100),
        (b"", b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 10),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"a" * 1000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: a\r\n" * 100),
    ],
    ids=["one header", "many headers", "interim responses", "chunk extension", "trailers"],
)
async def test_endless_headers_are_cut_off(start: bytes, piece: bytes) -> None:
    """Nothing that is not body grows without a limit."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(start)
        while True:
            await peer.send(piece)

    async with upstream(script) as server, HttpClient() as client:
        with pytest.raises(ProtocolViolation) as caught:
            await (await client.request("GET", server.target)).read(100)
    assert str(caught.value) == f"{server.target.peer}: the response headers are over 65536 bytes"


async def test_headers_just_over_the_limit_in_one_segment_are_refused() -> None:
    """The limit holds too when the whole head is there at once."""
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: " + b"a" * 65536 + b"\r\n\r\n"
    async with upstream(answers(raw)) as server, HttpClient() as client:
        with pytest.raises(ProtocolViolation):
            await client.request("GET", server.target)


async def test_bytes_after_the_response_cost_the_connection_its_reuse() -> None:
    """A second, unasked response is never given to the next request."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK + b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")
        await peer.client_closed()

    async with upstream(script) as server, HttpClient() as client:
        bodies = [await (await client.request("GET", server.target)).read(9) for _ in range(2)]
        assert (bodies, len(server.peers)) == ([b"ok", b"ok"], 2)


async def test_connection_close_is_obeyed() -> None:
    """A server that says close gets a new connection next time."""
    raw = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    async with upstream(answers(raw, raw)) as server, HttpClient() as client:
        for _ in range(2):
            assert await (await client.request("GET", server.target)).read(2) == b"ok"
        assert len(server.peers) == 2


async def test_a_kept_connection_serves_many_requests() -> None:
    """Requests one after the other share one connection."""
    async with upstream(keeps_answering) as server, HttpClient() as client:
        for _ in range(20):
            assert await (await client.request("POST", server.target, body=b"{}")).read(2) == b"ok"
        assert len(server.peers) == 1
