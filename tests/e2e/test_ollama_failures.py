"""Ollama's ways to fail, as OpenAI's client sees them: a fallback before the first word, an error event after it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from pointsman.core.jsontypes import Json
from tests.e2e.conftest import Gateway, client_of
from tests.e2e.ollama_server import BUSY, Cut, ErrorLine, Refuses, Says, Stall, ollama_server
from tests.e2e.openai_server import completes, openai_server
from tests.e2e.test_main_job import decision, user
from tests.e2e.test_ollama import MODEL, at_ollama

pytestmark = pytest.mark.e2e


def behind(url: str) -> dict[str, Json]:
    """An OpenAI-shaped model that answers when Ollama does not."""
    return {"name": "spare", "model": "spare", "base_url": f"{url}/v1", "local": True, "tier": "medium"}


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    """What the pieces say together."""
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


FAILS = [
    pytest.param(Refuses(503, BUSY), id="busy"),
    pytest.param(Refuses(500, "llama runner process has terminated: exit status 2"), id="load failure"),
    pytest.param(Says(pieces=(), then=ErrorLine()), id="error line first"),
    pytest.param(Says(pieces=(), then=Cut()), id="cut at the start"),
    pytest.param(Says(pieces=(), then=Stall()), id="stall at the start"),
]


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("act", FAILS)
async def test_what_goes_wrong_before_the_first_word_costs_a_fallback(
    gateway: Gateway, act: Says | Refuses, *, is_streamed: bool
) -> None:
    """The caller gets the spare model's answer, once."""
    async with ollama_server(act) as ollama, openai_server(completes("From the spare.")) as spare:
        models = [at_ollama(ollama.url, first_byte_timeout_s=0.1, idle_timeout_s=0.1), behind(spare.url)]
        async with gateway({"models": models}) as base_url, client_of(base_url) as client:
            text, headers = await asked(client, is_streamed=is_streamed)
    assert (text, headers["x-pointsman-model"], headers["x-pointsman-fallbacks"]) == ("From the spare.", "spare", "1")
    assert (len(ollama.bodies), len(spare.calls)) == (1, 1)


async def asked(client: openai.AsyncOpenAI, *, is_streamed: bool) -> tuple[str | None, Mapping[str, str]]:
    """What the answer says, and its headers."""
    if is_streamed:
        stream = await client.chat.completions.create(model="auto", messages=user("hi"), stream=True)
        return text_of([chunk async for chunk in stream]), stream.response.headers
    raw = await client.chat.completions.with_raw_response.create(model="auto", messages=user("hi"))
    return raw.parse().choices[0].message.content, raw.headers


async def test_a_model_that_is_not_pulled_costs_a_fallback_or_says_so(gateway: Gateway) -> None:
    """Ollama's own words, with what to do."""
    async with ollama_server(models=("other",)) as ollama, openai_server(completes("From the spare.")) as spare:
        async with (
            gateway({"models": [at_ollama(ollama.url), behind(spare.url)]}) as base_url,
            client_of(base_url) as client,
        ):
            text, _ = await asked(client, is_streamed=False)
        async with gateway({"models": [at_ollama(ollama.url)]}) as base_url, client_of(base_url) as client:
            with pytest.raises(openai.APIStatusError) as caught:
                await asked(client, is_streamed=False)
    assert text == "From the spare."
    assert caught.value.status_code == 503
    assert f'model "{MODEL}" not found, try pulling it first' in caught.value.message


async def test_a_prompt_longer_than_the_window_is_the_callers_error(gateway: Gateway) -> None:
    """Ollama says so because nothing is truncated; the caller gets OpenAI's code for it."""
    too_long = Refuses(400, "the input length exceeds the context length")
    async with (
        ollama_server(too_long) as ollama,
        gateway({"models": [at_ollama(ollama.url)]}) as base_url,
        client_of(base_url) as client,
    ):
        with pytest.raises(openai.BadRequestError) as caught:
            await asked(client, is_streamed=False)
    assert caught.value.code == "context_length_exceeded"


@pytest.mark.parametrize(
    ("then", "word"),
    [(ErrorLine(), "signal: killed"), (Cut(), "quick"), (Stall(), "quick")],
    ids=["error line", "cut", "stall"],
)
async def test_what_goes_wrong_after_the_first_word_is_an_error_event(
    gateway: Gateway, then: ErrorLine | Cut | Stall, word: str
) -> None:
    """What was said stays said, the client raises, nobody else is asked, and the ledger knows."""
    goes_on = asyncio.Event()
    act = Says(pieces=("Once", " upon"), then=then, when=goes_on)
    async with ollama_server(act) as ollama, openai_server(completes("From the spare.")) as spare:
        models = [at_ollama(ollama.url, idle_timeout_s=0.1), behind(spare.url)]
        async with gateway({"models": models}) as base_url, client_of(base_url) as client:
            stream = await client.chat.completions.create(model="auto", messages=user("hi"), stream=True)
            said: list[str] = []
            with pytest.raises(openai.APIError) as caught:  # noqa: PT012  the words before it are kept too
                async for chunk in stream:
                    goes_on.set()
                    said.append(chunk.choices[0].delta.content or "")
            row = await decision(base_url, stream.response.headers["x-pointsman-decision-id"])
    assert "".join(said) == "Once upon"
    assert word in caught.value.message
    assert (row["outcome"], row["served"]) == ("failed", "quick")
    assert spare.calls == []


async def test_an_error_event_is_the_end_of_the_stream(gateway: Gateway) -> None:
    """One event, in OpenAI's form; no [DONE] follows it, and nothing is said twice."""
    goes_on = asyncio.Event()
    act = Says(pieces=("Once", " upon"), then=ErrorLine(), when=goes_on)
    async with (
        ollama_server(act) as ollama,
        gateway({"models": [at_ollama(ollama.url)]}) as base_url,
        client_of(base_url) as client,
        client.chat.completions.with_streaming_response.create(
            model="auto", messages=user("hi"), stream=True
        ) as response,
    ):
        lines = []
        async for line in response.iter_lines():
            goes_on.set()
            lines += [line.removeprefix("data: ")] if line else []
    assert [json.loads(line)["choices"][0]["delta"].get("content") for line in lines[:-1]] == ["Once", " upon"]
    assert json.loads(lines[-1])["error"]["message"] == ErrorLine().message
