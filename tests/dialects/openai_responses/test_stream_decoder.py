"""Responses streams of real servers, read as events."""

from __future__ import annotations

import json

import pytest

from pointsman.core.chat import StopReason, Usage
from pointsman.core.jsontypes import Json, JsonObject
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
    fold,
)
from pointsman.dialects.openai_responses.dialect import OpenAIResponses

DIALECT = OpenAIResponses()
NAME = "openai_responses"
HEAD: JsonObject = {"id": "resp_1", "object": "response", "created_at": 7, "model": "m", "status": "in_progress"}
STARTED = Started(id="resp_1", model="m", created_s=7)
STOP = Stopped(reason=StopReason.STOP)


def event(kind: str, **more: Json) -> JsonObject:
    """An event of a server."""
    return {"type": f"response.{kind}", **more}


CREATED = event("created", response=HEAD)
COMPLETED = event(
    "completed", response={**HEAD, "status": "completed", "usage": {"input_tokens": 3, "output_tokens": 2}}
)


def wire(*events: Json, is_named: bool = True) -> bytes:
    """*events* as server-sent ones."""
    frames: list[bytes] = []
    for item in events:
        name = f"event: {item['type']}\n".encode() if is_named and isinstance(item, dict) and "type" in item else b""
        frames.append(name + b"data: " + json.dumps(item).encode() + b"\n\n")
    return b"".join(frames)


def read(data: bytes) -> list[StreamEvent]:
    """All events of *data*."""
    decoder = DIALECT.stream_decoder()
    return [*decoder.feed(data), *decoder.close()]


def test_a_stream_of_openai_is_read() -> None:
    """Thinking in parts and signed, text with probabilities, a refusal, usage; mere notices are skipped."""
    tokens: list[Json] = [{"token": "Hi", "logprob": -0.1}]
    data = wire(
        CREATED,
        event("in_progress", response=HEAD),
        event("output_item.added", output_index=0, item={"id": "rs_1", "type": "reasoning", "summary": []}),
        event("reasoning_summary_part.added", output_index=0, summary_index=0),
        event("reasoning_summary_text.delta", output_index=0, summary_index=0, delta="a"),
        event("reasoning_summary_text.delta", output_index=0, summary_index=0, delta="b"),
        event("reasoning_summary_text.delta", output_index=0, summary_index=1, delta="c"),
        event("output_item.done", output_index=0, item={"type": "reasoning", "encrypted_content": "e"}),
        event("output_item.added", output_index=1, item={"id": "msg_1", "type": "message", "content": []}),
        event("output_text.delta", output_index=1, content_index=0, delta="Hi", logprobs=tokens),
        event("output_text.delta", output_index=1, content_index=0, delta="", logprobs=[]),
        event("output_text.done", output_index=1, content_index=0, text="Hi"),
        event("refusal.delta", output_index=1, content_index=1, delta="no"),
        event(
            "output_item.done",
            output_index=1,
            item={"type": "message", "content": [{"type": "output_text", "text": "Hi"}]},
        ),
        COMPLETED,
    )
    assert read(data) == [
        STARTED,
        ReasoningDelta(text="a"),
        ReasoningDelta(text="b"),
        ReasoningDelta(text="\n\nc"),
        ReasoningDelta(text="", signature="e", origin=NAME),
        TextDelta(text="Hi"),
        LogprobsDelta(logprobs={"content": tokens}),
        RefusalDelta(text="no"),
        STOP,
        UsageReported(usage=Usage(input_tokens=3, output_tokens=2)),
        Ended(),
    ]


