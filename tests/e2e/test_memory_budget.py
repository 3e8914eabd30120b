"""Three real GGUF models under a budget that holds two, through the gateway, as the official client sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
import yaml

from pointsman.adapters.http.client import HttpClient
from pointsman.bootstrap import embedded_models
from pointsman.config.catalog import build_catalog
from pointsman.config.load import Loaded, load
from pointsman.core.errors import ConfigError
from pointsman.household import open_household
from pointsman.inventory import check_household
from pointsman.local.planner import Room
from pointsman.server.gateway import OpenGateway
from pointsman.server.run import running
from tests.e2e.conftest import NAMES, client_of
from tests.e2e.test_main_job import decision, user

pytestmark = pytest.mark.e2e


def config(files: Mapping[str, Path], *, vram: str = "2GB", pinned: str = "") -> dict[str, Any]:
    """The demo models, each said to take a gigabyte but for the pinned one's 0.5."""
    tiers = ("simple", "medium", "complex")
    return {
        "local": {"vram": vram, "reserve": "1MiB", "residency": 0, "bypass_s": 2},
        "models": [
            {
                "name": name,
                "gguf": {"path": str(files[name]), "threads": 1},
                "tier": tier,
                "memory": "0.5GB" if name == pinned else "0.9GB",
                "pinned": name == pinned,
            }
            for name, tier in zip(NAMES, tiers, strict=True)
        ],
    }


Gateway = Callable[[dict[str, Any]], AbstractAsyncContextManager[str]]


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    """Opens a gateway that has its GGUF models loaded as they are needed."""

    @asynccontextmanager
    async def opened(settings: dict[str, Any]) -> AsyncIterator[str]:
        loaded = loaded_from(settings, tmp_path)
        with embedded_models(loaded) as addresses:
            async with running(OpenGateway(loaded, addresses)) as base_url:
                yield base_url

    return opened


def loaded_from(settings: dict[str, Any], folder: Path) -> Loaded:
    """*settings* as a file in *folder* gives them."""
    path = folder / "pointsman.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    environ = {"XDG_CONFIG_HOME": str(folder), "POINTSMAN_LEDGER__PATH": str(folder / "ledger.sqlite")}
    return load(config=path, environ=environ, cwd=folder)


async def test_models_come_as_they_are_needed(gateway: Gateway, model_files: Mapping[str, Path]) -> None:
    """All three answer by name, two at a time in memory; many at once are all answered by the right one."""
    async with gateway(config(model_files)) as base_url, client_of(base_url) as client, asyncio.timeout(60):
        for name in (*NAMES, *NAMES):
            reply = await client.chat.completions.create(model=name, messages=user("hello"), max_tokens=4)
            assert reply.model == name

        async def one(name: str) -> str:
            found = await client.chat.completions.create(model=name, messages=user("hello"), max_tokens=4)
            return found.model

        wanted = [NAMES[number % 3] for number in range(24)]
        assert await asyncio.gather(*(one(name) for name in wanted)) == wanted


async def test_what_is_in_memory_is_taken_and_told(gateway: Gateway, model_files: Mapping[str, Path]) -> None:
    """The small one is not loaded when the medium one is there and as quick: the decision says so."""
    async with gateway(config(model_files)) as base_url, client_of(base_url) as client, asyncio.timeout(60):
        await client.chat.completions.create(model="demo-medium", messages=user("hello"), max_tokens=4)
        raw = await client.chat.completions.with_raw_response.create(model="simple", messages=user("hi"), max_tokens=4)
        row = await decision(base_url, raw.headers["x-pointsman-decision-id"])
    assert raw.headers["x-pointsman-model"] == "demo-medium"
    assert [step["detail"] for step in row["trail"] if step["strategy"] == "memory"] == [
        "demo-medium is in memory and answers sooner than demo-small loads (1.8 s)"
    ]


async def test_pins_are_there_before_anybody_asks(gateway: Gateway, model_files: Mapping[str, Path]) -> None:
    """And stay; what does not fit beside them goes to who may do it."""
    settings = config(model_files, vram="1.2GB", pinned="demo-small")
    async with gateway(settings) as base_url, client_of(base_url) as client, asyncio.timeout(60):
        with pytest.raises(openai.APIStatusError, match=r"demo-large needs 0\.9 GB beside 0\.5 GB of pinned models"):
            await client.chat.completions.create(model="demo-large", messages=user("hello"))
        reply = await client.chat.completions.create(model="demo-small", messages=user("hello"), max_tokens=4)
    assert reply.model == "demo-small"


async def test_pins_that_do_not_fit_are_refused_at_the_start(model_files: Mapping[str, Path], tmp_path: Path) -> None:
    """With the figures."""
    loaded = loaded_from(config(model_files, vram="0.4GB", pinned="demo-small"), tmp_path)
    with pytest.raises(ConfigError, match=r"demo-small, pinned, need 0\.5 GB, the budget is 0\.4 GB"):
        check_household(loaded)


