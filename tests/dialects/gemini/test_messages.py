"""Contents, parts, calls and results of Gemini's API."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from pointsman.core.chat import (
    ChatRequest,
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from pointsman.core.errors import InvalidRequest
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.dialects.gemini.messages import with_signature
from pointsman.dialects.gemini.request import decode_chat, encode_chat
from pointsman.dialects.gemini.sealing import sealed, unsealed


def read(*contents: Json, **more: Json) -> tuple[Message, ...]:
    """The messages of a request with *contents*."""
    return decode_chat({"contents": list(contents), **more}).messages


def parts_of(*parts: Json) -> tuple[Part, ...]:
    """The neutral parts of one content of a user."""
    return read({"role": "user", "parts": list(parts)})[0].parts


def said(*messages: Message, model: str = "gemini-2.5-flash") -> JsonObject:
    """The body of a request with *messages*."""
    return encode_chat(ChatRequest(messages=messages), model).body


def user(*parts: Part) -> Message:
    """What a user says."""
    return Message(role=Role.USER, parts=parts)


def model(*parts: Part) -> Message:
    """What a model says."""
    return Message(role=Role.ASSISTANT, parts=parts)


def test_a_conversation_is_read() -> None:
    """Roles, the system prompt and a content without a role."""
    told: Json = {"role": "user", "parts": [{"text": "be brief"}], "x": 1}
    assert read(
        {"parts": [{"text": "hi"}]},
        {"role": "model", "parts": [{"text": "ho"}], "note": 1},
        systemInstruction=told,
    ) == (
        Message(role=Role.SYSTEM, parts=(Text(text="be brief"),), extras={"gemini": {"x": 1}}),
        user(Text(text="hi")),
        Message(role=Role.ASSISTANT, parts=(Text(text="ho"),), extras={"gemini": {"note": 1}}),
    )


def test_both_spellings_are_read_at_every_level() -> None:
    """The API takes snake_case wherever it documents camelCase."""
    request = decode_chat(
        {
            "system_instruction": {"parts": {"text": "be brief"}},
            "contents": {
                "parts": [
                    {"inline_data": {"mime_type": "image/png", "data": "AA=="}},
                    {"file_data": {"mime_type": "application/pdf", "file_uri": "gs://b/a.pdf"}},
                ]
            },
            "generation_config": {
                "max_output_tokens": 5,
                "stop_sequences": ["x"],
                "response_mime_type": "application/json",
                "thinking_config": {"include_thoughts": True, "thinking_budget": 1024},
            },
            "tools": {"function_declarations": [{"name": "f", "parameters_json_schema": {"type": "object"}}]},
            "tool_config": {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["f"]}},
        }
    )
    assert request == decode_chat(
        {
            "systemInstruction": {"parts": [{"text": "be brief"}]},
            "contents": [
                {
                    "role": "user",
                    "parts": [
                        {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
                        {"fileData": {"mimeType": "application/pdf", "fileUri": "gs://b/a.pdf"}},
                    ],
                }
            ],
            "generationConfig": {
                "maxOutputTokens": 5,
                "stopSequences": ["x"],
                "responseMimeType": "application/json",
                "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 1024},
            },
            "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object"}}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        }
    )


def test_a_field_in_both_spellings_is_refused() -> None:
    """What we look at and what the endpoint looks at must be the same."""
    with pytest.raises(InvalidRequest, match="systemInstruction is given twice"):
        read({"parts": [{"text": "a"}]}, systemInstruction={"parts": []}, system_instruction={"parts": []})


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"text": "a"}, Text(text="a")),
        ({"text": "a", "thought": False}, Text(text="a")),
        ({"text": "", "thoughtSignature": "c2ln"}, Text(text="", extras={"gemini": {"thoughtSignature": "c2ln"}})),
        ({"text": "a", "thought": True}, Reasoning(text="a")),
        (
            {"text": "a", "thought": True, "thoughtSignature": "c2ln"},
            Reasoning(text="a", signature="c2ln", origin="gemini"),
        ),
        (
            {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
            Media(kind="image", data_base64="AA==", media_type="image/png"),
        ),
        (
            {"inlineData": {"mimeType": "video/mp4", "data": "AA=="}},
            Media(kind="file", data_base64="AA==", media_type="video/mp4"),
        ),
        (
            {"fileData": {"fileUri": "https://example.org/a.mp3", "mimeType": "audio/mp3"}},
            Media(kind="audio", url="https://example.org/a.mp3", media_type="audio/mp3"),
        ),
        (
            {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/a"}},
            Media(kind="file", file_id="https://generativelanguage.googleapis.com/v1beta/files/a"),
        ),
        (
            {"executableCode": {"language": "PYTHON", "code": "1"}},
            Media(kind="executableCode", extras={"gemini": {"executableCode": {"language": "PYTHON", "code": "1"}}}),
        ),
    ],
)
def test_a_part_is_read_and_comes_back(part: JsonObject, expected: Part) -> None:
    """Every kind of part, also those still unknown."""
    assert parts_of(part) == (expected,)
    back = said(user(expected))["contents"]
    lost: list[Json] = [] if isinstance(expected, Reasoning) and expected.signature is None else [part]
    lost = [{key: value for key, value in part.items() if value is not False}] if lost else []
    assert back == ([{"role": "user", "parts": lost}] if lost else [])


def test_what_stands_beside_data_is_kept() -> None:
    """A part with metadata goes back as it came; a name of a file is read."""
    part: JsonObject = {
        "inlineData": {"mimeType": "video/mp4", "data": "AA==", "displayName": "a.mp4"},
        "videoMetadata": {"fps": 1},
    }
    (media,) = parts_of(part)
    assert media == Media(
        kind="file", data_base64="AA==", media_type="video/mp4", filename="a.mp4", extras={"gemini": part}
    )
    assert said(user(media))["contents"] == [{"role": "user", "parts": [part]}]


def test_an_empty_part_says_nothing() -> None:
    """The API itself sends such parts."""
    assert parts_of({}, {"text": None}, {"text": "a"}) == (Text(text="a"),)


def test_calls_and_results_without_ids_find_each_other() -> None:
    """By name first, then in order; the ids are the same each time."""
    call: Json = {"functionCall": {"name": "f", "args": {"a": 1}}}
    other: Json = {"functionCall": {"name": "g"}}
    answers: list[Json] = [
        {"functionResponse": {"name": "g", "response": {"output": "of g"}}},
        {"functionResponse": {"name": "renamed", "response": {"output": "of f"}}},
        {"functionResponse": {"name": "orphan", "response": {"output": "of nobody"}}},
    ]
    found = read(
        {"role": "user", "parts": [{"text": "go"}]},
        {"role": "model", "parts": [call, other]},
        {"role": "function", "parts": answers},
    )
    assert found[1].parts == (
        ToolCall(id="call_1", name="f", arguments='{"a":1}'),
        ToolCall(id="call_2", name="g", arguments="{}"),
    )
    assert found[2].role is Role.TOOL
    assert [(part.call_id, part.name) for part in found[2].parts if isinstance(part, ToolResult)] == [
        ("call_2", "g"),
        ("call_1", "renamed"),
        ("call_3", "orphan"),
    ]


@pytest.mark.parametrize(
    ("response", "text", "is_error"),
    [
        ({"output": "a"}, "a", False),
        ({"result": "a"}, "a", False),
        ({"output": {"a": 1}}, '{"a":1}', False),
        ({"error": "no"}, "no", True),
        ({"error": {"code": 1}, "more": 2}, '{"error":{"code":1},"more":2}', True),
        ({"temperature": 3}, '{"temperature":3}', False),
        ({}, "{}", False),
    ],
)
def test_a_result_is_read_as_text_and_comes_back_as_it_was(response: JsonObject, text: str, *, is_error: bool) -> None:
    """What a tool gave back is an object here and text everywhere else."""
    part: JsonObject = {"functionResponse": {"id": "1", "name": "f", "response": response, "scheduling": "IDLE"}}
    (result,) = parts_of(part)
    assert isinstance(result, ToolResult)
    assert (result.content, result.is_error) == ((Text(text=text),), is_error)
    assert said(user(result))["contents"] == [{"role": "user", "parts": [part]}]


@pytest.mark.parametrize(("given", "standard"), [("-_8=", "+/8="), ("AA", "AA=="), ("AAAA", "AAAA")])
def test_data_reach_other_apis_in_the_base64_they_know(given: str, standard: str) -> None:
    """Google's package writes the URL-safe alphabet, which no other API reads; Gemini gets what it was given."""
    part: JsonObject = {"inlineData": {"mimeType": "image/png", "data": given}}
    (media,) = parts_of(part)
    assert isinstance(media, Media)
    assert media.data_base64 == standard
    assert said(user(media))["contents"] == [{"role": "user", "parts": [part]}]


