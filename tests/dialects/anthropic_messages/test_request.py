"""Requests to Messages as real clients send them, read and written again; and those of other callers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointsman.core.catalog import Operation
from pointsman.core.chat import (
    ChatRequest,
    EmbeddingRequest,
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
    ask,
)
from pointsman.core.errors import InvalidRequest
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.dialects.anthropic_messages.dialect import AnthropicMessages
from pointsman.dialects.anthropic_messages.request import decode_count_request
from pointsman.dialects.base import Encoded
from pointsman.dialects.openai_chat.dialect import OpenAIChat

DIALECT = AnthropicMessages()
NAME = DIALECT.name
CACHED: JsonObject = {"cache_control": {"type": "ephemeral"}}
BILLING: JsonObject = {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.329.123; cc_entrypoint=cli;"}
SCHEMA: JsonObject = {"type": "object", "properties": {"city": {"type": "string"}}}
SEARCH: JsonObject = {"type": "web_search_20260318", "name": "web_search", "max_uses": 3}
CLAUDE_CODE: JsonObject = {
    "model": "claude-auto",
    "max_tokens": 32_000,
    "system": [BILLING, {"type": "text", "text": "You are a coding agent.", **CACHED}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "<system-reminder>\nToday is Friday.\n</system-reminder>"},
                {"type": "text", "text": "Fix it.", **CACHED},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Look first.", "signature": "EqQB"},
                {"type": "redacted_thinking", "data": "EmwK"},
                {"type": "text", "text": "Looking."},
                {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"path": "a.py"}},
                {"type": "tool_use", "id": "toolu_2", "name": "Shot", "input": {}, **CACHED},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "x = 1", **CACHED},
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_2",
                    "is_error": True,
                    "content": [
                        {"type": "text", "text": "no screen"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}},
                    ],
                },
            ],
        },
        {"role": "system", "content": "The user opened b.py."},
    ],
    "tools": [
        SEARCH,
        {"name": "Read", "description": "Reads a file.", "input_schema": SCHEMA, "strict": True, **CACHED},
    ],
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    "stop_sequences": ["END"],
    "thinking": {"type": "adaptive"},
    "output_config": {"effort": "high", "task_budget": {"total": 9}},
    "metadata": {"user_id": '{"session_id":"s"}', "team": "t"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "service_tier": "auto",
    "stream": True,
}


def body_with(**fields: Json) -> JsonObject:
    """A small request with *fields*."""
    return {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], **fields}


def encoded(request: ChatRequest, model: str = "m") -> Encoded:
    """*request* for *model*."""
    return DIALECT.encode_chat(request, model)


def of_messages(*messages: Message) -> JsonObject:
    """The body for a conversation."""
    return encoded(ChatRequest(messages=messages)).body


def said(role: Role, *parts: Text | Reasoning | Refusal | ToolCall | ToolResult) -> Message:
    """A message of *parts*."""
    return Message(role=role, parts=parts)


def test_a_request_of_claude_code_comes_back_whole() -> None:
    """Caching marks, tools of the endpoint, thinking, mid-conversation system messages: nothing is lost or dropped."""
    found = encoded(DIALECT.decode_chat(CLAUDE_CODE), "claude-auto")
    assert found == Encoded(path="/messages", body=CLAUDE_CODE)


def test_a_request_of_claude_code_is_understood() -> None:
    """Roles, parts and settings in neutral words; what has none is kept for this dialect."""
    request = DIALECT.decode_chat(CLAUDE_CODE)
    cached = {NAME: CACHED}
    assert [message.role for message in request.messages] == [
        Role.SYSTEM,
        Role.USER,
        Role.ASSISTANT,
        Role.TOOL,
        Role.SYSTEM,
    ]
    assert request.messages[0].parts == (Text(text="You are a coding agent.", extras=cached),)
    assert request.messages[2].parts == (
        Reasoning(text="Look first.", signature="EqQB", origin=NAME),
        Reasoning(text="", signature="redacted_thinking:EmwK", origin=NAME),
        Text(text="Looking."),
        ToolCall(id="toolu_1", name="Read", arguments='{"path":"a.py"}'),
        ToolCall(id="toolu_2", name="Shot", arguments="{}", extras=cached),
    )
    assert request.messages[3].parts[0] == ToolResult(call_id="toolu_1", content=(Text(text="x = 1"),), extras=cached)
    assert replace(request, messages=(), extras={}) == ChatRequest(
        messages=(),
        model="claude-auto",
        tools=(ToolSpec(name="Read", description="Reads a file.", parameters=SCHEMA, strict=True, extras=cached),),
        tool_choice=ToolChoice(mode=ToolMode.AUTO),
        parallel_tool_calls=False,
        sampling=Sampling(max_output_tokens=32_000, stop=("END",)),
        reasoning_effort="high",
        stream=True,
        stream_usage=True,
        user='{"session_id":"s"}',
    )
    assert set(request.extras[NAME]) == {
        "x-anthropic-billing-header",
        "server_tools",
        "thinking",
        "output_config",
        "metadata",
        "context_management",
        "service_tier",
    }


def test_the_billing_block_reaches_no_other_model() -> None:
    """It differs in each process of Claude Code: in another model's prompt it would spoil every cached prefix."""
    found = OpenAIChat().encode_chat(DIALECT.decode_chat(CLAUDE_CODE), "m")
    assert "billing" not in str(found.body)
    assert "x-anthropic-billing-header" in found.dropped


