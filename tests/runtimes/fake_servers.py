"""Servers of local models without models, on real sockets: their paths about what they hold, as the real ones answer.

Each takes one look more (a poll) to get from loading to loaded. `story` tells what was loaded and unloaded, in order.
Shapes and wordings: tools/server/README.md of llama.cpp, proxy/ of mostlygeek/llama-swap, LM Studio's REST API v1,
vllm/entrypoints/serve/sleep of vLLM, litert-lm 0.18 as it answers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.adapters.http.servers import Peer
from tests.e2e.wire import Call, whole

HTML = "text/html;charset=utf-8"
SMALL, BIG, BROKEN = "small", "org/big:Q4_K_M", "broken"
MODELS = (SMALL, BIG, BROKEN)


async def not_found(peer: Peer) -> None:
    """As llama.cpp and FastAPI servers say it, more or less."""
    await whole(peer, 404, {"error": {"message": "File Not Found", "type": "not_found_error", "code": 404}})


@dataclass(slots=True)
class LlamaRouter:
    """llama-server started without a model."""

    status: dict[str, dict[str, Any]] = field(default_factory=lambda: {name: {"value": "unloaded"} for name in MODELS})
    story: list[str] = field(default_factory=list)

    async def handle(self, peer: Peer, call: Call) -> None:
        """One request."""
        path, query = _split(call.path)
        model = (call.body or {}).get("model", query.get("model", ""))
        match call.method, path:
            case "GET", "/models" | "/v1/models":
                await whole(peer, 200, {"data": [self._row(name) for name in self.status], "object": "list"})
                self._go_on()
            case "GET", "/props" if self.status[model]["value"] == "loaded":
                props = {"default_generation_settings": {"n_ctx": 4096}, "total_slots": 2, "is_sleeping": False}
                await whole(peer, 200, props)
            case "POST", "/models/load" | "/models/unload" if model not in self.status:
                error = {"code": 404, "message": "model not found", "type": "not_found_error"}
                await whole(peer, 404, {"error": error})
            case "POST", "/models/load":
                self.story.append(f"load {model}")
                self.status[model] = {"value": "loading", "args": ["llama-server"], "progress": {"value": 0.5}}
                await whole(peer, 200, {"success": True})
            case "POST", "/models/unload":
                self.story.append(f"unload {model}")
                self.status[model] = {"value": "loaded", "is_going": True}
                await whole(peer, 200, {"success": True})
            case _:
                await not_found(peer)

    def _row(self, name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "owned_by": "llamacpp", "aliases": [], "status": self.status[name]}

    def _go_on(self) -> None:
        for name, status in self.status.items():
            if status["value"] == "loading" and name == BROKEN:
                self.status[name] = {"value": "unloaded", "failed": True, "exit_code": 1}
            elif status["value"] == "loading":
                self.status[name] = {"value": "loaded", "args": ["llama-server"]}
            elif status.get("is_going"):
                self.status[name] = {"value": "unloaded"}


@dataclass(slots=True)
class LlamaSwap:
    """llama-swap. `is_old`: before models could be unloaded by name."""

    state: dict[str, str] = field(default_factory=dict)
    is_old: bool = False
    story: list[str] = field(default_factory=list)

    async def handle(self, peer: Peer, call: Call) -> None:
        """One request."""
        path = unquote(call.path)
        match call.method, path:
            case "GET", "/running":
                rows = [
                    {"model": name, "state": state, "cmd": "llama-server", "ttl": 0}
                    for name, state in self.state.items()
                ]
                await whole(peer, 200, {"running": rows})
                self.state = {name: state for name, state in self.state.items() if state != "stopping"}
            case "GET", _ if path.startswith("/upstream/"):
                await self._load(peer, path.removeprefix("/upstream/").removesuffix("/health"))
            case "POST", _ if path.startswith("/api/models/unload/") and not self.is_old:
                name = path.removeprefix("/api/models/unload/")
                self.story.append(f"unload {name}")
                self.state[name] = "stopping"
                await whole(peer, 200, b"OK", content="text/plain")
            case "GET", "/v1/models":
                await whole(peer, 200, {"data": [{"id": name, "owned_by": "llama-swap"} for name in MODELS]})
            case _:
                await whole(peer, 404, b"404 page not found", content="text/plain")

    async def _load(self, peer: Peer, name: str) -> None:
        if name not in MODELS:
            await whole(peer, 404, b"model not found", content="text/plain")
            return
        if name not in self.state:
            self.story.append(f"load {name}")
        if name == BROKEN:
            await whole(
                peer, 502, b"unable to start process: upstream command exited prematurely", content="text/plain"
            )
            return
        self.state[name] = "ready"
        await whole(peer, 200, {"status": "ok"})


@dataclass(slots=True)
class LmStudio:
    """LM Studio 0.4. `is_old`: one before, which answers every unknown path with status 200."""

    instances: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in MODELS})
    is_old: bool = False
    keeps: bool = True
    story: list[str] = field(default_factory=list)

    async def handle(self, peer: Peer, call: Call) -> None:
        """One request."""
        body = call.body or {}
        match call.method, call.path:
            case _ if self.is_old:
                await whole(peer, 200, {"error": f"Unexpected endpoint or method. ({call.method} {call.path})"})
            case "GET", "/api/v1/models":
                rows = [
                    {
                        "type": "llm",
                        "key": key,
                        "size_bytes": 10,
                        "max_context_length": 32768,
                        "loaded_instances": loaded,
                    }
                    for key, loaded in self.instances.items()
                ]
                await whole(peer, 200, {"models": rows})
            case "POST", "/api/v1/models/load" if body.get("model") == BROKEN:
                error = {"type": "model_load_failed", "message": "insufficient system resources"}
                await whole(peer, 500, {"error": error})
            case "POST", "/api/v1/models/load":
                await self._load(peer, body)
            case "POST", "/api/v1/models/unload":
                key = body["instance_id"].partition("#")[0]
                self.story.append(f"unload {key}")
                self.instances[key] = [one for one in self.instances[key] if one["id"] != body["instance_id"]]
                await whole(peer, 200, {"instance_id": body["instance_id"]})
            case _:
                await not_found(peer)

    async def _load(self, peer: Peer, body: dict[str, Any]) -> None:
        key = body["model"]
        self.story.append(f"load {key}")
        config = {"context_length": body.get("context_length", 4096), "parallel": 4}
        loaded = self.instances[key]
        if self.keeps:
            loaded.append({"id": f"{key}#{len(loaded)}", "config": config})
        answer = {"type": "llm", "instance_id": f"{key}#{len(loaded)}", "load_time_seconds": 2.5, "status": "loaded"}
        await whole(peer, 200, answer)


@dataclass(slots=True)
class Vllm:
    """vLLM with one model; `can_sleep` in its development mode with sleep enabled."""

    is_sleeping: bool = True
    can_sleep: bool = True
    story: list[str] = field(default_factory=list)
    _next: bool | None = None

    async def handle(self, peer: Peer, call: Call) -> None:
        """One request."""
        path, _ = _split(call.path)
        match call.method, path:
            case "GET", "/v1/models":
                await whole(peer, 200, {"data": [{"id": SMALL, "owned_by": "vllm", "max_model_len": 8192}]})
            case "GET", "/is_sleeping" if self.can_sleep:
                await whole(peer, 200, {"is_sleeping": self.is_sleeping})
                self.is_sleeping = self.is_sleeping if self._next is None else self._next
            case "POST", "/wake_up" if self.can_sleep:
                self.story.append(f"load {SMALL}")
                self._next = False
                await whole(peer, 200, b"")
            case "POST", "/sleep" if self.can_sleep:
                self.story.append(f"unload {SMALL}")
                self._next = True
                await whole(peer, 200, b"")
            case _:
                await whole(peer, 404, {"detail": "Not Found"})


@dataclass(slots=True)
class LiteRt:
    """litert-lm serve, by the API of OpenAI's shape or, with `is_gemini`, of Gemini's."""

    is_gemini: bool = False
    held: str | None = None
    story: list[str] = field(default_factory=list)

    async def handle(self, peer: Peer, call: Call) -> None:
        """One request; its errors are pages."""
        path = unquote(call.path)
        if call.method == "GET" and path == "/v1/models" and not self.is_gemini:
            await whole(peer, 200, {"object": "list", "data": [{"id": SMALL, "owned_by": "litert-lm"}]})
            return
        if call.method == "GET":
            await self._page(peer, 501, "Unsupported method ('GET')")
            return
        if self.is_gemini:
            model = path.removeprefix("/v1beta/models/").removesuffix(":generateContent")
        else:
            model = (call.body or {}).get("model", "")
        if model not in MODELS:
            await self._page(peer, 404, f"FileNotFoundError: Model {model} not found\n")
        elif model == BROKEN:
            await self._page(peer, 500, "litert_lm_conversation_send_message failed")
        else:
            if self.held != model:
                self.story.append(f"load {model}")
                self.held = model
            await whole(peer, 200, {"choices": [], "candidates": []})

    async def _page(self, peer: Peer, status: int, message: str) -> None:
        """As seen of 0.18.1: the message in the status line, with a line end of its own, and HTTP/1.0."""
        page = f"<!DOCTYPE HTML><html><body><h1>Error response</h1><p>Message: {message}.</p></body></html>".encode()
        head = f"HTTP/1.0 {status} {message}\r\nConnection: close\r\nContent-Type: {HTML}\r\n"
        await peer.send(head.encode() + b"Content-Length: %d\r\n\r\n" % len(page) + page)
        peer.writer.close()


def _split(path: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(path)
    return parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}
