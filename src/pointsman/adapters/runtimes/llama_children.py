"""GGUF files served by llama.cpp, each in a process of its own: loading holds up nobody, and memory comes back whole.

The processes take their models' ports, which stay the same over loads, so that a model's address does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from pointsman.adapters.runtimes.embedded_llama import ModelFile
from pointsman.adapters.runtimes.llama_child import to_argument
from pointsman.core.errors import RuntimeUnavailable
from pointsman.core.local import Running

LOAD_TIMEOUT_S = 300.0
STOP_S = 5.0
PORT_POLL_S = 0.05
_HOST = "127.0.0.1"
_PROGRAM = ("-m", "pointsman.adapters.runtimes.llama_child")


@dataclass(slots=True)
class LlamaChildren:
    """The runtime of the configuration's GGUF files. Leaving it ends every process."""

    models: Mapping[str, ModelFile]  # by card id; each with its port
    name: str = "llama.cpp"
    _processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict, init=False)

    async def __aenter__(self) -> Self:
        """Nothing is loaded yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the processes."""
        for model in list(self._processes):
            await self.unload(model)

    async def running(self) -> Sequence[Running]:
        """See core.ports.LocalRuntime."""
        return [self._running(model) for model, process in self._processes.items() if process.returncode is None]

    async def load(self, model: str, /) -> Running:
        """See core.ports.LocalRuntime."""
        process = self._processes.get(model)
        if process is not None and process.returncode is None:
            return self._running(model)
        await self._until_free(model)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *_PROGRAM,
            to_argument(self.models[model]),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us: we end it when its requests are over
        )
        self._processes[model] = process
        try:
            async with asyncio.timeout(LOAD_TIMEOUT_S):
                told = await self._first_word(process)
        except BaseException as error:
            await self.unload(model)
            if isinstance(error, TimeoutError):
                raise RuntimeUnavailable(f"{model} did not load within {LOAD_TIMEOUT_S:g} s.") from error
            raise
        if "base_url" not in told:
            await self.unload(model)
            hint = told.get("hint")
            raise RuntimeUnavailable(
                str(told.get("error") or f"The process of {model} ended before it could answer."),
                hint=str(hint) if hint else None,
            )
        return self._running(model)

    async def unload(self, model: str, /) -> None:
        """See core.ports.LocalRuntime."""
        process = self._processes.pop(model, None)
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _until_free(self, model: str) -> None:
        """Wait until nobody holds *model*'s port: after a reload the process before may still finish its answers."""
        port = self.models[model].port
        try:
            async with asyncio.timeout(LOAD_TIMEOUT_S):
                while port and not _is_free(port):  # noqa: ASYNC110  another process holds it, and tells nobody
                    await asyncio.sleep(PORT_POLL_S)
        except TimeoutError as error:
            raise RuntimeUnavailable(f"Port {port} of {model} is held by somebody else.") from error

    @staticmethod
    async def _first_word(process: asyncio.subprocess.Process) -> dict[str, object]:
        """The process's first line of JSON; empty when it ends without one. llama.cpp may print before it."""
        if process.stdout is None:  # it was asked for
            return {}
        while line := await process.stdout.readline():
            with contextlib.suppress(ValueError):
                told = json.loads(line)
                if isinstance(told, dict):
                    return told
        return {}

    def _running(self, model: str) -> Running:
        file = self.models[model]
        return Running(model=model, context_tokens=file.context_tokens, slots=file.parallel_slots)


def _is_free(port: int) -> bool:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((_HOST, port))
        except OSError:
            return False
    return True


def with_ports(models: Mapping[str, ModelFile]) -> dict[str, ModelFile]:
    """*models*, each with a port of its own that was free a moment ago."""
    with ExitStack() as held:  # all at once, so that no two are the same
        sockets = [held.enter_context(closing(socket.create_server((_HOST, 0)))) for _ in models]
        ports = [one.getsockname()[1] for one in sockets]
    return {name: replace(model, port=port) for (name, model), port in zip(models.items(), ports, strict=True)}
