"""A model that is slow to begin, over a real socket: what the caller hears meanwhile, and how it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx2
import pytest

from tests.adapters.http.servers import Peer
from tests.e2e.conftest import Gateway
from tests.e2e.openai_server import Act, openai_server, refuses, streams
from tests.e2e.test_upstreams import model
from tests.e2e.wire import Call, stand_still

pytestmark = pytest.mark.e2e

HI = [{"role": "user", "content": "hi"}]
CHAT: Mapping[str, Any] = {"model": "first", "messages": HI, "stream": True}
SOON = {"keep_alive_s": 0.01}


def held(act: Act, until: asyncio.Event) -> Act:
    """*act*, once the test says so."""

    async def wait(peer: Peer, call: Call) -> None:
        await until.wait()
        await act(peer, call)

    return wait


async def lines_of(response: httpx2.Response) -> AsyncIterator[str]:
    """The lines that are not blank."""
    async for line in response.aiter_lines():
        if line.strip():
            yield line


@pytest.mark.parametrize(
    ("path", "body", "sign"),
    [
        ("/v1/chat/completions", CHAT, ": waiting"),
        ("/v1/responses", {"model": "first", "input": "hi", "stream": True}, ": waiting"),
        ("/v1/messages", {**CHAT, "max_tokens": 9}, "event: ping"),
        ("/api/chat", {"model": "first", "messages": HI}, None),
    ],
)
async def test_a_caller_hears_something_while_a_model_loads(
    gateway: Gateway, path: str, body: Mapping[str, Any], sign: str | None
) -> None:
    """The decision's headers and signs of life at once, the answer when it is there."""
    loaded = asyncio.Event()
    async with (
        openai_server(held(streams("Hel", "lo"), loaded)) as upstream,
        gateway({"models": [model(upstream.url)], "server": SOON}) as base_url,
        httpx2.AsyncClient() as http,
        http.stream("POST", base_url + path, json=body) as response,
    ):
        assert (response.status_code, response.headers["x-pointsman-model"]) == (200, "first")
        lines = lines_of(response)
        first = await anext(lines)
        assert first == sign if sign is not None else json.loads(first)["message"]["content"] == ""
        loaded.set()
        rest = [line async for line in lines]
    said = "".join(rest)
    assert "Hel" in said
    assert "lo" in said
    assert '"error":{' not in said


async def test_what_fails_then_is_told_in_the_stream(gateway: Gateway) -> None:
    """The head is sent, so the status cannot say it any more."""
    loaded = asyncio.Event()
    async with (
        openai_server(held(refuses(400, "no such template"), loaded)) as upstream,
        gateway({"models": [model(upstream.url)], "server": SOON}) as base_url,
        httpx2.AsyncClient() as http,
        http.stream("POST", f"{base_url}/v1/chat/completions", json=CHAT) as response,
    ):
        lines = lines_of(response)
        await anext(lines)
        loaded.set()
        rest = [line async for line in lines if not line.startswith(":")]
    (told,) = rest
    error = json.loads(told.removeprefix("data: "))["error"]
    assert (error["code"], "no such template" in error["message"]) == ("invalid_request", True)


async def test_an_answer_that_comes_in_time_says_who_really_answered(gateway: Gateway) -> None:
    """No sign of life, and the failed attempts are counted in the head."""
    async with (
        openai_server(refuses(503, "loading")) as away,
        openai_server(streams("Hello")) as upstream,
        gateway({
            "models": [model(away.url), model(upstream.url, "second")],
            "fallbacks": {"first": ["second"]},
            "resilience": {"num_retries": 0},
        }) as base_url,
        httpx2.AsyncClient() as http,
    ):  # fmt: skip
        response = await http.post(f"{base_url}/v1/chat/completions", json=CHAT)
    assert response.headers["x-pointsman-model"] == "second"
    assert response.headers["x-pointsman-fallbacks"] == "1"
    assert ": waiting" not in response.text


async def test_who_leaves_while_a_model_loads_is_not_answered(gateway: Gateway) -> None:
    """The endpoint's work is called off."""
    called_off = asyncio.Event()

    async def loads(peer: Peer, _call: Call) -> None:
        await stand_still(peer)
        called_off.set()

    async with (
        openai_server(loads) as upstream,
        gateway({"models": [model(upstream.url)], "server": SOON}) as base_url,
        httpx2.AsyncClient() as http,
    ):
        async with http.stream("POST", f"{base_url}/v1/chat/completions", json=CHAT) as response:
            await anext(lines_of(response))
        async with asyncio.timeout(5):
            await called_off.wait()


@pytest.mark.parametrize("is_open_webui", [True, False])
async def test_only_open_webui_is_told_of_the_routing(gateway: Gateway, is_open_webui: bool) -> None:  # noqa: FBT001
    """An event first, which others would stumble over."""
    headers = {"x-openwebui-chat-id": "c1"} if is_open_webui else {}
    async with (
        openai_server(streams("Hello")) as upstream,
        gateway({"models": [model(upstream.url)]}) as base_url,
        httpx2.AsyncClient(headers=headers) as http,
    ):
        response = await http.post(f"{base_url}/v1/chat/completions", json=CHAT)
    first = json.loads(response.text.split("\n\n")[0].removeprefix("data: "))
    if is_open_webui:
        description = "Routed to first — the caller asked for 'first'"
        assert first == {"event": {"type": "status", "data": {"description": description, "done": True}}}
    else:
        assert first["choices"][0]["delta"] == {"content": "Hello"}
