"""What every local runtime promises, against servers that answer as the real ones do, and the real ones where they are.

A real Ollama is used when one listens on 127.0.0.1:11434 and has a model.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pointsman.adapters.http import HttpClient
from pointsman.adapters.runtimes.demo.language import VOICES
from pointsman.adapters.runtimes.demo.maker import DemoRecipe, make_model
from pointsman.adapters.runtimes.demo.weights import Shape
from pointsman.adapters.runtimes.embedded_llama import ModelFile
from pointsman.adapters.runtimes.identify import runtime_for
from pointsman.adapters.runtimes.litert import LiteRtRuntime
from pointsman.adapters.runtimes.llama_children import LlamaChildren, with_ports
from pointsman.adapters.runtimes.llama_server import LlamaServerRuntime
from pointsman.adapters.runtimes.llama_swap import LlamaSwapRuntime
from pointsman.adapters.runtimes.lm_studio import LmStudioRuntime
from pointsman.adapters.runtimes.local_api import LocalApi, Patience, root_of
from pointsman.adapters.runtimes.ollama import OllamaRuntime
from pointsman.adapters.runtimes.ollama_library import OllamaLibrary
from pointsman.adapters.runtimes.vllm import VllmRuntime
from pointsman.core.errors import RuntimeUnavailable
from pointsman.core.local import Presence
from pointsman.core.ports import LocalRuntime
from pointsman.testing import an_endpoint
from pointsman.testing.runtime import FakeRuntime
from tests.adapters.http.servers import Peer
from tests.e2e.wire import Call, Handler, scripted, stand_still, whole
from tests.runtimes.fake_ollama import FakeOllama, Model, pulled
from tests.runtimes.fake_servers import BIG, BROKEN, HTML, SMALL, LiteRt, LlamaRouter, LlamaSwap, LmStudio, Vllm

QUICK = Patience(answer_s=10.0, load_s=10.0, unload_s=10.0, every_s=0.001)
REAL_OLLAMA = "http://127.0.0.1:11434"


@dataclass(slots=True, kw_only=True)
class Rig:
    """A runtime that holds nothing yet, and a model that it has."""

    runtime: LocalRuntime
    model: str
    story: list[str] | None = None  # what its server loaded and unloaded
    broken: str | None = None  # a model that does not load
    can_unload: bool = True
    knows_models: bool = True


Open = Callable[[Path], AbstractAsyncContextManager[Rig]]
Make = Callable[[LocalApi], LocalRuntime]
MAKES: Mapping[str, Make] = {
    "ollama": lambda api: OllamaRuntime(api=api, now=time.time),
    "llama_server": lambda api: LlamaServerRuntime(api=api),
    "llama_swap": lambda api: LlamaSwapRuntime(api=api),
    "lm_studio": lambda api: LmStudioRuntime(api=api),
    "vllm": lambda api: VllmRuntime(api=api),
    "litert": lambda api: LiteRtRuntime(api=api),
    "litert_gemini": lambda api: LiteRtRuntime(api=api, is_gemini=True),
}


def an_api(client: HttpClient, url: str, patience: Patience = QUICK) -> LocalApi:
    """The way to the server at *url*."""
    return LocalApi(client=client, target=root_of(url), title="The server", start="Start it.", patience=patience)


@asynccontextmanager
async def against(name: str, handler: Handler) -> AsyncIterator[LocalRuntime]:
    """The runtime called *name* with the server of *handler* behind it."""
    async with scripted(handler) as server, HttpClient() as client:
        yield MAKES[name](an_api(client, server.url))


@asynccontextmanager
async def fake(_folder: Path) -> AsyncIterator[Rig]:
    """The fake that tests of others use."""
    runtime = FakeRuntime(sizes={SMALL: 1, BROKEN: 1}, broken={BROKEN})
    yield Rig(runtime=runtime, model=SMALL, story=None, broken=BROKEN, knows_models=False)


@asynccontextmanager
async def ollama(_folder: Path) -> AsyncIterator[Rig]:
    """Ollama as its rules are known."""
    server = FakeOllama(models=pulled(Model(name="small:1b"), Model(name="broken:1b", is_broken=True)))
    async with against("ollama", server.handle) as runtime:
        yield Rig(runtime=runtime, model="small:1b", story=server.story, broken="broken:1b")


@asynccontextmanager
async def llama_router(_folder: Path) -> AsyncIterator[Rig]:
    """llama-server as a router; the name has what a path and a query may not."""
    server = LlamaRouter()
    async with against("llama_server", server.handle) as runtime:
        yield Rig(runtime=runtime, model=BIG, story=server.story, broken=BROKEN)


@asynccontextmanager
async def llama_swap(_folder: Path) -> AsyncIterator[Rig]:
    """llama-swap; the same name."""
    server = LlamaSwap()
    async with against("llama_swap", server.handle) as runtime:
        yield Rig(runtime=runtime, model=BIG, story=server.story, broken=BROKEN)


@asynccontextmanager
async def lm_studio(_folder: Path) -> AsyncIterator[Rig]:
    """LM Studio."""
    server = LmStudio()
    async with against("lm_studio", server.handle) as runtime:
        yield Rig(runtime=runtime, model=SMALL, story=server.story, broken=BROKEN)


@asynccontextmanager
async def vllm(_folder: Path) -> AsyncIterator[Rig]:
    """vLLM, asleep."""
    server = Vllm()
    async with against("vllm", server.handle) as runtime:
        yield Rig(runtime=runtime, model=SMALL, story=server.story)


@asynccontextmanager
async def litert(_folder: Path) -> AsyncIterator[Rig]:
    """LiteRT-LM by OpenAI's API."""
    server = LiteRt()
    async with against("litert", server.handle) as runtime:
        yield Rig(runtime=runtime, model=SMALL, story=server.story, broken=BROKEN, can_unload=False)


