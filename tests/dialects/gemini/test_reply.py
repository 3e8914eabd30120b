"""Whole answers, their errors, counts and embeddings in Gemini's API."""

from __future__ import annotations

import json

import pytest

from pointsman.core.chat import (
    ChatReply,
    Choice,
    EmbeddingReply,
    EmbeddingRequest,
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    StopReason,
    Text,
    ToolCall,
    ToolResult,
    Usage,
    ask,
)
from pointsman.core.errors import AllAttemptsFailed, ContextTooLong, InvalidRequest, PointsmanError, UnknownModel
from pointsman.core.failure import Failure, FailureKind
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.dialects.base import UpstreamError
from pointsman.dialects.gemini import embeddings
from pointsman.dialects.gemini.dialect import Gemini
from pointsman.dialects.gemini.sealing import unsealed

DIALECT = Gemini()
A: JsonObject = {"parts": [{"text": "a"}]}
CALL: JsonObject = {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"}


def answer(*parts: Json, finish: str | None = "STOP", **more: Json) -> JsonObject:
    """An endpoint's answer with *parts*."""
    ending: JsonObject = {} if finish is None else {"finishReason": finish}
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, **ending}], "responseId": "r", **more}


def reply_of(*parts: Part, reason: StopReason | None = StopReason.STOP) -> ChatReply:
    """A neutral answer with *parts*."""
    message = Message(role=Role.ASSISTANT, parts=parts)
    return ChatReply(id="r", model="m", created_s=0, choices=(Choice(index=0, message=message, stop_reason=reason),))


def said(reply: ChatReply) -> JsonObject:
    """The first candidate of *reply*."""
    candidates = DIALECT.encode_reply(reply, ask("hi"))["candidates"]
    assert isinstance(candidates, list)
    return dict(candidates[0])


def test_an_answer_is_read() -> None:
    """Thinking and text in runs, calls with ids, usage, and what only this API says."""
    found = DIALECT.decode_reply(
        answer(
            {"text": "h", "thought": True},
            {"text": "m", "thought": True},
            {"text": "a"},
            {"text": "b"},
            {"text": ""},
            {"text": "c", "thoughtSignature": "c2ln"},
            {"text": "", "thought": True},
            {"executableCode": {"code": "1"}},
            {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
            CALL,
            {"functionCall": {"id": "own", "name": "g"}},
            modelVersion="gemini-3",
            usageMetadata={
                "promptTokenCount": 10,
                "toolUsePromptTokenCount": 2,
                "cachedContentTokenCount": 4,
                "candidatesTokenCount": 5,
                "thoughtsTokenCount": 3,
                "totalTokenCount": 20,
            },
            modelStatus={"x": 1},
        )
    )
    assert found == ChatReply(
        id="r",
        model="gemini-3",
        created_s=0,
        choices=(
            Choice(
                index=0,
                message=Message(
                    role=Role.ASSISTANT,
                    parts=(
                        Reasoning(text="hm"),
                        Text(text="abc", extras={"gemini": {"thoughtSignature": "c2ln"}}),
                        Media(kind="image", data_base64="AA==", media_type="image/png"),
                        ToolCall(
                            id="call_r_1",
                            name="f",
                            arguments='{"a":1}',
                            extras={"gemini": {"thoughtSignature": "c2ln"}},
                        ),
                        ToolCall(id="own", name="g", arguments="{}"),
                    ),
                ),
                stop_reason=StopReason.TOOL_CALLS,
            ),
        ),
        usage=Usage(input_tokens=12, output_tokens=8, cached_input_tokens=4, reasoning_tokens=3),
        extras={"gemini": {"modelStatus": {"x": 1}}},
    )


def test_ids_that_nobody_gave_are_the_same_each_time() -> None:
    """An answer without an id has calls named after what they say."""
    body = answer({"functionCall": {"name": "f", "args": {"a": 1}}}) | {"responseId": None}
    found = DIALECT.decode_reply(body)
    assert found == DIALECT.decode_reply(body)
    (call,) = found.choices[0].message.parts
    assert isinstance(call, ToolCall)
    assert call.id.startswith("call_")


@pytest.mark.parametrize(
    ("finish", "reason", "kept"),
    [
        ("STOP", StopReason.STOP, {}),
        ("MAX_TOKENS", StopReason.LENGTH, {}),
        ("SAFETY", StopReason.CONTENT_FILTER, {}),
        ("RECITATION", StopReason.CONTENT_FILTER, {"gemini": {"finishReason": "RECITATION"}}),
        ("PROHIBITED_CONTENT", StopReason.CONTENT_FILTER, {"gemini": {"finishReason": "PROHIBITED_CONTENT"}}),
        ("OTHER", StopReason.STOP, {"gemini": {"finishReason": "OTHER"}}),
        ("MALFORMED_FUNCTION_CALL", StopReason.STOP, {"gemini": {"finishReason": "MALFORMED_FUNCTION_CALL"}}),
        ("FINISH_REASON_UNSPECIFIED", None, {}),
        (None, None, {}),
    ],
)
def test_finish_reasons_come_back(finish: str | None, reason: StopReason | None, kept: JsonObject) -> None:
    """What the neutral reason does not say is kept; an answer always has one."""
    found = DIALECT.decode_reply(answer({"text": "a"}, finish=finish))
    assert (found.choices[0].stop_reason, found.choices[0].extras) == (reason, kept)
    assert said(found)["finishReason"] == (finish if reason else "STOP")


def test_a_blocked_prompt_is_a_filtered_answer() -> None:
    """There is no candidate then, only why; callers get one that says so."""
    found = DIALECT.decode_reply({"promptFeedback": {"blockReason": "SAFETY"}, "responseId": "r"})
    assert [choice.stop_reason for choice in found.choices] == [StopReason.CONTENT_FILTER]
    assert DIALECT.encode_reply(found, ask("hi")) == {
        "candidates": [{"content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": "SAFETY", "index": 0}],
        "modelVersion": "",
        "responseId": "r",
        "promptFeedback": {"blockReason": "SAFETY"},
    }


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"candidates": []},
        {"candidates": [], "promptFeedback": {}},
        {"candidates": [{"content": 3}]},
        {"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL"}]},
    ],
)
def test_what_is_no_answer_is_refused(body: JsonObject) -> None:
    """Another model may do better."""
    with pytest.raises(ValueError, match="answer"):
        DIALECT.decode_reply(body)


