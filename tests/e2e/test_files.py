"""Configuration files end to end: the guide's LiteLLM file on real servers, privacy labels, reload."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import httpx2
import pytest

from tests.e2e.conftest import Gateway, client_of, models_of
from tests.e2e.test_main_job import MEDIUM, SIMPLE, Llamas, decision, user

pytestmark = pytest.mark.e2e

GUIDE = Path(__file__).parents[1] / "config" / "data" / "guide.yaml"
COMPLEX = (
    "Design a distributed architecture with a microservice API, database sharding and kubernetes; "
    "implement the function, debug the class and refactor the async code."
)


def guide_on(llamas: Llamas) -> str:
    """The guide's file with its three local models on these servers, which speak the OpenAI API."""
    text = GUIDE.read_text(encoding="utf-8")
    for ollama, name in (("qwen2.5:3b", "demo-small"), ("qwen2.5:14b", "demo-medium"), ("qwen2.5:32b", "demo-large")):
        text = text.replace(
            f"model: ollama_chat/{ollama}\n      api_base: http://localhost:11434",
            f"model: openai/{name}\n      api_key: unused\n      api_base: {llamas[name].base_url}/v1",
        )
    assert "11434" not in text
    return text


@pytest.mark.parametrize(("prompt", "name"), [(SIMPLE, "quick"), (MEDIUM, "balanced"), (COMPLEX, "heavy")])
async def test_the_guides_file_routes_to_its_three_local_models(
    gateway: Gateway, shared_llamas: Llamas, prompt: str, name: str
) -> None:
    """Prompts that are simple, medium and complex by LiteLLM's score reach quick, balanced and heavy."""
    async with gateway(guide_on(shared_llamas)) as base_url, client_of(base_url) as client:
        raw = await client.chat.completions.with_raw_response.create(
            model="auto", messages=user(prompt), max_tokens=20, temperature=0
        )
    assert raw.headers["x-pointsman-model"] == name
    assert raw.parse().choices[0].message.content


async def test_a_private_request_never_goes_to_a_model_that_is_not_local(
    gateway: Gateway, shared_llamas: Llamas
) -> None:
    """The label strikes the cloud model out, also when it was asked for by name."""
    models = models_of(shared_llamas)
    models[0]["local"] = False
    private = {"x-pointsman-privacy": "private"}
    async with gateway({"models": models}) as base_url, httpx2.AsyncClient() as http:
        post = f"{base_url}/v1/chat/completions"
        rerouted = await http.post(post, json={"messages": user(SIMPLE), "max_tokens": 5}, headers=private)
        refused = await http.post(post, json={"model": "demo-small", "messages": user(SIMPLE)}, headers=private)
        flagged = await http.post(
            post, json={"model": "demo-small", "messages": user(SIMPLE), "metadata": {"contains_private_data": "true"}}
        )
    assert rerouted.headers["x-pointsman-model"] == "demo-medium"
    assert rerouted.headers["x-pointsman-privacy"] == "private"
    assert (refused.status_code, flagged.status_code) == (403, 403)
    assert "not local" in refused.json()["error"]["message"]


async def test_a_decision_can_be_had_without_a_call(gateway: Gateway, shared_llamas: Llamas) -> None:
    """POST /v1/route and the dry-run header give the decision and call nobody."""
    async with gateway({"models": models_of(shared_llamas)}) as base_url, httpx2.AsyncClient() as http:
        by_prompt = (await http.post(f"{base_url}/v1/route", json={"prompt": MEDIUM})).json()
        by_header = await http.post(
            f"{base_url}/v1/chat/completions", json={"messages": user(MEDIUM)}, headers={"x-pointsman-dry-run": "true"}
        )
    assert (by_prompt["model"], by_prompt["tier"], by_prompt["strategy"]) == ("demo-medium", "medium", "learned")
    assert by_header.json()["model"] == "demo-medium"
    contract = {"model", "tier", "score", "confidence", "strategy", "reason", "privacy", "struck", "trail"}
    assert contract | {"elapsed_us"} <= by_prompt.keys()


async def test_the_ledger_knows_what_was_asked_routed_and_served(gateway: Gateway, shared_llamas: Llamas) -> None:
    """One row a request, with tokens and cost, and no word of the prompt."""
    async with gateway({"models": models_of(shared_llamas)}) as base_url, client_of(base_url) as client:
        raw = await client.chat.completions.with_raw_response.create(
            model="auto", messages=user("What is the capital of France?"), max_tokens=20
        )
        row = await decision(base_url, raw.headers["x-pointsman-decision-id"])
    assert (row["asked"], row["routed"], row["served"], row["outcome"]) == ("auto", "demo-small", "demo-small", "ok")
    usage = raw.parse().usage
    assert usage is not None
    assert row["output_tokens"] == usage.completion_tokens
    assert "France" not in str(row)


async def test_a_hangup_signal_reads_the_configuration_again(
    gateway: Gateway, shared_llamas: Llamas, tmp_path: Path
) -> None:
    """SIGHUP puts the new file in force; a broken one leaves the old in force."""
    path = tmp_path / "pointsman.yaml"
    async with gateway({"models": models_of(shared_llamas)}) as base_url, httpx2.AsyncClient() as http:
        good = path.read_text(encoding="utf-8")
        path.write_text(good.replace("name: demo-small", "name: tiny"), encoding="utf-8")
        os.kill(os.getpid(), signal.SIGHUP)
        await until_listed(http, base_url, "tiny")
        path.write_text("models: [", encoding="utf-8")
        os.kill(os.getpid(), signal.SIGHUP)
        path.write_text(good, encoding="utf-8")
        os.kill(os.getpid(), signal.SIGHUP)
        await until_listed(http, base_url, "demo-small")


async def until_listed(http: httpx2.AsyncClient, base_url: str, name: str) -> None:
    """Return when the gateway lists the model *name*."""
    async with asyncio.timeout(5):
        while name not in {  # noqa: ASYNC110  the gateway is asked, it does not tell
            model["id"] for model in (await http.get(f"{base_url}/v1/models")).json()["data"]
        }:
            await asyncio.sleep(0.02)
