"""Streams of Gemini's API: read, written, and watched while they are relayed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.core.catalog import Operation
from pointsman.core.chat import StopReason, Usage, ask
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
from pointsman.dialects.gemini.dialect import Gemini
from pointsman.dialects.gemini.sealing import sealed, unsealed

DIALECT = Gemini()
STARTED = Started(id="r", model="m", created_s=0)
HEAD: JsonObject = {"modelVersion": "m", "responseId": "r"}


def written(*events: StreamEvent) -> list[JsonObject]:
    """The pieces a caller gets for *events*."""
    encoder = DIALECT.stream_encoder(ask("hi"))
    wire = b"".join(map(encoder.encode, events))
    assert wire.endswith(b"\n\n")
    return [json.loads(line.removeprefix(b"data: ")) for line in wire.split(b"\n\n")[:-1]]


def wire_of(*chunks: Json) -> bytes:
    """*chunks* as an endpoint streams them."""
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n" for chunk in chunks)


def read(data: bytes) -> list[StreamEvent]:
    """The events of the stream *data*."""
    decoder = DIALECT.stream_decoder()
    return [*decoder.feed(data), *decoder.close()]


def chunk(*parts: Json, finish: str | None = None, **more: Json) -> JsonObject:
    """A piece of a stream with *parts*."""
    candidate: JsonObject = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], **more, **HEAD}


def said(*parts: Json) -> JsonObject:
    """The piece we write for *parts*."""
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "index": 0}], **HEAD}


def parts_in(piece: JsonObject) -> list[dict[str, Any]]:
    """The parts of the first candidate of *piece*."""
    candidates: Any = piece["candidates"]
    return list(candidates[0]["content"]["parts"])


def test_the_last_character_waits_for_the_finish_reason() -> None:
    """google-genai 1.x drops a turn from its memory when one piece of it has no text."""
    usage = Usage(input_tokens=3, output_tokens=5, reasoning_tokens=2)
    assert written(
        STARTED,
        TextDelta(text="Hel"),
        TextDelta(text="l"),
        TextDelta(text="o"),
        Stopped(reason=StopReason.LENGTH, extras={"gemini": {"avgLogprobs": -1}}),
        UsageReported(usage=usage),
        Ended(),
    ) == [
        said({"text": "He"}),
        said({"text": "l"}),
        said({"text": "l"}),
        {
            "candidates": [
                {
                    "content": {"role": "model", "parts": [{"text": "o"}]},
                    "finishReason": "MAX_TOKENS",
                    "index": 0,
                    "avgLogprobs": -1,
                }
            ],
            "usageMetadata": {
                "promptTokenCount": 3,
                "candidatesTokenCount": 3,
                "totalTokenCount": 8,
                "thoughtsTokenCount": 2,
            },
            **HEAD,
        },
    ]


def test_calls_are_sent_whole() -> None:
    """No client of this API puts pieces of arguments together."""
    pieces = written(
        STARTED,
        ReasoningDelta(text="hm"),
        TextDelta(text="ok"),
        ToolCallDelta(index=0, id="1", name="f", arguments='{"a"'),
        ToolCallDelta(index=0, arguments=":1}"),
        ToolCallDelta(index=1, id="2", name="g", arguments=""),
        Stopped(reason=StopReason.TOOL_CALLS),
        Ended(),
    )
    assert pieces[:-1] == [
        said({"text": "h", "thought": True}),
        said({"text": "m", "thought": True}, {"text": "o"}),
        said({"text": "k"}),
        said({"functionCall": {"id": "1", "name": "f", "args": {"a": 1}}}),
    ]
    assert pieces[-1]["candidates"] == [
        {
            "content": {"role": "model", "parts": [{"functionCall": {"id": "2", "name": "g", "args": {}}}]},
            "finishReason": "STOP",
            "index": 0,
        }
    ]


def test_text_after_a_call_comes_after_it() -> None:
    """Nothing changes places."""
    call: Json = {"functionCall": {"id": "1", "name": "f", "args": {}}}
    pieces = written(
        STARTED, ToolCallDelta(index=0, id="1", name="f"), RefusalDelta(text="no"), ReasoningDelta(text="a"), Ended()
    )
    assert pieces[:2] == [said(call, {"text": "n"}), said({"text": "o"})]


def test_a_foreign_signature_closes_its_thinking_under_a_seal() -> None:
    """It is given back to the model it belongs to."""
    pieces = written(
        STARTED,
        ReasoningDelta(text="hm"),
        ReasoningDelta(text="", signature="s", origin="anthropic_messages"),
        ReasoningDelta(text="so"),
        ReasoningDelta(text="", signature="t", origin="anthropic_messages"),
        TextDelta(text="a"),
        Stopped(reason=StopReason.STOP),
        Ended(),
    )
    assert [(part["text"], unsealed(part.get("thoughtSignature"))) for piece in pieces for part in parts_in(piece)] == [
        ("h", (None, None)),
        ("m", ("s", "anthropic_messages")),
        ("s", (None, None)),
        ("o", ("t", "anthropic_messages")),
        ("a", (None, None)),
    ]


def test_an_answer_of_nothing_still_ends_with_a_reason() -> None:
    """Clients take a stream without one for cut, and ask again."""
    assert written(Ended()) == [
        {
            "candidates": [{"content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": "STOP", "index": 0}],
            "modelVersion": "",
            "responseId": "",
        }
    ]


def test_a_failure_is_a_piece_after_all_that_was_said() -> None:
    """The text before it is whole."""
    assert written(STARTED, TextDelta(text="a"), StreamFailed(message="cut", status=503)) == [
        said({"text": "a"}),
        {"error": {"code": 503, "message": "cut", "status": "UNAVAILABLE"}},
    ]
    assert written(StreamFailed(message="cut", status=418))[0]["error"] == {
        "code": 418,
        "message": "cut",
        "status": "INVALID_ARGUMENT",
    }


def test_half_a_surrogate_pair_is_sent_as_an_escape() -> None:
    """It is no UTF-8."""
    encoder = DIALECT.stream_encoder(ask("hi"))
    assert b"\\ud800" in encoder.encode(TextDelta(text="\ud800a"))


def test_probabilities_come_with_the_last_piece() -> None:
    """In this API's own words."""
    token: Json = {"token": "a", "logprob": -1.0, "bytes": [97], "top_logprobs": []}
    logprobs = (LogprobsDelta(logprobs={"content": [token]}), LogprobsDelta(logprobs={"refusal": []}))
    pieces = written(STARTED, TextDelta(text="a"), *logprobs, Stopped(reason=StopReason.STOP), Ended())
    candidates: Any = pieces[-1]["candidates"]
    assert candidates[0]["logprobsResult"] == {
        "chosenCandidates": [{"token": "a", "logProbability": -1.0}],
        "topCandidates": [{"candidates": []}],
    }


