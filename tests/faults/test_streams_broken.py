"""Faults 8 to 16: streams that stall, break, stutter or lie, and answers that hold none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import pytest

from tests.adapters.http.servers import Peer
from tests.e2e.wire import Call, begin, finish, piece
from tests.faults.conftest import Opens, Pair, Pairs
from tests.faults.place import Heard
from tests.faults.upstream import (
    ANTHROPIC,
    CLOSE,
    DIALECTS,
    HTML,
    OPENAI,
    RESET,
    STALL,
    Act,
    Dialect,
    Step,
    answers,
    chunk,
    faulty,
    head,
    model,
    plays,
    streams,
    unfinished,
)

NO_RETRIES = {"num_retries": 0}
SURFACES = [dialect.name for dialect in DIALECTS]
ENDS = {  # what no caller may see after a stream that broke
    "openai_chat": ("[DONE]", '"finish_reason": "stop"', '"finish_reason":"stop"'),
    "anthropic_messages": ("message_stop",),
    "gemini": ('"finishReason"',),
    "ollama": ('"done": true', '"done":true'),
}


def assert_broke_off(heard: Heard, surface: str) -> None:
    """The words came once, then the surface's own error event, and nothing that looks like an end."""
    assert heard.status == 200
    assert (heard.text.count("Once"), heard.text.count("upon")) == (1, 1)
    assert '"error"' in heard.text.rstrip().splitlines()[-1]
    assert [end for end in ENDS[surface] if end in heard.text] == []


async def broken(pair: Pair, surface: str, goes_on: asyncio.Event | None = None) -> Heard:
    """A stream that breaks off; the ledger says so with what was used, and nobody else was asked.

    *goes_on* is set once the caller has the first of it.
    """
    text = ""
    async with pair.place.streaming(surface=surface) as response:
        async for more in response.aiter_text():
            text += more
            if goes_on is not None:
                goes_on.set()
    heard = Heard(status=response.status_code, headers=response.headers, text=text)
    row = await pair.place.row(heard)
    assert_broke_off(heard, surface)
    assert (row["outcome"], row["served"]) == ("failed", "first")
    assert row["output_tokens"] > 0
    assert (len(pair.first.calls), len(pair.spare.calls)) == (1, 0)
    return heard


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
async def test_08_a_stall_between_chunks(pair: Pairs, dialect: Dialect, surface: str) -> None:
    """Stall between chunks: after `idle_timeout_s` an error event, usage settled, the upstream connection closed."""
    async with pair(unfinished(dialect, "Once upon", STALL), dialect, idle_timeout_s=0.1) as both:
        heard = await broken(both, surface)
        await both.first.was_left()
    assert "stalled" in heard.text


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
async def test_09_a_reset_in_the_stream(pair: Pairs, dialect: Dialect, surface: str) -> None:
    """Reset mid-stream: an error event, no proper end, no second try."""
    goes_on = asyncio.Event()
    async with pair(unfinished(dialect, "Once upon", goes_on, RESET), dialect) as both:
        await broken(both, surface, goes_on)


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
async def test_10_an_end_without_a_terminator(pair: Pairs, dialect: Dialect, surface: str) -> None:
    """Clean end without the dialect's terminator: an error like a reset, never a success."""
    async with pair(unfinished(dialect, "Once upon"), dialect) as both:
        await broken(both, surface)


@pytest.mark.parametrize("framing", ["until close", "cut chunk", "short of its length"])
async def test_10_an_end_of_the_connection(pair: Pairs, framing: str) -> None:
    """Connection closed without a terminator, however the body was framed: the same."""
    frames = b"".join(OPENAI.unfinished("Once upon"))
    content = {"content-type": "text/event-stream"}
    bodies: dict[str, Sequence[Step]] = {
        "until close": (head(200, content) + frames, CLOSE),
        "cut chunk": (head(200, {**content, "transfer-encoding": "chunked"}) + chunk(frames) + b"ff\r\ndata: {", CLOSE),
        "short of its length": (head(200, {**content, "content-length": "100000"}) + frames, CLOSE),
    }
    async with pair(plays(*bodies[framing]), OPENAI) as both:
        await broken(both, "openai_chat")


def _each_byte(dialect: Dialect, body: bytes) -> Act:
    """The stream *body*, a chunk and a segment for every byte."""

    async def act(peer: Peer, call: Call) -> None:
        await begin(peer, dialect.stream_type)
        for place in range(len(body)):
            await piece(peer, body[place : place + 1])
            await asyncio.sleep(0)
        await finish(peer)

    return act


def _lines(frames: Sequence[bytes], end: bytes) -> bytes:
    return b"".join(frames).replace(b"\r\n", b"\n").replace(b"\n", end)


def _in_two_data_lines(frames: Sequence[bytes]) -> bytes:
    """Each event's JSON over two data lines, broken where JSON allows it."""
    return b"".join(frame.replace(b'", "', b'",\ndata:  "', 1) for frame in frames)


