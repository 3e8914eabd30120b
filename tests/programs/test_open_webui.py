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
OFFLINE = """
export DATA_DIR="$HOME" WEBUI_AUTH=False OFFLINE_MODE=True HF_HUB_OFFLINE=1 ENABLE_OLLAMA_API=False
export WEBUI_SECRET_KEY=unused BYPASS_EMBEDDING_AND_RETRIEVAL=True RAG_EMBEDDING_ENGINE=openai
"""
"""For the test only: no accounts, nothing fetched from elsewhere."""


@asynccontextmanager
async def open_webui(place: Place) -> AsyncIterator[str]:
    """The server started as the guide says, on a free port; gives its URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    typed = "\n".join(command.line for command in prepare("open-webui", place)).replace("8080", port)
    log = (place.home / "open-webui.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", OFFLINE + typed),
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


async def test_a_chat_in_open_webui_shows_the_models_and_who_answered(
    obedient: Obedient, place_of: PlaceOf, tmp_path: Path
) -> None:
    """The menu lists every name a caller may send; the routing line stands above the answer and outlives a reload."""
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed")
    python = install(programs.PLAYWRIGHT) / "python"
    async with obedient() as (base_url, _):
        place = place_of(programs.OPEN_WEBUI, base_url)
        async with open_webui(place) as url:
            asking = f"'{python}' '{BROWSER}' {url} '{tmp_path}' 'What is 2+2?' '{SENTENCE}'"
            code, said = await place.shell(asking)
    assert code == 0, said
    seen = json.loads(said.splitlines()[-1])
    assert seen["models"][:3] == ["auto", "simple", "complex"]
    assert {"small", "medium", "large"} < set(seen["models"])
    for text in (seen["said"], seen["kept"]):
        assert SENTENCE in text
        assert "Routed to small" in text
