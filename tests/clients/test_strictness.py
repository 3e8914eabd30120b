"""The scripted model refuses what the real APIs refuse: a check of the check."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.clients.callers.talk import Sent, post
from tests.clients.conftest import Place

pytestmark = pytest.mark.e2e
HI: Final[Any] = {"role": "user", "content": "hi"}
CALL: Final[Any] = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
USE: Final[Any] = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
RESULT: Final[Any] = {"type": "tool_result", "tool_use_id": "a", "content": "1"}
ITEM: Final[Any] = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}
PART: Final[Any] = {"functionCall": {"name": "f", "args": {}}}
ANSWER: Final[Any] = {"functionResponse": {"name": "f", "response": {}}}
OWN: Final = "scripted-anthropic:1"


def user(*parts: object) -> dict[str, object]:
    """A turn of Gemini's."""
    return {"role": "user", "parts": list(parts)}


def model(*parts: object) -> dict[str, object]:
    """A turn of Gemini's model."""
    return {"role": "model", "parts": list(parts)}


CHAT: Final[list[tuple[str, dict[str, Any]]]] = [
    ("empty array", {"messages": []}),
    ("Unrecognized request argument supplied: foo", {"messages": [HI], "foo": 1}),
    (
        "must be a response to a preceeding message",
        {"messages": [{"role": "tool", "tool_call_id": "a", "content": "1"}]},
    ),
    ("must be followed by tool messages", {"messages": [{"role": "assistant", "tool_calls": [CALL]}, HI]}),
    ("string too long", {"messages": [{"role": "assistant", "tool_calls": [{**CALL, "id": "a" * 41}]}]}),
    ("only allowed when 'tools'", {"messages": [HI], "tool_choice": "auto"}),
    ("only allowed when 'stream'", {"messages": [HI], "stream_options": {"include_usage": True}}),
    ("must contain the word 'json'", {"messages": [HI], "response_format": {"type": "json_object"}}),
    ("expected a string, got null", {"messages": [{"role": "assistant", "content": None}]}),
]
RESPONSES: Final[list[tuple[str, dict[str, Any]]]] = [
    ("Unknown parameter: 'messages'", {"messages": [HI]}),
    ("No tool call found", {"input": [{"type": "function_call_output", "call_id": "a", "output": "1"}]}),
    ("No tool output found", {"input": [ITEM]}),
    ("begins with 'fc'", {"input": [{**ITEM, "id": "call_1"}]}),
    ("Supported values are: 'output_text'", {"input": [{"role": "assistant", "content": [{"type": "input_text"}]}]}),
    ("could not be verified", {"input": [{"type": "reasoning", "summary": [], "encrypted_content": "others"}]}),
    ("below minimum value", {"input": "hi", "max_output_tokens": 5}),
]
MESSAGES: Final[list[tuple[str, dict[str, Any]]]] = [
    ("max_tokens: Field required", {"messages": [HI], "max_tokens": None}),
    ("foo: Extra inputs are not permitted", {"messages": [HI], "foo": 1}),
    ("roles must alternate", {"messages": [HI, HI]}),
    ("roles must alternate", {"messages": [{"role": "assistant", "content": "hi"}]}),
    ("unexpected `tool_use_id`", {"messages": [{"role": "user", "content": [RESULT]}]}),
    ("without `tool_result`", {"messages": [HI, {"role": "assistant", "content": [USE]}, HI]}),
    (
        "must come first",
        {
            "messages": [
                HI,
                {"role": "assistant", "content": [USE]},
                {"role": "user", "content": [{"type": "text", "text": "x"}, RESULT]},
            ]
        },
    ),
    ("must be non-empty", {"messages": [{"role": "user", "content": ""}]}),
    (
        "Invalid `signature`",
        {"messages": [HI, {"role": "assistant", "content": [{"type": "thinking", "thinking": "", "signature": "x"}]}]},
    ),
    (
        "greater than `thinking.budget_tokens`",
        {"messages": [HI], "thinking": {"type": "enabled", "budget_tokens": 2000}},
    ),
    ("range: 0..1", {"messages": [HI], "temperature": 1.5}),
]
GEMINI: Final[list[tuple[str, dict[str, Any]]]] = [
    ("contents is not specified", {"contents": []}),
    ('Unknown name "foo"', {"contents": [user({"text": "hi"})], "foo": 1}),
    ("valid role", {"contents": [{"role": "assistant", "parts": [{"text": "hi"}]}]}),
    ("must not be empty", {"contents": [user()]}),
    ("number of function response parts", {"contents": [user(ANSWER)]}),
    ("number of function response parts", {"contents": [user({"text": "hi"}), model(PART), user({"text": "x"})]}),
    ("missing a thought_signature", {"contents": [user({"text": "hi"}), model(PART), user(ANSWER)]}),
    ("signature is not valid", {"contents": [model({"text": "a", "thoughtSignature": "b3RoZXJz"})]}),
    (
        'Unknown name "additionalProperties"',
        {
            "contents": [user({"text": "hi"})],
            "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"additionalProperties": False}}]}],
        },
    ),
]
OLLAMA: Final[list[tuple[str, dict[str, Any]]]] = [
    ("cannot unmarshal", {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]}),
    ("cannot unmarshal", {"messages": [{"role": "assistant", "tool_calls": [CALL]}]}),
    ("illegal base64", {"messages": [{"role": "user", "content": "x", "images": ["data:image/png;base64,AA"]}]}),
    ("developer", {"messages": [{"role": "developer", "content": "x"}]}),
]
WHERE: Final[list[tuple[str, dict[str, str], dict[str, Any], list[tuple[str, dict[str, Any]]]]]] = [
    ("/v1/chat/completions", {}, {"model": "m"}, CHAT),
    ("/v1/responses", {}, {"model": "m"}, RESPONSES),
    (
        "/v1/messages",
        {"x-api-key": "k", "anthropic-version": "2023-06-01"},
        {"model": "alternating", "max_tokens": 1500},
        MESSAGES,
    ),
    ("/v1beta/models/gemini-3:generateContent", {"x-goog-api-key": "k"}, {}, GEMINI),
    ("/api/chat", {}, {"model": "m"}, OLLAMA),
]
CASES: Final = [
    pytest.param(path, headers, {**base, **body}, said, id=f"{path.rpartition('/')[2]}-{place}-{said}")
    for path, headers, base, cases in WHERE
    for place, (said, body) in enumerate(cases)
]


@pytest.mark.parametrize(("path", "headers", "body", "said"), CASES)
def test_what_the_real_api_refuses_is_refused(
    place: Place, path: str, headers: dict[str, str], body: dict[str, Any], said: str
) -> None:
    """With 400 and words that are recognised."""
    whole = {name: value for name, value in body.items() if name != "max_tokens" or value is not None}
    answer = post(place.upstream.url, Sent(path=path, body=whole, headers=headers))
    assert (answer.status, said in str(answer.json)) == (400, True), answer.data


@pytest.mark.parametrize(("path", "headers"), [("/v1/messages", {}), ("/v1beta/models/m:generateContent", {})])
def test_who_has_no_key_is_refused(place: Place, path: str, headers: dict[str, str]) -> None:
    """As 401 or 403."""
    assert post(place.upstream.url, Sent(path=path, body={}, headers=headers)).status in {401, 403}