@asynccontextmanager
async def litert_gemini(_folder: Path) -> AsyncIterator[Rig]:
    """LiteRT-LM by Gemini's API."""
    server = LiteRt(is_gemini=True)
    async with against("litert_gemini", server.handle) as runtime:
        yield Rig(runtime=runtime, model=SMALL, story=server.story, broken=BROKEN, can_unload=False)


@asynccontextmanager
async def llama_children(folder: Path) -> AsyncIterator[Rig]:
    """Real llama.cpp processes of our own."""
    files = with_ports({SMALL: a_file(folder)})
    async with LlamaChildren(files) as children:
        yield Rig(runtime=children, model=SMALL, knows_models=False)


@asynccontextmanager
async def real_ollama(_folder: Path) -> AsyncIterator[Rig]:
    """The one on this machine, with its smallest model."""
    async with HttpClient() as client:
        api = an_api(client, REAL_OLLAMA, Patience())
        try:
            models = [one for one in await OllamaLibrary(api=api).installed() if not one.is_remote]
        except RuntimeUnavailable:
            pytest.skip(f"no Ollama listens on {REAL_OLLAMA}")
        if not models:
            pytest.skip("the Ollama here has no model: `ollama pull smollm2:135m`")
        model = min(models, key=lambda one: one.size_bytes or 0).name
        runtime = OllamaRuntime(api=api, now=time.time)
        await runtime.unload(model)
        yield Rig(runtime=runtime, model=model)
        await runtime.unload(model)


def a_file(folder: Path) -> ModelFile:
    """A model of 1 MB."""
    path = folder / "small.gguf"
    shape = Shape(width=256, layers=1, feed_forward=128)
    path.write_bytes(make_model(DemoRecipe(name="small", voice=VOICES["small"], shape=shape, context_tokens=2048)))
    return ModelFile(path=path, alias=SMALL, context_tokens=512, parallel_slots=2, threads=1)


