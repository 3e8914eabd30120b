"""Shadow mode on real sockets: callers notice nothing, private text stays, an end waits for nobody's copy."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from pointsman.adapters.storage.reader import LedgerReader
from pointsman.adapters.storage.shadows import ShadowFile, shadows_path
from pointsman.config.load import loaded_from
from pointsman.config.schema import Settings
from pointsman.core.shadow import Copy, CopyEnd, Likeness
from pointsman.server.app import App
from pointsman.server.drain import Drain
from pointsman.server.gateway import open_state
from pointsman.server.http import Message
from tests.adapters.http.servers import Peer
from tests.e2e.openai_server import Act, answers, completes, hangs, openai_server, resets
from tests.e2e.test_upstreams import model
from tests.e2e.wire import Call
from tests.server.asgi import HOST, scope_of
from tests.server.gateways import Running, a_gateway

HI = [{"role": "user", "content": "hi"}]
CHAT = {"model": "first", "messages": HI}
SHADOW = {"model": "second", "sample": 1.0, "concurrency": 4}
PRICE = {"price": {"input_usd_per_mtok": 3.0, "output_usd_per_mtok": 15.0}}
APIS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "openai_chat": ("/v1/chat/completions", CHAT),
    "openai_chat streamed": ("/v1/chat/completions", {**CHAT, "stream": True}),
    "openai_responses": ("/v1/responses", {"model": "first", "input": "hi"}),
    "openai_responses streamed": ("/v1/responses", {"model": "first", "input": "hi", "stream": True}),
    "anthropic_messages": ("/v1/messages", {**CHAT, "max_tokens": 9}),
    "anthropic_messages streamed": ("/v1/messages", {**CHAT, "max_tokens": 9, "stream": True}),
    "gemini": ("/v1beta/models/first:generateContent", {"contents": [{"parts": [{"text": "hi"}]}]}),
    "gemini streamed": ("/v1beta/models/first:streamGenerateContent", {"contents": [{"parts": [{"text": "hi"}]}]}),
    "ollama": ("/api/chat", {**CHAT, "stream": False}),
    "ollama streamed": ("/api/chat", CHAT),
}


def chats(act: Act) -> Act:
    """*act* for every conversation; what is asked about the server and its models is not found."""

    async def handle(peer: Peer, call: Call) -> None:
        await (answers(404, {}) if call.body is None else act)(peer, call)

    return handle


async def copies(ledger: Path, number: int) -> Sequence[Copy]:
    """The copies, once there are so many."""
    file = ShadowFile(shadows_path(ledger))
    async with asyncio.timeout(10):
        while len(file.each()) < number:  # noqa: ASYNC110  another thread writes a file
            await asyncio.sleep(0.01)
    return file.each()


async def post(gateway: Running, path: str, body: Mapping[str, object], **headers: str) -> str:
    """The whole answer's text."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await gateway.http.post(f"{gateway.url}{path}", json=body, headers=named)
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize("api", APIS)
async def test_a_caller_has_its_answer_before_anybody_else_is_asked(api: str, tmp_path: Path) -> None:
    """In five APIs, whole and streamed: the answer is complete while the copy has none, and both are compared."""
    has_answer = asyncio.Event()

    async def waits(peer: Peer, call: Call) -> None:
        await has_answer.wait()
        await completes("Once upon a time")(peer, call)

    path, body = APIS[api]
    ledger = tmp_path / "ledger.db"
    async with (
        openai_server(completes("Once upon a time")) as first,
        openai_server(chats(waits)) as second,
        a_gateway(model(first.url), model(second.url, "second"), ledger=ledger, shadow=SHADOW) as gateway,
    ):
        assert "Once" in await post(gateway, path, body)
        has_answer.set()
        (copy,) = await copies(ledger, 1)
    assert (copy.end, copy.surface, copy.served.model, copy.shadow.model) == (
        CopyEnd.ANSWERED,
        api.partition(" ")[0],
        "first",
        "second",
    )
    assert copy.comparison is not None
    assert copy.comparison.likeness is Likeness.AGREES
    (asked,) = second.bodies
    assert asked["messages"][-1]["content"] == "hi"
    assert not asked.get("stream")


async def test_nobody_else_is_asked_before_the_last_byte_is_handed_over(tmp_path: Path) -> None:
    """However long the connection takes it: the copy begins behind `send`, whole and streamed."""
    ledger = tmp_path / "ledger.db"
    asked_at_send: list[int] = []

    async def receive() -> Message:
        if pending:
            return pending.pop()
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]  # never

    async def send(message: Message) -> None:
        for _ in range(20):
            await asyncio.sleep(0.005)
        asked_at_send.append(len(second.bodies))

    async with (
        openai_server(completes("Hello")) as first,
        openai_server(chats(completes("Hello"))) as second,
    ):
        settings = {
            "models": [model(first.url), model(second.url, "second")],
            "ledger": {"path": str(ledger)},
            "shadow": SHADOW,
        }
        async with open_state(loaded_from(Settings.model_validate(settings)), {}) as state:
            for number, stream in enumerate((False, True), start=1):
                pending = [{"type": "http.request", "body": json.dumps({**CHAT, "stream": stream}).encode()}]
                await App(state)(scope_of(HOST, path="/v1/chat/completions", method="POST"), receive, send)
                assert set(asked_at_send) == {number - 1}
                asked_at_send.clear()
                await copies(ledger, number)
    assert len(second.bodies) == 2


