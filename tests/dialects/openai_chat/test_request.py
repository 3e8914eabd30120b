"""Chat requests as real clients send them, read and written again."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from pointsman.core.chat import (
    ChatRequest,
    Media,
    Message,
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
from pointsman.dialects.openai_chat.dialect import OpenAIChat

DIALECT = OpenAIChat()
HI: JsonObject = {"role": "user", "content": "hi"}
SCHEMA: JsonObject = {"type": "object", "properties": {"city": {"type": "string"}}}
CUSTOM_CALL: JsonObject = {"id": "call_2", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}}
SEARCH_CALL: JsonObject = {"id": "call_3", "type": "search", "search": {"q": "x"}}
SIGNED_CALL: JsonObject = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city":'},
    "extra_content": {"google": {"thought_signature": "s"}},
}
AGENT: JsonObject = {
    "model": "auto",
    "messages": [
        {"role": "developer", "content": "Be brief."},
        {
            "role": "user",
            "name": "ann",
            "content": [
                {"type": "text", "text": "What is this?", "cache_control": {"type": "ephemeral"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
                {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "mp3"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,CCCC"}},
                {"type": "file", "file": {"file_id": "file-1"}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "Look it up.",
            "tool_calls": [SIGNED_CALL, CUSTOM_CALL, SEARCH_CALL],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "Sunny", "name": "weather"},
        {"role": "assistant", "content": "Sunny.", "refusal": "No more.", "reasoning": "hm", "audio": {"id": "a1"}},
    ],
    "tools": [
        {"type": "function", "function": {"name": "weather", "description": "d", "parameters": SCHEMA, "strict": True}}
    ],
    "tool_choice": {"type": "function", "function": {"name": "weather"}},
    "parallel_tool_calls": False,
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "answer", "description": "d", "schema": SCHEMA, "strict": True},
    },
    "max_completion_tokens": 100,
    "temperature": 0,
    "top_p": 0.9,
    "stop": ["END"],
    "seed": 7,
    "n": 2,
    "logprobs": True,
    "top_logprobs": 3,
    "reasoning_effort": "low",
    "stream": True,
    "stream_options": {"include_usage": True, "include_obfuscation": False},
    "metadata": {"task": "t"},
    "user": "u1",
    "safety_identifier": "s1",
    "logit_bias": {"50256": -100},
}


def extras(**found: Json) -> Mapping[str, JsonObject]:
    """*found* as this dialect's extras."""
    return {"openai_chat": found}


AGENT_NEUTRAL = ChatRequest(
    model="auto",
    messages=(
        Message(role=Role.DEVELOPER, parts=(Text(text="Be brief."),)),
        Message(
            role=Role.USER,
            name="ann",
            parts=(
                Text(text="What is this?", extras=extras(cache_control={"type": "ephemeral"})),
                Media(kind="image", data_base64="AAAA", media_type="image/png", detail="low"),
                Media(kind="image", url="https://example.org/a.png"),
                Media(kind="audio", data_base64="BBBB", media_type="audio/mp3"),
                Media(kind="file", data_base64="CCCC", media_type="application/pdf", filename="a.pdf"),
                Media(kind="file", file_id="file-1"),
            ),
        ),
        Message(
            role=Role.ASSISTANT,
            parts=(
                Reasoning(text="Look it up."),
                ToolCall(
                    id="call_1",
                    name="weather",
                    arguments='{"city":',
                    extras={
                        **extras(extra_content={"google": {"thought_signature": "s"}}),
                        "gemini": {"thoughtSignature": "s"},
                    },
                ),
                ToolCall(id="call_2", name="sql", arguments="SELECT 1", extras=extras(type="custom")),
                ToolCall(id="call_3", name="search", arguments="", extras={"openai_chat": SEARCH_CALL}),
            ),
        ),
        Message(role=Role.TOOL, parts=(ToolResult(call_id="call_1", content=(Text(text="Sunny"),), name="weather"),)),
        Message(
            role=Role.ASSISTANT,
            parts=(
                Reasoning(text="hm", extras=extras(field="reasoning")),
                Text(text="Sunny."),
                Refusal(text="No more."),
            ),
            extras=extras(audio={"id": "a1"}),
        ),
    ),
    tools=(ToolSpec(name="weather", description="d", parameters=SCHEMA, strict=True),),
    tool_choice=ToolChoice(mode=ToolMode.REQUIRED, name="weather"),
    parallel_tool_calls=False,
    response_format=ResponseFormat(kind="json_schema", schema=SCHEMA, name="answer", description="d", strict=True),
    sampling=Sampling(
        temperature=0,
        top_p=0.9,
        max_output_tokens=100,
        stop=("END",),
        seed=7,
        n=2,
        logprobs=True,
        top_logprobs=3,
    ),
    reasoning_effort="low",
    stream=True,
    stream_usage=True,
    metadata={"task": "t"},
    user="u1",
    extras=extras(
        max_completion_tokens=100,
        safety_identifier="s1",
        logit_bias={"50256": -100},
        stream_options={"include_obfuscation": False},
    ),
)


