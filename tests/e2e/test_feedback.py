"""What a person says of answers, through a gateway of two processes: it changes that person's next answers alone."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path

import httpx2
import pytest
import yaml

from tests.e2e.openai_server import completes, openai_server
from tests.e2e.test_main_job import MEDIUM, user
from tests.e2e.test_process import environ, serving
from tests.e2e.test_shared_healths import command
from tests.e2e.test_shared_sessions import ANN, BOB, KEYS
from tests.e2e.test_upstreams import model

pytestmark = pytest.mark.e2e

__all__ = ["environ"]
SOON_S = 3.0
"""Each process looks once a second for what was said."""


def write(folder: Path, url: str) -> None:
    """Two models for the middle, one above and one below."""
    models = [
        model(url, name, tier)
        for name, tier in (("small", "simple"), ("quick", "medium"), ("steady", "medium"), ("large", "complex"))
    ]
    given = {"models": models, "server": {"keys": KEYS}, "sessions": {"enabled": False}}
    (folder / "pointsman.yaml").write_text(yaml.safe_dump(given), encoding="utf-8")


async def answered(http: httpx2.AsyncClient, base_url: str, who: Mapping[str, str]) -> tuple[str, str]:
    """Which model answered, and the decision's id."""
    body = {"model": "auto", "messages": user(MEDIUM)}
    reply = await http.post(f"{base_url}/v1/chat/completions", json=body, headers=dict(who))
    assert reply.status_code == 200, reply.text
    return reply.headers["x-pointsman-model"], reply.headers["x-pointsman-decision-id"]


async def until_all_take(http: httpx2.AsyncClient, base_url: str, who: Mapping[str, str], model_name: str) -> None:
    """Ask on many connections, so that each process answers some, until all of them go to that model."""
    began = time.monotonic()
    while True:
        found = {name for name, _ in await asyncio.gather(*(answered(http, base_url, who) for _ in range(10)))}
        if found == {model_name} and time.monotonic() - began > 1.0:
            return
        assert time.monotonic() - began < SOON_S, found


async def recorded(http: httpx2.AsyncClient, url: str) -> list[dict[str, str]]:
    """The trail of a decision, once the ledger has it."""
    began = time.monotonic()
    while True:
        found = (await http.get(url, headers=ANN)).json()
        if "trail" in found:
            return list(found["trail"])
        assert time.monotonic() - began < SOON_S, found
        await asyncio.sleep(0.05)


async def test_the_next_model_of_the_tier_answers_after_complaints(tmp_path: Path, environ: Mapping[str, str]) -> None:
    """In each process, for that caller alone; it is shown, said why, and as before after a reset of the model."""
    async with (
        openai_server(completes("Done.")) as upstream,
        httpx2.AsyncClient(headers={"connection": "close"}, timeout=20) as http,
    ):
        write(tmp_path, upstream.url)
        async with serving(tmp_path, environ, "--workers", "2") as program:
            for _ in range(4):
                name, decision_id = await answered(http, program.base_url, ANN)
                if name != "quick":
                    break
                said = {"decision_id": decision_id, "rating": "down"}
                reply = await http.post(f"{program.base_url}/v1/feedback", json=said, headers=ANN)
                assert reply.json()["learned"]["model"] == "quick"
            await until_all_take(http, program.base_url, ANN, "steady")
            assert {name for name, _ in [await answered(http, program.base_url, BOB) for _ in range(6)]} == {"quick"}
            _, decision_id = await answered(http, program.base_url, ANN)
            trail = await recorded(http, f"{program.base_url}/v1/decisions/{decision_id}")
            lines = [one["detail"] for one in trail if one["strategy"] == "select"]
            assert [line.split(" with")[0] for line in lines] == ["coding: steady does it well"]
            learned = json.loads(await command(tmp_path, environ, "feedback", "--json"))
            shifts = {one["model"]: one["shift"] for one in learned}
            assert shifts["quick"] < shifts[None] < 0
            await command(tmp_path, environ, "feedback", "reset", "--model", "quick")
            await until_all_take(http, program.base_url, ANN, "quick")
