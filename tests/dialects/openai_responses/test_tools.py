"""Tools of Responses: functions, custom tools, namespaces, hosted ones, and the wish for one of them."""

from __future__ import annotations

import pytest

from pointsman.core.chat import ChatRequest, Message, Role, ToolCall, ToolChoice, ToolMode, ToolSpec, ask
from pointsman.core.errors import InvalidRequest
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.dialects.openai_chat.dialect import OpenAIChat
from pointsman.dialects.openai_responses.dialect import OpenAIResponses
from pointsman.dialects.openai_responses.tools import ToolNames, flat_name, unwrap_input, wrap_input

DIALECT = OpenAIResponses()
NAME = "openai_responses"
SPACE: JsonObject = {"type": "namespace", "name": "team", "description": "People."}


def function(name: str, **more: Json) -> JsonObject:
    """A function tool as this dialect writes it."""
    return {"type": "function", "name": name, "description": None, "parameters": {}, "strict": False, **more}


def asked(*tools: Json, **more: Json) -> ChatRequest:
    """A request with *tools*."""
    return DIALECT.decode_chat({"input": "x", "tools": [*tools], **more})


def test_tools_of_a_namespace_are_functions_to_others_and_a_namespace_again() -> None:
    """Codex sends such: a name that others have too is prefixed, alone it stays, and both are undone."""
    tools: list[Json] = [
        function("run", defer_loading=True),
        {**SPACE, "tools": [function("run"), function("spawn")]},
        function("last"),
        {**SPACE, "name": "other", "tools": [function("spawn")]},
    ]
    request = asked(*tools)
    assert [tool.name for tool in request.tools] == ["run", "team__run", "team__spawn", "last", "other__spawn"]
    assert request.tools[1].extras == {NAME: {"namespace": SPACE, "name": "run"}}
    assert request.tools[0].extras == {NAME: {"defer_loading": True}}
    assert DIALECT.encode_chat(request, "m").body["tools"] == tools
    assert OpenAIChat().encode_chat(request, "m").dropped == ()


def test_neighbouring_namespaces_stay_apart() -> None:
    """One after the other, each keeps its own."""
    tools: list[Json] = [
        {**SPACE, "tools": [function("a"), function("b")]},
        {**SPACE, "name": "other", "tools": [function("c")]},
    ]
    assert DIALECT.encode_chat(asked(*tools), "m").body["tools"] == tools


def test_calls_of_the_history_are_named_as_the_tools_are() -> None:
    """A call names its tool and its namespace; a tool that is no longer there is kept apart from others."""
    request = DIALECT.decode_chat(
        {
            "tools": [function("run"), {**SPACE, "tools": [function("run"), function("spawn")]}],
            "input": [
                {"type": "function_call", "call_id": "1", "name": "run", "arguments": ""},
                {"type": "function_call", "call_id": "2", "name": "run", "namespace": "team", "arguments": ""},
                {"type": "function_call", "call_id": "3", "name": "spawn", "namespace": "team", "arguments": ""},
                {"type": "function_call", "call_id": "4", "name": "run", "namespace": "gone", "arguments": ""},
                {"type": "function_call", "call_id": "5", "name": "old", "namespace": "gone", "arguments": ""},
            ],
        }
    )
    calls = [part for part in request.messages[0].parts if isinstance(part, ToolCall)]
    assert [call.name for call in calls] == ["run", "team__run", "spawn", "gone__run", "old"]
    items = DIALECT.encode_chat(request, "m").body["input"]
    assert isinstance(items, list)
    assert [(item["name"], item.get("namespace")) for item in items if isinstance(item, dict)] == [
        ("run", None),
        ("run", "team"),
        ("spawn", "team"),
        ("run", "gone"),
        ("old", "gone"),
    ]