def test_a_system_prompt_of_the_billing_block_alone_is_none() -> None:
    """Nothing is left to say to a model."""
    request = DIALECT.decode_chat(body_with(system=[BILLING]))
    assert [message.role for message in request.messages] == [Role.USER]
    assert encoded(request).body["system"] == BILLING["text"]


@pytest.mark.parametrize(
    ("block", "shown"),
    [
        ({"type": "text", "text": "a", "citations": [{"type": "page_location"}]}, "a"),
        ({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a"}}, "a"),
        (
            {
                "type": "document",
                "title": "T",
                "context": "C",
                "source": {
                    "type": "content",
                    "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
                },
            },
            "T\nC\na\nb",
        ),
        ({"type": "document", "source": {"type": "content", "content": "a"}}, "a"),
        (
            {"type": "search_result", "title": "T", "source": "https://x", "content": [{"type": "text", "text": "a"}]},
            "T\nhttps://x\na",
        ),
        ({"type": "search_result", "title": "T", "source": "s", "content": [{"type": "image"}]}, "T\ns\n"),
    ],
)
def test_what_is_text_in_the_end_can_be_shown_to_any_model(block: JsonObject, shown: str) -> None:
    """Documents of text and search results are text to others, and go back to this API as they came."""
    body = body_with(messages=[{"role": "user", "content": [block]}])
    request = DIALECT.decode_chat(body)
    assert request.messages[0].text == shown
    assert encoded(request).body["messages"] == body["messages"]


@pytest.mark.parametrize(
    ("block", "kind"),
    [
        ({"type": "image", "source": {"type": "url", "url": "https://x/a.png"}}, "image"),
        ({"type": "image", "source": {"type": "url", "url": "gs://x/a.png"}}, "image"),
        ({"type": "image", "source": {"type": "file", "file_id": "f"}, **CACHED}, "image"),
        ({"type": "image", "source": {"type": "next_year"}}, "image"),
        (
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
                "title": "T",
                "citations": {"enabled": True},
            },
            "file",
        ),
        ({"type": "document", "source": {"type": "base64", "media_type": "text/x", "data": "!"}}, "file"),
        ({"type": "document", "source": {"type": "base64", "media_type": "application/zip", "data": "UEsD"}}, "file"),
        ({"type": "document", "source": {"type": "url", "url": "https://x/a.pdf"}}, "file"),
        ({"type": "document", "source": {"type": "content", "content": [{"type": "image"}]}}, "document"),
        ({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}}, "server_tool_use"),
        ({"type": "container_upload", "file_id": "f"}, "container_upload"),
    ],
)
def test_a_block_comes_back_as_it_was(block: JsonObject, kind: str) -> None:
    """Of images, documents, the endpoint's own tools and kinds of next year nothing is lost on the way back."""
    body = body_with(messages=[{"role": "user", "content": [block]}])
    request = DIALECT.decode_chat(body)
    assert [getattr(part, "kind", None) for part in request.messages[0].parts] == [kind]
    assert encoded(request).body["messages"] == body["messages"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "m", "messages": [{"role": "user", "content": "hi"}]}, "max_tokens"),
        (body_with(messages=[]), "messages"),
        (body_with(messages=[{"role": "tool", "content": "x"}]), "messages[0].role"),
        (body_with(messages=[{"role": "user"}]), "messages[0].content"),
        (body_with(messages=[{"role": "user", "content": None}]), "messages[0].content"),
        (body_with(messages=[{"role": "user", "content": 3}]), "messages[0].content"),
        (body_with(messages=[{"role": "user", "content": ["hi"]}]), "messages[0].content[0]"),
        (body_with(messages=[{"role": "user", "content": [{"type": "text"}]}]), "messages[0].content[0].text"),
        (body_with(messages=[{"role": "user", "content": [{"type": "image"}]}]), "messages[0].content[0].source"),
        (body_with(system=[{"type": "image_next_year"}]), "system[0].type"),
        (body_with(system=4), "system"),
        (body_with(tools=[{"input_schema": {}}]), "tools[0].name"),
        (body_with(tool_choice={"type": "tool"}), "tool_choice.name"),
        (body_with(output_config={"format": {"type": "json_schema"}}), "output_config.format.schema"),
        (body_with(thinking={"type": "enabled", "budget_tokens": "many"}), "thinking.budget_tokens"),
    ],
)
def test_a_wrong_field_is_named(body: JsonObject, param: str) -> None:
    """A caller reads which field it was, by its path."""
    with pytest.raises(InvalidRequest) as caught:
        DIALECT.decode_chat(body)
    assert caught.value.param == param


