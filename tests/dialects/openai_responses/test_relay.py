"""Responses streams relayed verbatim: what is noticed, and what is a failure."""

from __future__ import annotations

import json

import pytest

from pointsman.core.catalog import Operation
from pointsman.core.chat import Usage
from pointsman.core.jsontypes import Json
from pointsman.core.stream import StreamFailed
from pointsman.dialects.openai_responses.dialect import OpenAIResponses
from pointsman.dialects.openai_responses.relay import ResponsesRelayScanner


def frame(kind: str, **more: Json) -> bytes:
    """An event of a server."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode()


def scanner() -> ResponsesRelayScanner:
    """A fresh scanner."""
    return OpenAIResponses().relay_scanner(Operation.CHAT, strip_usage=True)


# The answer repeats the caller's tools and metadata: words in them are no events.
TRICKS: Json = {
    "tools": [{"properties": {"error": {"type": "error"}, "usage": {}}}],
    "metadata": {"type": "response.completed"},
    "status": "in_progress",
}
CREATED = frame("response.created", response=TRICKS)
TEXT = frame("response.output_text.delta", delta='Hi "there"')
ADDED = frame("response.output_item.added", item={"type": "function_call", "name": "f"})
THOUGHT = frame("response.output_item.added", item={"type": "reasoning"})
USAGE: Json = {"input_tokens": 3, "output_tokens": 2}
DONE = frame("response.completed", response={"status": "completed", "usage": USAGE})


def test_a_stream_is_watched_as_it_passes() -> None:
    """The first content commits, the last event has the usage; every frame goes on at once, also what follows."""
    watch = scanner()
    seen = []
    for piece in (CREATED, THOUGHT, TEXT, DONE, b"data: [DONE]\n\n"):
        assert watch.feed(piece) == piece
        seen.append((watch.has_content, watch.ended))
    assert watch.close() == b""
    assert seen == [(False, False), (False, False), (True, False), (True, True), (True, True)]
    assert (watch.usage, watch.output_chars, watch.failure) == (Usage(input_tokens=3, output_tokens=2), 10, None)


def test_a_call_is_content() -> None:
    """Its name was sent: nothing may be tried again."""
    watch = scanner()
    watch.feed(ADDED)
    assert watch.has_content


def test_an_answer_without_usage_has_ended() -> None:
    """Usage is estimated then."""
    watch = scanner()
    watch.feed(frame("response.incomplete"))
    assert (watch.ended, watch.usage, watch.has_content) == (True, None, True)


@pytest.mark.parametrize(
    ("piece", "failure"),
    [
        (
            frame("response.failed", response={"error": {"code": "server_error", "message": "broke"}}),
            StreamFailed(message="broke", code="server_error"),
        ),
        (
            frame("error", code="server_is_overloaded", message="busy"),
            StreamFailed(message="busy", code="server_is_overloaded"),
        ),
        (b'data: {"error": {"message": "odd"}}\n\n', StreamFailed(message="odd")),
    ],
)
def test_a_failure_is_noticed_and_passed_on(piece: bytes, failure: StreamFailed) -> None:
    """What comes after it is no end."""
    watch = scanner()
    assert watch.feed(piece + DONE) + watch.close() == piece + DONE
    assert (watch.failure, watch.ended) == (failure, False)


def test_what_is_no_stream_is_a_failure() -> None:
    """An error in JSON, sent with status 200."""
    watch = scanner()
    body = b'{"error": {"message": "no such model"}}'
    assert watch.feed(body) + watch.close() == body
    assert watch.failure == StreamFailed(message="no such model")


def test_a_cut_stream_has_not_ended() -> None:
    """However much it said."""
    watch = scanner()
    half = DONE[:-20]
    assert watch.feed(CREATED + TEXT + half) + watch.close() == CREATED + TEXT
    assert not watch.ended


def test_frames_that_are_no_events_say_nothing() -> None:
    """A comment, and a mark of an end that is none."""
    watch = scanner()
    for piece in (b": response.completed\n\n", b"event: error\n\n"):
        assert watch.feed(piece) == piece
    assert (watch.ended, watch.failure) == (False, None)
