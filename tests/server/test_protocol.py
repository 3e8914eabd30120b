"""Connections of callers, over real sockets: what HTTP/1.1 asks for, and those who do not keep to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pointsman.server.disconnect import DisconnectWatch
from pointsman.server.http import CallerGone, Message, Receive, Scope, Send, read_body, respond, respond_json
from pointsman.server.patience import Patience
from pointsman.server.protocol import MAX_HEAD_BYTES
from tests.server.callers import LIMIT_S, Caller, calling, served

MAX_BODY = 8 * 1024 * 1024
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what it was asked."""
    body = await read_body(scope, receive, MAX_BODY)
    said = {"method": scope["method"], "path": scope["path"], "query": scope["query_string"].decode(), "n": len(body)}
    await respond_json(send, 200, said)


async def brief(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answers without reading."""
    await respond(send, 200, b'{"a": 1}', ((b"x-one", b"1"), (b"x-two", b"2")))


async def brief_by_asgi(_scope: Scope, _receive: Receive, send: Send) -> None:
    """The same through a `send` that nobody knows."""

    async def unknown(message: Message) -> None:
        await send(message)

    await respond(unknown, 200, b'{"a": 1}', ((b"x-one", b"1"), (b"x-two", b"2")))


async def streamed(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answers in two pieces, without a length."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-one", b"1")]})
    await send({"type": "http.response.body", "body": b"one", "more_body": True})
    await send({"type": "http.response.body", "body": b"two"})


def post(body: bytes, *headers: bytes) -> bytes:
    """A request with *body*, after which the server hangs up."""
    lines = (b"POST /v1/x?y=1 HTTP/1.1", b"host: a", b"connection: close", b"content-length: %d" % len(body), *headers)
    return b"\r\n".join((*lines, b"", body))


def echoed(body: int, method: str = "POST", path: str = "/v1/x", query: str = "y=1") -> bytes:
    """What `echo` says, as the end of an answer."""
    return json.dumps({"method": method, "path": path, "query": query, "n": body}).encode()


REQUESTS = {
    "closing": LAST,
    "1.0": b"GET / HTTP/1.0\r\nhost: a\r\n\r\n",
    "head": b"HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    "two on one connection": GET + LAST,
}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
async def test_both_ways_to_answer_whole_say_the_same(request_: bytes) -> None:
    """Status, headers in their order, body, and whether the connection stays."""
    async with served(brief) as server, calling(server, request_) as caller:
        quick = await caller.rest()
    async with served(brief_by_asgi) as server, calling(server, request_) as caller:
        assert quick == await caller.rest()
    assert quick.count(b"HTTP/1.1 200 OK") == request_.count(b"HTTP/1.")


async def test_a_whole_answer_byte_for_byte() -> None:
    """Without the date."""
    async with served(brief) as server, calling(server, LAST) as caller:
        assert await caller.rest() == (
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 8\r\nx-one: 1\r\nx-two: 2\r\n"
            b'connection: close\r\n\r\n{"a": 1}'
        )


async def test_a_stream_is_chunked() -> None:
    """Each piece as it comes, and an end."""
    async with served(streamed) as server, calling(server, LAST) as caller:
        head, _, body = (await caller.rest()).partition(b"\r\n\r\n")
    assert head.endswith(b"x-one: 1\r\ntransfer-encoding: chunked\r\nconnection: close")
    assert body == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"


async def test_a_stream_to_the_older_http_ends_with_the_connection() -> None:
    """HTTP/1.0 knows no chunks."""
    async with served(streamed) as server, calling(server, REQUESTS["1.0"]) as caller:
        said = await caller.rest()
    assert b"chunked" not in said
    assert said.endswith(b"connection: close\r\n\r\nonetwo")


@pytest.mark.parametrize("app", [streamed, brief])
async def test_a_head_request_is_answered_without_a_body(app: object) -> None:
    """Whatever the application says."""
    async with served(app) as server, calling(server, REQUESTS["head"]) as caller:  # type: ignore[arg-type]
        assert (await caller.rest()).endswith(b"\r\n\r\n")


async def test_a_connection_serves_one_request_after_another() -> None:
    """And each finds it as the one before did."""
    async with served(echo) as server, calling(server) as caller:
        for size in (0, 5, 200_000, 3):
            caller.say(post(b"x" * size).replace(b"connection: close\r\n", b""))
            assert (await caller.until(b"}")).endswith(echoed(size))


async def test_requests_sent_at_once_are_answered_in_turn() -> None:
    """Fifty of them, in the order they came."""
    many = b"".join(b"GET /%d HTTP/1.1\r\nhost: a\r\n\r\n" % number for number in range(49))
    async with served(echo) as server, calling(server, many + post(b"z")) as caller:
        said = await caller.rest()
    assert said.count(b"HTTP/1.1 200 OK") == 50
    positions = [said.index(b'"path": "/%d"' % number) for number in range(49)]
    assert positions == sorted(positions)
    assert said.endswith(echoed(1))


async def test_a_path_is_decoded_and_its_query_is_not() -> None:
    """As ASGI has it."""
    request = b"GET /a%20b/c?d=%20e HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    async with served(echo) as server, calling(server, request) as caller:
        assert (await caller.rest()).endswith(echoed(0, "GET", "/a b/c", "d=%20e"))


async def test_a_chunked_body_arrives_whole() -> None:
    """In pieces of its own, with trailers that nobody reads."""
    head = b"POST /v1/x?y=1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    async with served(echo) as server, calling(server, head + b"3\r\nabc\r\n") as caller:
        caller.say(b"2\r\nde\r\n0\r\nx-trailer: 1\r\n\r\n")
        assert (await caller.rest()).endswith(echoed(5))


async def test_a_body_is_read_no_faster_than_it_is_taken() -> None:
    """A large one comes in pieces of a bounded size, and comes whole."""
    pieces: list[int] = []

    async def taking(_scope: Scope, receive: Receive, send: Send) -> None:
        is_whole = False
        while not is_whole:
            message = await receive()
            pieces.append(len(message["body"]))
            is_whole = not message["more_body"]
        await brief(_scope, receive, send)

    size = 4 * 1024 * 1024
    async with served(taking) as server, calling(server, post(b"x" * size)) as caller:
        assert (await caller.rest()).endswith(b'{"a": 1}')
    assert sum(pieces) == size
    assert max(pieces) <= 1024 * 1024


async def test_a_caller_who_waits_to_be_asked_for_the_body_is_asked() -> None:
    """`Expect: 100-continue`, once the application wants to read."""
    head, body = post(b"hello", b"expect: 100-continue")[:-5], b"hello"
    async with served(echo) as server, calling(server, head) as caller:
        assert await caller.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        caller.say(body)
        assert (await caller.rest()).endswith(echoed(5))


async def test_a_caller_whose_body_nobody_wants_is_not_asked_for_it() -> None:
    """They are answered, and as nobody can tell whether the body follows, the connection ends."""
    head = post(b"hello", b"expect: 100-continue")[:-5].replace(b"connection: close\r\n", b"")
    async with served(brief) as server, calling(server, head) as caller:
        said = await caller.rest()
    assert said.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nconnection: close\r\n" in said


async def test_a_body_that_is_too_large_is_answered_before_it_is_here() -> None:
    """And the connection lives on when the rest of it has come."""

    async def refusing(_scope: Scope, _receive: Receive, send: Send) -> None:
        await respond(send, 413, b"{}")

    head = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n"
    async with served(refusing) as server, calling(server, head + b"x" * 10) as caller:
        assert (await caller.until(b"{}")).startswith(b"HTTP/1.1 413 ")
        caller.say(b"x" * 99_990 + LAST)
        assert (await caller.rest()).startswith(b"HTTP/1.1 413 ")


async def test_another_protocol_is_not_spoken() -> None:
    """A wish for a WebSocket, or for HTTP/2, is answered in this one; requests may follow."""
    wish = b"GET /v1/x?y=1 HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    async with served(echo) as server, calling(server, wish) as caller:
        assert (await caller.until(b"}")).endswith(echoed(0, "GET"))
        caller.say(post(b"ab", b"upgrade: h2c").replace(b"connection: close", b"connection: upgrade, close"))
        assert (await caller.rest()).endswith(echoed(2))


async def test_what_is_no_http_is_refused() -> None:
    """Before anybody is asked."""
    async with served(echo) as server, calling(server, b"\x16\x03\x01 hello\r\n\r\n") as caller:
        said = await caller.rest()
    assert said.startswith(b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n")
    assert said.endswith(b"connection: close\r\n\r\nInvalid HTTP request received.")


async def test_garbage_behind_a_request_does_not_harm_its_answer() -> None:
    """The answer first, then what is wrong."""
    async with served(echo) as server, calling(server, GET + b"\0garbage\r\n\r\n") as caller:
        said = await caller.rest()
    first, _, second = said.partition(b'"n": 0}')
    assert first.startswith(b"HTTP/1.1 200 OK\r\n")
    assert second.startswith(b"HTTP/1.1 400 Bad Request\r\n")


@pytest.mark.parametrize("is_at_once", [True, False])
async def test_a_head_that_is_too_long_is_refused(is_at_once: bool) -> None:  # noqa: FBT001
    """Whether it comes to an end or not."""
    long = b"GET / HTTP/1.1\r\nhost: a\r\n" + b"x-long: " + b"y" * (2 * MAX_HEAD_BYTES)
    async with served(echo) as server, calling(server, long) as caller:
        caller.say(b"\r\n\r\n" if is_at_once else b"y" * (2 * MAX_HEAD_BYTES))
        assert (await caller.until(b"\r\n")) == b"HTTP/1.1 431 Request Header Fields Too Large\r\n"


async def test_a_silent_caller_is_left() -> None:
    """Without a word: nothing was asked."""
    async with served(echo, Patience(read_timeout_s=0.05)) as server, calling(server) as caller:
        assert await caller.rest() == b""


async def test_a_caller_who_asks_no_more_is_left() -> None:
    """A while after the last answer."""
    async with served(echo, keep_alive_s=0) as server, calling(server, GET) as caller:
        assert (await caller.rest()).endswith(echoed(0, "GET", "/", ""))


async def test_an_address_holds_so_many_connections_and_no_more() -> None:
    """One that ends makes room."""
    patience = Patience(max_connections_per_address=1)
    async with served(echo, patience) as server, calling(server, GET) as one:
        await one.until(b"}")
        async with calling(server, GET) as two:
            assert await two.rest() == b""
        one.say(LAST)
        await one.rest()
        async with calling(server, LAST) as three:
            assert (await three.rest()).endswith(echoed(0, "GET", "/", ""))


async def test_a_head_that_takes_too_long_is_refused() -> None:
    """However often something of it comes."""
    async with (
        served(echo, Patience(read_timeout_s=0.1)) as server,
        calling(server, b"GET / HTTP/1.1\r\n") as caller,
        trickling(caller, b"x-more: 1\r\n"),
    ):
        assert (await caller.until(b"\r\n")) == b"HTTP/1.1 408 Request Timeout\r\n"


async def test_a_body_that_takes_too_long_is_refused() -> None:
    """And the application learns that nobody is there."""
    left: list[type[Exception]] = []

    async def reading(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await echo(scope, receive, send)
        except CallerGone as error:
            left.append(type(error))

    patience = Patience(read_timeout_s=0.1, slowest_bytes_per_s=1_000_000)
    async with (
        served(reading, patience) as server,
        calling(server, post(b"x" * 1000)[:-500]) as caller,
        trickling(caller, b"x"),
    ):
        assert (await caller.until(b"\r\n")) == b"HTTP/1.1 408 Request Timeout\r\n"
    assert left == [CallerGone]


async def test_a_body_that_comes_slowly_but_steadily_is_read() -> None:
    """Only those who keep it below the least rate are left."""
    patience = Patience(read_timeout_s=0.1, slowest_bytes_per_s=1)
    async with (
        served(echo, patience) as server,
        calling(server, post(b"x" * 50)[:-49]) as caller,
        trickling(caller, b"x", times=49),
    ):
        assert (await caller.rest()).endswith(echoed(50))


@asynccontextmanager
async def trickling(caller: Caller, piece: bytes, times: int = 1000) -> AsyncIterator[None]:
    """While inside, *piece* is said every hundredth of a second."""

    async def trickle() -> None:
        for _ in range(times):
            caller.say(piece)
            await asyncio.sleep(0.01)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(trickle())
        yield
        task.cancel()


async def test_a_caller_who_does_not_read_is_left() -> None:
    """What is written for them waits for a while, then the work is cancelled; memory stays bounded."""
    written, is_over = 0, asyncio.Event()

    async def endless(_scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal written
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            async with DisconnectWatch(receive):
                while True:
                    await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
                    written += 65_536
        finally:
            is_over.set()

    async with served(endless, Patience(take_timeout_s=0.1)) as server, calling(server, GET):
        await asyncio.wait_for(is_over.wait(), LIMIT_S)
    assert written < 32 * 1024 * 1024


async def test_work_for_a_caller_who_hangs_up_is_cancelled() -> None:
    """At once, and quietly."""
    has_begun, has_ended = asyncio.Event(), asyncio.Event()

    async def slow(_scope: Scope, receive: Receive, _send: Send) -> None:
        async with DisconnectWatch(receive) as watch:
            has_begun.set()
            await asyncio.Event().wait()
        assert watch.has_fired
        has_ended.set()

    async with served(slow) as server:
        async with calling(server, GET):
            await has_begun.wait()
        await asyncio.wait_for(has_ended.wait(), LIMIT_S)


async def test_an_application_that_fails_is_a_500() -> None:
    """And the end of the connection."""

    async def returning(_scope: Scope, _receive: Receive, _send: Send) -> None:
        return

    async with served(returning) as server, calling(server, GET) as caller:
        said = await caller.rest()
    assert said.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert said.endswith(b"connection: close\r\n\r\nInternal Server Error")


async def test_an_answer_that_is_not_ended_breaks_off() -> None:
    """So that nobody takes it for whole."""

    async def half(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})

    async with served(half) as server, calling(server, GET) as caller:
        assert (await caller.rest()).endswith(b"3\r\none\r\n")


async def test_a_header_that_would_break_the_head_is_not_written() -> None:
    """Nothing is: the connection ends."""

    async def broken(_scope: Scope, _receive: Receive, send: Send) -> None:
        with pytest.raises(RuntimeError, match="line break"):
            await respond(send, 200, b"{}", ((b"x-one", b"1\r\nx-evil: 2"),))

    async with served(broken) as server, calling(server, GET) as caller:
        assert await caller.rest() == b""


async def test_a_server_that_ends_answers_what_it_was_asked() -> None:
    """And closes the connections that nobody uses."""
    has_begun, may_go_on = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        has_begun.set()
        await may_go_on.wait()
        await brief(scope, receive, send)

    async with served(slow) as server, calling(server) as idle, calling(server, GET) as busy:
        await has_begun.wait()
        server.uvicorn.should_exit = True
        assert await idle.rest() == b""
        may_go_on.set()
        assert (await busy.rest()).endswith(b'connection: close\r\n\r\n{"a": 1}')
