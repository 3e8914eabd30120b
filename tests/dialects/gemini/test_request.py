"""Settings, tools and schemas of Gemini's API."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointsman.core.catalog import Operation
from pointsman.core.chat import (
    ChatRequest,
    Message,
    ResponseFormat,
    Role,
    Sampling,
    Text,
    ToolChoice,
    ToolMode,
    ToolSpec,
    ask,
)
from pointsman.core.errors import InvalidRequest
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.dialects.gemini.counting import decode_count, encode_count
from pointsman.dialects.gemini.dialect import Gemini
from pointsman.dialects.gemini.request import decode_chat, encode_chat

HI: JsonObject = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
OBJECT: JsonObject = {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}
NEUTRAL: JsonObject = {"type": "object", "properties": {"a": {"type": "string"}}}


def read(**more: Json) -> ChatRequest:
    """A request with *more* fields."""
    return decode_chat({**HI, **more})


def config_of(request: ChatRequest, model: str = "gemini-2.5-flash") -> Json:
    """The `generationConfig` of *request*."""
    return encode_chat(request, model).body.get("generationConfig")


def test_settings_are_read() -> None:
    """Every setting that the neutral form has a name for; the others are kept under their own."""
    request = read(
        generationConfig={
            "temperature": 0.5,
            "topP": 0.9,
            "topK": 40.0,
            "maxOutputTokens": 100,
            "stopSequences": ["x"],
            "seed": 7,
            "candidateCount": 2,
            "presencePenalty": 0.1,
            "frequencyPenalty": 0.2,
            "responseLogprobs": True,
            "logprobs": 3,
            "speechConfig": {"v": 1},
        },
        safetySettings=[{"category": "x"}],
        labels={"team": "a"},
        model="models/ignored",
    )
    assert request == replace(
        ask("hi"),
        sampling=Sampling(
            temperature=0.5,
            top_p=0.9,
            top_k=40,
            max_output_tokens=100,
            stop=("x",),
            seed=7,
            n=2,
            presence_penalty=0.1,
            frequency_penalty=0.2,
            logprobs=True,
            top_logprobs=3,
        ),
        metadata={"team": "a"},
        stream_usage=True,
        extras={"gemini": {"safetySettings": [{"category": "x"}], "generationConfig.speechConfig": {"v": 1}}},
    )
    assert encode_chat(replace(request, metadata={}), "m").body == {
        **HI,
        "safetySettings": [{"category": "x"}],
        "generationConfig": {
            "temperature": 0.5,
            "topP": 0.9,
            "topK": 40,
            "maxOutputTokens": 100,
            "stopSequences": ["x"],
            "seed": 7,
            "candidateCount": 2,
            "presencePenalty": 0.1,
            "frequencyPenalty": 0.2,
            "responseLogprobs": True,
            "logprobs": 3,
            "speechConfig": {"v": 1},
        },
    }


def test_settings_without_a_word_are_named_as_dropped() -> None:
    """Whoever reads the decision knows what was lost."""
    request = ChatRequest(
        messages=(Message(role=Role.USER, parts=(Text(text="hi"),), name="bob"),),
        tools=(ToolSpec(name="f", strict=True),),
        response_format=ResponseFormat(kind="json_object"),
        sampling=Sampling(min_p=0.1, stop=("1", "2", "3", "4", "5", "6")),
        parallel_tool_calls=False,
        reasoning_effort="low",
        metadata={"a": "b"},
        user="u",
        extras={"openai_chat": {"logit_bias": {}}},
    )
    encoded = encode_chat(request, "gemini-2.0-flash")
    assert encoded.dropped == (
        "stop",
        "response_format",
        "reasoning_effort",
        "min_p",
        "parallel_tool_calls",
        "metadata",
        "user",
        "strict",
        "name",
        "logit_bias",
    )
    assert encoded.body["generationConfig"] == {"stopSequences": ["1", "2", "3", "4", "5"]}
    assert encode_chat(replace(ask("hi"), tool_choice=ToolChoice(mode=ToolMode.NONE)), "m").dropped == ("tool_choice",)


@pytest.mark.parametrize(
    ("given", "effort", "is_kept"),
    [
        ({"includeThoughts": True, "thinkingLevel": "HIGH"}, "high", False),
        ({"includeThoughts": True, "thinkingLevel": "low"}, "low", True),
        ({"includeThoughts": True, "thinkingBudget": 8192}, "medium", False),
        ({"thinkingBudget": 0}, "none", False),
        ({"thinkingBudget": 2000}, "medium", True),
        ({"thinkingBudget": 99999}, "high", True),
        ({"thinkingBudget": -1}, None, True),
        ({"includeThoughts": True}, None, True),
    ],
)
def test_thinking_is_an_effort(given: JsonObject, effort: str | None, *, is_kept: bool) -> None:
    """What an effort does not say in full is kept, and goes back as it came."""
    request = read(generationConfig={"thinkingConfig": given})
    assert request.reasoning_effort == effort
    assert request.extras == ({"gemini": {"generationConfig.thinkingConfig": given}} if is_kept else {})
    if is_kept:
        assert config_of(request, "gemini-2.0-flash") == {"thinkingConfig": given}
        assert encode_chat(request, "gemini-2.0-flash").dropped == ()


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        ("gemini-2.5-flash", "low", {"includeThoughts": True, "thinkingBudget": 1024}),
        ("gemini-2.5-pro", "none", {"thinkingBudget": 128}),
        ("gemini-3-pro-preview", "none", {"thinkingLevel": "LOW"}),
        ("gemini-3-flash-preview", "minimal", {"thinkingLevel": "MINIMAL"}),
        ("gemini-3.5-flash", "max", {"includeThoughts": True, "thinkingLevel": "HIGH"}),
        ("gemini-flash-latest", "medium", {"includeThoughts": True, "thinkingLevel": "MEDIUM"}),
        ("gemini-2.0-flash", "high", None),
        ("gemma-3-27b", "high", None),
        ("gemini-2.5-flash", "bogus", None),
    ],
)
def test_an_effort_is_said_as_the_model_takes_it(model: str, effort: str, expected: JsonObject | None) -> None:
    """A level for Gemini 3, a budget for 2.5, nothing for those that do not think."""
    encoded = encode_chat(replace(ask("hi"), reasoning_effort=effort), model)
    assert encoded.body.get("generationConfig") == (None if expected is None else {"thinkingConfig": expected})
    assert encoded.dropped == (() if expected else ("reasoning_effort",))


def test_functions_and_the_endpoints_own_tools() -> None:
    """Functions are neutral; the others go back to this dialect and are named as dropped by others."""
    tools: list[Json] = [
        {"functionDeclarations": [{"name": "f", "description": "d", "parameters": OBJECT, "response": OBJECT}]},
        {"googleSearch": {}},
        {"code_execution": {}, "googleMaps": None},
    ]
    request = read(tools=tools)
    assert request.tools == (
        ToolSpec(name="f", description="d", parameters=NEUTRAL, extras={"gemini": {"response": OBJECT}}),
    )
    assert request.extras == {"gemini": {"tools.googleSearch": {}, "tools.codeExecution": {}}}
    assert encode_chat(request, "m").body["tools"] == [tools[0], {"googleSearch": {}}, {"codeExecution": {}}]


@pytest.mark.parametrize(
    ("declared", "neutral"),
    [
        ({"parameters": OBJECT}, NEUTRAL),
        ({"parametersJsonSchema": {**NEUTRAL, "$defs": {}}}, {**NEUTRAL, "$defs": {}}),
        ({"parametersJsonSchema": NEUTRAL}, NEUTRAL),
        ({"parametersJsonSchema": OBJECT}, NEUTRAL),
        ({"parameters": {**OBJECT, "propertyOrdering": ["a"]}}, NEUTRAL),
        ({"parameters": {"type": "OBJECT"}}, {"type": "object"}),
        ({}, None),
    ],
)
def test_parameters_come_back_in_the_field_and_form_they_had(declared: JsonObject, neutral: JsonObject | None) -> None:
    """Both fields are JSON Schema to everybody else."""
    request = read(tools=[{"functionDeclarations": [{"name": "f", **declared}]}])
    assert request.tools[0].parameters == neutral
    assert encode_chat(request, "m").body["tools"] == [{"functionDeclarations": [{"name": "f", **declared}]}]


@pytest.mark.parametrize(
    ("given", "neutral"),
    [
        ({"type": "STRING", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "ARRAY", "items": {"type": "INTEGER"}, "min_items": "2"}, {
            "type": "array", "items": {"type": "integer"}, "minItems": 2,
        }),
        ({"anyOf": [{"type": "STRING"}, {"type": "NULL"}]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ({"type": ["STRING", "NULL", 3]}, {"type": ["string", "null", 3]}),
        ({"type": "TYPE_UNSPECIFIED", "example": 1}, {}),
        ({"oneOf": [{"type": "STRING"}], "additionalProperties": {"type": "STRING"}, "items": False}, {
            "oneOf": [{"type": "string"}], "additionalProperties": {"type": "string"}, "items": False,
        }),
        ({"type": "STRING", "format": "date-time", "enum": ["a"]}, {
            "type": "string", "format": "date-time", "enum": ["a"],
        }),
        ({"type": "STRING", "format": "uri"}, {"type": "string", "format": "uri"}),
        ({"type": "weird"}, {"type": "weird"}),
    ],
)  # fmt: skip
def test_a_schema_of_the_answer_is_json_schema_to_others(given: JsonObject, neutral: JsonObject) -> None:
    """And comes back as it was."""
    asked: JsonObject = {"responseMimeType": "application/json", "responseSchema": given}
    request = read(generationConfig=asked)
    assert request.response_format == ResponseFormat(kind="json_schema", schema=neutral)
    assert config_of(request) == asked


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False},
        {"type": "array", "items": {"$ref": "#/$defs/a"}},
        {"anyOf": [{"type": "string"}, {"const": 1}]},
        {"type": ["string", "integer"]},
        {"type": "integer", "enum": [1, 2]},
        {"type": "object", "properties": {"a": True}},
        {},
    ],
)
def test_what_the_own_schema_cannot_say_goes_as_json_schema(schema: JsonObject) -> None:
    """Nothing of a caller's schema is lost."""
    request = replace(ask("hi"), response_format=ResponseFormat(kind="json_schema", schema=schema))
    assert config_of(request) == {"responseMimeType": "application/json", "responseJsonSchema": schema}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"responseMimeType": "application/json"}, ResponseFormat(kind="json_object")),
        ({"responseMimeType": "text/plain"}, ResponseFormat(kind="text")),
        ({"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["a"]}}, None),
        ({}, None),
    ],
)
def test_other_shapes_of_the_answer(config: JsonObject, expected: ResponseFormat | None) -> None:
    """Any JSON, plain text, and what only this API has."""
    request = read(generationConfig=config)
    assert request.response_format == expected
    assert config_of(request) == (config or None)


