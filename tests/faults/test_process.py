"""Faults 35, 36, 39 to 44 and 51: the disk, the configuration, signals, crashes, descriptors, memory, the log's end."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import sqlite3
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx2
import pytest

from tests.adapters.http.servers import Peer
from tests.e2e.test_process import BIN, refused
from tests.e2e.wire import Call, begin, piece
from tests.faults.place import CHAT, until
from tests.faults.program import BODY, Running, _until_up, environ_of, serving, write
from tests.faults.upstream import OPENAI, STALL, Step, faulty, good, model, streams

pytestmark = pytest.mark.e2e

OK = good(OPENAI, "Fine.")
FINE = (200, "Fine.")


# ── 35, 36: the ledger ──


def locks(ledger: Path) -> Callable[[], None]:
    """Another program writes for a long time; gives what ends that."""
    other = sqlite3.connect(ledger, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    def let_go() -> None:
        other.execute("ROLLBACK")
        other.close()

    return let_go


def removes(ledger: Path) -> Callable[[], None]:
    """It is deleted, with its log."""
    for path in ledger.parent.glob("ledger.sqlite*"):
        if path.is_file():
            path.unlink()
    return lambda: None


def spoils(ledger: Path) -> Callable[[], None]:
    """It is overwritten with something else, which nobody moves away."""
    ledger.write_bytes(b"no database at all" * 1000)
    return lambda: None


TROUBLES: Mapping[str, Callable[[Path], Callable[[], None]]] = {"locked": locks, "removed": removes, "spoilt": spoils}


@pytest.mark.parametrize("name", TROUBLES)
async def test_35_the_ledger_in_trouble(tmp_path: Path, name: str) -> None:
    """Usage database locked, deleted or spoilt in use: requests go on at their pace; recording recovers by itself."""
    async with faulty(OK) as upstream:
        write(tmp_path, model(OPENAI, upstream.url))
        async with serving(tmp_path) as running:
            before = await running.ask()
            await running.rows(lambda rows: any(row["outcome"] == "ok" for row in rows))
            ends = TROUBLES[name](tmp_path / "ledger.sqlite")
            began = time.monotonic()
            during = [await running.ask() for _ in range(20)]
            elapsed_s = time.monotonic() - began
            if name == "locked":
                await running.program.says("ledger.unavailable", times=1)
            ends()
            last = await running.ask()
            rows = await running.rows(
                lambda rows: any(row["id"] == last.headers["x-pointsman-decision-id"] for row in rows)
            )
    assert before.outcome == last.outcome == FINE
    assert [one.outcome for one in during] == [FINE] * 20
    assert elapsed_s < 5  # nobody waits for SQLite's own time-out
    if name == "locked":
        assert len(rows) == 22


async def test_35_a_full_disk(tmp_path: Path) -> None:
    """Usage database on a full disk: requests go on, it is said once."""
    (tmp_path / "ledger.sqlite").symlink_to("/dev/full")
    async with faulty(OK) as upstream:
        write(tmp_path, model(OPENAI, upstream.url))
        async with serving(tmp_path) as running:
            heard = [await running.ask() for _ in range(3)]
            await running.program.says("ledger.unavailable", times=1)
    assert [one.outcome for one in heard] == [FINE] * 3


SPOILT = b"SQLite format 3\x00" + b"\xff" * 10_000


async def test_36_a_spoilt_ledger_at_the_start(tmp_path: Path) -> None:
    """Usage database spoilt at the start: said aloud, put aside under a name with the date, whole; a new one begins."""
    ledger = tmp_path / "ledger.sqlite"
    ledger.write_bytes(SPOILT)
    async with faulty(OK) as upstream:
        write(tmp_path, model(OPENAI, upstream.url))
        async with serving(tmp_path) as running:
            await running.program.says("database-spoilt", times=1)
            heard = await running.ask()
            await running.rows(lambda rows: any(row["id"] == heard.headers["x-pointsman-decision-id"] for row in rows))
    assert heard.outcome == FINE
    assert contents_of(tmp_path, "ledger.sqlite.spoilt-*Z") == [SPOILT]


def contents_of(folder: Path, names: str) -> list[bytes]:
    """The files whose name is such."""
    return [path.read_bytes() for path in folder.glob(names)]


async def test_36_a_spoilt_ledger_that_stays(tmp_path: Path) -> None:
    """Usage database spoilt, and it cannot be put aside: `serve` says what to do and does not start."""
    ledger = tmp_path / ("l" * 230)  # with the date it is more than a name may have
    ledger.write_bytes(SPOILT)
    (tmp_path / "ledger.sqlite").symlink_to(ledger)
    write(tmp_path, model(OPENAI, "http://127.0.0.1:9"))
    process = await asyncio.create_subprocess_exec(
        str(BIN), "serve", "--port", "0", cwd=tmp_path, env=environ_of(tmp_path), stdout=DEVNULL, stderr=PIPE
    )
    said = (await process.communicate())[1].decode()
    assert process.returncode == 3
    assert "cannot be put aside: File name too long. Move it away yourself" in said
    assert "Traceback" not in said
    assert contents_of(tmp_path, "l" * 230) == [SPOILT]


# ── 39: the configuration ──


def replaced(path: Path) -> Path:
    """Where the file was."""
    path.unlink()
    return path


BAD_FILES: Mapping[str, Callable[[Path], object]] = {
    "invalid": lambda path: path.write_text("models: [{name: a, model: x, tiers: wrong}]"),
    "half-written": lambda path: path.write_text(path.read_text()[:40]),
    "empty": lambda path: path.write_text(""),
    "no YAML": lambda path: path.write_bytes(b"\x00\xff\xfe"),
    "gone": lambda path: path.unlink(),
    "a folder": lambda path: replaced(path).mkdir(),
    "unreadable": lambda path: replaced(path).symlink_to("/proc/self/mem"),
}


@pytest.mark.parametrize("name", BAD_FILES)
async def test_39_a_bad_configuration(tmp_path: Path, name: str) -> None:
    """Config reload of an invalid, half-written, missing or unreadable file: the old one stays, the error is said."""
    async with faulty(OK) as upstream:
        path = write(tmp_path, model(OPENAI, upstream.url))
        async with serving(tmp_path, "--config", str(path)) as running:
            BAD_FILES[name](path)
            running.signal(signal.SIGHUP)
            await running.program.says("reload-refused reason=", times=1)
            heard = await running.ask()
    assert heard.outcome == FINE


@pytest.mark.parametrize("name", ["first", "auto"])
async def test_39_a_model_is_removed_while_it_answers(tmp_path: Path, name: str) -> None:
    """Config reload removes a model in use: its answer ends by the old configuration, the next goes by the new."""
    goes_on = asyncio.Event()
    frames = OPENAI.frames("Once upon a time")
    act = streams(OPENAI, *frames[:3], goes_on, *frames[3:])
    async with faulty(act) as old, faulty(good(OPENAI, "By the new one.")) as new:
        write(tmp_path, model(OPENAI, old.url))
        async with serving(tmp_path) as running:
            async with running.http.stream("POST", CHAT, json={**BODY, "model": name, "stream": True}) as response:
                pieces = response.aiter_text()
                text = await anext(pieces)
                write(tmp_path, model(OPENAI, new.url, "second"))
                running.signal(signal.SIGHUP)
                await running.program.says("reloaded models=1", times=1)
                later = await running.ask()
                goes_on.set()
                text += "".join([piece async for piece in pieces])
            models = (await running.http.get("/v1/models")).json()["data"]
    assert later.outcome == (200, "By the new one.")
    assert "time" in text
    assert text.rstrip().endswith("data: [DONE]")
    assert "first" not in [one["id"] for one in models]


# ── 40: signals ──


async def first_words(running: Running, response: httpx2.Response) -> str:
    """What a stream says at first."""
    return await anext(response.aiter_text())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("ends", ["in time", "too late", "second signal"])
async def test_40_a_signal_while_a_stream_runs(tmp_path: Path, number: signal.Signals, ends: str) -> None:
    """SIGTERM or SIGINT with streams: not ready, no new connections, streams end or are told; a second one is now."""
    goes_on = asyncio.Event()
    frames = OPENAI.frames("Once upon a time")
    rest: tuple[Step, ...] = (goes_on, *frames[3:]) if ends == "in time" else (STALL,)
    drain_s = 0.5 if ends == "too late" else 20
    async with faulty(streams(OPENAI, *frames[:3], *rest)) as upstream:
        write(tmp_path, model(OPENAI, upstream.url), server={"drain_timeout_s": drain_s})
        async with serving(tmp_path) as running:
            async with running.http.stream("POST", CHAT, json={**BODY, "stream": True}) as response:
                pieces = response.aiter_text()
                text = await anext(pieces)
                began = time.monotonic()
                running.signal(number)
                await refused(running.program.base_url)
                if ends == "second signal":
                    running.signal(number)
                goes_on.set()
                text += "".join([piece async for piece in pieces])
            await running.program.ended()
            elapsed_s = time.monotonic() - began
    lines = [line for line in text.splitlines() if line]
    if ends == "in time":
        assert lines[-1] == "data: [DONE]"
    else:
        assert '"error"' in lines[-1]
        assert "[DONE]" not in text
    assert elapsed_s < 10  # well below the drain of 20 s


async def test_40_hangup(tmp_path: Path) -> None:
    """SIGHUP: the configuration is read again, nobody is disturbed."""
    async with faulty(OK) as old, faulty(good(OPENAI, "By the new one.")) as new:
        write(tmp_path, model(OPENAI, old.url))
        async with serving(tmp_path) as running:
            before = await running.ask()
            write(tmp_path, model(OPENAI, new.url))
            running.signal(signal.SIGHUP)
            await running.program.says("reloaded models=1", times=1)
            after = await running.ask()
    assert (before.outcome, after.outcome) == (FINE, (200, "By the new one."))


# ── 41, 42: crashes ──


async def test_41_killed_under_load(tmp_path: Path) -> None:
    """SIGKILL under load: the ledger opens, what was done is there, the rest is `unknown`."""
    async with faulty(OK) as upstream:
        write(tmp_path, model(OPENAI, upstream.url))
        async with serving(tmp_path) as running:
            done = [await running.ask() for _ in range(20)]
            await running.rows(lambda rows: sum(row["outcome"] == "ok" for row in rows) == 20)

            async def load() -> int:
                served = 0
                with contextlib.suppress(httpx2.TransportError):
                    while True:
                        served += (await running.ask()).status == 200
                return served

            async with asyncio.TaskGroup() as group:
                callers = [group.create_task(load()) for _ in range(8)]
                await upstream.was_asked(60)
                running.program.process.kill()
            served = sum(caller.result() for caller in callers)
            assert await running.program.ended() == -signal.SIGKILL
        async with serving(tmp_path) as running:
            rows = await running.rows(lambda rows: all(row["outcome"] != "open" for row in rows))
            again = await running.ask()
    outcomes = {str(row["id"]): row["outcome"] for row in rows}
    assert {outcomes.get(one.headers["x-pointsman-decision-id"]) for one in done} == {"ok"}
    assert set(outcomes.values()) <= {"ok", "unknown"}
    assert 20 <= sum(outcome == "ok" for outcome in outcomes.values()) <= 20 + served
    assert again.outcome == FINE


def workers_of(pid: int) -> list[int]:
    """The processes that *pid* started and that serve."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="it finds the workers by /proc")
