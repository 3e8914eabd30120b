"""A server on a real socket that fails as its script says: per request, byte by byte, with or without TLS.

A script is one act per request, the last for ever:

    async with faulty(plays(HEAD, b"data: {", RESET), good(OPENAI, "Back.")) as upstream:

An act is any `async def act(peer, call)`. `plays` makes one of steps: bytes that are sent as they are, an event that is
waited for, RESET, CLOSE, STALL. `good` answers properly in a dialect, `streams` begins to and goes on with steps.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from http import HTTPStatus
from types import ModuleType
from typing import Final

import brotli

from tests.adapters.http.servers import Peer, upstream
from tests.clients.upstream import anthropic_messages, gemini, ollama, openai_chat
from tests.clients.upstream.mind import Prompt, Turn
from tests.e2e.wire import Call, begin, finish, parse, piece

JSON: Final = "application/json"
SSE: Final = "text/event-stream"
NDJSON: Final = "application/x-ndjson"
HTML: Final = b"<!doctype html><html><head><title>Welcome to our Wi-Fi</title></head><body>Sign in.</body></html>"

_MISSING: Final = "(missing)"

Act = Callable[[Peer, Call], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one API answers. `path` is what its base URL ends in."""

    name: str
    path: str
    mouth: ModuleType
    stream_type: str = SSE

    def whole(self, text: str) -> bytes:
        """A whole answer that says *text*."""
        return json.dumps(self.mouth.say(Turn(text=text), Prompt(model="upstream"), 1)).encode()

    def frames(self, text: str) -> Sequence[bytes]:
        """The same as a stream, a frame for each word and those around them."""
        return list(self.mouth.stream(Turn(text=text), Prompt(model="upstream", is_stream=True), 1))

    def unfinished(self, text: str) -> Sequence[bytes]:
        """The frames that say *text* and a space; more words, the finish reason and the terminator never come."""
        frames = self.frames(f"{text} {_MISSING}")
        return frames[: next(place for place, frame in enumerate(frames) if _MISSING.encode() in frame)]


OPENAI: Final = Dialect(name="openai_chat", path="/v1", mouth=openai_chat)
ANTHROPIC: Final = Dialect(name="anthropic_messages", path="/v1", mouth=anthropic_messages)
GEMINI: Final = Dialect(name="gemini", path="/v1beta", mouth=gemini)
OLLAMA: Final = Dialect(name="ollama", path="", mouth=ollama, stream_type=NDJSON)
DIALECTS: Final = (OPENAI, ANTHROPIC, GEMINI, OLLAMA)


@dataclass(slots=True, kw_only=True)
class Faulty:
    """The running server: where it is, what it was asked, and by whom."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    peers: list[Peer] = field(default_factory=list)
    asked: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def was_asked(self, times: int = 1) -> None:
        """Return once so many requests are here."""
        async with asyncio.timeout(10), self.asked:
            await self.asked.wait_for(lambda: len(self.calls) >= times)

    async def was_left(self) -> None:
        """Return once every connection so far is over, and its script with it."""
        async with asyncio.timeout(10):
            for peer in self.peers:
                await peer.has_left.wait()


@asynccontextmanager
async def faulty(*acts: Act, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> AsyncIterator[Faulty]:
    """Play *acts*, one per request, the last for ever. Connections are kept unless an act ends them."""
    waiting = list(acts)
    running = Faulty()

    async def serve(peer: Peer) -> None:
        while not peer.writer.is_closing():
            call = parse(await peer.request())
            if call.method != "POST":  # what runs there is looked at too; that is no request
                await answers(404, b"404 page not found", content="text/plain")(peer, call)
                continue
            async with running.asked:
                running.calls.append(call)
                running.asked.notify_all()
            await (waiting.pop(0) if len(waiting) > 1 else waiting[0])(peer, call)

    async with upstream(serve, tls, host) as started:
        shown = f"[{host}]" if ":" in host else host
        running.url = f"{started.target.scheme}://{shown}:{started.target.port}"
        running.peers = started.peers
        yield running


# ── acts made of steps ──


class Do(Enum):
    """What a script does besides sending."""

    RESET = auto()  # the connection ends with RST
    CLOSE = auto()  # it ends properly
    STALL = auto()  # nothing more comes until the other side has left


RESET: Final = Do.RESET
CLOSE: Final = Do.CLOSE
STALL: Final = Do.STALL
Step = bytes | Do | asyncio.Event


def plays(*steps: Step) -> Act:
    """The steps in turn."""

    async def act(peer: Peer, call: Call) -> None:
        for step in steps:
            await _take(peer, step)

    return act


async def _take(peer: Peer, step: Step) -> None:
    match step:
        case bytes():
            await peer.send(step)
        case asyncio.Event():
            await step.wait()
        case Do.RESET:
            peer.reset()
        case Do.CLOSE:
            peer.writer.close()
        case Do.STALL:
            await peer.client_closed()
            peer.writer.close()


def answers(status: int, body: object, *, content: str = JSON, **headers: str) -> Act:
    """A whole answer; what is not bytes goes as JSON, headers are written with _ for -."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"content-type": content, "content-length": str(len(data))}
    return plays(head(status, sent | {name.replace("_", "-"): value for name, value in headers.items()}) + data)


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """Status line and headers."""
    phrase = next((known.phrase for known in HTTPStatus if known == status), "Overloaded")
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


