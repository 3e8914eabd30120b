"""HTTP as scripted servers speak it, on a real socket: requests read, answers whole, in pieces or broken."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from tests.adapters.http.servers import Peer, upstream

JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as it came. `body` is its JSON, None when it had none."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any = None


@dataclass(slots=True, kw_only=True)
class Scripted:
    """A running server: where it is, and what it was asked so far."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)

    @property
    def bodies(self) -> list[Any]:
        """The JSON of every request that had some; questions about the models (GET) have none."""
        return [call.body for call in self.calls if call.body is not None]


Handler = Callable[[Peer, Call], Awaitable[None]]


@asynccontextmanager
async def scripted(handler: Handler) -> AsyncIterator[Scripted]:
    """Answer with *handler* on a free loopback port; connections are kept as HTTP/1.1 keeps them."""
    server = Scripted()

    async def serve(peer: Peer) -> None:
        while not peer.writer.is_closing():
            call = parse(await peer.request())
            server.calls.append(call)
            await handler(peer, call)

    async with upstream(serve) as running:
        server.url = f"http://127.0.0.1:{running.target.port}"
        yield server


def parse(data: bytes) -> Call:
    """The request in *data*: head and body."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Call(method=method, path=path, headers=headers, body=json.loads(body) if body else None)


async def whole(
    peer: Peer, status: int, body: object, *, content: str = JSON, headers: Mapping[str, str] | None = None
) -> None:
    """A whole answer; what is not bytes goes as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
    await peer.send(
        _head(status, {"content-type": content, "content-length": str(len(data)), **(headers or {})}) + data
    )


async def begin(peer: Peer, content: str) -> None:
    """The head of an answer in pieces."""
    await peer.send(_head(200, {"content-type": content, "transfer-encoding": "chunked"}))


async def piece(peer: Peer, data: bytes) -> None:
    """One piece of it."""
    await peer.send(b"%x\r\n%s\r\n" % (len(data), data))


async def finish(peer: Peer) -> None:
    """Its end."""
    await peer.send(b"0\r\n\r\n")


async def stand_still(peer: Peer) -> None:
    """Nothing more, until the other side has left."""
    await peer.client_closed()
    peer.writer.close()


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
