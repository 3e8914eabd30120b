"""Shadow mode with real models, with an Ollama that swaps them, and over a reload of the configuration."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from pointsman.adapters.storage.shadows import ShadowFile, shadows_path
from pointsman.core.shadow import Copy, CopyEnd
from tests.e2e.conftest import Gateway, models_of
from tests.e2e.openai_server import completes, openai_server
from tests.e2e.test_main_job import Llamas, user
from tests.e2e.test_ollama_budget import BIG, SEVEN, THREE, config
from tests.e2e.test_process import environ as environ  # noqa: PLC0414  a fixture
from tests.e2e.test_process import serving
from tests.e2e.test_upstreams import model
from tests.runtimes.fake_ollama import GB, FakeOllama, pulled, running_ollama

pytestmark = pytest.mark.e2e


async def copies(path: Path, number: int) -> Sequence[Copy]:
    """The copies of that ledger, the oldest first, once there are so many."""
    file = ShadowFile(shadows_path(path))
    async with asyncio.timeout(20):
        while len(file.each()) < number:  # noqa: ASYNC110  another process writes a file
            await asyncio.sleep(0.02)
    return file.each(texts=True)[::-1]


async def not_copied(path: Path, reason: str) -> None:
    """Return when something was not copied for that *reason*."""
    file = ShadowFile(shadows_path(path))
    async with asyncio.timeout(20):
        while not any(why == reason for _, why, _ in file.not_copied()):  # noqa: ASYNC110  as above
            await asyncio.sleep(0.02)


async def ask(base_url: str, name: str, *, stream: bool = False) -> None:
    """A request for the model *name*, answered."""
    body = {"model": name, "messages": user("hello"), "stream": stream, "max_tokens": 16}
    async with httpx2.AsyncClient(timeout=30) as client:
        answer = await client.post(f"{base_url}/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text


async def test_real_models_are_compared(gateway: Gateway, shared_llamas: Llamas, tmp_path: Path) -> None:
    """The large one serves, whole and streamed; the small one gets the copies, and both texts are there."""
    settings: dict[str, Any] = {
        "models": models_of(shared_llamas),
        "ledger": {"log_prompts": True},
        "shadow": {"model": "simple", "sample": 1},
    }
    async with gateway(settings) as base_url:
        for number, stream in enumerate((False, True), start=1):
            await ask(base_url, "demo-large", stream=stream)
            found = await copies(tmp_path / "ledger.sqlite", number)
    assert [(one.served.model, one.shadow.model, one.end) for one in found] == [
        ("demo-large", "demo-small", CopyEnd.ANSWERED)
    ] * 2
    for one in found:
        assert one.comparison is not None
        assert one.prompt == "hello"
        assert (one.served.text or "").startswith("This is the large demo model.")
        assert (one.shadow.text or "").startswith("This is the small demo model.")
        assert one.shadow.cost_usd == 0.0


@pytest.mark.parametrize("local", [{}, {"local": {"vram": "30GB", "reserve": "1MiB", "residency": 0, "bypass_s": 1}}])
async def test_no_model_is_loaded_for_a_copy(gateway: Gateway, tmp_path: Path, local: Mapping[str, object]) -> None:
    """With a budget of memory and without one: a model that is there is asked, one that is not is let be."""
    ollama = FakeOllama(models=pulled(THREE, SEVEN, BIG), vram_bytes=30 * GB, speed=200)
    async with running_ollama(ollama) as server:
        settings = {key: value for key, value in config(server.url).items() if key != "local"} | dict(local)
        if not local:
            settings["models"] = [{**one, "pinned": False} for one in settings["models"]]
        settings["shadow"] = {
            "rules": [
                {"model": "qwen2.5:3b", "sample": 1, "tiers": ["medium"]},
                {"model": "qwen2.5:32b", "sample": 1, "tiers": ["simple"]},
            ]
        }
        async with gateway(settings) as base_url:
            await ask(base_url, "simple")
            await not_copied(tmp_path / "ledger.sqlite", "not_loaded")
            await ask(base_url, "medium")
            (copy,) = await copies(tmp_path / "ledger.sqlite", 1)
    assert (copy.end, copy.shadow.model) == (CopyEnd.ANSWERED, "qwen2.5:3b")
    assert not any("32b" in line for line in ollama.story)
    assert [line for line in ollama.story if line.startswith("load")] == ["load qwen2.5:3b", "load qwen2.5:7b"]


async def test_a_reload_keeps_the_days_budget(tmp_path: Path, environ: Mapping[str, str]) -> None:
    """What was spent before counts after it, whatever else has changed."""
    async with openai_server(completes("Hello")) as first, openai_server(completes("Hello")) as cloud:
        price = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1000.0}  # an answer of 3 tokens: $0.003
        settings: dict[str, Any] = {
            "models": [model(first.url), {**model(cloud.url, "second"), "local": False, "price": price}],
            "ledger": {"path": str(tmp_path / "ledger.db")},
            "shadow": {"model": "second", "sample": 1, "max_output_tokens": 4, "budget_usd_per_day": 0.005},
        }
        path = tmp_path / "pointsman.yaml"
        path.write_text(yaml.safe_dump(settings), encoding="utf-8")
        async with serving(tmp_path, environ) as program:
            await ask(program.base_url, "first")
            (copy,) = await copies(tmp_path / "ledger.db", 1)
            settings["shadow"]["timeout_s"] = 9
            path.write_text(yaml.safe_dump(settings), encoding="utf-8")
            program.process.send_signal(signal.SIGHUP)
            await program.says("reloaded models=2", times=1)
            await ask(program.base_url, "first")
            await not_copied(tmp_path / "ledger.db", "over_budget")
    assert copy.shadow.cost_usd == pytest.approx(0.003009)
    assert len(cloud.bodies) == 1
    assert json.dumps(cloud.bodies[0]).count("hello") == 1
