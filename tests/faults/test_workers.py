"""Fault 49 between the processes of one gateway: what one of them answers the others know."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import httpx2
import pytest

from tests.faults.place import CHAT
from tests.faults.program import BODY, Running, serving, write
from tests.faults.upstream import OPENAI, STALL, Act, Faulty, faulty, good, model, plays

pytestmark = pytest.mark.e2e

KEY = {"idempotency-key": "7f1c"}


@asynccontextmanager
async def two_workers(folder: Path, *acts: Act) -> AsyncIterator[tuple[Running, Faulty]]:
    """A gateway of two processes before an upstream that plays *acts*."""
    async with faulty(*acts) as upstream:
        write(folder, model(OPENAI, upstream.url), server={"workers": 2})
        async with serving(folder) as running:
            yield running, upstream


async def ask(running: Running) -> httpx2.Response:
    """The same request again, over a connection of its own: any of the processes may take it."""
    async with httpx2.AsyncClient(base_url=running.program.base_url, timeout=15) as http:
        return await http.post(CHAT, json=BODY, headers=KEY)


async def test_49_the_same_key_in_any_worker(tmp_path: Path) -> None:
    """Same Idempotency-Key with several workers: one request to a model, the same answer from each of them."""
    async with two_workers(tmp_path, good(OPENAI, "One."), good(OPENAI, "Two.")) as (running, upstream):
        replies = [await ask(running)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ask(running)) for _ in range(40)]
        replies += [task.result() for task in tasks]
    assert {reply.content for reply in replies} == {replies[0].content}
    assert [reply.headers.get("idempotency-replayed") for reply in replies] == [None, *["true"] * 40]
    assert len(upstream.calls) == 1


async def test_49_a_worker_that_dies_while_it_answers(tmp_path: Path) -> None:
    """Same Idempotency-Key after the worker that was answering is killed: asked anew, at once."""
    async with two_workers(tmp_path, plays(STALL), good(OPENAI, "Anew.")) as (running, upstream):
        async with asyncio.TaskGroup() as group:
            lost = group.create_task(answer_or_none(running))
            await upstream.was_asked()
            os.kill(holder_of(tmp_path), signal.SIGKILL)
            assert await lost is None
        reply = await ask(running)
    assert json.loads(reply.text)["choices"][0]["message"]["content"] == "Anew."
    assert "x-pointsman-idempotency" not in reply.headers
    assert len(upstream.calls) == 2


async def answer_or_none(running: Running) -> httpx2.Response | None:
    """The answer, if one came."""
    try:
        return await ask(running)
    except httpx2.TransportError:
        return None


def holder_of(folder: Path) -> int:
    """The process that has claimed the request."""
    with closing(sqlite3.connect(folder / "ledger-replies.sqlite")) as replies:
        (name,) = replies.execute("SELECT lease FROM replies WHERE status IS NULL").fetchone()
    inode = (folder / name).stat().st_ino
    locks = Path("/proc/locks").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[4]) for line in locks if line.split()[5].endswith(f":{inode}"))
