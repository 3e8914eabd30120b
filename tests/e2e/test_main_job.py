"""The main job with the official client: scored, sent to the right real model, streamed, explained."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import openai
import pytest

from pointsman.adapters.runtimes.embedded_llama import EmbeddedLlama
from tests.e2e.conftest import Gateway, client_of, models_of

pytestmark = pytest.mark.e2e

SIMPLE = "What is the capital of France?"
MEDIUM = "Write a Python function and debug the class."
HARD = (
    "Prove that every finite group of order p^2 q has a normal Sylow subgroup, and classify all such groups up to "
    "isomorphism."
)
SCHEMA = {
    "type": "object",
    "properties": {"model_choice": {"type": "string", "enum": ["flash", "pro"]}},
    "required": ["model_choice"],
    "additionalProperties": False,
}
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Paris", "Tokyo"]}},
            "required": ["city"],
        },
    },
}

Llamas = Mapping[str, EmbeddedLlama]


def user(text: str) -> list[Any]:
    """A conversation of one message."""
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize(
    ("prompt", "model", "tier"),
    [(SIMPLE, "demo-small", "simple"), (MEDIUM, "demo-medium", "medium"), (HARD, "demo-large", "complex")],
)
async def test_each_prompt_reaches_the_model_of_its_tier(
    gateway: Gateway, shared_llamas: Llamas, prompt: str, model: str, tier: str
) -> None:
    """The answer comes from the right real model, and the headers say so; the hardest from the largest there is."""
    async with gateway({"models": models_of(shared_llamas)}) as base_url, client_of(base_url) as client:
        raw = await client.chat.completions.with_raw_response.create(
            model="auto", messages=user(prompt), max_tokens=40, temperature=0
        )
    reply: Any = raw.parse()
    size = model.removeprefix("demo-")
    assert reply.choices[0].message.content.startswith(f"This is the {size} demo model.")
    assert raw.headers["x-pointsman-model"] == model
    assert raw.headers["x-pointsman-tier"] == tier
    assert raw.headers["x-pointsman-strategy"] == "learned"
    assert raw.headers["x-pointsman-fallbacks"] == "0"
    assert 0 <= float(raw.headers["x-pointsman-score"]) <= 1
    assert len(raw.headers["x-pointsman-decision-id"]) == 16
    assert reply.usage.completion_tokens > 0


async def test_a_stream_arrives_in_pieces_with_usage(gateway: Gateway, shared_llamas: Llamas) -> None:
    """Streaming works through the gateway as against the model itself."""
    async with gateway({"models": models_of(shared_llamas)}) as base_url, client_of(base_url) as client:
        stream = await client.chat.completions.create(
            model="auto",
            messages=user(SIMPLE),
            temperature=0,
            max_tokens=40,
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text.startswith("This is the small demo model.")
    assert len(chunks) > 5
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0


async def test_usage_that_nobody_asked_for_is_counted_but_not_shown(gateway: Gateway, shared_llamas: Llamas) -> None:
    """The gateway asks the endpoint for usage for its ledger; the caller's stream stays as it would have been."""
    async with gateway({"models": models_of(shared_llamas)}) as base_url, client_of(base_url) as client:
        stream = await client.chat.completions.create(
            model="auto", messages=user(SIMPLE), temperature=0, max_tokens=40, stream=True
        )
        decision_id = stream.response.headers["x-pointsman-decision-id"]
        chunks = [chunk async for chunk in stream]
        row = await decision(base_url, decision_id)
    assert all(chunk.choices for chunk in chunks)
    assert all(chunk.usage is None for chunk in chunks)
    assert row["output_tokens"] > 0
    assert row["is_estimated"] is False


async def test_a_required_tool_is_called(gateway: Gateway, shared_llamas: Llamas) -> None:
    """Tools travel to the model and its call travels back."""
    async with gateway({"models": models_of(shared_llamas)}) as base_url, client_of(base_url) as client:
        reply: Any = await client.chat.completions.create(
            model="demo-small",
            messages=user("What is the weather in Paris?"),
            tools=[TOOL],
            tool_choice="required",
            parallel_tool_calls=False,
            temperature=0,
            max_tokens=200,
        )
    (call,) = reply.choices[0].message.tool_calls
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments)["city"] in {"Paris", "Tokyo"}


async def test_a_json_schema_holds(gateway: Gateway, shared_llamas: Llamas) -> None:
    """Structured output is constrained by the model's own grammar."""
    async with gateway({"models": models_of(shared_llamas)}) as base_url, client_of(base_url) as client:
        reply: Any = await client.chat.completions.create(
            model="demo-medium",
            messages=user("debug this deadlock"),
            response_format={"type": "json_schema", "json_schema": {"name": "choice", "schema": SCHEMA}},
            temperature=0,
            max_tokens=60,
        )
    assert json.loads(reply.choices[0].message.content) in ({"model_choice": "flash"}, {"model_choice": "pro"})


