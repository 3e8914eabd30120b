"""OpenAI's client in front, Ollama's own API behind: whole, streamed, tools, schemas, images, embeddings, errors."""

from __future__ import annotations

import base64
import json
from typing import Any

import openai
import pytest

from pointsman.core.jsontypes import Json, JsonObject
from tests.e2e.conftest import Gateway, client_of
from tests.e2e.ollama_server import CREATED_S, GREETING, Says, ollama_server
from tests.e2e.test_main_job import SCHEMA, TOOL, decision, user

pytestmark = pytest.mark.e2e

MODEL = "qwen2.5:3b"
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n one pixel").decode()
USAGE = {
    "prompt_tokens": 26,
    "completion_tokens": 3,
    "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0},
}


def at_ollama(url: str, name: str = "quick", **more: Json) -> dict[str, Json]:
    """One model of a pointsman.yaml, served by Ollama at *url*."""
    return {"name": name, "model": f"ollama_chat/{MODEL}", "base_url": url, "tier": "simple", **more}


async def test_a_whole_answer(gateway: Gateway) -> None:
    """Every field the client reads, and the request as Ollama wants it: a prompt too long must be an error."""
    async with (
        ollama_server() as ollama,
        gateway({"models": [at_ollama(ollama.url)]}) as base_url,
        client_of(base_url) as client,
    ):
        reply = await client.chat.completions.create(
            model="auto", messages=user("hi"), temperature=0.5, max_tokens=40, stop="END"
        )
    assert reply.model_dump(exclude_unset=True) == {
        "id": "chatcmpl-20260821093000123456789",
        "object": "chat.completion",
        "created": CREATED_S,
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello there.", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    }
    assert ollama.bodies == [
        {
            "model": MODEL,
            "messages": [{"role": "user", "content": "hi"}],
            "stream": False,
            "truncate": False,
            "shift": False,
            "options": {"num_ctx": 8192, "num_predict": 40, "temperature": 0.5, "stop": ["END"]},
        }
    ]


async def test_a_stream_with_its_usage(gateway: Gateway) -> None:
    """Pieces as they come, the reason, the counts in a last chunk, [DONE]."""
    async with (
        ollama_server() as ollama,
        gateway({"models": [at_ollama(ollama.url)]}) as base_url,
        client_of(base_url) as client,
    ):
        stream = await client.chat.completions.create(
            model="auto", messages=user("hi"), stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        row = await decision(base_url, stream.response.headers["x-pointsman-decision-id"])
    said = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert said == ["Hello", " there", "."]
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.model_dump(exclude_unset=True) == USAGE
    assert {chunk.id for chunk in chunks} == {"chatcmpl-20260821093000123456789"}
    assert (row["outcome"], row["output_tokens"], row["is_estimated"]) == ("ok", 3, False)


async def test_a_cut_by_the_token_limit_is_said(gateway: Gateway) -> None:
    """`done_reason: length` is `finish_reason: length`."""
    async with (
        ollama_server(Says(reason="length")) as ollama,
        gateway({"models": [at_ollama(ollama.url)]}) as base_url,
        client_of(base_url) as client,
    ):
        reply = await client.chat.completions.create(model="auto", messages=user("hi"), max_tokens=3)
    assert reply.choices[0].finish_reason == "length"


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_thought_is_kept_apart_from_the_answer(gateway: Gateway, *, is_streamed: bool) -> None:
    """In `reasoning_content`, as the servers that think write it."""
    thinks = Says(thinking=("It is", " easy."), pieces=("Four",))
    async with (
        ollama_server(thinks) as ollama,
        gateway({"models": [at_ollama(ollama.url)]}) as base_url,
        client_of(base_url) as client,
    ):
        if is_streamed:
            stream = await client.chat.completions.create(model="auto", messages=user("2+2?"), stream=True)
            parts: list[Any] = [chunk.choices[0].delta async for chunk in stream if chunk.choices]
        else:
            reply = await client.chat.completions.create(model="auto", messages=user("2+2?"))
            parts = [reply.choices[0].message]
    thought = "".join(getattr(part, "reasoning_content", None) or "" for part in parts)
    said = "".join(part.content or "" for part in parts)
    assert (thought, said) == ("It is easy.", "Four")


async def test_a_tool_is_called_and_its_result_goes_back(gateway: Gateway) -> None:
    """Both turns of the loop; arguments are text for OpenAI and an object for Ollama."""
    calls = Says(pieces=(), calls=(("get_weather", {"city": "Paris"}), ("get_weather", {"city": "Tokyo"})))
    async with (
        ollama_server(calls, Says(pieces=("Sunny.",))) as ollama,
        gateway({"models": [at_ollama(ollama.url)]}) as base_url,
        client_of(base_url) as client,
    ):
        ask = user("How is the weather in Paris and Tokyo?")
        first = await client.chat.completions.create(model="auto", messages=ask, tools=[TOOL])
        message = first.choices[0].message
        assert message.tool_calls is not None
        results = [{"role": "tool", "tool_call_id": call.id, "content": "sunny"} for call in message.tool_calls]
        told: list[Any] = [*ask, message.model_dump(exclude_none=True), *results]
        second = await client.chat.completions.create(model="auto", messages=told, tools=[TOOL])
    assert first.choices[0].finish_reason == "tool_calls"
    made = [
        (call.id, call.function.name, json.loads(call.function.arguments))
        for call in message.tool_calls
        if call.type == "function"
    ]
    assert made == [("call_0x", "get_weather", {"city": "Paris"}), ("call_1x", "get_weather", {"city": "Tokyo"})]
    assert second.choices[0].message.content == "Sunny."
    assert ollama.bodies[0]["tools"] == [TOOL]
    assert ollama.bodies[1]["messages"][1:] == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"id": "call_0x", "function": {"name": "get_weather", "arguments": {"city": "Paris"}}},
                {"id": "call_1x", "function": {"name": "get_weather", "arguments": {"city": "Tokyo"}}},
            ],
        },
        {"role": "tool", "content": "sunny", "tool_name": "get_weather", "tool_call_id": "call_0x"},
        {"role": "tool", "content": "sunny", "tool_name": "get_weather", "tool_call_id": "call_1x"},
    ]


