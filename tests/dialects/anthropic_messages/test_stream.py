"""Streams of Messages, read and written."""

from __future__ import annotations

import json

import pytest

from pointsman.core.chat import StopReason, Usage, ask
from pointsman.core.jsontypes import JsonObject
from pointsman.core.stream import (
    Ended,
    LogprobsDelta,
    ReasoningDelta,
    RefusalDelta,
    Started,
    Stopped,
    StreamEvent,
    StreamFailed,
    TextDelta,
    ToolCallDelta,
    UsageReported,
)
from pointsman.dialects.anthropic_messages.dialect import AnthropicMessages
from pointsman.dialects.anthropic_messages.stream_encoder import MessagesStreamEncoder

DIALECT = AnthropicMessages()
NAME = DIALECT.name
STARTED = Started(id="msg_1", model="m", created_s=0)


def frame(body: JsonObject) -> bytes:
    """*body* as the API sends it."""
    return f"event: {body['type']}\ndata: {json.dumps(body)}\n\n".encode()


def block(index: int, start: JsonObject, *deltas: JsonObject) -> bytes:
    """A block from its start to its stop."""
    added = (frame({"type": "content_block_delta", "index": index, "delta": delta}) for delta in deltas)
    begun = frame({"type": "content_block_start", "index": index, "content_block": start})
    return b"".join((begun, *added, frame({"type": "content_block_stop", "index": index})))


def read(*wire: bytes) -> list[StreamEvent]:
    """The events of a stream."""
    decoder = DIALECT.stream_decoder()
    return [*(event for data in wire for event in decoder.feed(data)), *decoder.close()]


def written(*events: StreamEvent, shows_thinking: bool = True) -> list[JsonObject]:
    """The bodies of the frames for *events*, less the first; each frame is named for its type."""
    encoder = MessagesStreamEncoder(shows_thinking=shows_thinking)
    found: list[JsonObject] = []
    for text in b"".join(map(encoder.encode, events)).decode().split("\n\n")[1:-1]:
        name, _, data = text.partition("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found


START: JsonObject = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "usage": {"input_tokens": 9, "cache_read_input_tokens": 4, "output_tokens": 1},
        "container": {"id": "c"},
    },
}
END: JsonObject = {
    "type": "message_delta",
    "delta": {"stop_reason": "stop_sequence", "stop_sequence": "END"},
    "usage": {"output_tokens": 5, "input_tokens": None, "output_tokens_details": {"thinking_tokens": 2}},
}
STOP: JsonObject = {"type": "message_stop"}
USED = Usage(input_tokens=13, output_tokens=5, cached_input_tokens=4, reasoning_tokens=2)


def test_a_stream_of_claude_is_understood() -> None:
    """Thinking with a signature in pieces, redacted thinking, citations, the endpoint's own tools, parallel calls."""
    wire = b"".join(
        (
            frame(START),
            frame({"type": "ping"}),
            block(
                0,
                {"type": "thinking", "thinking": "", "signature": ""},
                {"type": "thinking_delta", "thinking": "Hm."},
                {"type": "signature_delta", "signature": "Eq"},
                {"type": "signature_delta", "signature": "QB"},
            ),
            block(1, {"type": "redacted_thinking", "data": "EmwK"}),
            block(
                2,
                {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
                {"type": "input_json_delta", "partial_json": '{"query":'},
            ),
            block(
                3,
                {"type": "text", "text": ""},
                {"type": "text_delta", "text": "Sun"},
                {"type": "citations_delta", "citation": {}},
                {"type": "text_delta", "text": ""},
                {"type": "next_year_delta"},
            ),
            block(
                4,
                {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}},
                {"type": "input_json_delta", "partial_json": ""},
                {"type": "input_json_delta", "partial_json": '{"a":1}'},
            ),
            block(5, {"type": "tool_use", "id": "toolu_2", "name": "g", "input": {"b": 2}, "toolset_name": "t"}),
            frame({"type": "next_year"}),
            frame(END),
            frame(STOP),
            frame(END),
        )
    )
    assert read(wire) == [
        Started(id="msg_1", model="m", created_s=0, extras={NAME: {"container": {"id": "c"}}}),
        ReasoningDelta(text="Hm."),
        ReasoningDelta(text="", signature="EqQB", origin=NAME),
        ReasoningDelta(text="", signature="redacted_thinking:EmwK", origin=NAME),
        TextDelta(text="Sun"),
        ToolCallDelta(index=0, id="toolu_1", name="f"),
        ToolCallDelta(index=0, arguments='{"a":1}'),
        ToolCallDelta(index=1, id="toolu_2", name="g", arguments='{"b":2}', extras={NAME: {"toolset_name": "t"}}),
        Stopped(reason=StopReason.STOP, extras={NAME: {"stop_reason": "stop_sequence", "stop_sequence": "END"}}),
        UsageReported(usage=USED),
        Ended(),
    ]