def test_a_request_to_count_need_not_limit_the_answer() -> None:
    """There will be none."""
    body: JsonObject = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    assert decode_count_request(body) == ask("hi", model="m")


def test_results_of_parallel_calls_are_one_turn_with_results_first() -> None:
    """This API wants roles to take turns, and the results of calls right behind them."""
    assert of_messages(
        said(Role.SYSTEM, Text(text="Be brief.")),
        said(Role.DEVELOPER, Text(text="Be kind.")),
        said(Role.USER, Text(text="Weather?")),
        said(Role.ASSISTANT, ToolCall(id="a", name="f", arguments='{"x":1.5}')),
        said(Role.ASSISTANT, ToolCall(id="b", name="g", arguments="")),
        said(Role.USER, Text(text="Hurry.")),
        said(Role.TOOL, ToolResult(call_id="a", content=(Text(text="sun"),))),
        said(Role.TOOL, ToolResult(call_id="b", content=(), is_error=True)),
    ) == {
        "model": "m",
        "system": [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}],
        "messages": [
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1.5}},
                    {"type": "tool_use", "id": "b", "name": "g", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "a", "content": "sun"},
                    {"type": "tool_result", "tool_use_id": "b", "is_error": True},
                    {"type": "text", "text": "Hurry."},
                ],
            },
        ],
    }


def test_what_the_api_would_refuse_for_its_emptiness_is_left_out() -> None:
    """Blank texts, blank refusals, other models' thinking, and the turns that hold nothing else."""
    assert of_messages(
        said(Role.USER, Text(text="hi"), Text(text=" \n")),
        said(
            Role.ASSISTANT,
            Text(text=""),
            Refusal(text=""),
            Reasoning(text="hm"),
            Reasoning(text="hm", signature="s", origin="gemini"),
        ),
        said(Role.USER, Text(text="again")),
        said(Role.ASSISTANT, Refusal(text="No.")),
    )["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "text", "text": "again"}]},
        {"role": "assistant", "content": "No."},
    ]


def test_a_lone_system_prompt_is_what_the_user_asks() -> None:
    """This API wants at least one turn."""
    assert of_messages(said(Role.SYSTEM, Text(text="Write a poem."))) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Write a poem."}],
    }


