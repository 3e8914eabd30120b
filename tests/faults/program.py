"""`pointsman serve` as a process of its own, with a ledger and a configuration in a folder of its own."""

from __future__ import annotations

import asyncio
import resource
import signal
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import yaml

from tests.e2e.test_process import BIN, Program, _listen
from tests.faults.place import CHAT, HI, Heard

BODY: Mapping[str, object] = {"model": "auto", "messages": HI}


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The process, and a caller in front of it."""

    program: Program
    http: httpx2.AsyncClient
    folder: Path

    @property
    def pid(self) -> int:
        """The (first) process."""
        return self.program.process.pid

    async def ask(self, *, stream: bool = False, model: str = "auto") -> Heard:
        """The answer to "hi"."""
        reply = await self.http.post(CHAT, json={**BODY, "model": model, "stream": stream})
        return Heard(status=reply.status_code, headers=reply.headers, text=reply.text)

    async def rows(self, until: Callable[[list[dict[str, object]]], bool]) -> list[dict[str, object]]:
        """The ledger's requests, once they are as wanted."""
        async with asyncio.timeout(15):
            while True:
                found: list[dict[str, object]] = (await self.http.get("/v1/decisions?limit=1000")).json()["data"]
                if until(found):
                    return found
                await asyncio.sleep(0.05)

    def signal(self, number: signal.Signals) -> None:
        """Send it."""
        self.program.process.send_signal(number)


def write(folder: Path, *models: Mapping[str, object], **sections: object) -> Path:
    """The configuration."""
    path = folder / "pointsman.yaml"
    path.write_text(yaml.safe_dump({"models": [dict(one) for one in models], **sections}), encoding="utf-8")
    return path


def environ_of(folder: Path) -> dict[str, str]:
    """An environment without anybody's configuration or keys."""
    folders = {f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("CONFIG", "DATA", "CACHE")}
    return {
        "HOME": str(folder),
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "POINTSMAN_LEDGER__PATH": str(folder / "ledger.sqlite"),
        **folders,
    }


@asynccontextmanager
async def serving(folder: Path, *args: str, files: int | None = None) -> AsyncIterator[Running]:
    """The gateway on what `write` wrote; *files* is the most descriptors it may have."""

    def limit() -> None:
        if files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

    command = [str(BIN), "serve", "--port", "0", *args]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environ_of(folder), stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, preexec_fn=limit
    )
    program = Program(process=process)
    assert process.stderr is not None
    async with asyncio.TaskGroup() as group:
        group.create_task(_listen(program, process.stderr))
        try:
            await program.says("try  ", times=1)
            (address,) = [line for line in program.errors if line.startswith("OpenAI API")]
            program.base_url = address.split()[-1].removesuffix("/v1")
            async with httpx2.AsyncClient(base_url=program.base_url, timeout=15) as http:
                await _until_up(http)
                yield Running(program=program, http=http, folder=folder)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
            await program.ended()
    assert "Traceback" not in "\n".join(program.errors)


async def _until_up(http: httpx2.AsyncClient) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                if (await http.get("/healthz")).status_code == 200:
                    return
            except httpx2.TransportError:
                await asyncio.sleep(0.02)
