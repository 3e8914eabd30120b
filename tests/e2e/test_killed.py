"""A gateway killed with -9 under load: no finished request is lost, and the open ones are settled at the next start."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.adapters.http.servers import Peer
from tests.e2e.openai_server import chunk, completes, openai_server
from tests.e2e.test_files import until_listed
from tests.e2e.test_process import CHAT, Program, environ, refused, serving, write  # noqa: F401  a fixture
from tests.e2e.test_upstreams import model
from tests.e2e.wire import Call, begin, piece

pytestmark = pytest.mark.e2e

DONE, OPEN = 60, 20
Rows = Mapping[str, Any]
PRICE = {"input_usd_per_mtok": 1000.0, "output_usd_per_mtok": 1000.0}


async def answers_or_hangs(peer: Peer, call: Call) -> None:
    """Whole answers at once; streams begin and stand still."""
    if not call.body.get("stream"):
        await completes("Done.")(peer, call)
        return
    await begin(peer, "text/event-stream")
    await piece(peer, chunk({"content": "Once"}))
    await peer.client_closed()


async def test_a_killed_gateway_settles_what_was_open(tmp_path: Path, environ: Mapping[str, str]) -> None:  # noqa: F811
    """Prompts as estimated, costs by the price, attempts as unknown; the file is sound."""
    async with openai_server(answers_or_hangs) as upstream, asyncio.TaskGroup() as group:
        write(tmp_path, {**model(upstream.url), "price": PRICE})
        async with serving(tmp_path, environ) as program, impatient() as http:
            done, cut = await loaded(program, http)
            late = [group.create_task(asked(http, program)) for _ in range(10)]  # in the midst of it
            program.process.kill()
            await asyncio.wait(late)
        async with serving(tmp_path, environ) as program, impatient() as http:
            found = await until(program, http, lambda rows: all(row["outcome"] != "open" for row in rows.values()))
    check(found, done, cut)
    check_file(tmp_path)


async def test_killed_workers_are_replaced_and_what_they_had_open_is_settled(
    tmp_path: Path,
    environ: Mapping[str, str],  # noqa: F811
) -> None:
    """Others go on meanwhile: the port is never closed."""
    async with openai_server(answers_or_hangs) as upstream:
        write(tmp_path, {**model(upstream.url), "price": PRICE})
        async with serving(tmp_path, environ, "--workers", "2") as program, impatient() as http:
            done, cut = await loaded(program, http)
            for pid in workers_of(program):
                os.kill(pid, signal.SIGKILL)
            await program.says("worker-died", times=2)
            found = await until(program, http, lambda rows: all(row["outcome"] != "open" for row in rows.values()))
            assert await asked(http, program) == 200
    check(found, done, cut)


async def test_workers_end_when_their_parent_was_killed(tmp_path: Path, environ: Mapping[str, str]) -> None:  # noqa: F811
    """Nobody else would end them, and they would hold the port."""
    write(tmp_path, model("http://127.0.0.1:9"))
    async with serving(tmp_path, environ, "--workers", "2") as program, impatient() as http:
        await until_listed(http, program.base_url, "first")
        program.process.kill()
        await refused(program.base_url)


def workers_of(program: Program) -> list[int]:
    """The processes it serves with."""
    pid = program.process.pid
    children = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [one for one in children if "resource_tracker" not in Path(f"/proc/{one}/cmdline").read_text()]


def impatient() -> httpx2.AsyncClient:
    """A client that keeps no connection: each request goes to whoever takes it."""
    return httpx2.AsyncClient(limits=httpx2.Limits(max_keepalive_connections=0), timeout=20)


async def loaded(program: Program, http: httpx2.AsyncClient) -> tuple[set[str], set[str]]:
    """The ids of answers that are complete and of streams that are under way, all of them in the ledger."""
    await until_listed(http, program.base_url, "first")
    post = f"{program.base_url}/v1/chat/completions"
    request = http.build_request("POST", post, json={**CHAT, "stream": True})
    streams = [await http.send(request, stream=True) for _ in range(OPEN)]
    replies = await asyncio.gather(*(http.post(post, json=CHAT) for _ in range(DONE)))
    await until(program, http, lambda rows: sum(row["outcome"] == "ok" for row in rows.values()) == DONE)
    await until(program, http, lambda rows: len(rows) == DONE + OPEN)
    return tuple({one.headers["x-pointsman-decision-id"] for one in some} for some in (replies, streams))  # type: ignore[return-value]  # two


async def until(program: Program, http: httpx2.AsyncClient, is_so: Callable[[Rows], bool]) -> Rows:
    """The ledger's requests by id, once *is_so* of them."""
    async with asyncio.timeout(15):
        while True:
            try:
                reply = await http.get(f"{program.base_url}/v1/decisions?limit=1000")
                rows = {row["id"]: row for row in reply.json()["data"]}
                if is_so(rows):
                    return rows
            except httpx2.TransportError:  # a worker that was just killed
                pass
            await asyncio.sleep(0.05)


async def asked(http: httpx2.AsyncClient, program: Program) -> int | None:
    """The status of one more answer; None when the gateway dies over it."""
    try:
        return (await http.post(f"{program.base_url}/v1/chat/completions", json=CHAT)).status_code
    except httpx2.TransportError:
        return None


def check(found: Rows, done: set[str], cut: set[str]) -> None:
    """Nothing that was complete is lost, and what was open is estimated."""
    assert (len(done), len(cut)) == (DONE, OPEN)
    assert {found[one]["outcome"] for one in done} == {"ok"}
    for one in cut:
        row = found[one]
        assert (row["outcome"], row["served"], row["output_tokens"], row["is_estimated"]) == (
            "unknown",
            "first",
            0,
            True,
        )
        assert row["input_tokens"] == row["estimated_input_tokens"] > 0
        assert row["cost_usd"] == pytest.approx(row["input_tokens"] * 1e-3)


def check_file(folder: Path) -> None:
    """The ledger in *folder* is sound, and no attempt is open."""
    with closing(sqlite3.connect(next(folder.rglob("ledger.db")))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM attempts WHERE outcome = 'open'").fetchone() == (0,)
