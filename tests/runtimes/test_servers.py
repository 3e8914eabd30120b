"""What is particular about each server of local models, besides what all runtimes promise (tests/contracts)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pointsman.adapters.http import HttpClient
from pointsman.adapters.runtimes.demo.language import VOICES
from pointsman.adapters.runtimes.demo.maker import DemoRecipe, make_model
from pointsman.adapters.runtimes.demo.weights import Shape
from pointsman.adapters.runtimes.embedded_llama import EmbeddedRuntime, ModelFile
from pointsman.adapters.runtimes.identify import can_unload, runtime_for
from pointsman.adapters.runtimes.litert import LiteRtRuntime
from pointsman.adapters.runtimes.llama_server import LlamaServerRuntime
from pointsman.adapters.runtimes.llama_swap import LlamaSwapRuntime
from pointsman.adapters.runtimes.lm_studio import LmStudioRuntime
from pointsman.adapters.runtimes.local_api import LocalApi, Patience, headers_of, root_of
from pointsman.adapters.runtimes.ollama import FOR_EVER, Setup
from pointsman.adapters.runtimes.vllm import VllmRuntime
from pointsman.core.catalog import Auth, Endpoint, Secret
from pointsman.core.errors import RuntimeUnavailable
from pointsman.core.local import Presence, Running
from pointsman.core.ports import LocalRuntime
from tests.adapters.http.servers import Peer
from tests.e2e.wire import Call, Handler, Scripted, scripted, whole
from tests.runtimes.fake_ollama import FakeOllama, Model, pulled
from tests.runtimes.fake_servers import BIG, BROKEN, SMALL, LiteRt, LlamaRouter, LlamaSwap, LmStudio, Vllm

QUICK = Patience(answer_s=10.0, load_s=10.0, unload_s=10.0, every_s=0.001)


@asynccontextmanager
async def reached(handler: Handler) -> AsyncIterator[tuple[LocalApi, Scripted]]:
    """The way to the server of *handler*, and what that was asked."""
    async with scripted(handler) as server, HttpClient() as client:
        api = LocalApi(client=client, target=root_of(server.url), title="It", start="Start it.", patience=QUICK)
        yield api, server


# ── llama-server ──


async def test_a_router_tells_window_and_slots_of_the_loaded_and_how_far_the_loading_are() -> None:
    """Nobody is woken by the look: only /models and /props are asked."""
    router = LlamaRouter()
    router.status[SMALL] = {"value": "loading", "progress": {"stages": ["text_model"], "value": 0.25}}
    router.status[BIG] = {"value": "loaded"}
    router.status["asleep"] = {"value": "sleeping"}
    async with reached(router.handle) as (api, server):
        assert await LlamaServerRuntime(api=api).running() == [
            Running(model=SMALL, presence=Presence.LOADING, progress=0.25),
            Running(model=BIG, context_tokens=4096, slots=2),
        ]
        assert {call.path.partition("?")[0] for call in server.calls} == {"/models", "/props"}


async def test_a_router_says_with_which_code_a_models_process_ended() -> None:
    """That is all it knows; its log knows more."""
    async with reached(LlamaRouter().handle) as (api, _):
        with pytest.raises(
            RuntimeUnavailable, match=r"could not load broken: its process ended with exit code 1\. Its"
        ):
            await LlamaServerRuntime(api=api).load(BROKEN)


async def test_a_router_that_loads_already_is_waited_for() -> None:
    """A request of somebody else has begun it."""
    router = LlamaRouter()
    router.status[SMALL] = {"value": "loading"}
    async with reached(router.handle) as (api, _):
        assert (await LlamaServerRuntime(api=api).load(SMALL)).presence is Presence.LOADED
        assert router.story == []


async def test_a_real_llama_server_with_one_model_holds_it_as_long_as_it_runs(tmp_path: Path) -> None:
    """It answers by any name; told to unload it is said how to get a server that can."""
    path = tmp_path / "tiny.gguf"
    shape = Shape(width=256, layers=1, feed_forward=128)
    path.write_bytes(make_model(DemoRecipe(name="small", voice=VOICES["small"], shape=shape, context_tokens=2048)))
    with EmbeddedRuntime() as embedded:
        file = ModelFile(path=path, alias="tiny", context_tokens=512, parallel_slots=2, threads=1)
        url = embedded.start(file).base_url
        async with HttpClient() as client:
            endpoint = Endpoint(name="home", dialect="openai_chat", base_url=f"{url}/v1", is_local=True)
            runtime = await runtime_for(endpoint, client, patience=QUICK)
            assert isinstance(runtime, LlamaServerRuntime)
            held = Running(model="tiny", context_tokens=512, slots=2)
            assert await runtime.running() == [held]
            assert await runtime.load("tiny") == held
            assert not await can_unload(runtime)
            with pytest.raises(
                RuntimeUnavailable, match=r"holds one model, tiny, as long as it runs\. Start it without"
            ):
                await runtime.unload("tiny")


async def test_a_single_model_that_sleeps_is_not_held_and_wakes_on_a_load() -> None:
    """By one token: what a sleeping server takes for a request."""
    sleeps = True

    async def handle(peer: Peer, call: Call) -> None:
        nonlocal sleeps
        if call.path == "/models":
            await whole(peer, 200, {"data": [{"id": "m", "owned_by": "llamacpp"}]})
        elif call.path == "/props":
            usual = {"n_ctx": 512}
            await whole(peer, 200, {"is_sleeping": sleeps, "total_slots": 1, "default_generation_settings": usual})
        else:
            sleeps = False
            await whole(peer, 200, {"content": "."})

    async with reached(handle) as (api, server):
        runtime = LlamaServerRuntime(api=api)
        assert await runtime.running() == []
        assert await runtime.load("m") == Running(model="m", context_tokens=512, slots=1)
        (woke,) = [call.body for call in server.calls if call.path == "/completion"]
        assert woke == {"model": "m", "prompt": " ", "n_predict": 1}


async def test_a_server_that_still_loads_its_only_model_says_so() -> None:
    """503 is no reason to start it anew."""

    async def handle(peer: Peer, call: Call) -> None:
        error = {"code": 503, "message": "Loading model", "type": "unavailable_error"}
        await whole(peer, 503, {"error": error})

    async with reached(handle) as (api, _):
        with pytest.raises(
            RuntimeUnavailable, match=r"Loading model \(status 503\)\. It is loading its model: try again"
        ):
            await LlamaServerRuntime(api=api).running()


# ── llama-swap, LM Studio, vLLM, LiteRT-LM ──


async def test_a_llama_swap_that_cannot_be_told_to_unload_one_says_what_to_do() -> None:
    """Older ones only unload everything."""
    async with reached(LlamaSwap(state={SMALL: "ready"}, is_old=True).handle) as (api, _):
        with pytest.raises(RuntimeUnavailable, match=r"too old to be told so\. Update llama-swap"):
            await LlamaSwapRuntime(api=api).unload(SMALL)


async def test_a_llama_swaps_processes_that_come_and_go_are_told_apart() -> None:
    """What it calls starting and stopping."""
    state = {"a": "ready", "b": "starting", "c": "stopping", "d": "stopped", "e": "shutdown"}
    async with reached(LlamaSwap(state=state).handle) as (api, _):
        assert [(one.model, one.presence) for one in await LlamaSwapRuntime(api=api).running()] == [
            ("a", Presence.LOADED),
            ("b", Presence.LOADING),
            ("c", Presence.UNLOADING),
        ]


async def test_lm_studio_loads_with_the_window_that_is_set() -> None:
    """And tells the window that it has taken."""
    async with reached(LmStudio().handle) as (api, server):
        runtime = LmStudioRuntime(api=api, context_tokens={SMALL: 16384})
        assert await runtime.load(SMALL) == Running(model=SMALL, context_tokens=16384, slots=4)
        assert {"model": SMALL, "context_length": 16384} in server.bodies


async def test_every_instance_of_lm_studios_model_is_unloaded() -> None:
    """Its app may have loaded it a second time; an instance's own name means its model."""
    config = {"context_length": 4096}
    studio = LmStudio()
    studio.instances[SMALL] = [{"id": f"{SMALL}#0", "config": config}, {"id": f"{SMALL}#1", "config": config}]
    async with reached(studio.handle) as (api, _):
        runtime = LmStudioRuntime(api=api)
        assert await runtime.load(f"{SMALL}#1") == Running(model=f"{SMALL}#1", context_tokens=4096)
        await runtime.unload(SMALL)
        assert await runtime.running() == []


