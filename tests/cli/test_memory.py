"""`pointsman models ps`, `load`, `unload`, `pull` and `rm` at an Ollama on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Done, Run
from tests.runtimes.fake_ollama import FakeOllama, Model, pulled, running_ollama

pytestmark = pytest.mark.e2e
CLOSED_PORT = 1
NO_GATEWAY = "No gateway answers at http://127.0.0.1:1: its GGUF files are not shown.\n"
CONFIG = """\
local: {{vram: 24GiB}}
server: {{port: {port}}}
models:
  - name: quick
    model: "qwen2.5:0.5b"
    dialect: ollama
    base_url: "{url}"
    local: true
    context_tokens: 4096
  - {{name: tiny, gguf: tiny.gguf}}
  - {{name: cloud, model: openai/gpt-5, api_key: sk-made-up}}
"""


@asynccontextmanager
async def ollama_for(folder: Path, port: int = CLOSED_PORT) -> AsyncIterator[FakeOllama]:
    """An Ollama with one small model, and a configuration that uses it."""
    small = Model(name="qwen2.5:0.5b", file_bytes=397_000_000, layers=24, embedding=896, heads=14, kv_heads=2)
    ollama = FakeOllama(models=pulled(small), downloads={"llama3.2:1b": [], small.name: []})
    async with running_ollama(ollama) as server:
        (folder / "pointsman.yaml").write_text(CONFIG.format(url=server.url, port=port), encoding="utf-8")
        yield ollama


async def said(process: Run, *words: str) -> Done:
    """What the command says, while this loop serves."""
    return await asyncio.to_thread(process, *words)


async def test_a_model_is_loaded_seen_and_unloaded(process: Run, folder: Path) -> None:
    """By the name that the configuration gives it; it is small, and so it stays."""
    async with ollama_for(folder) as ollama:
        empty = await said(process, "models", "ps")
        assert (empty.out, empty.err, empty.code) == ("", f"{NO_GATEWAY}No model is in memory.\n", 0)
        loaded = await said(process, "models", "load", "quick")
        assert loaded.out.startswith("quick is in memory at 127.0.0.1:")
        (held,) = json.loads((await said(process, "models", "ps", "--json")).out)
        assert {key: held[key] for key in ("model", "upstream_model", "presence", "context_tokens", "until_s")} == {
            "model": "quick",
            "upstream_model": "qwen2.5:0.5b",
            "presence": "loaded",
            "context_tokens": 4096,
            "until_s": None,
        }
        header, row = (await said(process, "models", "ps")).out.splitlines()
        assert header.split() == ["MODEL", "AT", "STATE", "MEMORY", "CONTEXT", "STAYS"]
        assert (row.split()[0], row.split()[2], row.split()[-2:]) == ("quick", "loaded", ["4K", "–"])
        assert (await said(process, "models", "unload", "quick")).out.startswith("quick is out of memory at 127.0.0.1:")
        assert ollama.runners == {}


async def test_what_cannot_be_loaded_is_said(process: Run, folder: Path) -> None:
    """A GGUF file is the gateway's, a cloud model nobody's here."""
    async with ollama_for(folder):
        gguf = await said(process, "models", "load", "tiny")
        assert (gguf.code, gguf.err.splitlines()[0]) == (
            4,
            "error: tiny is a GGUF file: the gateway has it in memory, from its start or as requests need it.",
        )
        cloud = await said(process, "models", "unload", "cloud")
        assert (cloud.code, cloud.err.splitlines()[0]) == (2, "error: NAME: 'cloud' is no local model.")


async def test_a_server_that_is_down_is_a_warning(process: Run, folder: Path) -> None:
    """The others are shown all the same."""
    (folder / "pointsman.yaml").write_text(CONFIG.format(url="http://127.0.0.1:9", port=CLOSED_PORT), encoding="utf-8")
    done = await said(process, "models", "ps", "--json")
    assert (done.code, json.loads(done.out)) == (0, [])
    assert done.err.startswith(f"{NO_GATEWAY}warning: Ollama at 127.0.0.1:9 does not answer.")


async def test_ollama_pulls_and_deletes(process: Run, folder: Path) -> None:
    """With `ollama:` before a name, or by the name of a configured model of its."""
    async with ollama_for(folder) as ollama:
        done = await said(process, "models", "pull", "ollama:llama3.2:1b")
        assert (done.code, done.out) == (0, "llama3.2:1b is in Ollama.\n")
        assert "llama3.2:1b: " in done.err
        assert "llama3.2:1b" in ollama.models
        again = await said(process, "models", "pull", "quick", "--json")
        assert json.loads(again.out) == {"name": "qwen2.5:0.5b", "source": "ollama"}
        assert (await said(process, "models", "rm", "ollama:llama3.2:1b")).out == "ollama:llama3.2:1b is deleted.\n"
        assert "llama3.2:1b" not in ollama.models
