"""Ollama's window: one size per model, more when a prompt needs it, and no answer to a prompt that was cut."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from pointsman.core.jsontypes import Json
from tests.adapters.http.servers import Peer
from tests.e2e.conftest import Gateway, client_of
from tests.e2e.cutting_ollama import Age, CuttingOllama, cutting_ollama
from tests.e2e.openai_server import completes, openai_server, streams
from tests.e2e.test_main_job import decision, user
from tests.e2e.test_ollama import at_ollama
from tests.e2e.wire import Call

pytestmark = pytest.mark.e2e

SENTENCE = "The quick brown fox jumps over the lazy dog. "


def prose(chars: int) -> str:
    """English of that length: the server counts a quarter, the estimate is a little less."""
    return (SENTENCE * (chars // len(SENTENCE) + 1))[:chars]


def history(first: int, second: int, last: int) -> list[Any]:
    """Three turns of so many characters."""
    return [
        {"role": "user", "content": prose(first)},
        {"role": "assistant", "content": prose(second)},
        {"role": "user", "content": prose(last)},
    ]


TOO_LONG = history(9_000, 4_000, 4_350)
"""4,337 tokens for the server, estimated at about 3,800: it may just fit 4,096, and does not."""


def with_spare(ollama: str, spare: str) -> dict[str, Json]:
    """A small window at Ollama, a large one elsewhere for what is too long."""
    return {
        "models": [
            at_ollama(ollama, defaults={"num_ctx": 4_096}),
            {
                "name": "spare",
                "model": "spare",
                "base_url": f"{spare}/v1",
                "local": True,
                "tier": "medium",
                "context_tokens": 100_000,
            },
        ],
        "context_window_fallbacks": {"quick": ["spare"]},
    }


async def listen(stream: openai.AsyncStream[ChatCompletionChunk], heard: list[str], ollama: CuttingOllama) -> None:
    """Write down what is said, to the end or the error, which comes after something was heard."""
    async for chunk in stream:
        heard += [choice.delta.content or "" for choice in chunk.choices]
        ollama.may_end.set()


async def test_short_prompts_never_load_the_model_anew(gateway: Gateway) -> None:
    """Each says the same window, 8,192 unless configured."""
    async with (
        cutting_ollama(Age.REFUSES) as ollama,
        gateway({"models": [at_ollama(ollama.server.url)]}) as base_url,
        client_of(base_url) as client,
    ):
        for chars in (10, 4_000, 20_000):
            await client.chat.completions.create(model="quick", messages=user(prose(chars)))
    assert ollama.loads == [8_192]


async def test_a_longer_prompt_gets_the_next_size_and_later_ones_keep_it(gateway: Gateway) -> None:
    """One reload, which the trail names."""
    async with (
        cutting_ollama(Age.DROPS) as ollama,
        gateway({"models": [at_ollama(ollama.server.url, context_tokens=32_768)]}) as base_url,
        client_of(base_url) as client,
    ):
        said = [
            await client.chat.completions.with_raw_response.create(model="quick", messages=user(prose(chars)))
            for chars in (10, 32_000, 10)
        ]
        trails = [(await decision(base_url, one.headers["x-pointsman-decision-id"]))["trail"] for one in said]
    assert ollama.loads == [8_192, 16_384]
    assert [[step["detail"] for step in trail if step["strategy"] == "context"] for trail in trails] == [
        [],
        ["quick is loaded anew with num_ctx 16,384 for about 6,854 tokens"],
        [],
    ]


async def test_the_callers_own_window_wins(gateway: Gateway) -> None:
    """Who speaks Ollama's API may say `num_ctx` itself."""
    async with (
        cutting_ollama(Age.REFUSES) as ollama,
        gateway({"models": [at_ollama(ollama.server.url)]}) as base_url,
        httpx2.AsyncClient() as http,
    ):
        body = {"model": "quick", "messages": user("hi"), "stream": False, "options": {"num_ctx": 2_048}}
        answer = await http.post(f"{base_url}/api/chat", json=body)
    assert (answer.json()["message"]["content"], ollama.loads) == ("All clear.", [2_048])


@pytest.mark.parametrize("age", Age)
async def test_a_prompt_that_does_not_fit_is_answered_by_the_next_model(gateway: Gateway, age: Age) -> None:
    """Whether Ollama refuses it or cuts it and says nothing: nobody sees an answer to half a question."""
    async with cutting_ollama(age) as ollama, openai_server(completes("From the spare.")) as spare:
        config = with_spare(ollama.server.url, spare.url)
        async with gateway(config) as base_url, client_of(base_url) as client:
            said = await client.chat.completions.with_raw_response.create(model="quick", messages=TOO_LONG)
            row = await decision(base_url, said.headers["x-pointsman-decision-id"])
    reply = said.parse()
    assert (reply.choices[0].message.content, said.headers["x-pointsman-model"]) == ("From the spare.", "spare")
    assert [(one["model"], one["kind"]) for one in row["attempts"]] == [("quick", "context"), ("spare", None)]
    assert len(ollama.server.bodies) == 1


async def test_without_another_model_the_caller_hears_that_it_is_too_long(gateway: Gateway) -> None:
    """The status and code that clients know, not half an answer."""
    async with (
        cutting_ollama(Age.DROPS) as ollama,
        gateway({"models": [at_ollama(ollama.server.url, defaults={"num_ctx": 4_096})]}) as base_url,
        client_of(base_url) as client,
    ):
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(model="quick", messages=TOO_LONG)
    assert caught.value.code == "context_length_exceeded"
    assert "were read with num_ctx 4,096, the rest was left out" in caught.value.message


