"""Streams relayed verbatim: what is noticed, what is taken out, what is a failure."""

from __future__ import annotations

import pytest

from pointsman.core.catalog import Operation
from pointsman.core.chat import Usage
from pointsman.core.stream import StreamFailed
from pointsman.dialects.openai_chat.dialect import OpenAIChat
from pointsman.dialects.openai_chat.relay import ChatRelayScanner

FIRST = b'data: {"id":"1","choices":[{"index":0,"delta":{"role":"assistant","content":""}}],"usage":null}\n\n'
TEXT = b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
STOP = b'data: {"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"id":"1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
DONE = b"data: [DONE]\n\n"


def scanner(*, strip_usage: bool = False) -> ChatRelayScanner:
    """A fresh scanner."""
    return OpenAIChat().relay_scanner(Operation.CHAT, strip_usage=strip_usage)


def test_a_stream_is_watched_as_it_passes() -> None:
    """The first content commits, the usage is read, the end is seen; every frame goes on at once."""
    watch = scanner()
    seen = []
    for frame in (FIRST, TEXT, STOP, USAGE, DONE):
        assert watch.feed(frame) == frame
        seen.append((watch.has_content, watch.usage is not None, watch.ended))
    assert watch.close() == b""
    assert seen == [
        (False, False, False),
        (True, False, False),
        (True, False, False),
        (True, True, False),
        (True, True, True),
    ]
    assert (watch.usage, watch.output_chars, watch.failure) == (Usage(input_tokens=3, output_tokens=2), 2, None)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_the_usage_frame_only_we_asked_for_is_taken_out(line_end: bytes, size: int) -> None:
    """Every other frame stays, byte for byte, for each line end and however it arrives."""
    frames = [frame.replace(b"\n", line_end) for frame in (FIRST, TEXT, STOP, USAGE, DONE)]
    data = b"".join(frames)
    watch = scanner(strip_usage=True)
    sent = [watch.feed(data[begin : begin + size]) for begin in range(0, len(data), size)]
    assert b"".join([*sent, watch.close()]) == b"".join(frames[:3] + frames[4:])
    assert (watch.usage, watch.ended) == (Usage(input_tokens=3, output_tokens=2), True)


@pytest.mark.parametrize(
    "frame",
    [
        b'data: {"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n',
        b'data: {"choices":[],"x_groq":{"usage":{"prompt_tokens":3}}}\n\n',
        b'data: {"choices":[],"usage":{}}\n\n',
    ],
)
def test_a_frame_that_holds_more_than_usage_stays(frame: bytes) -> None:
    """Only a readable usage without choices is ours to take."""
    assert scanner(strip_usage=True).feed(frame) == frame


@pytest.mark.parametrize(
    "frame",
    [
        TEXT,
        b'data: {"choices":[{"delta":{"reasoning_content" : "hm"}}]}\n\n',
        b'data: {"choices":[{"delta":{"reasoning":"hm"}}]}\n\n',
        b'data: {"choices":[{"delta":{"refusal":"No."}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":null,"tool_calls":[{"index":0,"id":"a"}]}}]}\n\n',
        b'data: {"choices":[{"delta":{"function_call":{"name":"f"}}}]}\n\n',
        b'data: {"choices":[{"text":"Hi","index":0}]}\n\n',
        STOP,
    ],
)
def test_any_content_commits(frame: bytes) -> None:
    """Text, thinking, a refusal, a call, a legacy completion's text, a finish."""
    watch = scanner()
    watch.feed(frame)
    assert watch.has_content


@pytest.mark.parametrize(
    "frame", [FIRST, b": loading\n\n", b'data: {"choices":[{"delta":{"tool_calls":[]},"finish_reason":null}]}\n\n']
)
def test_what_is_no_content_does_not_commit(frame: bytes) -> None:
    """The role, keep-alives, empty lists."""
    watch = scanner()
    watch.feed(frame)
    assert not watch.has_content


def test_characters_are_counted_with_escapes_as_one() -> None:
    """Enough for an estimate where no usage comes."""
    watch = scanner()
    watch.feed('data: {"choices":[{"delta":{"content":"é\\n\\u00e9\\"x"}}]}\n\n'.encode())
    assert watch.output_chars == len('é\né"x')


def test_words_inside_the_text_are_not_mistaken_for_the_frame() -> None:
    """A model may write about streams: quotes in its text are escaped."""
    text = rb'data: {"choices":[{"delta":{"content":"\"usage\":{\"error\":{ [DONE] data: [DONE]"}}]}' + b"\n\n"
    watch = scanner(strip_usage=True)
    assert watch.feed(text) == text
    assert (watch.usage, watch.failure, watch.ended) == (None, None, False)