async def test_a_streamed_tool_call_is_whole_for_the_client(gateway: Gateway) -> None:
    """The client's own accumulator puts it together."""
    calls = Says(pieces=("Let me see.",), calls=(("get_weather", {"city": "Paris"}),))
    async with (
        ollama_server(calls) as ollama,
        gateway({"models": [at_ollama(ollama.url)]}) as base_url,
        client_of(base_url) as client,
        client.chat.completions.stream(model="auto", messages=user("Weather in Paris?"), tools=[TOOL]) as stream,
    ):
        reply = await stream.get_final_completion()
    (choice,) = reply.choices
    assert choice.message.tool_calls is not None
    (call,) = choice.message.tool_calls
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", "Let me see.")
    assert (call.id, call.function.name, json.loads(call.function.arguments)) == (
        "call_0x",
        "get_weather",
        {"city": "Paris"},
    )


@pytest.mark.parametrize(
    ("response_format", "format_"),
    [
        ({"type": "json_schema", "json_schema": {"name": "choice", "schema": SCHEMA, "strict": True}}, SCHEMA),
        ({"type": "json_object"}, "json"),
        ({"type": "text"}, None),
    ],
)
async def test_a_response_format_becomes_ollamas(
    gateway: Gateway, response_format: JsonObject, format_: object
) -> None:
    """A schema, any JSON, or nothing."""
    async with (
        ollama_server(Says(pieces=('{"model_choice": "pro"}',))) as ollama,
        gateway({"models": [at_ollama(ollama.url)]}) as base_url,
        client_of(base_url) as client,
    ):
        more: dict[str, Any] = {"response_format": response_format}
        reply = await client.chat.completions.create(model="quick", messages=user("choose"), **more)
    assert reply.choices[0].message.content == '{"model_choice": "pro"}'
    assert ollama.bodies[0].get("format") == format_


async def test_an_image_as_a_data_url_goes_as_base64(gateway: Gateway) -> None:
    """Ollama's `images` beside the text; an image by URL is refused with what to do."""

    def look(url: str) -> list[Any]:
        image = {"type": "image_url", "image_url": {"url": url}}
        return [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, image]}]

    async with (
        ollama_server() as ollama,
        gateway({"models": [at_ollama(ollama.url)]}) as base_url,
        client_of(base_url) as client,
    ):
        await client.chat.completions.create(model="quick", messages=look(f"data:image/png;base64,{PIXEL}"))
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(model="quick", messages=look("https://example.com/cat.png"))
    assert ollama.bodies[0]["messages"] == [{"role": "user", "content": "What is this?", "images": [PIXEL]}]
    assert len(ollama.bodies) == 1
    assert caught.value.param == "messages[0].content[1]"
    assert "data URL" in caught.value.message


