"""Conversations through a whole gateway: which requests go together, and what they get."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping

import pytest

from pointsman.core.jsontypes import JsonObject
from pointsman.server import sessions
from pointsman.server.labels import caller_of
from tests.e2e.openai_server import completes, openai_server, refuses
from tests.server.asgi import HOST, scope_of
from tests.server.gateways import Running, a_gateway

HARD = (
    "First think step by step, then prove that the distributed consensus algorithm of this architecture is correct, "
    "analyze its time complexity, design the database schema and implement the function in Python."
)
EASY = "hello"
DRY = {"x-pointsman-dry-run": "true"}
MODELS = [
    {"name": name, "model": f"ollama/{name}", "tier": tier}
    for name, tier in (("small", "simple"), ("big", "complex"), ("huge", "reasoning"))
]


@pytest.fixture
async def gateway() -> AsyncIterator[Running]:
    """Three tiers that nobody has to answer for."""
    async with (
        openai_server(completes("small")) as small,
        openai_server(completes("big")) as big,
        a_gateway(
            {"name": "small", "model": "openai/s", "base_url": f"{small.url}/v1", "tier": "simple"},
            {"name": "big", "model": "openai/b", "base_url": f"{big.url}/v1", "tier": "complex"},
            sessions={"easier_asks": 2},
            routing={"scorer": "litellm-compat"},
        ) as running,
    ):
        yield running


def said(*texts: str) -> list[JsonObject]:
    """A conversation, whose person begins and ends."""
    roles = ("user", "assistant")
    return [{"role": roles[number % 2], "content": text} for number, text in enumerate(texts)]


async def tier(gateway: Running, messages: object, **headers: str) -> tuple[str, str]:
    """Who answers, and which strategy says so."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"model": "auto", "messages": messages}
    answer = await gateway.http.post(f"{gateway.url}/v1/chat/completions", json=body, headers=sent)
    assert answer.status_code == 200
    return answer.headers["x-pointsman-model"], answer.headers["x-pointsman-strategy"]


async def test_a_named_session_goes_up_at_once_and_down_slowly(gateway: Running) -> None:
    """Two easier asks in a row; a follow-up is none. Another session is not concerned."""
    assert await tier(gateway, said(EASY), x_pointsman_session="a") == ("small", "complexity")
    assert await tier(gateway, said(HARD), x_pointsman_session="a") == ("big", "complexity")
    assert await tier(gateway, said(EASY), x_pointsman_session="b") == ("small", "complexity")
    assert await tier(gateway, said("yes, do it"), x_pointsman_session="a") == ("big", "session")
    assert await tier(gateway, said(EASY), x_pointsman_session="a") == ("big", "complexity")
    assert await tier(gateway, said("thanks!"), x_pointsman_session="a") == ("big", "session")
    assert await tier(gateway, said(EASY), x_pointsman_session="a") == ("small", "complexity")


async def test_a_conversation_without_a_name_is_known_by_its_beginning(gateway: Running) -> None:
    """And another that begins alike begins anew."""
    assert await tier(gateway, said(HARD)) == ("big", "complexity")
    assert await tier(gateway, said(HARD, "proved", "go on")) == ("big", "session")
    assert await tier(gateway, said(HARD, "proved", "go on", "more", EASY)) == ("big", "complexity")
    assert await tier(gateway, said("something else", "yes", "go on")) == ("small", "complexity")


async def test_the_result_of_a_tool_goes_to_who_asked_for_it(gateway: Running) -> None:
    """However easy what was asked looks."""
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    loop = [
        *said(HARD),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "42"},
    ]
    await tier(gateway, said(HARD))
    assert await tier(gateway, loop) == ("big", "session")


async def test_a_dry_run_leaves_no_trace(gateway: Running) -> None:
    """Nor does a model that was named, a tier, or an errand."""
    for body, headers in (
        ({"model": "auto"}, DRY),
        ({"model": "big"}, {}),
        ({"model": "complex"}, {}),
    ):
        await gateway.http.post(
            f"{gateway.url}/v1/chat/completions",
            json={**body, "messages": said(HARD)},
            headers={**headers, "x-pointsman-session": "a"},
        )
    assert await tier(gateway, said("continue"), x_pointsman_session="a") == ("small", "complexity")


