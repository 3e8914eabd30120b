"""Chat streams of real servers read as events, and events written as callers expect them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest

from pointsman.core.chat import ChatRequest, StopReason, Usage
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
)
from pointsman.dialects.openai_chat.dialect import OpenAIChat

DIALECT = OpenAIChat()
HEAD: JsonObject = {"id": "c1", "object": "chat.completion.chunk", "created": 7, "model": "m"}
STARTED = Started(id="c1", model="m", created_s=7)
STOP = Stopped(reason=StopReason.STOP)
DONE = b"data: [DONE]\n\n"


def wire(*chunks: Json) -> bytes:
    """*chunks* as server-sent events."""
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)


def chunk(delta: Json, reason: str | None = None, index: int = 0, **more: Json) -> JsonObject:
    """A chunk of one choice."""
    return {**HEAD, "choices": [{"index": index, "delta": delta, "finish_reason": reason, **more}]}


def read(data: bytes) -> list[StreamEvent]:
    """All events of *data*."""
    decoder = DIALECT.stream_decoder()
    return [*decoder.feed(data), *decoder.close()]


def extras(**found: Json) -> Mapping[str, JsonObject]:
    """*found* as this dialect's extras."""
    return {"openai_chat": found}


def test_a_stream_of_openai_is_read() -> None:
    """The first delta's empty text is no content; nulls are nothing; usage comes last."""
    logprobs: JsonObject = {"content": [{"token": "Hi", "logprob": -0.1}], "refusal": None}
    usage: JsonObject = {"prompt_tokens": 3, "completion_tokens": 2}
    first = chunk({"role": "assistant", "content": "", "refusal": None}, system_fingerprint=None)
    data = wire(
        {**first, "system_fingerprint": "fp_1", "service_tier": None, "obfuscation": "x", "usage": None},
        chunk({"content": "Hi"}, logprobs=logprobs),
        chunk({"refusal": "No."}),
        chunk({}, "content_filter"),
        {**HEAD, "choices": [], "usage": usage},
    )
    assert read(data + DONE + wire(chunk({"content": "late"}))) == [
        Started(id="c1", model="m", created_s=7, extras=extras(system_fingerprint="fp_1")),
        TextDelta(text="Hi"),
        LogprobsDelta(logprobs={"content": [{"token": "Hi", "logprob": -0.1}]}),
        RefusalDelta(text="No."),
        Stopped(reason=StopReason.CONTENT_FILTER),
        UsageReported(usage=Usage(input_tokens=3, output_tokens=2)),
        Ended(),
    ]


def test_thinking_is_read_under_both_names() -> None:
    """DeepSeek and llama.cpp say reasoning_content, vLLM and OpenRouter say reasoning."""
    data = wire(chunk({"reasoning_content": "a", "reasoning": "a"}), chunk({"reasoning": "b"}))
    assert read(data) == [STARTED, ReasoningDelta(text="a"), ReasoningDelta(text="b")]


def call(index: Json, arguments: str, identity: str | None = None, name: str | None = None) -> JsonObject:
    """A piece of a tool call."""
    return {"index": index, "id": identity, "function": {"name": name, "arguments": arguments}}


def test_parallel_calls_are_told_apart_by_index() -> None:
    """Pieces of two calls, interleaved."""
    data = wire(
        chunk({"tool_calls": [{**call(0, "", "a", "f"), "x_next": 1}, call(1, "{", "b", "g")]}),
        chunk({"tool_calls": [call(0, "{}"), call(1, "}")]}, "tool_calls"),
    )
    assert read(data) == [
        STARTED,
        ToolCallDelta(index=0, id="a", name="f", extras=extras(x_next=1)),
        ToolCallDelta(index=1, id="b", name="g", arguments="{"),
        ToolCallDelta(index=0, arguments="{}"),
        ToolCallDelta(index=1, arguments="}"),
        Stopped(reason=StopReason.TOOL_CALLS),
        Ended(),
    ]


def test_a_new_id_at_a_used_index_is_a_new_call() -> None:
    """Some servers give every call the index 0, or none."""
    data = wire(
        chunk({"tool_calls": [call(0, "{}", "a", "f")]}),
        chunk({"tool_calls": [call(0, "{}", "b", "f")]}),
        chunk({"tool_calls": [call(None, "", "b")]}),
    )
    assert [event.index for event in read(data) if isinstance(event, ToolCallDelta)] == [0, 1, 1]


