"""The same Idempotency-Key in two processes of a gateway: two gateways of this process on the same files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pointsman.core.replies import KnownRequest, StoredReply
from pointsman.server.elsewhere import RETRY_AFTER_S, Elsewhere, StillAnswering
from pointsman.server.http import CallerGone
from pointsman.server.recording import Recording
from tests.e2e.openai_server import completes, openai_server, refuses
from tests.e2e.test_upstreams import model
from tests.server.gateways import Running, a_gateway
from tests.server.test_idempotency import CHAT, KEY, NEW, REPLAYED, Gate, ask, told


@asynccontextmanager
async def two_workers(folder: Path, url: str, *, grace_s: float = 5.0) -> AsyncIterator[tuple[Running, Running]]:
    """Two gateways as two worker processes would be."""
    server = {"workers": 2}
    async with (
        a_gateway(model(url), ledger=folder / "ledger.db", server=server, grace_s=grace_s) as one,
        a_gateway(model(url), ledger=folder / "ledger.db", server=server, grace_s=grace_s) as two,
    ):
        yield one, two


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_what_one_answered_the_other_gives_again(tmp_path: Path, *, is_streamed: bool) -> None:
    """Byte for byte, headers and all; one model is asked once."""
    body = {**CHAT, "stream": is_streamed}
    async with (
        openai_server(completes("One."), completes("Two.")) as upstream,
        two_workers(tmp_path, upstream.url) as (one, two),
    ):
        replies = [await ask(gateway, body) for gateway in (one, two, one)]
    assert [told(reply) for reply in replies] == [NEW, REPLAYED, REPLAYED]
    assert [reply.content for reply in replies] == [replies[0].content] * 3
    assert {reply.headers["x-pointsman-decision-id"] for reply in replies} == {
        replies[0].headers["x-pointsman-decision-id"]
    }
    assert replies[1].headers["content-type"] == replies[0].headers["content-type"]
    assert len(upstream.calls) == 1


async def test_what_one_is_answering_the_other_waits_for(tmp_path: Path) -> None:
    """One model is asked once, both callers have the same."""
    gate = Gate()
    async with (
        openai_server(gate) as upstream,
        two_workers(tmp_path, upstream.url) as (one, two),
        asyncio.TaskGroup() as group,
    ):
        first = group.create_task(ask(one))
        await gate.has_begun.wait()
        second = group.create_task(ask(two))
        await until_waiting(two)
        gate.goes_on.set()
        replies = [await first, await second]
    assert [told(reply) for reply in replies] == [NEW, REPLAYED]
    assert replies[0].content == replies[1].content
    assert len(upstream.calls) == 1


async def test_who_comes_back_to_another_worker_keeps_the_work_going(tmp_path: Path) -> None:
    """Longer than the grace: the first connection broke, the same caller waits elsewhere."""
    gate, body = Gate(), {**CHAT, "stream": True}
    async with (
        openai_server(gate) as upstream,
        two_workers(tmp_path, upstream.url, grace_s=0.6) as (one, two),
        asyncio.TaskGroup() as group,
    ):
        async with one.http.stream("POST", f"{one.url}/v1/chat/completions", json=body, headers=KEY) as response:
            async for _ in response.aiter_bytes():
                break
        second = group.create_task(ask(two, body))
        await until_waiting(two)
        async with asyncio.timeout(5):
            while one.repeats._entries:  # the grace is not over
                await one.http.get(f"{one.url}/healthz")
        gate.goes_on.set()
        reply = await second
    assert "[DONE]" in reply.text
    assert len(upstream.calls) == 1


async def test_a_failure_elsewhere_is_asked_anew(tmp_path: Path) -> None:
    """What failed in one worker may go well in the other."""
    async with (
        openai_server(refuses(400, "what?"), completes("At last.")) as upstream,
        two_workers(tmp_path, upstream.url) as (one, two),
    ):
        replies = [await ask(one), await ask(two)]
    assert [(reply.status_code, told(reply)) for reply in replies] == [(400, NEW), (200, NEW)]


async def test_another_body_in_another_worker_is_refused(tmp_path: Path) -> None:
    """422, as in the same."""
    async with openai_server(completes("One.")) as upstream, two_workers(tmp_path, upstream.url) as (one, two):
        await ask(one)
        refused = await ask(two, {**CHAT, "temperature": 0})
        again = await ask(two)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "idempotency_key_reused")
    assert told(again) == REPLAYED
    assert len(upstream.calls) == 1


class Busy:
    """A store where another process answers for ever."""

    async def claim(self, identity: str, digest: bytes, /) -> KnownRequest | None:
        """See ReplyStore."""
        return KnownRequest(digest=digest, reply=None)

    async def keep(self, identity: str, reply: StoredReply, ttl_s: float, /) -> bool:
        """See ReplyStore."""
        raise AssertionError

    async def let_go(self, identity: str, /) -> None:
        """See ReplyStore."""
        raise AssertionError

    async def is_wanted(self, identity: str, /) -> bool:
        """See ReplyStore."""
        raise AssertionError


def waiting(wait_s: float) -> Elsewhere:
    """A request whose answer is made by another process."""
    identity = ("ann", "/v1/chat/completions", "7f1c")
    return Elsewhere(store=Busy(), identity=identity, digest=b"d", recording=Recording(), wait_s=wait_s)


async def test_an_answer_that_takes_too_long_is_a_conflict() -> None:
    """409, with when to ask again; nothing that is another's is let go."""
    here = waiting(0.3)
    with pytest.raises(StillAnswering) as raised:
        await here.is_ours(asyncio.Event())
    await here.let_go()
    assert (raised.value.status, raised.value.retry_after_s) == (409, RETRY_AFTER_S)


async def test_who_left_waits_no_more() -> None:
    """The wait ends with the callers."""
    has_left = asyncio.Event()
    has_left.set()
    with pytest.raises(CallerGone):
        await waiting(30).is_ours(has_left)


def test_an_identity_tells_nothing() -> None:
    """Neither the key nor who sent it is in the file, and no two parts run together."""
    parts = (("a", "b", "c"), ("ab", "", "c"), ("a", "bc", ""))
    names = {Elsewhere(store=Busy(), identity=identity, digest=b"", recording=Recording()).name for identity in parts}
    assert len(names) == 3
    assert all(len(name) == 64 for name in names)


async def until_waiting(gateway: Running) -> None:
    """Return when a request there waits for another process's answer."""
    async with asyncio.timeout(5):
        while not any(one.recording.listeners for one in gateway.repeats._entries.values()):
            await gateway.http.get(f"{gateway.url}/healthz")
