"""Framing of streams: line ends, comments, several data lines, no last blank line, frames too large."""

from __future__ import annotations

import pytest

from pointsman.core.stream import StreamFailed
from pointsman.dialects.frames import NdjsonFrames, SseEvent, SseFrames, is_event_stream

STREAM = ': loading\n\nevent: a\ndata: é1\ndata:2\nid: 7\nretry\n\n\ndata: {"x":1}\n\nevent: lost\n\ndata'.encode()
EVENTS = [SseEvent(data="é1\n2", event="a"), SseEvent(data='{"x":1}'), SseEvent(data="")]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_events_are_the_same_for_every_line_end_split_at_every_byte(line_end: bytes, start: bytes) -> None:
    """LF, CRLF and CR, with or without a byte order mark, in pieces of one byte."""
    wire = start + STREAM.replace(b"\n", line_end)
    frames = SseFrames()
    found = [event for number in range(len(wire)) for event in frames.feed(wire[number : number + 1])]
    assert [*found, *frames.close()] == EVENTS


TOO_LARGE = StreamFailed(message="a frame of the endpoint's stream is larger than 8 bytes")


@pytest.mark.parametrize("wire", [b"data:123456789", b"data:1\ndata:2\n", b"data:123456789\n\ndata:1\n\n"])
@pytest.mark.parametrize("size", [1, 100])
def test_an_event_too_large_ends_the_stream(wire: bytes, size: int) -> None:
    """However it arrives: one failure, then nothing."""
    frames = SseFrames(max_frame_bytes=8)
    pieces = [wire[begin : begin + size] for begin in range(0, len(wire), size)]
    assert [event for piece in pieces for event in frames.feed(piece)] == [TOO_LARGE]
    assert (*frames.feed(b"data: 1\n\n"), *frames.close()) == ()


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_lines_come_whole_and_blank_ones_not_at_all(line_end: bytes) -> None:
    """Newline-delimited JSON in pieces of one byte; the last line needs no end."""
    wire = b'{"a":1}\n \n\n{"b":2}\n{"c":3}'.replace(b"\n", line_end)
    frames = NdjsonFrames()
    found = [line for number in range(len(wire)) for line in frames.feed(wire[number : number + 1])]
    assert [*found, *frames.close()] == [b'{"a":1}', b'{"b":2}', b'{"c":3}']


@pytest.mark.parametrize("size", [1, 100])
def test_a_line_too_large_ends_the_stream(size: int) -> None:
    """However it arrives: the line before, one failure, then nothing."""
    wire = b"1\n123456789\n2\n"
    frames = NdjsonFrames(max_frame_bytes=8)
    pieces = [wire[begin : begin + size] for begin in range(0, len(wire), size)]
    assert [line for piece in pieces for line in frames.feed(piece)] == [b"1", TOO_LARGE]
    assert (*frames.feed(b"2\n"), *frames.close()) == ()


@pytest.mark.parametrize(
    ("head", "expected"),
    [(b"", None), (b"\r\n ", None), (b"\n: x", True), (b"data", True), (b"event", True), (b"{", False), (b"<h", False)],
)
def test_an_event_stream_is_known_by_its_first_byte(head: bytes, *, expected: bool | None) -> None:
    """JSON, HTML and words are no event stream; blanks say nothing yet."""
    assert is_event_stream(head) is expected
