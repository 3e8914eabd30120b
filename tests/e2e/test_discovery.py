"""Asking servers on this machine what they have: a real one that answers, and those that had better not."""

from __future__ import annotations

import asyncio
import time

import pytest

from pointsman.adapters.http import HttpClient
from pointsman.adapters.http.probe import ask, windows_in
from pointsman.config.discover import Probe, settings_from
from pointsman.core.jsontypes import Json, JsonObject
from tests.adapters.http.servers import Peer
from tests.e2e.ollama_server import ollama_server
from tests.e2e.openai_server import Act, answers, hangs, openai_server, resets
from tests.e2e.wire import Call, begin

pytestmark = pytest.mark.e2e


async def probed(url: str) -> dict[str, Json]:
    """What `discovered` would learn from a server at *url* in Ollama's place."""
    found: dict[str, Json] = {}
    probe = Probe(name="ollama", title="Ollama", url=f"{url}/api/tags", dialect="ollama", base_url=url)
    async with asyncio.timeout(5), HttpClient() as client:
        await ask(client, probe, found)
    return found


async def test_ollamas_models_become_tiers() -> None:
    """From the server's own list to settings; its port is the one thing that is not the real one."""
    names = ("qwen2.5:3b", "nomic-embed-text:latest")
    async with ollama_server(models=names) as ollama:
        found = await probed(ollama.url)
    discovery = settings_from(found, {})
    described = [(model.name, model.tier and model.tier.value, model.is_local) for model in discovery.models]
    assert described == [("qwen2.5:3b", "simple", True), ("nomic-embed-text:latest", None, True)]
    assert discovery.lines == ("Ollama at http://127.0.0.1:11434: qwen2.5:3b, nomic-embed-text:latest",)


async def test_ollama_tells_how_much_its_models_can_read() -> None:
    """What a model was made for, bounded, and what its Modelfile loads it with, which stays."""
    shown: dict[str, JsonObject] = {
        "big:latest": {"model_info": {"qwen3.context_length": 262_144}, "parameters": "stop x\nnum_ctx 16384"},
        "small:latest": {"model_info": {"llama.context_length": 2_048, "general.architecture": "llama"}},
        "long:latest": {"model_info": {"x.context_length": 131_072}, "parameters": "num_ctx  65536"},
    }
    async with ollama_server(models=(*shown, "silent:latest", "gone:latest-cloud"), shown=shown) as ollama:
        found = await probed(ollama.url)
    settings = settings_from(found, {}).settings
    assert {model.name: (model.context_tokens, model.defaults) for model in settings.models} == {
        "big:latest": (32_768, {"num_ctx": 16_384}),
        "small:latest": (2_048, {}),
        "long:latest": (65_536, {"num_ctx": 65_536}),
        "silent:latest": (None, {}),
        "gone:latest-cloud": (None, {}),
    }


@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"model_info": None, "parameters": 5},
        {"model_info": {"x.context_length": "many"}, "parameters": "num_ctx"},
        {"model_info": {"x.context_length": 0}, "parameters": "num_ctx -1\n\n"},
    ],
)
def test_what_ollama_does_not_say_is_not_known(shown: JsonObject) -> None:
    """Older servers leave it out."""
    assert windows_in(shown) == {}


async def stalls(peer: Peer, call: Call) -> None:
    """A head, and nothing more."""
    await begin(peer, "application/json")
    await hangs(peer, call)


@pytest.mark.parametrize(
    "act",
    [hangs, stalls, resets, answers(200, b"<html>"), answers(404, {"models": []}), answers(200, b"\xff\xfe")],
    ids=["hang", "stall", "reset", "HTML", "404", "bytes"],
)
async def test_a_stranger_on_the_port_is_nobody(act: Act) -> None:
    """Within the half second that it may take."""
    async with openai_server(act) as stranger:
        began = time.monotonic()
        assert await probed(stranger.url) == {}
    assert time.monotonic() - began < 1.5  # the promise itself, with room for a busy machine


async def test_nobody_on_the_port_is_nobody() -> None:
    """Refused at once."""
    async with openai_server(hangs) as gone:
        url = gone.url
    assert await probed(url) == {}
