"""Answers and streams as Ollama gives them."""

from __future__ import annotations

import json

import pytest

from pointsman.core.chat import (
    ChatReply,
    Choice,
    EmbeddingReply,
    Message,
    Reasoning,
    Role,
    StopReason,
    Text,
    ToolCall,
    Usage,
)
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.core.stream import (
    Ended,
    LogprobsDelta,
    ReasoningDelta,
    Started,
    Stopped,
    StreamEvent,
    StreamFailed,
    TextDelta,
    ToolCallDelta,
    UsageReported,
)
from pointsman.dialects.base import UpstreamError
from pointsman.dialects.ollama.dialect import Ollama

DIALECT = Ollama()
HEAD: JsonObject = {"model": "qwen2.5:3b", "created_at": "2026-08-21T10:00:00.123456789Z"}
IDENTITY = "chatcmpl-20260821100000123456789"
CREATED_S = 1787306400
WEATHER: JsonObject = {"function": {"name": "weather", "arguments": {"city": "Zürich"}}}


def test_an_answer_is_read() -> None:
    """Thinking, text, calls (numbered where they have no id), counts and an id made of the time."""
    body: JsonObject = {
        **HEAD,
        "message": {
            "role": "assistant",
            "content": "Let me see.",
            "thinking": "Look.",
            "tool_calls": [WEATHER, {"id": "x", "function": {"name": "now", "arguments": None}}],
        },
        "done": True,
        "done_reason": "stop",
        "total_duration": 5,
        "prompt_eval_count": 26,
        "eval_count": 7,
    }
    parts = (
        Reasoning(text="Look."),
        Text(text="Let me see."),
        ToolCall(id="call_0", name="weather", arguments='{"city":"Zürich"}'),
        ToolCall(id="x", name="now", arguments="{}"),
    )
    message = Message(role=Role.ASSISTANT, parts=parts)
    assert DIALECT.decode_reply(body) == ChatReply(
        id=IDENTITY,
        model="qwen2.5:3b",
        created_s=CREATED_S,
        choices=(Choice(index=0, message=message, stop_reason=StopReason.TOOL_CALLS),),
        usage=Usage(input_tokens=26, output_tokens=7),
    )


@pytest.mark.parametrize(
    ("created", "identity", "created_s"),
    [
        ("2026-08-21T12:00:00+02:00", "chatcmpl-202608211200000200", CREATED_S),
        ("2026-08-21T10:00:00", "chatcmpl-20260821100000", CREATED_S),
        ("yesterday", "chatcmpl-0", 0),
        (None, "chatcmpl-0", 0),
    ],
)
def test_the_time_is_read_in_any_zone(created: Json, identity: str, created_s: int) -> None:
    """No zone is UTC; no time is the epoch."""
    reply = DIALECT.decode_reply({"created_at": created, "message": {}, "done": True, "done_reason": "length"})
    message = Message(role=Role.ASSISTANT, parts=())
    choice = Choice(index=0, message=message, stop_reason=StopReason.LENGTH)
    assert reply == ChatReply(id=identity, model="", created_s=created_s, choices=(choice,))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": "model 'x' not found"}, "model 'x' not found"),
        ({}, "the answer is malformed: message is missing."),
        ({"message": {}, "done": False}, "the answer is not complete"),
        (
            {"message": {"tool_calls": [{}]}, "done": True},
            "the answer is malformed: message.tool_calls[0].function is missing.",
        ),
    ],
)
def test_what_is_no_answer_is_a_value_error(body: JsonObject, message: str) -> None:
    """The engine takes it for a failed attempt."""
    with pytest.raises(ValueError, match=r".") as refused:
        DIALECT.decode_reply(body)
    assert str(refused.value) == message


def read(*lines: Json | bytes) -> list[StreamEvent]:
    """The events of *lines*, the last without its line feed."""
    decoder = DIALECT.stream_decoder()
    data = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    return [*decoder.feed(data), *decoder.close()]


def line(message: JsonObject, **more: Json) -> JsonObject:
    """One line of a stream."""
    return {**HEAD, "message": {"role": "assistant", "content": "", **message}, "done": False, **more}


STARTED = Started(id=IDENTITY, model="qwen2.5:3b", created_s=CREATED_S)