def test_calls_are_read_interleaved() -> None:
    """Each has its place; a custom tool's text becomes the arguments of a function as it comes."""
    added = (
        event(
            "output_item.added",
            output_index=0,
            item={"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "namespace": "team"},
        ),
        event(
            "output_item.added",
            output_index=1,
            item={"type": "custom_tool_call", "id": "ct_1", "call_id": "d", "name": "g"},
        ),
    )
    data = wire(
        CREATED,
        *added,
        event("function_call_arguments.delta", output_index=0, delta="{"),
        event("custom_tool_call_input.delta", output_index=1, delta='a"'),
        event("function_call_arguments.delta", output_index=0, delta="}"),
        event("custom_tool_call_input.delta", output_index=1, delta="b"),
        event("output_item.done", output_index=0, item={"type": "function_call", "arguments": "{}"}),
        event("output_item.done", output_index=1, item={"type": "custom_tool_call", "input": 'a"b'}),
        event("output_item.done", output_index=1, item={"type": "custom_tool_call", "input": 'a"b'}),
        COMPLETED,
    )
    events = read(data)
    assert events[1:5] == [
        ToolCallDelta(index=0, id="c", name="f", extras={NAME: {"namespace": "team"}}),
        ToolCallDelta(index=1, id="d", name="g", arguments='{"input": "', extras={NAME: {"type": "custom_tool_call"}}),
        ToolCallDelta(index=0, arguments="{"),
        ToolCallDelta(index=1, arguments='a\\"'),
    ]
    assert Stopped(reason=StopReason.TOOL_CALLS) in events
    calls = [(part.name, part.arguments) for part in fold(events).choices[0].message.parts]  # type: ignore[union-attr]  # calls
    assert calls == [("f", "{}"), ("g", '{"input": "a\\"b"}')]


def test_items_that_come_only_whole_are_read() -> None:
    """Some servers send no deltas, or no `added`."""
    items: tuple[JsonObject, ...] = (
        {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm"}]},
        {"type": "message", "content": [{"type": "output_text", "text": "Hi", "logprobs": [{"token": "Hi"}]}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    )
    expected = [
        STARTED,
        ReasoningDelta(text="hm"),
        TextDelta(text="Hi"),
        LogprobsDelta(logprobs={"content": [{"token": "Hi"}]}),
        ToolCallDelta(index=0, id="c", name="f"),
        ToolCallDelta(index=0, arguments="{}"),
        Stopped(reason=StopReason.TOOL_CALLS),
        Ended(),
    ]
    end = event("completed", response={**HEAD, "status": "completed"})
    whole = [event("output_item.done", output_index=place, item=item) for place, item in enumerate(items)]
    assert read(wire(CREATED, *whole, end)) == expected
    last = event("completed", response={**HEAD, "output": [*items, "odd"]})
    assert read(wire(last)) == expected
    assert read(wire(last, is_named=False) + b"data: [DONE]\n\n") == expected


@pytest.mark.parametrize("kind", ["reasoning_text.delta", "reasoning.delta"])
def test_plain_thinking_is_read(kind: str) -> None:
    """As local servers stream it, by its newer name and its older one."""
    assert read(wire(CREATED, event(kind, output_index=0, content_index=0, delta="hm"))) == [
        STARTED,
        ReasoningDelta(text="hm"),
    ]


def test_a_second_message_is_set_apart() -> None:
    """A commentary and the answer are one text, with a blank line between."""
    first = event("output_text.delta", output_index=0, content_index=0, delta="Looking.")
    second = event("output_text.delta", output_index=1, content_index=0, delta="Four.")
    assert read(wire(first, second)) == [TextDelta(text="Looking."), TextDelta(text="\n\nFour.")]


def test_an_incomplete_answer_has_ended() -> None:
    """Why is said."""
    whole: JsonObject = {**HEAD, "incomplete_details": {"reason": "content_filter"}}
    assert read(wire(CREATED, event("incomplete", response=whole))) == [
        STARTED,
        Stopped(reason=StopReason.CONTENT_FILTER),
        Ended(),
    ]
    assert read(wire(CREATED, event("completed"))) == [STARTED, STOP, Ended()]


@pytest.mark.parametrize(
    ("frames", "failure"),
    [
        (
            wire(event("failed", response={**HEAD, "error": {"code": "rate_limit_exceeded", "message": "slow"}})),
            StreamFailed(message="slow", code="rate_limit_exceeded"),
        ),
        (
            wire(event("failed", response=HEAD)),
            StreamFailed(message="the endpoint's answer ended with response.failed"),
        ),
        (
            wire(event("cancelled")),
            StreamFailed(message="the endpoint's answer ended with response.cancelled"),
        ),
        (
            wire({"type": "error", "code": "server_is_overloaded", "message": "busy", "param": None}),
            StreamFailed(message="busy", code="server_is_overloaded"),
        ),
        (wire({"type": "error", "code": None, "message": "odd"}), StreamFailed(message="odd")),
        (
            wire({"type": "error", "error": {"type": "server_error", "code": None, "message": "odd"}}),
            StreamFailed(message="odd", code="server_error"),
        ),
        (b'event: error\ndata: {"message": "odd"}\n\n', StreamFailed(message="odd")),
        (b'data: {"error": {"code": 503, "message": "Loading"}}\n\n', StreamFailed(message="Loading", status=503)),
        (b"data: {\n\n", StreamFailed(message="an event of the endpoint's stream is no JSON object")),
        (
            b"data: " + b"x" * (9 * 1024 * 1024),
            StreamFailed(message="a frame of the endpoint's stream is larger than 8388608 bytes"),
        ),
    ],
)
def test_a_failure_inside_a_stream_is_one(frames: bytes, failure: StreamFailed) -> None:
    """Nothing is read after it."""
    assert [found for found in read(frames + wire(COMPLETED)) if found != STARTED] == [failure]


def test_a_stream_without_its_last_event_was_cut() -> None:
    """Neither a `[DONE]` nor all items being whole is an end."""
    delta = event("output_text.delta", output_index=0, content_index=0, delta="Hi")
    data = wire(CREATED, delta, event("output_text.done", text="Hi")) + b"data: [DONE]\n\n"
    assert read(data) == [STARTED, TextDelta(text="Hi")]


def test_what_is_no_stream_is_a_failure() -> None:
    """An error in JSON, sent with status 200."""
    assert read(b'{"error": {"message": "no such model", "code": "model_not_found"}}') == [
        StreamFailed(message="no such model", code="model_not_found")
    ]


def test_odd_events_say_nothing() -> None:
    """Events of next year, and such as lack what they should have."""
    data = wire(
        event("brand_new", delta="x"),
        {"type": 5},
        event("output_item.added", item=None),
        event("output_item.added", output_index="x", item={"type": 5}),
        event("output_text.delta", delta=5),
        event("function_call_arguments.delta", output_index=9, delta="{"),
    )
    assert read(data) == []
