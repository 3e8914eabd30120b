"""More requests than an endpoint has slots: they wait, go elsewhere or are told when to come again."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from pointsman.core.catalog import Endpoint, ModelCard
from pointsman.core.errors import AllAttemptsFailed
from pointsman.core.events import AttemptStarted, Finished
from pointsman.core.health import HealthState
from pointsman.testing import Answers, Hangs, a_card, a_catalog
from tests.engine.lines import said, whole
from tests.engine.rig import PRIVATE, Rig, a_model, a_rig, inbound, say

HELLO = Answers(chunks=(whole("Hello"),))
CLOUD = a_model("cloud", is_local=False)


def narrow(*, slots: int = 1, queue: int = 0) -> ModelCard:
    """A model that answers one request at a time."""
    endpoint: Endpoint = replace(a_model("near").endpoint, slots=slots, queue=queue)
    return a_card("near", endpoint=endpoint)


def served(rig: Rig) -> list[str | None]:
    """Who answered, in the order of the answers' ends."""
    return [event.served for event in rig.events if isinstance(event, Finished)]


async def turns() -> None:
    """Let the others have theirs."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_when_no_slot_is_free_another_model_answers_and_nobody_is_blamed() -> None:
    """The busy model stays healthy, and nothing was sent to it."""
    rig = a_rig(a_catalog(narrow(), CLOUD), {"near": [Hangs()], "cloud": [HELLO]})
    async with asyncio.TaskGroup() as group:
        busy = group.create_task(rig.router.answer(inbound()))
        await turns()
        answer = await rig.router.answer(inbound())
        busy.cancel()
    assert (answer.card.id, answer.fallbacks) == ("cloud", 1)
    assert [failure.code for failure in answer.failures] == ["queue_full"]
    assert [(event.model, event.number) for event in rig.events if isinstance(event, AttemptStarted)] == [
        ("near", 1),
        ("cloud", 1),
    ]
    assert rig.router.health.health_of(narrow()).state is HealthState.HEALTHY
    assert rig.router.limits.loads()["at-near"].inside == 0


async def test_a_private_request_waits_its_turn_or_is_told_when_to_come_again() -> None:
    """It never goes to the cloud for want of a slot."""
    rig = a_rig(a_catalog(narrow(), CLOUD), {"near": [Hangs()], "cloud": [HELLO]})
    async with asyncio.TaskGroup() as group:
        busy = group.create_task(rig.router.answer(inbound()))
        await turns()
        with pytest.raises(AllAttemptsFailed, match="no place was free at at-near") as caught:
            await rig.router.answer(inbound(caller=PRIVATE))
        busy.cancel()
    assert (caught.value.status, caught.value.retry_after_s) == (503, 1.0)


async def test_a_stream_holds_its_slot_until_it_is_closed() -> None:
    """Whoever waits begins when the one before is done, however it is done."""
    rig = a_rig(a_catalog(narrow(queue=5)), {"near": [Answers(chunks=said("Hel", "lo"))] * 3})
    first = await rig.router.answer_stream(inbound(stream=True), say)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(rig.router.answer_stream(inbound(stream=True), say))
        await turns()
        assert not waiting.done()
        await first.pieces.aclose()
    second = await waiting
    assert [piece async for piece in second.pieces][-1] is not None
    assert rig.router.limits.loads()["at-near"].inside == 0
    assert served(rig) == ["near", "near"]


async def test_who_gives_up_while_waiting_leaves_nothing_behind() -> None:
    """One line in the record, no place in the queue, no attempt."""
    rig = a_rig(a_catalog(narrow(queue=5)), {"near": [Hangs()]})
    async with asyncio.TaskGroup() as group:
        busy = group.create_task(rig.router.answer(inbound()))
        await turns()
        waiting = group.create_task(rig.router.answer(inbound()))
        await turns()
        assert rig.router.limits.loads()["at-near"].waiting == 1
        waiting.cancel()
        await turns()
        assert rig.router.limits.loads()["at-near"].waiting == 0
        busy.cancel()
    finished = [event for event in rig.events if isinstance(event, Finished)]
    assert [(event.reason.value, event.attempts) for event in finished] == [("cancelled", 0), ("cancelled", 1)]
