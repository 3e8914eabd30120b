"""CPU per request of HTTP clients against a cheap server in a process of its own, on loopback.

    python bench/client_micro.py [--count 20000] [--concurrency 32] [--rounds 3] [--stdlib-loop]

Measures `pointsman.adapters.http` and, where they can be imported, aiohttp and httpx2. Rounds are interleaved
and medians reported. "1 KB": POST of 1 KB, answer of 1 KB with a length. "stream": POST of 1 KB, answer of 64
chunks (chunked coding) written at once. CPU is user + system time of the client's process alone.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import statistics
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.util import find_spec
from multiprocessing.connection import Connection
from typing import TypeAlias, cast

import uvloop

from pointsman.adapters.http import HttpClient, Target

Ask: TypeAlias = Callable[[str], Awaitable[int]]

PROMPT = b"x" * 1024
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1024\r\n\r\n" + b"y" * 1024
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"token"}}]}\n\n'
STREAM = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    + (b"%x\r\n%b\r\n" % (len(EVENT), EVENT)) * 64
    + b"0\r\n\r\n"
)
SIZES = {"/1kb": 1024, "/stream": 64 * len(EVENT)}


class CheapServer(asyncio.Protocol):
    """Counts bytes up to the end of a request of known shape and writes a prepared answer."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)
        self.received = b""

    def data_received(self, data: bytes) -> None:
        """Answer each complete request."""
        self.received += data
        end = self.received.find(b"\r\n\r\n")
        if end >= 0 and len(self.received) >= end + 4 + len(PROMPT):
            self.transport.write(STREAM if self.received.startswith(b"POST /stream") else ANSWER)
            self.received = b""


def serve(ready: Connection) -> None:
    """Run the server until the parent ends this process."""

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(CheapServer, "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(main())


@asynccontextmanager
async def own(base: str) -> AsyncIterator[Ask]:
    """The client under test."""
    targets = {path: Target.parse(base).join(path) for path in SIZES}
    headers = [(b"content-type", b"application/json"), (b"authorization", b"Bearer none"), (b"accept", b"*/*")]
    async with HttpClient() as client:

        async def ask(path: str) -> int:
            async with await client.request("POST", targets[path], headers, PROMPT) as response:
                return sum([len(chunk) async for chunk in response])

        yield ask


@asynccontextmanager
async def with_aiohttp(base: str) -> AsyncIterator[Ask]:
    """The best ready-made client, tuned: no cookies, no automatic headers, no limit."""
    import aiohttp  # noqa: PLC0415  a peer, there or not

    connector = aiohttp.TCPConnector(limit=0)
    headers = {"content-type": "application/json", "authorization": "Bearer none", "accept": "*/*"}
    async with aiohttp.ClientSession(
        base, connector=connector, cookie_jar=aiohttp.DummyCookieJar(), skip_auto_headers={"user-agent"}
    ) as session:

        async def ask(path: str) -> int:
            async with session.post(path, data=PROMPT, headers=headers) as response:
                return sum([len(chunk) async for chunk in response.content.iter_any()])

        yield ask


@asynccontextmanager
async def with_httpx2(base: str) -> AsyncIterator[Ask]:
    """The comfortable client."""
    import httpx2  # noqa: PLC0415  a peer, there or not

    headers = {"content-type": "application/json", "authorization": "Bearer none", "accept": "*/*"}
    async with httpx2.AsyncClient(base_url=base, trust_env=False) as client:

        async def ask(path: str) -> int:
            async with client.stream("POST", path, content=PROMPT, headers=headers) as response:
                return sum([len(chunk) async for chunk in response.aiter_raw()])

        yield ask


CLIENTS = {"pointsman": own, "aiohttp": with_aiohttp, "httpx2": with_httpx2}


def cpu_s() -> float:
    """User and system seconds of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def load(ask: Ask, path: str, count: int, concurrency: int) -> tuple[float, float]:
    """Return CPU-µs per request and requests per second of *count* requests."""
    loop = asyncio.get_running_loop()

    async def worker(share: int) -> None:
        for _ in range(share):
            if await ask(path) != SIZES[path]:
                raise RuntimeError(f"a wrong answer to {path}")

    async def run(share: int) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(concurrency):
                tasks.create_task(worker(share))

    await run(3)  # open the connections
    share = max(1, count // concurrency)
    cpu, wall = cpu_s(), loop.time()
    await run(share)
    requests = share * concurrency
    return (cpu_s() - cpu) / requests * 1e6, requests / (loop.time() - wall)


async def measure(port: int, options: argparse.Namespace) -> None:
    """Interleave the clients, print medians."""
    results: dict[tuple[str, str], list[tuple[float, float]]] = {}
    async with AsyncExitStack() as stack:
        asks = {
            name: await stack.enter_async_context(opened(f"http://127.0.0.1:{port}"))
            for name, opened in CLIENTS.items()
            if name == "pointsman" or find_spec(name)
        }
        for _ in range(options.rounds):
            for path in SIZES:
                for name, ask in asks.items():
                    count = options.count // (10 if name == "httpx2" else 1)
                    results.setdefault((path, name), []).append(await load(ask, path, count, options.concurrency))
    loop = "asyncio" if options.stdlib_loop else "uvloop"
    print(f"Python {sys.version.split()[0]}, {loop}, c={options.concurrency}")
    for (path, name), runs in results.items():
        cpu, rate = (statistics.median(column) for column in zip(*runs, strict=True))
        print(f"{path:8} {name:10} {cpu:8.1f} CPU-µs/request {rate:8.0f} req/s")


def main() -> None:
    """Start the server, measure, end the server."""
    parser = argparse.ArgumentParser(description="CPU per request of HTTP clients")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stdlib-loop", action="store_true")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    server = context.Process(target=serve, args=(sender,), daemon=True)
    server.start()
    try:
        (asyncio.run if options.stdlib_loop else uvloop.run)(measure(receiver.recv(), options))
    finally:
        server.terminate()
        server.join()


if __name__ == "__main__":
    main()
