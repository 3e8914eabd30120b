"""Callers who do not read: their models are not read either, and in the end they are given up."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx2

from pointsman.adapters.storage.reader import LedgerReader
from tests.adapters.http.servers import Peer
from tests.e2e.openai_server import chunk, openai_server
from tests.e2e.test_upstreams import model
from tests.e2e.wire import Call, begin, piece
from tests.server.gateways import a_gateway

PIECE_BYTES = 20_000
BOUND_BYTES = 32 * 1024 * 1024  # what four sockets' buffers may hold at most, and far more than two connections do
REQUEST = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "hi"}], "stream": True}).encode()
HEAD = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(REQUEST)}\r\n\r\n".encode()


async def test_who_does_not_read_is_given_up_and_the_model_let_go(tmp_path: Path) -> None:
    """The model writes no more than the buffers on the way hold; then its connection and the caller's are cut."""
    sent, let_go = 0, asyncio.Event()

    async def floods(peer: Peer, call: Call) -> None:
        nonlocal sent
        await begin(peer, "text/event-stream")
        try:
            while sent < BOUND_BYTES:
                await piece(peer, chunk({"content": "x" * PIECE_BYTES}))
                sent += PIECE_BYTES
            await peer.client_closed()
        except ConnectionError:
            pass
        let_go.set()

    ledger = tmp_path / "ledger.db"
    async with (
        openai_server(floods) as upstream,
        a_gateway(model(upstream.url), ledger=ledger, server={"write_timeout_s": 0.4}) as gateway,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=1024)
        writer.write(HEAD + REQUEST)
        await reader.readline()
        async with asyncio.timeout(10):
            await let_go.wait()
        writer.close()
    (row,) = LedgerReader(ledger).recent()
    assert sent < BOUND_BYTES
    assert (row.outcome, row.served, row.is_estimated) == ("cancelled", "first", True)


async def test_who_reads_slowly_is_served() -> None:
    """Longer in all than the patience with one piece."""
    pieces = 30

    async def tells(peer: Peer, call: Call) -> None:
        await begin(peer, "text/event-stream")
        for _ in range(pieces):
            await piece(peer, chunk({"content": "x" * PIECE_BYTES}))
        await piece(peer, chunk({}, finish_reason="stop") + b"data: [DONE]\n\n")
        await peer.send(b"0\r\n\r\n")

    async with (
        openai_server(tells) as upstream,
        a_gateway(model(upstream.url), server={"write_timeout_s": 0.3}) as gateway,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=1024)
        writer.write(HEAD + REQUEST)
        heard = b""
        while b"[DONE]" not in heard:
            heard += await reader.read(PIECE_BYTES)
            await asyncio.sleep(0.01)
        writer.close()
    assert heard.count(b"x" * 100) >= pieces


async def test_others_are_served_meanwhile() -> None:
    """A caller who does not read holds nobody up."""

    async def floods(peer: Peer, call: Call) -> None:
        await begin(peer, "text/event-stream")
        while True:
            await piece(peer, chunk({"content": "x" * PIECE_BYTES}))

    async with (
        openai_server(floods) as upstream,
        a_gateway(model(upstream.url)) as gateway,
        httpx2.AsyncClient() as http,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=1024)
        writer.write(HEAD + REQUEST)
        await reader.readline()
        assert (await http.get(f"{gateway.url}/readyz", timeout=2)).status_code == 200
        writer.transport.abort()