async def test_42_a_worker_is_killed(tmp_path: Path) -> None:
    """Worker crash in multi-process mode: the others serve, it is started again, what is shared stays."""
    async with faulty(OK) as upstream:
        write(tmp_path, model(OPENAI, upstream.url))
        async with serving(tmp_path, "--workers", "2") as running:
            await until(lambda: len(workers_of(running.pid)) == 2)
            before = await running.ask()
            await running.rows(lambda rows: any(row["outcome"] == "ok" for row in rows))
            first, second = workers_of(running.pid)
            os.kill(first, signal.SIGKILL)
            served = []
            async with asyncio.timeout(20), httpx2.AsyncClient(headers={"connection": "close"}) as http:
                while len(set(workers_of(running.pid)) - {first}) < 2:
                    served.append(await _status(http, running))
                    await asyncio.sleep(0.02)
                served += [await _status(http, running) for _ in range(10)]
            assert second in workers_of(running.pid)
            rows = await running.rows(lambda rows: len(rows) > 10)
    assert before.outcome == FINE
    assert served.count(200) >= len(served) - 2  # those the dead one had taken in, at most
    assert before.headers["x-pointsman-decision-id"] in [row["id"] for row in rows]


async def _status(http: httpx2.AsyncClient, running: Running) -> int:
    try:
        return (await http.post(running.program.base_url + CHAT, json=BODY)).status_code
    except httpx2.TransportError:
        return 0


