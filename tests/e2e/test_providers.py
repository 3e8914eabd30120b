"""What servers of each kind are sent over a real socket, by a caller of OpenAI's API: path, query, key, body."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest

from pointsman.core.jsontypes import JsonObject
from tests.e2e.conftest import Gateway, client_of
from tests.e2e.openai_server import completes, openai_server, refuses
from tests.e2e.test_main_job import user
from tests.e2e.wire import Call

pytestmark = pytest.mark.e2e

KEY_HEADERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key", "anthropic-version", "anthropic-beta")
TOOLS: Any = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("look", "add")
]
CALL: Any = {"id": "call_abc", "type": "function", "function": {"name": "add", "arguments": "{}"}}


def keys_of(call: Call) -> dict[str, str]:
    """The headers that say who asks and for which version."""
    return {name: call.headers[name] for name in KEY_HEADERS if name in call.headers}


@pytest.mark.parametrize(
    ("model", "more", "path", "headers"),
    [
        ("openai/gpt-4o", {"base_url": "/v1"}, "/v1/chat/completions", {"authorization": "Bearer k"}),
        ("openai/responses/gpt-4o", {"base_url": "/v1"}, "/v1/responses", {"authorization": "Bearer k"}),
        ("azure/d", {"base_url": ""}, "/openai/v1/chat/completions", {"api-key": "k"}),
        (
            "azure/d",
            {"base_url": "", "query": "api-version=2024-10-21"},
            "/openai/deployments/d/chat/completions?api-version=2024-10-21",
            {"api-key": "k"},
        ),
        (
            "azure/responses/d",
            {"base_url": "", "query": "api-version=2025-04-01-preview"},
            "/openai/responses?api-version=2025-04-01-preview",
            {"api-key": "k"},
        ),
        ("anthropic/c", {"base_url": ""}, "/v1/messages", {"x-api-key": "k", "anthropic-version": "2023-06-01"}),
        (
            "gemini/g",
            {"base_url": ""},
            "/v1beta/models/g:streamGenerateContent?alt=sse",
            {"x-goog-api-key": "k"},
        ),
        (
            "gemini/g",
            {"base_url": "/v1beta/openai"},
            "/v1beta/openai/chat/completions",
            {"authorization": "Bearer k"},
        ),
        ("perplexity/sonar", {"base_url": ""}, "/chat/completions", {"authorization": "Bearer k"}),
        ("ollama_chat/q", {"base_url": "/v1"}, "/api/chat", {"authorization": "Bearer k"}),
    ],
)
async def test_path_query_and_key_are_those_of_the_server(
    gateway: Gateway, model: str, more: dict[str, str], path: str, headers: dict[str, str]
) -> None:
    """To the letter, and the key in one header only."""
    async with openai_server(refuses(400, "seen")) as server:
        entry = {"name": "m", "model": model, "api_key": "k", **more, "base_url": f"{server.url}{more['base_url']}"}
        async with gateway({"models": [entry]}) as base_url, client_of(base_url) as client:
            with pytest.raises(openai.BadRequestError, match="seen"):
                await client.chat.completions.create(model="m", messages=user("hi"), stream=True)
    assert [(call.path, keys_of(call)) for call in server.calls if call.body is not None] == [(path, headers)]


async def test_versions_and_betas_of_a_caller_go_along(gateway: Gateway) -> None:
    """Once each: the caller's version instead of ours, its betas beside the configured one."""
    async with openai_server(refuses(400, "seen")) as server:
        entry = {
            "name": "m",
            "model": "anthropic/c",
            "base_url": server.url,
            "api_key": "k",
            "headers": {"anthropic-beta": "context-1m"},
        }
        async with gateway({"models": [entry]}) as base_url, httpx2.AsyncClient(base_url=base_url) as client:
            await client.post(
                "/v1/messages",
                headers={"anthropic-version": "2024-02-02", "anthropic-beta": "tools-9,context-1m"},
                json={"model": "m", "max_tokens": 5, "messages": user("hi")},
            )
    assert [keys_of(call) for call in server.calls] == [
        {"x-api-key": "k", "anthropic-version": "2024-02-02", "anthropic-beta": "context-1m,tools-9"}
    ]


