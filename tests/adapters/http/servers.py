"""A server that plays a script on every connection, byte by byte: the misbehaving peer of these tests."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeAlias

from pointsman.adapters.http import Target

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Peer:
    """One accepted connection, as the script sees it."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Count connections from 0."""
        self.number = number
        self.reader = reader
        self.writer = writer
        self.has_left = asyncio.Event()
        """Set when the script ended: after `client_closed`, when the client had left."""

    async def request(self) -> bytes:
        """Return the next request: head and body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")), 0)
        return head + await self.reader.readexactly(length)

    async def send(self, data: bytes) -> None:
        """Write and flush."""
        self.writer.write(data)
        await self.writer.drain()

    async def send_each_byte(self, data: bytes) -> None:
        """Write every byte in a segment of its own, letting the loop turn between."""
        for position in range(len(data)):
            await self.send(data[position : position + 1])
            await asyncio.sleep(0)

    async def client_closed(self) -> None:
        """Return when the client's end of the connection is gone."""
        with suppress(ConnectionError):
            while await self.reader.read(65536):
                pass

    def reset(self) -> None:
        """End the connection with RST instead of FIN."""
        raw: socket.socket = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script: TypeAlias = Callable[[Peer], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class Upstream:
    """The running server."""

    target: Target
    peers: list[Peer] = field(default_factory=list)


@asynccontextmanager
async def upstream(
    script: Script, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Upstream]:
    """Serve *script* on a free port of *host*; when it returns, its connection is closed."""
    running = Upstream(target=Target.parse("http://127.0.0.1"))

    async def play(peer: Peer) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await script(peer)
        finally:
            peer.writer.close()
            peer.has_left.set()

    async with asyncio.TaskGroup() as tasks:

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peer = Peer(len(running.peers), reader, writer)
            running.peers.append(peer)
            plays.append(tasks.create_task(play(peer)))

        plays: list[asyncio.Task[None]] = []
        server = await asyncio.start_server(accept, host, 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        running.target = Target.parse(f"{'https' if tls else 'http'}://127.0.0.1:{port}/v1")
        try:
            yield running
        finally:
            server.close()
            for task in plays:
                task.cancel()


def answers(*responses: bytes) -> Script:
    """Answer the requests of a connection with *responses* in turn, then close it."""

    async def script(peer: Peer) -> None:
        for response in responses:
            await peer.request()
            await peer.send(response)

    return script


async def keeps_answering(peer: Peer) -> None:
    """Answer `ok` until the client leaves."""
    while True:
        await peer.request()
        await peer.send(OK)
