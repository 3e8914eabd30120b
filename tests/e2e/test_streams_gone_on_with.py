"""A stream breaks in the middle and another model goes on with it, as official clients of each API see it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import anthropic
import httpx2
import ollama
import openai
import pytest
from google import genai
from google.genai import types

from pointsman.core.jsontypes import Json
from tests.adapters.http.servers import Peer
from tests.e2e.conftest import Gateway, client_of
from tests.e2e.openai_server import Act, hangs, openai_server, refuses, resets, says_error, streams
from tests.e2e.test_main_job import decision, user
from tests.e2e.wire import Call, Scripted

pytestmark = pytest.mark.e2e

BEGINNING = ("Once upon ", "a time ")
REST = ("there was", " a fox.")
TOLD = "Once upon a time there was a fox."


def models(first: Scripted, second: Scripted, **more: Json) -> list[dict[str, Json]]:
    """One that breaks off, one that goes on."""
    common: dict[str, Json] = {"model": "upstream", "idle_timeout_s": 0.2, "local": True}
    return [
        {"name": "first", "base_url": f"{first.url}/v1", "tier": "simple", **common},
        {"name": "second", "base_url": f"{second.url}/v1", "tier": "medium", "prefill": True, **common, **more},
    ]


def config(first: Scripted, second: Scripted, **more: Json) -> dict[str, Any]:
    """Continuation is opted in."""
    return {"models": models(first, second, **more), "resilience": {"continue_streams": True}}


async def told_to_openai(url: str) -> str:
    """By the openai package."""
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        stream = await client.chat.completions.create(model="auto", messages=user("tell"), stream=True)
        return "".join([one.choices[0].delta.content or "" async for one in stream if one.choices])


async def told_to_responses(url: str) -> str:
    """By the openai package, Responses."""
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        async with client.responses.stream(model="auto", input="tell") as stream:
            said = [event.delta async for event in stream if event.type == "response.output_text.delta"]
            whole = await stream.get_final_response()
        assert whole.output_text == "".join(said)
        return whole.output_text


async def told_to_anthropic(url: str) -> str:
    """By the anthropic package."""
    async with (
        anthropic.AsyncAnthropic(base_url=url, api_key="none", max_retries=0) as client,
        client.messages.stream(model="auto", max_tokens=100, messages=[{"role": "user", "content": "tell"}]) as stream,
    ):
        return "".join([text async for text in stream.text_stream])


async def told_to_gemini(url: str) -> str:
    """By the google-genai package."""
    options = types.HttpOptions(base_url=url)
    async with genai.Client(api_key="none", http_options=options).aio as client:
        said = await client.models.generate_content_stream(model="auto", contents="tell")
        return "".join([one.text or "" async for one in said])


async def told_to_ollama(url: str) -> str:
    """By the ollama package."""
    async with ollama.AsyncClient(host=url) as client:
        said = await client.chat(model="auto", messages=[{"role": "user", "content": "tell"}], stream=True)
        return "".join([one.message.content or "" async for one in said])


async def errs(peer: Peer, call: Call) -> None:
    """An error event, once what was said before it is on its way."""
    await asyncio.sleep(0.05)
    await says_error("boom")(peer, call)


CALLERS = (told_to_openai, told_to_responses, told_to_anthropic, told_to_gemini, told_to_ollama)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(
    "breaks",
    [pytest.param(resets, id="reset"), pytest.param(hangs, id="stall"), pytest.param(errs, id="error")],
)
async def test_the_story_is_told_once_and_whole(
    gateway: Gateway, caller: Callable[[str], Awaitable[str]], breaks: Act
) -> None:
    """Whatever breaks it, in every API; the second model got the beginning as its own words."""
    async with (
        openai_server(streams(*BEGINNING, then=breaks)) as first,
        openai_server(streams(*REST)) as second,
        gateway(config(first, second)) as base_url,
    ):
        assert await caller(base_url) == TOLD
    (body,) = second.bodies
    assert body["messages"][-1] == {"role": "assistant", "content": "Once upon a time"}
    assert len(first.calls) == 1


async def test_it_is_marked_and_recorded(gateway: Gateway) -> None:
    """A comment in the stream; two attempts, one failure, and both models' tokens in the ledger."""
    async with (
        openai_server(streams(*BEGINNING, then=resets)) as first,
        openai_server(streams(*REST)) as second,
        gateway(config(first, second)) as base_url,
    ):
        body = {"model": "auto", "stream": True, "messages": user("tell")}
        async with httpx2.AsyncClient() as client:
            answer = await client.post(f"{base_url}/v1/chat/completions", json=body)
        row = await decision(base_url, answer.headers["x-pointsman-decision-id"])
    assert ": pointsman: continued by second\n\n" in answer.text
    assert answer.text.endswith("data: [DONE]\n\n")
    assert '"error"' not in answer.text
    assert (row["served"], row["status"]) == ("second", 200)
    assert [(one["model"], one["outcome"]) for one in row["attempts"]] == [("first", "failed"), ("second", "ok")]


@pytest.mark.parametrize(
    ("more", "body"),
    [
        ({"prefill": False}, {}),
        ({"local": False}, {}),
        ({}, {"response_format": {"type": "json_object"}}),
        ({}, {"n": 2}),
    ],
)
async def test_else_the_stream_ends_with_an_error(
    gateway: Gateway, more: dict[str, Json], body: dict[str, Json]
) -> None:
    """Where nobody can go on, or the text would leave the machine, or it is no plain text."""
    async with (
        openai_server(streams(*BEGINNING, then=resets)) as first,
        openai_server(streams(*REST)) as second,
        gateway(config(first, second, **more)) as base_url,
    ):
        sent = {"model": "auto", "stream": True, "messages": user("tell"), **body}
        async with httpx2.AsyncClient() as client:
            answer = await client.post(f"{base_url}/v1/chat/completions", json=sent)
    assert second.calls == []
    assert "[DONE]" not in answer.text
    assert json.loads(answer.text.strip().rsplit("data: ", 1)[1])["error"]["code"]


async def test_a_continuation_that_fails_too_ends_with_an_error(gateway: Gateway) -> None:
    """Before its first word, or after it; nothing is said twice."""
    for act in (refuses(503, "busy"), streams("there was", then=resets)):
        async with (
            openai_server(streams(*BEGINNING, then=resets)) as first,
            openai_server(act) as second,
            gateway(config(first, second)) as base_url,
            client_of(base_url) as client,
        ):
            stream = await client.chat.completions.create(model="auto", messages=user("tell"), stream=True)
            said = []
            with pytest.raises(openai.APIError):
                said.extend([one.choices[0].delta.content or "" async for one in stream if one.choices])
        assert len(second.calls) == 1
