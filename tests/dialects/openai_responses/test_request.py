"""Requests of Responses read and written: settings, formats, instructions, and what is relayed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointsman.core.catalog import Operation
from pointsman.core.chat import (
    EmbeddingRequest,
    ResponseFormat,
    Role,
    Sampling,
    ask,
)
from pointsman.core.errors import InvalidRequest
from pointsman.core.jsontypes import JsonObject
from pointsman.dialects.base import ANSWERED_HERE
from pointsman.dialects.openai_chat.dialect import OpenAIChat
from pointsman.dialects.openai_responses.dialect import OpenAIResponses

DIALECT = OpenAIResponses()
NAME = "openai_responses"


def test_a_text_is_a_message_of_the_user() -> None:
    """The shortest request there is; an endpoint is told to store nothing."""
    request = DIALECT.decode_chat({"model": "m", "input": "hi"})
    assert request == ask("hi", model="m")
    body: JsonObject = {
        "model": "up",
        "input": [{"type": "message", "role": "user", "content": "hi"}],
        "store": False,
    }
    assert DIALECT.encode_chat(request, "up").body == body


def test_instructions_are_told_from_developer_items() -> None:
    """Both are system messages to a model, and each goes back as what it was."""
    body: JsonObject = {
        "model": "m",
        "instructions": "Be brief.",
        "input": [
            {"type": "message", "role": "developer", "content": "Obey."},
            {"type": "message", "role": "user", "content": "hi"},
        ],
        "store": False,
    }
    request = DIALECT.decode_chat(body)
    assert [(message.role, message.text) for message in request.messages] == [
        (Role.SYSTEM, "Be brief."),
        (Role.DEVELOPER, "Obey."),
        (Role.USER, "hi"),
    ]
    assert DIALECT.encode_chat(request, "m").body == body


def test_settings_are_read_by_their_names() -> None:
    """Parts of an object that only this API has keep their dotted names; nulls are nothing."""
    body: JsonObject = {
        "model": "m",
        "input": "hi",
        "temperature": 0.5,
        "top_p": 0.9,
        "max_output_tokens": 7,
        "top_logprobs": 2,
        "top_k": 5,
        "min_p": 0.1,
        "seed": 1,
        "stop": "x",
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "include": ["message.output_text.logprobs", "reasoning.encrypted_content", "file_search_call.results"],
        "reasoning": {"effort": "low", "summary": "auto"},
        "text": {"format": {"type": "json_object"}, "verbosity": "low"},
        "prompt": None,
        "stream": True,
        "stream_options": {"include_obfuscation": False},
        "store": True,
        "prompt_cache_key": "k",
        "truncation": None,
        "safety_identifier": "s",
        "metadata": {"a": "b"},
    }
    request = DIALECT.decode_chat(body)
    assert request == replace(
        ask("hi", model="m"),
        response_format=ResponseFormat(kind="json_object"),
        sampling=Sampling(
            temperature=0.5,
            top_p=0.9,
            max_output_tokens=7,
            top_logprobs=2,
            logprobs=True,
            top_k=5,
            min_p=0.1,
            seed=1,
            stop=("x",),
            frequency_penalty=0.1,
            presence_penalty=0.2,
        ),
        reasoning_effort="low",
        stream=True,
        stream_usage=True,
        metadata={"a": "b"},
        user="s",
        extras={
            NAME: {
                "prompt_cache_key": "k",
                "safety_identifier": "s",
                "text.verbosity": "low",
                "reasoning.summary": "auto",
                "stream_options.include_obfuscation": False,
                "include": ["file_search_call.results"],
            },
            ANSWERED_HERE: {"store": True, "include": ["reasoning.encrypted_content"]},
        },
    )
    encoded = DIALECT.encode_chat(request, "m")
    unsaid = ("top_k", "min_p", "stop", "seed", "frequency_penalty", "presence_penalty")
    assert encoded.dropped == unsaid
    assert encoded.body == {
        **{key: value for key, value in body.items() if key not in (*unsaid, "truncation", "prompt")},
        "input": [{"type": "message", "role": "user", "content": "hi"}],
    }


def test_what_this_surface_answers_for_is_not_named_as_dropped() -> None:
    """The gateway stores answers itself, and always gives thinking in a form that can be sent back."""
    body: JsonObject = {"input": "x", "store": True, "include": ["reasoning.encrypted_content"], "service_tier": "flex"}
    assert OpenAIChat().encode_chat(DIALECT.decode_chat(body), "m").dropped == ("service_tier",)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True, "description": "d"}, False),
        ({"type": "json_schema", "name": "n", "schema": {}, "description": None}, False),
        ({"type": "json_schema", "schema": {}}, True),
        ({"type": "grammar", "syntax": "lark"}, True),
        ({"type": "text"}, False),
    ],
)
def test_the_format_is_read_and_written(given: JsonObject, *, kept: bool) -> None:
    """A format that the neutral form can name only in part is kept whole."""
    request = DIALECT.decode_chat({"input": "x", "text": {"format": given}})
    assert ("text.format" in request.extras.get(NAME, {})) is kept
    without_nulls = {key: value for key, value in given.items() if value is not None}
    assert DIALECT.encode_chat(request, "m").body["text"] == {"format": without_nulls}


def test_nulls_inside_of_settings_are_nothing() -> None:
    """Some libraries send every field they have."""
    body: JsonObject = {"input": "x", "text": {"verbosity": None}, "reasoning": None, "include": None, "tools": None}
    assert DIALECT.decode_chat(body) == ask("x")


def test_settings_of_other_dialects_are_named() -> None:
    """Several candidate answers are not to be had here."""
    request = replace(
        ask("x"),
        sampling=Sampling(n=2, seed=3),
        extras={"openai_chat": {"logit_bias": {}}},
        response_format=ResponseFormat(kind="json_schema", schema={}),
    )
    encoded = DIALECT.encode_chat(request, "m")
    assert encoded.dropped == ("seed", "n", "logit_bias")
    assert encoded.body["text"] == {"format": {"type": "json_schema", "name": "answer", "schema": {}}}


def test_an_input_may_be_missing_where_a_conversation_goes_on() -> None:
    """The items are the store's."""
    request = DIALECT.decode_chat({"previous_response_id": "resp_1", "instructions": "Be brief."})
    assert [message.text for message in request.messages] == ["Be brief."]
    assert request.extras[NAME] == {"previous_response_id": "resp_1"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "input is missing or empty"),
        ({"input": []}, "input is missing or empty"),
        ({"input": 5}, "input must be a list, not a number"),
        ({"input": ["x"]}, r"input\[0\] must be an object, not a string"),
        ({"input": [{"content": "x"}]}, r"input\[0\].type is missing"),
        ({"input": [{"role": "tool", "content": "x"}]}, r"input\[0\].role must be user, .*, not 'tool'"),
        ({"input": [{"role": "user"}]}, r"input\[0\].content is missing"),
        ({"input": [{"role": "user", "content": None}]}, r"input\[0\].content must be .*, not null"),
        ({"input": [{"role": "user", "content": 1}]}, r"input\[0\].content must be .*, not a number"),
        ({"input": [{"role": "user", "content": ["x"]}]}, r"input\[0\].content\[0\] must be an object"),
        ({"input": [{"role": "user", "content": [{}]}]}, r"input\[0\].content\[0\].type is missing"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, r"content\[0\].text is missing"),
        ({"input": [{"type": "function_call", "name": "f"}]}, r"input\[0\].call_id is missing"),
        ({"input": [{"type": "function_call_output", "call_id": "c"}]}, r"input\[0\].output is missing"),
        ({"input": [{"type": "custom_tool_call", "call_id": "c", "name": "f"}]}, r"input\[0\].input is missing"),
        ({"input": "x", "instructions": []}, "instructions must be a string"),
        ({"input": "x", "text": {"format": "json"}}, "text.format must be an object"),
        ({"input": "x", "tool_choice": 1}, "tool_choice must be a string or an object"),
        ({"input": "x", "tool_choice": {"type": "function"}}, "tool_choice.name must be a string"),
        ({"input": "x", "store": "yes"}, "store must be a boolean"),
    ],
)
def test_a_wrong_request_is_refused_with_its_path(body: JsonObject, message: str) -> None:
    """What is wrong, where, and what was given."""
    with pytest.raises(InvalidRequest, match=message) as refused:
        DIALECT.decode_chat(body)
    assert refused.value.param