async def test_the_judge_stays_and_takes_its_part(model_files: Mapping[str, Path], tmp_path: Path) -> None:
    """One of the models is pinned by judging; one beside the gateway leaves the rest of the budget to the others."""
    settings = {**config(model_files, vram="2GB"), "classifier": {"enabled": True, "model": "demo-small"}}
    loaded = loaded_from(settings, tmp_path)
    async with HttpClient() as client:
        with embedded_models(loaded) as addresses:
            catalog = build_catalog(loaded.settings, addresses)
            async with open_household(loaded, catalog, addresses, client) as household, asyncio.timeout(30):
                assert household is not None
                ticket = await household.residency.lease(catalog.by_id["demo-small"], None)
                household.residency.leave(ticket)
                await household.residency.lease(catalog.by_id["demo-medium"], None)
                assert household.residency.scheduler.verdict("demo-large") is Room.WAIT
        settings["classifier"] = {"enabled": True, "model": "own", "memory": "0.5GB"}
        loaded = loaded_from(settings, tmp_path)
        with embedded_models(loaded) as addresses:
            async with open_household(loaded, loaded.catalog, addresses, client) as household:
                assert household is not None
                assert household.residency.scheduler.budget_bytes == 2_000_000_000 - (1 << 20) - 500_000_000


async def test_who_waits_for_a_load_is_told_their_place(gateway: Gateway, model_files: Mapping[str, Path]) -> None:
    """In the stream's comments, which clients skip: the number in the queue, and about how long."""
    settings = {**config(model_files), "server": {"keep_alive_s": 0.02}}
    body = {"model": "demo-large", "stream": True, "max_tokens": 4, "messages": user("hello")}
    async with gateway(settings) as base_url, httpx2.AsyncClient() as client:
        answer = await client.post(f"{base_url}/v1/chat/completions", json=body)
    assert ": waiting for the model, number 1, about " in answer.text
    assert answer.text.endswith("data: [DONE]\n\n")


async def test_the_memory_is_told_and_shown(gateway: Gateway, model_files: Mapping[str, Path]) -> None:
    """As JSON, as a part of the page for its script, and on the page itself."""
    settings = {
        **config(model_files, pinned="demo-small"),
        "classifier": {"enabled": True, "model": "own", "memory": "0.1GB"},
    }
    async with gateway(settings) as base_url, client_of(base_url) as client, httpx2.AsyncClient() as http:
        text = "tell me about the request " * 8
        await client.chat.completions.create(model="demo-medium", messages=user(text), max_tokens=32)
        found = (await http.get(f"{base_url}/v1/memory")).json()
        part = (await http.get(f"{base_url}/v1/memory", headers={"accept": "text/html"})).text
        page = (await http.get(base_url)).text
        held = (await http.get(f"{base_url}/api/ps")).json()["models"]
    assert (found["device"], found["budget_bytes"], found["free_bytes"]) == (
        "config",
        2_000_000_000 - (1 << 20),
        2_000_000_000 - (1 << 20) - 1_500_000_000,
    )
    assert [
        (one["model"], one["presence"], one["pinned"], one["judge"], one["runtime"]) for one in found["models"]
    ] == [
        ("demo-small", "loaded", True, False, "llama.cpp"),
        ("demo-medium", "loaded", False, False, "llama.cpp"),
        ("demo-large", "absent", False, False, "llama.cpp"),
        ("own", "served", True, True, "localhost:9379"),
    ]
    assert [(one["name"], one["size"], one["size_vram"]) for one in held] == [
        ("demo-small", 500_000_000, 500_000_000),
        ("demo-medium", 900_000_000, 900_000_000),
    ]
    assert found["queue"] == []
    assert "1.5 GB of 2.0 GB taken" in part
    assert "1.5 GB of 2.0 GB taken" in page


async def test_without_a_budget_the_gguf_models_are_told(model_files: Mapping[str, Path], tmp_path: Path) -> None:
    """They are in memory from the start; which one judges is said."""
    settings = {**config(model_files), "classifier": {"enabled": True, "model": "demo-small"}}
    del settings["local"]
    loaded = loaded_from(settings, tmp_path)
    with embedded_models(loaded) as addresses:
        async with running(OpenGateway(loaded, addresses)) as base_url, httpx2.AsyncClient() as http:
            await http.post(
                f"{base_url}/v1/chat/completions",
                json={"model": "demo-small", "max_tokens": 4, "messages": user("hello")},
            )
            found = (await http.get(f"{base_url}/v1/memory")).json()
    assert (found["budget_bytes"], found["queue"]) == (None, [])
    assert [(one["model"], one["presence"], one["judge"], one["busy"]) for one in found["models"]] == [
        ("demo-small", "loaded", True, 0),
        ("demo-medium", "loaded", False, 0),
        ("demo-large", "loaded", False, 0),
    ]
    assert [one["endpoint"] for one in found["endpoints"]] == ["embedded-demo-small"]
