"""The application without a socket: its own paths, what is refused at the head, and the outermost handler."""

from __future__ import annotations

import json
import re

import pytest

from pointsman.core.catalog import Secret
from pointsman.core.jsontypes import JsonObject
from pointsman.server.guard import Guard
from pointsman.server.http import Message
from tests.server.asgi import HOST, Log, app_of, ask, scope_of

LOCAL = {"name": "small", "model": "qwen2.5:3b", "base_url": "http://127.0.0.1:9/v1", "local": True, "tier": "simple"}
CLOUD = {
    "name": "big",
    "model": "up/stream",
    "base_url": "https://api.example.com/v1",
    "tier": "complex",
    "aliases": ["huge"],
    "price": {"input_usd_per_mtok": 1, "output_usd_per_mtok": 2},
    "context_tokens": 1000,
}
DEMO = {**LOCAL, "name": "demo-small", "demo": True}
ROWS: tuple[JsonObject, ...] = ({"id": "a" * 16}, {"id": "b" * 16}, {"id": "c" * 16})
KEYED = Guard(keys=(Secret("sk-right"),), any_host=True)


async def test_health_and_readiness() -> None:
    """Alive always, ready with a model."""
    health = await ask(app_of(), scope_of(HOST, path="/healthz"))
    empty = await ask(app_of(), scope_of(HOST, path="/readyz"))
    ready = await ask(app_of(LOCAL), scope_of(HOST, path="/readyz"))
    assert (health.status, health.json) == (200, {"status": "ok"})
    assert (empty.status, empty.json) == (503, {"status": "no model is configured", "models": 0})
    assert (ready.status, ready.json) == (200, {"status": "ok", "models": 1})


async def test_the_list_of_models_says_what_each_name_is() -> None:
    """Routers, tiers, models, aliases, presets."""
    answer = await ask(app_of(LOCAL, CLOUD), scope_of(HOST, path="/v1/models"))
    kinds = [(entry["id"], entry["pointsman"]["kind"], entry["owned_by"]) for entry in answer.json["data"]]
    assert kinds == [
        ("auto", "router", "pointsman"),
        ("simple", "tier", "pointsman"),
        ("complex", "tier", "pointsman"),
        ("small", "model", "127.0.0.1:9"),
        ("big", "model", "api.example.com"),
        ("huge", "alias", "pointsman"),
        ("auto:quick-assistant", "preset", "pointsman"),
        ("auto:deep-work", "preset", "pointsman"),
    ]
    assert answer.json["data"][4]["pointsman"] == {
        "kind": "model",
        "upstream_model": "up/stream",
        "endpoint": "api.example.com",
        "local": False,
        "tiers": ["complex"],
        "context_tokens": 1000,
        "deployments": 1,
        "demo": False,
        "price_usd_per_mtok": {"input": 1.0, "output": 2.0},
    }


async def test_demo_models_are_labelled_in_the_list() -> None:
    """Each of them, and every name that leads to nothing else."""
    answer = await ask(app_of(DEMO), scope_of(HOST, path="/models"))
    assert {(entry["owned_by"], entry["pointsman"]["demo"]) for entry in answer.json["data"]} == {
        ("pointsman-demo", True)
    }


async def test_one_model_can_be_asked_for() -> None:
    """By its name, percent-encoded or not; an unknown one is OpenAI's 404."""
    app = app_of(LOCAL)
    one = await ask(app, scope_of(HOST, path="/v1/models/small"))
    none = await ask(app, scope_of(HOST, path="/v1/models/no%20such"))
    assert (one.status, one.json["id"]) == (200, "small")
    assert (none.status, none.json["error"]["code"]) == (404, "model_not_found")
    assert "'no such'" in none.json["error"]["message"]


@pytest.mark.parametrize(
    ("query", "n_rows"), [(b"", 3), (b"limit=2", 2), (b"limit=1000", 3), (b"other=1", 3), (b"limit=", 3)]
)
async def test_past_decisions_can_be_listed(query: bytes, n_rows: int) -> None:
    """Up to a limit."""
    answer = await ask(app_of(log=Log(ROWS)), scope_of(HOST, path="/v1/decisions", query=query))
    assert answer.json == {"object": "list", "data": list(ROWS[:n_rows])}


@pytest.mark.parametrize("limit", [b"0", b"1001", b"-1", b"x", b"1.5"])
async def test_a_limit_out_of_range_is_refused(limit: bytes) -> None:
    """With the range."""
    answer = await ask(app_of(log=Log(ROWS)), scope_of(HOST, path="/v1/decisions", query=b"limit=" + limit))
    assert (answer.status, answer.json["error"]["param"]) == (400, "limit")


async def test_one_decision_can_be_asked_for() -> None:
    """What the ledger says to an unknown one is handed on."""
    app = app_of(log=Log(ROWS))
    one = await ask(app, scope_of(HOST, path=f"/v1/decisions/{'b' * 16}"))
    none = await ask(app, scope_of(HOST, path="/v1/decisions/zz"))
    assert (one.status, one.json) == (200, ROWS[1])
    assert (none.status, none.json["error"]["message"]) == (400, "no zz")


