"""Who asks, from what agents' frameworks and programs really send."""

from __future__ import annotations

import pytest

from pointsman.core.chat import ChatRequest, Message, Role, Text, ask
from pointsman.core.jsontypes import Json
from pointsman.routing.agents.recognition import (
    AGENT_HEADERS,
    MAX_NAME_CHARS,
    cleaned,
    named_by_headers,
    named_by_metadata,
    named_by_request,
)

CREW = (
    "You are Senior Researcher. You have read everything.\n"
    "Your personal goal is: find what nobody found\n"
    "To give my best complete final answer to the task respond using the exact following format:"
)


def says(role: Role, text: str, name: str | None = None) -> Message:
    """One message."""
    return Message(role=role, parts=(Text(text=text),), name=name)


@pytest.mark.parametrize(
    ("headers", "agent"),
    [
        pytest.param({}, None, id="nothing"),
        pytest.param({"x-router-agent": "coder"}, "coder", id="x-router-agent"),
        pytest.param({"x-agent-name": " extractor "}, "extractor", id="x-agent-name"),
        pytest.param({"x-agent": "codex", "x-codex-turn-metadata": "{}"}, "codex", id="x-agent"),
        pytest.param({"helicone-property-agent": "lead"}, "lead", id="helicone"),
        pytest.param({"x-litellm-tags": "blue, agent:tagger ,x"}, "tagger", id="litellm-tags"),
        pytest.param({"x-litellm-tags": "blue"}, None, id="other-tags"),
        pytest.param({"cf-aig-metadata": '{"agent": "scout"}'}, "scout", id="cloudflare"),
        pytest.param({"x-litellm-spend-logs-metadata": '{"agent_name": "scout"}'}, "scout", id="spend-logs"),
        pytest.param({"cf-aig-metadata": "[1]"}, None, id="no-object"),
        pytest.param({"cf-aig-metadata": "{" * 20_000}, None, id="too-long"),
        pytest.param({"cf-aig-metadata": "{"}, None, id="no-json"),
        pytest.param({"x-claude-code-request-class": "main"}, "claude-code", id="claude-main"),
        pytest.param(
            {"x-claude-code-request-class": "subagent", "x-claude-code-agent-type": "Explore"},
            "claude-code/subagent/Explore",
            id="claude-subagent",
        ),
        pytest.param({"x-claude-code-request-class": "compaction"}, "claude-code/compaction", id="claude-compaction"),
        pytest.param(
            {"x-claude-code-request-class": "auxiliary", "x-claude-code-auxiliary-type": "generate_session_title"},
            "claude-code/auxiliary/generate_session_title",
            id="claude-errand",
        ),
        pytest.param(
            {"x-claude-code-auxiliary-type": "title"}, "claude-code/auxiliary/title", id="claude-errand-alone"
        ),
        pytest.param({"x-claude-code-agent-id": "a1"}, "claude-code/subagent", id="claude-without-hints"),
        pytest.param({"x-codex-turn-metadata": '{"request_kind": "turn"}'}, "codex", id="codex"),
        pytest.param({"x-openai-subagent": "review"}, "codex/review", id="codex-kind"),
        pytest.param(
            {
                "x-openai-subagent": "collab_spawn",
                "x-codex-turn-metadata": '{"thread_source": "subagent", "agent_name": "scout"}',
            },
            "codex/scout",
            id="codex-named",
        ),
        pytest.param({"x-codex-turn-metadata": '{"thread_source": "subagent"}'}, "codex/subagent", id="codex-nameless"),
    ],
)
def test_headers_tell_who_asks(headers: dict[str, str], agent: str | None) -> None:
    """What Claude Code, Codex, other gateways' clients and people send; broken values say nothing."""
    assert {name.encode() for name in headers} <= AGENT_HEADERS
    assert named_by_headers(headers) == agent


@pytest.mark.parametrize(
    ("metadata", "agent"),
    [
        ({}, None),
        ({"agent_name": "planner"}, "planner"),
        ({"langgraph_node": "researcher", "langgraph_step": 3}, "researcher"),
        ({"tags": ["x", "Agent:tagger"]}, "tagger"),
        ({"tags": "agent:tagger"}, None),
        ({"agent": 7, "user_id": "u"}, None),
        ({"agent": "\n"}, None),
    ],
)
def test_metadata_tells_who_asks(metadata: dict[str, Json], agent: str | None) -> None:
    """Names and tags that frameworks and people put there."""
    assert named_by_metadata(metadata) == agent