def test_a_stream_is_read() -> None:
    """Calls come whole, one or several to a line; the last line has the counts; nothing after it counts."""
    assert read(
        line({"thinking": "Look."}),
        line({"content": "Hi"}),
        line({"tool_calls": [WEATHER]}),
        line({"tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}),
        line({}, done=True, done_reason="stop", eval_count=7),
        line({"content": "late"}),
    ) == [
        STARTED,
        ReasoningDelta(text="Look."),
        TextDelta(text="Hi"),
        ToolCallDelta(index=0, id="call_0", name="weather", arguments='{"city":"Zürich"}'),
        ToolCallDelta(index=1, id="call_1", name="f", arguments="{}"),
        Stopped(reason=StopReason.TOOL_CALLS),
        UsageReported(usage=Usage(input_tokens=0, output_tokens=7)),
        Ended(),
    ]


def test_log_probabilities_are_read() -> None:
    """Beside the message, whole and on any line of a stream; each token has all that OpenAI's callers expect."""
    given: Json = [{"token": "Hi", "logprob": -0.5, "top_logprobs": [{"token": "Ho", "logprob": -1, "bytes": [72]}]}]
    expected: JsonObject = {
        "content": [
            {
                "token": "Hi",
                "logprob": -0.5,
                "bytes": None,
                "top_logprobs": [{"token": "Ho", "logprob": -1, "bytes": [72]}],
            }
        ]
    }
    last = line({}, done=True, done_reason="stop")
    assert read(line({"content": "Hi"}, logprobs=given), last) == [
        STARTED,
        TextDelta(text="Hi"),
        LogprobsDelta(logprobs=expected),
        Stopped(reason=StopReason.STOP),
        Ended(),
    ]
    assert DIALECT.decode_reply({**last, "logprobs": given}).choices[0].logprobs == expected


def test_a_stream_without_counts_has_no_usage() -> None:
    """Loading or unloading a model answers with an empty last line."""
    assert read({**HEAD, "done": True, "done_reason": "load"}) == [STARTED, Stopped(reason=StopReason.STOP), Ended()]


def test_a_cut_stream_has_no_end() -> None:
    """The last line never came."""
    assert read(line({"content": "Hi"})) == [STARTED, TextDelta(text="Hi")]


@pytest.mark.parametrize(
    ("bad", "failure"),
    [
        ({"error": "an error was encountered"}, StreamFailed(message="an error was encountered")),
        (
            b"<html><title>Log in</title></html>",
            StreamFailed(message="a line of the endpoint's stream is no JSON object"),
        ),
        ([1], StreamFailed(message="a line of the endpoint's stream is no JSON object")),
        (
            {"message": {"content": 3}},
            StreamFailed(
                message="a line of the endpoint's stream is malformed: message.content must be a string, not a number."
            ),
        ),
        (
            b"x" * (8 * 1024 * 1024 + 1),
            StreamFailed(message="a frame of the endpoint's stream is larger than 8388608 bytes"),
        ),
    ],
)
def test_a_failure_inside_a_stream_is_its_last_event(bad: Json | bytes, failure: StreamFailed) -> None:
    """It can be on any line, under status 200; nothing after it is read."""
    assert read(line({"content": "Hi"}), bad, line({"content": "late"})) == [
        STARTED,
        TextDelta(text="Hi"),
        failure,
    ]


def test_vectors_are_read() -> None:
    """With the count of tokens."""
    body: JsonObject = {"model": "m", "embeddings": [[0.5, 1]], "prompt_eval_count": 3}
    usage = Usage(input_tokens=3, output_tokens=0)
    assert DIALECT.decode_embeddings(body) == EmbeddingReply(model="m", vectors=((0.5, 1),), usage=usage)
    assert DIALECT.usage(body) == usage
    assert DIALECT.decode_embeddings({"embeddings": [[1]]}) == EmbeddingReply(model="", vectors=((1,),))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "the answer holds no vectors"),
        ({"embeddings": []}, "the answer holds no vectors"),
        ({"embeddings": [3]}, "a vector is not a list of numbers"),
    ],
)
def test_what_holds_no_vectors_is_a_value_error(body: JsonObject, message: str) -> None:
    """The engine takes it for a failed attempt."""
    with pytest.raises(ValueError, match=f"^{message}$"):
        DIALECT.decode_embeddings(body)


def test_an_endpoints_error_is_read() -> None:
    """Ollama's shape is one string."""
    assert DIALECT.decode_error(b'{"error":"server busy"}') == UpstreamError(message="server busy")
