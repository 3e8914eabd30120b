"""The law of streams: where the network cuts a response changes nothing but the chunks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from pointsman.adapters.http.connection import Connection
from pointsman.adapters.http.response import Exchange, Timeouts
from tests.adapters.http.wire import Wire

Outcome: TypeAlias = tuple[int, tuple[tuple[bytes, bytes], ...], bytes, list[str]]


class Log:
    """An owner that notes what it is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def released(self, connection: Connection) -> None:
        self.heard.append("released")

    def lost(self, connection: Connection) -> None:
        self.heard.append("lost")


async def receive(pieces: Sequence[bytes], *, then_eof: bool) -> Outcome:
    """Feed *pieces* to a connection and read the response to its end."""
    log = Log()
    connection = Connection(log, "test:80", asyncio.get_running_loop())
    connection.connection_made(Wire())
    exchange = Exchange(Timeouts(), None, is_head_request=False)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(connection.run(exchange, b"", b""))
        await asyncio.sleep(0)
        for piece in pieces:
            connection.data_received(piece)
        if then_eof:
            connection.eof_received()
    body = await running.result().read(1_000_000)
    return running.result().status, running.result().headers, body, log.heard


@st.composite
def responses(draw: st.DrawFn) -> tuple[bytes, bool, Outcome]:
    """A valid response as bytes, whether its end is the connection's, and how it must be read."""
    chunks = draw(st.lists(st.binary(min_size=1, max_size=40), max_size=8))
    body = b"".join(chunks)
    framing = draw(st.sampled_from(["length", "chunked", "eof"]))
    token = st.text("abcXYZ019-", min_size=1, max_size=8).map(lambda name: b"x-" + name.encode())
    value = st.text("abc =/;,", max_size=12).map(lambda text: text.strip().encode())
    headers = draw(st.lists(st.tuples(token, value), max_size=5))
    if framing == "length":
        headers.append((b"Content-Length", b"%d" % len(body)))
    elif framing == "chunked":
        headers.append((b"Transfer-Encoding", b"chunked"))
    interim = draw(st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n"]))
    status = draw(st.sampled_from([200, 201, 307, 404, 429, 500, 529]))
    head = b"HTTP/1.1 %d Reason\r\n" % status + b"".join(b"%b: %b\r\n" % header for header in headers)
    coded = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    raw = interim + head + b"\r\n" + (coded if framing == "chunked" else body)
    seen = tuple((name.lower(), value) for name, value in headers)
    return raw, framing == "eof", (status, seen, body, ["lost" if framing == "eof" else "released"])


@given(responses(), st.data())
def test_any_split_of_a_response_reads_the_same(response: tuple[bytes, bool, Outcome], data: st.DataObject) -> None:
    """Cut anywhere, the status, headers, body and fate of the connection are those of the whole."""
    raw, then_eof, expected = response
    cuts = sorted(data.draw(st.sets(st.integers(1, len(raw) - 1), max_size=12)))
    pieces = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert asyncio.run(receive(pieces, then_eof=then_eof)) == expected
