"""Whole answers of Responses read and written, their usage, and errors."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointsman.core.chat import (
    ChatReply,
    ChatRequest,
    Choice,
    Message,
    Part,
    Reasoning,
    Refusal,
    ResponseFormat,
    Role,
    Sampling,
    StopReason,
    Text,
    ToolCall,
    ToolChoice,
    ToolMode,
    Usage,
    ask,
)
from pointsman.core.errors import InvalidRequest
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.dialects.openai_responses.dialect import OpenAIResponses

DIALECT = OpenAIResponses()
NAME = "openai_responses"
REQUEST = ask("hi")
USAGE: JsonObject = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 14,
}


def answered(*output: Json, **more: Json) -> JsonObject:
    """An answer of a server with *output*."""
    head: JsonObject = {"id": "resp_1", "object": "response", "created_at": 7, "model": "m", "status": "completed"}
    return {**head, "output": [*output], **more}


def reply_of(*parts: Part, reason: StopReason | None = StopReason.STOP, identity: str = "resp_1") -> ChatReply:
    """A neutral reply of *parts*."""
    choice = Choice(index=0, message=Message(role=Role.ASSISTANT, parts=parts), stop_reason=reason)
    return ChatReply(id=identity, model="m", created_s=7, choices=(choice,))


def output_of(reply: ChatReply, request: ChatRequest = REQUEST) -> Json:
    """The output items for *reply*."""
    return DIALECT.encode_reply(reply, request)["output"]


def spoken(text: str, **more: Json) -> JsonObject:
    """A message item with one text."""
    part: JsonObject = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [part], **more}


def test_an_answer_of_openai_is_read() -> None:
    """Thinking with its signature, text, calls, and what was counted; records of hosted tools are left out."""
    body = answered(
        {
            "id": "rs_1",
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
            "encrypted_content": "e",
        },
        {"id": "ws_1", "type": "web_search_call", "status": "completed"},
        spoken("Hi"),
        {"id": "fc_1", "type": "function_call", "call_id": "c", "name": "f", "namespace": "team", "arguments": "{}"},
        {"id": "ct_1", "type": "custom_tool_call", "call_id": "d", "name": "g", "input": 'a"b'},
        usage=USAGE,
        error=None,
        incomplete_details=None,
    )
    assert DIALECT.decode_reply(body) == replace(
        reply_of(
            Reasoning(text="a\n\nb", signature="e", origin=NAME),
            Text(text="Hi"),
            ToolCall(id="c", name="f", arguments="{}", extras={NAME: {"namespace": "team"}}),
            ToolCall(id="d", name="g", arguments=r'{"input": "a\"b"}', extras={NAME: {"type": "custom_tool_call"}}),
            reason=StopReason.TOOL_CALLS,
        ),
        usage=Usage(input_tokens=9, output_tokens=5, cached_input_tokens=4, reasoning_tokens=3, cache_write_tokens=1),
    )


def test_an_answer_of_a_local_server_is_read() -> None:
    """Plain thinking in `content`, a call without an id of its own, a refusal, no usage."""
    body = answered(
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "no"}, "odd"]},
        {"type": "function_call", "id": "fc_1", "name": "f", "arguments": ""},
        "odd",
    )
    assert DIALECT.decode_reply(body) == reply_of(
        Reasoning(text="hm"),
        Refusal(text="no"),
        ToolCall(id="fc_1", name="f", arguments=""),
        reason=StopReason.TOOL_CALLS,
    )


def test_two_messages_are_set_apart() -> None:
    """A commentary and the answer are one text, with a blank line between."""
    body = answered(spoken("Looking.", phase="commentary"), spoken("Four.", phase="final_answer"))
    assert DIALECT.decode_reply(body) == reply_of(Text(text="Looking.\n\nFour."))


def test_probabilities_are_those_of_the_other_api() -> None:
    """Both APIs give them in one shape."""
    tokens: list[Json] = [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []}]
    part: JsonObject = {"type": "output_text", "text": "Hi", "annotations": [], "logprobs": tokens}
    reply = DIALECT.decode_reply(answered(spoken("", content=[part])))
    assert reply.choices[0].logprobs == {"content": tokens}
    output = DIALECT.encode_reply(reply, REQUEST)["output"]
    assert output == [spoken("", id="msg_1_0", content=[part])]
    silent = replace(reply, choices=(replace(reply.choices[0], message=Message(role=Role.ASSISTANT, parts=())),))
    assert output_of(silent) == []
    refused = replace(reply.choices[0], message=Message(role=Role.ASSISTANT, parts=(Refusal(text="no"),)))
    assert "Hi" not in str(output_of(replace(reply, choices=(refused,))))


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, StopReason.LENGTH),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, StopReason.CONTENT_FILTER),
        ({"status": "incomplete", "incomplete_details": {"reason": "steered"}}, StopReason.STOP),
        ({"status": "incomplete"}, StopReason.LENGTH),
        ({"status": "in_progress"}, None),
        ({"status": None}, StopReason.STOP),
    ],
)
def test_the_end_is_read(more: JsonObject, reason: StopReason | None) -> None:
    """A status, and why it is that."""
    assert DIALECT.decode_reply(answered(spoken("x"), **more)).choices[0].stop_reason is reason


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "no list of output items"),
        (answered(status="failed"), "status 'failed'"),
        (answered(error={"message": "x"}), "status 'completed'"),
    ],
)
def test_what_is_no_answer_is_refused(body: JsonObject, message: str) -> None:
    """A failed answer is a failure."""
    with pytest.raises(ValueError, match=message):
        DIALECT.decode_reply(body)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (None, None),
        ({}, None),
        ({"input_tokens": "9"}, None),
        ({"input_tokens": 9}, Usage(input_tokens=9, output_tokens=0)),
        ({"output_tokens": 2, "output_tokens_details": 1}, Usage(input_tokens=0, output_tokens=2)),
    ],
)
def test_usage_is_read_where_it_can_be(given: Json, found: Usage | None) -> None:
    """Odd counts are none; a missing one is zero."""
    assert DIALECT.usage(answered(usage=given)) == found


def test_usage_asks_for_an_answer() -> None:
    """Whole embeddings are one too."""
    assert DIALECT.usage({"data": []}) is None
    with pytest.raises(ValueError, match="no list of output items"):
        DIALECT.usage({"status": "completed"})


def test_an_answer_is_whole() -> None:
    """Every field is there, with this API's defaults: strict readers ask for each."""
    reply = replace(
        reply_of(Text(text="Hi")),
        usage=Usage(input_tokens=9, output_tokens=5, cached_input_tokens=4, reasoning_tokens=3, cache_write_tokens=1),
    )
    assert DIALECT.encode_reply(reply, REQUEST) == {
        "id": "resp_1",
        "object": "response",
        "created_at": 7,
        "completed_at": 7,
        "error": None,
        "incomplete_details": None,
        "status": "completed",
        "model": "m",
        "output": [spoken("Hi", id="msg_1_0")],
        "usage": USAGE,
        "previous_response_id": None,
        "instructions": None,
        "tools": [],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "text": {"format": {"type": "text"}},
        "reasoning": {"effort": None, "summary": None},
        "temperature": 1.0,
        "top_p": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "top_logprobs": 0,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "truncation": "disabled",
        "store": True,
        "background": False,
        "service_tier": "default",
        "metadata": {},
        "user": None,
        "safety_identifier": None,
        "prompt_cache_key": None,
    }