def test_relaying_changes_the_model_and_removes_others_thinking() -> None:
    """What the endpoint did not sign it would refuse; all else stays, and a clean input is not even touched."""
    own: JsonObject = {"type": "reasoning", "encrypted_content": "e"}
    foreign: JsonObject = {"type": "reasoning", "encrypted_content": "pointsman.."}
    body: JsonObject = {"model": "auto", "input": [own, foreign, "odd"]}
    assert DIALECT.relay_fields(body, Operation.CHAT, "m", stream_usage=False) == {"model": "m", "input": [own, "odd"]}
    assert DIALECT.relay_fields({"input": [own]}, Operation.CHAT, "m", stream_usage=True) == {"model": "m"}
    assert DIALECT.relay_fields({"input": "x"}, Operation.CHAT, "m", stream_usage=True) == {"model": "m"}


def test_embeddings_are_those_of_the_older_api() -> None:
    """An endpoint of this API has them beside it."""
    encoded = DIALECT.encode_embeddings(EmbeddingRequest(inputs=("a",)), "m")
    assert (encoded.path, encoded.body["input"]) == ("/embeddings", ["a"])
    vector: JsonObject = {"index": 0, "embedding": [1.0]}
    assert DIALECT.decode_embeddings({"model": "m", "data": [vector]}).vectors == ((1.0,),)
    assert DIALECT.path(Operation.EMBEDDINGS, "m", stream=False) == "/embeddings"
