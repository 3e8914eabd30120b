"""Ollama's models loaded, unloaded, downloaded and looked at, against a server that follows the real one's rules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from pointsman.adapters.http import HttpClient
from pointsman.adapters.runtimes.local_api import LocalApi, Patience, root_of
from pointsman.adapters.runtimes.ollama import (
    FOR_EVER,
    START,
    TITLE,
    OllamaRuntime,
    Setup,
    keep_alive_of,
    runner_options,
    same_model,
)
from pointsman.adapters.runtimes.ollama_library import Installed, OllamaLibrary
from pointsman.core.errors import RuntimeUnavailable
from pointsman.core.jsontypes import Json
from pointsman.core.local import PullProgress, Running
from tests.e2e.ollama_server import CREATED_S
from tests.e2e.wire import Scripted
from tests.runtimes.fake_ollama import COMPUTE_BYTES, GB, FakeOllama, Model, pulled, running_ollama, until

SEVEN = Model(name="qwen2.5:7b", digest="sha256-b")
THREE = Model(
    name="qwen2.5:3b", digest="sha256-a", file_bytes=1_924_000_000, layers=36, embedding=2048, heads=16, kv_heads=2
)
EMBED = Model(name="nomic-embed-text:latest", digest="sha256-c", file_bytes=274_000_000, only_embeds=True)
CLOUD = Model(name="gpt-oss:120b-cloud", digest="sha256-d", file_bytes=384, remote_host="https://ollama.com:443")
NUM_CTX: Mapping[str, Json] = {"num_ctx": 8192}


@dataclass(frozen=True, kw_only=True)
class Stand:
    """A runtime and the server behind it."""

    ollama: FakeOllama
    server: Scripted
    client: HttpClient
    api: LocalApi
    setups: dict[str, Setup] = field(default_factory=dict)

    @property
    def runtime(self) -> OllamaRuntime:
        """With this stand's setups."""
        return OllamaRuntime(
            api=self.api,
            setup_of=lambda model: self.setups.get(model, Setup()),
            names=self.setups,
            now=self.ollama.now,
        )

    @property
    def library(self) -> OllamaLibrary:
        """Its disk."""
        return OllamaLibrary(api=self.api)

    async def ask(self, path: str, body: dict[str, Json]) -> int:
        """A request as callers make it; the status."""
        return (await self.api.post(path, {"stream": False, **body})).status


@asynccontextmanager
async def stand(ollama: FakeOllama, setups: dict[str, Setup] | None = None) -> AsyncIterator[Stand]:
    """A stand with *ollama*."""
    async with running_ollama(ollama) as server, HttpClient() as client:
        patience = Patience(answer_s=10.0, load_s=10.0, unload_s=10.0, every_s=0.001)
        api = LocalApi(client=client, target=root_of(server.url), title=TITLE, start=START, patience=patience)
        yield Stand(ollama=ollama, server=server, client=client, api=api, setups=setups or {})


async def test_a_load_says_what_the_model_takes_and_carries_its_setup() -> None:
    """The options and the keep-alive are ours; no prompt goes along."""
    setup = Setup(options=NUM_CTX, keep_alive=FOR_EVER)
    async with stand(FakeOllama(models=pulled(SEVEN)), {"qwen2.5:7b": setup}) as at:
        size = SEVEN.file_bytes + SEVEN.kv_bytes(8192) + COMPUTE_BYTES
        expected = Running(model="qwen2.5:7b", total_bytes=size, vram_bytes=size, context_tokens=8192)
        assert await at.runtime.load("qwen2.5:7b") == expected
        assert await at.runtime.running() == [expected]
        assert at.server.bodies[0] == {"model": "qwen2.5:7b", "keep_alive": -1, "stream": False, "options": NUM_CTX}


async def test_a_model_that_is_not_to_stay_says_until_when() -> None:
    """A big one goes by itself ten minutes after its last request."""
    async with stand(FakeOllama(models=pulled(SEVEN))) as at:
        assert (await at.runtime.load("qwen2.5:7b")).until_s == pytest.approx(CREATED_S + 600, abs=1)
        at.ollama.clock.advance(601)
        assert await at.runtime.running() == []


async def test_requests_with_the_setups_options_load_nothing_anew() -> None:
    """The very options that a card's requests carry are those of the load."""
    async with stand(FakeOllama(models=pulled(SEVEN)), {SEVEN.name: Setup(options=NUM_CTX)}) as at:
        await at.runtime.load(SEVEN.name)
        body: dict[str, Json] = {"model": SEVEN.name, "messages": [{"role": "user", "content": "hi"}]}
        assert await at.ask("/api/chat", {**body, "options": {"num_ctx": 8192, "temperature": 0.1}}) == 200
        assert at.ollama.story == ["load qwen2.5:7b", "answer qwen2.5:7b"]
        assert await at.ask("/v1/chat/completions", body) == 200
        assert at.ollama.story[2:] == ["unload qwen2.5:7b", "load qwen2.5:7b", "answer qwen2.5:7b"]