SPELLINGS: Mapping[str, Callable[[Sequence[bytes]], bytes]] = {
    "CRLF": lambda frames: _lines(frames, b"\r\n"),
    "CR": lambda frames: _lines(frames, b"\r"),
    "comments": lambda frames: b": ping\n\n" + b": ping\n".join(frames),
    "byte order mark": lambda frames: b"\xef\xbb\xbf" + b"".join(frames),
    "two data lines": _in_two_data_lines,
    "no space after the colon": lambda frames: b"".join(frames).replace(b"data: ", b"data:"),
    "ids and retries": lambda frames: b"".join(b"id: 7\nretry: 10\n" + frame for frame in frames),
    "no last blank line": lambda frames: b"".join(frames).rstrip(b"\r\n"),
}
WORDS = "Déjà vu: 日本語 🙂 done."


@pytest.mark.parametrize("is_relayed", [False, True], ids=["translated", "relayed"])
@pytest.mark.parametrize("is_split", [False, True], ids=["at once", "each byte"])
@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_11_the_same_events_spelled_otherwise(
    gateway: Opens, spelling: str, *, is_split: bool, is_relayed: bool
) -> None:
    """SSE split at every byte, CRLF, CR, comments, multi-line data, BOM, no final blank line: the same words."""
    body = SPELLINGS[spelling](OPENAI.frames(WORDS))
    act = _each_byte(OPENAI, body) if is_split else streams(OPENAI, body)
    async with faulty(act) as upstream, gateway(model(OPENAI, upstream.url), resilience=NO_RETRIES) as place:
        heard = await place.ask(stream=True, surface="openai_chat" if is_relayed else "ollama")
        row = await place.row(heard)
    if is_relayed:
        words = "".join(
            choice["delta"].get("content") or "" for event in _events(heard.text) for choice in event.get("choices", ())
        )
    else:
        words = "".join(json.loads(line)["message"]["content"] for line in heard.text.splitlines())
    assert (words, row["outcome"], row["output_tokens"]) == (WORDS, "ok", 20)


