"""What Ollama's clients ask beside answers."""

from __future__ import annotations

import json

import pytest

from pointsman.core.catalog import Secret
from pointsman.server.guard import Guard
from tests.server.asgi import HOST, Answer, app_of, ask, scope_of

LOCAL = {
    "name": "quick",
    "model": "qwen2.5:3b",
    "base_url": "http://127.0.0.1:9/v1",
    "local": True,
    "tier": "simple",
    "context_tokens": 4096,
    "lacks": ["images", "embeddings"],
}
CLOUD = {"name": "big", "model": "big-model", "base_url": "https://api.example.com/v1", "tier": "complex"}
APP = app_of(LOCAL, CLOUD)


async def get(path: str) -> Answer:
    """The answer to a GET."""
    return await ask(APP, scope_of(HOST, path=path))


async def post(path: str, body: object) -> Answer:
    """The answer to a POST."""
    return await ask(APP, scope_of(HOST, path=path, method="POST"), json.dumps(body).encode())


async def test_every_name_is_a_tag() -> None:
    """Models with their size, and names that lead to several."""
    models = (await get("/api/tags")).json["models"]
    assert [(one["name"], one["model"], one["details"]["parameter_size"]) for one in models] == [
        ("auto", "auto", ""),
        ("simple", "simple", ""),
        ("complex", "complex", ""),
        ("quick", "quick", "3B"),
        ("big", "big", ""),
        ("auto:quick-assistant", "auto:quick-assistant", ""),
        ("auto:deep-work", "auto:deep-work", ""),
    ]


async def test_local_models_are_ready() -> None:
    """Those of others are not loaded here."""
    models = (await get("/api/ps")).json["models"]
    assert [(one["name"], one["context_length"]) for one in models] == [("quick", 4096)]


@pytest.mark.parametrize(
    ("body", "capabilities"),
    [
        ({"model": "quick"}, ["completion", "tools"]),
        ({"name": "quick:latest"}, ["completion", "tools"]),
        ({"model": "auto"}, ["completion", "tools", "vision", "embedding"]),
    ],
)
async def test_a_model_says_what_it_can_do(body: object, capabilities: list[str]) -> None:
    """By either name of the field; a router what one of its models can."""
    answer = await post("/api/show", body)
    assert (answer.status, answer.json["capabilities"]) == (200, capabilities)
    assert answer.json["model_info"]["pointsman.context_length"] == 4096


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"model": "gone"}, 404, "The model 'gone' does not exist. See /api/tags for the names there are."),
        ({}, 400, "name is missing"),
        ({"model": 3}, 400, "model must be a string"),
    ],
)
async def test_an_unknown_model_is_refused_in_ollamas_words(body: object, status: int, message: str) -> None:
    """The error is a string."""
    answer = await post("/api/show", body)
    assert answer.status == status
    assert str(answer.json["error"]).startswith(message)


async def test_a_pull_finds_it_there() -> None:
    """Any name is answered, so none has to be fetched."""
    answer = await post("/api/pull", {"model": "gpt-oss:20b"})
    assert (answer.status, answer.body) == (200, b'{"status":"success"}\n')


@pytest.mark.parametrize(
    ("path", "body", "reason", "said"),
    [
        ("/api/chat", {"model": "quick"}, "load", {"message": {"role": "assistant", "content": ""}}),
        ("/api/chat", {"messages": [], "keep_alive": 0}, "unload", {"message": {"role": "assistant", "content": ""}}),
        ("/api/generate", {"model": "quick", "keep_alive": "0s"}, "unload", {"response": ""}),
    ],
)
async def test_loading_is_said_to_be_done(path: str, body: object, reason: str, said: dict[str, object]) -> None:
    """No model is asked."""
    answer = await post(path, body)
    assert answer.status == 200
    assert said.items() <= answer.json.items()
    assert (answer.json["done"], answer.json["done_reason"]) == (True, reason)


async def test_the_version_needs_no_key() -> None:
    """And is recent enough for Codex."""
    keyed = app_of(guard=Guard(keys=(Secret("sk"),), any_host=True))
    answer = await ask(keyed, scope_of(HOST, path="/api/version"))
    assert tuple(map(int, answer.json["version"].split("."))) >= (0, 13)
    refused = await ask(keyed, scope_of(HOST, path="/api/tags"))
    assert (refused.status, refused.json) == (401, {"error": refused.json["error"]})


async def test_a_pull_of_what_would_be_refused_is_refused() -> None:
    """Where unknown names are."""
    app = app_of(LOCAL, settings={"server": {"unknown_models": "refuse"}})
    scope = scope_of(HOST, path="/api/pull", method="POST")
    known, unknown = await ask(app, scope, b'{"model":"quick:latest"}'), await ask(app, scope, b'{"model":"gone"}')
    assert (known.status, unknown.status) == (200, 404)
