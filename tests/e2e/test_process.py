"""`pointsman serve` as a process: signals, workers, a crash and what the ledger makes of it, what it prints."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
import yaml

from pointsman.core.jsontypes import Json
from tests.adapters.http.servers import Peer
from tests.e2e.conftest import client_of
from tests.e2e.openai_server import chunk, completes, hangs, openai_server, refuses, streams
from tests.e2e.test_files import until_listed
from tests.e2e.test_main_job import decision, user
from tests.e2e.test_upstreams import model
from tests.e2e.wire import Call, finish, piece

pytestmark = pytest.mark.e2e

BIN = Path(sys.executable).parent / "pointsman"
SECRET = "xyzzy-plugh"
START_S = 20
CHAT = {"model": "auto", "messages": user(f"the word is {SECRET}")}


@dataclass(slots=True, kw_only=True)
class Program:
    """A gateway that runs, and what it printed so far."""

    process: Process
    base_url: str = ""
    errors: list[str] = field(default_factory=list)
    is_over: bool = False
    has_said: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def says(self, words: str, *, times: int) -> None:
        """Return when that many lines hold *words*; fail when the program ends before."""

        def found() -> bool:
            return sum(words in line for line in self.errors) >= times

        async with asyncio.timeout(START_S), self.has_said:
            await self.has_said.wait_for(lambda: found() or self.is_over)
        assert found(), self.errors

    async def ended(self) -> int:
        """Its exit code, once it has ended."""
        async with asyncio.timeout(START_S):
            return await self.process.wait()


@pytest.fixture
def environ(tmp_path: Path) -> Mapping[str, str]:
    """An environment without anybody's configuration or keys."""
    folders = {f"XDG_{kind}_HOME": str(tmp_path / kind.lower()) for kind in ("CONFIG", "DATA", "CACHE")}
    return {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **folders}


@asynccontextmanager
async def serving(folder: Path, environ: Mapping[str, str], *args: str) -> AsyncIterator[Program]:
    """`pointsman serve` on a free port, up; it prints nothing on stdout, and no traceback and no prompt on stderr."""
    command = [str(BIN), "serve", "--port", "0", *args]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=dict(environ), stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    program = Program(process=process)
    assert process.stdout is not None
    assert process.stderr is not None
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(process.stdout.read())
        group.create_task(_listen(program, process.stderr))
        try:
            await program.says("try  ", times=1)
            (address,) = [line for line in program.errors if line.startswith("OpenAI API")]
            program.base_url = address.split()[-1].removesuffix("/v1")
            yield program
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
            await program.ended()
    said = "\n".join(program.errors)
    assert reading.result() == b""
    assert "Traceback" not in said
    assert SECRET not in said


async def _listen(program: Program, stream: asyncio.StreamReader) -> None:
    async for line in stream:
        async with program.has_said:
            program.errors.append(line.decode().rstrip("\n"))
            program.has_said.notify_all()
    async with program.has_said:
        program.is_over = True
        program.has_said.notify_all()


def write(folder: Path, *models: Mapping[str, Json]) -> None:
    """A pointsman.yaml in *folder*."""
    (folder / "pointsman.yaml").write_text(yaml.safe_dump({"models": [dict(one) for one in models]}), encoding="utf-8")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"]
)
async def test_a_stream_under_way_may_finish_when_the_gateway_is_told_to_stop(
    tmp_path: Path, environ: Mapping[str, str], number: signal.Signals, code: int
) -> None:
    """No new connection, the old answer whole, its line in the ledger, then the end."""
    goes_on = asyncio.Event()

    async def rest(peer: Peer, call: Call) -> None:
        await goes_on.wait()
        await piece(peer, chunk({"content": " a time"}))
        await piece(peer, chunk({}, finish_reason="stop") + b"data: [DONE]\n\n")
        await finish(peer)

    async with openai_server(streams("Once upon", then=rest)) as upstream:
        write(tmp_path, model(upstream.url))
        async with serving(tmp_path, environ) as program, client_of(program.base_url) as client:
            stream = await client.chat.completions.create(model="auto", messages=user(SECRET), stream=True)
            decision_id = stream.response.headers["x-pointsman-decision-id"]
            said: list[str] = []
            async for one in stream:
                if not said:
                    program.process.send_signal(number)
                    await refused(program.base_url)
                    goes_on.set()
                said.append(one.choices[0].delta.content or "")
            assert await program.ended() == code
    assert "".join(said) == "Once upon a time"
    assert await outcome(tmp_path, environ, decision_id) == "ok"


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_second_signal_ends_at_once(tmp_path: Path, environ: Mapping[str, str], workers: str) -> None:
    """The caller is told in its stream; nobody waits for the drain."""
    async with openai_server(streams("Once upon", then=hangs)) as upstream:
        write(tmp_path, model(upstream.url))
        async with serving(tmp_path, environ, "--workers", workers) as program, httpx2.AsyncClient() as http:
            await until_listed(http, program.base_url, "first")
            post = f"{program.base_url}/v1/chat/completions"
            said = ""
            async with http.stream("POST", post, json={**CHAT, "stream": True}) as response:
                async for text in response.aiter_text():
                    if not said:
                        program.process.send_signal(signal.SIGTERM)
                        await refused(program.base_url)
                        program.process.send_signal(signal.SIGTERM)
                    said += text
            await program.ended()
    assert "Once upon" in said
    assert "The gateway is shutting down." in said.splitlines()[-2]