@pytest.mark.parametrize(
    ("calling", "expected", "is_kept"),
    [
        ({"mode": "AUTO"}, ToolChoice(mode=ToolMode.AUTO), False),
        ({"mode": "ANY"}, ToolChoice(mode=ToolMode.REQUIRED), False),
        ({"mode": "NONE"}, ToolChoice(mode=ToolMode.NONE), False),
        ({"mode": "VALIDATED"}, ToolChoice(mode=ToolMode.AUTO), True),
        ({"mode": "ANY", "allowedFunctionNames": ["f"]}, ToolChoice(mode=ToolMode.REQUIRED, name="f"), False),
        ({"mode": "ANY", "allowedFunctionNames": ["f", "g"]}, ToolChoice(mode=ToolMode.REQUIRED), True),
        ({}, None, True),
    ],
)
def test_the_choice_among_tools(calling: JsonObject, expected: ToolChoice | None, *, is_kept: bool) -> None:
    """Read as far as the neutral form goes, and given back whole."""
    config: JsonObject = {"functionCallingConfig": calling}
    request = read(tools=[{"functionDeclarations": [{"name": "f"}]}], toolConfig=config)
    assert request.tool_choice == expected
    assert request.extras == ({"gemini": {"toolConfig": config}} if is_kept else {})
    assert encode_chat(request, "m").body["toolConfig"] == config