def test_an_assistant_that_speaks_first_is_spoken_to() -> None:
    """As in a chat that opens with a welcome: this API wants the user's turn first."""
    found = of_messages(said(Role.ASSISTANT, Text(text="Welcome!")), said(Role.USER, Text(text="Hi")))
    assert found["messages"] == [
        {"role": "user", "content": "Hello."},
        {"role": "assistant", "content": "Welcome!"},
        {"role": "user", "content": "Hi"},
    ]


def test_ids_of_other_endpoints_are_made_fit_for_this_one() -> None:
    """The same id becomes the same again in the result; calls without ids are numbered."""
    found = of_messages(
        said(Role.USER, Text(text="hi")),
        said(
            Role.ASSISTANT,
            ToolCall(id="functions.f:0", name="f", arguments="{}"),
            ToolCall(id="", name="g", arguments="{}"),
            ToolCall(id="", name="g", arguments="{}"),
        ),
        said(
            Role.TOOL,
            ToolResult(call_id="functions.f:0", content=()),
            ToolResult(call_id="", content=()),
            ToolResult(call_id="", content=()),
        ),
    )["messages"]
    assert isinstance(found, list)
    called, answered = ([block.get("id") or block["tool_use_id"] for block in turn["content"]] for turn in found[1:])
    assert called == answered == ["functions_f_0_d6bdd4de", "call_1", "call_2"]


@pytest.mark.parametrize("written", ['{"a":', "[1]", "NaN", '{"a":NaN}', '{"a":1e999}', "[" * 100_000])
def test_arguments_that_are_no_object_are_wrapped(written: str) -> None:
    """A model's slip in an earlier turn does not end the conversation."""
    call = ToolCall(id="a", name="f", arguments=written)
    found = of_messages(said(Role.USER, Text(text="hi")), said(Role.ASSISTANT, call))["messages"]
    block: Json = {"type": "tool_use", "id": "a", "name": "f", "input": {"arguments": written}}
    assert found == [{"role": "user", "content": "hi"}, {"role": "assistant", "content": [block]}]


@pytest.mark.parametrize(
    ("model", "max_tokens"),
    [
        ("claude-3-haiku-20240307", 4096),
        ("claude-3-7-sonnet-20250219", 32_000),
        ("claude-opus-4-1", 32_000),
        ("claude-next", 32_000),
        ("qwen3", 8192),
    ],
)
def test_the_limit_this_api_demands_is_supplied(model: str, max_tokens: int) -> None:
    """Callers of other APIs need not set one."""
    found = encoded(ask("hi"), model)
    assert (found.demanded, "max_tokens" in found.body) == ({"max_tokens": max_tokens}, False)


BESIDE_THINKING = {"temperature", "top_p", "top_k"}
SAMPLED: JsonObject = {"temperature": 1.0, "top_k": 3}


def budget(tokens: int) -> JsonObject:
    """Thinking as earlier models are asked for it."""
    return {"thinking": {"type": "enabled", "budget_tokens": tokens}}


def adaptive(effort: str) -> JsonObject:
    """Thinking as later models are asked for it."""
    return {"thinking": {"type": "adaptive"}, "output_config": {"effort": effort}}


@pytest.mark.parametrize(
    ("model", "effort", "expected", "dropped"),
    [
        ("claude-sonnet-4-5-20250929", "high", budget(16_000), BESIDE_THINKING),
        ("claude-sonnet-4-20250514", "low", budget(2048), BESIDE_THINKING),
        ("qwen3", "minimal", budget(1024), BESIDE_THINKING),
        ("claude-opus-4-6", "medium", adaptive("medium"), BESIDE_THINKING),
        ("claude-opus-4-7", "minimal", adaptive("low"), BESIDE_THINKING),
        ("claude-opus-4-7", None, {}, BESIDE_THINKING),
        ("claude-opus-4-6", None, SAMPLED, {"top_p"}),
        ("claude-opus-4-6", "none", {**SAMPLED, "thinking": {"type": "disabled"}}, {"top_p"}),
        ("qwen3", "extreme", {**SAMPLED, "top_p": 0.9}, {"reasoning_effort"}),
        ("qwen3", None, {**SAMPLED, "top_p": 0.9}, set()),
    ],
)
def test_thinking_and_sampling_are_said_as_the_model_takes_them(
    model: str, effort: str | None, expected: JsonObject, dropped: set[str]
) -> None:
    """Budgets for early Claudes and other models, efforts for late ones; none takes sampling beside thinking."""
    sampling = Sampling(temperature=1.7, top_p=0.9, top_k=3, max_output_tokens=32_000)
    found = encoded(replace(ask("hi"), sampling=sampling, reasoning_effort=effort), model)
    settings = {key: value for key, value in found.body.items() if key not in ("model", "messages", "max_tokens")}
    assert settings == expected
    assert set(found.dropped) == dropped


