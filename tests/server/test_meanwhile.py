"""Work beside a wait: begun only when the wait is long, ended with it, and heard of when it fails."""

from __future__ import annotations

import asyncio

import pytest

from pointsman.server.meanwhile import Meanwhile


async def never_begun() -> None:
    """Fails the test."""
    raise AssertionError("begun")


async def test_a_short_wait_begins_nothing() -> None:
    """The timer is taken back."""
    async with Meanwhile(0.0, never_begun):
        pass
    await asyncio.sleep(0)


async def test_a_long_wait_has_company_until_its_end() -> None:
    """The work is cancelled, and its end is waited for."""
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with Meanwhile(0.0, work):
        await begun.wait()
    assert ended.is_set()


async def test_work_that_failed_is_heard_of() -> None:
    """At the end of the wait, which went on."""
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        raise OSError("the pipe broke")

    with pytest.raises(OSError, match="the pipe broke"):
        async with Meanwhile(0.0, work):
            await begun.wait()


async def test_the_waits_own_failure_counts_more() -> None:
    """It is the one that is raised."""
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        raise OSError("the pipe broke")

    async def wait() -> None:
        async with Meanwhile(0.0, work):
            await begun.wait()
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        await wait()
