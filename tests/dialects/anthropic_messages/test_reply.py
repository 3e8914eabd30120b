"""Whole answers of Messages, errors, counts and lists of models, both ways."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointsman.core.chat import (
    ChatReply,
    ChatRequest,
    Choice,
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    StopReason,
    Text,
    ToolCall,
    Usage,
    ask,
)
from pointsman.core.errors import (
    ContextTooLong,
    DeadlineExceeded,
    InvalidRequest,
    NoModelAvailable,
    PayloadTooLarge,
    PointsmanError,
    Refused,
    Unauthenticated,
    UnknownModel,
    WrongMethod,
)
from pointsman.core.jsontypes import JsonObject
from pointsman.dialects.anthropic_messages.dialect import AnthropicMessages
from pointsman.dialects.anthropic_messages.reply import encode_count, encode_model, encode_models
from pointsman.dialects.base import UpstreamError

DIALECT = AnthropicMessages()
NAME = DIALECT.name
THINKING = replace(ask("hi"), extras={NAME: {"thinking": {"type": "adaptive"}}})
SILENT = replace(ask("hi"), extras={NAME: {"thinking": {"type": "adaptive", "display": "omitted"}}})
USAGE: JsonObject = {
    "input_tokens": 7,
    "output_tokens": 5,
    "cache_creation_input_tokens": 2,
    "cache_read_input_tokens": 1,
    "output_tokens_details": {"thinking_tokens": 4},
    "server_tool_use": None,
    "cache_creation": None,
    "service_tier": None,
    "inference_geo": None,
}
ANSWER: JsonObject = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-5",
    "container": None,
    "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"},
        {"type": "redacted_thinking", "data": "EmwK"},
        {"type": "text", "text": "Sunny.", "citations": None},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}, "caller": {"type": "direct"}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "stop_details": None,
    "usage": USAGE,
}


def reply_of(*parts: Part, reason: StopReason | None = StopReason.STOP) -> ChatReply:
    """An answer of *parts*."""
    choice = Choice(index=0, message=Message(role=Role.ASSISTANT, parts=parts), stop_reason=reason)
    return ChatReply(id="msg_1", model="m", created_s=1, choices=(choice,))


def content_of(*parts: Part, request: ChatRequest = THINKING) -> object:
    """The content a caller gets."""
    return DIALECT.encode_reply(reply_of(*parts), request)["content"]


def test_a_whole_answer_is_understood_and_comes_back() -> None:
    """Thinking with its signatures, text, calls, counts of caches."""
    reply = DIALECT.decode_reply(ANSWER)
    assert reply == ChatReply(
        id="msg_1",
        model="claude-opus-5",
        created_s=0,
        choices=(
            Choice(
                index=0,
                message=Message(
                    role=Role.ASSISTANT,
                    parts=(
                        Reasoning(text="Hm.", signature="EqQB", origin=NAME),
                        Reasoning(text="", signature="redacted_thinking:EmwK", origin=NAME),
                        Text(text="Sunny."),
                        ToolCall(id="toolu_1", name="f", arguments='{"a":1}'),
                    ),
                ),
                stop_reason=StopReason.TOOL_CALLS,
            ),
        ),
        usage=Usage(input_tokens=10, output_tokens=5, cached_input_tokens=1, cache_write_tokens=2, reasoning_tokens=4),
    )
    assert DIALECT.encode_reply(reply, THINKING) == ANSWER
    assert DIALECT.usage(ANSWER) == reply.usage


def test_what_the_endpoints_own_tools_say_is_left_out() -> None:
    """Only callers of this API know those blocks, and their answers are relayed."""
    search: JsonObject = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    empty: JsonObject = {"type": "text", "text": ""}
    body: JsonObject = {"content": [search, empty, {"type": "text", "text": "a"}], "container": {"id": "c"}}
    reply = DIALECT.decode_reply(body)
    assert reply.choices[0].message.parts == (Text(text="a"),)
    assert (reply.extras, reply.usage) == ({NAME: {"container": {"id": "c"}}}, None)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"stop_reason": "end_turn"}, StopReason.STOP),
        ({"stop_reason": "stop_sequence", "stop_sequence": "END"}, StopReason.STOP),
        ({"stop_reason": "pause_turn"}, StopReason.STOP),
        ({"stop_reason": "next_year"}, StopReason.STOP),
        ({"stop_reason": "max_tokens"}, StopReason.LENGTH),
        ({"stop_reason": "model_context_window_exceeded"}, StopReason.LENGTH),
        ({"stop_reason": "tool_use"}, StopReason.TOOL_CALLS),
        (
            {"stop_reason": "refusal", "stop_details": {"type": "refusal", "category": "bio", "explanation": None}},
            StopReason.CONTENT_FILTER,
        ),
    ],
)
def test_why_an_answer_ended_comes_back_word_for_word(said: JsonObject, reason: StopReason) -> None:
    """Other callers get the nearest of four reasons."""
    body: JsonObject = {**ANSWER, "content": [], **said}
    reply = DIALECT.decode_reply(body)
    assert reply.choices[0].stop_reason is reason
    assert DIALECT.encode_reply(reply, THINKING) == body


@pytest.mark.parametrize("reason", [StopReason.STOP, None])
def test_an_answer_with_calls_says_that_tools_are_to_be_run(reason: StopReason | None) -> None:
    """Some local servers say `stop` beside calls; clients of this API run tools for the one word only."""
    reply = reply_of(ToolCall(id="a", name="f", arguments=""), reason=reason)
    assert DIALECT.encode_reply(reply, THINKING)["stop_reason"] == "tool_use"


def test_an_answer_without_reason_or_usage_has_the_fields_still() -> None:
    """Clients read them unasked."""
    body = DIALECT.encode_reply(reply_of(Refusal(text="No."), reason=None), THINKING)
    assert body["content"] == [{"type": "text", "text": "No.", "citations": None}]
    assert body["stop_reason"] == "end_turn"
    assert body["usage"] == USAGE | {
        "input_tokens": 0,
        "output_tokens": 0,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens_details": {"thinking_tokens": 0},
    }


@pytest.mark.parametrize("request_", [ask("hi"), SILENT])
def test_thinking_is_given_to_those_who_asked_for_it(request_: ChatRequest) -> None:
    """To others it would be a first block without a text; what is signed must come back and goes without its text."""
    parts = (Reasoning(text="hm"), Reasoning(text="hm", signature="s", origin="gemini"), Text(text="Hi"))
    text: JsonObject = {"type": "text", "text": "Hi", "citations": None}
    signed: JsonObject = {"type": "thinking", "thinking": "", "signature": "pointsman.gemini.s"}
    assert content_of(*parts, request=request_) == [signed, text]
    assert content_of(*parts) == [
        {"type": "thinking", "thinking": "hm", "signature": "pointsman.."},
        {**signed, "thinking": "hm"},
        text,
    ]


def test_a_block_of_this_api_is_given_as_it_is() -> None:
    """A part nobody here understands goes back to its own callers; one of another API's cannot be said."""
    block: JsonObject = {"type": "container_upload", "file_id": "f"}
    assert content_of(Media(kind="container_upload", extras={NAME: block})) == [block]
    with pytest.raises(InvalidRequest, match=r"content\[0\] is a Media"):
        content_of(Media(kind="image", data_base64="AAAA"))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content": "Hi"},
        {"content": [3]},
        {"content": [{"type": "text"}]},
        {"content": [{"type": "tool_use", "id": "a", "name": "f", "input": []}]},
        {"content": [], "id": 3},
    ],
)
def test_what_is_no_answer_is_refused(body: JsonObject) -> None:
    """The next model can be asked instead."""
    with pytest.raises(ValueError, match="the answer"):
        DIALECT.decode_reply(body)