def _events(text: str) -> list[dict[str, list[dict[str, dict[str, str]]]]]:
    """The events of a stream by the rules of server-sent events: any line end, data over several lines."""
    events, data = [], []
    for line in [*text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n"), ""]:
        if line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
        elif not line and data:
            joined = "\n".join(data)
            data = []
            if joined != "[DONE]":
                events.append(json.loads(joined))
    return events


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
async def test_11_every_dialect_byte_by_byte(gateway: Opens, dialect: Dialect) -> None:
    """A stream of any dialect split at every byte: the same words."""
    act = _each_byte(dialect, b"".join(dialect.frames(WORDS)))
    async with faulty(act) as upstream, gateway(model(dialect, upstream.url)) as place:
        heard = await place.ask(stream=True)
    assert heard.outcome == (200, WORDS)


@pytest.mark.parametrize("surface", ["openai_chat", "anthropic_messages"])
async def test_12_utf8_split_across_chunks(gateway: Opens, surface: str) -> None:
    """UTF-8 split across chunks: joined."""
    body = b"".join(frame for frame in OPENAI.frames("🙂")).replace(b"\\ud83d\\ude42", "🙂".encode())
    cuts = [0, *(place for place in range(len(body)) if body[place] > 0x7F), len(body)]
    parts = [body[begin:end] for begin, end in pairwise(cuts)]
    async with faulty(streams(OPENAI, *parts)) as upstream, gateway(model(OPENAI, upstream.url)) as place:
        heard = await place.ask(stream=True, surface=surface)
    assert heard.text.count("🙂") == 1
    assert "\ufffd" not in heard.text


@pytest.mark.parametrize("surface", ["openai_chat", "anthropic_messages"])
async def test_12_invalid_utf8(gateway: Opens, surface: str) -> None:
    """Invalid UTF-8 in a stream: replaced, or an error event; the gateway goes on."""
    frames = [frame.replace(b"upon", b"up\xff\xfeon") for frame in OPENAI.frames("Once upon a time")]
    async with faulty(streams(OPENAI, *frames)) as upstream, gateway(model(OPENAI, upstream.url)) as place:
        heard = await place.ask(stream=True, surface=surface)
        again = await place.ask(stream=True, surface=surface)
    assert (heard.status, again.status) == (200, 200)
    assert "up\ufffd\ufffdon" in heard.text
    assert "time" in heard.text


GARBAGE = {
    "openai_chat": b'data: {"choices": [{"delta": {"content": "gar\n\n',
    "anthropic_messages": b'event: content_block_delta\ndata: {"type": "content_block_delta", "delta": {"text": "ga'
    b"r\n\n",
    "gemini": b'data: {"candidates": [{"content": {"parts": [{"text": "gar\r\n\r\n',
    "ollama": b'{"message": {"content": "gar\n',
}


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
@pytest.mark.parametrize("comes", ["alone", "with others", "last, unfinished"])
async def test_13_invalid_json_in_one_event(pair: Pairs, dialect: Dialect, surface: str, comes: str) -> None:
    """Invalid JSON in one event: an error event, a failure in the ledger; the event itself is not sent on."""
    before, garbage, after = dialect.unfinished("Once upon"), GARBAGE[dialect.name], dialect.frames("never")
    goes_on = asyncio.Event()
    steps: dict[str, Sequence[Step]] = {
        "alone": (*before, goes_on, garbage, *after),
        "with others": (*before[:-1], goes_on, b"".join((before[-1], garbage, *after))),
        "last, unfinished": (*before, goes_on, garbage.rstrip()),
    }
    async with pair(streams(dialect, *steps[comes]), dialect) as both:
        heard = await broken(both, surface, goes_on)
    assert "gar" not in heard.text
    assert "never" not in heard.text


@pytest.mark.parametrize(
    "act",
    [
        answers(200, {"error": {"message": "out of memory", "type": "server_error", "code": None}}),
        streams(OPENAI, b'data: {"error": {"message": "out of memory", "code": 503}}\n\n'),
        streams(OPENAI, OPENAI.frames("x")[0], b'data: {"error": {"message": "out of memory"}}\n\n'),
    ],
    ids=["body", "first event", "after an empty delta"],
)
@pytest.mark.parametrize("surface", SURFACES)
async def test_14_an_error_under_status_200(pair: Pairs, act: Act, surface: str) -> None:
    """200 with an error body, or an error as the first event: known before the headers go; the next model answers."""
    async with pair(act, OPENAI) as both:
        heard = await both.place.ask(stream=True, surface=surface)
    assert (heard.status, heard.model, heard.headers["x-pointsman-fallbacks"]) == (200, "spare", "1")
    assert "memory" not in heard.text


async def test_14_an_error_event_of_anthropic(pair: Pairs) -> None:
    """Anthropic's error event as the first: the same."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    act = streams(ANTHROPIC, b"event: error\ndata: " + json.dumps(error).encode() + b"\n\n")
    async with pair(act, ANTHROPIC) as both:
        heard = await both.place.ask(stream=True, surface="anthropic_messages")
    assert (heard.status, heard.model) == (200, "spare")


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
@pytest.mark.parametrize("is_streamed", [False, True])
async def test_15_a_page_in_place_of_an_answer(pair: Pairs, dialect: Dialect, *, is_streamed: bool) -> None:
    """200 with HTML (captive portal): the next model answers; 502 where there is none, without the page."""
    async with pair(answers(200, HTML, content="text/html"), dialect, num_retries=0) as both:
        heard = await both.place.ask(stream=is_streamed)
        alone = await both.place.ask("first", stream=is_streamed, surface=dialect.name)
    assert heard.outcome == (200, "From the spare.")
    assert alone.status == 502
    assert "<" not in alone.text


@pytest.mark.parametrize("content", ["text/plain", "application/octet-stream", "text/event-stream"])
async def test_15_a_wrong_content_type(gateway: Opens, content: str) -> None:
    """A proper answer under a wrong content type: taken for what it is, and sent on under the right one."""
    act = answers(200, OPENAI.whole("Mislabelled."), content=content)
    async with faulty(act) as first, gateway(model(OPENAI, first.url)) as place:
        heard = await place.ask()
    assert heard.outcome == (200, "Mislabelled.")
    assert heard.headers["content-type"] == "application/json"


@pytest.mark.parametrize("surface", SURFACES)
async def test_16_an_end_and_nothing_before_it(gateway: Opens, surface: str) -> None:
    """A stream of nothing but its proper end: a valid empty message with its own proper end, usage 0 or estimated."""
    async with faulty(streams(OPENAI, b"data: [DONE]\n\n")) as first, gateway(model(OPENAI, first.url)) as place:
        heard = await place.ask(stream=True, surface=surface)
        row = await place.row(heard)
    assert heard.status == 200
    assert any(end in heard.text for end in ENDS[surface])
    assert (row["outcome"], row["output_tokens"]) == ("ok", 0)


EMPTY = {
    "204": plays(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "empty body": answers(200, b""),
    "empty object": answers(200, {}),
    "no choices": answers(200, {"id": "x", "object": "chat.completion", "choices": []}),
    "null choices": answers(200, {"id": "x", "object": "chat.completion", "choices": None}),
    "empty stream": streams(OPENAI),
}


@pytest.mark.parametrize("act", EMPTY.values(), ids=EMPTY)
@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("is_streamed", [False, True])
async def test_16_nothing_in_the_answer(pair: Pairs, act: Act, surface: str, *, is_streamed: bool) -> None:
    """204, empty body, no choices: the next model answers; 502 where there is none, never an answer without an end."""
    async with pair(act, OPENAI, num_retries=0) as both:
        heard = await both.place.ask(stream=is_streamed, surface=surface)
        alone = await both.place.ask("first", stream=is_streamed, surface=surface)
    assert (heard.status, heard.headers.get("x-pointsman-model")) == (200, "spare")
    assert alone.status == 502