def test_an_agents_request_is_read_whole() -> None:
    """Every field has its neutral place, or is kept for this dialect."""
    assert DIALECT.decode_chat(AGENT) == AGENT_NEUTRAL


def test_an_agents_request_is_given_back_as_it_was() -> None:
    """An endpoint of the same dialect gets the same body, for another model."""
    assert DIALECT.encode_chat(AGENT_NEUTRAL, "gpt-5") == Encoded(
        path="/chat/completions", body={**AGENT, "model": "gpt-5"}
    )


FUNCTION: JsonObject = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [FUNCTION, {"type": "custom", "custom": {"name": "sql"}}]},
        {"tools": [{"type": "web_search"}]},
        {"tools": [{"type": "function", "function": {"name": "f", "x_next": 1}}]},
        {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [FUNCTION]}}},
        {"tool_choice": {"type": "custom", "custom": {"name": "sql"}}},
        {"tool_choice": "any"},
        {"response_format": {"type": "json_object", "schema": SCHEMA}},
        {"response_format": {"type": "grammar", "grammar": "root ::= [0-9]"}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}, "x_next": 1}}},
        {"functions": [{"name": "f"}], "function_call": "auto"},
        {"max_tokens": 5},
        {"stream_options": {"include_obfuscation": True}},
        {"messages": [{"role": "user", "content": [{"type": "video_url", "video_url": {"url": "https://a/b"}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "gs://a/b"}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,x"}}]}]},
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": "https://a/b", "x_next": 1}}],
                }
            ]
        },
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {"x_next": 1}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_data": "AAAA"}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AAAA"}}]}]},
        {"messages": [{"role": "user", "content": ""}]},
        {"messages": [{"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}]},
        {"messages": [{"role": "function", "name": "f", "content": "3"}]},
        {"messages": [{"role": "assistant", "content": None, "annotations": []}]},
        {
            "messages": [
                {
                    "role": "assistant",
                    "content": [{"type": "refusal", "refusal": "a"}, {"type": "refusal", "refusal": "b"}],
                }
            ]
        },
    ],
)
def test_what_has_no_neutral_name_is_given_back(fields: JsonObject) -> None:
    """Unknown types and next year's fields survive to an endpoint of the same dialect."""
    body: JsonObject = {"model": "m", "messages": [HI], **fields}
    assert DIALECT.encode_chat(DIALECT.decode_chat(body), "m").body == body


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"stop": "END"}, {"stop": ["END"]}),
        ({"max_tokens": 5.0, "tools": [], "user": None, "tool_choice": None}, {"max_tokens": 5}),
        ({"max_tokens": 5, "max_completion_tokens": 6}, {"max_completion_tokens": 6}),
        ({"messages": [{**HI, "content": [{"type": "text", "text": "hi"}]}]}, {}),
        ({"messages": [{"role": "user", "content": []}]}, {"messages": [{"role": "user", "content": ""}]}),
    ],
)
def test_two_ways_to_say_the_same_are_written_in_one(fields: JsonObject, expected: JsonObject) -> None:
    """Lists for one stop, null for absent, parts for a plain text: the plainest form goes out."""
    read = DIALECT.decode_chat({"messages": [HI], **fields})
    assert DIALECT.encode_chat(read, "m").body == {"model": "m", "messages": [HI], **expected}


def test_tool_choice_modes_are_read() -> None:
    """The three words, and the mode of a list of allowed tools."""
    allowed: JsonObject = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": []}}
    wanted: list[Json] = ["auto", "none", "required", allowed, "any", None]
    read = [DIALECT.decode_chat({"messages": [HI], "tool_choice": choice}).tool_choice for choice in wanted]
    assert [choice.mode if choice else None for choice in read] == ["auto", "none", "required", "required", None, None]


