"""A body of each dialect with a preset's prompt, settings and tools."""

from __future__ import annotations

import pytest

from pointsman.core.jsontypes import Json, JsonObject
from pointsman.dialects.preset import setting_fields, system_fields, tool_fields

MESSAGES: list[Json] = [{"role": "user", "content": "hi"}]
TOLD: list[Json] = [{"role": "system", "content": "Be brief."}, *MESSAGES]


@pytest.mark.parametrize(
    ("dialect", "body", "fields"),
    [
        ("openai_chat", {"messages": MESSAGES}, {"messages": TOLD}),
        ("ollama", {"messages": MESSAGES}, {"messages": TOLD}),
        ("ollama", {"prompt": "hi"}, {}),
        ("openai_responses", {"input": "hi"}, {"instructions": "Be brief."}),
        ("anthropic_messages", {"messages": MESSAGES}, {"system": "Be brief."}),
        ("gemini", {"contents": []}, {"systemInstruction": {"parts": [{"text": "Be brief."}]}}),
    ],
)
def test_a_system_prompt_stands_where_the_api_has_it(dialect: str, body: JsonObject, fields: JsonObject) -> None:
    """At the head of the messages, or in a field of its own."""
    assert system_fields(dialect, body, "Be brief.") == fields


def test_settings_join_what_the_caller_set_in_the_same_object() -> None:
    """What the caller set in Ollama's options stays; of the preset's own settings none is lost."""
    found = setting_fields(
        "ollama",
        {"options": {"seed": 1}},
        [{"options": {"temperature": 0.5}}, {"options": {"num_predict": 9}}],
    )
    assert found == {"options": {"seed": 1, "temperature": 0.5, "num_predict": 9}}


def test_thinking_takes_no_temperature() -> None:
    """Anthropic's API refuses both together; the limit of the answer goes along."""
    settings: list[JsonObject] = [{"temperature": 0.5}, {"max_tokens": 9}]
    assert setting_fields("anthropic_messages", {"thinking": {"type": "adaptive"}}, settings) == {"max_tokens": 9}
    assert setting_fields("anthropic_messages", {}, settings) == {"temperature": 0.5, "max_tokens": 9}


def a_tool(name: str) -> Json:
    """A function as Chat Completions declares it."""
    return {"type": "function", "function": {"name": name}}


@pytest.mark.parametrize(
    ("dialect", "body", "fields", "gone"),
    [
        ("openai_chat", {}, {}, set()),
        ("openai_chat", {"tools": [a_tool("read")]}, {}, set()),
        ("openai_chat", {"tools": [a_tool("read"), a_tool("write")]}, {"tools": [a_tool("read")]}, set()),
        (
            "openai_chat",
            {"tools": [a_tool("read"), a_tool("write")], "tool_choice": a_tool("write")},
            {"tools": [a_tool("read")]},
            {"tool_choice"},
        ),
        (
            "openai_chat",
            {"tools": [a_tool("read"), a_tool("write")], "tool_choice": a_tool("read")},
            {"tools": [a_tool("read")]},
            set(),
        ),
        (
            "openai_chat",
            {"tools": [a_tool("write")], "tool_choice": "auto", "parallel_tool_calls": True},
            {},
            {"tools", "tool_choice", "parallel_tool_calls"},
        ),
        (
            "openai_responses",
            {"tools": [{"type": "web_search"}, {"name": "read"}]},
            {"tools": [{"name": "read"}]},
            set(),
        ),
        ("anthropic_messages", {"tools": [{"name": "write"}]}, {}, {"tools"}),
        (
            "gemini",
            {"tools": [{"functionDeclarations": [{"name": "read"}, {"name": "write"}]}, {"googleSearch": {}}]},
            {"tools": [{"functionDeclarations": [{"name": "read"}]}]},
            set(),
        ),
        (
            "gemini",
            {"tools": [{"functionDeclarations": [{"name": "write"}]}], "toolConfig": {}},
            {},
            {"tools", "toolConfig"},
        ),
        ("ollama", {"tools": ["odd"]}, {}, set()),
    ],
)
def test_only_allowed_tools_are_offered(dialect: str, body: JsonObject, fields: JsonObject, gone: set[str]) -> None:
    """Those without a name are known by their type; a choice of one that is gone goes too."""
    assert tool_fields(dialect, body, lambda name: name == "read") == (fields, frozenset(gone))
