"""The gateway, as its command starts it, in front of a local or a scripted model, and programs to point at it."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from tests.e2e.wire import Scripted
from tests.programs.guide import Place
from tests.programs.install import Program, install
from tests.programs.local_model import CONTEXT_TOKENS, Act, make_acting_model
from tests.programs.upstream import obedient_model

Gateway = Callable[[Mapping[str, object]], AbstractAsyncContextManager[str]]
PlaceOf = Callable[[Program, str], Place]
Local = Callable[[Act], AbstractAsyncContextManager[str]]
Obedient = Callable[[], AbstractAsyncContextManager[tuple[str, Scripted]]]
POINTSMAN = Path(sys.executable).parent / "pointsman"
_LISTENING = re.compile(r"http://127\.0\.0\.1:\d+")
LEDGER = "ledger.sqlite"
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
def gateway(tmp_path: Path) -> Gateway:
    """Starts `pointsman serve` on a configuration and gives its base URL."""

    @asynccontextmanager
    async def opened(config: Mapping[str, object]) -> AsyncIterator[str]:
        path, ledger = tmp_path / "pointsman.yaml", tmp_path / LEDGER
        path.write_text(yaml.safe_dump(dict(config)), encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            *(POINTSMAN, "serve", "--config", path, "--port", "0"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "POINTSMAN_LEDGER__PATH": str(ledger), "PYTHONUNBUFFERED": "1"},
        )
        try:
            yield await _base_url(process)
        finally:
            if process.returncode is None:
                process.terminate()
            said, _ = await process.communicate()
            print(said.decode(errors="replace"))  # noqa: T201  pytest shows the log of a test that failed

    return opened


async def _base_url(process: asyncio.subprocess.Process) -> str:
    """Where *process* says that it listens."""
    said = ""
    assert process.stdout is not None
    while line := (await process.stdout.readline()).decode():
        said += line
        found = _LISTENING.search(line)
        if found is not None:
            return found[0]
    pytest.fail(f"the gateway did not start:\n{said}")


@pytest.fixture
def local(gateway: Gateway, tmp_path: Path) -> Local:
    """Opens a gateway whose one model runs in its own llama.cpp and makes the given tool call."""

    @asynccontextmanager
    async def opened(act: Act) -> AsyncIterator[str]:
        path = tmp_path / "local-model.gguf"
        path.write_bytes(make_acting_model(act))
        gguf = {"path": str(path), "context_tokens": CONTEXT_TOKENS}
        async with gateway({"models": [{"name": "local-model", "gguf": gguf}]}) as base_url:
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