def test_media_in_a_result_stand_where_the_model_looks() -> None:
    """Gemini 3 takes them inside the result, earlier ones beside it."""
    image: JsonObject = {"inlineData": {"mimeType": "image/png", "data": "AA=="}}
    given: JsonObject = {"name": "f", "id": "1", "response": {"output": "see"}, "parts": [image, {}]}
    (result,) = parts_of({"functionResponse": given})
    assert isinstance(result, ToolResult)
    assert result.content == (Text(text="see"), Media(kind="image", data_base64="AA==", media_type="image/png"))
    inside: JsonObject = {**given, "parts": [image]}
    assert said(user(result), model="gemini-3-flash")["contents"] == [
        {"role": "user", "parts": [{"functionResponse": inside}]}
    ]
    beside: JsonObject = {"functionResponse": {"name": "f", "id": "1", "response": {"output": "see"}}}
    assert said(user(result))["contents"] == [{"role": "user", "parts": [beside, image]}]


def test_extras_of_a_call_come_back() -> None:
    """A signature beside the call, and fields of next year inside it."""
    part: JsonObject = {
        "functionCall": {"id": "1", "name": "f", "args": {}, "willContinue": True},
        "thoughtSignature": "c2ln",
    }
    (call,) = parts_of(part)
    assert call == ToolCall(
        id="1",
        name="f",
        arguments="{}",
        extras={"gemini": {"thoughtSignature": "c2ln", "functionCall": {"willContinue": True}}},
    )
    assert said(model(call))["contents"] == [{"role": "model", "parts": [part]}]