@pytest.mark.parametrize(
    ("studio", "said"),
    [
        (LmStudio(is_old=True), "Unexpected endpoint or method.*Update LM Studio to 0.4"),
        (LmStudio(keeps=False), "has loaded small and put it out again. Turn off Auto-Evict"),
    ],
)
async def test_lm_studio_says_what_to_change(studio: LmStudio, said: str) -> None:
    """Too old, or set to keep one model only."""
    async with reached(studio.handle) as (api, _):
        with pytest.raises(RuntimeUnavailable, match=said):
            await LmStudioRuntime(api=api).load(SMALL)


async def test_a_vllm_that_cannot_sleep_holds_its_model() -> None:
    """It says how it is started so that it can."""
    async with reached(Vllm(is_sleeping=False, can_sleep=False).handle) as (api, _):
        runtime = VllmRuntime(api=api)
        held = Running(model=SMALL, context_tokens=8192)
        assert await runtime.running() == [held]
        assert await runtime.load(SMALL) == held
        with pytest.raises(
            RuntimeUnavailable, match=r"holds small as long as it runs\. Start it with --enable-sleep-mode"
        ):
            await runtime.unload(SMALL)


@pytest.mark.parametrize("is_gemini", [False, True])
async def test_litert_holds_the_model_it_was_asked_for_last(*, is_gemini: bool) -> None:
    """One engine: another model takes its place, and only that can be said to be held."""
    server = LiteRt(is_gemini=is_gemini)
    async with reached(server.handle) as (api, _):
        runtime = LiteRtRuntime(api=api, is_gemini=is_gemini)
        await runtime.load(SMALL)
        await runtime.load(BIG)
        assert await runtime.running() == [Running(model=BIG, slots=1)]
        assert server.story == [f"load {SMALL}", f"load {BIG}"]
        await runtime.unload(SMALL)
        with pytest.raises(RuntimeUnavailable, match="keeps org/big:Q4_K_M until it is asked for another model"):
            await runtime.unload(BIG)


