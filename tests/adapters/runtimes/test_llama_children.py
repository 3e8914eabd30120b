"""Real llama.cpp processes that come and go, and three models in a budget that holds two."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from pointsman.adapters.runtimes.demo.language import VOICES
from pointsman.adapters.runtimes.demo.maker import DemoRecipe, make_model
from pointsman.adapters.runtimes.demo.weights import Shape
from pointsman.adapters.runtimes.embedded_llama import ModelFile
from pointsman.adapters.runtimes.llama_children import LlamaChildren, with_ports
from pointsman.core.errors import RuntimeUnavailable
from pointsman.core.local import Running
from pointsman.engine.residency import Housed, Residency
from pointsman.local.model_state import LocalModel
from pointsman.local.scheduler import Scheduler
from tests.engine.rig import a_model

MIB = 1 << 20
SHAPES = {  # 1 MB, 60 MB, 450 MB: the same brain, padded
    "small": Shape(width=256, layers=1, feed_forward=128),
    "medium": Shape(width=512, layers=12, feed_forward=1408),
    "large": Shape(width=1024, layers=24, feed_forward=2816),
}


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, ModelFile]:
    """Three models of very different size, which answer alike."""
    folder = tmp_path_factory.mktemp("sizes")
    made = {}
    for name, shape in SHAPES.items():
        path = folder / f"{name}.gguf"
        path.write_bytes(make_model(DemoRecipe(name=name, voice=VOICES[name], shape=shape, context_tokens=2048)))
        made[name] = ModelFile(path=path, alias=name, context_tokens=512, threads=1)
    return made


def memory_of(process: int) -> int:
    """Bytes in memory of the process *process*, and whether it is still there: 0 when it is gone."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS")), 0)


def process_of(children: LlamaChildren, model: str) -> int:
    """The number of the process that serves *model*."""
    return children._processes[model].pid


async def said(url: str, model: str) -> str:
    """Who answers at *url*, by its own word."""
    async with httpx2.AsyncClient() as client:
        body = {"model": model, "max_tokens": 4, "messages": [{"role": "user", "content": "hello"}]}
        answer = await client.post(f"{url}/v1/chat/completions", json=body)
        answer.raise_for_status()
        return str(answer.json()["model"])


async def test_a_model_comes_and_goes_and_its_memory_with_it(files: Mapping[str, ModelFile]) -> None:
    """At the same address each time; loading again while it is there does nothing."""
    models = with_ports(files)
    url = f"http://127.0.0.1:{models['large'].port}"
    async with LlamaChildren(models) as children:
        for _ in range(2):
            running = await children.load("large")
            assert (running.model, running.context_tokens) == ("large", 512)
            assert await said(url, "large") == "large"
            process = process_of(children, "large")
            assert memory_of(process) > 300 * MIB
            assert await children.load("large") == running
            assert [one.model for one in await children.running()] == ["large"]
            await children.unload("large")
            assert memory_of(process) == 0
        await children.load("small")
        left = process_of(children, "small")
    assert memory_of(left) == 0


async def test_what_cannot_be_loaded_says_why(files: Mapping[str, ModelFile], tmp_path: Path) -> None:
    """The words of the process, or that it died."""
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(files["small"].path.read_bytes()[:1000])
    models = with_ports({"broken": ModelFile(path=broken, alias="broken")})
    async with LlamaChildren(models) as children:
        with pytest.raises(RuntimeUnavailable, match=r"broken\.gguf"):
            await children.load("broken")
        assert await children.running() == []


async def test_a_process_that_dies_is_not_running(files: Mapping[str, ModelFile]) -> None:
    """Killed by somebody: the next load starts another."""
    models = with_ports({"small": files["small"]})
    async with LlamaChildren(models) as children:
        await children.load("small")
        process = children._processes["small"]
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        assert await children.running() == []
        await children.load("small")
        assert [one.model for one in await children.running()] == ["small"]


async def test_three_models_in_a_budget_for_two(files: Mapping[str, ModelFile]) -> None:
    """100 mixed requests: all answered, each by its model, with no more loads than grouping needs."""
    models = with_ports(files)
    sizes = {name: file.path.stat().st_size + 60 * MIB for name, file in files.items()}
    cards = {name: a_model(name) for name in models}
    async with LlamaChildren(models) as children:
        residency = Residency(
            scheduler=Scheduler(
                models=[LocalModel(name=name, size_bytes=size, load_s=0.5) for name, size in sizes.items()],
                budget_bytes=sizes["large"] + sizes["medium"],
                clock=time.monotonic,
                bypass_s=5.0,
                residency=1.0,
            ),
            housed={name: Housed(runtime=children, model=name) for name in models},
            clock=time.monotonic,
        )
        loads: list[str] = []
        etas: list[float] = []

        async def ask(model: str) -> None:
            ticket = residency.try_lease(cards[model])
            if ticket is None:
                ticket = await residency.lease(cards[model], None)
            try:
                assert await said(f"http://127.0.0.1:{models[model].port}", model) == model
            finally:
                residency.leave(ticket)

        def see(model: str) -> None:
            loads.append(model)
            place = residency.place(cards[model])
            etas.append(place.eta_s if place is not None else -1.0)

        residency.housed = {name: Housed(runtime=Seen(children, see), model=name) for name in models}
        draw = random.Random(5)
        wanted = draw.choices(["small", "medium", "large"], [0.5, 0.3, 0.2], k=100)
        async with residency, asyncio.timeout(100):
            gate = asyncio.Semaphore(16)

            async def one(model: str) -> None:
                async with gate:
                    await ask(model)

            async with asyncio.TaskGroup() as group:
                for model in wanted:
                    group.create_task(one(model))
        assert set(loads) == {"small", "medium", "large"}
        assert len(loads) <= 12  # in order it would be some 40 swaps; three are needed
        assert all(eta >= 0 for eta in etas)
        in_memory = sum(memory_of(process_of(children, found.model)) for found in await children.running())
        assert 0 < in_memory < sizes["large"] + sizes["medium"] + 120 * MIB


@dataclass(slots=True)
class Seen:
    """A runtime whose loads are seen."""

    children: LlamaChildren
    see: Callable[[str], None]
    name: str = "seen"

    async def running(self) -> Sequence[Running]:
        """See core.ports.LocalRuntime."""
        return await self.children.running()

    async def load(self, model: str, /) -> Running:
        """See core.ports.LocalRuntime."""
        self.see(model)
        return await self.children.load(model)

    async def unload(self, model: str, /) -> None:
        """See core.ports.LocalRuntime."""
        await self.children.unload(model)
