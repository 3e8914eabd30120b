"""Every fault meets the gateway on a real port, on the loop that it is served with in production."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests.faults.place import Place, opened

Opens = Callable[..., AbstractAsyncContextManager[Place]]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loops a test is run on: uvloop, or the one that its `names` mark brings."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def gateway(tmp_path: Path) -> Opens:
    """Opens a gateway on models (and other sections of a pointsman.yaml)."""

    @asynccontextmanager
    async def opens(*models: Mapping[str, Any], **sections: object) -> AsyncIterator[Place]:
        config = {"models": [dict(one) for one in models], **sections}
        async with opened(config, tmp_path) as place:
            yield place

    return opens
