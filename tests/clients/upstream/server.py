"""One scripted model behind five APIs on one port, in a thread of its own; it keeps what it was asked.

A body that the API itself would refuse is answered with its error: 400, in its words. Run as a script, it serves until
its standard input ends, and prints its address.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Final

from tests.adapters.http.servers import Peer, upstream
from tests.clients.upstream import anthropic_messages, gemini, mind, ollama, openai_chat, openai_more, openai_responses
from tests.clients.upstream.mind import Prompt, Turn
from tests.clients.upstream.rules import Body, Refused
from tests.e2e.wire import Call, begin, finish, parse, piece, whole

SSE: Final = "text/event-stream"
NDJSON: Final = "application/x-ndjson"
MODELS: Final = ["scripted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mouth:
    """One API: how it hears a request, and says an answer whole and in pieces."""

    hear: Callable[[Call], Prompt]
    say: Callable[[Turn, Prompt, int], Body]
    stream: Callable[[Turn, Prompt, int], Iterator[bytes]]
    content: str = SSE


@dataclass(slots=True, kw_only=True)
class Upstream:
    """The running server: where it is, what it was asked, and what it refused of that."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def forget(self) -> None:
        """Begin anew."""
        self.calls.clear()
        self.refused.clear()


def _responses(call: Call) -> Mouth:
    return Mouth(
        hear=openai_responses.hear,
        say=lambda turn, prompt, number: openai_responses.say(turn, prompt, number, call.body),
        stream=lambda turn, prompt, number: openai_responses.stream(turn, prompt, number, call.body),
    )


_CHAT: Final = Mouth(hear=openai_chat.hear, say=openai_chat.say, stream=openai_chat.stream)
_MESSAGES: Final = Mouth(hear=anthropic_messages.hear, say=anthropic_messages.say, stream=anthropic_messages.stream)
_GEMINI: Final = Mouth(hear=gemini.hear, say=gemini.say, stream=gemini.stream)
_OLLAMA: Final = Mouth(hear=ollama.hear, say=ollama.say, stream=ollama.stream, content=NDJSON)
_GENERATE: Final = Mouth(
    hear=ollama.hear_generate, say=ollama.say_generated, stream=ollama.stream_generated, content=NDJSON
)
_GEMINI_PATH: Final = re.compile(r"/v1(?:beta|alpha)?/models/[^:]+:(\w+)")


def _mouth(call: Call, path: str, method: str) -> Mouth | None:
    match path:
        case "/v1/chat/completions":
            return _CHAT
        case "/v1/responses":
            return _responses(call)
        case "/v1/messages":
            return _MESSAGES
        case "/api/chat":
            return _OLLAMA
        case "/api/generate":
            return _GENERATE
    return _GEMINI if method in {"generateContent", "streamGenerateContent"} else None


def _plain(call: Call, path: str, method: str) -> Body | None:
    """The answer to what is no conversation."""
    match path:
        case "/v1/embeddings":
            return openai_more.embed(call.body)
        case "/v1/messages/count_tokens":
            return anthropic_messages.count(call)
        case "/api/embed":
            return ollama.embed(call)
        case "/api/embeddings":
            return ollama.embed_prompt(call)
        case "/api/tags":
            return ollama.tags(MODELS)
        case "/v1/models" if "anthropic-version" in call.headers:
            return anthropic_messages.models(MODELS)
        case "/v1/models":
            return openai_more.models(MODELS)
        case "/v1beta/models":
            return gemini.models(MODELS)
    gemini_methods: Mapping[str, Callable[[Call], Body]] = {
        "countTokens": gemini.count,
        "embedContent": gemini.embed,
        "batchEmbedContents": gemini.embed_many,
    }
    return gemini_methods[method](call) if method in gemini_methods else None


def _refusal(path: str, error: Refused) -> Body:
    if path.startswith("/v1/messages"):
        return anthropic_messages.refuse(error)
    if path.startswith("/api/"):
        return ollama.refuse(error)
    if _GEMINI_PATH.match(path):
        return gemini.refuse(error)
    return openai_chat.refuse(error)


@asynccontextmanager
async def five_mouths() -> AsyncIterator[Upstream]:
    """The server, on the running loop."""
    numbers = itertools.count(1)
    running = Upstream()

    async def serve(peer: Peer) -> None:
        while not peer.writer.is_closing():
            call = parse(await _request(peer))
            running.calls.append(call)
            path = call.path.partition("?")[0]
            try:
                await _answer(peer, call, path, next(numbers))
            except Refused as error:
                running.refused.append(error.message)
                await whole(peer, error.status, _refusal(path, error))

    async with upstream(serve) as started:
        running.url = f"http://127.0.0.1:{started.target.port}"
        yield running


async def _request(peer: Peer) -> bytes:
    """The next request; a header's name is written as the client likes."""
    head = await peer.reader.readuntil(b"\r\n\r\n")
    found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return head + await peer.reader.readexactly(int(found[1]) if found else 0)


async def _answer(peer: Peer, call: Call, path: str, number: int) -> None:
    asked = _GEMINI_PATH.fullmatch(path)
    method = asked[1] if asked else ""
    mouth = _mouth(call, path, method)
    if mouth is None:
        plain = _plain(call, path, method)
        if plain is None:
            raise Refused(f"no such path: {path}", status=404)
        await whole(peer, 200, plain)
        return
    prompt = mouth.hear(call)
    turn = mind.decide(prompt)
    if not prompt.is_stream:
        await whole(peer, 200, mouth.say(turn, prompt, number))
        return
    await begin(peer, mouth.content)
    for part in mouth.stream(turn, prompt, number):
        await piece(peer, part)
    await finish(peer)


@contextmanager
def in_a_thread() -> Iterator[Upstream]:
    """The server, on a loop and a thread of its own: it answers whatever the caller's loop does."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    over = asyncio.Event()
    opened: list[Upstream] = []

    async def serve() -> None:
        async with five_mouths() as running:
            opened.append(running)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    try:
        if not ready.wait(10):
            raise RuntimeError("the scripted upstream did not start within 10 s")
        yield opened[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


if __name__ == "__main__":
    with in_a_thread() as server:
        print(server.url, flush=True)  # noqa: T201  for whoever started it
        sys.stdin.read()
