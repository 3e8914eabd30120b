"""`pointsman models ps` with a gateway: its own GGUF files, what is pinned, who waits and for how long."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import yaml

from pointsman.adapters.runtimes.demo.cache import ensure_demo_models
from pointsman.bootstrap import embedded_models
from pointsman.cli.gateway_memory import with_gateway
from pointsman.cli.memory import Held
from pointsman.config.load import load, loaded_from
from pointsman.config.schema import Settings
from pointsman.core.jsontypes import JsonObject
from pointsman.core.local import Presence, Running
from pointsman.household import gateway_url
from pointsman.server.gateway import OpenGateway
from pointsman.server.run import running
from tests.cli.conftest import Run

LOADED = loaded_from(
    Settings.model_validate({"models": [{"name": "big", "gguf": {"path": "x", "context_tokens": 512}}]})
)
TOLD: JsonObject = {
    "models": [
        {"model": "quick", "runtime": "ollama", "presence": "loaded", "pinned": True, "busy": 2, "waiting": 0},
        {"model": "big", "presence": "loading", "pinned": False, "busy": 0, "waiting": 2, "size_bytes": 5},
        {"model": "idle", "presence": "absent", "waiting": 0},
        {"model": "own", "runtime": "localhost:9379", "presence": "served", "pinned": True, "busy": None},
    ],
    "queue": [{"model": "big", "eta_s": 3.0}, {"model": "big", "eta_s": 4.5}],
}


def test_what_the_gateway_knows_goes_with_what_the_servers_say() -> None:
    """The servers' figures stay; what only the gateway knows comes after; what is not loaded is left out."""
    quick = Held(name="quick", endpoint="ollama", running=Running(model="qwen2.5:3b", total_bytes=7))
    other = Held(name="other", endpoint="ollama", running=Running(model="other"))
    assert with_gateway([quick, other], TOLD, LOADED) == [
        Held(
            name="quick",
            endpoint="ollama",
            running=Running(model="qwen2.5:3b", total_bytes=7, busy=2),
            is_pinned=True,
            waiting=0,
        ),
        other,
        Held(
            name="big",
            endpoint="the gateway",
            running=Running(model="big", presence=Presence.LOADING, total_bytes=5, context_tokens=512, busy=0),
            is_pinned=False,
            waiting=2,
            eta_s=4.5,
        ),
        Held(name="own", endpoint="localhost:9379", running=Running(model="own"), is_pinned=True, waiting=0),
    ]
    assert with_gateway([quick], None, LOADED) == [quick]


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:4000"),
        ("0.0.0.0", "http://127.0.0.1:4000"),
        ("::", "http://[::1]:4000"),
        ("::1", "http://[::1]:4000"),
        ("box.lan", "http://box.lan:4000"),
    ],
)
def test_a_gateway_is_asked_where_it_can_be_reached(host: str, url: str) -> None:
    """An address that stands for all of the machine's is not one to call."""
    assert gateway_url(loaded_from(Settings.model_validate({"server": {"host": host}}))) == url


@pytest.mark.e2e
async def test_ps_shows_a_running_gateways_own_models(process: Run, folder: Path) -> None:
    """With its key."""
    files = {model.name: model.path for model in ensure_demo_models(folder / "cache", lambda _text: None)}
    settings = {
        "local": {"vram": "1GB", "reserve": "1MiB"},
        "server": {"master_key": "sk-1234"},
        "models": [
            {"name": "here", "gguf": str(files["demo-small"]), "pinned": True, "memory": "40MB"},
            {"name": "there", "gguf": str(files["demo-medium"]), "memory": "50MB"},
        ],
    }
    path = folder / "pointsman.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    loaded = load(config=path, environ={"POINTSMAN_LEDGER__PATH": str(folder / "l.db")}, cwd=folder)
    with embedded_models(loaded) as addresses:
        async with running(OpenGateway(loaded, addresses)) as url:
            settings["server"] = {"master_key": "sk-1234", "port": int(url.rpartition(":")[2])}
            path.write_text(yaml.safe_dump(settings), encoding="utf-8")
            found: list[JsonObject] = []
            async with asyncio.timeout(20):
                while not any(one["presence"] == "loaded" for one in found):
                    found = json.loads((await asyncio.to_thread(process, "models", "ps", "--json")).out)
            shown = (await asyncio.to_thread(process, "models", "ps")).out
    assert [(one["model"], one["endpoint"], one["total_bytes"], one["pinned"]) for one in found] == [
        ("here", "the gateway", 40_000_000, True)
    ]
    assert shown.splitlines()[1].split() == ["here", "the", "gateway", "loaded", "40", "MB", "4K", "pinned"]