# What OpenAI takes and most others do not.
CONVERSATION: list[Any] = [
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "content": "2+2?", "name": "ann"},
    {"role": "assistant", "content": None, "tool_calls": [CALL], "refusal": None, "reasoning_content": "hm"},
    {"role": "tool", "tool_call_id": "call_abc", "content": "4"},
]
FITTED: list[Any] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "2+2?"},
    {"role": "assistant", "content": None, "tool_calls": [{**CALL, "id": "t4mxTRtst"}]},
    {"role": "tool", "tool_call_id": "t4mxTRtst", "content": "4"},
]


@pytest.mark.parametrize(
    ("provider", "settings", "sent", "dropped"),
    [
        (
            "mistral",
            {"max_completion_tokens": 9, "seed": 1, "logprobs": True, "stream": True},
            {"max_tokens": 9, "random_seed": 1, "stream": True, "messages": FITTED},
            {"logprobs", "name", "reasoning_content"},
        ),
        (
            "openai",
            {"max_tokens": 9, "seed": 1},
            {
                "max_completion_tokens": 9,
                "seed": 1,
                "messages": [
                    {key: value for key, value in message.items() if key != "reasoning_content"}
                    for message in CONVERSATION
                ],
            },
            {"reasoning_content"},
        ),
        (
            "llama_cpp",
            {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "add"}}},
            {
                "tools": TOOLS[1:],
                "tool_choice": "required",
                "messages": [{**CONVERSATION[0], "role": "system"}, *CONVERSATION[1:]],
            },
            set(),
        ),
    ],
)
async def test_a_relayed_request_is_made_fit_for_its_server(
    gateway: Gateway, provider: str, settings: dict[str, Any], sent: JsonObject, dropped: set[str]
) -> None:
    """And answered; what had to be left out is named."""
    async with openai_server(completes("4.")) as server:
        config = {
            "endpoints": {"e": {"base_url": f"{server.url}/v1", "provider": provider, "local": True}},
            "models": [{"name": "m", "model": "upstream", "endpoint": "e"}],
        }
        async with gateway(config) as base_url, client_of(base_url) as client:
            raw = await client.chat.completions.with_raw_response.create(model="m", messages=CONVERSATION, **settings)
            await raw.http_response.aread()
    assert server.bodies == [{"model": "upstream", **sent}]
    assert set(filter(None, raw.headers.get("x-pointsman-dropped", "").split(", "))) == dropped


async def test_a_translated_request_is_made_fit_too(gateway: Gateway) -> None:
    """Claude Code in front of Mistral: its ids of calls and its limit become Mistral's, usage comes unasked."""
    tool_use = {"type": "tool_use", "id": "toolu_01", "name": "add", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_01", "content": "4"}
    async with openai_server(completes("4.")) as server:
        config = {
            "endpoints": {"e": {"base_url": f"{server.url}/v1", "provider": "mistral"}},
            "models": [{"name": "m", "model": "upstream", "endpoint": "e"}],
        }
        async with gateway(config) as base_url, httpx2.AsyncClient(base_url=base_url) as client:
            answer = await client.post(
                "/v1/messages",
                headers={"anthropic-version": "2023-06-01"},
                json={
                    "model": "m",
                    "max_tokens": 9,
                    "top_k": 4,
                    "stream": True,
                    "messages": [
                        {"role": "user", "content": "2+2?"},
                        {"role": "assistant", "content": [tool_use]},
                        {"role": "user", "content": [result]},
                    ],
                },
            )
    assert (answer.status_code, answer.headers["x-pointsman-dropped"]) == (200, "top_k")
    (body,) = server.bodies
    assert {key: body[key] for key in body if key != "messages"} == {
        "model": "upstream",
        "max_tokens": 9,
        "stream": True,
    }
    calls = [call["id"] for message in body["messages"] for call in message.get("tool_calls", ())]
    results = [message["tool_call_id"] for message in body["messages"] if message["role"] == "tool"]
    assert calls == results
    assert [(len(identity), identity.isalnum()) for identity in calls] == [(9, True)]
