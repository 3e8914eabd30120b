"""The end of a gateway on real sockets: what is under way may finish, and what may not is told so in its own API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import httpx2
import pytest

from pointsman.server.drain import Drain
from tests.adapters.http.servers import Peer
from tests.e2e.openai_server import completes, hangs, openai_server, streams
from tests.e2e.test_upstreams import model
from tests.e2e.wire import Call
from tests.server.gateways import a_gateway

HI = [{"role": "user", "content": "hi"}]
CHAT = {"model": "auto", "messages": HI}
GONE = "The gateway is shutting down."
STREAMS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "openai_chat": ("/v1/chat/completions", {**CHAT, "stream": True}),
    "openai_responses": ("/v1/responses", {"model": "auto", "input": "hi", "stream": True}),
    "anthropic_messages": ("/v1/messages", {**CHAT, "max_tokens": 9, "stream": True}),
    "gemini": ("/v1beta/models/auto:streamGenerateContent?alt=sse", {"contents": [{"parts": [{"text": "hi"}]}]}),
    "ollama": ("/api/chat", CHAT),
}


def last_words(dialect: str, text: str) -> object:
    """What the last event of a stream in *dialect* says went wrong."""
    lines = [line for line in text.splitlines() if line and not line.startswith(("event:", ":"))]
    last = json.loads(lines[-1].removeprefix("data: "))
    if dialect == "ollama":
        return last["error"]
    if dialect == "openai_responses":
        return last["message"] if last["type"] == "error" else last["response"]["error"]["message"]
    return last["error"]["message"]


@pytest.mark.parametrize("dialect", STREAMS)
async def test_a_stream_past_the_drain_ends_with_its_apis_error(dialect: str) -> None:
    """The words so far, then why there are no more; the model is let go."""
    async with (
        openai_server(streams("Once upon", then=hangs)) as upstream,
        a_gateway(model(upstream.url), drain=Drain(timeout_s=0.1)) as gateway,
    ):
        path, body = STREAMS[dialect]
        said = ""
        async with gateway.http.stream("POST", f"{gateway.url}{path}", json=body) as response:
            async for text in response.aiter_text():
                if "Once" in text:
                    gateway.stop()
                said += text
        await gateway.is_down.wait()
    assert "Once" in said
    assert GONE in str(last_words(dialect, said))
    assert "[DONE]" not in said


async def test_a_whole_answer_past_the_drain_is_refused_with_a_hint_when_to_come_again() -> None:
    """503, Retry-After, and no word that it should not be tried again: another gateway may answer."""
    asked = asyncio.Event()

    async def thinks(peer: Peer, call: Call) -> None:
        asked.set()
        await hangs(peer, call)

    async with (
        openai_server(thinks) as upstream,
        a_gateway(model(upstream.url), drain=Drain(timeout_s=0.1)) as gateway,
        asyncio.TaskGroup() as group,
    ):
        asking = group.create_task(gateway.http.post(f"{gateway.url}/v1/chat/completions", json=CHAT))
        await asked.wait()
        gateway.stop()
        reply = await asking
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")
    assert "x-should-retry" not in reply.headers
    assert reply.json()["error"]["code"] == "shutting_down"


async def test_answers_within_the_drain_are_whole() -> None:
    """Both of a stream and of a whole answer that take a while; nobody else is let in meanwhile."""
    goes_on, asked = asyncio.Event(), asyncio.Event()

    async def waits(peer: Peer, call: Call) -> None:
        asked.set()
        await goes_on.wait()
        await completes("Done.")(peer, call)

    async with (
        openai_server(waits) as upstream,
        a_gateway(model(upstream.url), drain=Drain(timeout_s=10)) as gateway,
        asyncio.TaskGroup() as group,
    ):
        asking = group.create_task(gateway.http.post(f"{gateway.url}/v1/chat/completions", json=CHAT))
        await asked.wait()
        gateway.stop()
        await until_refused(gateway.url)
        goes_on.set()
        reply = await asking
        await gateway.is_down.wait()
    assert reply.json()["choices"][0]["message"]["content"] == "Done."
    assert reply.headers["connection"] == "close"


async def test_a_load_balancer_learns_first() -> None:
    """While the delay lasts `/readyz` says draining and requests are answered as ever."""
    async with (
        openai_server(completes("Done.")) as upstream,
        a_gateway(model(upstream.url), drain=Drain(delay_s=1.0)) as gateway,
    ):
        before = await gateway.http.get(f"{gateway.url}/readyz")
        gateway.stop()
        async with asyncio.timeout(5):
            while (ready := await gateway.http.get(f"{gateway.url}/readyz")).status_code == 200:
                pass
        reply = await gateway.http.post(f"{gateway.url}/v1/chat/completions", json=CHAT)
        await gateway.is_down.wait()
    assert before.json()["status"] == "ok"
    assert (ready.status_code, ready.json()["status"]) == (503, "draining")
    assert reply.status_code == 200


async def test_a_caller_who_does_not_read_does_not_hold_up_the_end() -> None:
    """The error does not get through either: the connection is cut."""

    async def floods(peer: Peer, call: Call) -> None:
        await streams(*["x" * 50_000] * 200, then=hangs)(peer, call)

    async with (
        openai_server(floods) as upstream,
        a_gateway(model(upstream.url), drain=Drain(timeout_s=0.1)) as gateway,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=1024)
        body = json.dumps({**CHAT, "stream": True}).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await reader.readline()
        gateway.stop()
        async with asyncio.timeout(10):
            await gateway.is_down.wait()
        writer.close()


async def until_refused(url: str) -> None:
    """Return when new connections are not taken any more."""
    async with asyncio.timeout(5), httpx2.AsyncClient() as http:
        while True:
            try:
                await http.get(f"{url}/healthz", headers={"connection": "close"})
            except httpx2.TransportError:
                return
            await asyncio.sleep(0.01)