async def refused(base_url: str) -> None:
    """Return when new connections are not taken any more."""
    async with asyncio.timeout(5), httpx2.AsyncClient() as http:
        while True:
            try:
                await http.get(f"{base_url}/healthz", headers={"connection": "close"})
            except httpx2.TransportError:
                return
            await asyncio.sleep(0.02)


async def outcome(folder: Path, environ: Mapping[str, str], decision_id: str) -> str:
    """What the ledger says of a request, by the program's own command."""
    process = await asyncio.create_subprocess_exec(
        str(BIN), "explain", "--json", decision_id, cwd=folder, env=dict(environ), stdout=PIPE, stderr=PIPE
    )
    out, errors = await process.communicate()
    assert process.returncode == 0, errors
    return str(json.loads(out)["outcome"])


async def test_a_crash_is_settled_at_the_next_start(tmp_path: Path, environ: Mapping[str, str]) -> None:
    """What was open when the process was killed becomes `unknown`; what was done stays."""
    async with openai_server(completes("Done."), streams("Once", then=hangs)) as upstream:
        write(tmp_path, model(upstream.url))
        async with serving(tmp_path, environ) as program, client_of(program.base_url) as client:
            raw = await client.chat.completions.with_raw_response.create(model="auto", messages=user(SECRET))
            done = raw.headers["x-pointsman-decision-id"]
            stream = await client.chat.completions.create(model="auto", messages=user(SECRET), stream=True)
            cut = stream.response.headers["x-pointsman-decision-id"]
            await decision(program.base_url, done)
            await decision(program.base_url, cut, until=lambda row: row["outcome"] == "open")
            program.process.kill()
            assert await program.ended() == -signal.SIGKILL
            await stream.close()
        async with serving(tmp_path, environ) as program:
            rows = [await decision(program.base_url, one) for one in (done, cut)]
    assert [row["outcome"] for row in rows] == ["ok", "unknown"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"])
async def test_two_workers_serve_one_port(
    tmp_path: Path, environ: Mapping[str, str], number: signal.Signals, code: int
) -> None:
    """Requests on many connections are answered and all recorded; one signal ends them all."""
    async with openai_server(completes("Hello.")) as upstream:
        write(tmp_path, model(upstream.url))
        async with serving(tmp_path, environ, "--workers", "2") as program:
            async with httpx2.AsyncClient(headers={"connection": "close"}) as http:
                await until_listed(http, program.base_url, "first")
                post = f"{program.base_url}/v1/chat/completions"
                replies = await asyncio.gather(*(http.post(post, json=CHAT) for _ in range(20)))
                await until_recorded(http, program.base_url, 20)
            program.process.send_signal(number)
            assert await program.ended() == code
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.headers["x-pointsman-decision-id"] for reply in replies}) == 20


async def test_every_worker_reads_the_configuration_again(tmp_path: Path, environ: Mapping[str, str]) -> None:
    """SIGHUP to the program reaches both; each says so once."""
    write(tmp_path, model("http://127.0.0.1:9"))
    async with (
        serving(tmp_path, environ, "--workers", "2") as program,
        httpx2.AsyncClient(headers={"connection": "close"}) as http,
    ):
        await until_listed(http, program.base_url, "first")
        write(tmp_path, model("http://127.0.0.1:9", "renamed"))
        program.process.send_signal(signal.SIGHUP)
        await program.says("reloaded models=1", times=2)
        lists = [(await http.get(f"{program.base_url}/v1/models/renamed")).status_code for _ in range(10)]
    assert lists == [200] * 10