def test_a_stream_is_read() -> None:
    """Thinking, text, calls, why it stopped and what it cost."""
    usage: JsonObject = {"promptTokenCount": 3, "candidatesTokenCount": 4}
    data = wire_of(
        chunk({"text": "hm", "thought": True}, usageMetadata={"promptTokenCount": 3}),
        chunk({"text": "a"}, {"inlineData": {"mimeType": "image/png", "data": "AA=="}}),
        chunk({"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"}),
        chunk({"text": "", "thoughtSignature": "c2ln"}, finish="STOP", usageMetadata=usage),
        chunk(finish="STOP"),
    )
    assert read(data) == [
        STARTED,
        ReasoningDelta(text="hm"),
        TextDelta(text="a"),
        ToolCallDelta(
            index=0,
            id="call_r_1",
            name="f",
            arguments='{"a":1}',
            extras={"gemini": {"thoughtSignature": "c2ln"}},
        ),
        Stopped(reason=StopReason.TOOL_CALLS),
        UsageReported(usage=Usage(input_tokens=3, output_tokens=4)),
        Ended(),
    ]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (wire_of(chunk({"text": "a"})), [STARTED, TextDelta(text="a")]),
        (
            wire_of({"promptFeedback": {"blockReason": "SAFETY"}, **HEAD}),
            [
                Started(
                    id="r", model="m", created_s=0, extras={"gemini": {"promptFeedback": {"blockReason": "SAFETY"}}}
                ),
                Stopped(reason=StopReason.CONTENT_FILTER),
                Ended(),
            ],
        ),
        (
            wire_of(chunk(finish="MALFORMED_FUNCTION_CALL"), chunk({"text": "late"})),
            [
                STARTED,
                StreamFailed(
                    message="the model's answer was spoiled: MALFORMED_FUNCTION_CALL",
                    status=500,
                    code="MALFORMED_FUNCTION_CALL",
                ),
            ],
        ),
        (
            wire_of(chunk({"functionCall": {}}, finish="STOP"), chunk({"text": "late"})),
            [
                STARTED,
                StreamFailed(
                    message="a piece of the endpoint's stream is malformed: "
                    "content.parts[0].functionCall.name is missing."
                ),
            ],
        ),
        (
            wire_of({"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}),
            [StreamFailed(message="slow", status=429, code="RESOURCE_EXHAUSTED")],
        ),
        (
            wire_of({"error": {"code": 400, "message": "k", "details": [{"reason": "API_KEY_INVALID"}]}}),
            [StreamFailed(message="k", status=400, code="invalid_api_key")],
        ),
        (b"data: {\n\n", [StreamFailed(message="a piece of the endpoint's stream is no JSON object")]),
        (
            b'[{"error":{"code":503,"message":"no","status":"UNAVAILABLE"}}]',
            [StreamFailed(message="no", status=503, code="UNAVAILABLE")],
        ),
        (
            wire_of({"candidates": [{"finishReason": "MAX_TOKENS"}], **HEAD}),
            [STARTED, Stopped(reason=StopReason.LENGTH), Ended()],
        ),
        (wire_of({"candidates": [3]}), [Started(id="", model="", created_s=0)]),
    ],
)
def test_streams_that_go_wrong(data: bytes, expected: list[StreamEvent]) -> None:
    """A stream without a finish reason was cut: it has no Ended."""
    assert read(data) == expected


