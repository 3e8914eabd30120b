"""Local models are in memory when requests need them, one load at a time, and nobody is forgotten."""

from __future__ import annotations

import asyncio
import time

import pytest

from pointsman.core.chat import ask
from pointsman.core.errors import AllAttemptsFailed, AttemptFailed
from pointsman.core.local import Presence
from pointsman.engine.limits import Limits
from pointsman.engine.residency import Housed, Residency, ResidentLimits
from pointsman.local.model_state import LocalModel
from pointsman.local.scheduler import Place, Scheduler
from pointsman.testing import Answers, FakeRuntime, a_catalog
from tests.engine.lines import whole
from tests.engine.rig import a_model, a_rig, text_of

GB = 1_000_000_000
SMALL, BIG, CLOUD = a_model("small"), a_model("big"), a_model("cloud", is_local=False)
SIZES = {"small": 3 * GB, "big": 20 * GB}


def residency(runtime: FakeRuntime, *, budget_gb: int = 22, residency: float = 0.0, pinned: str = "") -> Residency:
    """A device with both models, which need not stay once they are idle."""
    return Residency(
        scheduler=Scheduler(
            models=[
                LocalModel(name=name, size_bytes=size, load_s=0.05, is_pinned=name == pinned)
                for name, size in SIZES.items()
            ],
            budget_bytes=budget_gb * GB,
            clock=time.monotonic,
            residency=residency,
        ),
        housed={name: Housed(runtime=runtime, model=name) for name in SIZES},
        clock=time.monotonic,
    )


async def test_a_model_is_loaded_once_for_all_who_wait() -> None:
    """And is there for the next one at once."""
    runtime = FakeRuntime(SIZES, gate=asyncio.Event())
    async with residency(runtime) as found, asyncio.timeout(5):
        async with asyncio.TaskGroup() as group:
            waiting = [group.create_task(found.lease(SMALL, None)) for _ in range(3)]
            await asyncio.sleep(0)
            assert found.try_lease(SMALL) is None
            place = found.place(SMALL)
            assert place is not None
            assert (place.position, found.place(CLOUD)) == (3, None)
            assert runtime.gate is not None
            runtime.gate.set()
        assert runtime.story == ["load small"]
        assert found.try_lease(SMALL) is not None
        assert len({task.result() for task in waiting}) == 3


async def test_models_that_do_not_fit_together_take_turns() -> None:
    """The big one comes when the small one is idle, and back again."""
    runtime = FakeRuntime(SIZES)
    async with residency(runtime) as found, asyncio.timeout(5):
        first = await found.lease(SMALL, None)
        async with asyncio.TaskGroup() as group:
            big = group.create_task(found.lease(BIG, None))
            await asyncio.sleep(0.01)
            assert not big.done()
            found.leave(first)
        assert runtime.story == ["load small", "unload small", "load big"]
        found.leave(big.result())
        found.leave(await found.lease(SMALL, None))
        assert runtime.here == {"small"}


async def test_a_load_that_fails_is_a_failed_attempt() -> None:
    """With the runtime's reason; the plan goes on."""
    runtime = FakeRuntime(SIZES, broken={"big"})
    async with residency(runtime) as found, asyncio.timeout(5):
        with pytest.raises(AttemptFailed) as raised:
            await found.lease(BIG, None)
        assert (raised.value.failure.message, raised.value.failure.code) == ("big does not load", "no_room")
        found.leave(await found.lease(SMALL, None))


async def test_time_runs_out_and_callers_go_away() -> None:
    """Neither leaves anything behind."""
    runtime = FakeRuntime(SIZES, gate=asyncio.Event())
    async with residency(runtime) as found:
        with pytest.raises(AttemptFailed, match="was not in memory in time"):
            await found.lease(SMALL, time.monotonic() + 0.02)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(found.lease(BIG, None))
            await asyncio.sleep(0)
            task.cancel()
        assert task.cancelled()
        assert found.scheduler.next_tick_s() is None
        assert found.place(BIG) is None


async def test_whom_the_runtime_puts_out_by_itself_is_loaded_again() -> None:
    """It has rules of its own; what it does is seen after each load."""
    runtime = FakeRuntime(SIZES)
    async with residency(runtime, budget_gb=30) as found, asyncio.timeout(5):
        found.leave(await found.lease(SMALL, None))
        found.leave(await found.lease(BIG, None))
        assert runtime.here == {"small", "big"}
        found.leave(found.try_lease(BIG) or 0)
        found.scheduler.unloaded("big")
        runtime.here.clear()  # the runtime made room by itself
        found.leave(await found.lease(BIG, None))
        assert found.scheduler.presence("small") is Presence.ABSENT
        found.leave(await found.lease(SMALL, None))
        assert runtime.story == ["load small", "load big", "load big", "load small"]


async def test_a_restart_finds_what_is_loaded() -> None:
    """No load, no unload."""
    runtime = FakeRuntime(SIZES, here={"small", "somebody else's"} & SIZES.keys())
    async with residency(runtime) as found:
        assert found.scheduler.presence("small") is Presence.LOADED
        assert found.try_lease(SMALL) is not None
    assert runtime.story == []


async def test_the_router_loads_and_falls_back_when_there_is_no_room() -> None:
    """A pinned model leaves no room for the big one: the next candidate answers, and nothing was sent to it."""
    runtime = FakeRuntime(SIZES)
    catalog = a_catalog(BIG, SMALL, CLOUD)
    rig = a_rig(catalog, {name: [Answers(chunks=(whole(name),))] for name in ("small", "big", "cloud")})
    async with residency(runtime, pinned="small") as found, asyncio.timeout(5):
        entrance = ResidentLimits(limits=Limits(), residency=found)
        object.__setattr__(rig.router, "limits", entrance)
        assert text_of(await rig.router.complete(ask("hello"))) == "small"
        assert rig.tried() == ["small"]
        assert runtime.story == ["load small"]
        assert text_of(await rig.router.complete(ask("hello", model="cloud"))) == "cloud"
        with pytest.raises(AllAttemptsFailed, match=r"big needs 20\.0 GB beside 3\.0 GB of pinned models"):
            await rig.router.complete(ask("hello", model="big"))
        assert found.scheduler.place(0) is None
        found.prefetch(SMALL)
        assert runtime.story == ["load small"]


async def test_a_place_is_the_models_and_the_endpoints() -> None:
    """Both are given back together, once."""
    runtime = FakeRuntime(SIZES)
    async with residency(runtime) as found:
        entrance = ResidentLimits(limits=Limits(), residency=found)
        assert entrance.try_enter(SMALL) is None
        held = await entrance.enter(SMALL, None)
        again = entrance.try_enter(SMALL)
        assert again is not None
        for one in (held, again):
            one.first_byte()
            one.whole()
            one.release()
            one.release(failed=True)
        big = await entrance.enter(BIG, None)
        assert runtime.story == ["load small", "unload small", "load big"]
        big.release()
        plain = entrance.try_enter(CLOUD) or await entrance.enter(CLOUD, None)
        plain.release()


def test_a_place_tells_how_long() -> None:
    """For the progress that callers are shown."""
    assert Place(position=2, eta_s=3.5).eta_s == 3.5