async def test_an_unload_returns_when_the_memory_is_free_again() -> None:
    """Not when Ollama has taken note of it."""
    async with stand(FakeOllama(models=pulled(SEVEN, THREE))) as at:
        await at.runtime.load(SEVEN.name)
        await at.runtime.load(THREE.name)
        await at.runtime.unload(SEVEN.name)
        assert [one.model for one in await at.runtime.running()] == [THREE.name]
        assert at.ollama.story == ["load qwen2.5:7b", "load qwen2.5:3b", "unload qwen2.5:7b"]


async def test_an_unload_lets_requests_end_first() -> None:
    """The runner goes when its last request does."""
    async with stand(FakeOllama(models=pulled(SEVEN))) as at:
        await at.runtime.load(SEVEN.name)
        request = await at.ollama.lease(SEVEN.name, {}, None)
        async with asyncio.TaskGroup() as group:
            unload = group.create_task(at.runtime.unload(SEVEN.name))
            await until(lambda: len(at.server.calls) == 4)  # load, a look, unload, a look
            assert not unload.done()
            at.ollama.release(request)
        assert await at.runtime.running() == []


async def test_an_unload_of_what_is_not_there_does_nothing() -> None:
    """Not loaded, or removed from the disk."""
    async with stand(FakeOllama(models=pulled(SEVEN))) as at:
        await at.runtime.unload(SEVEN.name)
        await at.runtime.unload("gone:1b")
        assert at.ollama.story == []


async def test_an_unload_that_never_ends_is_given_up() -> None:
    """With a word on where to look."""
    async with stand(FakeOllama(models=pulled(SEVEN))) as at:
        await at.runtime.load(SEVEN.name)
        await at.ollama.lease(SEVEN.name, {}, None)
        patience = Patience(unload_s=0.05, every_s=0.01)
        api = LocalApi(client=at.client, target=at.api.target, title=TITLE, start=START, patience=patience)
        with pytest.raises(RuntimeUnavailable, match=r"qwen2\.5:7b was not unloaded within 0\.05 s\. Look into"):
            await OllamaRuntime(api=api, now=at.ollama.now).unload(SEVEN.name)


async def test_an_embeddings_model_is_loaded_by_its_own_path() -> None:
    """/api/generate refuses it before it loads anything; the name comes back as the caller writes it."""
    async with stand(FakeOllama(models=pulled(EMBED)), {"nomic-embed-text": Setup(keep_alive=FOR_EVER)}) as at:
        assert (await at.runtime.load("nomic-embed-text")).model == "nomic-embed-text"
        assert at.ollama.story == ["load nomic-embed-text:latest"]
        await at.runtime.unload("nomic-embed-text")
        assert await at.runtime.running() == []


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("none:1b", r"could not load none:1b: model 'none:1b' not found \(status 404\)\. Run `ollama pull none:1b`\."),
        ("big:70b", r"could not load big:70b: model requires more system memory .*Choose a smaller model"),
    ],
)
async def test_a_load_that_fails_says_what_to_do(model: str, said: str) -> None:
    """In Ollama's words, and with advice."""
    big = Model(name="big:70b", is_broken=True)
    async with stand(FakeOllama(models=pulled(big))) as at:
        with pytest.raises(RuntimeUnavailable, match=said):
            await at.runtime.load(model)


async def test_a_queue_that_is_full_is_said() -> None:
    """503, with what to try."""
    ollama = FakeOllama(models=pulled(SEVEN), max_queue=0)
    async with stand(ollama) as at:
        with pytest.raises(
            RuntimeUnavailable, match=r"maximum pending requests exceeded .status 503.* when it has less"
        ):
            await at.runtime.load(SEVEN.name)


async def test_where_no_ollama_is_one_is_told_to_start_it() -> None:
    """Nobody listens there."""
    async with stand(FakeOllama(models={})) as at:
        pass
    async with HttpClient() as client:
        api = LocalApi(client=client, target=at.api.target, title=TITLE, start=START)
        with pytest.raises(
            RuntimeUnavailable, match=r"Ollama at 127\.0\.0\.1:[0-9]+ does not answer\. Start it with `ollama"
        ):
            await OllamaRuntime(api=api, now=lambda: 0.0).running()


