"""One list of models in three APIs' words, told apart by what their clients send."""

from __future__ import annotations

import pytest

from pointsman.core.jsontypes import JsonObject
from pointsman.server.http import Header, Scope
from tests.server.asgi import HOST, app_of, ask, scope_of

CLAUDE = b"anthropic-version", b"2023-06-01"
GOOGLE = b"x-goog-api-key", b"any"
LOCAL = {
    "name": "qwen2.5:3b",
    "model": "qwen2.5:3b",
    "base_url": "http://127.0.0.1:9/v1",
    "local": True,
    "tier": "simple",
    "context_tokens": 4096,
    "max_output_tokens": 512,
}
EMBEDDER = {"name": "org/embed", "model": "e", "base_url": "http://127.0.0.1:9/v1", "lacks": ["chat"]}
APP = app_of(LOCAL, EMBEDDER)
NAMES = ["auto", "simple", "qwen2.5:3b", "org/embed", "auto:quick-assistant", "auto:deep-work"]


def get(path: str, *headers: Header, query: bytes = b"") -> Scope:
    """A question for a list."""
    return scope_of(HOST, *headers, path=path, query=query)


async def names(path: str, *headers: Header, query: bytes = b"") -> list[str]:
    """The names in the answer, whichever API's."""
    answer = await ask(APP, get(path, *headers, query=query))
    assert answer.status == 200
    if "models" in answer.json:
        return [entry["name"] for entry in answer.json["models"]]
    return [entry["id"] for entry in answer.json["data"]]


@pytest.mark.parametrize("path", ["/v1/models", "/models"])
async def test_openai_is_who_says_nothing_else(path: str) -> None:
    """The list with our facts beside."""
    assert await names(path) == NAMES


async def test_anthropics_clients_are_told_of_claude_auto() -> None:
    """Claude Code lists only names with "claude" in them, so one of them means `auto`."""
    answer = await ask(APP, get("/v1/models", CLAUDE, query=b"limit=1000"))
    assert answer.json["data"][0] == {
        **answer.json["data"][1],
        "id": "claude-auto",
        "display_name": "Auto (Pointsman chooses)",
    }
    assert [entry["id"] for entry in answer.json["data"]] == ["claude-auto", *NAMES]
    assert {key: answer.json[key] for key in ("has_more", "first_id", "last_id")} == {
        "has_more": False,
        "first_id": "claude-auto",
        "last_id": "auto:deep-work",
    }


@pytest.mark.parametrize(
    ("query", "found", "has_more"),
    [
        (b"limit=2", ["claude-auto", "auto"], True),
        (b"limit=2&after_id=auto", ["simple", "qwen2.5:3b"], True),
        (b"limit=2&after_id=org/embed", ["auto:quick-assistant", "auto:deep-work"], False),
        (b"limit=2&before_id=qwen2.5%3A3b", ["auto", "simple"], True),
        (b"before_id=auto", ["claude-auto"], False),
        (b"after_id=auto:deep-work", [], False),
        (b"after_id=gone&limit=1", ["claude-auto"], True),
    ],
)
async def test_anthropics_list_comes_in_pages(query: bytes, found: list[str], has_more: bool) -> None:  # noqa: FBT001
    """After a name or before one."""
    answer = await ask(APP, get("/v1/models", CLAUDE, query=query))
    assert ([entry["id"] for entry in answer.json["data"]], answer.json["has_more"]) == (found, has_more)


@pytest.mark.parametrize(
    ("path", "headers", "query"),
    [
        ("/v1/models", (GOOGLE,), b""),
        ("/v1/models", ((b"x-goog-api-client", b"google-genai-sdk/1.30.0"),), b""),
        ("/v1/models", (), b"key=any"),
        ("/v1beta/models", (), b""),
        ("/v1alpha/models", (), b"pageSize=1000"),
    ],
)
async def test_geminis_clients_read_their_own_list(path: str, headers: tuple[Header, ...], query: bytes) -> None:
    """By key, by client, by version."""
    assert await names(path, *headers, query=query) == [f"models/{name}" for name in NAMES]


async def test_what_gemini_says_of_a_model() -> None:
    """Its limits where they are known, and what it can do."""
    chat: JsonObject = {
        "name": "models/qwen2.5:3b",
        "baseModelId": "qwen2.5:3b",
        "version": "001",
        "displayName": "qwen2.5:3b",
        "supportedGenerationMethods": [
            "generateContent",
            "streamGenerateContent",
            "countTokens",
            "embedContent",
            "batchEmbedContents",
        ],
        "inputTokenLimit": 4096,
        "outputTokenLimit": 512,
    }
    answers = [await ask(APP, get(f"/v1beta/models/{name}")) for name in ("qwen2.5:3b", "org%2Fembed", "org/embed")]
    assert answers[0].json == chat
    assert [answer.json["supportedGenerationMethods"] for answer in answers[1:]] == [
        ["embedContent", "batchEmbedContents"]
    ] * 2


async def test_geminis_list_comes_in_pages() -> None:
    """Each names the next."""
    first = await ask(APP, get("/v1beta/models", query=b"pageSize=5"))
    last = await ask(APP, get("/v1beta/models", query=b"pageSize=5&pageToken=" + first.json["nextPageToken"].encode()))
    assert len(first.json["models"]) == 5
    assert last.json == {"models": [{**last.json["models"][0], "name": "models/auto:deep-work"}]}


@pytest.mark.parametrize(
    ("path", "headers", "query", "body"),
    [
        ("/v1/models", (CLAUDE,), b"limit=0", {"type": "error"}),
        ("/v1/models", (CLAUDE,), b"limit=x", {"type": "error"}),
        ("/v1/models/gone", (CLAUDE,), b"", {"type": "error"}),
    ],
)
async def test_what_is_not_there_is_said_in_the_callers_words(
    path: str, headers: tuple[Header, ...], query: bytes, body: JsonObject
) -> None:
    """With the status that API has for it."""
    answer = await ask(APP, get(path, *headers, query=query))
    assert answer.status == (404 if "gone" in path else 400)
    assert body.items() <= answer.json.items()


@pytest.mark.parametrize("name", ["claude-auto", "auto", "qwen2.5%3A3b"])
async def test_one_of_anthropics_models(name: str) -> None:
    """The implied name too."""
    answer = await ask(APP, get(f"/v1/models/{name}", CLAUDE))
    assert (answer.status, answer.json["type"]) == (200, "model")


async def test_claude_auto_is_routed_like_auto() -> None:
    """It is a name that is known."""
    answer = await ask(APP, scope_of(HOST, path="/v1/route", method="POST"), b'{"prompt":"hi","model":"claude-auto"}')
    assert (answer.json["model"], answer.json["warnings"]) == ("qwen2.5:3b", [])


async def test_an_empty_gateway_lists_nothing() -> None:
    """No name would lead anywhere."""
    answer = await ask(app_of(), get("/v1/models", CLAUDE))
    assert answer.json == {"data": [], "has_more": False, "first_id": None, "last_id": None}