@pytest.mark.parametrize(
    ("body", "model"),
    [
        ({"prompt": "What time zone is Tokyo in?"}, "small"),
        ({"messages": [{"role": "user", "content": "hi"}], "model": "big"}, "big"),
        ({"prompt": "hi", "model": "huge"}, "big"),
    ],
)
async def test_a_decision_needs_no_call(body: object, model: str) -> None:
    """From a prompt or from a chat request."""
    scope = scope_of(HOST, path="/v1/route", method="POST")
    answer = await ask(app_of(LOCAL, CLOUD), scope, json.dumps(body).encode())
    assert (answer.status, answer.json["model"], answer.headers["x-pointsman-model"]) == (200, model, model)


@pytest.mark.parametrize(
    ("body", "param"), [({}, "prompt"), ({"prompt": 5}, "prompt"), ({"prompt": "x", "model": 5}, "model")]
)
async def test_a_decision_about_nothing_is_refused(body: object, param: str) -> None:
    """By the field that is wrong."""
    scope = scope_of(HOST, path="/v1/route", method="POST")
    answer = await ask(app_of(LOCAL), scope, json.dumps(body).encode())
    assert (answer.status, answer.json["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/chat/completions", "POST"),
        ("DELETE", "/v1/models", "GET"),
        ("POST", "/", "GET"),
        ("PUT", "/v1/route", "POST"),
    ],
)
async def test_a_wrong_method_says_the_right_one(method: str, path: str, allow: str) -> None:
    """405 with Allow."""
    answer = await ask(app_of(), scope_of(HOST, path=path, method=method))
    assert (answer.status, answer.headers["allow"]) == (405, allow)


async def test_a_head_request_is_as_good_as_a_get() -> None:
    """Clients look whether somebody is there."""
    assert (await ask(app_of(), scope_of(HOST, path="/", method="HEAD"))).status == 200


async def test_nothing_elsewhere() -> None:
    """404 that says where the API is, and no more of a long path than one can read."""
    answer = await ask(app_of(), scope_of(HOST, path="/" + "x" * 5000))
    assert answer.status == 404
    assert "POST /v1/chat/completions" in answer.json["error"]["message"]
    assert len(answer.body) < 500


async def test_a_key_is_needed_for_all_but_health_and_the_page() -> None:
    """And the page shows no decisions then."""
    app = app_of(LOCAL, log=Log(ROWS), guard=KEYED)
    paths = ("/", "/healthz", "/readyz", "/v1/models", "/v1/decisions", "/v1/nothing")
    without = [(await ask(app, scope_of(HOST, path=path))).status for path in paths]
    with_key = await ask(app, scope_of(HOST, (b"x-api-key", b"sk-right"), path="/v1/decisions"))
    shown = await ask(app, scope_of(HOST))
    assert without == [200, 200, 200, 401, 401, 401]
    assert with_key.status == 200
    assert "Not shown here" in shown.body.decode()


async def test_the_page_takes_its_address_from_the_host() -> None:
    """What works in the browser works in the line to try."""
    answer = await ask(app_of(), scope_of((b"host", b"localhost:1234")))
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert b"curl -s http://localhost:1234/v1/chat/completions" in answer.body


async def test_a_foreign_page_is_refused_before_the_body_is_read() -> None:
    """In the dialect of the path."""

    async def receive() -> Message:
        raise AssertionError

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = scope_of(HOST, (b"origin", b"https://evil.example"), path="/v1/chat/completions", method="POST")
    await app_of(LOCAL)(scope, receive, send)
    assert sent[0]["status"] == 403
    assert json.loads(sent[1]["body"])["error"]["type"] == "permission_error"


UNFORESEEN = Log(error=ZeroDivisionError("the secret prompt"))


async def test_what_is_unforeseen_is_ours_to_look_at(caplog: pytest.LogCaptureFixture) -> None:
    """The caller learns that it was us; the log has kind and place, without a word that may be the caller's."""
    answer = await ask(app_of(log=UNFORESEEN), scope_of(HOST, path="/v1/decisions"))
    assert answer.status == 500
    assert "secret" not in answer.body.decode()
    assert re.sub(r":\d+", ":N", caplog.text.partition("unforeseen")[2]) == (
        " path='/v1/decisions' error=ZeroDivisionError at=server/ours.py:N server/app.py:N server/app.py:N\n"
    )


async def test_an_answer_that_had_begun_breaks_off() -> None:
    """The server takes no second head: it closes the connection, which is how the caller notices."""

    async def receive() -> Message:
        raise AssertionError

    async def send(message: Message) -> None:
        raise RuntimeError

    await app_of(log=UNFORESEEN)(scope_of(HOST, path="/v1/decisions"), receive, send)


async def test_a_caller_who_left_gets_no_answer() -> None:
    """Neither from a surface nor from our own paths."""

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        raise AssertionError

    for path in ("/v1/chat/completions", "/v1/route"):
        await app_of(LOCAL)(scope_of(HOST, path=path, method="POST"), receive, send)


async def test_what_is_no_request_is_passed_over() -> None:
    """Such as a websocket."""
    await app_of()({"type": "websocket"}, None, None)  # type: ignore[arg-type]  # neither is used