async def test_a_caller_who_leaves_frees_the_model(gateway: Gateway, own_llamas: Llamas) -> None:
    """Cancelling a stream ends the model's work, and the ledger says that the caller left."""
    async with gateway({"models": models_of(own_llamas)}) as base_url, client_of(base_url) as client:
        stream = await client.chat.completions.create(
            model="demo-large",
            messages=user("Tell me a story."),
            max_tokens=7000,
            stream=True,
            extra_body={"ignore_eos": True},
        )
        decision_id = stream.response.headers["x-pointsman-decision-id"]
        async for _chunk in stream:
            break
        await stream.close()
        row = await decision(base_url, decision_id, until=lambda row: row["outcome"] != "open")
        assert row["outcome"] == "cancelled"
        assert own_llamas["demo-large"].stop(grace_s=2.0)


async def test_a_dead_server_costs_a_fallback_not_an_answer(gateway: Gateway, own_llamas: Llamas) -> None:
    """One server is killed; the next tier answers in its place."""
    models = models_of(own_llamas)
    async with gateway({"models": models}) as base_url, client_of(base_url) as client:
        assert own_llamas["demo-small"].stop()
        raw = await client.chat.completions.with_raw_response.create(
            model="auto", messages=user(SIMPLE), temperature=0, max_tokens=40
        )
    assert (raw.parse().choices[0].message.content or "").startswith("This is the medium demo model.")
    assert raw.headers["x-pointsman-model"] == "demo-medium"
    assert raw.headers["x-pointsman-fallbacks"] == "1"


async def test_a_prompt_too_long_for_one_window_goes_to_a_larger_one(gateway: Gateway, shared_llamas: Llamas) -> None:
    """llama.cpp refuses by its own count; the configured context fallback takes the prompt."""
    known = models_of(shared_llamas)
    models = [{key: value for key, value in model.items() if key != "context_tokens"} for model in known]
    config = {"models": models, "context_window_fallbacks": {"demo-small": ["demo-large"]}}
    prompt = "The quick brown fox. " * 300
    async with gateway(config) as base_url, client_of(base_url) as client:
        raw = await client.chat.completions.with_raw_response.create(
            model="demo-small", messages=user(prompt), temperature=0, max_tokens=20
        )
    assert raw.headers["x-pointsman-model"] == "demo-large"
    assert raw.headers["x-pointsman-fallbacks"] == "1"
    usage = raw.parse().usage
    assert usage is not None
    assert usage.prompt_tokens > 2048


async def test_all_servers_down_is_a_clear_503_within_a_second(gateway: Gateway, own_llamas: Llamas) -> None:
    """Nobody answers: the caller learns it at once, with who was tried, and client libraries do not retry."""
    models = models_of(own_llamas)
    for llama in own_llamas.values():
        assert llama.stop()
    async with gateway({"models": models}) as base_url, client_of(base_url) as client:
        began = time.monotonic()
        with pytest.raises(openai.APIStatusError) as caught:
            await client.chat.completions.create(model="auto", messages=user(SIMPLE))
        elapsed_s = time.monotonic() - began
    assert caught.value.status_code == 503
    assert caught.value.response.headers["x-should-retry"] == "false"
    message = caught.value.response.json()["error"]["message"]
    assert all(name in message for name in own_llamas)
    assert elapsed_s < 1  # the promise itself: refused connections must not be waited for


async def test_every_name_in_the_list_can_be_used(gateway: Gateway, shared_llamas: Llamas) -> None:
    """`auto`, tiers, models and presets are listed, and each one answers."""
    async with gateway({"models": models_of(shared_llamas)}) as base_url, client_of(base_url) as client:
        names = [model.id async for model in await client.models.list()]
        presets = [name for name in names if name.startswith("auto:")]
        own = [name for name in names if name not in presets]
        assert presets
        assert own == ["auto", "simple", "medium", "complex", "demo-small", "demo-medium", "demo-large"]
        for name in names:
            reply = await client.chat.completions.create(model=name, messages=user("Hi"), max_tokens=5)
            assert reply.choices[0].message.content


async def test_a_program_with_a_fixed_model_name_works(gateway: Gateway, shared_llamas: Llamas) -> None:
    """An unknown name means `auto`, with a warning in a header."""
    async with gateway({"models": models_of(shared_llamas)}) as base_url, client_of(base_url) as client:
        raw = await client.chat.completions.with_raw_response.create(
            model="gpt-4o-mini", messages=user(SIMPLE), max_tokens=5
        )
    assert raw.headers["x-pointsman-model"] == "demo-small"
    assert raw.headers["x-pointsman-warning"] == "model 'gpt-4o-mini' is not configured; 'auto' took the request"


def is_closed(row: Mapping[str, Any]) -> bool:
    """Whether a row of the ledger is complete."""
    return bool(row["outcome"] != "open")


async def decision(
    base_url: str, decision_id: str, until: Callable[[Mapping[str, Any]], bool] = is_closed
) -> dict[str, Any]:
    """The ledger's row once *until* holds; the writer is a moment behind the answer."""
    import httpx2

    async with asyncio.timeout(5), httpx2.AsyncClient() as http:
        while True:
            response = await http.get(f"{base_url}/v1/decisions/{decision_id}")
            if response.status_code == 200 and until(response.json()):
                row: dict[str, Any] = response.json()
                return row
            await asyncio.sleep(0.02)
