"""How well models and endpoints are, over HTTP."""

from __future__ import annotations

import pytest

from pointsman.core.catalog import Secret
from pointsman.core.failure import Failure, FailureKind, Reach
from pointsman.core.policy import Mark, Rule
from pointsman.server.app import App
from pointsman.server.guard import Guard
from tests.server.asgi import HOST, Answer, app_of, ask, scope_of

QUICK = {"name": "quick", "model": "small", "base_url": "http://127.0.0.1:9/v1", "local": True, "aliases": ["fast"]}
BIG = {"name": "org/big", "model": "big", "base_url": "https://api.example.com/v1"}
WELL = {
    "state": "healthy",
    "cause": None,
    "since_s": None,
    "until_s": None,
    "share": 1.0,
    "failures": 0,
    "message": None,
}


def an_app() -> App:
    """A gateway whose `quick` is down and whose other endpoint refused us."""
    app = app_of(QUICK, BIG)
    health = app.state.router.health
    quick, big = app.state.router.catalog.models
    missing = Failure(
        kind=FailureKind.NOT_FOUND, model=quick.id, endpoint=quick.endpoint.name, message="no such model", status=404
    )
    refused = Failure(
        kind=FailureKind.AUTH,
        model=big.id,
        endpoint=big.endpoint.name,
        message="wrong key",
        status=401,
        reach=Reach.ENDPOINT,
    )
    health.failed(quick, missing, Rule(mark=Mark.DOWN))
    health.failed(big, refused, Rule(mark=Mark.DOWN))
    return app


async def call(app: App, method: str, path: str) -> Answer:
    """The answer to a request without a body."""
    return await ask(app, scope_of(HOST, path=path, method=method))


async def states(app: App) -> dict[str, str]:
    """Everybody's state by name."""
    return {one["name"]: one["state"] for one in (await call(app, "GET", "/v1/availability")).json["data"]}


async def test_everybody_is_listed_models_first() -> None:
    """With what is known of each."""
    answer = await call(an_app(), "GET", "/v1/availability")
    assert (answer.status, answer.json["object"]) == (200, "list")
    quick, big, home, cloud = answer.json["data"]
    assert (big, home) == (
        {"name": "org/big", "kind": "model", **WELL},
        {"name": "127.0.0.1:9", "kind": "endpoint", **WELL},
    )
    assert (round(quick.pop("until_s") - quick.pop("since_s")), round(cloud.pop("until_s") - cloud.pop("since_s"))) == (
        60,
        300,
    )
    assert quick == {
        "name": "quick",
        "kind": "model",
        "state": "down",
        "cause": "missing",
        "share": 1.0,
        "failures": 1,
        "message": "no such model",
    }
    assert cloud == {
        "name": "api.example.com",
        "kind": "endpoint",
        "state": "down",
        "cause": "auth",
        "share": 1.0,
        "failures": 1,
        "message": "wrong key",
    }


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("quick", ["quick", "127.0.0.1:9"]),
        ("fast", ["quick", "127.0.0.1:9"]),
        ("org%2Fbig", ["org/big", "api.example.com"]),
        ("org/big", ["org/big", "api.example.com"]),
        ("127.0.0.1:9", ["127.0.0.1:9"]),
    ],
)
async def test_one_is_shown_by_name_or_alias(path: str, names: list[str]) -> None:
    """With its endpoint, without which it is nothing; a name may hold slashes."""
    answer = await call(an_app(), "GET", f"/v1/availability/{path}")
    assert [one["name"] for one in answer.json["data"]] == names


async def test_all_are_reset_at_once() -> None:
    """The answer says who was not well."""
    app = an_app()
    answer = await call(app, "DELETE", "/v1/availability")
    assert [one["name"] for one in answer.json["data"]] == ["quick", "api.example.com"]
    assert set((await states(app)).values()) == {"healthy"}
    assert app.state.router.health.is_all_well


async def test_one_is_reset_alone() -> None:
    """Again does nothing, and says so."""
    app = an_app()
    answer = await call(app, "DELETE", "/v1/availability/fast")
    assert [one["name"] for one in answer.json["data"]] == ["quick"]
    assert (await states(app))["api.example.com"] == "down"
    assert (await call(app, "DELETE", "/v1/availability/fast")).json == {"object": "list", "data": []}


async def test_a_model_is_reset_with_its_endpoint() -> None:
    """Else it would be left alone still."""
    app = an_app()
    answer = await call(app, "DELETE", "/v1/availability/org/big")
    assert [one["name"] for one in answer.json["data"]] == ["api.example.com"]
    assert await states(app) == {
        **dict.fromkeys(("org/big", "127.0.0.1:9", "api.example.com"), "healthy"),
        "quick": "down",
    }


async def test_a_name_that_nobody_has_is_not_found() -> None:
    """Neither shown nor reset."""
    for method in ("GET", "DELETE"):
        answer = await call(an_app(), method, "/v1/availability/nobody")
        assert (answer.status, answer.json["error"]["code"]) == (404, "model_not_found")


async def test_a_key_is_needed_where_keys_are() -> None:
    """As on every path of ours."""
    app = app_of(QUICK, guard=Guard(keys=(Secret("sk-1"),)))
    assert [(await call(app, method, "/v1/availability")).status for method in ("GET", "DELETE")] == [401, 401]


async def test_other_methods_are_named() -> None:
    """With those that there are."""
    answer = await call(an_app(), "PUT", "/v1/availability/quick")
    assert (answer.status, answer.headers["allow"]) == (405, "DELETE, GET")
