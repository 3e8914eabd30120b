"""A gateway of this process on a real port, between scripted servers and callers that a test controls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from pointsman.config.load import loaded_from
from pointsman.config.schema import Settings
from pointsman.server.drain import Drain
from pointsman.server.gateway import OpenGateway
from pointsman.server.idempotency import Repeats
from pointsman.server.run import running


@dataclass(slots=True, kw_only=True)
class Running:
    """A gateway at `url` that ends when `stop` is called, in the background, and is over when `is_down`."""

    url: str = ""
    http: httpx2.AsyncClient
    repeats: Repeats
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    is_down: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def stop(self) -> None:
        """Begin to end it."""
        self.ending.set()


@asynccontextmanager
async def a_gateway(
    *models: Mapping[str, object],
    drain: Drain | None = None,
    ledger: Path | None = None,
    grace_s: float = 5.0,
    **sections: object,
) -> AsyncIterator[Running]:
    """A gateway on *models* and other *sections* of a pointsman.yaml; it records in *ledger*, if anywhere."""
    written = {"path": str(ledger)} if ledger is not None else {"enabled": False}
    settings = Settings.model_validate({"models": models, "ledger": written, **sections})

    async def serve(place: Running, is_up: asyncio.Event) -> None:
        async with running(OpenGateway(loaded_from(settings)), drain=drain, repeats=place.repeats) as url:
            place.url = url
            is_up.set()
            await place.ending.wait()
        place.is_down.set()

    async with httpx2.AsyncClient(timeout=20) as http, asyncio.TaskGroup() as group:
        place, is_up = Running(http=http, repeats=Repeats(grace_s=grace_s)), asyncio.Event()
        group.create_task(serve(place, is_up))
        async with asyncio.timeout(10):
            await is_up.wait()
        try:
            yield place
        finally:
            place.stop()