OPENS = (fake, ollama, llama_router, llama_swap, lm_studio, vllm, litert, litert_gemini, llama_children, real_ollama)
every_runtime = pytest.mark.parametrize("opened", OPENS, ids=lambda one: one.__name__)
every_server = pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)


async def held(rig: Rig) -> list[tuple[str, Presence]]:
    """What of the rig's model is in memory; a real server may hold others."""
    return [(one.model, one.presence) for one in await rig.runtime.running() if one.model == rig.model]


@every_runtime
async def test_a_loaded_model_is_there_until_it_is_unloaded(opened: Open, tmp_path: Path) -> None:
    """Again and again; what `load` gives is what `running` says."""
    async with opened(tmp_path) as rig:
        assert await held(rig) == []
        for _ in range(2 if rig.can_unload else 1):
            loaded = await rig.runtime.load(rig.model)
            assert (loaded.model, loaded.presence) == (rig.model, Presence.LOADED)
            assert [replace(one, until_s=None) for one in await rig.runtime.running() if one.model == rig.model] == [
                replace(loaded, until_s=None)
            ]
            if rig.can_unload:
                await rig.runtime.unload(rig.model)
                assert await held(rig) == []
        if rig.story is not None:
            once = [f"load {rig.model}", f"unload {rig.model}"]
            assert rig.story == (once * 2 if rig.can_unload else once[:1])


@every_runtime
async def test_what_is_there_is_not_loaded_again(opened: Open, tmp_path: Path) -> None:
    """Loading it twice is loading it once."""
    async with opened(tmp_path) as rig:
        first = await rig.runtime.load(rig.model)
        again = await rig.runtime.load(rig.model)
        assert replace(again, until_s=None) == replace(first, until_s=None)
        assert rig.story in (None, [f"load {rig.model}"])


@every_runtime
async def test_unloading_what_is_not_there_is_no_error(opened: Open, tmp_path: Path) -> None:
    """Somebody else may have unloaded it."""
    async with opened(tmp_path) as rig:
        await rig.runtime.unload(rig.model)
        assert await held(rig) == []


@every_runtime
async def test_a_model_that_does_not_load_is_said(opened: Open, tmp_path: Path) -> None:
    """One that is not there, or has no room; and it is not held then."""
    async with opened(tmp_path) as rig:
        names = [name for name in (rig.broken, "none:1b" if rig.knows_models else None) if name is not None]
        for name in names:
            with pytest.raises(RuntimeUnavailable, match=name) as caught:
                await rig.runtime.load(name)
            assert caught.value.hint is not None or isinstance(rig.runtime, FakeRuntime)
        assert [one.model for one in await rig.runtime.running() if one.model in names] == []


@every_server
async def test_a_server_that_is_not_there_is_said_with_how_to_start_it(make: Make) -> None:
    """Whatever is asked of it. LiteRT-LM, which cannot unload, has nothing to unload then."""
    async with scripted(nobody) as server:
        url = server.url
    async with HttpClient() as client:
        runtime = make(an_api(client, url))
        calls = [runtime.running(), runtime.load("x")]
        if not isinstance(runtime, LiteRtRuntime):
            calls.append(runtime.unload("x"))
        for call in calls:
            with pytest.raises(RuntimeUnavailable, match=r"does not answer\. Start it"):
                await call


async def nobody(peer: Peer, call: Call) -> None:
    """A server that is asked nothing."""


