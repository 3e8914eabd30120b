"""Whole answers of real servers, read and written; errors as OpenAI gives them."""

from __future__ import annotations

import pytest

from pointsman.core.chat import (
    ChatReply,
    ChatRequest,
    Choice,
    Message,
    Reasoning,
    Refusal,
    Role,
    StopReason,
    Text,
    ToolCall,
    Usage,
)
from pointsman.core.errors import InvalidRequest, ModelStruckOut, NoModelAvailable, PointsmanError, UnknownModel
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.dialects.base import UpstreamError
from pointsman.dialects.openai_chat.dialect import OpenAIChat
from pointsman.dialects.openai_chat.errors import type_of_status

DIALECT = OpenAIChat()
REQUEST = ChatRequest(messages=())
OPENAI: JsonObject = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1700000000,
    "model": "gpt-4o",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi", "refusal": None, "annotations": []},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 9,
        "completion_tokens": 2,
        "total_tokens": 11,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 1},
    },
    "system_fingerprint": "fp_1",
}


def reply_of(*parts: Text | Reasoning | Refusal | ToolCall, reason: StopReason | None = StopReason.STOP) -> ChatReply:
    """A reply of one choice."""
    choice = Choice(index=0, message=Message(role=Role.ASSISTANT, parts=parts), stop_reason=reason)
    return ChatReply(id="", model="", created_s=0, choices=(choice,))


def test_an_answer_of_openai_comes_back_as_it_was() -> None:
    """Usage, details, annotations and the fingerprint survive."""
    reply = DIALECT.decode_reply(OPENAI)
    assert reply.usage == Usage(input_tokens=9, output_tokens=2, cached_input_tokens=4, reasoning_tokens=1)
    assert DIALECT.encode_reply(reply, REQUEST) == OPENAI


@pytest.mark.parametrize(
    ("message", "reason", "expected"),
    [
        ({"content": "", "reasoning_content": ""}, "eos", reply_of()),
        ({"content": None, "refusal": "No."}, "stop", reply_of(Refusal(text="No."))),
        (
            {"content": "4", "reasoning_content": "2+2"},
            "length",
            reply_of(Reasoning(text="2+2"), Text(text="4"), reason=StopReason.LENGTH),
        ),
        ({"content": "4"}, None, reply_of(Text(text="4"), reason=None)),
    ],
)
def test_answers_of_other_servers_are_read(message: JsonObject, reason: Json, expected: ChatReply) -> None:
    """Little is required: an id, a time, an index and a role may be missing."""
    assert DIALECT.decode_reply({"choices": [{"message": message, "finish_reason": reason}]}) == expected


def test_a_legacy_function_call_keeps_its_form() -> None:
    """Callers that still use `functions` get `function_call` and its finish reason."""
    message: JsonObject = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
    choice: JsonObject = {"index": 0, "message": message, "logprobs": None, "finish_reason": "function_call"}
    reply = DIALECT.decode_reply({"choices": [choice]})
    assert reply.choices[0].stop_reason is StopReason.TOOL_CALLS
    assert DIALECT.encode_reply(reply, REQUEST)["choices"] == [{**choice, "message": {**message, "refusal": None}}]


@pytest.mark.parametrize(
    ("parts", "content"),
    [
        ((), ""),
        ((Text(text="a"), Text(text="b")), "ab"),
        ((ToolCall(id="1", name="f", arguments=""),), None),
        ((Refusal(text="No."),), None),
    ],
)
def test_content_is_one_string_or_null(parts: tuple[Text | ToolCall | Refusal, ...], content: str | None) -> None:
    """Null only beside a refusal or calls, so that clients that strip the content go on working."""
    choices = DIALECT.encode_reply(reply_of(*parts), REQUEST)["choices"]
    assert isinstance(choices, list)
    assert choices[0]["message"]["content"] == content


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "the answer holds no choices"),
        ({"choices": []}, "the answer holds no choices"),
        ({"choices": [3]}, "the answer is malformed: choices[0] must be an object, not a number."),
        ({"choices": [{}]}, "the answer is malformed: choices[0].message is missing."),
    ],
)
def test_what_is_no_answer_is_a_value_error(body: JsonObject, message: str) -> None:
    """The engine takes it for a failed attempt."""
    with pytest.raises(ValueError, match="answer") as refused:
        DIALECT.decode_reply(body)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, None),
        ([], None),
        ({"prompt_tokens": "3"}, None),
        ({"prompt_tokens": 5, "total_tokens": 5}, Usage(input_tokens=5, output_tokens=0)),
        ({"completion_tokens": 5, "prompt_tokens": -1}, Usage(input_tokens=0, output_tokens=5)),
        (
            {"prompt_tokens": 5, "completion_tokens": 1, "prompt_cache_hit_tokens": 4, "prompt_tokens_details": None},
            Usage(input_tokens=5, output_tokens=1, cached_input_tokens=4),
        ),
    ],
)
def test_usage_is_read_where_it_can_be(usage: Json, expected: Usage | None) -> None:
    """Embeddings report prompt tokens only; DeepSeek names cached ones its own way."""
    assert DIALECT.usage({"data": [], "usage": usage}) == expected


@pytest.mark.parametrize("body", [{}, {"hello": "world"}, {"choices": None}, {"choices": []}, {"data": {}}])
def test_an_object_without_choices_or_embeddings_is_no_answer(body: JsonObject) -> None:
    """Another API at that address, or a captive portal: the next model is asked instead."""
    with pytest.raises(ValueError, match="no choices"):
        DIALECT.usage(body)


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (
            InvalidRequest("n must be at least 1, not 0.", param="n"),
            400,
            {
                "message": "n must be at least 1, not 0.",
                "type": "invalid_request_error",
                "param": "n",
                "code": "invalid_request",
            },
        ),
        (
            ModelStruckOut(model="gpt-5", by="privacy", reason="an IBAN", hint="Choose a local model."),
            403,
            {
                "message": "Model 'gpt-5' may not take this request (privacy: an IBAN). Choose a local model.",
                "type": "permission_error",
                "param": "model",
                "code": "refused_by_policy",
            },
        ),
        (
            UnknownModel("No model 'x'."),
            404,
            {"message": "No model 'x'.", "type": "invalid_request_error", "param": None, "code": "model_not_found"},
        ),
        (
            NoModelAvailable("Nobody answered."),
            503,
            {"message": "Nobody answered.", "type": "server_error", "param": None, "code": "no_model_available"},
        ),
    ],
)
def test_our_errors_look_like_openais(error: PointsmanError, status: int, body: JsonObject) -> None:
    """Message with the hint, type by status, param and code."""
    assert DIALECT.encode_error(error) == (status, {"error": body})


def test_a_rate_limit_has_its_own_type() -> None:
    """Client libraries tell it apart by status and type."""
    assert type_of_status(429) == "rate_limit_error"


def test_an_endpoints_error_is_read() -> None:
    """The upstream side reads any server's error body."""
    assert DIALECT.decode_error(b'{"error":"down"}') == UpstreamError(message="down")