def test_a_count_of_tokens_is_an_answer_that_used_none() -> None:
    """Counting costs nothing; a body that is neither is no answer."""
    assert encode_count(42) == {"input_tokens": 42}
    assert DIALECT.usage(encode_count(42)) is None
    with pytest.raises(ValueError, match="no list of content"):
        DIALECT.usage({"type": "error"})


@pytest.mark.parametrize(
    ("error", "status", "kind", "message"),
    [
        (InvalidRequest("x is wrong.", param="x"), 400, "invalid_request_error", "x is wrong."),
        (ContextTooLong("It fits no model."), 400, "invalid_request_error", "prompt is too long: It fits no model."),
        (ContextTooLong("The prompt is too long."), 400, "invalid_request_error", "The prompt is too long."),
        (Unauthenticated("No key."), 401, "authentication_error", "No key."),
        (Refused("No."), 403, "permission_error", "No."),
        (UnknownModel("m?"), 404, "not_found_error", "m?"),
        (WrongMethod("POST it."), 405, "invalid_request_error", "POST it."),
        (PayloadTooLarge("Big."), 413, "request_too_large", "Big."),
        (PointsmanError("Oh."), 500, "api_error", "Oh."),
        (NoModelAvailable("None."), 503, "overloaded_error", "None."),
        (DeadlineExceeded("Late."), 504, "timeout_error", "Late."),
    ],
)
def test_errors_are_given_as_this_api_gives_them(error: PointsmanError, status: int, kind: str, message: str) -> None:
    """Clients act on the type; by the words "prompt is too long" they shorten the conversation."""
    body: JsonObject = {"type": "error", "error": {"type": kind, "message": message}, "request_id": None}
    assert DIALECT.encode_error(error) == (status, body)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r"}',
            UpstreamError(message="Overloaded", type="overloaded_error", status=529),
        ),
        (
            b'{"error":{"type":"rate_limit_error","message":"Slow","code":429}}',
            UpstreamError(message="Slow", type="rate_limit_error", status=429),
        ),
        (b"<html><title>Bad gateway</title></html>", UpstreamError(message="Bad gateway")),
    ],
)
def test_errors_are_read(body: bytes, expected: UpstreamError) -> None:
    """The type tells the status, which a stream that began with 200 does not have."""
    assert DIALECT.decode_error(body) == expected


def test_models_are_listed_on_one_page() -> None:
    """As clients that look for models read it."""
    first = encode_model("claude-auto", "Auto")
    assert first == {
        "type": "model",
        "id": "claude-auto",
        "display_name": "Auto",
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": "active",
    }
    second = encode_model("small", "Small")
    assert encode_models([("claude-auto", "Auto"), ("small", "Small")]) == {
        "data": [first, second],
        "has_more": False,
        "first_id": "claude-auto",
        "last_id": "small",
    }
    assert encode_models([]) == {"data": [], "has_more": False, "first_id": None, "last_id": None}