def test_there_is_no_thinking_without_room_or_beside_a_forced_tool() -> None:
    """The API refuses both; the answer and the tool matter more."""
    thinks = replace(ask("hi"), reasoning_effort="high")
    small = encoded(replace(thinks, sampling=Sampling(max_output_tokens=1500)))
    tool = ToolSpec(name="f")
    forced = encoded(replace(thinks, tools=(tool,), tool_choice=ToolChoice(mode=ToolMode.REQUIRED)), "claude-opus-5")
    assert ("thinking" in small.body, small.dropped) == (False, ("reasoning_effort",))
    assert ("thinking" in forced.body, forced.dropped) == (False, ("reasoning_effort",))


def test_there_is_no_budget_for_thinking_after_calls_without_any() -> None:
    """The API wants a thought before the calls it is to go on from: another model's had none, or it was not kept."""
    called = said(Role.ASSISTANT, ToolCall(id="a", name="f", arguments="{}"))
    result = said(Role.TOOL, ToolResult(call_id="a", content=(Text(text="1"),)))
    messages = (*ask("hi").messages, called, result)
    thinks = ChatRequest(messages=messages, reasoning_effort="high", sampling=Sampling(max_output_tokens=9000))
    found = encoded(thinks)
    assert ("thinking" in found.body, found.dropped) == (False, ("reasoning_effort",))
    own = encoded(replace(thinks, extras={NAME: {"thinking": budget(2000)["thinking"]}}))
    assert ("thinking" in own.body, own.dropped) == (False, ("thinking",))
    asked_again = encoded(replace(thinks, messages=(*messages, *ask("And?").messages)))
    assert ("thinking" in asked_again.body, asked_again.dropped) == (False, ("reasoning_effort",))
    assert encoded(thinks, "claude-opus-5").body["thinking"] == {"type": "adaptive"}


@pytest.mark.parametrize(
    ("fields", "effort"),
    [
        ({}, None),
        ({"thinking": {"type": "disabled"}}, "none"),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}}, "none"),
        ({"thinking": {"type": "adaptive"}}, None),
        ({"thinking": {"type": "between_tools"}, "output_config": {"effort": "medium"}}, "medium"),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, "xhigh"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, "low"),
        ({"thinking": {"type": "enabled", "budget_tokens": 8000}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 30_000}}, "high"),
        ({"thinking": {"type": "enabled", "budget_tokens": 30_000}, "output_config": {"effort": "low"}}, "low"),
    ],
)
def test_the_wish_to_think_is_an_effort_and_comes_back(fields: JsonObject, effort: str | None) -> None:
    """Other models get the nearest effort, this API gets the caller's own words."""
    request = DIALECT.decode_chat(body_with(**fields))
    assert request.reasoning_effort == effort
    found = encoded(request, "claude-opus-5").body
    assert {key: found[key] for key in ("thinking", "output_config") if key in found} == fields


