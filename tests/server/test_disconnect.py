"""The watch over a caller's connection: work ends when they hang up, and only then."""

from __future__ import annotations

import asyncio

import pytest

from pointsman.server.disconnect import DisconnectWatch
from pointsman.server.http import Message


class Line:
    """A caller's connection; `hang_up` ends it."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self.is_watched = asyncio.Event()

    async def receive(self) -> Message:
        self.is_watched.set()
        return await self.messages.get()

    def hang_up(self) -> None:
        self.messages.put_nowait({"type": "http.disconnect"})


async def test_work_that_is_done_in_time_is_not_watched() -> None:
    """Most answers come before the watch begins."""
    line = Line()
    async with DisconnectWatch(line.receive, grace_s=60) as watch:
        await asyncio.sleep(0)
    assert (line.is_watched.is_set(), watch.has_fired) == (False, False)


async def test_work_ends_when_the_caller_hangs_up() -> None:
    """Quietly, and the task can go on: nothing of the cancellation is left."""
    line = Line()
    line.messages.put_nowait({"type": "http.request", "body": b""})
    line.hang_up()
    async with asyncio.timeout(5), DisconnectWatch(line.receive, grace_s=0) as watch:
        await asyncio.Event().wait()
    await asyncio.sleep(0)
    task = asyncio.current_task()
    assert task is not None
    assert (watch.has_fired, task.cancelling()) == (True, 0)


async def test_work_that_ends_by_itself_ends_the_watch() -> None:
    """Nobody is left waiting for the caller's next message."""
    line = Line()
    async with DisconnectWatch(line.receive, grace_s=0) as watch:
        await line.is_watched.wait()
    assert watch.has_fired is False
    assert len(asyncio.all_tasks()) == 1


async def test_an_error_goes_through() -> None:
    """The watch is not a net."""
    line = Line()

    async def work() -> None:
        async with DisconnectWatch(line.receive, grace_s=0):
            await line.is_watched.wait()
            raise LookupError

    with pytest.raises(LookupError):
        await work()


async def test_a_cancellation_from_elsewhere_goes_through() -> None:
    """Such as the server's end: it is not taken for a hang-up."""
    line = Line()

    async def work() -> None:
        async with DisconnectWatch(line.receive, grace_s=0):
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        working = group.create_task(work())
        await line.is_watched.wait()
        working.cancel()
    assert working.cancelled()


async def test_a_hang_up_and_a_cancellation_at_once_are_a_cancellation() -> None:
    """Whoever cancelled the task is waiting for it to end as cancelled."""
    line = Line()
    line.hang_up()

    async def work() -> None:
        async with DisconnectWatch(line.receive, grace_s=0):
            try:
                await asyncio.Event().wait()
            finally:
                own = asyncio.current_task()
                assert own is not None
                own.cancel()

    async with asyncio.TaskGroup() as group:
        working = group.create_task(work())
    assert working.cancelled()