async def test_a_model_that_is_put_out_at_once_is_no_load() -> None:
    """Another program's load had no room beside it."""
    ollama = FakeOllama(models=pulled(SEVEN))
    async with stand(ollama, {SEVEN.name: Setup(keep_alive="0s")}) as at:
        with pytest.raises(RuntimeUnavailable, match=r"has loaded qwen2\.5:7b and put it out again"):
            await at.runtime.load(SEVEN.name)


# ── the server's own rules, which our setups count on ──


async def test_ollama_puts_out_the_shortest_keep_alive_whatever_its_size() -> None:
    """With equal ones the file's name decides: the pinned 3B would go for a 32B. So pinned ones stay for ever."""
    big = Model(name="qwen2.5:32b", digest="sha256-z", file_bytes=19_845_000_000, layers=64, embedding=5120, heads=40)
    for pinned, first_out in (("10m", THREE.name), (FOR_EVER, SEVEN.name)):
        setups = {THREE.name: Setup(keep_alive=pinned), SEVEN.name: Setup(), big.name: Setup()}
        async with stand(FakeOllama(models=pulled(THREE, SEVEN, big), vram_bytes=30 * GB), setups) as at:
            for model in (THREE, SEVEN, big):
                await at.runtime.load(model.name)
            assert at.ollama.story[2] == f"unload {first_out}"


async def test_ollama_lets_requests_past_a_load_only_where_their_model_is_there() -> None:
    """Others wait behind it, in order."""
    ollama = FakeOllama(models=pulled(THREE, SEVEN, EMBED))
    async with stand(ollama) as at:
        await at.runtime.load(THREE.name)
        ollama.gate = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(at.runtime.load(SEVEN.name))
            await until(lambda: ollama.waiting == 1)
            group.create_task(at.runtime.load("nomic-embed-text"))
            await until(lambda: ollama.waiting == 2)
            assert await at.ask("/api/generate", {"model": THREE.name, "prompt": "hi"}) == 200
            ollama.gate.set()
        assert ollama.story == [
            "load qwen2.5:3b",
            "load qwen2.5:7b",
            "answer qwen2.5:3b",
            "load nomic-embed-text:latest",
        ]


async def test_ollama_takes_one_more_only_into_four_fifths_of_what_is_free() -> None:
    """Both would fit into 7 GB, yet the first goes."""
    async with stand(FakeOllama(models=pulled(THREE, SEVEN), vram_bytes=7_500_000_000)) as at:
        await at.runtime.load(THREE.name)
        await at.runtime.load(SEVEN.name)
        assert at.ollama.story == ["load qwen2.5:3b", "unload qwen2.5:3b", "load qwen2.5:7b"]


# ── the disk ──


async def test_models_in_the_cloud_are_told_apart() -> None:
    """In the list and by name."""
    async with stand(FakeOllama(models=pulled(THREE, CLOUD))) as at:
        small, cloud = await at.library.installed()
        assert small == Installed(
            name="qwen2.5:3b",
            size_bytes=1_924_000_000,
            digest="sha256-a",
            family="qwen2",
            parameters="7.6B",
            quantization="Q4_K_M",
            is_remote=False,
        )
        assert (cloud.name, cloud.is_remote) == ("gpt-oss:120b-cloud", True)


async def test_a_name_of_ones_own_for_a_model_in_the_cloud_is_told_apart() -> None:
    """The name does not tell, the server does."""
    mine = Model(name="mine:latest", remote_host="https://ollama.com:443")
    async with stand(FakeOllama(models=pulled(mine))) as at:
        assert (await at.library.show("mine")).is_remote
        assert [one.is_remote for one in await at.library.installed()] == [True]


async def test_a_models_shape_and_weights_are_read() -> None:
    """What the reckoning of its memory needs; the tensors tell the vocabulary, for which there may be no key."""
    async with stand(FakeOllama(models=pulled(SEVEN))) as at:
        shown = await at.library.show("qwen2.5:7b")
        assert shown.architecture is not None
        assert (shown.architecture.layers, shown.architecture.kv_heads[0], shown.architecture.vocabulary) == (
            28,
            4,
            152064,
        )
        assert shown.weights_bytes == pytest.approx(SEVEN.file_bytes, rel=1e-6)
        assert (shown.capabilities, shown.context_tokens, shown.is_remote) == (("completion", "tools"), 32768, False)


async def test_a_model_that_is_not_installed_is_neither_shown_nor_removed() -> None:
    """It says how to see what is."""
    async with stand(FakeOllama(models=pulled(SEVEN))) as at:
        with pytest.raises(RuntimeUnavailable, match=r"could not show none: .*`ollama list` shows"):
            await at.library.show("none")
        with pytest.raises(RuntimeUnavailable, match=r"could not remove none: .*`ollama list` shows"):
            await at.library.remove("none")
        await at.library.remove("qwen2.5:7b")
        assert await at.library.installed() == []