def user_part(part: Json) -> JsonObject:
    """A request whose second part is *part*."""
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, part]}]}


def assistant(**fields: Json) -> JsonObject:
    """A request whose one message is of the assistant."""
    return {"messages": [{"role": "assistant", **fields}]}


NO_MESSAGES = "messages is missing or empty. Send at least one message."


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, NO_MESSAGES),
        ({"messages": []}, NO_MESSAGES),
        ({"messages": "hi"}, "messages must be a list, not a string."),
        ({"messages": ["hi"]}, "messages[0] must be an object, not a string."),
        ({"messages": [{"content": "hi"}]}, "messages[0].role is missing."),
        (
            {"messages": [{"role": "robot", "content": "hi"}]},
            "messages[0].role must be system, developer, user, assistant or tool, not 'robot'.",
        ),
        ({"messages": [HI, {"role": "user"}]}, "messages[1].content is missing."),
        (
            {"messages": [{"role": "user", "content": None}]},
            "messages[0].content must be a string or a list of parts, not null.",
        ),
        (
            {"messages": [{"role": "tool", "content": 3}]},
            "messages[0].content must be a string or a list of parts, not a number.",
        ),
        (user_part("b"), "messages[0].content[1] must be an object, not a string."),
        (user_part({}), "messages[0].content[1].type is missing."),
        (user_part({"type": "text"}), "messages[0].content[1].text is missing."),
        (user_part({"type": "image_url"}), "messages[0].content[1].image_url is missing."),
        (
            user_part({"type": "image_url", "image_url": {"url": 3}}),
            "messages[0].content[1].image_url.url must be a string, not a number.",
        ),
        (assistant(tool_calls={}), "messages[0].tool_calls must be a list, not an object."),
        (assistant(tool_calls=[{"id": "1"}]), "messages[0].tool_calls[0].function is missing."),
        (
            assistant(tool_calls=[{"function": {"name": "f", "arguments": {}}}]),
            "messages[0].tool_calls[0].function.arguments must be a string, not an object.",
        ),
        (assistant(function_call={}), "messages[0].function_call.name is missing."),
        ({"messages": [HI], "model": 3}, "model must be a string, not a number."),
        ({"messages": [HI], "temperature": True}, "temperature must be a number, not a boolean."),
        ({"messages": [HI], "n": 0}, "n must be at least 1, not 0."),
        ({"messages": [HI], "stream": "yes"}, "stream must be a boolean, not a string."),
        ({"messages": [HI], "tools": [{"type": "function"}]}, "tools[0].function is missing."),
        ({"messages": [HI], "tools": [{"function": {}}]}, "tools[0].function.name is missing."),
        ({"messages": [HI], "tool_choice": 3}, "tool_choice must be a string or an object, not a number."),
        (
            {"messages": [HI], "tool_choice": {"type": "function"}},
            "tool_choice.function.name must be a string.",
        ),
        ({"messages": [HI], "response_format": {}}, "response_format.type is missing."),
        (
            {"messages": [HI], "response_format": {"type": "json_schema"}},
            "response_format.json_schema is missing.",
        ),
        ({"messages": [HI], "metadata": []}, "metadata must be an object, not a list."),
    ],
)
def test_a_wrong_field_is_refused_by_its_path(body: JsonObject, message: str) -> None:
    """The sentence names the path and what was there; `param` is the path."""
    with pytest.raises(InvalidRequest) as refused:
        DIALECT.decode_chat(body)
    assert str(refused.value) == message
    assert refused.value.param == message.split(" ", maxsplit=1)[0]


def request_of(*parts: Text | Media | ToolResult | Refusal, role: Role = Role.USER) -> ChatRequest:
    """A request of one message."""
    return ChatRequest(messages=(Message(role=role, parts=parts),))


@pytest.mark.parametrize(
    "part", [Media(kind="tokens"), Media(kind="image"), Media(kind="audio", url="https://a/b"), Media(kind="file")]
)
def test_content_this_dialect_cannot_say_is_refused(part: Media) -> None:
    """Never dropped in silence: the path and the kind are named."""
    with pytest.raises(InvalidRequest, match=rf"^messages\[0\].content\[1\] is of the kind '{part.kind}'"):
        DIALECT.encode_chat(request_of(Text(text="a"), part), "m")