def test_a_stream_without_its_last_event_was_cut() -> None:
    """A reason to stop is not yet the end."""
    assert not any(isinstance(event, Ended) for event in read(frame(START), frame(END)))


def test_a_stream_of_odd_shape_still_ends() -> None:
    """A delta that says nothing of a stop, no usage at all, blocks without numbers."""
    assert read(
        frame({"type": "content_block_start", "content_block": {"type": "text", "text": "a"}}),
        frame({"type": "content_block_stop"}),
        frame({"type": "message_delta", "delta": {}}),
        b'data: {"type":"message_stop"}',
    ) == [TextDelta(text="a"), Ended()]


@pytest.mark.parametrize(
    ("wire", "failure"),
    [
        (
            frame({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
            StreamFailed(message="Overloaded", status=529, code="overloaded_error"),
        ),
        (
            b'data: {"error":{"message":"down"}}\n\n',
            StreamFailed(message="down"),
        ),
        (b"data: {\n\n", StreamFailed(message="an event of the endpoint's stream is no JSON object")),
        (b"data: []\n\n", StreamFailed(message="an event of the endpoint's stream is no JSON object")),
    ],
)
def test_an_error_ends_a_stream(wire: bytes, failure: StreamFailed) -> None:
    """Nothing that follows is read."""
    assert read(frame(START), wire, frame(STOP))[1:] == [failure]


def test_a_body_that_is_no_stream_is_an_error() -> None:
    """Some servers answer with JSON or HTML and a 200."""
    body = b'{"type":"error","error":{"type":"api_error","message":"Oh"}}'
    assert read(b"", body[:9], body[9:]) == [StreamFailed(message="Oh", status=500, code="api_error")]


def test_a_frame_without_end_is_an_error() -> None:
    """Nobody waits for more than some megabytes of one event."""
    (failure,) = read(b"data: " + b"a" * 9_000_000)
    assert isinstance(failure, StreamFailed)


def test_an_answer_is_streamed_block_by_block() -> None:
    """Thinking, text and a call, each begun, added to and closed; the reason and the counts come at the end."""
    assert written(
        STARTED,
        ReasoningDelta(text="Hm."),
        TextDelta(text="Sun"),
        RefusalDelta(text="ny"),
        LogprobsDelta(logprobs={"content": []}),
        TextDelta(text="no", choice=1),
        ToolCallDelta(index=0, id="a", name="f", arguments='{"x":'),
        ToolCallDelta(index=0, arguments="1}"),
        Stopped(reason=StopReason.STOP),
        UsageReported(usage=USED),
        Ended(),
    ) == [
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "pointsman.."}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": "", "citations": None}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Sun"}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "ny"}},
        {"type": "content_block_stop", "index": 1},
        {
            "type": "content_block_start",
            "index": 2,
            "content_block": {"type": "tool_use", "id": "a", "name": "f", "input": {}, "caller": {"type": "direct"}},
        },
        {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"x":'}},
        {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "1}"}},
        {"type": "content_block_stop", "index": 2},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None, "stop_details": None, "container": None},
            "usage": {
                "input_tokens": 9,
                "output_tokens": 5,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 4,
                "output_tokens_details": {"thinking_tokens": 2},
                "server_tool_use": None,
            },
        },
        {"type": "message_stop"},
    ]