def test_an_answer_repeats_the_request() -> None:
    """Libraries read the tools and the format they asked for out of it."""
    schema: JsonObject = {"type": "json_schema", "name": "n", "schema": {}, "strict": True}
    body: JsonObject = {
        "instructions": "Be brief.",
        "input": "hi",
        "tools": [{"type": "function", "name": "f", "parameters": {}}, {"type": "web_search"}],
        "tool_choice": {"type": "function", "name": "f"},
        "parallel_tool_calls": False,
        "text": {"format": schema, "verbosity": "low"},
        "reasoning": {"effort": "low", "summary": "auto"},
        "temperature": 0,
        "top_p": 0.5,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "top_logprobs": 3,
        "max_output_tokens": 7,
        "max_tool_calls": 2,
        "truncation": "auto",
        "store": False,
        "metadata": {"a": "b"},
        "user": "u",
        "safety_identifier": "s",
        "prompt_cache_key": "k",
        "previous_response_id": "resp_0",
    }
    found = DIALECT.encode_reply(reply_of(), DIALECT.decode_chat(body))
    expected = {key: value for key, value in body.items() if key != "input"} | {
        "tools": [
            {"type": "function", "name": "f", "description": None, "parameters": {}, "strict": False},
            {"type": "web_search"},
        ],
        "text": {"format": {**schema, "description": None}, "verbosity": "low"},
    }
    assert {key: found[key] for key in expected} == expected


