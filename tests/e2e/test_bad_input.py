"""Bad input gets a 4xx in the caller's dialect that says what was wrong; the server goes on."""

from __future__ import annotations

import json

import httpx2
import pytest

from tests.e2e.conftest import Gateway, models_of
from tests.e2e.test_main_job import Llamas

pytestmark = pytest.mark.e2e

GOOD = {"model": "auto", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}
PATH = "/v1/chat/completions"


def body(**changes: object) -> bytes:
    """A good request but for *changes*."""
    return json.dumps({**GOOD, **changes}).encode()


BAD = [
    pytest.param(b"", 400, "empty", None, id="empty body"),
    pytest.param(b"{", 400, "", None, id="invalid JSON"),
    pytest.param(b"[]", 400, "object", None, id="not an object"),
    pytest.param(b'{"messages": NaN}', 400, "", "messages", id="NaN"),
    pytest.param(b'{"model": "\xff"}', 400, "UTF-8", None, id="invalid UTF-8"),
    pytest.param(b'{"model": "a", "model": "b", "messages": []}', 400, "model", "model", id="duplicate key"),
    pytest.param(b'{"messages":' + b"[" * 100_000, 400, "", "messages", id="100,000 deep"),
    pytest.param(body(messages=[]), 400, "messages", "messages", id="no messages"),
    pytest.param(b'{"model": "auto"}', 400, "messages", "messages", id="messages missing"),
    pytest.param(body(messages="hi"), 400, "messages", "messages", id="messages of the wrong type"),
    pytest.param(
        body(messages=[{"role": "user", "content": 5}]), 400, "messages[0].content", "messages[0].content", id="content"
    ),
    pytest.param(
        body(messages=[{"role": "wizard", "content": "x"}]), 400, "messages[0].role", "messages[0].role", id="role"
    ),
    pytest.param(body(temperature="hot"), 400, "temperature", "temperature", id="temperature"),
    pytest.param(body(model=7), 400, "model", "model", id="model of the wrong type"),
    pytest.param(b'{"x": "' + b"a" * 30_000_000 + b'"}', 413, "limit", None, id="30 MB"),
]


@pytest.mark.parametrize(("data", "status", "word", "param"), BAD)
async def test_bad_bodies_are_refused_in_the_callers_dialect(
    gateway: Gateway, shared_llamas: Llamas, data: bytes, status: int, word: str, param: str | None
) -> None:
    """What was wrong is named, and the next request is served."""
    async with gateway({"models": models_of(shared_llamas)}) as base_url, httpx2.AsyncClient() as http:
        refused = await http.post(base_url + PATH, content=data, headers={"content-type": "application/json"})
        served = await http.post(base_url + PATH, json=GOOD)
    error = refused.json()["error"]
    assert (refused.status_code, error["type"], error["param"]) == (status, "invalid_request_error", param)
    assert word in error["message"]
    assert refused.headers["x-should-retry"] == "false"
    assert served.status_code == 200


async def test_an_unknown_model_is_a_404_where_the_configuration_says_so(
    gateway: Gateway, shared_llamas: Llamas
) -> None:
    """`unknown_models: refuse` turns the warning into OpenAI's own error."""
    config = {"models": models_of(shared_llamas), "server": {"unknown_models": "refuse"}}
    async with gateway(config) as base_url, httpx2.AsyncClient() as http:
        refused = await http.post(base_url + PATH, content=body(model="gpt-9"))
    assert refused.status_code == 404
    assert refused.json()["error"]["code"] == "model_not_found"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:3000"}, 200),
    ],
)
async def test_pages_of_other_sites_cannot_use_the_gateway(
    gateway: Gateway, shared_llamas: Llamas, headers: dict[str, str], status: int
) -> None:
    """DNS rebinding and cross-site posts are stopped at the head."""
    async with gateway({"models": models_of(shared_llamas)}) as base_url, httpx2.AsyncClient() as http:
        answer = await http.post(base_url + PATH, content=body(), headers=headers)
    assert answer.status_code == status


async def test_a_key_is_needed_where_one_is_set_in_any_header(gateway: Gateway, shared_llamas: Llamas) -> None:
    """All spellings carry the same rights; a wrong key and none are 401."""
    config = {"models": models_of(shared_llamas), "server": {"master_key": "sk-right"}}
    spellings = [
        {"authorization": "Bearer sk-right"},
        {"x-api-key": "sk-right"},
        {"api-key": "sk-right"},
        {"x-goog-api-key": "sk-right"},
    ]
    async with gateway(config) as base_url, httpx2.AsyncClient() as http:
        good = [(await http.post(base_url + PATH, content=body(), headers=one)).status_code for one in spellings]
        query = await http.post(f"{base_url}{PATH}?key=sk-right", content=body())
        wrong = await http.post(base_url + PATH, content=body(), headers={"x-api-key": "sk-wrong"})
        none = await http.post(base_url + PATH, content=body())
        health = await http.get(f"{base_url}/healthz")
    assert good == [200, 200, 200, 200]
    assert (query.status_code, wrong.status_code, none.status_code, health.status_code) == (200, 401, 401, 200)
    assert wrong.json()["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize(
    ("name", "value"), [("privacy", "secret"), ("tier", "huge"), ("deadline-ms", "-5"), ("dry-run", "perhaps")]
)
async def test_a_label_with_a_bad_value_is_refused_not_ignored(
    gateway: Gateway, shared_llamas: Llamas, name: str, value: str
) -> None:
    """A misspelt privacy label must not send the text to a cloud."""
    async with gateway({"models": models_of(shared_llamas)}) as base_url, httpx2.AsyncClient() as http:
        answer = await http.post(base_url + PATH, content=body(), headers={f"x-pointsman-{name}": value})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == f"x-pointsman-{name}"


async def test_wrong_paths_and_methods_say_what_there_is(gateway: Gateway, shared_llamas: Llamas) -> None:
    """404 and 405 in the dialect."""
    async with gateway({"models": models_of(shared_llamas)}) as base_url, httpx2.AsyncClient() as http:
        nowhere = await http.post(f"{base_url}/v1/nothing", content=body())
        wrong = await http.get(base_url + PATH)
    assert nowhere.status_code == 404
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