async def test_the_trail_says_what_was_held(gateway: Running) -> None:
    """In the decision of every request."""
    await tier(gateway, said(HARD), x_pointsman_session="a")
    answer = await gateway.http.post(
        f"{gateway.url}/v1/chat/completions",
        json={"messages": said(EASY)},
        headers={**DRY, "x-pointsman-session": "a"},
    )
    (line,) = [step for step in answer.json()["trail"] if step["strategy"] == "session" and step["outcome"] == "note"]
    assert line["detail"].startswith("the session stays at 'reasoning': 1 of 2 easier asks in a row; alone")


async def test_who_answered_in_anothers_place_gets_the_tools_result() -> None:
    """The conversation is with that model now."""
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    loop = [
        *said(EASY),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "42"},
    ]
    async with (
        openai_server(refuses(500, "broken"), completes("first")) as first,
        openai_server(completes("second")) as second,
        a_gateway(
            {"name": "first", "model": "openai/1", "base_url": f"{first.url}/v1", "tier": "simple"},
            {"name": "second", "model": "openai/2", "base_url": f"{second.url}/v1", "tier": "medium"},
            resilience={"num_retries": 0},
        ) as gateway,
    ):
        assert (await tier(gateway, said(EASY)))[0] == "second"
        assert await tier(gateway, loop) == ("second", "session")


async def test_sessions_can_be_switched_off() -> None:
    """Then each request stands alone."""
    async with a_gateway(*MODELS, sessions={"enabled": False}) as gateway:
        answer = await gateway.http.post(
            f"{gateway.url}/v1/chat/completions",
            json={"messages": said(EASY)},
            headers={**DRY, "x-pointsman-session": "a"},
        )
    assert "session" not in [step["strategy"] for step in answer.json()["trail"]]


@pytest.mark.parametrize(
    ("headers", "session"),
    [
        ({"x-claude-code-session-id": "s"}, "s"),
        ({"x-claude-code-session-id": "s", "x-claude-code-agent-id": "a"}, "s/a"),
        ({"session-id": "s", "thread-id": "t"}, "s/t"),
        ({"session-id": "s", "thread-id": "s"}, "s"),
        ({"session_id": "s"}, "s"),
        ({"x-openwebui-chat-id": "c"}, "c"),
        ({"x-litellm-session-id": "l", "helicone-session-id": "h"}, "l"),
        ({"thread-id": "t"}, None),
        ({"x-pointsman-session": "own", "x-session-id": "other"}, "own"),
    ],
)
def test_programs_name_their_conversations_in_headers(headers: Mapping[str, str], session: str | None) -> None:
    """Each in its own; ours goes first."""
    given = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert caller_of(scope_of(HOST, *given), {})[0].session == session


@pytest.mark.parametrize(
    ("body", "session"),
    [
        ({"prompt_cache_key": "p"}, "p"),
        ({"session_id": "s", "prompt_cache_key": "p"}, "s"),
        ({"conversation": {"id": "conv_1"}}, "conv_1"),
        ({"conversation": "conv_1"}, "conv_1"),
        ({"metadata": {"session_id": "m"}, "prompt_cache_key": "p"}, "m"),
        ({"metadata": {"thread_id": "t"}}, "t"),
        ({"metadata": {"user_id": json.dumps({"session_id": "claude"})}}, "claude"),
        ({"metadata": {"user_id": "{"}}, None),
        ({"metadata": {"user_id": "[1]"}}, None),
        ({"metadata": {"user_id": "{" + "x" * 5000}}, None),
        ({"session_id": 7, "conversation": {"id": ["x"]}, "chat_id": ""}, None),
        ({}, None),
    ],
)
def test_programs_name_their_conversations_in_bodies(body: JsonObject, session: str | None) -> None:
    """Or in its metadata; what is no name is none."""
    assert caller_of(scope_of(HOST), body)[0].session == session


def test_a_json_text_that_is_no_object_names_nothing() -> None:
    """As for one that cannot be read."""
    assert sessions.named_by_metadata({"user_id": '{"session_id": "s"}'}) == "s"
    assert sessions.named_by_metadata({"user_id": '{"a": 1}'}) is None
