"""A server of one small application over real sockets, and callers that speak HTTP byte by byte."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn

from pointsman.server.http import Receive, Scope, Send
from pointsman.server.patience import Patience

Application = Callable[[Scope, Receive, Send], Awaitable[None]]

LIMIT_S = 10  # for what a test waits for


@dataclass(frozen=True, slots=True)
class Server:
    """Where it listens, and how to end it."""

    port: int
    uvicorn: uvicorn.Server


@asynccontextmanager
async def served(app: Application, patience: Patience | None = None, *, keep_alive_s: int = 5) -> AsyncIterator[Server]:
    """*app* behind connections of ours."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        config = uvicorn.Config(
            app,
            http=(patience or Patience()).protocol,
            lifespan="off",
            log_config=None,
            log_level="critical",
            server_header=False,
            timeout_keep_alive=keep_alive_s,
        )
        server = uvicorn.Server(config)
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(server.serve(sockets=[listener]))
            try:
                yield Server(listener.getsockname()[1], server)
            finally:
                server.should_exit = True
                await asyncio.wait((serving,))


class Caller:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, data: bytes) -> None:
        """Send *data*."""
        self.writer.write(data)

    async def until(self, end: bytes) -> bytes:
        """What the server says, up to *end*."""
        return await asyncio.wait_for(self.reader.readuntil(end), LIMIT_S)

    async def rest(self) -> bytes:
        """Everything the server says until it hangs up, without the dates."""
        said = await asyncio.wait_for(self.reader.read(), LIMIT_S)
        return b"\r\n".join(line for line in said.split(b"\r\n") if not line.startswith(b"date:"))


@asynccontextmanager
async def calling(server: Server, data: bytes = b"") -> AsyncIterator[Caller]:
    """A caller who begins with *data*."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    caller = Caller(reader, writer)
    caller.say(data)
    try:
        yield caller
    finally:
        writer.close()
