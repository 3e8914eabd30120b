"""A request repeated under its Idempotency-Key on real sockets: joined, replayed, refused, or asked anew."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import httpx2
import pytest

from pointsman.server.drain import Drain
from tests.adapters.http.servers import Peer
from tests.e2e.openai_server import chunk, completes, hangs, openai_server, refuses, streams
from tests.e2e.test_upstreams import model
from tests.e2e.wire import Call, begin, finish, piece
from tests.server.gateways import Running, a_gateway

HI = [{"role": "user", "content": "hi"}]
CHAT = {"model": "auto", "messages": HI}
KEY = {"idempotency-key": "7f1c"}
PATHS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "openai_chat": ("/v1/chat/completions", CHAT),
    "openai_responses": ("/v1/responses", {"model": "auto", "input": "hi"}),
    "anthropic_messages": ("/v1/messages", {**CHAT, "max_tokens": 9}),
    "gemini": ("/v1beta/models/auto:generateContent", {"contents": [{"parts": [{"text": "hi"}]}]}),
    "ollama": ("/api/chat", {**CHAT, "stream": False}),
}


async def ask(
    gateway: Running,
    body: Mapping[str, object] = CHAT,
    headers: Mapping[str, str] = KEY,
    path: str = PATHS["openai_chat"][0],
) -> httpx2.Response:
    """The whole answer, however it comes."""
    return await gateway.http.post(f"{gateway.url}{path}", json=body, headers=headers)


def told(reply: httpx2.Response) -> tuple[str | None, str | None]:
    """What the headers say of a repetition."""
    return reply.headers.get("idempotency-replayed"), reply.headers.get("x-pointsman-idempotency")


NEW, JOINED, REPLAYED = (None, None), ("true", "joined"), ("true", "replayed")


class Gate:
    """A model that begins to answer, tells, and goes on when it may."""

    def __init__(self) -> None:
        self.has_begun = asyncio.Event()
        self.goes_on = asyncio.Event()

    async def __call__(self, peer: Peer, call: Call) -> None:
        """See openai_server."""
        if not call.body.get("stream"):
            self.has_begun.set()
            await self.goes_on.wait()
            await completes("Once upon a time")(peer, call)
            return
        await begin(peer, "text/event-stream")
        await piece(peer, chunk({"content": "Once upon"}))
        self.has_begun.set()
        await self.goes_on.wait()
        await piece(peer, chunk({"content": " a time"}))
        await piece(peer, chunk({}, finish_reason="stop") + b"data: [DONE]\n\n")
        await finish(peer)


@pytest.mark.parametrize("dialect", PATHS)
async def test_a_request_that_was_answered_is_answered_the_same(dialect: str) -> None:
    """Byte for byte, decision id and all, without asking a model; the second answer says so."""
    path, body = PATHS[dialect]
    async with (
        openai_server(completes("One."), completes("Two.")) as upstream,
        a_gateway(model(upstream.url)) as gateway,
    ):
        replies = [await ask(gateway, body, path=path) for _ in range(3)]
        other = await ask(gateway, body, {"idempotency-key": "other"}, path)
    assert [told(reply) for reply in replies] == [NEW, REPLAYED, REPLAYED]
    assert [reply.content for reply in replies] == [replies[0].content] * 3
    assert {reply.headers["x-pointsman-decision-id"] for reply in replies} == {
        replies[0].headers["x-pointsman-decision-id"]
    }
    assert "Two." in other.text
    assert len(upstream.calls) == 2


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_request_that_is_being_answered_is_joined(*, is_streamed: bool) -> None:
    """One call, both hear all of it, the one who came later from the start."""
    gate, body = Gate(), {**CHAT, "stream": is_streamed}
    async with (
        openai_server(gate) as upstream,
        a_gateway(model(upstream.url)) as gateway,
        asyncio.TaskGroup() as group,
    ):
        first = group.create_task(ask(gateway, body))
        await gate.has_begun.wait()
        second = group.create_task(ask(gateway, body))
        await until_listening(gateway, 2)
        gate.goes_on.set()
        replies = [await first, await second]
        replies.append(await ask(gateway, body))
    assert [told(reply) for reply in replies] == [NEW, JOINED, REPLAYED]
    assert [reply.content for reply in replies] == [replies[0].content] * 3
    assert "a time" in replies[0].text
    assert len(upstream.calls) == 1


async def test_another_body_under_the_same_key_is_refused() -> None:
    """422 in the API's own form; nobody is asked."""
    path, body = PATHS["anthropic_messages"]
    async with openai_server(completes("One.")) as upstream, a_gateway(model(upstream.url)) as gateway:
        await ask(gateway)
        refused = await ask(gateway, {**CHAT, "temperature": 0})
        first = await ask(gateway, body, path=path)
        foreign = await ask(gateway, {**body, "max_tokens": 10}, path=path)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "idempotency_key_reused")
    assert first.status_code == 200
    assert (foreign.status_code, foreign.json()["type"]) == (422, "error")
    assert "another request" in foreign.json()["error"]["message"]
    assert len(upstream.calls) == 2


@pytest.mark.parametrize("value", ["", "x" * 256, "caf\u00e9".encode().decode("latin-1")])
async def test_a_key_that_is_none_is_refused(value: str) -> None:
    """Rather than taken for another's."""
    async with a_gateway(model("http://127.0.0.1:9")) as gateway:
        reply = await gateway.http.post(
            f"{gateway.url}/v1/chat/completions", json=CHAT, headers=[(b"idempotency-key", value.encode("latin-1"))]
        )
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_request")


