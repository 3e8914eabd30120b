"""Models that Ollama passes on are not local, whatever they are called."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from pointsman.adapters.runtimes.ollama_cloud import with_cloud_marked
from pointsman.core.catalog import Catalog, ModelCard
from pointsman.testing import an_endpoint
from tests.e2e.wire import scripted
from tests.runtimes.fake_ollama import FakeOllama, Model, pulled

MINE = Model(name="mine:latest", remote_host="https://ollama.com:443")
SMALL = Model(name="small:1b")


def a_catalog(base_url: str, *, dialect: str = "ollama") -> Catalog:
    """Two models of the Ollama at *base_url*, which is taken for local."""
    endpoint = replace(an_endpoint("ollama", dialect=dialect), base_url=base_url)
    cards = (
        ModelCard(id="a", name="a", upstream_model="mine", endpoint=endpoint),
        ModelCard(id="b", name="b", upstream_model="small:1b", endpoint=endpoint),
    )
    return Catalog(models=cards)


async def test_a_model_of_ones_own_name_that_runs_in_the_cloud_is_not_local(caplog: pytest.LogCaptureFixture) -> None:
    """Private text would leave by it; its neighbour stays what it is."""
    async with scripted(FakeOllama(models=pulled(MINE, SMALL)).handle) as server:
        catalog = a_catalog(server.url)
        with caplog.at_level(logging.WARNING, "pointsman.local"):
            marked = await with_cloud_marked(catalog)
        assert [(card.id, card.is_local, card.endpoint.name) for card in marked.models] == [
            ("a", False, "ollama-cloud"),
            ("b", True, "ollama"),
        ]
        assert caplog.messages == ["not-local model=a endpoint=ollama reason=ollama-passes-it-on"]


async def test_where_all_is_local_nothing_changes() -> None:
    """One question for each Ollama, none to other servers."""
    async with scripted(FakeOllama(models=pulled(SMALL)).handle) as server:
        catalog, other = a_catalog(server.url), a_catalog(server.url, dialect="openai_chat")
        assert await with_cloud_marked(catalog) is catalog
        assert await with_cloud_marked(other) is other
        assert [call.path for call in server.calls] == ["/api/tags"]


async def test_an_ollama_that_is_down_has_nothing_to_say() -> None:
    """Nothing of it can be sent anywhere either."""
    async with scripted(FakeOllama(models={}).handle) as server:
        catalog = a_catalog(server.url)
    assert await with_cloud_marked(catalog) is catalog
