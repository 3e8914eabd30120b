"""What one process remembers of a session the others know: two gateways, two workers, and one after a restart."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path

import httpx2
import pytest
import yaml

from pointsman.core.jsontypes import Json, JsonObject
from tests.e2e.openai_server import completes, openai_server
from tests.e2e.test_main_job import HARD, SIMPLE, user
from tests.e2e.test_process import SECRET, environ, serving
from tests.e2e.test_shared_healths import command
from tests.e2e.test_upstreams import model

pytestmark = pytest.mark.e2e

__all__ = ["environ"]
ALONE_S = 5.0
"""A gateway of one process writes once a second, and looks as often."""
WORKERS_S = 1.0
KEYS: Json = {"ann": "sk-ann", "bob": "sk-bob"}
ANN, BOB = ({"authorization": f"Bearer sk-{name}"} for name in ("ann", "bob"))
REFUSES = completes("I'm sorry, but I can't help with that.")


def write(folder: Path, url: str) -> None:
    """A small and a large model, and two callers."""
    models = [model(url, "small", "simple"), model(url, "large", "complex")]
    text = yaml.safe_dump({"models": models, "server": {"keys": KEYS}})
    (folder / "pointsman.yaml").write_text(text, encoding="utf-8")


async def asked(http: httpx2.AsyncClient, base_url: str, ask: str, headers: Mapping[str, str]) -> str:
    """The tier that took a request of one turn."""
    body = {"model": "auto", "messages": user(ask)}
    reply = await http.post(f"{base_url}/v1/chat/completions", json=body, headers=dict(headers))
    assert reply.status_code == 200, reply.text
    return reply.headers["x-pointsman-tier"]


async def decided(http: httpx2.AsyncClient, base_url: str, headers: Mapping[str, str]) -> JsonObject:
    """What would become of a short follow-up; nothing is remembered of it."""
    reply = await http.post(f"{base_url}/v1/route", json={"prompt": "continue"}, headers=dict(headers))
    found: JsonObject = reply.json()
    return found


async def until(http: httpx2.AsyncClient, base_url: str, headers: Mapping[str, str], words: str) -> JsonObject:
    """The decision, once its reason says *words*."""
    began = time.monotonic()
    while True:
        found = await decided(http, base_url, headers)
        if words in str(found["reason"]):
            return found
        assert time.monotonic() - began < ALONE_S, found
        await asyncio.sleep(0.02)


async def test_a_session_goes_on_in_another_process_and_after_a_restart(
    tmp_path: Path, environ: Mapping[str, str]
) -> None:
    """For its caller alone; nothing of what was said is on the disk."""
    named = {"x-pointsman-session": "plugh"}
    async with openai_server(completes("Done.")) as upstream, httpx2.AsyncClient() as http:
        write(tmp_path, upstream.url)
        async with serving(tmp_path, environ) as one, serving(tmp_path, environ) as other:
            assert await asked(http, one.base_url, f"{HARD} {SECRET}", ANN | named) == "complex"
            found = await until(http, other.base_url, ANN | named, "keeps the session's tier")
            assert (found["strategy"], found["model"]) == ("session", "large")
            assert (await decided(http, other.base_url, BOB | named))["strategy"] == "learned"
        async with serving(tmp_path, environ) as restarted:
            assert (await decided(http, restarted.base_url, ANN | named))["strategy"] == "session"
            assert (await decided(http, restarted.base_url, BOB | named))["strategy"] == "learned"
    kept = on_disk(tmp_path)
    assert b"large" in kept
    assert not [word for word in (SECRET, "plugh", "Sylow", "Done.", "sk-ann") if word.encode() in kept]


def on_disk(folder: Path) -> bytes:
    """All that the file of sessions holds."""
    (file,) = folder.rglob("ledger-sessions.db")
    return b"".join(part.read_bytes() for part in file.parent.glob(f"{file.name}*"))


async def test_the_workers_of_one_gateway_keep_a_session_together(tmp_path: Path, environ: Mapping[str, str]) -> None:
    """Whichever of them takes its next request, on many connections at once."""
    named = {"x-pointsman-session": "s1"}
    async with (
        openai_server(completes("Done.")) as upstream,
        httpx2.AsyncClient(headers={"connection": "close"}, timeout=20) as http,
    ):
        write(tmp_path, upstream.url)
        async with serving(tmp_path, environ, "--workers", "2") as program:
            assert await asked(http, program.base_url, HARD, ANN | named) == "complex"
            began, found = time.monotonic(), set[object]()
            while time.monotonic() - began < WORKERS_S:
                many = (decided(http, program.base_url, ANN | named) for _ in range(10))
                found = {one["strategy"] for one in await asyncio.gather(*many)}
            assert found == {"session"}


async def test_an_agent_that_was_raised_stays_so_everywhere(tmp_path: Path, environ: Mapping[str, str]) -> None:
    """In another process, and after a restart; another caller's agent of that name does not."""
    bee = {"x-pointsman-agent": "bee"}
    async with openai_server(REFUSES, completes("Here it is.")) as upstream, httpx2.AsyncClient() as http:
        write(tmp_path, upstream.url)
        async with serving(tmp_path, environ) as one, serving(tmp_path, environ) as other:
            await asked(http, one.base_url, SIMPLE, ANN | bee)
            assert len(upstream.bodies) == 2
            await until(http, other.base_url, ANN | bee, "an answer was not good enough lately")
        async with serving(tmp_path, environ) as restarted:
            assert (await decided(http, restarted.base_url, ANN | bee))["tier"] == "complex"
            assert (await decided(http, restarted.base_url, BOB | bee))["tier"] == "simple"


async def test_the_same_ask_again_after_a_restart_is_a_complaint(tmp_path: Path, environ: Mapping[str, str]) -> None:
    """About the answer before it: what another process answered is known by a hash."""
    named = {"x-pointsman-session": "s1"}
    async with openai_server(completes("Paris.")) as upstream, httpx2.AsyncClient() as http:
        write(tmp_path, upstream.url)
        async with serving(tmp_path, environ) as one:
            await asked(http, one.base_url, SIMPLE, ANN | named)
        async with serving(tmp_path, environ) as restarted:
            await asked(http, restarted.base_url, SIMPLE, BOB | named)
            await asked(http, restarted.base_url, SIMPLE, ANN | named)
        (learned,) = [one for one in json.loads(await command(tmp_path, environ, "feedback", "--json")) if one["model"]]
        assert (learned["model"], learned["ratings"], learned["shift"] < 0) == ("small", 1, True)
