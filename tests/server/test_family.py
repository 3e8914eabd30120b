"""Errors in the words of the API the caller speaks, on paths that several share and on those that nobody owns."""

from __future__ import annotations

import pytest

from pointsman.core.catalog import Secret
from pointsman.server.family import family_of
from pointsman.server.guard import Guard
from pointsman.server.http import Header
from tests.server.asgi import HOST, app_of, ask, scope_of

CLAUDE = b"anthropic-version", b"2023-06-01"
GOOGLE = b"x-goog-api-key", b"any"
KEYED = Guard(keys=(Secret("sk-right"),), any_host=True)


@pytest.mark.parametrize(
    ("path", "headers", "query", "family"),
    [
        ("/v1/models", (), b"", "openai_chat"),
        ("/v1/models", (CLAUDE,), b"", "anthropic_messages"),
        ("/v1/models", (GOOGLE,), b"", "gemini"),
        ("/v1/models", (), b"alt=sse&key=x", "gemini"),
        ("/v1/models", (), b"monkey=x", "openai_chat"),
        ("/v1/messages", (), b"", "anthropic_messages"),
        ("/messages/count_tokens", (), b"", "anthropic_messages"),
        ("/api/chat", (CLAUDE,), b"", "ollama"),
        ("/v1beta/models", (CLAUDE,), b"", "gemini"),
        ("/v1/models/org/m:7b:generateContent", (), b"", "gemini"),
        ("/v1/models/m:7b", (), b"", "openai_chat"),
        ("/nowhere", (), b"", "openai_chat"),
    ],
)
def test_a_caller_is_known_by_path_or_head(path: str, headers: tuple[Header, ...], query: bytes, family: str) -> None:
    """The path counts more."""
    assert family_of(scope_of(*headers, path=path, query=query)) == family


@pytest.mark.parametrize(
    ("method", "path", "headers", "shape"),
    [
        ("POST", "/v1/chat/completions", (), "openai"),
        ("POST", "/v1/responses", (), "openai"),
        ("POST", "/v1/messages", (), "anthropic"),
        ("POST", "/v1/messages/count_tokens", (), "anthropic"),
        ("GET", "/v1/models", (), "openai"),
        ("GET", "/v1/models", (CLAUDE,), "anthropic"),
        ("GET", "/v1/nothing", (CLAUDE,), "anthropic"),
        ("GET", "/v1/models", ((b"x-goog-api-client", b"genai"),), "gemini"),
        ("POST", "/v1/models/auto:generateContent", (), "gemini"),
        ("POST", "/api/chat", (), "ollama"),
        ("GET", "/api/tags", (), "ollama"),
    ],
)
async def test_a_missing_key_is_said_in_the_callers_words(
    method: str, path: str, headers: tuple[Header, ...], shape: str
) -> None:
    """Before the body is read."""
    answer = await ask(app_of(guard=KEYED), scope_of(HOST, *headers, path=path, method=method), b"never read")
    assert answer.status == 401
    match shape:
        case "openai":
            assert answer.json["error"]["code"] == "invalid_api_key"
        case "anthropic":
            assert answer.json == {**answer.json, "type": "error"}
            assert answer.json["error"]["type"] == "authentication_error"
        case "gemini":
            assert (answer.json["error"]["code"], answer.json["error"]["status"]) == (401, "UNAUTHENTICATED")
        case "ollama":
            assert isinstance(answer.json["error"], str)


@pytest.mark.parametrize(
    "given",
    [
        {"headers": (b"authorization", b"Bearer sk-right")},
        {"headers": (b"x-api-key", b"sk-right")},
        {"headers": (b"api-key", b"sk-right")},
        {"headers": (b"x-goog-api-key", b"sk-right")},
        {"query": b"key=sk-right"},
    ],
)
@pytest.mark.parametrize("path", ["/v1/models", "/v1beta/models", "/v1/decisions", "/readyz"])
async def test_a_key_may_come_any_way_on_any_path(given: dict[str, object], path: str) -> None:
    """As each client sends it."""
    headers = [given["headers"]] if "headers" in given else []
    scope = scope_of(HOST, path=path, query=given.get("query", b""))  # type: ignore[arg-type]  # bytes
    scope["headers"] += headers
    answer = await ask(app_of(guard=KEYED), scope)
    assert answer.status != 401


@pytest.mark.parametrize(
    ("method", "path", "hint"),
    [
        ("POST", "/chat", "/v1, for example POST /v1/chat/completions"),
        ("POST", "/v1/messages/batches", "/v1, for example POST /v1/messages"),
        ("GET", "/v1beta/files", "/v1beta, for example POST /v1beta/models/auto:generateContent"),
        ("POST", "/api/create", "/api, for example POST /api/chat"),
    ],
)
async def test_a_path_that_is_not_there_is_answered_with_one_that_is(method: str, path: str, hint: str) -> None:
    """Of the API the caller speaks."""
    answer = await ask(app_of(), scope_of(HOST, path=path, method=method))
    assert answer.status == 404
    assert hint.encode() in answer.body


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/messages", "POST"),
        ("PUT", "/v1/chat/completions", "POST"),
        ("POST", "/v1/models", "GET"),
        ("DELETE", "/v1/models/small", "GET"),
        ("PATCH", "/v1/responses/resp_1", "DELETE, GET"),
        ("PUT", "/v1beta/models/auto:generateContent", "GET, POST"),
    ],
)
async def test_another_method_is_told_which_are_taken(method: str, path: str, allowed: str) -> None:
    """In the header as well."""
    answer = await ask(app_of(), scope_of(HOST, path=path, method=method))
    assert (answer.status, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("path", ["/", "/api/hello"])
async def test_who_only_asks_whether_somebody_is_there_hears_so(path: str) -> None:
    """Without a key, at once."""
    answer = await ask(app_of(guard=KEYED), scope_of(HOST, path=path, method="HEAD"))
    assert answer.status == 200
