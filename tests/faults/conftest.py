"""Every fault meets the gateway on a real port, on the loop that it is served with in production."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests.faults.names import Info, Names
from tests.faults.place import Place, opened
from tests.faults.upstream import OPENAI, Act, Dialect, Faulty, faulty, good, model

Opens = Callable[..., AbstractAsyncContextManager[Place]]
Pairs = Callable[..., AbstractAsyncContextManager["Pair"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A gateway with two upstreams: `first` has the fault and is chosen first, `spare` is well."""

    first: Faulty
    spare: Faulty
    place: Place


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop a test is run on: the one of production; for those who ask for `names`, with names of their own."""
    return {"uvloop": Named if "names" in getattr(item, "fixturenames", ()) else uvloop.new_event_loop}


class Named(uvloop.Loop):
    """The production loop with a resolver that a test has in hand."""

    def __init__(self) -> None:
        """Know no name."""
        super().__init__()
        self.names = Names()

    async def getaddrinfo(self, host: str, port: int, **_: object) -> list[Info]:  # type: ignore[override]
        """As the loop's own."""
        return await self.names.look_up(host, port)


@pytest.fixture
async def names() -> Names:
    """The names that the gateway's resolver knows."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Named)
    return loop.names


@pytest.fixture
def gateway(tmp_path: Path) -> Opens:
    """Opens a gateway on models (and other sections of a pointsman.yaml)."""

    @asynccontextmanager
    async def opens(*models: Mapping[str, Any], **sections: object) -> AsyncIterator[Place]:
        config = {"models": [dict(one) for one in models], **sections}
        async with opened(config, tmp_path) as place:
            yield place

    return opens


@pytest.fixture
def pair(gateway: Opens) -> Pairs:
    """Opens a gateway on an upstream that plays an act, in a dialect and with more keys, and one that answers."""

    @asynccontextmanager
    async def opens(
        act: Act, dialect: Dialect = OPENAI, *, num_retries: int = 2, **more: object
    ) -> AsyncIterator[Pair]:
        async with faulty(act) as first, faulty(good(OPENAI, "From the spare.")) as spare:
            models = model(dialect, first.url) | more, model(OPENAI, spare.url, "spare", "medium")
            async with gateway(*models, resilience={"num_retries": num_retries}) as place:
                yield Pair(first=first, spare=spare, place=place)

    return opens
