"""Open WebUI in a real browser: the gateway's models in its menu, an answer, and the line that says who gave it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.programs import install as programs
from tests.programs.conftest import Obedient, PlaceOf
from tests.programs.guide import Place, prepare
from tests.programs.install import install
from tests.programs.upstream import SENTENCE

pytestmark = [pytest.mark.programs, pytest.mark.timeout(600)]
BROWSER = Path(__file__).with_name("open_webui_browser.py")
START_S = 180
MODELS = ("auto", "simple", "complex", "small", "medium", "large")
OFFLINE = """
export DATA_DIR="$HOME" WEBUI_AUTH=False OFFLINE_MODE=True HF_HUB_OFFLINE=1
export WEBUI_SECRET_KEY=unused BYPASS_EMBEDDING_AND_RETRIEVAL=True RAG_EMBEDDING_ENGINE=openai
"""
"""For the test only: no accounts, nothing fetched from elsewhere."""


@asynccontextmanager
async def open_webui(place: Place, apis: str) -> AsyncIterator[str]:
    """The server started as the guide says, on a free port; *apis* says in bash which APIs it speaks. Gives its URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    typed = "\n".join(command.line for command in prepare("open-webui", place)).replace("8080", port)
    log = (place.home / "open-webui.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", f"{OFFLINE}{apis}\n{typed}"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=place.folder,
        env=place.environ,
        start_new_session=True,
    )
    log.close()
    try:
        await _until_listening(int(port), process)
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _until_listening(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(START_S):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.5)
            else:
                writer.close()
                await writer.wait_closed()
                return
    pytest.fail("Open WebUI did not start")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the browser saw: the menu's models, and all text of the answer before and after a reload."""

    models: tuple[str, ...]
    said: str
    kept: str


async def chat(place: Place, url: str, shots: Path) -> Seen:
    """Ask "What is 2+2?" in a new chat."""
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed")
    python = install(programs.PLAYWRIGHT) / "python"
    code, said = await place.shell(f"'{python}' '{BROWSER}' {url} '{shots}' 'What is 2+2?' '{SENTENCE}'")
    assert code == 0, said
    seen = json.loads(said.splitlines()[-1])
    return Seen(models=tuple(seen["models"]), said=seen["said"], kept=seen["kept"])


async def test_a_chat_in_open_webui_shows_the_models_and_who_answered(
    obedient: Obedient, place_of: PlaceOf, tmp_path: Path
) -> None:
    """The menu lists every name a caller may send; the routing line stands above the answer and outlives a reload."""
    async with obedient() as (base_url, _):
        place = place_of(programs.OPEN_WEBUI, base_url)
        async with open_webui(place, "export ENABLE_OLLAMA_API=False") as url:
            seen = await chat(place, url, tmp_path)
    assert seen.models == MODELS
    for text in (seen.said, seen.kept):
        assert SENTENCE in text
        assert "Routed to small" in text


async def test_open_webui_takes_the_gateway_for_ollama(obedient: Obedient, place_of: PlaceOf, tmp_path: Path) -> None:
    """The same models, and an answer."""
    async with obedient() as (base_url, _):
        place = place_of(programs.OPEN_WEBUI, base_url)
        async with open_webui(place, f"export ENABLE_OPENAI_API=False OLLAMA_BASE_URL={base_url}") as url:
            seen = await chat(place, url, tmp_path)
    assert seen.models == MODELS
    assert SENTENCE in seen.said
    assert SENTENCE in seen.kept