def test_a_foreign_conversation_is_made_fit() -> None:
    """Roles alternate, results come first, names are found, nothing is empty, others' thinking stays out."""
    call = ToolCall(id="toolu_1", name="f", arguments="not json")
    nameless = ToolCall(id="", name="g", arguments="")
    body = said(
        Message(role=Role.SYSTEM, parts=(Text(text="a"),)),
        Message(role=Role.DEVELOPER, parts=(Text(text="b"),)),
        user(Text(text="hi"), Text(text="")),
        user(Text(text="there")),
        model(Reasoning(text="hm", signature="s", origin="anthropic_messages"), Refusal(text="no"), Refusal(text="")),
        model(call, nameless),
        user(Text(text="and"), ToolResult(call_id="toolu_1", content=(Text(text="1"), Text(text="2")))),
        Message(role=Role.TOOL, parts=(ToolResult(call_id="", content=(), name="ignored", is_error=True),)),
        Message(role=Role.TOOL, parts=(ToolResult(call_id="", content=(), name="named"),)),
        Message(role=Role.TOOL, parts=(ToolResult(call_id="x", content=()), ToolResult(call_id="", content=()))),
        Message(role=Role.SYSTEM, parts=(Text(text="late"),)),
    )
    assert body == {
        "systemInstruction": {"parts": [{"text": "a"}, {"text": "b"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "hi"}, {"text": "there"}]},
            {
                "role": "model",
                "parts": [
                    {"text": "no"},
                    {"functionCall": {"id": "toolu_1", "name": "f", "args": {"arguments": "not json"}}},
                    {"functionCall": {"name": "g", "args": {}}},
                ],
            },
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"id": "toolu_1", "name": "f", "response": {"output": "1\n2"}}},
                    {"functionResponse": {"name": "g", "response": {"error": ""}}},
                    {"functionResponse": {"name": "named", "response": {"output": ""}}},
                    {"functionResponse": {"id": "x", "name": "x", "response": {"output": ""}}},
                    {"functionResponse": {"name": "tool", "response": {"output": ""}}},
                    {"text": "and"},
                    {"text": "late"},
                ],
            },
        ],
    }


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": 1e999}', "[1]", '{"a":'])
def test_arguments_that_are_no_object_are_wrapped(text: str) -> None:
    """The conversation goes on."""
    assert said(model(ToolCall(id="1", name="f", arguments=text)))["contents"] == [
        {"role": "model", "parts": [{"functionCall": {"id": "1", "name": "f", "args": {"arguments": text}}}]}
    ]


