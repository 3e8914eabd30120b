"""Requests as Ollama's own API takes them."""

from __future__ import annotations

import pytest

from pointsman.core.chat import (
    ChatRequest,
    EmbeddingRequest,
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
    ResponseFormat,
    Role,
    Sampling,
    Text,
    ToolCall,
    ToolChoice,
    ToolMode,
    ToolResult,
    ToolSpec,
)
from pointsman.core.errors import InvalidRequest
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.dialects.base import Encoded
from pointsman.dialects.ollama.dialect import Ollama

DIALECT = Ollama()
SCHEMA: JsonObject = {"type": "object", "properties": {"city": {"type": "string"}}}
HI = Message(role=Role.USER, parts=(Text(text="hi"),))
HEAD: JsonObject = {"model": "m", "stream": False, "truncate": False, "shift": False}


def test_an_agents_request_is_said_in_ollamas_words() -> None:
    """Limits become options, images base64, arguments objects; a prompt too long is to be an error."""
    request = ChatRequest(
        messages=(
            Message(role=Role.DEVELOPER, parts=(Text(text="Be brief."), Text(text="Be kind."))),
            Message(role=Role.USER, parts=(Text(text="What?"), Media(kind="image", data_base64="AAAA"))),
            Message(
                role=Role.ASSISTANT,
                parts=(Reasoning(text="Look."), ToolCall(id="c1", name="weather", arguments='{"city":"Graz"}')),
            ),
            Message(role=Role.TOOL, parts=(ToolResult(call_id="c1", content=(Text(text="Sunny"),)),)),
            Message(role=Role.ASSISTANT, parts=(Text(text="Sunny."), Refusal(text="No more."))),
        ),
        tools=(ToolSpec(name="weather", description="d", parameters=SCHEMA), ToolSpec(name="now")),
        tool_choice=ToolChoice(mode=ToolMode.AUTO),
        response_format=ResponseFormat(kind="json_schema", schema=SCHEMA, name="a", strict=True),
        sampling=Sampling(
            max_output_tokens=100,
            temperature=0,
            top_p=0.9,
            top_k=40,
            min_p=0.1,
            seed=7,
            stop=("END",),
            frequency_penalty=0.1,
            presence_penalty=0.2,
            n=1,
        ),
        stream=True,
        extras={"ollama": {"keep_alive": "5m", "options": {"num_ctx": 8192, "temperature": 1}}},
    )
    assert DIALECT.encode_chat(request, "qwen2.5:3b") == Encoded(
        path="/api/chat",
        body={
            "model": "qwen2.5:3b",
            "messages": [
                {"role": "system", "content": "Be brief.\nBe kind."},
                {"role": "user", "content": "What?", "images": ["AAAA"]},
                {
                    "role": "assistant",
                    "content": "",
                    "thinking": "Look.",
                    "tool_calls": [{"id": "c1", "function": {"name": "weather", "arguments": {"city": "Graz"}}}],
                },
                {"role": "tool", "content": "Sunny", "tool_name": "weather", "tool_call_id": "c1"},
                {"role": "assistant", "content": "Sunny.\nNo more."},
            ],
            "stream": True,
            "truncate": False,
            "shift": False,
            "format": SCHEMA,
            "tools": [
                {"type": "function", "function": {"name": "weather", "description": "d", "parameters": SCHEMA}},
                {
                    "type": "function",
                    "function": {"name": "now", "description": "", "parameters": {"type": "object", "properties": {}}},
                },
            ],
            "keep_alive": "5m",
            "options": {
                "num_ctx": 8192,
                "num_predict": 100,
                "temperature": 0,
                "top_p": 0.9,
                "top_k": 40,
                "min_p": 0.1,
                "seed": 7,
                "stop": ["END"],
                "frequency_penalty": 0.1,
                "presence_penalty": 0.2,
            },
        },
    )


