"""Every API's paths over a real socket, one OpenAI-shaped endpoint behind: what each client reads is there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from tests.adapters.http.servers import Peer
from tests.e2e.conftest import Gateway
from tests.e2e.openai_server import answers, completes, openai_server, streams
from tests.e2e.test_upstreams import model
from tests.e2e.wire import Call, Scripted, scripted, whole

pytestmark = pytest.mark.e2e

HI = [{"role": "user", "content": "hi"}]
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
VECTORS = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 1.0]}],
    "model": "m",
    "usage": {"prompt_tokens": 2, "total_tokens": 2},
}
NAME = "org/qwen2.5:3b"


async def post(base_url: str, path: str, body: Mapping[str, Any], **headers: str) -> httpx2.Response:
    """The answer of the gateway."""
    async with httpx2.AsyncClient() as http:
        return await http.post(base_url + path, json=body, headers=headers)


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
@pytest.mark.parametrize("name", [NAME, "org%2Fqwen2.5%3A3b", f"models/{NAME}"])
async def test_geminis_path_names_the_model(gateway: Gateway, version: str, name: str) -> None:
    """Whatever is in its name, in each version of the API."""
    async with (
        openai_server(completes("Hello")) as upstream,
        gateway({"models": [model(upstream.url, NAME)], "server": {"unknown_models": "refuse"}}) as base_url,
    ):
        answer = await post(base_url, f"/{version}/models/{name}:generateContent", CONTENTS)
    assert answer.status_code == 200
    assert answer.headers["x-pointsman-model"] == NAME
    assert answer.json()["candidates"][0]["content"]["parts"] == [{"text": "Hello"}]


async def test_gemini_streams_events_or_an_array(gateway: Gateway) -> None:
    """By `alt`; the same pieces."""
    async with (
        openai_server(streams("Hel", "lo")) as upstream,
        gateway({"models": [model(upstream.url)], "server": {"keep_alive_s": 0.001}}) as base_url,
    ):
        path = "/v1beta/models/first:streamGenerateContent"
        events = await post(base_url, f"{path}?alt=sse", CONTENTS)
        array = await post(base_url, path, CONTENTS)
    assert events.headers["content-type"].startswith("text/event-stream")
    assert array.headers["content-type"] == "application/json"
    lines = events.text.split("\n\n")
    assert lines.pop() == ""
    assert all(line.startswith("data: ") for line in lines)  # a comment would end the reading of Google's clients
    pieces = [json.loads(line.removeprefix("data: ")) for line in lines]
    texts = [part["text"] for piece in array.json() for part in piece["candidates"][0]["content"]["parts"]]
    assert "".join(texts) == "Hello"
    assert [piece["candidates"] for piece in array.json()] == [piece["candidates"] for piece in pieces]


@pytest.mark.parametrize(
    ("path", "body", "count"),
    [
        ("/v1/models/first:countTokens", CONTENTS, "totalTokens"),
        (
            "/v1beta/models/first:countTokens",
            {"generateContentRequest": {"model": "models/first", **CONTENTS}},
            "totalTokens",
        ),
        ("/v1/messages/count_tokens?beta=true", {"model": "first", "messages": HI}, "input_tokens"),
        ("/v1/responses/input_tokens", {"model": "first", "input": "hi"}, "input_tokens"),
    ],
)
async def test_tokens_are_estimated_for_endpoints_that_cannot_count(
    gateway: Gateway, path: str, body: Mapping[str, Any], count: str
) -> None:
    """Nobody is called, and the answer says so."""
    async with (
        openai_server(completes("no")) as upstream,
        gateway({"models": [model(upstream.url)]}) as base_url,
    ):
        answer = await post(base_url, path, body)
    assert answer.status_code == 200
    assert answer.json()[count] > 0
    assert answer.headers["x-pointsman-estimated"] == "true"
    assert upstream.calls == []


async def test_tokens_are_counted_by_an_endpoint_of_the_same_api(gateway: Gateway) -> None:
    """Its own answer, to the body as it came but for the model and our labels."""

    async def counts(peer: Peer, _call: Call) -> None:
        await whole(peer, 200, {"input_tokens": 4711})

    body = {"model": "first", "messages": HI, "metadata": {"user_id": "u", "x-pointsman-agent": "a"}}
    async with scripted(counts) as upstream:
        card = {**model(upstream.url), "dialect": "anthropic_messages"}
        async with gateway({"models": [card]}) as base_url:
            answer = await post(base_url, "/v1/messages/count_tokens", body)
    assert (answer.json(), answer.headers.get("x-pointsman-estimated")) == ({"input_tokens": 4711}, None)
    (call,) = upstream.calls
    assert call.path == "/v1/messages/count_tokens"
    assert call.body == {"model": "upstream", "messages": HI, "metadata": {"user_id": "u"}}


EMBEDDINGS: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = [
    (
        "/v1/models/first:embedContent",
        {"content": {"parts": [{"text": "hi"}]}},
        {"embedding": {"values": [0.5, 1.0]}},
    ),
    (
        "/v1beta/models/first:batchEmbedContents",
        {"requests": [{"model": "models/first", "content": {"parts": [{"text": "hi"}]}}]},
        {"embeddings": [{"values": [0.5, 1.0]}]},
    ),
    ("/api/embed", {"model": "first", "input": "hi"}, {"embeddings": [[0.5, 1.0]]}),
    ("/api/embeddings", {"model": "first", "prompt": "hi"}, {"embedding": [0.5, 1.0]}),
]


@pytest.mark.parametrize(("path", "body", "said"), EMBEDDINGS)
async def test_embeddings_come_in_the_callers_words(
    gateway: Gateway, path: str, body: Mapping[str, Any], said: Mapping[str, Any]
) -> None:
    """One text or several."""
    async with (
        openai_server(answers(200, VECTORS)) as upstream,
        gateway({"models": [model(upstream.url)]}) as base_url,
    ):
        answer = await post(base_url, path, body)
    assert answer.status_code == 200
    assert said.items() <= answer.json().items()
    assert upstream.bodies[0]["input"] == ["hi"]


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("/v1/messages?beta=true", {"model": "first", "max_tokens": 9, "messages": HI}, ["content", 0, "text"]),
        ("/v1/responses", {"model": "first", "input": "hi"}, ["output", 0, "content", 0, "text"]),
        ("/api/chat", {"model": "first", "messages": HI, "stream": False}, ["message", "content"]),
        ("/api/generate", {"model": "first", "prompt": "hi", "stream": False}, ["response"]),
    ],
)
async def test_an_answer_comes_in_the_callers_words(
    gateway: Gateway, path: str, body: Mapping[str, Any], text: list[str | int]
) -> None:
    """With our headers."""
    async with openai_server(completes("Hello")) as upstream, gateway({"models": [model(upstream.url)]}) as base_url:
        answer = await post(base_url, path, body)
    said: Any = answer.json()
    for step in text:
        said = said[step]
    assert (said, answer.headers["x-pointsman-model"]) == ("Hello", "first")


async def test_ollama_streams_lines_unless_told_otherwise(gateway: Gateway) -> None:
    """And the last says why it is the last."""
    async with (
        openai_server(streams("Hel", "lo")) as upstream,
        gateway({"models": [model(upstream.url)]}) as base_url,
    ):
        answer = await post(base_url, "/api/chat", {"model": "first", "messages": HI})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert "".join(line["message"]["content"] for line in lines) == "Hello"
    assert [line["done"] for line in lines] == [False, False, True]
    assert lines[-1]["done_reason"] == "stop"


ERRORS: list[tuple[str, Mapping[str, Any], str]] = [
    ("/v1/chat/completions", {"messages": "hi"}, "invalid_request_error"),
    ("/v1/responses", {"input": 3}, "invalid_request_error"),
    ("/v1/messages", {"messages": HI}, "invalid_request_error"),
    ("/v1beta/models/auto:generateContent", {"contents": 3}, "INVALID_ARGUMENT"),
    ("/v1/models/auto:countTokens", {"contents": 3}, "INVALID_ARGUMENT"),
    ("/api/chat", {"messages": [{"role": "robot"}]}, "messages[0].role"),
]


@pytest.mark.parametrize(("path", "body", "word"), ERRORS)
async def test_a_mistake_is_named_in_the_callers_words(
    gateway: Gateway, path: str, body: Mapping[str, Any], word: str
) -> None:
    """As JSON, and not to be tried again."""
    async with openai_server(completes("no")) as upstream, gateway({"models": [model(upstream.url)]}) as base_url:
        answer = await post(base_url, path, body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json")
    assert answer.headers["x-should-retry"] == "false"
    assert word in answer.text


KEYED = ["/v1/chat/completions", "/v1/responses", "/v1/messages", "/api/chat", "/v1beta/models/auto:generateContent"]


@pytest.mark.parametrize("path", KEYED)
async def test_a_key_is_needed_everywhere(gateway: Gateway, path: str) -> None:
    """Any of the ways to send it will do."""
    config = {"server": {"master_key": "sk-right"}}
    async with gateway(config) as base_url:
        refused = await post(base_url, path, {})
        wrong = await post(base_url, path, {}, **{"x-goog-api-key": "sk-wrong"})
        let_in = [
            await post(base_url, path, {}, authorization="Bearer sk-right"),
            await post(base_url, path, {}, **{"x-api-key": "sk-right"}),
            await post(base_url, path, {}, **{"x-goog-api-key": "sk-right"}),
            await post(base_url, f"{path}?key=sk-right", {}),
        ]
    assert [refused.status_code, wrong.status_code] == [401, 401]
    assert 401 not in [answer.status_code for answer in let_in]


async def test_codex_is_told_at_once_that_there_is_no_websocket(gateway: Gateway) -> None:
    """Over a real upgrade."""
    upgrade = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
    key = {"sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="}
    async with gateway({}) as base_url, httpx2.AsyncClient() as http:
        refused = await http.get(f"{base_url}/v1/responses", headers={**upgrade, **key})
        plain = await http.get(f"{base_url}/v1/responses")
    assert (refused.status_code, plain.status_code) == (426, 405)


@pytest.mark.parametrize("path", ["/", "/api/hello", "/api/version"])
async def test_a_look_whether_somebody_is_there_needs_no_key(gateway: Gateway, path: str) -> None:
    """And no body comes back."""
    async with gateway({"server": {"master_key": "sk"}}) as base_url, httpx2.AsyncClient() as http:
        answer = await http.head(base_url + path)
    assert (answer.status_code, answer.content) == (200, b"")


async def test_geminis_labels_are_ours_and_not_passed_on(gateway: Gateway) -> None:
    """The real API refuses what it does not know."""

    async def says(peer: Peer, _call: Call) -> None:
        part = {"content": {"role": "model", "parts": [{"text": "Hi"}]}, "finishReason": "STOP"}
        await whole(peer, 200, {"candidates": [part]})

    async with scripted(says) as upstream:
        card = {**model(upstream.url), "base_url": f"{upstream.url}/v1beta", "dialect": "gemini"}
        async with gateway({"models": [card]}) as base_url:
            body = {**CONTENTS, "labels": {"x-pointsman-privacy": "private"}}
            answer = await post(base_url, "/v1/models/auto:generateContent", body)
    assert answer.headers["x-pointsman-privacy"] == "private"
    assert _only(upstream).body == CONTENTS
    assert _only(upstream).path == "/v1beta/models/upstream:generateContent"


def _only(server: Scripted) -> Call:
    (call,) = server.calls
    return call
