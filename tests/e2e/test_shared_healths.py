"""What one process finds out of a model the others know: two gateways, one after a restart, and the command line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path

import httpx2
import pytest

from pointsman.core.jsontypes import JsonObject
from tests.e2e.openai_server import completes, openai_server, refuses
from tests.e2e.test_main_job import user
from tests.e2e.test_process import BIN, START_S, environ, serving, write
from tests.e2e.test_upstreams import model

pytestmark = pytest.mark.e2e

__all__ = ["environ"]
CHAT = {"model": "first", "messages": user("hello")}
SOON_S = 1.0
QUOTA = refuses(429, "You exceeded your current quota.", "insufficient_quota")


async def until(http: httpx2.AsyncClient, base_url: str, state: str, within_s: float) -> JsonObject:
    """The health of `first`'s endpoint, once it is *state* in the gateway at *base_url*."""
    began = time.monotonic()
    while True:
        _model, found = (await http.get(f"{base_url}/v1/availability/first")).json()["data"]
        if found["state"] == state:
            return dict(found)
        assert time.monotonic() - began < within_s, found
        await asyncio.sleep(0.02)


async def until_agreed(http: httpx2.AsyncClient, base_url: str, state: str) -> None:
    """Ask for a second, on many connections, as a busy worker leaves some to its twin; then all hear of *state*."""
    began, states = time.monotonic(), set[str]()
    while time.monotonic() - began < SOON_S:
        answers = await asyncio.gather(*(http.get(f"{base_url}/v1/availability/first") for _ in range(10)))
        states = {answer.json()["data"][1]["state"] for answer in answers}
    assert states == {state}


async def chat(http: httpx2.AsyncClient, base_url: str) -> int:
    """The status of a chat with `first`."""
    return (await http.post(f"{base_url}/v1/chat/completions", json=CHAT)).status_code


async def test_a_spent_quota_is_known_to_all_and_after_a_restart(tmp_path: Path, environ: Mapping[str, str]) -> None:
    """Within a second; only the first request reached the endpoint. A reset is known to all as quickly."""
    async with openai_server(QUOTA, completes("Hello.")) as upstream, httpx2.AsyncClient() as http:
        write(tmp_path, model(upstream.url))
        async with serving(tmp_path, environ) as one:
            async with serving(tmp_path, environ) as other:
                assert await chat(http, one.base_url) in {429, 503}
                here = await until(http, one.base_url, "down", 0.0)
                there = await until(http, other.base_url, "down", SOON_S)
                assert (there["cause"], there["failures"]) == (here["cause"], here["failures"]) == ("quota", 1)
                assert await chat(http, other.base_url) in {429, 503}
            async with serving(tmp_path, environ) as restarted:
                await until(http, restarted.base_url, "down", 0.0)
                assert len(upstream.bodies) == 1
                reset = await http.delete(f"{restarted.base_url}/v1/availability/first")
                assert [one["state"] for one in reset.json()["data"]] == ["down"]
                await until(http, one.base_url, "healthy", SOON_S)
                assert await chat(http, one.base_url) == 200


async def test_the_workers_of_one_gateway_agree(tmp_path: Path, environ: Mapping[str, str]) -> None:
    """However many requests come, the endpoint is left alone; the command line resets them all."""
    async with (
        openai_server(QUOTA, completes("Hello.")) as upstream,
        httpx2.AsyncClient(headers={"connection": "close"}) as http,
    ):
        write(tmp_path, model(upstream.url))
        async with serving(tmp_path, environ, "--workers", "2") as program:
            assert await chat(http, program.base_url) in {429, 503}
            await until_agreed(http, program.base_url, "down")
            assert {await chat(http, program.base_url) for _ in range(20)} <= {429, 503}
            assert len(upstream.bodies) == 1
            assert "was down for 60 min (quota)" in await command(tmp_path, environ, "models", "reset", "first")
            await until_agreed(http, program.base_url, "healthy")
            assert {await chat(http, program.base_url) for _ in range(5)} == {200}


async def command(folder: Path, environ: Mapping[str, str], *args: str) -> str:
    """What `pointsman` prints for *args*."""
    process = await asyncio.create_subprocess_exec(
        str(BIN), *args, cwd=folder, env=dict(environ), stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(START_S):
        out, _ = await process.communicate()
    return out.decode()