CHUNKED: Final = head(200, {"content-type": SSE, "transfer-encoding": "chunked"})
LAST_CHUNK: Final = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """*data* as one chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


# ── acts in a dialect ──


def wants_stream(call: Call) -> bool:
    """Whether a stream was asked for, in whatever dialect."""
    return "streamGenerateContent" in call.path or bool(call.body and call.body.get("stream"))


def good(dialect: Dialect, text: str) -> Act:
    """A proper answer, whole or as a stream as it was asked for."""

    async def act(peer: Peer, call: Call) -> None:
        if wants_stream(call):
            await streams(dialect, *dialect.frames(text))(peer, call)
        else:
            await answers(200, dialect.whole(text))(peer, call)

    return act


def streams(dialect: Dialect, *steps: Step) -> Act:
    """A stream of *steps*: bytes go as one chunk each; after the last the body ends, unless a step ended it."""

    async def act(peer: Peer, call: Call) -> None:
        await begin(peer, dialect.stream_type)
        for step in steps:
            if isinstance(step, bytes):
                await piece(peer, step)
            else:
                await _take(peer, step)
        if not peer.writer.is_closing():
            await finish(peer)

    return act


def unfinished(dialect: Dialect, text: str, *then: Step) -> Act:
    """A stream that says *text* and goes on with *then* in place of its proper end."""
    return streams(dialect, *dialect.unfinished(text), *then)


def refuses(status: int, message: str, code: str | None = None, **headers: str) -> Act:
    """An error in OpenAI's form."""
    return answers(status, {"error": {"message": message, "type": "error", "param": None, "code": code}}, **headers)


# ── encodings ──


def gzipped(data: bytes) -> bytes:
    """*data* as gzip, the same each time."""
    return gzip.compress(data, mtime=0)


def deflated(data: bytes) -> bytes:
    """*data* as HTTP's deflate: zlib's format."""
    return zlib.compress(data)


def bare_deflated(data: bytes) -> bytes:
    """*data* as some servers think deflate is: without zlib's header."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def brotlied(data: bytes) -> bytes:
    """*data* as brotli, as proxies pack what they pass on."""
    return bytes(brotli.compress(data, quality=5))


# ── places without a server ──


@contextmanager
def refusing() -> Iterator[str]:
    """An address where connections are refused: the port is taken, nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def black_hole(host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """An address whose accept queue is full: a SYN gets no answer, as on a dead route."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket(family))
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(4):
            filler = sockets.enter_context(socket.socket(family))
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{listener.getsockname()[1]}"


def model(dialect: Dialect, url: str, name: str = "first", tier: str = "simple", **more: object) -> dict[str, object]:
    """The server at *url* as one of `models` in a pointsman.yaml."""
    base_url = f"{url}{dialect.path}"
    return {
        "name": name,
        "model": "upstream",
        "base_url": base_url,
        "dialect": dialect.name,
        "local": True,
        "tier": tier,
        **more,
    }
