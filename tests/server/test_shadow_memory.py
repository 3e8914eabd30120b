"""Whether a local model is in memory, as its server says: asked before a copy, and not more than needed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointsman.adapters.http.client import HttpClient
from pointsman.core.catalog import Catalog, ModelCard
from pointsman.shadowing import ASK_AGAIN_S, InMemory
from pointsman.testing import ManualClock, a_card, a_catalog, an_endpoint
from tests.e2e.openai_server import answers, openai_server
from tests.e2e.wire import Scripted


def served(server: Scripted, dialect: str, name: str = "qwen3") -> tuple[ModelCard, Catalog]:
    """A model at that server."""
    endpoint = replace(an_endpoint("home", dialect=dialect), base_url=server.url)
    card = a_card("quick", endpoint=endpoint, upstream_model=name)
    return card, a_catalog(card)


async def test_a_server_that_nobody_knows_is_asked_once_a_minute_at_most() -> None:
    """It is taken to serve one model, which is there."""
    clock = ManualClock()
    async with openai_server(answers(404, {})) as server, HttpClient() as client:
        card, catalog = served(server, "openai_chat")
        in_memory = InMemory(catalog=catalog, client=client, residency=None, clock=clock)
        assert await in_memory(card)
        asked = len(server.calls)
        assert await in_memory(card)
        assert len(server.calls) == asked
        clock.advance(ASK_AGAIN_S)
        assert await in_memory(card)
        assert len(server.calls) == 2 * asked


@pytest.mark.parametrize(
    ("status", "body", "is_there"),
    [
        (200, {"models": [{"name": "qwen3:latest", "model": "qwen3:latest"}]}, True),
        (200, {"models": [{"name": "other:latest", "model": "other:latest"}]}, False),
        (500, {"error": "no"}, False),
    ],
)
async def test_an_ollama_says_what_it_holds(status: int, body: object, is_there: bool) -> None:  # noqa: FBT001  a column
    """A name without a tag is its latest; one that does not say holds nothing."""
    async with openai_server(answers(status, body)) as server, HttpClient() as client:
        card, catalog = served(server, "ollama")
        in_memory = InMemory(catalog=catalog, client=client, residency=None)
        assert await in_memory(card) is is_there
        assert [call.path for call in server.calls] == ["/api/ps"]
