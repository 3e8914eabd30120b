"""What is put around a stream's pieces: an array for Gemini's callers, a first event for Open WebUI."""

from __future__ import annotations

import json

import pytest

from pointsman.server.http import Header
from pointsman.server.streaming import JsonArray, status_event
from pointsman.server.surfaces import is_open_webui
from tests.server.asgi import HOST, scope_of

EVENTS = b'data: {"a": "\xc3\xbc"}\n\ndata: {"b": 2}\r\n\r\ndata: {"c": 3}\n\n'


@pytest.mark.parametrize("at", range(len(EVENTS) + 1))
def test_events_become_the_elements_of_one_array(at: int) -> None:
    """Wherever their bytes are cut."""
    framing = JsonArray()
    sent = framing.piece(EVENTS[:at]) + framing.piece(EVENTS[at:]) + framing.end()
    assert sent == '[{"a": "ü"},\r\n{"b": 2},\r\n{"c": 3}]'.encode()


def test_an_event_without_its_blank_line_still_counts() -> None:
    """The end completes it."""
    framing = JsonArray()
    assert framing.piece(b'data: {"a": 1}') + framing.end() == b'[{"a": 1}]'


def test_a_stream_without_events_is_an_empty_array() -> None:
    """Not an empty body."""
    assert JsonArray().end() == b"[]"


def test_an_endless_event_is_left_out() -> None:
    """What is larger than any event ends the array in order."""
    framing = JsonArray()
    framing._frames.max_frame_bytes = 20
    assert framing.piece(b'data: {"a": 1}\n\ndata: ' + b"x" * 40) + framing.end() == b'[{"a": 1}]'


def test_the_status_says_who_and_why() -> None:
    """In the words Open WebUI shows."""
    event = status_event("small", "score 0.1 → simple")
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    assert json.loads(event[6:]) == {
        "event": {"type": "status", "data": {"description": "Routed to small — score 0.1 → simple", "done": True}}
    }


@pytest.mark.parametrize(
    ("headers", "is_it"),
    [
        ((), False),
        (((b"x-openwebui-chat-id", b"1"),), True),
        (((b"user-agent", b"x-openwebui-"),), False),
    ],
)
def test_open_webui_is_known_by_its_headers(headers: tuple[Header, ...], is_it: bool) -> None:  # noqa: FBT001
    """Any that begins so."""
    assert is_open_webui(scope_of(HOST, *headers)) is is_it