def test_a_custom_tool_is_a_function_of_one_text() -> None:
    """Models that know only functions still get the grammar."""
    grammar: JsonObject = {"type": "grammar", "syntax": "lark", "definition": "start: X"}
    tools: list[Json] = [
        {"type": "custom", "name": "patch", "description": "Edit.", "format": grammar},
        {"type": "custom", "name": "free"},
    ]
    request = asked(*tools)
    text: JsonObject = {
        "type": "string",
        "description": "The tool's input. It follows this lark grammar:\nstart: X",
    }
    assert request.tools == (
        ToolSpec(
            name="patch",
            description="Edit.",
            parameters={"type": "object", "properties": {"input": text}, "required": ["input"]},
            extras={NAME: {"type": "custom", "format": grammar}},
        ),
        ToolSpec(
            name="free",
            parameters={"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]},
            extras={NAME: {"type": "custom"}},
        ),
    )
    assert DIALECT.encode_chat(request, "m").body["tools"] == tools


def test_a_call_of_a_custom_tool_is_written_as_one_whoever_made_it() -> None:
    """Another dialect's model wrote a function's arguments; this one's wants free text."""
    call = ToolCall(id="c", name="patch", arguments='{"input": "x"}')
    tools = asked({"type": "custom", "name": "patch"}).tools
    request = ChatRequest(messages=(Message(role=Role.ASSISTANT, parts=(call,)),), tools=tools)
    assert DIALECT.encode_chat(request, "m").body["input"] == [
        {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": "x"}
    ]


def test_hosted_tools_go_to_their_own_dialect_and_are_named_to_others() -> None:
    """Also a namespace of what the caller does not run, and an empty one."""
    hosted: list[Json] = [
        {"type": "web_search"},
        {"type": "mcp", "server_label": "a"},
        {"type": "mcp", "server_label": "b"},
        {**SPACE, "tools": []},
        {**SPACE, "name": "odd", "tools": [{"type": "mcp"}]},
    ]
    request = asked(function("f"), *hosted)
    assert [tool.name for tool in request.tools] == ["f"]
    assert OpenAIChat().encode_chat(request, "m").dropped == ("tools.web_search", "tools.mcp", "tools.namespace")
    assert DIALECT.encode_chat(request, "m").body["tools"] == [function("f"), *hosted]


@pytest.mark.parametrize(
    ("choice", "found", "kept"),
    [
        ("auto", ToolChoice(mode=ToolMode.AUTO), False),
        ("required", ToolChoice(mode=ToolMode.REQUIRED), False),
        ("often", None, True),
        ({"type": "function", "name": "f"}, ToolChoice(mode=ToolMode.REQUIRED, name="f"), False),
        ({"type": "custom", "name": "g"}, ToolChoice(mode=ToolMode.REQUIRED, name="g"), False),
        (
            {"type": "function", "name": "f", "namespace": "team"},
            ToolChoice(mode=ToolMode.REQUIRED, name="team__f"),
            False,
        ),
        ({"type": "function", "name": "team.f"}, ToolChoice(mode=ToolMode.REQUIRED, name="team__f"), True),
        ({"type": "allowed_tools", "mode": "required", "tools": []}, ToolChoice(mode=ToolMode.REQUIRED), True),
        ({"type": "web_search"}, None, True),
    ],
)
def test_the_choice_is_read_and_written(choice: Json, found: ToolChoice | None, *, kept: bool) -> None:
    """A wish that the neutral form can name only in part is kept whole."""
    tools = (function("f"), {"type": "custom", "name": "g"}, {**SPACE, "tools": [function("f")]})
    request = asked(*tools, tool_choice=choice)
    assert request.tool_choice == found
    assert ("tool_choice" in request.extras.get(NAME, {})) is kept
    assert DIALECT.encode_chat(request, "m").body["tool_choice"] == choice


def test_functions_of_other_dialects_are_not_tightened() -> None:
    """Elsewhere a function is not strict unless it says so; here the endpoint would try."""
    request = ChatRequest(messages=ask("x").messages, tools=(ToolSpec(name="f", parameters={}),))
    assert DIALECT.encode_chat(request, "m").body["tools"] == [function("f")]


@pytest.mark.parametrize(
    ("tools", "message"),
    [
        ([{"name": "f"}], r"tools\[0\].type is missing"),
        ([{"type": "function"}], r"tools\[0\].name is missing"),
        ([{"type": "namespace", "tools": [{"type": "function", "name": "f"}]}], r"tools\[0\].name is missing"),
        ([{**SPACE, "tools": [{"type": "function"}]}], r"tools\[0\].tools\[0\].name is missing"),
        ([{**SPACE, "tools": [1]}], r"tools\[0\].tools\[0\] must be an object"),
        ([{"type": "function", "name": "f", "parameters": "x"}], r"tools\[0\].parameters must be an object"),
    ],
)
def test_a_wrong_tool_is_refused_with_its_path(tools: list[Json], message: str) -> None:
    """What is wrong, and where."""
    with pytest.raises(InvalidRequest, match=message):
        asked(*tools)


def test_flat_names_keep_to_what_every_api_takes() -> None:
    """Letters, digits, underscores and dashes, 64 at most, and different names stay different."""
    long = flat_name("n" * 40, "f" * 40)
    assert flat_name("team", "f") == "team__f"
    assert len(long) == 64
    assert flat_name("a.b", "f") != flat_name("a b", "f")
    assert flat_name("a.b", "f").startswith("a_b__f_")


@pytest.mark.parametrize("text", ["", "x", 'say "hi"\n\\', "ä\u2028"])
def test_free_text_is_wrapped_and_unwrapped(text: str) -> None:
    """As the arguments of a function and back."""
    assert unwrap_input(wrap_input(text)) == text


@pytest.mark.parametrize("arguments", ["", "{", "[]", '{"input": 1}', '{"input": "a", "more": 1}'])
def test_arguments_that_are_something_else_are_the_text(arguments: str) -> None:
    """A model that does not follow the schema is not cut off."""
    assert unwrap_input(arguments) == arguments


def test_an_unknown_tool_has_the_name_it_has() -> None:
    """Nothing is made up."""
    names = ToolNames.of(())
    assert (names.flat("f", None), names.flat("f", "team"), names.wire("f")) == ("f", "f", {"name": "f"})