def test_settings_ollama_has_no_word_for_are_dropped_aloud() -> None:
    """Each by its name; a thinking level too, since a model that does not think refuses it."""
    request = ChatRequest(
        messages=(Message(role=Role.USER, parts=HI.parts, name="ann"),),
        tool_choice=ToolChoice(mode=ToolMode.REQUIRED, name="f"),
        parallel_tool_calls=False,
        sampling=Sampling(n=2),
        reasoning_effort="high",
        metadata={"a": "b"},
        user="u",
        extras={"openai_chat": {"logit_bias": {}, "service_tier": "auto"}},
    )
    assert DIALECT.encode_chat(request, "m") == Encoded(
        path="/api/chat",
        body={**HEAD, "messages": [{"role": "user", "content": "hi"}]},
        dropped=(
            "n",
            "tool_choice",
            "parallel_tool_calls",
            "reasoning_effort",
            "metadata",
            "user",
            "name",
            "logit_bias",
            "service_tier",
        ),
    )


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        (ChatRequest(messages=(HI,), response_format=ResponseFormat(kind="text")), {}),
        (ChatRequest(messages=(HI,), response_format=ResponseFormat(kind="json_object")), {"format": "json"}),
        (ChatRequest(messages=(HI,), reasoning_effort="none"), {"think": False}),
        (
            ChatRequest(messages=(HI,), tools=(ToolSpec(name="f"),), tool_choice=ToolChoice(mode=ToolMode.NONE)),
            {},
        ),
        (ChatRequest(messages=(HI,), parallel_tool_calls=True, sampling=Sampling(logprobs=False)), {}),
        (ChatRequest(messages=(HI,), sampling=Sampling(logprobs=True)), {"logprobs": True}),
        (
            ChatRequest(messages=(HI,), sampling=Sampling(logprobs=True, top_logprobs=2)),
            {"logprobs": True, "top_logprobs": 2},
        ),
        (ChatRequest(messages=(HI,), sampling=Sampling(top_logprobs=2)), {}),
        (
            ChatRequest(messages=(HI,), reasoning_effort="high", extras={"ollama": {"think": "high"}}),
            {"think": "high"},
        ),
    ],
)
def test_single_settings_are_said(request_: ChatRequest, fields: JsonObject) -> None:
    """Forbidden tools are simply not named; nothing is dropped."""
    body: JsonObject = {**HEAD, "messages": [{"role": "user", "content": "hi"}], **fields}
    assert DIALECT.encode_chat(request_, "m") == Encoded(path="/api/chat", body=body)


def test_what_tools_cannot_say_here_is_dropped_aloud() -> None:
    """No promise that arguments fit their schema."""
    request = ChatRequest(messages=(HI,), tools=(ToolSpec(name="f", strict=True),))
    assert DIALECT.encode_chat(request, "m").dropped == ("strict",)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", {}),
        ("{}", {}),
        ("[1]", {"arguments": "[1]"}),
        ('{"city":', {"arguments": '{"city":'}),
        ("[" * 100_000, {"arguments": "[" * 100_000}),
    ],
)
def test_arguments_a_model_got_wrong_do_not_end_the_conversation(arguments: str, expected: JsonObject) -> None:
    """Text that is no object is wrapped in one."""
    message = Message(role=Role.ASSISTANT, parts=(ToolCall(id="", name="f", arguments=arguments),))
    call: Json = {"function": {"name": "f", "arguments": expected}}
    assert DIALECT.encode_chat(ChatRequest(messages=(message,)), "m").body["messages"] == [
        {"role": "assistant", "content": "", "tool_calls": [call]}
    ]


def test_results_without_a_call_and_words_beside_them_are_said() -> None:
    """A result of an unknown call has no name; text in the same message follows as its own."""
    result = ToolResult(call_id="", content=(Text(text="a"),))
    message = Message(role=Role.USER, parts=(result, Text(text="go on")))
    assert DIALECT.encode_chat(ChatRequest(messages=(message,)), "m").body["messages"] == [
        {"role": "tool", "content": "a"},
        {"role": "user", "content": "go on"},
    ]


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (
            Media(kind="image", url="https://example.org/a.png"),
            (
                "messages[0].content[1] is an image by URL, and Ollama takes images as base64 data only. "
                "Send it as a data URL."
            ),
        ),
        (
            Media(kind="audio", data_base64="AAAA"),
            "messages[0].content[1] is of the kind 'audio', which Ollama cannot take.",
        ),
        (Media(kind="image", file_id="f"), "messages[0].content[1] is of the kind 'image', which Ollama cannot take."),
    ],
)
def test_content_ollama_cannot_take_is_refused(part: Part, message: str) -> None:
    """Never dropped in silence."""
    said = Message(role=Role.USER, parts=(Text(text="a"), part))
    with pytest.raises(InvalidRequest) as refused:
        DIALECT.encode_chat(ChatRequest(messages=(said,)), "m")
    assert (str(refused.value), refused.value.param) == (message, "messages[0].content[1]")


def test_texts_are_embedded_without_cutting_them() -> None:
    """A text too long is to be an error."""
    request = EmbeddingRequest(
        inputs=("a", "b"), dimensions=8, user="u", extras={"ollama": {"keep_alive": 5}, "openai_chat": {"x": 1}}
    )
    assert DIALECT.encode_embeddings(request, "m") == Encoded(
        path="/api/embed",
        body={"model": "m", "input": ["a", "b"], "truncate": False, "dimensions": 8, "keep_alive": 5},
        dropped=("user", "x"),
    )


def test_token_ids_are_refused() -> None:
    """Ollama embeds texts."""
    with pytest.raises(InvalidRequest, match=r"^input holds token ids, and Ollama embeds texts only"):
        DIALECT.encode_embeddings(EmbeddingRequest(inputs=((1, 2),)), "m")
