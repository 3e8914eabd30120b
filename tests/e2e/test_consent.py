"""A caller that wants to be asked before another model takes over, over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from tests.e2e.conftest import Gateway
from tests.e2e.openai_server import Act, completes, openai_server, refuses
from tests.e2e.test_upstreams import model
from tests.e2e.wire import Scripted

pytestmark = pytest.mark.e2e

ASK = {"x-pointsman-consent": "ask"}
BODY: Mapping[str, Any] = {"model": "first", "messages": [{"role": "user", "content": "hi"}]}
BUSY = refuses(503, "too much to do")
ALICE, BOB = {"authorization": "Bearer sk-alice"}, {"authorization": "Bearer sk-bob"}


class World:
    """A gateway over a model that refuses and one that answers, and a client of it."""

    def __init__(self, http: httpx2.AsyncClient, first: Scripted, second: Scripted) -> None:
        """Talk to it with *http*."""
        self.http, self.first, self.second = http, first, second

    async def question(self, **headers: str) -> dict[str, Any]:
        """The first question that is open."""
        async for name, data in self.events(**headers):
            assert name == "consent"
            return data
        raise AssertionError("the watch ended")

    async def events(self, query: str = "", **headers: str) -> AsyncGenerator[tuple[str, dict[str, Any]], None]:
        """What the watch tells."""
        async with self.http.stream("GET", f"/v1/consents?watch=1{query}", headers=headers) as response:
            assert response.headers["content-type"] == "text/event-stream"
            name = ""
            async for line in response.aiter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    yield name, json.loads(line.removeprefix("data: "))

    async def say(self, question_id: str, answer: object, **headers: str) -> httpx2.Response:
        """Answer a question."""
        return await self.http.post(f"/v1/consents/{question_id}", json={"answer": answer}, headers=headers)


@asynccontextmanager
async def world(gateway: Gateway, *acts: Act, **settings: Mapping[str, object]) -> AsyncIterator[World]:
    """The first model does *acts*, the second answers."""
    async with openai_server(*(acts or (BUSY,))) as first, openai_server(completes("Hello.")) as second:
        models = [
            model(first.url, "first", "complex", price={"input_usd_per_mtok": 3, "output_usd_per_mtok": 15}),
            model(second.url, "second", "simple", local=False),
        ]
        config = {"models": models, "fallbacks": {"first": ["second"]}, "resilience": {"num_retries": 0}, **settings}
        async with gateway(config) as base_url, httpx2.AsyncClient(base_url=base_url, timeout=20) as http:
            yield World(http, first, second)


async def test_the_question_is_listed_answered_and_gone(gateway: Gateway) -> None:
    """With everything a dialog needs; the request goes on with the answer."""
    async with world(gateway) as here, asyncio.TaskGroup() as group:
        waiting = group.create_task(here.http.post("/v1/chat/completions", json=BODY, headers=ASK))
        question = await here.question()
        listed = (await here.http.get("/v1/consents")).json()
        said = await here.say(question["id"], "once")
        answered = await waiting
        after = (await here.http.get("/v1/consents")).json()
    assert listed == {"object": "list", "data": [question]}
    assert after == {"object": "list", "data": []}
    assert (said.status_code, said.json()) == (200, {"id": question["id"], "object": "consent", "answer": "once"})
    assert answered.headers["x-pointsman-model"] == "second"
    assert answered.headers["x-pointsman-fallbacks"] == "1"
    assert answered.headers["x-pointsman-decision-id"] == question.pop("decision_id")
    for varying in ("id", "asked_at", "expires_at", "again_at"):
        question.pop(varying)
    assert question == {
        "object": "consent",
        "session": None,
        "failed": {"model": "first", "local": True},
        "other": {"model": "second", "local": False, "cost_usd": None},
        "what": "overloaded",
        "kind": "transient",
        "cause": "capacity",
        "message": "too much to do",
        "choices": [
            {"answer": "keep_trying", "label": "Keep trying first"},
            {"answer": "once", "label": "second this time"},
            {"answer": "session", "label": "second for the rest of this session"},
            {"answer": "stop", "label": "Stop"},
        ],
        "default": "keep_trying",
    }


@pytest.mark.parametrize("labels", [{"consent": "ask"}, {"x-pointsman-consent": "ASK"}])
async def test_the_body_may_say_it_too(gateway: Gateway, labels: Mapping[str, str]) -> None:
    """As every label."""
    async with world(gateway) as here, asyncio.TaskGroup() as group:
        waiting = group.create_task(here.http.post("/v1/chat/completions", json={**BODY, "metadata": labels}))
        await here.say((await here.question())["id"], "once")
        assert (await waiting).status_code == 200


async def test_without_the_label_nobody_is_asked(gateway: Gateway) -> None:
    """The policy decides at once; so it does for one that says `policy`."""
    async with world(gateway) as here:
        for headers in ({}, {"x-pointsman-consent": "policy"}):
            answered = await here.http.post("/v1/chat/completions", json=BODY, headers=headers)
            assert answered.headers["x-pointsman-model"] == "second"


async def test_another_label_is_refused(gateway: Gateway) -> None:
    """By its name."""
    async with world(gateway) as here:
        refused = await here.http.post("/v1/chat/completions", json=BODY, headers={"x-pointsman-consent": "maybe"})
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "x-pointsman-consent"


async def test_stop_is_the_end(gateway: Gateway) -> None:
    """503 in the caller's dialect, and the other model is not asked."""
    async with world(gateway) as here, asyncio.TaskGroup() as group:
        waiting = group.create_task(here.http.post("/v1/chat/completions", json=BODY, headers=ASK))
        await here.say((await here.question())["id"], "stop")
        refused = await waiting
        assert here.second.calls == []
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "fallback_declined")