def test_a_request_of_the_library_is_repeated() -> None:
    """Without any field of this API's own."""
    request = replace(
        REQUEST,
        tool_choice=ToolChoice(mode=ToolMode.NONE),
        response_format=ResponseFormat(kind="json_object"),
        sampling=Sampling(temperature=0.5),
    )
    found = DIALECT.encode_reply(reply_of(), request)
    assert (found["tool_choice"], found["text"], found["temperature"]) == (
        "none",
        {"format": {"type": "json_object"}},
        0.5,
    )


def test_items_have_ids_of_their_answer() -> None:
    """Speech and refusal are one message; whose thinking it is stays readable; the last item of a cut answer is cut."""
    reply = reply_of(
        Reasoning(text="hm", signature="sig", origin="gemini"),
        Reasoning(text=""),
        Text(text="a"),
        Refusal(text="b"),
        ToolCall(id="c", name="f", arguments="{"),
        reason=StopReason.LENGTH,
        identity="chatcmpl-A.b",
    )
    body = DIALECT.encode_reply(reply, REQUEST)
    assert (body["id"], body["status"], body["incomplete_details"]) == (
        "resp_Ab",
        "incomplete",
        {"reason": "max_output_tokens"},
    )
    text: JsonObject = {"type": "output_text", "text": "a", "annotations": [], "logprobs": []}
    assert body["output"] == [
        {
            "id": "rs_Ab_0",
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "hm"}],
            "encrypted_content": "pointsman.gemini.sig",
        },
        {"id": "rs_Ab_1", "type": "reasoning", "summary": [], "encrypted_content": "pointsman.."},
        spoken("", id="msg_Ab_2", content=[text, {"type": "refusal", "refusal": "b"}]),
        {
            "id": "fc_Ab_3",
            "type": "function_call",
            "status": "incomplete",
            "call_id": "c",
            "name": "f",
            "arguments": "{",
        },
    ]


def test_ids_stay_short() -> None:
    """This API takes 64 characters and no more."""
    output = output_of(reply_of(Text(text="x"), identity="resp_" + "y" * 80))
    assert isinstance(output, list)
    assert isinstance(output[0], dict)
    assert len(str(output[0]["id"])) == len("msg_") + 32 + len("_0")


def test_calls_are_named_as_the_caller_named_the_tools() -> None:
    """A prefixed name loses its prefix and tells its namespace; a custom tool gets its text; a lost id is made up."""
    space: JsonObject = {"type": "namespace", "name": "team", "description": "People."}
    request = DIALECT.decode_chat(
        {
            "input": "x",
            "tools": [
                {"type": "function", "name": "run"},
                {**space, "tools": [{"type": "function", "name": "run"}]},
                {"type": "custom", "name": "patch"},
            ],
        }
    )
    reply = reply_of(
        ToolCall(id="", name="team__run", arguments="{}"),
        ToolCall(id="d", name="patch", arguments='{"input": "text"}'),
        ToolCall(id="e", name="run", arguments="{}", extras={NAME: {"namespace": "other"}}),
        reason=StopReason.CONTENT_FILTER,
    )
    call: JsonObject = {"type": "function_call", "status": "completed", "arguments": "{}"}
    assert output_of(reply, request) == [
        {**call, "id": "fc_1_0", "call_id": "call_1_0", "name": "run", "namespace": "team"},
        {
            "id": "ctc_1_1",
            "type": "custom_tool_call",
            "status": "completed",
            "call_id": "d",
            "name": "patch",
            "input": "text",
        },
        {**call, "id": "fc_1_2", "call_id": "e", "name": "run", "namespace": "other", "status": "incomplete"},
    ]


def test_an_answer_without_choices_is_an_empty_one() -> None:
    """Nothing to say, but well said."""
    body = DIALECT.encode_reply(replace(reply_of(), choices=()), REQUEST)
    assert (body["output"], body["status"], body["usage"]) == ([], "completed", None)


def test_errors_are_openais() -> None:
    """The shape every OpenAI library reads, with the same statuses."""
    assert DIALECT.encode_error(InvalidRequest("input is missing.", param="input")) == (
        400,
        {
            "error": {
                "message": "input is missing.",
                "type": "invalid_request_error",
                "param": "input",
                "code": "invalid_request",
            }
        },
    )