def test_a_part_out_of_place_is_refused() -> None:
    """Reasoning cannot be a part of what a user says."""
    message = Message(role=Role.USER, parts=(Text(text="a"), Reasoning(text="b")))
    with pytest.raises(InvalidRequest, match="a Reasoning cannot be a part of this message"):
        DIALECT.encode_chat(ChatRequest(messages=(message,)), "m")


def test_several_results_in_one_message_become_several_messages() -> None:
    """As other dialects send them: results first, then what the user adds."""
    first = ToolResult(call_id="1", content=(Text(text="a"),), is_error=True)
    second = ToolResult(call_id="2", content=(), name="f")
    said = DIALECT.encode_chat(request_of(first, second, Text(text="go on"), role=Role.TOOL), "m").body["messages"]
    assert said == [
        {"role": "tool", "tool_call_id": "1", "content": "a"},
        {"role": "tool", "tool_call_id": "2", "content": "", "name": "f"},
        {"role": "user", "content": "go on"},
    ]
    assert DIALECT.encode_chat(request_of(first, second, role=Role.TOOL), "m").body["messages"] == said[:2]


def test_what_tools_show_follows_their_results_in_a_users_message() -> None:
    """OpenAI refuses an image in a tool's message; the results of one turn stay together."""
    image = Media(kind="image", media_type="image/png", data_base64="AAAA")
    results = (
        Message(role=Role.TOOL, parts=(ToolResult(call_id="a", content=(image,)),)),
        Message(role=Role.TOOL, parts=(ToolResult(call_id="b", content=(Text(text="a cat"), image)),)),
    )
    shown: JsonObject = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    caption: JsonObject = {"type": "text", "text": "What the tools showed, in order:"}
    expected: list[Json] = [
        {"role": "tool", "tool_call_id": "a", "content": "(see below)"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "a cat"}]},
        {"role": "user", "content": [caption, shown, shown]},
    ]
    asking = Message(role=Role.USER, parts=(Text(text="hi"),))
    assert DIALECT.encode_chat(ChatRequest(messages=results), "m").body["messages"] == expected
    assert DIALECT.encode_chat(ChatRequest(messages=(*results, asking)), "m").body["messages"] == [*expected, HI]


def test_settings_of_other_dialects_are_dropped_aloud() -> None:
    """What another API's caller set and this one cannot carry is listed."""
    request = ChatRequest(
        messages=(Message(role=Role.USER, parts=(Text(text="hi"),)),), extras={"ollama": {"keep_alive": 5}}
    )
    assert DIALECT.encode_chat(request, "m") == Encoded(
        path="/chat/completions", body={"model": "m", "messages": [HI]}, dropped=("keep_alive",)
    )


def test_a_shape_of_the_answer_has_a_name() -> None:
    """The API demands one, where others have none."""
    asked = ChatRequest(
        messages=(Message(role=Role.USER, parts=(Text(text="hi"),)),),
        response_format=ResponseFormat(kind="json_schema", schema=SCHEMA),
    )
    body = DIALECT.encode_chat(asked, "m").body
    assert body["response_format"] == {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}


@pytest.mark.parametrize(
    "thought",
    [
        Reasoning(text="", signature="c2lnbmVk", origin="openai_responses"),
        Reasoning(text="", extras={"openai_responses": {"input_item": {"type": "web_search_call"}}}),
    ],
)
def test_thinking_without_words_is_left_out(thought: Reasoning) -> None:
    """An empty `reasoning_content` would say that nothing was thought; a turn of nothing else is left out whole."""
    alone = Message(role=Role.ASSISTANT, parts=(thought,))
    spoken = Message(role=Role.ASSISTANT, parts=(thought, Text(text="Hello.")))
    body = DIALECT.encode_chat(ChatRequest(messages=(alone, spoken, alone)), "m").body
    assert body["messages"] == [{"role": "assistant", "content": "Hello."}]


def test_thinking_of_no_words_that_a_caller_sent_goes_back() -> None:
    """DeepSeek wants the field beside tool calls, empty or not."""
    quiet = Message(role=Role.ASSISTANT, parts=(Reasoning(text=""), Text(text="Hello.")))
    body = DIALECT.encode_chat(ChatRequest(messages=(quiet,)), "m").body
    assert body["messages"] == [{"role": "assistant", "content": "Hello.", "reasoning_content": ""}]
