"""Who waits at the terminal until a model is in memory is told their place."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from pointsman.cli.conversation import Conversation, Heard, answer
from pointsman.engine.residency import Housed, Residency, ResidentLimits
from pointsman.engine.swap import SwapAware
from pointsman.local.model_state import LocalModel
from pointsman.local.scheduler import Place, Scheduler
from pointsman.testing import Answers, FakeRuntime, a_catalog
from tests.engine.lines import said
from tests.engine.rig import a_model, a_rig

GB = 1_000_000_000


async def test_a_load_is_told_with_place_and_time() -> None:
    """Until it is done; then the answer comes as ever."""
    small = a_model("small")
    rig = a_rig(a_catalog(small), {"small": [Answers(chunks=said("Hel", "lo"))]})
    runtime = FakeRuntime({"small": GB}, gate=asyncio.Event())
    model = LocalModel(name="small", size_bytes=GB, load_s=9.0)
    residency = Residency(
        scheduler=Scheduler(models=[model], budget_bytes=2 * GB, clock=time.monotonic),
        housed={"small": Housed(runtime=runtime, model="small")},
        clock=time.monotonic,
    )
    told: list[Place] = []

    def waits(place: Place) -> None:
        told.append(place)
        assert runtime.gate is not None
        runtime.gate.set()

    async with residency, asyncio.timeout(5):
        memory = SwapAware(residency=residency, tier_of=lambda _name: None)
        router = replace(
            rig.router,
            decider=replace(rig.router.decider, memory=memory),
            limits=ResidentLimits(limits=rig.router.limits, residency=residency),
        )
        conversation = Conversation(model="auto")
        heard = Heard(request=conversation.request("hi", None))
        shown: list[str] = []
        await answer(router, conversation, heard, shown.append, waits=waits)
    assert shown == ["Hel", "lo"]
    assert told[0].position == 1
    assert 8.0 < told[0].eta_s < 9.0