async def test_a_broken_configuration_leaves_the_old_one_in_force(tmp_path: Path, environ: Mapping[str, str]) -> None:
    """Said once, in words; requests go on."""
    write(tmp_path, model("http://127.0.0.1:9"))
    async with serving(tmp_path, environ) as program, httpx2.AsyncClient() as http:
        await until_listed(http, program.base_url, "first")
        (tmp_path / "pointsman.yaml").write_text("models: [", encoding="utf-8")
        program.process.send_signal(signal.SIGHUP)
        await program.says("reload-refused reason=pointsman.yaml", times=1)
        await until_listed(http, program.base_url, "first")


async def until_recorded(http: httpx2.AsyncClient, base_url: str, n_rows: int) -> None:
    """Return when the ledger has that many answered requests."""
    async with asyncio.timeout(5):
        while True:
            rows = (await http.get(f"{base_url}/v1/decisions?limit=1000")).json()["data"]
            if sum(row["outcome"] == "ok" for row in rows) == n_rows:
                return
            await asyncio.sleep(0.02)


async def test_whatever_goes_wrong_no_prompt_is_printed(tmp_path: Path, environ: Mapping[str, str]) -> None:
    """Refusals, failures, broken bodies, callers who leave: `serving` looks at all that was said."""
    async with openai_server(refuses(500, "boom"), refuses(400, "bad"), streams("Once", then=hangs)) as upstream:
        write(tmp_path, {**model(upstream.url), "context_tokens": 500})
        async with serving(tmp_path, environ) as program, httpx2.AsyncClient() as http:
            post = f"{program.base_url}/v1/chat/completions"
            statuses = [
                (await http.post(post, **request)).status_code
                for request in (
                    {"json": CHAT, "headers": {"x-pointsman-deadline-ms": "0.001"}},
                    {"json": {**CHAT, "temperature": SECRET}},
                    {"content": f'{{"messages": "{SECRET}'.encode()},
                    {"json": {**CHAT, "messages": user(SECRET * 1000)}},
                    {"json": CHAT, "headers": {"x-pointsman-privacy": SECRET}},
                    {"json": CHAT, "headers": {"host": SECRET}},
                    {"json": CHAT},
                )
            ]
            async with http.stream("POST", post, json={**CHAT, "stream": True}) as response:
                async for _ in response.aiter_bytes():
                    break
    assert statuses == [504, 400, 400, 400, 400, 403, 400]
    assert [line for line in program.errors if line][-1].startswith("try ")


async def test_the_demo_is_ready_in_seconds(tmp_path: Path, environ: Mapping[str, str]) -> None:
    """From nothing: the models are made, loaded and answer, within START_S, on a machine without a GPU."""
    async with serving(tmp_path, environ, "--demo") as program, client_of(program.base_url) as client:
        asked = [{"role": "system", "content": SECRET}, *user("Hi")]
        reply = await client.chat.completions.create(model="auto", messages=asked, max_tokens=20)
        async with httpx2.AsyncClient() as http:
            ready = await http.get(f"{program.base_url}/readyz")
            page = await http.get(program.base_url)
    assert (reply.choices[0].message.content or "").startswith("This is the small demo model.")
    assert ready.json() == {"status": "ok", "models": 3}
    assert "This is the demo" in page.text
    assert SECRET not in page.text


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("models: [", "pointsman.yaml"),
        ("models: [{name: a, model: openai/gpt-5, tiers: simplest}]", "tiers"),
        ("server: {port: many}", "port"),
        ("models: [{name: a, gguf: none.gguf}]", "none.gguf"),
    ],
)
async def test_a_configuration_that_is_wrong_ends_with_3(
    tmp_path: Path, environ: Mapping[str, str], text: str, word: str
) -> None:
    """And says where, in words."""
    (tmp_path / "pointsman.yaml").write_text(text, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        str(BIN), "serve", cwd=tmp_path, env=dict(environ), stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    out, errors = await process.communicate()
    assert (process.returncode, out) == (3, b"")
    assert word in errors.decode()
    assert "Traceback" not in errors.decode()
