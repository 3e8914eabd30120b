"""Three real llama.cpp servers on tiny models, and gateways in front of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import openai
import pytest
import yaml

from pointsman.adapters.runtimes.demo.cache import ensure_demo_models
from pointsman.adapters.runtimes.embedded_llama import EmbeddedLlama, EmbeddedRuntime, ModelFile
from pointsman.config.load import load
from pointsman.server.gateway import OpenGateway
from pointsman.server.run import running

NAMES = ("demo-small", "demo-medium", "demo-large")
Gateway = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture(scope="session")
def model_files(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The demo models' files by name."""
    folder = tmp_path_factory.mktemp("models")
    return {model.name: model.path for model in ensure_demo_models(folder, lambda _line: None)}


@pytest.fixture(scope="session")
def shared_llamas(model_files: Mapping[str, Path]) -> Iterator[Mapping[str, EmbeddedLlama]]:
    """Servers that live for all tests: do not stop them."""
    with EmbeddedRuntime() as runtime:
        yield {name: start(runtime, name, model_files) for name in NAMES}


@pytest.fixture
def own_llamas(model_files: Mapping[str, Path]) -> Iterator[Mapping[str, EmbeddedLlama]]:
    """Servers of one test, which may stop them."""
    with EmbeddedRuntime() as runtime:
        yield {name: start(runtime, name, model_files) for name in NAMES}


def start(runtime: EmbeddedRuntime, name: str, files: Mapping[str, Path]) -> EmbeddedLlama:
    """Serve the demo model *name*."""
    return runtime.start(ModelFile(path=files[name], alias=name, parallel_slots=2, threads=1))


def models_of(llamas: Mapping[str, EmbeddedLlama]) -> list[dict[str, object]]:
    """The servers as `models` of a pointsman.yaml."""
    tiers = ("simple", "medium", "complex")
    return [
        {
            "name": name,
            "model": name,
            "base_url": f"{llama.base_url}/v1",
            "local": True,
            "tier": tier,
            "context_tokens": llama.context_tokens,
        }
        for (name, llama), tier in zip(llamas.items(), tiers, strict=True)
    ]


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    """Opens a gateway on a configuration (a mapping, or a file's text) and gives its base URL."""

    @asynccontextmanager
    async def opened(
        config: Mapping[str, object] | str, environ: Mapping[str, str] | None = None
    ) -> AsyncIterator[str]:
        path = tmp_path / "pointsman.yaml"
        path.write_text(config if isinstance(config, str) else yaml.safe_dump(dict(config)), encoding="utf-8")
        environment = {"XDG_CONFIG_HOME": str(tmp_path), "POINTSMAN_LEDGER__PATH": str(tmp_path / "ledger.sqlite")}
        loaded = load(config=path, environ={**environment, **(environ or {})}, cwd=tmp_path)
        async with running(OpenGateway(loaded)) as base_url:
            yield base_url

    return opened


@asynccontextmanager
async def client_of(base_url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    """The official client, without retries of its own."""
    async with openai.AsyncOpenAI(base_url=f"{base_url}/v1", api_key="unused", max_retries=0) as client:
        yield client