# ── 43, 44: limits of the machine ──


async def test_43_no_descriptors_left(tmp_path: Path) -> None:
    """Out of descriptors: nothing new is taken for the moment, the stream that runs goes on, then all is well again."""
    goes_on = asyncio.Event()
    frames = OPENAI.frames("Once upon a time")
    act = streams(OPENAI, *frames[:3], goes_on, *frames[3:])
    async with faulty(act, OK) as upstream:
        write(tmp_path, model(OPENAI, upstream.url))
        async with serving(tmp_path, files=64) as running:
            port = int(running.program.base_url.rpartition(":")[2])
            async with running.http.stream("POST", CHAT, json={**BODY, "stream": True}) as response:
                pieces = response.aiter_text()
                text = await anext(pieces)
                crowd = [(await asyncio.open_connection("127.0.0.1", port))[1] for _ in range(100)]
                goes_on.set()
                text += "".join([piece async for piece in pieces])
            for writer in crowd:
                writer.close()
            async with httpx2.AsyncClient(base_url=running.program.base_url) as http, asyncio.timeout(15):
                await _until_up(http)
                heard = await http.post(CHAT, json=BODY)
    assert text.rstrip().endswith("data: [DONE]")
    assert heard.status_code == 200


def memory_bytes(pid: int) -> int:
    """The most that the process ever had in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="it reads memory from /proc")
async def test_44_memory_is_bounded(tmp_path: Path) -> None:
    """Little memory: load over the queue is shed before, and readers who do not read cost their buffers, no more."""
    frame = max(OPENAI.unfinished("x" * 20_000), key=len)

    async def endless(peer: Peer, call: Call) -> None:
        await begin(peer, "text/event-stream")
        while True:
            await piece(peer, frame)

    async with faulty(endless) as upstream:
        limits = {"slots": 20, "queue": 10, "queue_timeout_s": 30}
        write(tmp_path, model(OPENAI, upstream.url, concurrency=limits), server={"write_timeout_s": 60})
        async with serving(tmp_path) as running:
            port = int(running.program.base_url.rpartition(":")[2])
            before = memory_bytes(running.pid)
            data = b'{"model":"auto","stream":true,"messages":[{"role":"user","content":"hi"}]}'
            head = f"POST {CHAT} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(data)}\r\n\r\n".encode()
            crowd = [await asyncio.open_connection("127.0.0.1", port, limit=1024) for _ in range(60)]
            for _, writer in crowd:
                writer.write(head + data)
            began = [asyncio.create_task(reader.readexactly(12)) for reader, _ in crowd]  # ended below
            heard = [await first for first in itertools.islice(asyncio.as_completed(began), 50)]
            after = memory_bytes(running.pid)
            for _, writer in crowd:
                writer.transport.abort()
            await asyncio.gather(*began, return_exceptions=True)
    assert Counter(heard) == {b"HTTP/1.1 200": 20, b"HTTP/1.1 503": 30}
    assert after - before < 60_000_000  # 20 streams without end, unread


# ── 51: the log ──


async def test_51_a_blocked_log(tmp_path: Path) -> None:
    """Log sink blocked (a full pipe that nobody reads): requests go on."""
    read_end, write_end = os.pipe()
    async with faulty(OK) as upstream:
        path = write(tmp_path, model(OPENAI, upstream.url), server={"port": 0})
        process = await asyncio.create_subprocess_exec(
            str(BIN), "serve", "--config", str(path), cwd=tmp_path, env=environ_of(tmp_path),
            stdin=DEVNULL, stdout=DEVNULL, stderr=write_end,
        )  # fmt: skip
        try:
            base_url = await _address(read_end)
            async with httpx2.AsyncClient(base_url=base_url, timeout=10) as http:
                await _until_up(http)
                _fill(write_end)
                path.write_text("models: [")
                for _ in range(3):
                    process.send_signal(signal.SIGHUP)  # each would write a line
                    await http.get("/healthz")
                statuses = [(await http.post(CHAT, json=BODY)).status_code for _ in range(5)]
        finally:
            os.close(write_end)
            os.close(read_end)
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(15):
                await process.wait()
    assert statuses == [200] * 5


async def _address(read_end: int) -> str:
    """Where a gateway says that it listens."""
    said = ""
    async with asyncio.timeout(20):
        while "try  " not in said:
            said += (await asyncio.to_thread(os.read, read_end, 65536)).decode()
    return next(line.split()[-1] for line in said.splitlines() if line.startswith("OpenAI API")).removesuffix("/v1")


def _fill(write_end: int) -> None:
    """Fill the pipe, by an open file of our own: the process's stays one that blocks."""
    own = os.open(f"/proc/self/fd/{write_end}", os.O_WRONLY | os.O_NONBLOCK)
    try:
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(own, b"\n" * 65536)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(own, b"\n")
    finally:
        os.close(own)


async def test_51_nobody_holds_the_other_end(tmp_path: Path) -> None:
    """Log sink gone (stderr and stdout closed): requests go on."""
    read_end, write_end = os.pipe()
    async with faulty(OK) as upstream:
        path = write(tmp_path, model(OPENAI, upstream.url), server={"port": 0})
        process = await asyncio.create_subprocess_exec(
            str(BIN), "serve", "--config", str(path), cwd=tmp_path, env=environ_of(tmp_path),
            stdin=DEVNULL, stdout=write_end, stderr=write_end,
        )  # fmt: skip
        os.close(write_end)
        try:
            base_url = await _address(read_end)
            os.close(read_end)
            async with httpx2.AsyncClient(base_url=base_url, timeout=10) as http:
                await _until_up(http)
                path.write_text("models: [")
                for _ in range(3):
                    process.send_signal(signal.SIGHUP)
                    await http.get("/healthz")
                statuses = [(await http.post(CHAT, json=BODY)).status_code for _ in range(5)]
        finally:
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(15):
                await process.wait()
    assert statuses == [200] * 5