async def test_a_stream_lives_while_its_question_waits(gateway: Gateway) -> None:
    """Comments come as while a model loads; then the other model's answer."""
    async with (
        world(gateway, server={"keep_alive_s": 0.01}) as here,
        asyncio.TaskGroup() as group,
        here.http.stream("POST", "/v1/chat/completions", json={**BODY, "stream": True}, headers=ASK) as got,
    ):
        lines = got.aiter_lines()
        assert await anext(lines) == ": waiting"
        group.create_task(here.say((await here.question())["id"], "once"))
        text = "".join([line async for line in lines])
    assert "Hello." in text
    assert text.endswith("data: [DONE]")


async def test_nobody_waits_for_ever(gateway: Gateway) -> None:
    """When the time is over the policy for the unattended holds; a late answer is told so."""
    async with (
        world(gateway, resilience={"num_retries": 0, "consent_timeout_s": 0.2}) as here,
        asyncio.TaskGroup() as group,
    ):
        waiting = group.create_task(here.http.post("/v1/chat/completions", json=BODY, headers=ASK))
        events = here.events()
        _, question = await anext(events)
        assert await anext(events) == ("settled", {"id": question["id"], "answer": "nobody"})
        await events.aclose()
        answered = await waiting
        late = await here.say(question["id"], "stop")
    assert answered.headers["x-pointsman-model"] == "second"
    assert (late.status_code, late.json()["error"]["code"]) == (409, "consent_settled")
    assert "its time is over" in late.json()["error"]["message"]


async def test_where_the_policy_stops_silence_means_stop(gateway: Gateway) -> None:
    """The error, which says that nobody answered, and not the other model."""
    resilience = {"num_retries": 0, "consent_timeout_s": 0.05, "unattended": "stop"}
    async with world(gateway, resilience=resilience) as here:
        refused = await here.http.post("/v1/chat/completions", json=BODY, headers=ASK)
        assert here.second.calls == []
    error = refused.json()["error"]
    assert error["code"] == "fallback_declined"
    assert "and nobody answered within 0.05 s whether another model may, which counts as no." in error["message"]


