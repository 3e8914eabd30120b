"""An Ollama whose three models do not fit together, behind a gateway that decides which of them are in memory."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from tests.e2e.conftest import Gateway
from tests.e2e.test_main_job import user
from tests.runtimes.fake_ollama import GB, FakeOllama, Model, pulled, running_ollama

pytestmark = pytest.mark.e2e

THREE = Model(
    name="qwen2.5:3b", digest="sha256-a", file_bytes=1_924_000_000, layers=36, embedding=2048, heads=16, kv_heads=2
)
SEVEN = Model(name="qwen2.5:7b", digest="sha256-b")
BIG = Model(
    name="qwen2.5:32b", digest="sha256-c", file_bytes=19_845_000_000, layers=64, embedding=5120, heads=40, kv_heads=8
)


def config(url: str) -> dict[str, Any]:
    """The guide's models under 24 GiB; the small one stays."""
    tiers = {"qwen2.5:3b": "simple", "qwen2.5:7b": "medium", "qwen2.5:32b": "complex"}
    return {
        "local": {"vram": "30GB", "reserve": "1MiB", "residency": 0, "bypass_s": 1},
        "endpoints": {"ollama": {"base_url": url, "dialect": "ollama", "local": True}},
        "models": [
            {
                "name": name,
                "model": name,
                "endpoint": "ollama",
                "tier": tier,
                "context_tokens": 4096,
                "pinned": name == "qwen2.5:3b",
            }
            for name, tier in tiers.items()
        ],
    }


async def test_models_are_swapped_by_us_and_never_loaded_anew(gateway: Gateway) -> None:
    """The pinned one first and for ever; the others take turns; one option set, so that no request reloads."""
    ollama = FakeOllama(models=pulled(THREE, SEVEN, BIG), vram_bytes=30 * GB, speed=200)
    async with (
        running_ollama(ollama) as server,
        gateway(config(server.url)) as base_url,
        httpx2.AsyncClient(timeout=30) as client,
    ):
        async with asyncio.timeout(20):
            for name in ("qwen2.5:3b", "qwen2.5:7b", "qwen2.5:32b", "qwen2.5:3b", "qwen2.5:7b"):
                body = {"model": name, "messages": user("hello")}
                answer = await client.post(f"{base_url}/v1/chat/completions", json=body)
                assert answer.status_code == 200, answer.text
    assert ollama.story == [
        "load qwen2.5:3b",
        "answer qwen2.5:3b",
        "load qwen2.5:7b",
        "answer qwen2.5:7b",
        "unload qwen2.5:7b",
        "load qwen2.5:32b",
        "answer qwen2.5:32b",
        "answer qwen2.5:3b",
        "load qwen2.5:7b",
        "answer qwen2.5:7b",
    ]
    chats = [call.body for call in server.calls if call.path == "/api/chat"]
    assert {chat["options"]["num_ctx"] for chat in chats} == {4096}


async def test_a_window_that_has_grown_is_what_it_is_loaded_with(gateway: Gateway) -> None:
    """For a long prompt from its first load on, and back after a swap: no request loads it anew."""
    ollama = FakeOllama(models=pulled(THREE, SEVEN, BIG), vram_bytes=30 * GB, speed=200)
    async with running_ollama(ollama) as server, httpx2.AsyncClient(timeout=30) as client:
        settings = config(server.url)
        for model in settings["models"]:
            model |= {"context_tokens": 8192, "defaults": {"num_ctx": 2048}}
        async with gateway(settings) as base_url, asyncio.timeout(20):
            for name, text in (
                ("qwen2.5:7b", "word " * 3000),
                ("qwen2.5:32b", "hello"),
                ("qwen2.5:7b", "hello"),
                ("qwen2.5:7b", "hello"),
            ):
                body = {"model": name, "messages": user(text)}
                answer = await client.post(f"{base_url}/v1/chat/completions", json=body)
                assert answer.status_code == 200, answer.text
    assert [line for line in ollama.story if "3b" not in line] == [
        "load qwen2.5:7b",
        "answer qwen2.5:7b",
        "unload qwen2.5:7b",
        "load qwen2.5:32b",
        "answer qwen2.5:32b",
        "load qwen2.5:7b",
        "answer qwen2.5:7b",
        "answer qwen2.5:7b",
    ]
