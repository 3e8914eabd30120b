"""Agents over HTTP: who asks is seen, a rule holds, and a bad tool call comes from the next tier, in any dialect."""

from __future__ import annotations

import json
from collections.abc import Mapping

import httpx2
import pytest

from pointsman.core.jsontypes import Json, JsonObject
from tests.e2e.conftest import Gateway
from tests.e2e.openai_server import IDENTITY, Act, answers, completes, openai_server
from tests.e2e.test_main_job import decision
from tests.e2e.wire import Call

pytestmark = pytest.mark.e2e

SCHEMA: JsonObject = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
CHAT_TOOL: JsonObject = {"type": "function", "function": {"name": "search", "parameters": SCHEMA}}
MESSAGES_TOOL: JsonObject = {"name": "search", "input_schema": SCHEMA}
ASKED: Json = [{"role": "user", "content": "find it"}]


def chat_call(arguments: str) -> Act:
    """A completion that calls the tool."""
    called = {"id": "c1", "type": "function", "function": {"name": "search", "arguments": arguments}}
    message = {"role": "assistant", "content": None, "tool_calls": [called]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    return answers(200, {**IDENTITY, "object": "chat.completion", "choices": [choice], "usage": usage, "odd": "kept"})


def messages_call(given: JsonObject) -> Act:
    """A message of Anthropic's API that calls the tool."""
    block: JsonObject = {"type": "tool_use", "id": "t1", "name": "search", "input": given}
    body: JsonObject = {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "model": "upstream",
        "content": [block],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 3},
        "odd": "kept",
    }
    return answers(200, body)


def model(url: str, name: str, tier: str, **more: Json) -> dict[str, Json]:
    """One model of a pointsman.yaml."""
    return {"name": name, "model": "upstream", "base_url": url, "local": True, "tier": tier, **more}


async def post(url: str, path: str, body: JsonObject, headers: Mapping[str, str]) -> httpx2.Response:
    """One request."""
    async with httpx2.AsyncClient(timeout=30) as http:
        return await http.post(f"{url}{path}", json=body, headers=dict(headers))


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic_messages"])
async def test_a_call_that_lacks_an_argument_comes_from_the_next_tier(gateway: Gateway, dialect: str) -> None:
    """Relayed byte for byte, with the reason in a header; the session stays there."""
    is_chat = dialect == "openai_chat"
    given: JsonObject = {"query": "x"}
    bad = chat_call("{}") if is_chat else messages_call({})
    good = chat_call(json.dumps(given)) if is_chat else messages_call(given)
    below = "/v1" if is_chat else ""
    async with openai_server(bad) as small, openai_server(good) as middle:
        models = [
            model(f"{server.url}{below}", name, tier, dialect=dialect)
            for server, name, tier in ((small, "small", "simple"), (middle, "middle", "medium"))
        ]
        body: JsonObject = {"model": "auto", "messages": ASKED, "tools": [CHAT_TOOL if is_chat else MESSAGES_TOOL]}
        body |= {} if is_chat else {"max_tokens": 50}
        path = "/v1/chat/completions" if is_chat else "/v1/messages"
        headers = {"x-pointsman-session": "s", "x-agent-name": "bee"}
        async with gateway({"models": models, "agents": {"bee": "simple"}}) as url:
            first = await post(url, path, body, headers)
            second = await post(url, path, body, headers)
            ids = [one.headers["x-pointsman-decision-id"] for one in (first, second)]
            rows = [await decision(url, one) for one in ids]
    assert (first.status_code, first.json()["odd"]) == (200, "kept")
    assert first.headers["x-pointsman-model"] == "middle"
    assert first.headers["x-pointsman-fallbacks"] == "1"
    assert first.headers["x-pointsman-escalated"] == "not good enough: the call of search lacks 'query'"
    assert (second.headers["x-pointsman-model"], second.headers["x-pointsman-fallbacks"]) == ("middle", "0")
    assert [(row["agent"], row["tier"], row["served"]) for row in rows] == [
        ("bee", "simple", "middle"),
        ("bee", "medium", "middle"),
    ]


async def test_rules_hold_for_agents_that_never_heard_of_us(gateway: Gateway) -> None:
    """CrewAI's frame, Claude Code's headers, a node of LangGraph; a person's words make no agent."""
    seen: list[str] = []

    async def answer(peer: object, call: Call) -> None:
        seen.append("asked")
        await completes("ok")(peer, call)  # type: ignore[arg-type]  # a peer

    crew: Json = [
        {"role": "system", "content": "You are Cook. You cook.\nYour personal goal is: eat"},
        {"role": "user", "content": "hi"},
    ]
    plain: Json = [{"role": "user", "content": "You are Cook. You cook.\nYour personal goal is: eat"}]
    claude = {"x-claude-code-request-class": "subagent", "x-claude-code-agent-type": "Explore"}
    asked: list[tuple[JsonObject, Mapping[str, str], str]] = [
        ({"messages": crew}, {}, "agent"),
        ({"messages": ASKED}, claude, "agent"),
        ({"messages": ASKED, "metadata": {"langgraph_node": "scout"}}, {}, "agent"),
        ({"messages": plain}, {}, "learned"),
    ]
    async with openai_server(answer) as server:
        models = [model(f"{server.url}/v1", "small", "simple"), model(f"{server.url}/v1", "large", "complex")]
        rules: Json = {"cook": "large", "claude-code/subagent/*": "complex", "scout": {"model": "large"}}
        async with gateway({"models": models, "agents": rules}) as url:
            found = [
                await post(url, "/v1/chat/completions", {"model": "auto", **body}, headers)
                for body, headers, _ in asked
            ]
    assert len(seen) == len(asked)
    assert [(one.headers["x-pointsman-strategy"] == "agent") for one in found] == [by == "agent" for *_, by in asked]
    assert [one.headers["x-pointsman-model"] for one in found[:3]] == ["large"] * 3