async def test_a_question_is_never_shown_to_another_key(gateway: Gateway) -> None:
    """Not in the list, not in the watch, and whoever guesses its id learns nothing."""
    keys = {"keys": {"alice": "sk-alice", "bob": "sk-bob"}}
    async with world(gateway, server=keys) as here, asyncio.TaskGroup() as group:
        waiting = group.create_task(here.http.post("/v1/chat/completions", json=BODY, headers={**ASK, **ALICE}))
        question = await here.question(**ALICE)
        assert (await here.http.get("/v1/consents", headers=BOB)).json()["data"] == []
        assert (await here.http.get("/v1/consents")).status_code == 401
        stolen = await here.say(question["id"], "once", **BOB)
        guessed = await here.say("consent_0", "once", **BOB)
        assert (await here.say(question["id"], "once", **ALICE)).status_code == 200
        answered = await waiting
        twice = await here.say(question["id"], "stop", **ALICE)
        after = await here.say(question["id"], "stop", **BOB)
    assert (stolen.status_code, guessed.status_code, after.status_code) == (404, 404, 404)
    assert stolen.json()["error"]["code"] == "consent_not_found"
    assert answered.status_code == 200
    assert (twice.status_code, twice.json()["error"]["code"]) == (409, "consent_settled")
    assert "it was answered with once" in twice.json()["error"]["message"]


async def test_the_rest_of_the_session_needs_no_second_question(gateway: Gateway) -> None:
    """For the session that said so; another one is asked by itself."""
    chosen, other = {**ASK, "x-pointsman-session": "s1"}, {**ASK, "x-pointsman-session": "s2"}
    async with world(gateway) as here, asyncio.TaskGroup() as group:
        waiting = group.create_task(here.http.post("/v1/chat/completions", json=BODY, headers=chosen))
        question = await here.question()
        await here.say(question["id"], "session")
        await waiting
        again = await here.http.post("/v1/chat/completions", json=BODY, headers=chosen)
        waiting = group.create_task(here.http.post("/v1/chat/completions", json=BODY, headers=other))
        events = here.events("&session=s2")
        _, asked = await anext(events)
        await events.aclose()
        assert (await here.http.get("/v1/consents?session=s1")).json()["data"] == []
        await here.say(asked["id"], "once")
        await waiting
    assert question["session"] == "s1"
    assert again.headers["x-pointsman-model"] == "second"
    assert asked["session"] == "s2"


async def test_a_caller_that_leaves_takes_its_question_along(gateway: Gateway) -> None:
    """The watch says that nobody answered it."""
    async with world(gateway) as here:
        events = here.events()
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(here.http.post("/v1/chat/completions", json=BODY, headers=ASK))
            _, question = await anext(events)
            waiting.cancel()
        assert await anext(events) == ("settled", {"id": question["id"], "answer": "nobody"})
        await events.aclose()
        late = await here.say(question["id"], "once")
    assert late.status_code == 409


async def test_whoever_watches_does_not_hold_up_the_end(gateway: Gateway) -> None:
    """The gateway ends its watches when it is told to stop."""
    async with httpx2.AsyncClient(timeout=20) as http:
        async with gateway({"models": [model("http://127.0.0.1:9")]}) as base_url:
            request = http.build_request("GET", f"{base_url}/v1/consents?watch=1")
            watch = await http.send(request, stream=True)
            lines = watch.aiter_lines()
            assert await anext(lines) == ": waiting"
        assert [line async for line in lines if line] == []


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"answer": 1}', b'{"answer": "maybe"}', b'{"answer": null}']
)
async def test_an_answer_that_is_none_is_refused(gateway: Gateway, body: bytes) -> None:
    """In our own JSON; the question still waits."""
    async with world(gateway) as here, asyncio.TaskGroup() as group:
        waiting = group.create_task(here.http.post("/v1/chat/completions", json=BODY, headers=ASK))
        question = await here.question()
        refused = await here.http.post(f"/v1/consents/{question['id']}", content=body)
        assert (await here.say(question["id"], "stop")).status_code == 200
        await waiting
    assert refused.status_code == 400
    assert refused.json()["error"]["message"]


async def test_a_small_errand_asks_nobody(gateway: Gateway) -> None:
    """A title goes to the next model in silence, whoever wants to be asked."""
    title = {"model": "auto", "messages": [{"role": "user", "content": "### Task:\nName this chat."}]}
    async with openai_server(BUSY) as small, openai_server(completes("A chat")) as large:
        models = [model(small.url, "first", "simple"), model(large.url, "second", "complex")]
        async with gateway({"models": models}) as base_url, httpx2.AsyncClient(base_url=base_url) as http:
            answered = await http.post("/v1/chat/completions", json=title, headers=ASK)
    assert answered.headers["x-pointsman-model"] == "second"
    assert answered.headers["x-pointsman-strategy"] == "utility"