async def test_copies_are_in_no_other_figure(tmp_path: Path) -> None:
    """The ledger has the caller's request alone; the metrics count copies apart."""
    ledger = tmp_path / "ledger.db"
    async with (
        openai_server(completes("Hello")) as first,
        openai_server(chats(completes("Hello"))) as second,
        a_gateway(model(first.url), model(second.url, "second"), ledger=ledger, shadow=SHADOW) as gateway,
    ):
        await post(gateway, "/v1/chat/completions", CHAT)
        await copies(ledger, 1)
        figures = (await gateway.http.get(f"{gateway.url}/metrics")).text
    assert [row.served for row in LedgerReader(ledger).recent()] == ["first"]
    assert 'pointsman_requests_total{model="first",outcome="ok"} 1.0' in figures
    assert 'pointsman_shadow_copies_total{model="second",outcome="answered"} 1.0' in figures
    assert 'pointsman_shadow_verdicts_total{model="second",verdict="agrees"} 1.0' in figures
    assert 'model="second"' not in "".join(line for line in figures.splitlines() if "_shadow" not in line)


async def test_what_is_not_a_conversation_of_its_own_is_not_copied(tmp_path: Path) -> None:
    """Embeddings, completions, dry runs, a repeated request, and one whose caller opts out."""
    ledger = tmp_path / "ledger.db"
    vectors = {"object": "list", "data": [{"index": 0, "embedding": [1.0]}], "model": "m"}

    async def serves(peer: Peer, call: Call) -> None:
        act = answers(200, vectors) if call.path.endswith("embeddings") else completes("Hello")
        await act(peer, call)

    async with (
        openai_server(serves) as first,
        openai_server(chats(completes("Hello"))) as second,
        a_gateway(model(first.url), model(second.url, "second"), ledger=ledger, shadow=SHADOW) as gateway,
    ):
        await post(gateway, "/v1/embeddings", {"model": "first", "input": "hi"})
        await post(gateway, "/v1/chat/completions", CHAT, x_pointsman_dry_run="true")
        await post(gateway, "/v1/chat/completions", CHAT, x_pointsman_meta_shadow="off")
        await post(gateway, "/v1/chat/completions", {**CHAT, "metadata": {"shadow": "off"}})
        for _ in range(3):
            await post(gateway, "/v1/chat/completions", CHAT, idempotency_key="k")
        await copies(ledger, 1)
    assert len(second.bodies) == 1


async def test_private_text_is_copied_to_no_cloud(tmp_path: Path) -> None:
    """A request labelled private is counted as not allowed; a public one beside it is copied."""
    ledger = tmp_path / "ledger.db"
    async with (
        openai_server(completes("Hello")) as first,
        openai_server(completes("Hello")) as cloud,
        a_gateway(
            model(first.url), {**model(cloud.url, "second"), "local": False, **PRICE}, ledger=ledger, shadow=SHADOW
        ) as gateway,
    ):
        await post(gateway, "/v1/chat/completions", {**CHAT, "messages": [{"role": "user", "content": "CANARY"}]},
                   x_pointsman_privacy="private")  # fmt: skip
        await post(gateway, "/v1/chat/completions", CHAT)
        await copies(ledger, 1)
    assert "CANARY" not in json.dumps(cloud.bodies)
    assert len(cloud.bodies) == 1
    assert ShadowFile(shadows_path(ledger)).not_copied() == [("second", "not_allowed", 1)]


async def test_a_model_that_fails_every_copy_is_no_callers_trouble(tmp_path: Path) -> None:
    """It is not asked again for a while, and is as well as before to callers."""
    ledger = tmp_path / "ledger.db"
    async with (
        openai_server(completes("Hello")) as first,
        openai_server(chats(resets)) as second,
        a_gateway(model(first.url), model(second.url, "second"), ledger=ledger, shadow=SHADOW) as gateway,
    ):
        await post(gateway, "/v1/chat/completions", CHAT)
        (copy,) = await copies(ledger, 1)
        for _ in range(3):
            await post(gateway, "/v1/chat/completions", CHAT)
        health = (await gateway.http.get(f"{gateway.url}/v1/availability")).json()
    assert (copy.end, copy.failure) == (CopyEnd.FAILED, "transient")
    assert "cooling" not in json.dumps(health)
    assert len(second.bodies) == 1


async def test_the_end_of_the_gateway_waits_for_no_copy(tmp_path: Path) -> None:
    """It is broken off, and written down as that."""
    asked = asyncio.Event()

    async def stalls(peer: Peer, call: Call) -> None:
        asked.set()
        await hangs(peer, call)

    ledger = tmp_path / "ledger.db"
    async with (
        openai_server(completes("Hello")) as first,
        openai_server(chats(stalls)) as second,
        a_gateway(
            model(first.url), model(second.url, "second"), ledger=ledger, shadow=SHADOW, drain=Drain(timeout_s=20)
        ) as gateway,
    ):
        await post(gateway, "/v1/chat/completions", CHAT)
        await asked.wait()
        await gateway.http.aclose()
        began_s = time.monotonic()
        gateway.stop()
        await gateway.is_down.wait()
        assert time.monotonic() - began_s < 10
    (copy,) = ShadowFile(shadows_path(ledger)).each()
    assert copy.end is CopyEnd.STOPPED


async def test_off_there_is_no_file_and_nobody_else_is_asked(tmp_path: Path) -> None:
    """As it is without a word in the configuration, and with a share of nothing."""
    ledger = tmp_path / "ledger.db"
    for shadow in ({}, {"model": "second", "sample": 0}):
        async with (
            openai_server(completes("Hello")) as first,
            openai_server(completes("Hello")) as second,
            a_gateway(model(first.url), model(second.url, "second"), ledger=ledger, shadow=shadow) as gateway,
        ):
            await post(gateway, "/v1/chat/completions", CHAT)
            await post(gateway, "/v1/chat/completions", {**CHAT, "stream": True})
        assert second.calls == []
    assert not shadows_path(ledger).exists()
