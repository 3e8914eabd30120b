"""All 25 pairs: every API for callers over every API for endpoints, whole and streamed, with tools and without.

The tests are made of the registry, so that a sixth dialect without its caller and its endpoint here is a failure.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from pointsman.dialects.registry import SURFACES, UPSTREAMS
from tests.e2e.conftest import Gateway, gateway
from tests.e2e.wire import Scripted, scripted
from tests.matrix import upstreams
from tests.matrix.callers import ASKED, CALLERS, Body, Caller, Got

__all__ = ["gateway"]  # a fixture

SPOKEN = [name for name in UPSTREAMS if name in SURFACES]
PAIRS = pytest.mark.parametrize(("surface", "upstream"), tuple(itertools.product(SPOKEN, UPSTREAMS)))
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
RESULTS = ("21 °C", '{"rain": true}')


@asynccontextmanager
async def opened(gateway: Gateway, upstream: str) -> AsyncIterator[tuple[httpx2.AsyncClient, Scripted]]:
    """A client of a gateway whose one model is the scripted one of *upstream*."""
    mouth, prefix = upstreams.UPSTREAMS[upstream]
    async with scripted(upstreams.handler(mouth)) as server:
        model = {"name": "up", "model": "up", "dialect": upstream, "base_url": f"{server.url}{prefix}", "local": True}
        async with gateway({"models": [model]}) as url, httpx2.AsyncClient(base_url=url, trust_env=False) as client:
            yield client, server


async def asked(client: httpx2.AsyncClient, caller: Caller, path: str, body: Body, *, stream: bool) -> Got:
    """The answer, which must be a good one of the right media type."""
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    is_lines = path.startswith("/api/")
    expected = ("application/x-ndjson" if is_lines else "text/event-stream") if stream else "application/json"
    assert answer.headers["content-type"] == expected
    assert answer.headers["x-pointsman-model"] == "up"
    return caller.read(answer.content, stream=stream)


def test_every_dialect_is_here() -> None:
    """On both sides."""
    assert set(CALLERS) == set(SPOKEN)
    assert set(upstreams.UPSTREAMS) == set(UPSTREAMS)
    assert len(SPOKEN) * len(UPSTREAMS) == 25


@PAIRS
@STREAM
async def test_a_question_is_answered(gateway: Gateway, surface: str, upstream: str, *, stream: bool) -> None:
    """The text arrives whole, with its stop reason and its tokens."""
    caller = CALLERS[surface]
    path, body = caller.first(stream=stream, tools=False)
    async with opened(gateway, upstream) as (client, server):
        got = await asked(client, caller, path, body, stream=stream)
    assert (got.text, got.stop, list(got.calls)) == (upstreams.TEXT, caller.stop, [])
    assert (got.input_tokens, got.output_tokens) == (upstreams.INPUT, upstreams.OUTPUT)
    assert ASKED in str(server.calls[0].body)


@PAIRS
@STREAM
async def test_tools_are_called_and_answered(gateway: Gateway, surface: str, upstream: str, *, stream: bool) -> None:
    """Two parallel calls with their arguments; their results find the calls again, in the endpoint's own ids."""
    caller = CALLERS[surface]
    path, body = caller.first(stream=stream, tools=True)
    async with opened(gateway, upstream) as (client, _):
        got = await asked(client, caller, path, body, stream=stream)
        assert [(name, dict(given)) for _, name, given in got.calls] == [
            ("weather", {"city": town}) for town in upstreams.TOWNS.values()
        ]
        assert got.stop == caller.stop_for_calls
        ids = [identity for identity, _, _ in got.calls]
        assert len(set(ids)) == len(ids)
        told = caller.follow(body, got, dict(zip(ids, RESULTS, strict=True)))
        said = await asked(client, caller, path, told, stream=stream)
    assert said.text.startswith(f"Graz: {RESULTS[0]}; Linz: ")
    assert "rain" in said.text or "True" in said.text
    assert said.stop == caller.stop
