"""OpenAI-shaped servers that misbehave, as the official client sees them through the gateway."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import openai
import pytest

from pointsman.core.jsontypes import Json
from tests.adapters.http.servers import Peer
from tests.e2e.conftest import Gateway, client_of
from tests.e2e.openai_server import (
    SSE,
    Act,
    answers,
    chunk,
    completes,
    hangs,
    openai_server,
    refuses,
    resets,
    says_error,
    streams,
)
from tests.e2e.test_main_job import decision, user
from tests.e2e.wire import Call

pytestmark = pytest.mark.e2e

HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>nginx</h1></body></html>"
QUICK: Mapping[str, Any] = {"first_byte_timeout_s": 0.1, "idle_timeout_s": 0.1}


def model(url: str, name: str = "first", tier: str = "simple", **more: Json) -> dict[str, Json]:
    """One model of a pointsman.yaml."""
    return {"name": name, "model": "upstream", "base_url": f"{url}/v1", "local": True, "tier": tier, **more}


async def ask(client: openai.AsyncOpenAI, *, is_streamed: bool, name: str = "auto") -> tuple[str, Mapping[str, str]]:
    """What the answer says, and its headers."""
    if is_streamed:
        stream = await client.chat.completions.create(model=name, messages=user("hi"), stream=True)
        return "".join([one.choices[0].delta.content or "" async for one in stream]), stream.response.headers
    raw = await client.chat.completions.with_raw_response.create(model=name, messages=user("hi"))
    return raw.parse().choices[0].message.content or "", raw.headers


async def broken_at_once(peer: Peer, call: Call) -> None:
    """A first word and an error in one segment: the word has not reached the caller when the error is known."""
    error = b'data: {"error": {"message": "out of memory"}}\n\n'
    await answers(200, chunk({"content": "Half"}) + error, content=SSE)(peer, call)


FAILS: list[tuple[str, Act]] = [
    ("rate limit", refuses(429, "slow down", "rate_limit_exceeded", retry_after="20")),
    ("500", refuses(500, "boom")),
    ("HTML 502", answers(502, HTML, content="text/html")),
    ("error under 200", answers(200, {"error": {"message": "model overloaded", "code": 503}})),
    ("empty 200", answers(200, b"")),
    ("HTML 200", answers(200, HTML, content="text/html")),
    ("JSON 200 but no object", answers(200, [])),
    ("hang", hangs),
    ("reset", resets),
    ("wrong key", refuses(401, "Incorrect API key provided: sk-up****eam", "invalid_api_key")),
    ("unknown model", refuses(404, "no such model", "model_not_found")),
    ("no quota", refuses(429, "You exceeded your current quota", "insufficient_quota")),
]
STREAM_FAILS: list[tuple[str, Act]] = [
    ("error event first", streams(then=says_error("overloaded"))),
    ("cut before a word", streams(then=resets)),
    ("stall before a word", streams(then=hangs)),
    ("error in the same segment", broken_at_once),
]


@pytest.mark.parametrize(
    ("act", "is_streamed"),
    [
        *(pytest.param(act, streamed, id=f"{name}-{streamed}") for name, act in FAILS for streamed in (False, True)),
        *(pytest.param(act, True, id=name) for name, act in STREAM_FAILS),
    ],
)
async def test_what_goes_wrong_before_the_answer_costs_a_fallback(
    gateway: Gateway, act: Act, *, is_streamed: bool
) -> None:
    """One attempt each: the next model answers, its words come once, the headers tell."""
    async with openai_server(act) as first, openai_server(completes("From the spare.")) as spare:
        models = [model(first.url, **QUICK), model(spare.url, "spare", "medium")]
        async with gateway({"models": models}) as base_url, client_of(base_url) as client:
            text, headers = await ask(client, is_streamed=is_streamed)
    assert (text, headers["x-pointsman-model"], headers["x-pointsman-fallbacks"]) == ("From the spare.", "spare", "1")
    assert (len(first.calls), len(spare.calls)) == (1, 1)


async def test_a_200_that_is_no_completion_costs_a_fallback(gateway: Gateway) -> None:
    """Such as a captive portal's JSON, or another API at that address."""
    async with (
        openai_server(answers(200, {"hello": "world"})) as first,
        openai_server(completes("From the spare.")) as spare,
    ):
        models = [model(first.url), model(spare.url, "spare", "medium")]
        async with gateway({"models": models}) as base_url, client_of(base_url) as client:
            raw = await client.chat.completions.with_raw_response.create(model="auto", messages=user("hi"))
    assert raw.headers["x-pointsman-model"] == "spare"


TOO_MANY = (429, "rate_limit_exceeded")
BAD = (502, "bad_upstream")
TOLD = {
    "rate limit": TOO_MANY,
    "no quota": TOO_MANY,
    "wrong key": BAD,
    "empty 200": BAD,
    "HTML 200": BAD,
    "JSON 200 but no object": BAD,
}


@pytest.mark.parametrize(("name", "act"), FAILS)
async def test_without_a_fallback_the_caller_learns_what_happened(gateway: Gateway, name: str, act: Act) -> None:
    """One OpenAI error, not to be tried again, with the model's name; no page of HTML.

    429 where all that is wrong is too many requests, 502 where no waiting mends it, else 503.
    """
    status, code = TOLD.get(name, (503, "no_model_available"))
    config = {"models": [model("", **QUICK)], "resilience": {"num_retries": 0}}
    async with openai_server(act) as first:
        config["models"] = [model(first.url, **QUICK)]
        async with gateway(config) as base_url, client_of(base_url) as client:
            with pytest.raises(openai.APIStatusError) as caught:
                await ask(client, is_streamed=False)
    assert (caught.value.status_code, caught.value.code) == (status, code)
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert "first" in caught.value.message
    assert "<" not in caught.value.message
    assert len(first.calls) == 1