def test_parts_of_other_models_are_said() -> None:
    """Others' signatures go out under a seal, so that they can come back."""
    spoken = said(
        reply_of(
            Reasoning(text="hm", signature="s", origin="anthropic_messages"),
            Reasoning(text="so"),
            Refusal(text="no"),
            Media(kind="image", data_base64="AA==", media_type="image/png"),
            ToolCall(id="1", name="f", arguments="{}"),
            reason=StopReason.TOOL_CALLS,
        )
    )
    content = spoken["content"]
    assert isinstance(content, dict)
    thought, *others = content["parts"]
    assert unsealed(thought.pop("thoughtSignature")) == ("s", "anthropic_messages")
    assert thought == {"text": "hm", "thought": True}
    assert others == [
        {"text": "so", "thought": True},
        {"text": "no"},
        {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
        {"functionCall": {"id": "1", "name": "f", "args": {}}},
    ]
    assert spoken["finishReason"] == "STOP"


def test_what_an_answer_cannot_hold_is_named() -> None:
    """A result is nothing a model says."""
    with pytest.raises(InvalidRequest, match="ToolResult"):
        said(reply_of(ToolResult(call_id="1", content=())))


def test_probabilities_come_in_the_neutral_form() -> None:
    """The list of tokens that OpenAI's callers know."""
    result: JsonObject = {
        "chosenCandidates": [{"token": "a", "logProbability": -0.5, "tokenId": 1}, {"logProbability": None}],
        "topCandidates": [{"candidates": [{"token": "b", "logProbability": -1}]}],
    }
    body = answer({"text": "a"})
    body["candidates"] = [{**dict(body["candidates"][0]), "logprobsResult": result, "avgLogprobs": -0.5}]  # type: ignore[index, arg-type]
    (choice,) = DIALECT.decode_reply(body).choices
    assert choice.logprobs == {
        "content": [
            {
                "token": "a",
                "logprob": -0.5,
                "bytes": [97],
                "top_logprobs": [{"token": "b", "logprob": -1, "bytes": [98]}],
            },
            {"token": "", "logprob": 0.0, "bytes": None, "top_logprobs": []},
        ]
    }
    assert choice.extras == {"gemini": {"avgLogprobs": -0.5}}


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"promptTokenCount": 3}, Usage(input_tokens=3, output_tokens=0)),
        ({"promptTokenCount": 3, "totalTokenCount": 9}, Usage(input_tokens=3, output_tokens=6)),
        ({"promptTokenCount": True}, None),
        (None, None),
    ],
)
def test_usage_is_read_as_far_as_it_goes(counts: Json, expected: Usage | None) -> None:
    """Servers of this dialect leave counts out."""
    assert DIALECT.usage({"candidates": [], "usageMetadata": counts}) == expected


