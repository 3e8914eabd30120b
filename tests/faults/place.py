"""A gateway on a free port of this process and a caller in front of it, who reads every byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import httpx2
import yaml

from pointsman.config.load import load
from pointsman.engine.router import Router
from pointsman.server.gateway import OpenGateway
from pointsman.server.patience import Patience
from pointsman.server.run import running
from pointsman.server.state import State

Loose: TypeAlias = Any  # JSON whose shape the test knows
HI: Final = [{"role": "user", "content": "hi"}]
CHAT: Final = "/v1/chat/completions"
BODIES: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "openai_chat": (CHAT, {"messages": HI}),
    "anthropic_messages": ("/v1/messages", {"messages": HI, "max_tokens": 50}),
    "gemini": ("/v1beta/models/{model}:{method}", {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}),
    "ollama": ("/api/chat", {"messages": HI}),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An answer, all of it. `text` is the body as text."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Loose:
        """The body of a whole answer."""
        return json.loads(self.text)

    @property
    def said(self) -> str:
        """The words of an OpenAI answer, whole or streamed."""
        if not self.is_stream:
            return str(self.json["choices"][0]["message"]["content"])
        deltas = (choice["delta"] for event in self.events if "choices" in event for choice in event["choices"])
        return "".join(delta.get("content") or "" for delta in deltas)

    @property
    def is_stream(self) -> bool:
        """Whether it came as server-sent events."""
        return self.headers["content-type"].startswith("text/event-stream")

    @property
    def data(self) -> list[str]:
        """The data lines of a stream."""
        return [line.removeprefix("data:").strip() for line in self.text.splitlines() if line.startswith("data:")]

    @property
    def events(self) -> list[Any]:
        """Those of them that are JSON."""
        return [json.loads(line) for line in self.data if line != "[DONE]"]

    @property
    def error(self) -> Loose:
        """The error of an OpenAI answer, whole or as the last event of a stream."""
        return (self.events[-1] if self.is_stream else self.json)["error"]

    @property
    def outcome(self) -> tuple[int, str]:
        """Status, and the words or the error's code."""
        return (self.status, self.said) if self.status == 200 else (self.status, self.error["code"])

    @property
    def model(self) -> str:
        """Who answered."""
        return self.headers["x-pointsman-model"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A running gateway. `router` is what it serves with."""

    url: str
    http: httpx2.AsyncClient
    router: Router

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    async def ask(
        self,
        model: str = "auto",
        *,
        stream: bool = False,
        surface: str = "openai_chat",
        headers: Mapping[str, str] | None = None,
        **fields: object,
    ) -> Heard:
        """The answer to "hi", or to the body's other *fields*."""
        path, body = request(surface, model, stream=stream, **fields)
        reply = await self.http.post(path, json=body, headers=headers)
        return Heard(status=reply.status_code, headers=reply.headers, text=reply.text)

    async def row(self, heard: Heard, until: Callable[[Any], bool] = lambda row: row["outcome"] != "open") -> Loose:
        """What the ledger says of an answer, once that is settled."""
        async with asyncio.timeout(10):
            while True:
                found = await self.http.get(f"/v1/decisions/{heard.headers['x-pointsman-decision-id']}")
                if found.status_code == 200 and until(found.json()):
                    return found.json()
                await asyncio.sleep(0.02)

    async def settled(self, outcome: str) -> Loose:
        """The first request in the ledger that ended so, once there is one."""
        async with asyncio.timeout(10):
            while True:
                rows = (await self.http.get("/v1/decisions")).json()["data"]
                found = next((row for row in rows if row["outcome"] == outcome), None)
                if found is not None:
                    return found
                await asyncio.sleep(0.02)

    @asynccontextmanager
    async def streaming(
        self, model: str = "auto", *, surface: str = "openai_chat", headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[httpx2.Response]:
        """A stream to be read piece by piece."""
        path, body = request(surface, model, stream=True)
        async with self.http.stream("POST", path, json=body, headers=headers) as response:
            yield response


async def until(is_so: Callable[[], bool]) -> None:
    """Return once *is_so*, which nobody tells of."""
    async with asyncio.timeout(10):
        while True:
            if is_so():
                return
            await asyncio.sleep(0.02)


def request(surface: str, model: str, *, stream: bool, **fields: object) -> tuple[str, dict[str, Any]]:
    """Path and body of a question in the words of *surface*."""
    path, body = BODIES[surface]
    if surface == "gemini":
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return path.format(model=model, method=method), {**body, **fields}
    return path, {"model": model, "stream": stream, **body, **fields}


@asynccontextmanager
async def opened(
    config: Mapping[str, Any],
    folder: Path,
    *,
    environ: Mapping[str, str] | None = None,
    change: Callable[[Router], Router] = lambda router: router,
) -> AsyncIterator[Place]:
    """A gateway on *config*, with its ledger in *folder*; *change* puts other collaborators into its router."""
    path = folder / "pointsman.yaml"
    path.write_text(yaml.safe_dump(dict(config)), encoding="utf-8")
    own = {"XDG_CONFIG_HOME": str(folder), "POINTSMAN_LEDGER__PATH": str(folder / "ledger.sqlite")}
    loaded = load(config=path, environ={**own, **(environ or {})}, cwd=folder)
    routers: list[Router] = []
    open_gateway = OpenGateway(loaded)

    @asynccontextmanager
    async def open_state() -> AsyncIterator[State]:
        async with open_gateway() as state:
            router = change(state.router)
            routers.append(router)
            yield replace(state, router=router)

    server = loaded.settings.server
    patience = Patience(
        read_timeout_s=server.read_timeout_s, max_connections_per_address=server.max_connections_per_address
    )
    async with running(open_state, patience=patience) as url, httpx2.AsyncClient(base_url=url, timeout=20) as http:
        yield Place(url=url, http=http, router=routers[-1])
