"""The real LiteRT-LM as the gateway's judge: Google's server, our own model, the API that gemini-cli's docs name."""

from __future__ import annotations

import asyncio
import json
import lzma
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from pointsman.adapters.runtimes.litert_child import LitertFile, litert_server
from tests.programs import install as programs
from tests.programs.conftest import Gateway
from tests.programs.upstream import obedient_model

pytestmark = [pytest.mark.programs, pytest.mark.timeout(600)]

MODEL = Path(__file__).resolve().parents[1] / "data" / "tiny.litertlm.xz"
NAME = "gemma3-1b-gpu-custom"
EASY, HARD = "Tell me a joke.", "please debug this deadlock in the distributed algorithm"
TIERS = {"small": "simple", "large": "complex"}
START_S = 60


@asynccontextmanager
async def litert_lm(folder: Path, api: str = "gemini") -> AsyncIterator[str]:
    """`litert-lm serve` on a free port, with the model under the name gemini-cli asks for."""
    command = programs.install(programs.LITERT_LM) / "litert-lm"
    file = folder / "tiny.litertlm"
    file.write_bytes(lzma.decompress(MODEL.read_bytes()))
    environ = {**os.environ, "HOME": str(folder), "LITERT_LM_DIR": str(folder / "state")}
    await _ran(environ, str(command), "import", str(file), NAME)
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        *(command, "serve", "--api", api, "--port", str(port)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env=environ,
    )
    try:
        await _listens(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        await process.wait()


async def _ran(environ: Mapping[str, str], *command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=environ
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode(errors="replace")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


async def _listens(port: int) -> None:
    """Return once somebody does; this server has no other sign of life."""
    async with asyncio.timeout(START_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return


async def asked(http: httpx2.AsyncClient, text: str) -> tuple[int, str, str]:
    """Status, strategy and model of the gateway's answer to *text*."""
    body = {"model": "auto", "messages": [{"role": "user", "content": text}]}
    reply = await http.post("/v1/chat/completions", json=body)
    return reply.status_code, reply.headers["x-pointsman-strategy"], reply.headers["x-pointsman-model"]


async def test_litert_lm_judges_for_the_gateway(gateway: Gateway, tmp_path: Path) -> None:
    """A real model on its real server decides; of a crowd, those it has no time for go by the scorer."""
    async with obedient_model() as server:
        shared = {"base_url": f"{server.url}/v1", "local": True}
        models = [{"name": name, "model": name, "tier": tier, **shared} for name, tier in TIERS.items()]
        async with litert_lm(tmp_path) as host:
            judge = {"enabled": True, "host": host, "deadline_ms": 5000}
            async with (
                gateway({"models": models, "classifier": judge}) as base_url,
                httpx2.AsyncClient(base_url=base_url, timeout=30) as http,
            ):
                assert await asked(http, EASY) == (200, "local-judge", "small")
                assert await asked(http, HARD) == (200, "local-judge", "large")
                crowd = await asyncio.gather(*(asked(http, f"{HARD} {number}") for number in range(10)))
        assert {status for status, _, _ in crowd} == {200}
        assert crowd.count((200, "local-judge", "large")) >= 2


async def test_litert_lm_classifies_for_gemini_cli_through_the_gateway(gateway: Gateway, tmp_path: Path) -> None:
    """As gemini-cli's classifier it is asked over our Gemini API and answers the JSON that gemini-cli parses."""
    async with litert_lm(tmp_path) as host:
        model = {"name": NAME, "model": NAME, "base_url": f"{host}/v1beta", "dialect": "gemini", "local": True}
        async with (
            gateway({"models": [model]}) as base_url,
            httpx2.AsyncClient(base_url=base_url, timeout=30) as http,
        ):
            choices = [await choice(http, text) for text in (EASY, HARD)]
    assert choices == ["flash", "pro"]


async def choice(http: httpx2.AsyncClient, text: str) -> str:
    """What the model chooses for *text*, asked as gemini-cli does."""
    body = {
        "contents": [{"role": "user", "parts": [{"text": text}]}],
        "systemInstruction": {"parts": [{"text": "Choose a model."}]},
        "generationConfig": {"temperature": 0, "maxOutputTokens": 256, "responseMimeType": "application/json"},
    }
    reply = await http.post(f"/v1beta/models/{NAME}:generateContent", json=body)
    assert reply.status_code == 200, reply.text
    found = json.loads(reply.json()["candidates"][0]["content"]["parts"][0]["text"])
    assert found.keys() == {"reasoning", "model_choice"}
    return str(found["model_choice"])


def test_the_real_one_is_served_as_a_child(tmp_path: Path) -> None:
    """As `pointsman local` does it: the file is found, loaded before anybody asks, and the process ends with us."""
    program = programs.install(programs.LITERT_LM) / "litert-lm"
    file = tmp_path / "tiny.litertlm"
    file.write_bytes(lzma.decompress(MODEL.read_bytes()))
    served = LitertFile(path=file, model=NAME, port=_free_port(), home=tmp_path / "home")
    with litert_server(served, {**os.environ, "PATH": str(program.parent)}):
        url = f"http://127.0.0.1:{served.port}/v1beta/models/{NAME}:generateContent"
        body = {"contents": [{"role": "user", "parts": [{"text": HARD}]}]}
        answer = httpx2.post(url, json=body, timeout=10).json()
    assert '"model_choice": "pro"' in answer["candidates"][0]["content"]["parts"][0]["text"]
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(url)