def test_an_answer_of_nothing_known_has_no_usage() -> None:
    """A count of tokens is an answer, an empty object is none."""
    assert DIALECT.usage({"totalTokens": 5}) is None
    with pytest.raises(ValueError, match="no candidates"):
        DIALECT.usage({})


def _failure(retry_after_s: float | None) -> Failure:
    return Failure(kind=FailureKind.TRANSIENT, model="m", endpoint="e", message="busy", retry_after_s=retry_after_s)


@pytest.mark.parametrize(
    ("error", "status", "word", "details"),
    [
        (UnknownModel("no such model", param="model"), 404, "NOT_FOUND", [
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "MODEL_NOT_FOUND", "domain": "pointsman"},
            {"@type": "type.googleapis.com/google.rpc.BadRequest",
             "fieldViolations": [{"field": "model", "description": "no such model"}]},
        ]),
        (AllAttemptsFailed("all busy", failures=[_failure(30.0), _failure(2.5), _failure(None)]), 503, "UNAVAILABLE", [
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "NO_MODEL_AVAILABLE",
             "domain": "pointsman"},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2.5s"},
        ]),
        (AllAttemptsFailed("all busy", failures=[_failure(None)]), 503, "UNAVAILABLE", [
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "NO_MODEL_AVAILABLE",
             "domain": "pointsman"},
        ]),
    ],
)  # fmt: skip
def test_errors_are_said_as_google_says_them(error: PointsmanError, status: int, word: str, details: Json) -> None:
    """A number, gRPC's word, and details a program can read."""
    assert DIALECT.encode_error(error) == (
        status,
        {"error": {"code": status, "message": str(error), "status": word, "details": details}},
    )


def test_a_full_context_is_told_in_googles_words() -> None:
    """By them clients know that they should shorten the conversation."""
    _, body = DIALECT.encode_error(ContextTooLong("9 tokens are too many."))
    assert "The input exceeds the maximum number of tokens allowed. 9 tokens are too many." in json.dumps(body)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED", "details": [
                {"@type": "x/google.rpc.QuotaFailure", "violations": [
                    {"quotaId": "GenerateRequestsPerMinute"}, {"quotaId": "GenerateRequestsPerDayPerProject-FreeTier"},
                ]},
                {"@type": "x/google.rpc.RetryInfo", "retryDelay": "34.07s"},
            ]},
            UpstreamError(message="quota", code="GenerateRequestsPerDayPerProject-FreeTier", type="daily_quota",
                          status=429, retry_after_s=34.07),
        ),
        (
            {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED", "details": [
                {"violations": [{}, {"quotaId": "GenerateRequestsPerMinute"}]}, {"retryDelay": "900ms"},
            ]},
            UpstreamError(message="slow", code="GenerateRequestsPerMinute", type="RESOURCE_EXHAUSTED",
                          status=429, retry_after_s=0.9),
        ),
        (
            {"code": 400, "message": "key", "status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}]},
            UpstreamError(message="key", code="API_KEY_INVALID", type="invalid_api_key", status=400),
        ),
        (
            {"message": "no", "status": "UNAVAILABLE", "details": [{"retryDelay": "soon"}, 3]},
            UpstreamError(message="no", type="UNAVAILABLE", status=503),
        ),
    ],
)  # fmt: skip
def test_errors_of_endpoints_are_read(error: JsonObject, expected: UpstreamError) -> None:
    """A quota for the day is spent though the body says to come back soon; a wrong key is a wrong key."""
    assert DIALECT.decode_error(json.dumps({"error": error}).encode()) == expected
    assert DIALECT.decode_error(json.dumps([{"error": error}]).encode()) == expected