async def test_a_wait_that_the_endpoint_names_is_handed_on(gateway: Gateway) -> None:
    """Longer than anybody should wait here: the caller gets the Retry-After."""
    async with (
        openai_server(refuses(429, "slow down", "rate_limit_exceeded", retry_after="20")) as first,
        gateway({"models": [model(first.url)]}) as base_url,
        client_of(base_url) as client,
    ):
        with pytest.raises(openai.RateLimitError) as caught:
            await ask(client, is_streamed=False)
    assert caught.value.response.headers["retry-after"] == "20"
    assert len(first.calls) == 1


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_the_only_model_is_asked_again(gateway: Gateway, *, is_streamed: bool) -> None:
    """Two failures that pass, then the answer."""
    async with (
        openai_server(refuses(500, "boom"), refuses(503, "busy", retry_after="0"), completes("At last.")) as only,
        gateway({"models": [model(only.url)]}) as base_url,
        client_of(base_url) as client,
    ):
        text, headers = await ask(client, is_streamed=is_streamed)
    assert (text, headers["x-pointsman-model"]) == ("At last.", "first")
    assert len(only.calls) == 3


async def test_retries_can_be_turned_off(gateway: Gateway) -> None:
    """`num_retries: 0`: the first failure is told."""
    async with openai_server(refuses(500, "boom"), completes("At last.")) as only:
        config = {"models": [model(only.url)], "resilience": {"num_retries": 0}}
        async with gateway(config) as base_url, client_of(base_url) as client:
            with pytest.raises(openai.InternalServerError, match="boom"):
                await ask(client, is_streamed=False)
    assert len(only.calls) == 1


async def test_a_mistake_of_the_caller_is_not_tried_elsewhere(gateway: Gateway) -> None:
    """400 as 400, in the endpoint's words."""
    async with (
        openai_server(refuses(400, "temperature must be below 2")) as first,
        openai_server(completes("x")) as spare,
    ):
        models = [model(first.url), model(spare.url, "spare", "medium")]
        async with gateway({"models": models}) as base_url, client_of(base_url) as client:
            with pytest.raises(openai.BadRequestError, match="temperature must be below 2"):
                await ask(client, is_streamed=False)
    assert spare.calls == []


async def test_a_stream_that_breaks_is_an_error_and_not_an_end(gateway: Gateway) -> None:
    """A reset after words: the client keeps the words and raises; nobody says them again."""
    goes_on = asyncio.Event()

    async def breaks(peer: Peer, call: Call) -> None:
        await goes_on.wait()
        peer.reset()

    async with openai_server(streams("Once", " upon", then=breaks)) as first, openai_server(completes("x")) as spare:
        models = [model(first.url), model(spare.url, "spare", "medium")]
        async with gateway({"models": models}) as base_url, client_of(base_url) as client:
            stream = await client.chat.completions.create(model="auto", messages=user("hi"), stream=True)
            said: list[str] = []
            with pytest.raises(openai.APIError, match="first"):  # noqa: PT012  the words before it are kept too
                async for one in stream:
                    said.append(one.choices[0].delta.content or "")
                    if "".join(said) == "Once upon":
                        goes_on.set()
            row = await decision(base_url, stream.response.headers["x-pointsman-decision-id"])
    assert said == ["Once", " upon"]
    assert (row["outcome"], row["served"], spare.calls) == ("failed", "first", [])


@pytest.mark.parametrize("act", [hangs, streams(then=hangs)], ids=["before the head", "after the head"])
@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_deadline_of_the_caller_is_kept(gateway: Gateway, act: Act, *, is_streamed: bool) -> None:
    """504 when the time is up, however slow the endpoint is, and nobody else is asked for what cannot be in time."""
    async with (
        openai_server(act) as slow,
        gateway({"models": [model(slow.url)]}) as base_url,
        client_of(base_url) as client,
    ):
        began = time.monotonic()
        with pytest.raises(openai.InternalServerError) as caught:
            await client.chat.completions.create(
                model="auto",
                messages=user("hi"),
                stream=is_streamed,
                extra_headers={"x-pointsman-deadline-ms": "150"},
            )
        elapsed_s = time.monotonic() - began
    assert caught.value.status_code == 504
    assert 0.15 <= elapsed_s < 1  # the promise itself


async def test_a_deadline_that_ends_a_stream_says_so(gateway: Gateway) -> None:
    """After the first words it is an error event, and the ledger's outcome is `deadline`."""
    async with (
        openai_server(streams("Once", then=hangs)) as slow,
        gateway({"models": [model(slow.url)]}) as base_url,
        client_of(base_url) as client,
    ):
        stream = await client.chat.completions.create(
            model="auto", messages=user("hi"), stream=True, extra_headers={"x-pointsman-deadline-ms": "200"}
        )
        said: list[str] = []
        with pytest.raises(openai.APIError) as caught:  # noqa: PT012  the words before it are kept too
            async for one in stream:
                said.append(one.choices[0].delta.content or "")  # noqa: PERF401  extend() would lose them
        row = await decision(base_url, stream.response.headers["x-pointsman-decision-id"])
    assert (said, row["outcome"], caught.value.code) == (["Once"], "deadline", "deadline_exceeded")