def test_custom_and_legacy_calls_are_read() -> None:
    """Their form is kept for a caller of the same dialect."""
    data = wire(
        chunk({"tool_calls": [{"index": 0, "id": "a", "custom": {"name": "sql", "input": "S"}}]}),
        chunk({"function_call": {"name": "f", "arguments": "{"}}),
        chunk({"function_call": {"arguments": "}"}}),
    )
    assert read(data) == [
        STARTED,
        ToolCallDelta(index=0, id="a", name="sql", arguments="S", extras=extras(type="custom")),
        ToolCallDelta(index=0, name="f", arguments="{", extras=extras(function_call=True)),
        ToolCallDelta(index=0, arguments="}", extras=extras(function_call=True)),
    ]


def test_a_stream_whose_choices_have_all_finished_has_ended() -> None:
    """Some servers forget the `[DONE]`."""
    assert read(wire(chunk({"content": "a"}, "stop"))) == [STARTED, TextDelta(text="a"), STOP, Ended()]


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", b": loading\n\n", wire(chunk({"content": "a"}, "stop"), chunk({"content": "b"}, index=1))]
)
def test_a_cut_stream_has_no_end(data: bytes) -> None:
    """Nothing, keep-alives only, or a choice that has not finished."""
    assert Ended() not in read(data)


@pytest.mark.parametrize(
    ("data", "failure"),
    [
        (
            wire({"error": {"message": "overloaded", "type": "server_error", "code": 503}}),
            StreamFailed(message="overloaded", status=503, code="server_error"),
        ),
        (b'event: error\ndata: {"message":"down"}\n\n', StreamFailed(message="down")),
        (wire({"object": "error", "message": "m", "code": 400}), StreamFailed(message="m", status=400)),
        (b"data: {\n\n", StreamFailed(message="an event of the endpoint's stream is no JSON object")),
        (b"data: 3\n\n", StreamFailed(message="an event of the endpoint's stream is no JSON object")),
        (
            b"data: " + b"x" * (8 * 1024 * 1024),
            StreamFailed(message="a frame of the endpoint's stream is larger than 8388608 bytes"),
        ),
    ],
)
def test_a_failure_inside_a_stream_is_its_last_event(data: bytes, failure: StreamFailed) -> None:
    """Nothing after it is read."""
    decoder = DIALECT.stream_decoder()
    assert [*decoder.feed(data), *decoder.feed(wire(chunk({}))), *decoder.close()] == [failure]


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        (
            b'\n {"error":{"message":"Loading model","type":"unavailable_error","code":503}}',
            StreamFailed(message="Loading model", status=503, code="unavailable_error"),
        ),
        (b"<html><title>Log in</title></html>", StreamFailed(message="Log in")),
        (b"Internal Server Error", StreamFailed(message="Internal Server Error")),
    ],
)
def test_a_body_that_is_no_stream_is_a_failure(body: bytes, failure: StreamFailed) -> None:
    """JSON, HTML or words under status 200."""
    decoder = DIALECT.stream_decoder()
    assert [*decoder.feed(body[:3]), *decoder.feed(body[3:]), *decoder.close()] == [failure]


@pytest.mark.parametrize("odd", [{"choices": [3]}, {"choices": 3}, {"event": {"type": "status"}}])
def test_chunks_of_an_odd_shape_are_passed_over(odd: JsonObject) -> None:
    """What cannot be understood is no reason to fail an answer."""
    assert [event for event in read(wire(odd)) if not isinstance(event, Started)] == []


def test_deltas_of_an_odd_shape_are_passed_over() -> None:
    """As above, one level deeper; an index that is none is the first."""
    delta: JsonObject = {"content": 3, "tool_calls": [3, {"function": 3}]}
    odd: JsonObject = {"choices": [{"index": "x", "delta": delta}, {"index": 0, "delta": 3}]}
    assert read(wire(odd)) == [Started(id="", model="", created_s=0), ToolCallDelta(index=1)]