def test_a_frame_too_large_is_a_failure() -> None:
    """Nobody fills our memory."""
    assert isinstance(read(b"data: " + b"a" * (9 * 1024 * 1024))[-1], StreamFailed)


def test_a_relayed_stream_is_watched() -> None:
    """Content, usage, the end and its length, while every byte goes on."""
    data = wire_of(
        chunk({"text": "héllo"}), chunk(finish="STOP", usageMetadata={"promptTokenCount": 3, "candidatesTokenCount": 4})
    )
    scanner = DIALECT.relay_scanner(Operation.CHAT, strip_usage=True)
    assert scanner.feed(data[:10]) == b""
    assert (scanner.has_content, scanner.ended) == (False, False)
    assert scanner.feed(data[10:]) + scanner.close() == data
    assert (scanner.has_content, scanner.ended, scanner.output_chars) == (True, True, 5)
    assert scanner.usage == Usage(input_tokens=3, output_tokens=4)


@pytest.mark.parametrize(
    ("data", "failure"),
    [
        (
            wire_of({"error": {"code": 503, "message": "no", "status": "UNAVAILABLE"}}),
            StreamFailed(message="no", status=503, code="UNAVAILABLE"),
        ),
        (wire_of(chunk({"functionCall": {"name": "f", "args": {"error": "x"}}})), None),
        (b': a comment with "error": {}\n\n', None),
        (b'data: {"a": 1}\n\ndata: {"usageMetadata": {}, "error": {}}\n\n', None),
    ],
)
def test_failures_in_a_relayed_stream_are_seen(data: bytes, failure: StreamFailed | None) -> None:
    """But not words that only look like one."""
    scanner = DIALECT.relay_scanner(Operation.CHAT, strip_usage=False)
    assert scanner.feed(data) + scanner.close() == data
    assert scanner.failure == failure


def test_a_relayed_body_is_changed_only_where_the_endpoint_would_refuse_it() -> None:
    """Other models' thinking goes, calls of theirs are signed for Gemini 3; else nothing is touched."""
    foreign: JsonObject = {"text": "hm", "thought": True, "thoughtSignature": sealed("s", "anthropic_messages")}
    call: JsonObject = {"functionCall": {"name": "f"}}
    user: JsonObject = {"role": "user", "parts": [{"text": "a"}, 3]}
    body: JsonObject = {
        "contents": [user, {"role": "model", "parts": [foreign, call]}, {"role": "model", "parts": [foreign]}, 3]
    }
    assert DIALECT.relay_fields(body, Operation.CHAT, "gemini-2.5-pro", stream_usage=True) == {
        "contents": [user, {"role": "model", "parts": [call]}, 3]
    }
    signed: JsonObject = {**call, "thoughtSignature": "skip_thought_signature_validator"}
    assert DIALECT.relay_fields(body, Operation.CHAT, "gemini-3-pro", stream_usage=False) == {
        "contents": [user, {"role": "model", "parts": [signed]}, 3]
    }
    clean: JsonObject = {"contents": [user, {"role": "model", "parts": [signed]}, {"role": "model"}]}
    assert DIALECT.relay_fields(clean, Operation.CHAT, "gemini-3-pro", stream_usage=False) == {}
    named: JsonObject = {"model": "models/auto", **clean}
    assert DIALECT.relay_fields(named, Operation.COUNT_TOKENS, "m", stream_usage=False) == {"model": "models/m"}
    counted: JsonObject = {"generateContentRequest": {"model": "models/auto", "contents": []}}
    assert DIALECT.relay_fields(counted, Operation.COUNT_TOKENS, "m", stream_usage=False) == {
        "generateContentRequest": {"model": "models/m", "contents": []}
    }