def test_tools_and_a_shape_together_go_where_they_may() -> None:
    """Gemini before 3 answers 400 to both."""
    request = replace(ask("hi"), tools=(ToolSpec(name="f"),), response_format=ResponseFormat(kind="json_object"))
    assert encode_chat(request, "gemini-2.5-pro").dropped == ("response_format",)
    assert config_of(request, "gemini-3-pro") == {"responseMimeType": "application/json"}
    assert config_of(request, "gemma-3") == {"responseMimeType": "application/json"}
    assert encode_chat(replace(request, response_format=ResponseFormat(kind="text")), "gemini-2.5-pro").dropped == ()


def test_paths_name_the_model_and_the_way() -> None:
    """A model's name may hold slashes and colons."""
    path = Gemini().path
    assert path(Operation.CHAT, "org/qwen2.5:3b", stream=False) == "/models/org/qwen2.5:3b:generateContent"
    assert path(Operation.CHAT, "models/a b", stream=True) == "/models/a%20b:streamGenerateContent?alt=sse"
    assert path(Operation.CHAT, "tunedModels/a", stream=False) == "/tunedModels/a:generateContent"
    assert path(Operation.COMPLETIONS, "m", stream=False) is None
    assert encode_chat(replace(ask("hi"), stream=True), "m").path == "/models/m:streamGenerateContent?alt=sse"


def test_a_count_is_asked_for_in_two_ways() -> None:
    """Contents alone, or the whole request that is to be sent."""
    inner: JsonObject = {"model": "models/m", **HI, "systemInstruction": {"parts": [{"text": "be brief"}]}}
    assert decode_count(HI).messages == ask("hi").messages
    assert decode_count({"generate_content_request": inner}).messages == ask("hi", system="be brief").messages
    assert encode_count(5) == {"totalTokens": 5, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}]}


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"generationConfig": {"topK": 1.5}}, "generationConfig.topK"),
        ({"generationConfig": {"candidateCount": 0}}, "generationConfig.candidateCount"),
        (
            {"generationConfig": {"thinkingConfig": {"thinkingBudget": "x"}}},
            "generationConfig.thinkingConfig.thinkingBudget",
        ),
        ({"generationConfig": {"responseSchema": 1}}, "generationConfig.responseSchema"),
        ({"tools": [{"functionDeclarations": [{}]}]}, "tools[0].functionDeclarations[0].name"),
        ({"toolConfig": {"functionCallingConfig": {"mode": 1}}}, "toolConfig.functionCallingConfig.mode"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_refused_by_its_path(more: JsonObject, param: str) -> None:
    """What was wrong, and where."""
    with pytest.raises(InvalidRequest) as refused:
        read(**more)
    assert refused.value.param == param
