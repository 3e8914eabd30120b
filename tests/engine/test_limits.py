"""An endpoint is asked so much at once and no more; who waits gets a place, is told that there is none, or leaves."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from pointsman.core.catalog import ModelCard
from pointsman.core.errors import AttemptFailed
from pointsman.core.failure import Failure, FailureKind, Reach
from pointsman.engine.limits import OLLAMA_SLOTS, Limits, Load, Slot, line_of
from pointsman.testing import ManualClock, a_card, an_endpoint


def card(*, slots: int | None = 1, queue: int = 10, is_local: bool = True, dialect: str = "openai_chat") -> ModelCard:
    """A model at the endpoint `home`."""
    endpoint = an_endpoint("home", is_local=is_local, dialect=dialect)
    return a_card("m", endpoint=replace(endpoint, slots=slots, queue=queue, queue_timeout_s=30.0))


def entered(limits: Limits, model: ModelCard) -> Slot:
    """A slot that is free."""
    slot = limits.try_enter(model)
    assert slot is not None
    return slot


async def turns(number: int = 5) -> None:
    """Let the others have theirs."""
    for _ in range(number):
        await asyncio.sleep(0)


def test_slots_are_as_many_as_configured() -> None:
    """The third of two has to wait until one is given back."""
    limits, model = Limits(clock=ManualClock()), card(slots=2)
    first = entered(limits, model)
    entered(limits, model)
    assert limits.try_enter(model) is None
    first.release()
    first.release()
    entered(limits, model)
    assert limits.try_enter(model) is None
    assert limits.loads() == {"home": Load(inside=2, limit=2, waiting=0)}


@pytest.mark.parametrize(
    ("dialect", "is_local", "expected"),
    [("ollama", True, OLLAMA_SLOTS), ("ollama", False, 20), ("openai_chat", True, 20), ("openai_chat", False, 20)],
)
def test_without_slots_an_endpoint_is_found_out(dialect: str, expected: int, *, is_local: bool) -> None:
    """But for an Ollama on this machine, which answers a few at once and lets the rest wait."""
    endpoint = card(slots=None, is_local=is_local, dialect=dialect).endpoint
    assert line_of(endpoint, ManualClock()).load() == Load(inside=0, limit=expected, waiting=0)


async def test_a_place_goes_to_the_nearest_deadline() -> None:
    """Not to who came first; and a newcomer does not overtake those who wait."""
    limits, model = Limits(clock=ManualClock()), card()
    slot = entered(limits, model)
    order: list[str] = []

    async def one(name: str, deadline_s: float | None) -> None:
        held = await limits.enter(model, deadline_s)
        order.append(name)
        held.release()

    async with asyncio.TaskGroup() as group:
        for name, deadline_s in (("patient", None), ("hurried", 9.0), ("between", 20.0)):
            group.create_task(one(name, deadline_s))
        await turns()
        slot.release()
        assert limits.try_enter(model) is None
    assert order == ["hurried", "between", "patient"]
    assert limits.loads() == {"home": Load(inside=0, limit=1, waiting=0)}


async def test_who_waits_in_vain_is_told_when_to_come_again() -> None:
    """A passing failure of the endpoint, so that the plan takes another model."""
    clock = ManualClock(100.0)
    limits, model = Limits(clock=clock), card()
    entered(limits, model)
    with pytest.raises(AttemptFailed) as caught:
        await limits.enter(model, 100.0)
    assert caught.value.failure == Failure(
        kind=FailureKind.TRANSIENT,
        model="m",
        endpoint="home",
        message="no place was free at home: it was busy with others for too long",
        code="queue_timeout",
        retry_after_s=1.0,
        reach=Reach.ENDPOINT,
    )
    assert limits.loads() == {"home": Load(inside=1, limit=1, waiting=0)}


async def test_a_full_queue_turns_away_at_once() -> None:
    """It does not grow without bound."""
    limits, model = Limits(clock=ManualClock()), card(queue=1)
    slot = entered(limits, model)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(limits.enter(model, None))
        await turns()
        with pytest.raises(AttemptFailed, match="1 others wait") as caught:
            await limits.enter(model, None)
        slot.release()
    assert caught.value.failure.code == "queue_full"
    assert (await waiting)._is_held


async def test_who_leaves_while_waiting_frees_the_place_in_line() -> None:
    """And the next one gets the slot."""
    limits, model = Limits(clock=ManualClock()), card(queue=2)
    slot = entered(limits, model)
    async with asyncio.TaskGroup() as group:
        leaving = group.create_task(limits.enter(model, 5.0))
        staying = group.create_task(limits.enter(model, 9.0))
        await turns()
        leaving.cancel()
        await turns()
        assert limits.loads()["home"].waiting == 1
        slot.release()
    (await staying).release()
    assert limits.loads()["home"] == Load(inside=0, limit=1, waiting=0)


async def test_a_place_given_to_somebody_cancelled_meanwhile_is_not_lost() -> None:
    """Given and cancelled within one turn of the event loop, in either order."""
    for cancel_first in (True, False):
        limits, model = Limits(clock=ManualClock()), card()
        slot = entered(limits, model)
        async with asyncio.TaskGroup() as group:
            leaving = group.create_task(limits.enter(model, 5.0))
            staying = group.create_task(limits.enter(model, 9.0))
            await turns()
            for act in (leaving.cancel, slot.release)[:: 1 if cancel_first else -1]:
                act()
        assert leaving.cancelled()
        (await staying).release()
        assert limits.loads()["home"] == Load(inside=0, limit=1, waiting=0)


async def test_a_thousand_cancelled_at_once_do_not_stand_in_the_way() -> None:
    """A place passes all of them within one turn."""
    limits, model = Limits(clock=ManualClock()), card(queue=2000)
    slot = entered(limits, model)
    async with asyncio.TaskGroup() as group:
        leaving = [group.create_task(limits.enter(model, 5.0)) for _ in range(1000)]
        staying = group.create_task(limits.enter(model, 9.0))
        await turns()
        for task in leaving:
            task.cancel()
        slot.release()
    (await staying).release()
    assert limits.loads()["home"] == Load(inside=0, limit=1, waiting=0)


async def test_an_earlier_deadline_is_noticed_after_a_later_one_was_set() -> None:
    """The alarm is for whoever is first."""
    limits, model = Limits(clock=ManualClock(100.0)), card()
    slot = entered(limits, model)
    async with asyncio.TaskGroup() as group:
        patient = group.create_task(limits.enter(model, None))
        await turns()
        with pytest.raises(AttemptFailed, match="busy with others"):
            await limits.enter(model, 100.0)
        slot.release()
    (await patient).release()


async def test_an_endpoint_that_is_found_out_makes_room_as_it_answers() -> None:
    """A first content with all places taken lets one more in, before anybody is done."""
    limits, model = Limits(clock=ManualClock()), card(slots=None)
    slots = [entered(limits, model) for _ in range(20)]
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(limits.enter(model, None))
        await turns()
        assert not waiting.done()
        slots[0].first_byte()
        slots[0].first_byte()
    assert limits.loads() == {"home": Load(inside=21, limit=21, waiting=0)}


async def test_long_answers_do_not_keep_others_out() -> None:
    """All places are taken by answers that have begun and go on: who waits is let in, though nobody leaves."""
    limits, model = Limits(clock=asyncio.get_running_loop().time), card(slots=None)
    for _ in range(19):
        entered(limits, model).first_byte()
    entered(limits, model)
    async with asyncio.timeout(10):
        await limits.enter(model, None)
        await limits.enter(model, None)
    assert limits.loads() == {"home": Load(inside=22, limit=22, waiting=0)}


async def test_the_wait_is_told_by_the_pace() -> None:
    """One leaves every 4 s: with one still waiting a newcomer is told 8 s, with none 4 s."""
    clock = ManualClock()
    limits, model = Limits(clock=clock), card(queue=3)
    told = []
    slot = entered(limits, model)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(limits.enter(model, None)) for _ in range(3)]
        await turns()
        for task in tasks:
            clock.advance(4.0)
            slot.release()
            slot = await task
            told.append(limits._lines["home"].wait_s())
    slot.release()
    assert told == [1.0, 8.0, 4.0]