def test_what_this_api_has_no_word_for_is_named() -> None:
    """By the names most callers know; a caller's own dialect names what only it knew."""
    request = ChatRequest(
        messages=(Message(role=Role.USER, parts=(Text(text="hi"),), name="ann"),),
        sampling=Sampling(
            stop=("\n", "END"),
            n=2,
            seed=1,
            min_p=0.1,
            frequency_penalty=0.5,
            presence_penalty=0.5,
            logprobs=True,
            top_logprobs=2,
        ),
        response_format=ResponseFormat(kind="json_object"),
        tool_choice=ToolChoice(mode=ToolMode.NONE),
        metadata={"a": "b"},
        extras={"openai_chat": {"logit_bias": {}}},
    )
    found = encoded(request)
    assert found.body == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "stop_sequences": ["END"],
    }
    assert set(found.dropped) == {
        "stop",
        "n",
        "seed",
        "min_p",
        "frequency_penalty",
        "presence_penalty",
        "logprobs",
        "top_logprobs",
        "response_format",
        "tool_choice",
        "metadata",
        "name",
        "logit_bias",
    }


@pytest.mark.parametrize(
    ("given", "choice", "parallel"),
    [
        (None, None, None),
        ({"type": "auto"}, ToolChoice(mode=ToolMode.AUTO), None),
        ({"type": "any", "disable_parallel_tool_use": False}, ToolChoice(mode=ToolMode.REQUIRED), True),
        ({"type": "none"}, ToolChoice(mode=ToolMode.NONE), None),
        ({"type": "tool", "name": "f"}, ToolChoice(mode=ToolMode.REQUIRED, name="f"), None),
        ({"type": "next_year"}, None, None),
    ],
)
def test_a_tool_choice_comes_back(given: Json, choice: ToolChoice | None, parallel: bool | None) -> None:  # noqa: FBT001
    """Every word of this API's, and words of next year."""
    body = body_with(tools=[{"name": "f", "input_schema": SCHEMA}])
    if given is not None:
        body["tool_choice"] = given
    request = DIALECT.decode_chat(body)
    assert (request.tool_choice, request.parallel_tool_calls) == (choice, parallel)
    assert encoded(request).body == body


def test_one_tool_at_a_time_is_part_of_the_choice() -> None:
    """A caller of another API says it beside."""
    request = replace(ask("hi"), tools=(ToolSpec(name="f"),), parallel_tool_calls=False)
    found = encoded(request).body
    assert found["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert found["tools"] == [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]


def test_a_schema_of_parameters_says_that_it_is_of_an_object() -> None:
    """The API asks for it."""
    request = replace(ask("hi"), tools=(ToolSpec(name="f", parameters={"properties": {}}),))
    assert encoded(request).body["tools"] == [{"name": "f", "input_schema": {"properties": {}, "type": "object"}}]


def test_a_schema_of_the_answer_is_closed() -> None:
    """The API compiles no other; callers of other APIs often leave objects open."""
    wanted = ResponseFormat(kind="json_schema", name="n", schema={**SCHEMA, "anyOf": [SCHEMA, {"type": "null"}]})
    closed: JsonObject = {**SCHEMA, "additionalProperties": False}
    assert encoded(replace(ask("hi"), response_format=wanted)).body["output_config"] == {
        "format": {"type": "json_schema", "schema": {**closed, "anyOf": [closed, {"type": "null"}]}}
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        {"output_format": {"type": "json_schema", "schema": SCHEMA}},
    ],
)
def test_the_shape_of_the_answer_is_read_in_both_places(fields: JsonObject) -> None:
    """It moved into `output_config`; older clients send `output_format`."""
    wanted = DIALECT.decode_chat(body_with(**fields)).response_format
    assert wanted == ResponseFormat(kind="json_schema", schema=SCHEMA)


def test_a_shape_of_next_year_comes_back() -> None:
    """A format that nobody here knows is the endpoint's matter."""
    body = body_with(output_config={"format": {"type": "grammar", "grammar": "x"}})
    assert encoded(DIALECT.decode_chat(body)).body == body


def test_there_are_no_embeddings() -> None:
    """The API has none, and says so before anything is sent."""
    with pytest.raises(InvalidRequest, match="no embeddings"):
        DIALECT.encode_embeddings(EmbeddingRequest(inputs=("a",)), "claude-opus-5")
    with pytest.raises(ValueError, match="no embeddings"):
        DIALECT.decode_embeddings({})
    assert [DIALECT.path(operation, "m", stream=True) for operation in Operation] == [
        "/messages",
        None,
        None,
        "/messages/count_tokens",
    ]