async def test_failures_are_not_kept() -> None:
    """Asked again, the model may do better."""
    script = (refuses(503, "busy"), refuses(429, "slow down"), refuses(400, "what?"), completes("At last."))
    async with (
        openai_server(*script) as upstream,
        a_gateway(model(upstream.url), resilience={"num_retries": 0, "cooldown_s": 0.001}) as gateway,
    ):
        replies = []
        for _ in script:
            await ready(gateway)
            replies.append(await ask(gateway))
    assert [reply.status_code for reply in replies] == [503, 429, 400, 200]
    assert [told(reply) for reply in replies] == [NEW] * 4


async def ready(gateway: Running) -> None:
    """Forget that the model failed."""
    reply = await gateway.http.delete(f"{gateway.url}/v1/availability")
    assert reply.status_code == 200


async def test_a_stream_that_broke_off_is_not_kept() -> None:
    """It began with 200, and was no answer all the same."""

    async def breaks(peer: Peer, call: Call) -> None:
        await streams("Once", then=cut)(peer, call)

    async def cut(peer: Peer, call: Call) -> None:
        peer.reset()

    body = {**CHAT, "stream": True}
    async with openai_server(breaks, completes("All.")) as upstream, a_gateway(model(upstream.url)) as gateway:
        broken = await ask(gateway, body)
        await ready(gateway)
        good = await ask(gateway, body)
    assert "error" in broken.text
    assert "All." in good.text
    assert told(good) == NEW


async def test_callers_do_not_hear_each_others_answers() -> None:
    """The same key and body from another caller is another request."""
    server = {"keys": {"ann": "sk-ann-0123456789", "bob": "sk-bob-0123456789"}}
    async with (
        openai_server(completes("One."), completes("Two.")) as upstream,
        a_gateway(model(upstream.url), server=server) as gateway,
    ):
        replies = [
            await ask(gateway, headers={**KEY, "authorization": f"Bearer sk-{name}-0123456789"})
            for name in ("ann", "bob")
        ]
    assert [told(reply) for reply in replies] == [NEW, NEW]
    assert len(upstream.calls) == 2


async def test_who_asked_first_may_leave() -> None:
    """The work goes on for the one who joined."""
    gate, body = Gate(), {**CHAT, "stream": True}
    async with (
        openai_server(gate) as upstream,
        a_gateway(model(upstream.url)) as gateway,
        asyncio.TaskGroup() as group,
    ):
        async with gateway.http.stream(
            "POST", f"{gateway.url}/v1/chat/completions", json=body, headers=KEY
        ) as response:
            pieces = response.aiter_bytes()  # held: one that is dropped hangs up
            await anext(pieces)
            second = group.create_task(ask(gateway, body))
            await until_listening(gateway, 2)
        await until_listening(gateway, 1)
        gate.goes_on.set()
        reply = await second
    assert reply.text.count("Once upon") == 1
    assert "[DONE]" in reply.text
    assert len(upstream.calls) == 1


async def test_who_lost_the_connection_may_come_back() -> None:
    """Within the grace the work goes on for nobody."""
    gate, body = Gate(), {**CHAT, "stream": True}
    async with openai_server(gate) as upstream, a_gateway(model(upstream.url)) as gateway:
        async with gateway.http.stream(
            "POST", f"{gateway.url}/v1/chat/completions", json=body, headers=KEY
        ) as response:
            async for _ in response.aiter_bytes():
                break
        await until_listening(gateway, 0)
        gate.goes_on.set()
        reply = await ask(gateway, body)
    assert "[DONE]" in reply.text
    assert len(upstream.calls) == 1


async def test_work_that_nobody_wants_ends_after_the_grace() -> None:
    """The model is let go, and the next request is a new one."""
    let_go = asyncio.Event()

    async def waits(peer: Peer, call: Call) -> None:
        await begin(peer, "text/event-stream")
        await piece(peer, chunk({"content": "Once"}))
        await peer.client_closed()
        let_go.set()

    body = {**CHAT, "stream": True}
    async with (
        openai_server(waits, completes("Anew.")) as upstream,
        a_gateway(model(upstream.url), grace_s=0.05) as gateway,
    ):
        async with gateway.http.stream(
            "POST", f"{gateway.url}/v1/chat/completions", json=body, headers=KEY
        ) as response:
            async for _ in response.aiter_bytes():
                break
        async with asyncio.timeout(5):
            await let_go.wait()
        reply = await ask(gateway, body)
    assert "Anew." in reply.text
    assert told(reply) == NEW


async def test_the_end_of_the_gateway_is_told_to_all_who_listen() -> None:
    """The error event of the one work goes to each."""
    body = {**CHAT, "stream": True}
    async with (
        openai_server(streams("Once", then=hangs)) as upstream,
        a_gateway(model(upstream.url), drain=Drain(timeout_s=0.1)) as gateway,
        asyncio.TaskGroup() as group,
    ):
        both = [group.create_task(ask(gateway, body)) for _ in range(2)]
        await until_listening(gateway, 2)
        gateway.stop()
        replies = [await one for one in both]
    errors = [json.loads(reply.text.strip().splitlines()[-1].removeprefix("data: "))["error"] for reply in replies]
    assert [error["code"] for error in errors] == ["shutting_down"] * 2


async def until_listening(gateway: Running, number: int) -> None:
    """Return when so many hear the one answer under way."""
    async with asyncio.timeout(5):
        while sum(len(one.recording.listeners) for one in gateway.repeats._entries.values()) != number:
            await gateway.http.get(f"{gateway.url}/healthz")