@every_server
async def test_a_server_that_hangs_is_given_up(make: Make) -> None:
    """Within the time it has."""

    async def hangs(peer: Peer, call: Call) -> None:
        await stand_still(peer)

    hasty = Patience(answer_s=0.05, load_s=0.05, unload_s=0.05, every_s=0.01)
    async with scripted(hangs) as server, HttpClient() as client:
        with pytest.raises(RuntimeUnavailable, match="did not answer in time"):
            await make(an_api(client, server.url, hasty)).load("x")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"<html><body>Internal Server Error</body></html>"),
        (200, b"<html><body>Welcome to nginx!</body></html>"),
        (200, b"[1, 2]"),
        (200, b'{"models": 5, "data": [7, null], "running": {"a": 1}, "is_sleeping": "no"}'),
        (200, b"{" * 50_000),
        (401, b'{"error": {"message": "Invalid API Key", "code": 401}}'),
    ],
)
@every_server
async def test_a_server_of_another_kind_is_no_traceback(make: Make, status: int, body: bytes) -> None:
    """Nothing is said to be held, and a load is RuntimeUnavailable, except where an answer is all there is to see."""

    async def answers(peer: Peer, call: Call) -> None:
        await whole(peer, status, body, content=HTML)

    hasty = Patience(answer_s=5, load_s=0.02, unload_s=0.02, every_s=0.005)
    async with scripted(answers) as server, HttpClient() as client:
        runtime = make(an_api(client, server.url, hasty))
        with suppress(RuntimeUnavailable):
            assert await runtime.running() == []
        if isinstance(runtime, LiteRtRuntime) and status == 200:
            return
        with pytest.raises(RuntimeUnavailable):
            await runtime.load("x")


# ── which program it is ──


KINDS: Mapping[str, tuple[Callable[[], Handler], str, str]] = {
    "ollama": (lambda: FakeOllama(models={}).handle, "ollama", ""),
    "ollama by OpenAI's API": (lambda: FakeOllama(models={}).handle, "openai_chat", "/v1"),
    "llama-server": (lambda: LlamaRouter().handle, "openai_chat", "/v1"),
    "llama-swap": (lambda: LlamaSwap().handle, "openai_chat", "/v1"),
    "lm_studio": (lambda: LmStudio().handle, "openai_chat", "/v1"),
    "vllm": (lambda: Vllm().handle, "openai_chat", "/v1"),
    "litert_lm": (lambda: LiteRt().handle, "openai_chat", "/v1"),
    "litert_lm by Gemini's API": (lambda: LiteRt(is_gemini=True).handle, "gemini", "/v1beta"),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_the_program_behind_an_endpoint_is_found_out(kind: str) -> None:
    """By what only that program answers."""
    make, dialect, path = KINDS[kind]
    async with scripted(make()) as server, HttpClient() as client:
        endpoint = replace(an_endpoint(dialect=dialect), base_url=f"{server.url}{path}")
        found = await runtime_for(endpoint, client, patience=QUICK)
        assert found is not None
        assert found.name == kind.split(maxsplit=1)[0]


async def test_an_unknown_server_has_no_runtime() -> None:
    """Nor has one that is not on this machine, which is not even asked."""

    async def answers(peer: Peer, call: Call) -> None:
        await whole(peer, 200, {"object": "list", "data": [{"id": "x", "owned_by": "somebody"}]})

    async with scripted(answers) as server, HttpClient() as client:
        endpoint = replace(an_endpoint(), base_url=f"{server.url}/v1")
        assert await runtime_for(endpoint, client, patience=QUICK) is None
        asked = len(server.calls)
        assert await runtime_for(replace(endpoint, is_local=False), client, patience=QUICK) is None
        assert len(server.calls) == asked


async def test_a_server_that_is_down_is_known_by_its_endpoints_name() -> None:
    """So that it can be said how to start it; of any other name nothing is known."""
    async with scripted(nobody) as server:
        url = f"{server.url}/v1"
    async with HttpClient() as client:
        found = await runtime_for(replace(an_endpoint("vllm#2"), base_url=url), client, patience=QUICK)
        assert found is not None
        with pytest.raises(RuntimeUnavailable, match="VLLM_SERVER_DEV_MODE=1"):
            await found.running()
        assert await runtime_for(replace(an_endpoint("home"), base_url=url), client, patience=QUICK) is None
