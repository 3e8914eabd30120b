"""A gateway in front of a real local model, or of a scripted one, and the programs to point at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pointsman.adapters.runtimes.embedded_llama import EmbeddedRuntime, ModelFile
from tests.e2e.conftest import Gateway, gateway
from tests.e2e.wire import Scripted
from tests.programs.guide import Place
from tests.programs.install import Program, install
from tests.programs.local_model import CONTEXT_TOKENS, Act, make_acting_model
from tests.programs.upstream import obedient_model

__all__ = ["gateway"]

PlaceOf = Callable[[Program, str], Place]
Local = Callable[[Act], AbstractAsyncContextManager[str]]
Obedient = Callable[[], AbstractAsyncContextManager[tuple[str, Scripted]]]
TIERS = {"small": "simple", "medium": "medium", "large": "complex"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """These tests run when they are asked for by their marker only."""
    if "programs" not in (config.option.markexpr or ""):
        left_out = [item for item in items if item.get_closest_marker("programs")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


@pytest.fixture
def place_of(tmp_path: Path) -> PlaceOf:
    """Installs a program where it is missing, and gives it an empty folder and a home."""

    def made(program: Program, base_url: str) -> Place:
        folder, home = tmp_path / "work", tmp_path / "home"
        folder.mkdir()
        home.mkdir()
        return Place(folder=folder, home=home, bin=install(program), address=urlsplit(base_url).netloc)

    return made


@pytest.fixture
def runtime() -> Iterator[EmbeddedRuntime]:
    """llama.cpp in this process."""
    with EmbeddedRuntime() as runtime:
        yield runtime


@pytest.fixture
def local(gateway: Gateway, runtime: EmbeddedRuntime, tmp_path: Path) -> Local:
    """Opens a gateway whose one model is llama.cpp with a model that makes the given tool call."""

    @asynccontextmanager
    async def opened(act: Act) -> AsyncIterator[str]:
        path = tmp_path / "local-model.gguf"
        path.write_bytes(make_acting_model(act))
        llama = runtime.start(ModelFile(path=path, alias="local-model", context_tokens=CONTEXT_TOKENS))
        model = {"name": "local-model", "base_url": f"{llama.base_url}/v1", "local": True}
        async with gateway({"models": [{**model, "context_tokens": CONTEXT_TOKENS}]}) as base_url:
            yield base_url

    return opened


@pytest.fixture
def obedient(gateway: Gateway) -> Obedient:
    """Opens a gateway whose three models are one scripted server that obeys CALLTOOL."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[tuple[str, Scripted]]:
        async with obedient_model() as server:
            shared = {"base_url": f"{server.url}/v1", "local": True, "context_tokens": CONTEXT_TOKENS}
            models = [{"name": name, "model": name, "tier": tier, **shared} for name, tier in TIERS.items()]
            async with gateway({"models": models}) as base_url:
                yield base_url, server

    return opened