@pytest.mark.parametrize("encoding", [None, "float", "base64"])
async def test_embeddings(gateway: Gateway, encoding: str | None) -> None:
    """The client asks for base64 unless told otherwise, and reads numbers either way."""
    more: dict[str, Any] = {"encoding_format": encoding} if encoding else {}
    async with (
        ollama_server(models=("nomic-embed-text",)) as ollama,
        gateway({"models": [at_ollama(ollama.url, model="ollama/nomic-embed-text", tier=None)]}) as base_url,
        client_of(base_url) as client,
    ):
        reply = await client.embeddings.create(model="quick", input=["one two", "three"], **more)
    vectors = [item.embedding for item in reply.data]
    if encoding == "base64":
        vectors = [list(memoryview(base64.b64decode(str(one))).cast("f")) for one in vectors]
    assert vectors == [[0.875, 1.0, 1.125, 1.25], [0.625, 0.75, 0.875, 1.0]]
    assert [item.index for item in reply.data] == [0, 1]
    assert reply.usage.prompt_tokens == 3
    assert ollama.bodies == [{"model": "nomic-embed-text", "input": ["one two", "three"], "truncate": False}]


async def test_defaults_of_the_configuration_reach_the_options(gateway: Gateway) -> None:
    """A window and a temperature written as LiteLLM writes them; what the caller says goes first."""
    defaults: dict[str, Json] = {"num_ctx": 8192, "temperature": 0.1, "top_k": 5, "keep_alive": "10m"}
    async with (
        ollama_server() as ollama,
        gateway({"models": [at_ollama(ollama.url, defaults=defaults)]}) as base_url,
        client_of(base_url) as client,
    ):
        await client.chat.completions.create(model="auto", messages=user("hi"), temperature=0.9)
        await client.chat.completions.create(model="auto", messages=user("hi"))
    given, left = ollama.bodies
    assert given["options"] == {"num_ctx": 8192, "temperature": 0.9, "top_k": 5}
    assert left["options"] == {"num_ctx": 8192, "temperature": 0.1, "top_k": 5}
    assert given["keep_alive"] == left["keep_alive"] == "10m"


async def test_defaults_in_ollamas_own_form_reach_the_options(gateway: Gateway) -> None:
    """`options` is merged with what the caller's settings become."""
    defaults: dict[str, Json] = {"options": {"num_ctx": 8192, "temperature": 0.1}}
    async with (
        ollama_server() as ollama,
        gateway({"models": [at_ollama(ollama.url, defaults=defaults)]}) as base_url,
        client_of(base_url) as client,
    ):
        await client.chat.completions.create(model="auto", messages=user("hi"), temperature=0.9)
    assert ollama.bodies[0]["options"] == {"num_ctx": 8192, "temperature": 0.9}


async def test_what_ollama_cannot_take_is_left_out(gateway: Gateway) -> None:
    """Settings of OpenAI's that mean nothing to it do not make it refuse."""
    async with (
        ollama_server(GREETING) as ollama,
        gateway({"models": [at_ollama(ollama.url)]}) as base_url,
        client_of(base_url) as client,
    ):
        await client.chat.completions.create(
            model="quick",
            messages=[{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "hi", "name": "ann"}],
            user="u1",
            metadata={"a": "b"},
            seed=7,
            parallel_tool_calls=False,
            reasoning_effort="none",
        )
    (body,) = ollama.bodies
    assert body["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]
    assert (body["think"], body["options"]) == (False, {"num_ctx": 8192, "seed": 7})
    assert body.keys() == {"model", "messages", "stream", "truncate", "shift", "think", "options"}


async def test_settings_that_ollama_cannot_carry_are_named(gateway: Gateway) -> None:
    """A dropped setting is said aloud in a header, whole and streamed; what could be carried is not in it."""
    async with (
        ollama_server() as ollama,
        gateway({"models": [at_ollama(ollama.url)]}) as base_url,
        client_of(base_url) as client,
    ):
        create = client.chat.completions.with_raw_response.create
        whole = await create(model="auto", messages=user("hi"), seed=7, logit_bias={"5": 1}, user="me")
        plain = await create(model="auto", messages=user("hi"), seed=7)
    assert set(whole.headers["x-pointsman-dropped"].split(", ")) == {"logit_bias", "user"}
    assert "x-pointsman-dropped" not in plain.headers