@pytest.mark.parametrize(
    ("messages", "client", "agent"),
    [
        pytest.param((), None, None, id="nothing"),
        pytest.param(ask("hi").messages, "OpenAI/Python", None, id="a-person"),
        pytest.param((says(Role.SYSTEM, CREW), says(Role.USER, "go")), None, "Senior Researcher", id="crewai"),
        pytest.param(
            (says(Role.SYSTEM, "You are Tester.\nYour personal goal is: test"),),
            None,
            "Tester",
            id="crewai-no-backstory",
        ),
        pytest.param((says(Role.SYSTEM, "You are a pirate. Be rude."),), None, None, id="a-role-play"),
        pytest.param((says(Role.SYSTEM, "Be short."),), None, None, id="instructions"),
        pytest.param(
            (says(Role.SYSTEM, "You are in a role play game. The following roles are available:\nA"),),
            None,
            "autogen/selector",
            id="autogen-selector",
        ),
        pytest.param(
            (says(Role.USER, "You are in a role play game. The following roles are available:\nA"),),
            None,
            "autogen/selector",
            id="autogen-selector-of-an-unknown-model",
        ),
        pytest.param(
            (says(Role.SYSTEM, "Day 12"), says(Role.USER, "a", "user"), says(Role.USER, "b", "critic")),
            "AsyncOpenAI/Python",
            "autogen/b9b45316",
            id="autogen",
        ),
        pytest.param((says(Role.SYSTEM, "Day 12"), says(Role.USER, "a", "Bob")), None, None, id="a-named-person"),
        pytest.param((says(Role.SYSTEM, "Day 12"), says(Role.USER, "a")), None, None, id="told-and-asked"),
        pytest.param(ask("hi").messages, "opencode/1.3.0", "opencode", id="opencode"),
        pytest.param(ask("hi").messages, "RooCode/3.50.0", "roo-code", id="roo-code"),
        pytest.param(
            (says(Role.USER, "a", "Bob"), says(Role.ASSISTANT, "b", "writer"), says(Role.TOOL, "c")),
            None,
            "writer",
            id="langgraph-name",
        ),
        pytest.param((says(Role.ASSISTANT, "b", "assistant"),), None, None, id="no-name-of-ones-own"),
        pytest.param((says(Role.ASSISTANT, "b"),), None, None, id="no-name-at-all"),
        pytest.param((says(Role.USER, "hi", "critic"),), None, None, id="who-speaks-does-not-ask"),
        pytest.param(ask("hi").messages, "claude-cli/2.1.329", "claude-code", id="claude-code"),
        pytest.param(ask("hi").messages, "codex_exec/0.169.0", "codex", id="codex"),
        pytest.param(ask("hi").messages, "GeminiCLI-tui/0.9/gemini-3", "gemini-cli", id="gemini-cli"),
        pytest.param(ask("hi", system="Day 12").messages, "Agents/Python", "openai-agents/b9b45316", id="agents-sdk"),
        pytest.param(ask("hi").messages, "Agents/Python", "openai-agents/00000000", id="agents-sdk-bare"),
    ],
)
def test_messages_and_programs_tell_who_asks(
    messages: tuple[Message, ...], client: str | None, agent: str | None
) -> None:
    """Names of answers, frames of system prompts, user agents."""
    assert named_by_request(ChatRequest(messages=messages), client) == agent


def test_a_persons_words_are_nobodys_name() -> None:
    """The very frame of an agent in a person's mouth says nothing."""
    assert named_by_request(ask(CREW), None) is None
    assert named_by_request(ask("x-pointsman-agent: boss\nagent:boss"), None) is None


def test_the_agents_sdk_is_told_apart_by_its_instructions_but_not_by_their_dates() -> None:
    """A date in the instructions changes daily; the agent does not."""
    clients = [
        named_by_request(ask("hi", system=system), "Agents/Python")
        for system in ("Today is 2026-11-20.", "Today is 2026-11-21.", "Other.")
    ]
    assert clients[0] == clients[1] != clients[2]


def test_a_name_is_short_and_printable() -> None:
    """What a name may not hold is left out; nothing is nobody."""
    assert cleaned("a\x00b\x1b[31m ") == "ab[31m"
    assert cleaned("x" * 500) == "x" * MAX_NAME_CHARS
    assert (cleaned(""), cleaned(None), cleaned(" \n")) == (None, None, None)