def test_a_lone_system_prompt_is_what_the_user_asks() -> None:
    """The API refuses a request without contents."""
    assert said(Message(role=Role.SYSTEM, parts=(Text(text="write"),))) == {
        "contents": [{"role": "user", "parts": [{"text": "write"}]}]
    }


def test_gemini_3_gets_a_signature_for_calls_that_nobody_signed() -> None:
    """Only the first call of a turn, and none where the turn has a signature."""
    calls = (ToolCall(id="1", name="f", arguments="{}"), ToolCall(id="2", name="f", arguments="{}"))
    signed = replace(calls[0], extras={"gemini": {"thoughtSignature": "c2ln"}})
    history = (user(Text(text="a")), model(Text(text="x"), *calls), user(Text(text="b")), model(signed, calls[1]))
    contents = said(*history, model="gemini-3-pro-preview")["contents"]
    assert isinstance(contents, list)
    assert [
        [part.get("thoughtSignature") for part in content["parts"]] for content in contents if isinstance(content, dict)
    ] == [[None], [None, "skip_thought_signature_validator", None], [None], ["c2ln", None]]
    assert "skip_thought" not in str(said(*history))
    assert with_signature({"role": "model"}) == {"role": "model"}


@pytest.mark.parametrize(
    ("media", "expected"),
    [
        (Media(kind="image", data_base64="iVBORw0"), {"inlineData": {"mimeType": "image/png", "data": "iVBORw0"}}),
        (Media(kind="image", data_base64="AAAA"), {"inlineData": {"mimeType": "image/jpeg", "data": "AAAA"}}),
        (
            Media(kind="file", data_base64="AAAA", filename="a.CSV"),
            {"inlineData": {"mimeType": "text/csv", "data": "AAAA"}},
        ),
        (Media(kind="audio", data_base64="AAAA"), {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}}),
        (Media(kind="image", url="https://example.org/a"), {"fileData": {"fileUri": "https://example.org/a"}}),
    ],
)
def test_a_missing_media_type_is_told_by_name_or_data(media: Media, expected: JsonObject) -> None:
    """The API asks for one."""
    assert said(user(media))["contents"] == [{"role": "user", "parts": [expected]}]


@pytest.mark.parametrize(
    "media",
    [Media(kind="file", file_id="file-abc"), Media(kind="image"), Media(kind="input_video", data_base64="AA==")],
)
def test_content_the_api_cannot_take_is_refused_by_its_path(media: Media) -> None:
    """Other APIs' files, and kinds that it does not know."""
    with pytest.raises(InvalidRequest) as refused:
        said(user(Text(text="a"), media))
    assert refused.value.param == "messages[0].content[1]"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": [{"role": "system", "parts": []}]}, "contents[0].role"),
        ({"contents": [{"parts": [{"text": 1}]}]}, "contents[0].parts[0].text"),
        ({"contents": [{"parts": [{"functionCall": {}}]}]}, "contents[0].parts[0].functionCall.name"),
        ({"contents": [{"parts": [{"inlineData": {}}]}]}, "contents[0].parts[0].inlineData.data"),
        ({"contents": [{"parts": [3]}]}, "contents[0].parts[0]"),
    ],
)
def test_a_wrong_content_is_refused_by_its_path(body: JsonObject, param: str) -> None:
    """What was wrong, and where."""
    with pytest.raises(InvalidRequest) as refused:
        decode_chat(body)
    assert refused.value.param == param


def test_a_foreign_signature_survives_base64_of_either_alphabet() -> None:
    """The `google-genai` package reads the bytes and writes them in the URL-safe alphabet."""
    given = sealed("sig+/=ÿ?>", "anthropic_messages")
    assert unsealed(given) == ("sig+/=ÿ?>", "anthropic_messages")
    plain = base64.b64encode(base64.urlsafe_b64decode(given)).decode()
    assert unsealed(plain.rstrip("=")) == ("sig+/=ÿ?>", "anthropic_messages")
    assert sealed("c2ln", "gemini") == "c2ln"
    assert unsealed(None) == (None, None)
    assert unsealed("cG9pbnRzbWFuL") == ("cG9pbnRzbWFuL", "gemini")