@pytest.mark.parametrize(
    ("frame", "failure"),
    [
        (
            b'data: {"error":{"message":"overloaded","type":"server_error","code":503}}\n\n',
            StreamFailed(message="overloaded", status=503, code="server_error"),
        ),
        (b'data: {"error" : "down"}\n\n', StreamFailed(message="down")),
        (b'event: error\r\ndata: {"message":"down"}\r\n\r\n', StreamFailed(message="down")),
        (b'data: {"object":"error","message":"m","code":400}\n\n', StreamFailed(message="m", status=400)),
        (b"event: error\ndata: x\n\n", StreamFailed(message="an event of the endpoint's stream is no JSON object")),
    ],
)
def test_an_error_inside_the_stream_is_a_failure(frame: bytes, failure: StreamFailed) -> None:
    """It is passed on, since the caller understands it; a later one does not replace it."""
    watch = scanner()
    assert watch.feed(FIRST + frame) == FIRST + frame
    watch.feed(b'data: {"error":"later"}\n\n' + STOP)
    watch.close()
    assert (watch.failure, watch.ended) == (failure, False)


@pytest.mark.parametrize(
    "frame", [b'data: {"choices":[],"x":{"error":"inner"}}\n\n', b'event: error\n\ndata: {"choices":[]}\n\n']
)
def test_an_error_that_is_not_the_frames_own_is_none(frame: bytes) -> None:
    """Somewhere deeper, or an event without data: not an error of the stream."""
    watch = scanner()
    watch.feed(frame)
    assert watch.failure is None


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        (b'{"error":{"message":"no","code":"x"}}', StreamFailed(message="no", code="x")),
        (b"  <html><title>Log in</title></html>", StreamFailed(message="Log in")),
        (b"Bad gateway", StreamFailed(message="Bad gateway")),
        (b"x" * 100_000, StreamFailed(message="x" * 299 + "…")),
    ],
)
@pytest.mark.parametrize("size", [8, 200_000])
def test_a_body_that_is_no_stream_is_a_failure(body: bytes, failure: StreamFailed, size: int) -> None:
    """JSON, HTML or words under status 200: known at once, better worded as more of it comes."""
    watch = scanner()
    sent = b"".join(watch.feed(body[begin : begin + size]) for begin in range(0, len(body), size))
    assert sent + watch.close() == body
    assert (watch.failure, watch.has_content, watch.ended) == (failure, False, False)


GARBAGE = [b'data: {"choices":[{"delta":{"content":"Onc\n\n', b"data: [1]\n\n", b"data: null\n\n", b"data: hello\n\n"]


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("is_last", [False, True])
def test_an_event_that_is_no_object_is_a_failure_and_not_passed_on(garbage: bytes, *, is_last: bool) -> None:
    """What came before it is, what comes after it is not."""
    watch = scanner()
    rest = b"" if is_last else TEXT + DONE
    assert watch.feed(TEXT + garbage.rstrip() if is_last else TEXT + garbage + rest) + watch.close() == TEXT
    assert watch.feed(TEXT) == b""
    assert watch.failure == StreamFailed(message="an event of the endpoint's stream is no JSON object")
    assert (watch.is_cut, watch.ended) == (True, False)


def test_what_follows_the_end_or_an_error_is_passed_on() -> None:
    """The answer is over by then."""
    for last in (DONE, b'data: {"error":{"message":"no"}}\n\n'):
        watch = scanner()
        assert watch.feed(TEXT + last + b"data: bye\n\n") + watch.close() == TEXT + last + b"data: bye\n\n"
        assert not watch.is_cut


def test_a_frame_too_large_is_a_failure_and_dropped() -> None:
    """Memory is bounded."""
    watch = scanner()
    half = b"data: " + b"x" * (5 * 1024 * 1024)
    assert watch.feed(half) == b""
    assert watch.feed(half) == b""
    assert watch.is_cut
    assert watch.failure == StreamFailed(message="a frame of the endpoint's stream is larger than 8388608 bytes")


def test_an_unfinished_frame_is_passed_on_at_the_end() -> None:
    """And looked into: a last blank line may be missing."""
    watch = scanner()
    assert watch.feed(TEXT + DONE.rstrip()) == TEXT
    assert watch.close() == DONE.rstrip()
    assert watch.ended


def test_a_usage_frame_without_its_blank_line_is_taken_out_too() -> None:
    """The stream may close right behind it."""
    watch = scanner(strip_usage=True)
    assert watch.feed(STOP + USAGE.rstrip()) == STOP
    assert watch.close() == b""
    assert (watch.usage, watch.ended) == (Usage(input_tokens=3, output_tokens=2), True)


@pytest.mark.parametrize(("frame", "ended"), [(STOP, True), (TEXT, False)])
def test_a_finish_before_a_clean_close_is_the_end(frame: bytes, *, ended: bool) -> None:
    """Some servers forget the `[DONE]`; an answer without a finish was cut."""
    watch = scanner()
    watch.feed(frame)
    watch.close()
    assert watch.ended is ended
