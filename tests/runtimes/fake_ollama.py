"""An Ollama with a memory and a scheduler but no models, on a real socket: it loads and refuses as the real one does.

Rules and figures as Ollama of August 2026 has them (server/sched.go, server/routes.go of ollama/ollama):

one at a time     a request that needs a load waits behind the one that is loading; one whose model is there goes past
one option set    a request whose runner options differ from the loaded one's has it loaded anew
additional model  predicted bytes are to be at most 80 % of what is free; the first one is loaded whatever its size
victim            the shortest keep-alive, ties by the file's name; the first idle one, else the first once it is idle
count             OLLAMA_MAX_LOADED_MODELS, before anything is measured
unload            when the model's requests are over, and then until the driver reports the memory free
queue             OLLAMA_MAX_QUEUE waiting requests, then 503

What takes time goes `speed` times faster: a load takes what its bytes and the bandwidth make of it. Keep-alives end by
the test's own clock.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pointsman.testing.clock import ManualClock
from tests.adapters.http.servers import Peer
from tests.e2e.ollama_server import BUSY, CREATED, CREATED_S, NDJSON
from tests.e2e.wire import Call, Scripted, begin, finish, piece, scripted, whole

GB = 1_000_000_000
MIB = 1 << 20
RUNNER_OPTIONS = ("num_ctx", "num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread")
AUTOMATIC_CONTEXT = 4096  # below 23 GiB of memory
COMPUTE_BYTES = 150 * MIB
FIXED_LOAD_S = 1.5
BYTES_PER_S = 2.6 * GB
RECOVERY_S = 1.0
FREE_SHARE = 0.8
KEEP_ALIVE_S = 300.0
FOR_EVER = timedelta(days=106_751)  # Go's longest duration
LAYER_BYTES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A pulled model: the figures that its memory comes from. The defaults are of Qwen2.5 7B."""

    name: str
    file_bytes: int = 4_683_000_000
    layers: int = 28
    embedding: int = 3584
    heads: int = 28
    kv_heads: int = 4
    family: str = "qwen2"
    digest: str = ""
    only_embeds: bool = False
    remote_host: str = ""
    is_broken: bool = False

    def kv_bytes(self, context: int) -> int:
        """Keys and values of *context* positions at f16."""
        return 2 * self.layers * self.kv_heads * (self.embedding // self.heads) * context * 2


@dataclass(slots=True)
class Runner:
    """A model in memory."""

    model: Model
    options: Mapping[str, Any]
    keep_alive_s: float
    size: int
    size_vram: int
    requests: int = 0
    expires_s: float = 0.0
    is_leaving: bool = False  # its requests may still run
    gone_at: float | None = None  # when the driver will have its memory back, by the loop's clock
    idle: asyncio.Event = field(default_factory=asyncio.Event)


class Refused(Exception):
    """An error as the server words it."""

    def __init__(self, status: int, message: str) -> None:
        """With the *status* of the answer."""
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(slots=True)
class FakeOllama:
    """State and rules; `story` tells what was loaded and unloaded, in order. `gate`, where set, holds up every load."""

    models: dict[str, Model]
    vram_bytes: int = 24 * GB
    max_loaded: int = 3
    max_queue: int = 512
    speed: float = 2000.0
    clock: ManualClock = field(default_factory=ManualClock)
    gate: asyncio.Event | None = None
    downloads: dict[str, list[str]] = field(default_factory=dict)  # what happens to each connection of a pull
    story: list[str] = field(default_factory=list)
    runners: dict[str, Runner] = field(default_factory=dict)
    waiting: int = 0
    got_bytes: int = 0
    _line: asyncio.Lock = field(default_factory=asyncio.Lock)

    def now(self) -> float:
        """Seconds since the epoch, by the test's clock."""
        return CREATED_S + self.clock()

    async def passes(self, seconds: float) -> None:
        """So much of this server's time."""
        await asyncio.sleep(seconds / self.speed)

    # ── memory ──

    def free_bytes(self) -> int:
        """What no runner has."""
        return self.vram_bytes - sum(runner.size_vram for runner in self.runners.values())

    async def lease(self, name: str, options: Mapping[str, Any], keep_alive_s: float | None) -> Runner:
        """The runner of *name* with *options*, one request more on it."""
        model = self.models[name]
        self._expire()
        runner = self.runners.get(name)
        if runner is None or runner.is_leaving or not _same(runner.options, options):
            if self.waiting >= self.max_queue:
                raise Refused(503, BUSY)
            self.waiting += 1
            try:
                async with self._line:
                    runner = await self._scheduled(model, options, keep_alive_s)
            finally:
                self.waiting -= 1
        if keep_alive_s is not None:
            runner.keep_alive_s = keep_alive_s
        runner.requests += 1
        runner.idle.clear()
        return runner

    def release(self, runner: Runner) -> None:
        """A request of it is over: its time runs from now."""
        runner.requests -= 1
        if runner.requests == 0:
            runner.expires_s = self.now() + runner.keep_alive_s
            runner.idle.set()
            if runner.is_leaving:
                self._leave(runner)
        self._expire()

    def _leave(self, runner: Runner) -> None:
        self.story.append(f"unload {runner.model.name}")
        runner.gone_at = asyncio.get_running_loop().time() + RECOVERY_S / self.speed

    async def _scheduled(self, model: Model, options: Mapping[str, Any], keep_alive_s: float | None) -> Runner:
        while True:
            self._expire()
            there = self.runners.get(model.name)
            if there is not None and not there.is_leaving and _same(there.options, options):
                return there
            victim = there
            if victim is None and len(self.runners) >= self.max_loaded:
                victim = self._victim()
            if victim is None and self.runners and self._predicted(model, options) > FREE_SHARE * self.free_bytes():
                victim = self._victim()
            if victim is None:
                return await self._load(model, options, KEEP_ALIVE_S if keep_alive_s is None else keep_alive_s)
            await victim.idle.wait()
            await self._put_out(victim)

    def _victim(self) -> Runner:
        in_order = sorted(self.runners.values(), key=lambda runner: (runner.keep_alive_s, runner.model.digest))
        return next((runner for runner in in_order if not runner.requests), in_order[0])

    def _predicted(self, model: Model, options: Mapping[str, Any]) -> int:
        return model.file_bytes + model.kv_bytes(options.get("num_ctx", AUTOMATIC_CONTEXT))

    async def _load(self, model: Model, options: Mapping[str, Any], keep_alive_s: float) -> Runner:
        self.story.append(f"load {model.name}")
        await self.passes(FIXED_LOAD_S + model.file_bytes / BYTES_PER_S)
        if self.gate is not None:
            await self.gate.wait()
        if model.is_broken:
            raise Refused(500, "model requires more system memory (38.1 GiB) than is available (23.0 GiB)")
        size = self._predicted(model, options) + COMPUTE_BYTES
        runner = Runner(model, dict(options), keep_alive_s, size, min(size, self.free_bytes()))
        runner.expires_s = self.now() + keep_alive_s
        runner.idle.set()
        self.runners[model.name] = runner
        return runner

    async def _put_out(self, runner: Runner) -> None:
        if not runner.is_leaving:
            self.story.append(f"unload {runner.model.name}")
        await self.passes(RECOVERY_S)
        self.runners.pop(runner.model.name, None)

    def _expire(self) -> None:
        now = asyncio.get_running_loop().time()
        for name, runner in list(self.runners.items()):
            if runner.gone_at is not None and runner.gone_at <= now:
                del self.runners[name]
            elif runner.gone_at is None and not runner.requests and runner.expires_s <= self.now():
                self.story.append(f"unload {name}")
                del self.runners[name]

    def expire_runner(self, name: str) -> None:
        """Unload *name* once its requests are over."""
        runner = self.runners.get(name)
        if runner is not None and not runner.is_leaving:
            runner.is_leaving = True
            if not runner.requests:
                self._leave(runner)

    # ── answers ──

    def full(self, name: object) -> str:
        """The name as it is listed; Refused when it is not pulled."""
        if not isinstance(name, str) or not name:
            raise Refused(400, "model is required")
        found = name if ":" in name.rpartition("/")[2] else f"{name}:latest"
        if found.lower() not in self.models:
            raise Refused(404, f"model '{name}' not found")
        return found.lower()

    def row(self, name: str) -> dict[str, Any]:
        """A model as /api/tags has it."""
        model = self.models[name]
        details = {"format": "gguf", "family": model.family, "parameter_size": "7.6B", "quantization_level": "Q4_K_M"}
        row = {"name": name, "model": name, "size": model.file_bytes, "digest": model.digest, "details": details}
        if model.remote_host:
            row |= {"remote_host": model.remote_host, "remote_model": name.removesuffix("-cloud")}
        return row

    def ps(self) -> dict[str, Any]:
        """/api/ps."""
        self._expire()
        rows = []
        for name, runner in self.runners.items():
            left_s = runner.expires_s - self.now()
            lasts = FOR_EVER if left_s > FOR_EVER.total_seconds() / 2 else timedelta(seconds=left_s)
            expires = (datetime.fromtimestamp(self.now(), UTC) + lasts).isoformat()
            memory = {"size": runner.size, "size_vram": runner.size_vram, "expires_at": expires}
            rows.append(
                {**self.row(name), **memory, "context_length": runner.options.get("num_ctx", AUTOMATIC_CONTEXT)}
            )
        return {"models": rows}

    def show(self, name: str) -> dict[str, Any]:
        """/api/show with verbose=true."""
        model = self.models[name]
        family = model.family
        info = {
            "general.architecture": family,
            f"{family}.block_count": model.layers,
            f"{family}.embedding_length": model.embedding,
            f"{family}.feed_forward_length": 18944,
            f"{family}.attention.head_count": model.heads,
            f"{family}.attention.head_count_kv": model.kv_heads,
            f"{family}.context_length": 32768,
        }
        tensors = [
            {"name": "token_embd.weight", "type": "Q4_K", "shape": [model.embedding, 152064]},
            {"name": "output_norm.weight", "type": "F32", "shape": [model.embedding]},
        ]
        rest = model.file_bytes - model.embedding * (152064 * 144 // 256 + 4)
        tensors += [{"name": "the.rest", "type": "F32", "shape": [rest // 4]}] if rest > 0 else []
        capabilities = ["embedding"] if model.only_embeds else ["completion", "tools"]
        told = {"details": self.row(name)["details"], "model_info": info, "capabilities": capabilities}
        remote = {key: value for key, value in self.row(name).items() if key.startswith("remote_")}
        return {**told, **remote, "tensors": tensors}

    async def handle(self, peer: Peer, call: Call) -> None:
        """One request."""
        body = call.body or {}
        try:
            match call.method, call.path:
                case "GET", "/":
                    await whole(peer, 200, b"Ollama is running", content="text/plain")
                case "GET", "/api/version":
                    await whole(peer, 200, {"version": "0.33.1"})
                case "GET", "/api/tags":
                    await whole(peer, 200, {"models": [self.row(name) for name in self.models]})
                case "GET", "/api/ps":
                    await whole(peer, 200, self.ps())
                case "POST", "/api/show":
                    await whole(peer, 200, self.show(self.full(body.get("model"))))
                case "POST", "/api/generate" | "/api/chat" | "/api/embed" | "/v1/chat/completions":
                    await whole(peer, 200, await self._run(call.path, body))
                case "POST", "/api/pull":
                    await self._pull(peer, body)
                case "DELETE", "/api/delete":
                    name = self.full(body.get("model"))
                    self.expire_runner(name)
                    del self.models[name]
                    await whole(peer, 200, b"")
                case _:
                    await whole(peer, 404, b"404 page not found", content="text/plain")
        except Refused as error:
            await whole(peer, error.status, {"error": error.message})

    async def _run(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        name = self.full(body.get("model"))
        model = self.models[name]
        asks = body.get("prompt") or body.get("messages") or body.get("input")
        native = not path.startswith("/v1/")
        kept = _seconds(body.get("keep_alive")) if native else None
        done = {"model": body["model"], "created_at": CREATED, "response": "", "done": True}
        if not asks and kept == 0 and path != "/api/embed":
            self.expire_runner(name)
            return {**done, "done_reason": "unload"}
        if model.only_embeds and path != "/api/embed":
            raise Refused(400, f'"{body["model"]}" does not support {path.rpartition("/")[2]}')
        options = {key: value for key, value in body.get("options", {}).items() if key in RUNNER_OPTIONS}
        runner = await self.lease(name, options if native else {}, kept)
        try:
            if asks:
                self.story.append(f"answer {name}")
        finally:
            self.release(runner)
        if path == "/api/embed":
            return {"model": body["model"], "embeddings": []}
        said = {"message": {"role": "assistant", "content": "Hello."}} if path == "/api/chat" and asks else {}
        return {**done, **said, "done_reason": "stop" if asks else "load"}

    async def _pull(self, peer: Peer, body: Mapping[str, Any]) -> None:
        """Three layers; `downloads` says of each connection in turn after how many bytes it ends, and how."""
        name = str(body.get("model"))
        if name not in self.downloads:
            await begin(peer, NDJSON)
            await _say(peer, {"status": "pulling manifest"}, {"error": "pull model manifest: file does not exist"})
            await finish(peer)
            return
        plan = self.downloads[name]
        how = plan.pop(0) if plan else "whole"
        await begin(peer, NDJSON)
        await _say(peer, {"status": "pulling manifest"})
        stop = LAYER_BYTES if how == "whole" else int(how.split()[0])
        while self.got_bytes < stop:
            self.got_bytes = min(stop, self.got_bytes + 250)
            layer = {"digest": "sha256:aaa", "total": LAYER_BYTES, "completed": self.got_bytes}
            await _say(peer, {"status": "pulling aaa", **layer})
        if how.endswith("cut"):
            peer.reset()
            return
        if how != "whole":
            await _say(peer, {"error": how.partition(" ")[2]})
            await finish(peer)
            return
        await _say(peer, {"status": "pulling bbb", "digest": "sha256:bbb", "total": 10, "completed": 10})
        await _say(peer, {"status": "verifying sha256 digest"}, {"status": "writing manifest"}, {"status": "success"})
        self.models[name] = Model(name=name, digest="sha256-new")
        await finish(peer)


@asynccontextmanager
async def running_ollama(ollama: FakeOllama) -> AsyncIterator[Scripted]:
    """*ollama* on a free loopback port."""
    async with scripted(ollama.handle) as server:
        yield server


async def until(is_so: Callable[[], bool]) -> None:
    """Let the others go on until *is_so*."""
    async with asyncio.timeout(20):
        while True:
            if is_so():
                return
            await asyncio.sleep(0)


def pulled(*models: Model) -> dict[str, Model]:
    """*models* by their names."""
    return {model.name: model for model in models}


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return {**one} == {**other}


def _seconds(value: object) -> float | None:
    """A keep-alive: a number of seconds or Go's `5m`; below 0 is for ever."""
    if value is None:
        return None
    text = str(value)
    factor = {"s": 1, "m": 60, "h": 3600}.get(text[-1:], 1)
    seconds = float(text.rstrip("smh")) * factor
    return FOR_EVER.total_seconds() if seconds < 0 else seconds


async def _say(peer: Peer, *lines: Mapping[str, Any]) -> None:
    await piece(peer, b"".join(json.dumps(line).encode() + b"\n" for line in lines))