def written(events: Sequence[StreamEvent], *, with_usage: bool = False) -> list[Json]:
    """*events* as a caller reads them: the chunks, and the word DONE."""
    encoder = DIALECT.stream_encoder(ChatRequest(messages=(), stream_usage=with_usage))
    frames = b"".join(encoder.encode(event) for event in events).decode().split("\n\n")
    assert frames.pop() == ""
    texts = [frame.removeprefix("data: ") for frame in frames]
    return [text if text == "[DONE]" else json.loads(text) for text in texts]


def out(delta: JsonObject, reason: str | None = None, logprobs: Json = None, index: int = 0) -> JsonObject:
    """A chunk as we write it."""
    choice: JsonObject = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
    return {**HEAD, "choices": [choice]}


def test_events_are_written_as_openai_would() -> None:
    """The role comes with a choice's first delta; the end is `[DONE]`."""
    assert written(
        [
            STARTED,
            ReasoningDelta(text="hm"),
            TextDelta(text="Hé\n"),
            TextDelta(text="b", choice=1),
            LogprobsDelta(logprobs={"content": []}),
            STOP,
            RefusalDelta(text="No.", choice=1),
            Stopped(reason=None, choice=1),
            Ended(),
        ]
    ) == [
        out({"role": "assistant", "content": None, "reasoning_content": "hm"}),
        out({"content": "Hé\n"}),
        out({"role": "assistant", "content": "b"}, index=1),
        out({}, logprobs={"content": []}),
        out({}, "stop"),
        out({"refusal": "No."}, index=1),
        out({}, index=1),
        "[DONE]",
    ]


def test_usage_is_written_only_when_asked_for() -> None:
    """In a last chunk without choices; an empty answer still has its role."""
    events: list[StreamEvent] = [STARTED, STOP, UsageReported(usage=Usage(input_tokens=3, output_tokens=2)), Ended()]
    empty: list[Json] = [out({"role": "assistant", "content": ""}, "stop"), "[DONE]"]
    usage: JsonObject = {
        "prompt_tokens": 3,
        "completion_tokens": 2,
        "total_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    assert written(events) == empty
    assert written(events, with_usage=True) == [empty[0], {**HEAD, "choices": [], "usage": usage}, "[DONE]"]


def test_calls_are_written_in_their_form() -> None:
    """Function, custom and legacy calls, their later pieces in the same field."""
    assert written(
        [
            STARTED,
            ToolCallDelta(index=0, id="a", name="f", arguments="{"),
            ToolCallDelta(index=0, arguments="}"),
            ToolCallDelta(index=1, id="b", name="sql", arguments="S", extras=extras(type="custom")),
            ToolCallDelta(index=1, arguments="1"),
            ToolCallDelta(index=0, choice=1, name="g", extras=extras(function_call=True)),
            ToolCallDelta(index=0, choice=1, arguments="{}"),
            Stopped(reason=StopReason.TOOL_CALLS),
            Stopped(reason=StopReason.TOOL_CALLS, choice=1),
        ]
    ) == [
        out(
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{"}}
                ],
            }
        ),
        out({"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]}),
        out({"tool_calls": [{"index": 1, "id": "b", "type": "custom", "custom": {"name": "sql", "input": "S"}}]}),
        out({"tool_calls": [{"index": 1, "custom": {"input": "1"}}]}),
        out({"role": "assistant", "content": None, "function_call": {"name": "g", "arguments": ""}}, index=1),
        out({"function_call": {"arguments": "{}"}}, index=1),
        out({}, "tool_calls"),
        out({}, "function_call", index=1),
    ]


def test_a_failed_stream_ends_with_an_error() -> None:
    """No `[DONE]` follows it."""
    assert written([STARTED, TextDelta(text="a"), StreamFailed(message="cut", status=503, code="overloaded")])[1:] == [
        {"error": {"message": "cut", "type": "server_error", "param": None, "code": "overloaded"}}
    ]


def test_half_a_surrogate_pair_is_sent_as_it_came() -> None:
    """A server that cuts an emoji in two sends two halves; the caller's reader joins them."""
    encoder = DIALECT.stream_encoder(ChatRequest(messages=()))
    sent = b"".join(encoder.encode(TextDelta(text=half)) for half in ("\ud83d", "\ude00"))
    assert b'"\\ud83d"' in sent
    assert b'"\\ude00"' in sent