async def test_a_litert_that_has_ended_holds_nothing() -> None:
    """There is no path to ask: a connection is the sign of life."""
    async with HttpClient() as client:
        async with scripted(LiteRt().handle) as server:
            api = LocalApi(client=client, target=root_of(server.url), title="It", start="Start it.", patience=QUICK)
            runtime = LiteRtRuntime(api=api)
            await runtime.load(SMALL)
        await runtime.unload(SMALL)
        with pytest.raises(RuntimeUnavailable, match="does not answer"):
            await runtime.running()


@pytest.mark.parametrize(
    ("handler", "make", "expected"),
    [
        (LlamaRouter().handle, lambda api: LlamaServerRuntime(api=api), True),
        (Vllm().handle, lambda api: VllmRuntime(api=api), True),
        (Vllm(can_sleep=False).handle, lambda api: VllmRuntime(api=api), False),
        (LiteRt().handle, lambda api: LiteRtRuntime(api=api), False),
        (LmStudio().handle, lambda api: LmStudioRuntime(api=api), True),
    ],
    ids=["llama-server router", "vllm", "vllm without sleep", "litert_lm", "lm_studio"],
)
async def test_whether_memory_can_be_had_back_is_known_before(
    handler: Handler, make: Callable[[LocalApi], LocalRuntime], *, expected: bool
) -> None:
    """Who plans with memory leaves out what never gives any back."""
    async with reached(handler) as (api, _):
        assert await can_unload(make(api)) is expected


async def test_a_server_that_is_down_is_taken_to_give_memory_back() -> None:
    """It holds none now."""
    async with scripted(Vllm().handle) as server:
        target = root_of(server.url)
    async with HttpClient() as client:
        assert await can_unload(VllmRuntime(api=LocalApi(client=client, target=target, title="It", start="Start it.")))


# ── the way there ──


async def test_ollama_by_openais_api_is_loaded_without_options() -> None:
    """Requests that way carry none, so that a load with some would be undone by the first of them."""
    ollama = FakeOllama(models=pulled(Model(name="small:1b")))
    async with scripted(ollama.handle) as server, HttpClient() as client:
        for dialect, path, options in (("ollama", "", {"num_ctx": 8192}), ("openai_chat", "/v1", None)):
            endpoint = Endpoint(name="home", dialect=dialect, base_url=f"{server.url}{path}", is_local=True)
            setup = Setup(options={"num_ctx": 8192}, keep_alive=FOR_EVER)
            runtime = await runtime_for(endpoint, client, setup_of=lambda _model: setup, patience=QUICK)  # noqa: B023
            assert runtime is not None
            await runtime.load("small:1b")
            (body,) = [call.body for call in server.calls if call.path == "/api/generate"][-1:]
            assert (body["keep_alive"], body.get("options")) == (FOR_EVER, options)


def test_the_endpoints_key_goes_along() -> None:
    """llama-server and LM Studio may want one for these paths too."""
    endpoint = Endpoint(
        name="home",
        dialect="openai_chat",
        base_url="http://127.0.0.1:1234/v1",
        is_local=True,
        api_key=Secret("sk-1"),
        headers=(("X-Team", "a"),),
    )
    assert headers_of(endpoint) == ((b"x-team", b"a"), (b"authorization", b"Bearer sk-1"))
    other = Endpoint(
        name="home", dialect="gemini", base_url="http://h", is_local=True, api_key=Secret("k"), auth=Auth.X_GOOG_API_KEY
    )
    assert headers_of(other) == ((b"x-goog-api-key", b"k"),)
    assert root_of(endpoint.base_url).path == b""
