"""Faults 27 to 29: compressed, ambiguous and enormous answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tests.adapters.http.servers import Peer
from tests.e2e.wire import Call, begin, finish, piece
from tests.faults.conftest import Opens, Pairs
from tests.faults.upstream import (
    CHUNKED,
    LAST_CHUNK,
    OPENAI,
    STALL,
    Act,
    answers,
    bare_deflated,
    brotlied,
    chunk,
    deflated,
    faulty,
    good,
    gzipped,
    head,
    model,
    plays,
    wants_stream,
)

NO_RETRIES = {"num_retries": 0}
SSE = "text/event-stream"


def compressed(pack: Callable[[bytes], bytes], label: str) -> Act:
    """A proper answer, packed and labelled."""

    async def act(peer: Peer, call: Call) -> None:
        body = b"".join(OPENAI.frames("Un packed.")) if wants_stream(call) else OPENAI.whole("Un packed.")
        content = SSE if wants_stream(call) else "application/json"
        await answers(200, pack(body), content=content, content_encoding=label)(peer, call)

    return act


CODINGS: Mapping[str, tuple[Callable[[bytes], bytes], str]] = {
    "gzip": (gzipped, "gzip"),
    "x-gzip": (gzipped, "x-gzip"),
    "deflate": (deflated, "deflate"),
    "bare deflate": (bare_deflated, "deflate"),
    "identity": (bytes, "identity"),
    "labelled, not packed": (bytes, "gzip"),
    "br": (brotlied, "br"),
    "labelled br, not packed": (bytes, "br"),
    "gzip labelled deflate": (gzipped, "deflate"),
}


@pytest.mark.parametrize("name", CODINGS)
@pytest.mark.parametrize("is_streamed", [False, True])
async def test_27_a_compressed_answer(gateway: Opens, name: str, *, is_streamed: bool) -> None:
    """Gzip, deflate or brotli unasked, or a wrong label: decoded once; the caller gets it plain."""
    async with (
        faulty(compressed(*CODINGS[name])) as upstream,
        gateway(model(OPENAI, upstream.url), resilience=NO_RETRIES) as place,
    ):
        heard = await place.ask(stream=is_streamed)
    assert heard.outcome == (200, "Un packed.")
    assert "content-encoding" not in heard.headers
    assert upstream.calls[0].headers["accept-encoding"] == "identity"


UNREADABLE: Mapping[str, Act] = {
    "zstd": compressed(lambda body: b"\x28\xb5\x2f\xfd" + body, "zstd"),
    "broken br": compressed(lambda body: brotlied(body)[:20] + b"\xff" * 50, "br"),
    "cut br": compressed(lambda body: brotlied(body)[:-12], "br"),
    "two codings": compressed(gzipped, "gzip, gzip"),
    "broken": compressed(lambda body: gzipped(body)[:20] + b"\xff" * 50, "gzip"),
    "cut": compressed(lambda body: gzipped(body)[:-12], "gzip"),
    "not labelled": compressed(gzipped, "identity"),
}


@pytest.mark.parametrize("act", UNREADABLE.values(), ids=UNREADABLE)
async def test_27_an_unreadable_answer(pair: Pairs, act: Act) -> None:
    """An encoding that we do not know (zstd), or a broken one: 502, or the next model answers."""
    async with pair(act, num_retries=0) as both:
        heard = await both.place.ask()
        alone = await both.place.ask("first")
    assert heard.outcome == (200, "From the spare.")
    assert alone.outcome == (502, "bad_upstream")


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("label", ["gzip", "br"])
async def test_27_a_bomb(pair: Pairs, label: str, *, is_streamed: bool) -> None:
    """A bomb (100 MB out of 100 KB, or of 150 bytes of brotli): cut off at the cap, the next model answers."""
    bomb = (gzipped if label == "gzip" else brotlied)(b"data: " + bytes(100_000_000))
    content = SSE if is_streamed else "application/json"
    async with pair(answers(200, bomb, content=content, content_encoding=label), num_retries=0) as both:
        heard = await both.place.ask(stream=is_streamed)
    assert heard.outcome == (200, "From the spare.")


DOUBTFUL: Mapping[str, bytes] = {
    "both lengths": head(
        200, {"content-type": "application/json", "content-length": "5", "transfer-encoding": "chunked"}
    )
    + chunk(OPENAI.whole("Smuggled."))
    + LAST_CHUNK,
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 50\r\n\r\n" + OPENAI.whole("Smuggled."),
}


@pytest.mark.parametrize("answer", DOUBTFUL.values(), ids=DOUBTFUL)
async def test_28_two_lengths(gateway: Opens, answer: bytes) -> None:
    """Chunked and content-length at once: not believed, 502, the connection closed; the next request has its own."""
    async with (
        faulty(plays(answer, STALL), good(OPENAI, "Clean.")) as upstream,
        gateway(model(OPENAI, upstream.url), resilience=NO_RETRIES) as place,
    ):
        heard = await place.ask()
        await upstream.was_left()
        again = await place.ask()
    assert heard.outcome == (502, "bad_upstream")
    assert again.outcome == (200, "Clean.")
    assert len(upstream.peers) == 2


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_28_bytes_after_the_answer(gateway: Opens, *, is_streamed: bool) -> None:
    """Extra bytes after the answer: the answer stands, the connection is closed, nothing of it reaches another."""
    extra = head(200, {"content-type": "application/json", "content-length": "2"}) + b"{}"
    whole = head(200, {"content-type": "application/json", "content-length": str(len(OPENAI.whole("First.")))})
    body = CHUNKED + chunk(b"".join(OPENAI.frames("First."))) + LAST_CHUNK if is_streamed else whole
    act = plays(body + extra if is_streamed else body + OPENAI.whole("First.") + extra, STALL)
    async with faulty(act, good(OPENAI, "Second.")) as upstream, gateway(model(OPENAI, upstream.url)) as place:
        heard = await place.ask(stream=is_streamed)
        await upstream.was_left()
        again = await place.ask(stream=is_streamed)
    assert (heard.outcome, again.outcome) == ((200, "First."), (200, "Second."))
    assert len(upstream.peers) == 2


async def test_29_an_enormous_chunk(gateway: Opens) -> None:
    """One chunk of 50 MB in a stream: passed on as it comes, all of it, in order."""
    words = b"".join(OPENAI.unfinished("x" * 50_000))
    filler = words.partition(b"data: ")[2].partition(b"\n\n")[2] or words
    frame = max(filler.split(b"\n\n"), key=len) + b"\n\n"
    times = 50_000_000 // len(frame)

    async def act(peer: Peer, call: Call) -> None:
        await peer.send(CHUNKED + b"%x\r\n" % (len(frame) * times))
        for _ in range(times):
            await peer.send(frame)
        await peer.send(b"\r\n" + chunk(b"".join(OPENAI.frames("Done.")[1:])) + LAST_CHUNK)

    heard_bytes = 0
    tail = b""
    async with faulty(act) as upstream, gateway(model(OPENAI, upstream.url)) as place, place.streaming() as response:
        async for data in response.aiter_bytes():
            heard_bytes += len(data)
            tail = (tail + data)[-100:]
    assert heard_bytes > 49_000_000
    assert tail.endswith(b"data: [DONE]\n\n")


async def test_29_an_event_without_end(gateway: Opens) -> None:
    """One event of 50 MB: cut off at 8 MB, an error event, the connection closed."""

    async def act(peer: Peer, call: Call) -> None:
        await begin(peer, SSE)
        await piece(peer, b"".join(OPENAI.unfinished("Once upon")))
        await peer.send(b"%x\r\ndata: " % 50_000_000)
        for _ in range(50):
            await peer.send(b"x" * 1_000_000)
        await peer.client_closed()

    async with faulty(act) as upstream, gateway(model(OPENAI, upstream.url)) as place:
        heard = await place.ask(stream=True)
        await upstream.was_left()
    assert heard.said == "Once upon "
    assert "8388608" in heard.error["message"]


async def test_29_a_million_tiny_chunks(gateway: Opens) -> None:
    """10⁶ chunks of a byte: the same answer as one chunk."""
    frames = b"".join(OPENAI.frames(" ".join(["word"] * 3000)))

    async def act(peer: Peer, call: Call) -> None:
        await begin(peer, SSE)
        for begin_at in range(0, len(frames), 10_000):
            await peer.send(b"".join(b"1\r\n%c\r\n" % byte for byte in frames[begin_at : begin_at + 10_000]))
        await finish(peer)

    async with faulty(act) as upstream, gateway(model(OPENAI, upstream.url)) as place:
        heard = await place.ask(stream=True)
    assert heard.said == " ".join(["word"] * 3000)
    assert len(frames) > 500_000


async def test_29_an_answer_over_the_limit(pair: Pairs) -> None:
    """A whole answer over 64 MB: given up, 502 or the next model."""

    async def act(peer: Peer, call: Call) -> None:
        await peer.send(head(200, {"content-type": "application/json", "content-length": "100000000"}))
        for _ in range(100):
            await peer.send(b" " * 1_000_000)

    async with pair(act, num_retries=0) as both:
        heard = await both.place.ask()
        await both.first.was_left()
    assert heard.outcome == (200, "From the spare.")