def test_a_page_of_html_is_an_error_too() -> None:
    """LiteRT-LM answers so."""
    assert DIALECT.decode_error(b"<html><title>Model x not found</title></html>") == UpstreamError(
        message="Model x not found"
    )
    assert DIALECT.decode_error(b"[]").message == "the endpoint gave no message"


def test_one_content_is_embedded() -> None:
    """`embedContent`, its task kept for endpoints of this API."""
    request = embeddings.decode_embed(
        {
            "model": "models/m",
            "content": {"parts": [{"text": "a"}, {"text": "b"}]},
            "task_type": "CLUSTERING",
            "output_dimensionality": 2,
        }
    )
    assert request == EmbeddingRequest(inputs=("ab",), dimensions=2, extras={"gemini": {"taskType": "CLUSTERING"}})
    usage = Usage(input_tokens=3, output_tokens=0)
    assert embeddings.encode_embed(EmbeddingReply(model="m", vectors=((0.5, 1.0),), usage=usage)) == {
        "embedding": {"values": [0.5, 1.0]},
        "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3},
    }


def test_many_contents_are_embedded_in_a_batch() -> None:
    """Titles may differ; an endpoint is asked in the same way."""
    items: list[Json] = [
        {"model": "models/m", "content": {"parts": [{"text": "a"}]}, "title": "A"},
        {"model": "models/m", "content": {"parts": [{"text": "b"}]}, "title": "B"},
    ]
    request = embeddings.decode_batch_embed({"requests": items})
    assert request.inputs == ("a", "b")
    encoded = DIALECT.encode_embeddings(request, "m")
    assert (encoded.path, encoded.body) == ("/models/m:batchEmbedContents", {"requests": items})
    assert embeddings.encode_batch_embed(EmbeddingReply(model="m", vectors=((1.0,), (2.0,)))) == {
        "embeddings": [{"values": [1.0]}, {"values": [2.0]}]
    }
    assert DIALECT.encode_embeddings(EmbeddingRequest(inputs=("a",), user="u"), "m").dropped == ("user",)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "requests"),
        ({"requests": [{}]}, "requests[0].content"),
        ({"requests": [{"content": {"parts": []}}]}, "requests[0].content.parts"),
        ({"requests": [{"content": {"parts": [{"inlineData": {}}]}}]}, "requests[0].content.parts[0].text"),
        (
            {"requests": [{"content": A}, {"content": A, "outputDimensionality": 2}]},
            "requests[1].outputDimensionality",
        ),
    ],
)  # fmt: skip
def test_a_wrong_embedding_request_is_refused_by_its_path(body: JsonObject, param: str) -> None:
    """What was wrong, and where."""
    with pytest.raises(InvalidRequest) as refused:
        embeddings.decode_batch_embed(body)
    assert refused.value.param == param


def test_token_ids_cannot_be_embedded_here() -> None:
    """The API takes text."""
    with pytest.raises(InvalidRequest, match="token ids"):
        DIALECT.encode_embeddings(EmbeddingRequest(inputs=((1, 2),)), "m")


def test_vectors_are_read() -> None:
    """Of one content and of many."""
    usage = Usage(input_tokens=3, output_tokens=0)
    many: JsonObject = {"embeddings": [{"values": [1.0]}, {"values": [2]}], "usageMetadata": {"promptTokenCount": 3}}
    assert DIALECT.decode_embeddings(many) == EmbeddingReply(model="", vectors=((1.0,), (2,)), usage=usage)
    assert DIALECT.decode_embeddings({"embedding": {"values": [1.0]}}).vectors == ((1.0,),)


@pytest.mark.parametrize("body", [{}, {"embeddings": 1}, {"embeddings": [{}]}, {"embeddings": [{"values": ["a"]}]}])
def test_what_is_no_vector_is_refused(body: JsonObject) -> None:
    """An answer of another kind is none."""
    with pytest.raises(ValueError, match=r"vector|answer"):
        DIALECT.decode_embeddings(body)
