"""An answer is kept for those who ask again, up to a bound; beyond it the slowest listener sets the pace."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from pointsman.core.errors import KeyReused
from pointsman.server.elsewhere import StillAnswering
from pointsman.server.http import Message, Receive, Scope, Send
from pointsman.server.idempotency import Repeats
from pointsman.server.recording import MESSAGE_BYTES, Listener, Recording
from pointsman.server.state import State
from pointsman.testing import ManualClock
from tests.server.asgi import app_of, scope_of

START: Message = {"type": "http.response.start", "status": 200, "headers": []}
KIB = b"x" * 1024


def body(data: bytes = KIB, *, is_last: bool = False) -> Message:
    """A piece of an answer."""
    return {"type": "http.response.body", "body": data, "more_body": not is_last}


def listening(recording: Recording) -> Listener:
    """One who is about to hear *recording*."""
    listener = Listener()
    recording.listeners.add(listener)
    return listener


async def heard(recording: Recording, listener: Listener) -> Sequence[Message]:
    """All that it hears."""
    return [message async for message in recording.messages(listener)]


async def test_everybody_hears_it_from_the_start() -> None:
    """Whoever comes before, during and after."""
    recording = Recording()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(heard(recording, listening(recording)))]
        for message in (START, body(), body(is_last=True)):
            await recording.send(message)
            tasks.append(group.create_task(heard(recording, listening(recording))))
        recording.end()
    assert [list(task.result()) for task in tasks] == [[START, body(), body(is_last=True)]] * 4
    assert recording.is_good


async def test_a_long_answer_waits_for_its_slowest_listener() -> None:
    """What all have heard is let go; no more than the window is held."""
    recording = Recording(max_bytes=4 * 1024, window_bytes=2 * 1024)
    fast, slow = listening(recording), listening(recording)
    sent = 0

    async def make() -> None:
        nonlocal sent
        await recording.send(START)
        for _ in range(50):
            await recording.send(body())
            sent += 1
        await recording.send(body(b"", is_last=True))
        recording.end()

    async with asyncio.TaskGroup() as group:
        making = group.create_task(make())
        all_of_it = group.create_task(heard(recording, fast))
        for _ in range(100):
            await asyncio.sleep(0)
        assert sent < 6
        assert not making.done()
        slowly = group.create_task(heard(recording, slow))
    assert len(all_of_it.result()) == len(slowly.result()) == 52
    assert recording.is_cut
    assert not recording.is_good
    assert len(recording._messages) <= 2


async def test_a_long_answer_goes_on_when_its_slowest_listener_leaves() -> None:
    """Nobody left to wait for is nobody to wait for."""
    recording = Recording(max_bytes=1024, window_bytes=1024)
    gone = listening(recording)
    async with asyncio.TaskGroup() as group:
        await recording.send(START)
        await recording.send(body())
        waiting = group.create_task(recording.send(body()))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not waiting.done()
        recording.leave(gone)


async def test_what_broke_it_off_is_raised_to_all() -> None:
    """After what there was."""
    recording = Recording()
    await recording.send(START)
    recording.end(ValueError("broken"))
    with pytest.raises(ValueError, match="broken"):
        await heard(recording, listening(recording))
    assert not recording.is_good


class Caller:
    """Asks the same gateway, with works that answer at once."""

    def __init__(self, *, max_bytes: int = 1_000_000, ttl_s: float = 60.0) -> None:
        self.clock = ManualClock()
        self.repeats = Repeats(clock=self.clock, max_bytes=max_bytes)
        state = app_of({"name": "m", "model": "openai/m", "api_key": "k"}).state
        self.state = State(
            router=state.router,
            guard=state.guard,
            decisions=state.decisions,
            max_body_bytes=10_000,
            idempotency_ttl_s=ttl_s,
        )
        self.worked = 0

    async def ask(self, key: str, data: bytes = b"{}") -> None:
        """One request, answered with a KiB."""
        scope: Scope = scope_of((b"idempotency-key", key.encode()), path="/v1/chat/completions", method="POST")

        async def receive() -> Message:
            return {"type": "http.request", "body": data}

        async def send(message: Message) -> None:
            pass

        await self.repeats.answer(self.state, scope, receive, send, None, self._work)

    async def _work(self, receive: Receive, send: Send) -> None:
        self.worked += 1
        assert (await receive())["body"]
        await send(START)
        await send(body(is_last=True))


async def test_an_answer_is_forgotten_when_its_time_is_over() -> None:
    """The same key and another body are a new request then."""
    caller = Caller(ttl_s=60.0)
    await caller.ask("k")
    caller.clock.advance(59.9)
    await caller.ask("k")
    assert caller.worked == 1
    with pytest.raises(KeyReused):
        await caller.ask("k", b"[]")
    caller.clock.advance(0.2)
    await caller.ask("k", b"[]")
    assert caller.worked == 2


async def test_with_no_time_only_those_under_way_are_joined() -> None:
    """`server.idempotency_ttl_s: 0` keeps nothing."""
    caller = Caller(ttl_s=0.0)
    await caller.ask("k")
    await caller.ask("k")
    assert caller.worked == 2


async def test_the_oldest_answers_go_when_there_are_too_many() -> None:
    """The bound is of bytes, those of all answers together."""
    caller = Caller(max_bytes=3 * (1024 + 2 * MESSAGE_BYTES))
    for key in ("a", "b", "c", "d", "d", "c", "b"):
        await caller.ask(key)
    assert caller.worked == 4
    await caller.ask("a")
    assert caller.worked == 5


async def test_an_answer_too_long_to_be_kept_cannot_be_joined() -> None:
    """409 while it lasts; it is a new request afterwards."""
    caller, goes_on = Caller(), asyncio.Event()
    scope = scope_of((b"idempotency-key", b"k"), path="/v1/chat/completions", method="POST")

    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}"}

    async def send(message: Message) -> None:
        pass

    async def work(receive: Receive, send: Send) -> None:
        await send(START)
        await send(body(b"x" * 9_000_000))
        await goes_on.wait()
        await send(body(is_last=True))

    async with asyncio.TaskGroup() as group:
        group.create_task(caller.repeats.answer(caller.state, scope, receive, send, None, work))
        for _ in range(10):
            await asyncio.sleep(0)
        with pytest.raises(StillAnswering, match="cannot be repeated"):
            await caller.ask("k")
        goes_on.set()
    await caller.ask("k")
    assert caller.worked == 1