async def test_a_stream_of_half_a_prompt_ends_with_an_error(gateway: Gateway) -> None:
    """What was said cannot be unsaid; that it is no answer can be told, and the next request goes elsewhere."""
    async with cutting_ollama(Age.DROPS) as ollama, openai_server(completes("From the spare.")) as spare:
        config = with_spare(ollama.server.url, spare.url)
        async with gateway(config) as base_url, client_of(base_url) as client:
            ollama.may_end.clear()
            stream = await client.chat.completions.create(model="quick", messages=TOO_LONG, stream=True)
            heard: list[str] = []
            with pytest.raises(openai.APIError, match="the rest was left out"):
                await listen(stream, heard, ollama)
            row = await decision(base_url, stream.response.headers["x-pointsman-decision-id"])
            again = await client.chat.completions.create(model="quick", messages=TOO_LONG)
    assert "".join(heard) == "All clear."
    assert row["outcome"] == "failed"
    assert again.choices[0].message.content == "From the spare."


async def test_the_same_for_a_caller_of_ollamas_own_api(gateway: Gateway) -> None:
    """The last line is Ollama's error, and no line says it is done."""
    async with (
        cutting_ollama(Age.DROPS) as ollama,
        gateway({"models": [at_ollama(ollama.server.url, defaults={"num_ctx": 4_096})]}) as base_url,
        httpx2.AsyncClient() as http,
    ):
        ollama.may_end.clear()
        lines: list[Any] = []
        body = {"model": "quick", "messages": TOO_LONG}
        async with http.stream("POST", f"{base_url}/api/chat", json=body) as answer:
            async for line in answer.aiter_lines():
                lines.append(json.loads(line))
                ollama.may_end.set()
    assert [line.get("message", {}).get("content") for line in lines] == ["All", " clear.", None]
    assert "the rest was left out" in lines[-1]["error"]


async def test_who_wants_the_prompt_cut_gets_it_cut(gateway: Gateway) -> None:
    """`truncate: true` of Ollama's own API is the caller's word."""
    async with (
        cutting_ollama(Age.DROPS) as ollama,
        gateway({"models": [at_ollama(ollama.server.url, defaults={"num_ctx": 4_096})]}) as base_url,
        httpx2.AsyncClient() as http,
    ):
        body = {"model": "quick", "messages": TOO_LONG, "truncate": True, "stream": False}
        answer = await http.post(f"{base_url}/api/chat", json=body)
    assert answer.json()["message"]["content"] == "All clear."


async def test_a_server_that_shifts_is_given_more_room_the_next_time(gateway: Gateway) -> None:
    """It keeps half its window for the prompt: one request ends with an error, the next is right."""
    async with (
        cutting_ollama(Age.SHIFTS) as ollama,
        gateway({"models": [at_ollama(ollama.server.url)]}) as base_url,
        client_of(base_url) as client,
    ):
        messages = user(prose(22_000))
        with pytest.raises(openai.BadRequestError):
            await client.chat.completions.create(model="quick", messages=messages)
        reply = await client.chat.completions.create(model="quick", messages=messages)
    assert reply.choices[0].message.content == "All clear."
    assert (ollama.loads, [len(texts[0]) for texts in ollama.seen]) == ([8_192, 16_384], [16_392, 22_000])


async def test_another_local_server_that_counts_too_few_is_named_in_the_record(gateway: Gateway) -> None:
    """Its window is not known, so its answer stands; that part of the prompt is missing is told."""
    model = {"name": "lm", "model": "lm", "local": True, "tier": "simple"}
    async with (
        openai_server(completes("Hm.")) as server,
        gateway({"models": [{**model, "base_url": f"{server.url}/v1"}]}) as base_url,
        client_of(base_url) as client,
    ):
        said = await client.chat.completions.with_raw_response.create(model="lm", messages=user(prose(9_000)))
        row = await decision(base_url, said.headers["x-pointsman-decision-id"])
    assert (said.headers["x-pointsman-dropped"], row["dropped"]) == ("prompt", ["prompt"])


async def test_a_count_is_that_of_the_models_own_tokenizer(gateway: Gateway) -> None:
    """4,000 digits are a token each for Qwen; a quarter of that would be one for English."""
    config = {"models": [at_ollama("http://127.0.0.1:9")]}
    async with gateway(config) as base_url, httpx2.AsyncClient() as http:
        body = {"model": "quick", "messages": user("0123456789" * 400)}
        answer = await http.post(f"{base_url}/v1/messages/count_tokens", json=body)
    assert answer.json() == {"input_tokens": 5_822}


async def test_who_goes_on_with_a_broken_answer_is_asked_with_its_window(gateway: Gateway) -> None:
    """Another size for that one request would load it anew."""
    async with cutting_ollama(Age.REFUSES) as ollama, openai_server(streams("One, two", then=breaks_off)) as first:
        models = [
            {"name": "first", "model": "first", "base_url": f"{first.url}/v1", "local": True, "tier": "simple"},
            {**at_ollama(ollama.server.url, "second"), "tier": "medium"},
        ]
        config = {"models": models, "resilience": {"continue_streams": True}}
        async with gateway(config) as base_url, client_of(base_url) as client:
            await client.chat.completions.create(model="second", messages=user("hi"))
            stream = await client.chat.completions.create(model="auto", messages=user("Count."), stream=True)
            said = "".join([choice.delta.content or "" async for chunk in stream for choice in chunk.choices])
    assert said.endswith("All clear.")
    assert ollama.loads == [8_192]


async def breaks_off(peer: Peer, _call: Call) -> None:
    """The connection is gone."""
    peer.reset()
