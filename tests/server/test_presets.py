"""Presets through a whole gateway: what the endpoint is sent, and what an unknown one is told."""

from __future__ import annotations

import pytest

from tests.e2e.openai_server import completes, openai_server
from tests.server.gateways import a_gateway

HI = [{"role": "user", "content": "hi"}]
TERSE = {"system": "Be brief.", "temperature": 0.5, "tier": "simple"}


async def test_a_preset_reaches_the_endpoint_of_the_same_api() -> None:
    """The caller's own fields go along as they are, the preset's beside them."""
    async with (
        openai_server(completes("small")) as small,
        openai_server(completes("big")) as big,
        a_gateway(
            {"name": "small", "model": "openai/s", "base_url": f"{small.url}/v1", "tier": "simple"},
            {"name": "big", "model": "openai/b", "base_url": f"{big.url}/v1", "tier": "complex"},
            presets={"terse": TERSE},
        ) as gateway,
    ):
        body = {"model": "auto:terse", "messages": HI, "x_own": [1]}
        answer = await gateway.http.post(f"{gateway.url}/v1/chat/completions", json=body)
    assert answer.headers["x-pointsman-strategy"] == "preset"
    assert small.bodies == [
        {
            "model": "s",
            "temperature": 0.5,
            "messages": [{"role": "system", "content": "Be brief."}, *HI],
            "x_own": [1],
        }
    ]
    assert big.bodies == []


async def test_a_preset_is_translated_for_another_api_and_streamed() -> None:
    """Asked by Anthropic's client, answered by an OpenAI-shaped server."""
    async with (
        openai_server(completes("small")) as small,
        a_gateway(
            {"name": "small", "model": "openai/s", "base_url": f"{small.url}/v1"}, presets={"terse": TERSE}
        ) as gateway,
    ):
        body = {"model": "auto:terse", "messages": HI, "max_tokens": 5, "stream": True}
        answer = await gateway.http.post(f"{gateway.url}/v1/messages", json=body)
    assert answer.status_code == 200
    assert small.bodies[0]["temperature"] == 0.5
    assert small.bodies[0]["messages"][0] == {"role": "system", "content": "Be brief."}


async def test_an_errand_of_the_program_around_it_gets_no_preset() -> None:
    """Open WebUI asks the same model for a title: the small model does it, unprompted."""
    errand = [{"role": "user", "content": "### Task:\nGenerate a title."}]
    async with (
        openai_server(completes("title")) as small,
        a_gateway(
            {"name": "small", "model": "openai/s", "base_url": f"{small.url}/v1", "tier": "simple"},
            {"name": "big", "model": "ollama/x", "tier": "complex"},
        ) as gateway,
    ):
        body = {"model": "auto:deep-work", "messages": errand}
        answer = await gateway.http.post(f"{gateway.url}/v1/chat/completions", json=body)
    assert answer.headers["x-pointsman-strategy"] == "utility"
    assert small.bodies == [{"model": "s", "messages": errand}]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("auto:deep-wrk", "Did you mean 'auto:deep-work'?"),
        ("auto:zz", "There are 'auto:quick-assistant', 'auto:deep-work'."),
    ],
)
async def test_an_unknown_preset_is_warned_of_or_refused(asked: str, told: str) -> None:
    """As the configuration treats unknown models, with the nearest name."""
    small = {"name": "small", "model": "ollama/x"}
    body = {"model": asked, "messages": HI}
    dry = {"x-pointsman-dry-run": "true"}
    async with a_gateway(small) as lenient, a_gateway(small, server={"unknown_models": "refuse"}) as strict:
        warned = await lenient.http.post(f"{lenient.url}/v1/chat/completions", json=body, headers=dry)
        refused = await strict.http.post(f"{strict.url}/v1/chat/completions", json=body, headers=dry)
    assert warned.json()["warnings"] == [f"model {asked!r} is not configured; 'auto' took the request. {told}"]
    assert refused.status_code == 404
    assert told in refused.json()["error"]["message"]


async def test_a_preset_may_be_what_a_request_without_a_model_means() -> None:
    """The standard model of the configuration, for unknown names too; `auto` stays `auto`."""
    async with a_gateway({"name": "small", "model": "ollama/x"}, model={"name": "auto:deep-work"}) as gateway:
        strategies = []
        for asked in ({}, {"model": "gpt-9"}, {"model": "auto"}, {"model": "simple"}):
            body = {**asked, "messages": HI}
            answer = await gateway.http.post(
                f"{gateway.url}/v1/chat/completions", json=body, headers={"x-pointsman-dry-run": "true"}
            )
            strategies.append(answer.json()["strategy"])
    assert strategies[:2] == ["preset", "preset"]
    assert "preset" not in strategies[2:]