def test_a_stream_begins_with_a_whole_message_that_is_empty() -> None:
    """Every field clients read is there from the beginning."""
    wire = DIALECT.stream_encoder(ask("hi")).encode(STARTED)
    assert json.loads(wire.split(b"data: ")[1]) == {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "container": None,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "stop_details": None,
            "usage": {
                "input_tokens": 0,
                "output_tokens": 0,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens_details": {"thinking_tokens": 0},
                "server_tool_use": None,
                "cache_creation": None,
                "service_tier": None,
                "inference_geo": None,
            },
        },
    }


def test_calls_without_arguments_or_ids_are_whole_blocks() -> None:
    """Both wait for no more than the end; blanks behind a whole object are nothing."""
    found = written(
        STARTED,
        ToolCallDelta(index=0, arguments="{}"),
        ToolCallDelta(index=4),
        ToolCallDelta(index=0, arguments="\n"),
        ToolCallDelta(index=5, id="b", name="g", arguments="{"),
        Ended(),
    )
    starts = [event["content_block"] for event in found if event["type"] == "content_block_start"]
    assert [(start["id"], start["name"]) for start in starts if isinstance(start, dict)] == [
        ("call_0", ""),
        ("call_4", ""),
        ("b", "g"),
    ]
    assert [event["type"] for event in found].count("content_block_stop") == 3


def test_thinking_nobody_asked_for_is_given_for_its_signature_only() -> None:
    """A text is not interrupted by thinking that is not shown; a signature has to come back."""
    found = written(
        STARTED,
        ReasoningDelta(text="Hm."),
        ReasoningDelta(text="Hm.", signature="s", origin="gemini"),
        TextDelta(text="a"),
        ReasoningDelta(text="Hm."),
        TextDelta(text="b"),
        Ended(),
        shows_thinking=False,
    )
    assert [(event["type"], event.get("delta")) for event in found][:6] == [
        ("content_block_start", None),
        ("content_block_delta", {"type": "signature_delta", "signature": "pointsman.gemini.s"}),
        ("content_block_stop", None),
        ("content_block_start", None),
        ("content_block_delta", {"type": "text_delta", "text": "a"}),
        ("content_block_delta", {"type": "text_delta", "text": "b"}),
    ]


def test_empty_deltas_say_nothing() -> None:
    """No frame, and no block for them."""
    empty = (TextDelta(text=""), ReasoningDelta(text=""), ToolCallDelta(index=0, id="a", name="f"))
    assert [event["type"] for event in written(STARTED, *empty)] == ["content_block_start"]


def test_redacted_thinking_is_a_block_of_its_own() -> None:
    """Its data comes whole."""
    found = written(STARTED, ReasoningDelta(text="", signature="redacted_thinking:EmwK", origin=NAME), Ended())
    assert found[:2] == [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "redacted_thinking", "data": "EmwK"}},
        {"type": "content_block_stop", "index": 0},
    ]


def test_a_failure_is_an_event_of_the_stream() -> None:
    """Nothing follows it."""
    assert written(STARTED, TextDelta(text="a"), StreamFailed(message="down", status=529))[-1] == {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "down"},
        "request_id": None,
    }


def test_half_a_surrogate_pair_is_sent_as_its_escape() -> None:
    """It is no UTF-8."""
    encoder = MessagesStreamEncoder(shows_thinking=True)
    assert b'"text":"\\ud83d"' in encoder.encode(TextDelta(text="\ud83d"))


def test_while_a_model_loads_the_caller_is_pinged() -> None:
    """The packages leave pings out of what they give to programs."""
    assert DIALECT.keep_alive == b'event: ping\ndata: {"type": "ping"}\n\n'
    assert read(DIALECT.keep_alive) == []