async def pull(at: Stand, model: str) -> list[PullProgress]:
    """All that is told while *model* is pulled."""
    async with aclosing(at.library.pull(model)) as told:
        return [progress async for progress in told]


async def test_a_download_tells_how_far_it_is() -> None:
    """Over all layers, to the end."""
    async with stand(FakeOllama(models={}, downloads={"tiny:1b": []})) as at:
        told = await pull(at, "tiny:1b")
        assert told[0] == PullProgress(status="pulling manifest")
        assert [one.done_bytes for one in told if one.status == "pulling aaa"] == [250, 500, 750, 1000]
        assert told[-1] == PullProgress(status="success", done_bytes=1010, total_bytes=1010)
        assert [one.name for one in await at.library.installed()] == ["tiny:1b"]


@pytest.mark.parametrize(
    "plan",
    [["500 cut"], ["250 cut", "500 cut", "750 cut"], ["500 read tcp: i/o timeout"], ["500 max retries exceeded: EOF"]],
)
async def test_a_download_that_breaks_off_goes_on_where_it_stopped(plan: list[str]) -> None:
    """The connection, or Ollama's own to its library."""
    async with stand(FakeOllama(models={}, downloads={"tiny:1b": plan})) as at:
        told = await pull(at, "tiny:1b")
        done = [one.done_bytes for one in told]
        assert all(before <= after for before, after in pairwise(done))
        assert told[-1].status == "success"


async def test_a_download_that_gets_no_further_is_given_up() -> None:
    """After five connections in a row without a byte."""
    async with stand(FakeOllama(models={}, downloads={"tiny:1b": ["500 cut"] * 99})) as at:
        with pytest.raises(RuntimeUnavailable, match="connection"):
            await pull(at, "tiny:1b")
        assert len(at.server.calls) == 6


@pytest.mark.parametrize(
    ("plan", "advice"),
    [
        (None, "file does not exist. Look for its name and tag on ollama.com/library."),
        (["500 write /models/blobs: no space left on device"], "Free disk space, then pull again"),
        (["0 pull model manifest: 412: requires a newer version of Ollama"], "Update Ollama."),
        (["500 digest mismatch, file must be downloaded again"], "Pull again: it goes on where it stopped."),
    ],
)
async def test_a_download_that_fails_says_what_to_do(plan: list[str] | None, advice: str) -> None:
    """No such model, no space, no way."""
    async with stand(FakeOllama(models={}, downloads={} if plan is None else {"tiny:1b": plan})) as at:
        with pytest.raises(RuntimeUnavailable) as caught:
            await pull(at, "tiny:1b")
        assert advice in str(caught.value)
        assert len(at.server.calls) == 1


# ── names and setups ──


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("qwen3", "qwen3:latest", True),
        ("Qwen3:8B", "qwen3:8b", True),
        ("registry.ollama.ai/library/qwen3:8b", "qwen3:8b", True),
        ("hf.co/unsloth/x-GGUF", "hf.co/unsloth/x-gguf:latest", True),
        ("qwen3:8b", "qwen3", False),
        ("localhost:5000/x", "localhost:5000/x:latest", True),
    ],
)
def test_names_mean_the_same_as_ollama_takes_them(one: str, other: str, *, same: bool) -> None:
    """Without a tag it is the latest, in any case of letters."""
    assert same_model(one, other) is same


def test_only_what_a_load_depends_on_is_of_the_setup() -> None:
    """A temperature is none of its business, and null leaves it to Ollama."""
    options: Json = {"num_ctx": 8192, "num_gpu": 20, "temperature": 0.2, "num_batch": None}
    assert runner_options({"options": options, "keep_alive": "5m"}) == {"num_ctx": 8192, "num_gpu": 20}
    assert runner_options({"options": "wrong"}) == {}


@pytest.mark.parametrize(
    ("is_pinned", "size_bytes", "expected"),
    [(True, 20 * GB, FOR_EVER), (False, 6 * GB, FOR_EVER), (False, 7 * GB, "10m"), (False, None, "10m")],
)
def test_pinned_and_small_models_stay(size_bytes: int | None, expected: int | str, *, is_pinned: bool) -> None:
    """Small is up to a fourth of the memory; of unknown size is not small."""
    assert keep_alive_of(is_pinned=is_pinned, size_bytes=size_bytes, budget_bytes=24 * GB) == expected
