"""A slow local model gets a second beside it: one answer, whoever is first, and both costs in the record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from pointsman.core.catalog import ModelCard, Price
from pointsman.core.errors import AllAttemptsFailed
from pointsman.core.events import AttemptEnded, FinishReason
from pointsman.core.failure import FailureKind
from pointsman.core.ports import Egress, UpstreamCall
from pointsman.resilience.budget import RetryBudget
from pointsman.testing import Answers, Fails, FakeProvider, FakeResponse, Hangs, a_catalog
from tests.engine.lines import said, whole
from tests.engine.rig import Rig, Scripted, a_model, a_rig, inbound, say

NEAR, TWIN = a_model("near"), a_model("twin")
CLOUD = a_model("cloud", is_local=False)
HELLO = Answers(chunks=(whole("Hello"),))
STREAM = Answers(chunks=said("Hel", "lo"))
BROKEN = Fails(status=503, message="overloaded")


async def at_once(_seconds: float) -> None:
    """The head start is over before it began."""


async def never(_seconds: float) -> None:
    """The head start is never over."""
    await asyncio.Event().wait()


class Gated:
    """An endpoint that answers when it may."""

    def __init__(self, inner: FakeProvider) -> None:
        self.inner = inner
        self.was_asked = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def send(self, egress: Egress, call: UpstreamCall) -> FakeResponse:
        """See core.ports.Provider."""
        self.was_asked.set()
        await self.may_answer.wait()
        return await self.inner.send(egress, call)


def hedging(
    scripts: Mapping[str, Sequence[Scripted]],
    *cards: ModelCard,
    sleep: Callable[[float], object] = at_once,
    **changes: object,
) -> Rig:
    """A router that asks a second local model after two seconds."""
    rig = a_rig(a_catalog(*(cards or (NEAR, TWIN, CLOUD))), scripts)
    rig.router = replace(rig.router, hedge_after_s=2.0, sleep=sleep, **changes)  # type: ignore[arg-type]
    return rig


def gated(rig: Rig) -> tuple[Gated, Gated]:
    """The two local models, both waiting to be let answer."""
    near, twin = (Gated(rig.endpoints[name]) for name in ("near", "twin"))
    providers = {**rig.router.caller.providers, "at-near": near, "at-twin": twin}
    rig.router = replace(rig.router, caller=replace(rig.router.caller, providers=providers))
    return near, twin


def ends(rig: Rig) -> list[tuple[int, str, str | None]]:
    """The attempts that were no answer: number, model, code."""
    return [
        (event.number, event.failure.model, event.failure.code)
        for event in rig.events
        if isinstance(event, AttemptEnded)
    ]


def places(rig: Rig) -> list[int]:
    """How many slots are held at each endpoint that was asked."""
    return [load.inside for load in rig.router.limits.loads().values()]


async def turns() -> None:
    """Let the others have theirs."""
    for _ in range(50):
        await asyncio.sleep(0)


async def heard(rig: Rig) -> bytes:
    """A streamed answer, all of it."""
    started = await rig.router.answer_stream(inbound(stream=True), say)
    return b"".join([piece async for piece in started.pieces])


async def test_who_is_quick_is_asked_alone() -> None:
    """Nothing is asked twice for nothing."""
    rig = hedging({"near": [HELLO], "twin": [HELLO]}, sleep=never)
    answer = await rig.router.answer(inbound())
    assert (answer.card.id, rig.tried(), ends(rig)) == ("near", ["near"], [])


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_model_that_hangs_costs_the_head_start_only(*, is_streamed: bool) -> None:
    """The second answers, the first is cancelled and recorded with its prompt; nobody is called unwell."""
    rig = hedging({"near": [Hangs()], "twin": [STREAM if is_streamed else HELLO]})
    text = await heard(rig) if is_streamed else (await rig.router.answer(inbound())).whole.body
    assert b"Hello" in text or b"lo" in text
    assert (rig.tried(), ends(rig)) == (["near", "twin"], [(1, "near", "hedge_lost")])
    done = rig.finished
    assert (done.reason, done.served, done.attempts, done.fallbacks) == (FinishReason.OK, "twin", 2, 0)
    assert rig.router.health.is_all_well
    assert places(rig) == [0, 0]


async def test_both_costs_are_recorded() -> None:
    """A local model may have a price too: the loser's prompt counts as read."""
    price = Price(input_usd_per_mtok=1e6, output_usd_per_mtok=0.0)
    cards = (a_model("near", price=price), a_model("twin", price=price))
    lone = a_rig(a_catalog(*cards), {"near": [HELLO]})
    await lone.router.answer(inbound())
    rig = hedging({"near": [Hangs()], "twin": [HELLO]}, *cards)
    await rig.router.answer(inbound())
    read = rig.router.decider.features_of(inbound().request).estimated_input_tokens
    assert lone.finished.cost_usd is not None
    assert rig.finished.cost_usd == lone.finished.cost_usd + read
    assert rig.finished.usage is not None
    assert rig.finished.usage.is_estimated


async def test_who_was_first_after_all_gives_the_answer() -> None:
    """The second is cancelled before it said anything."""
    rig = hedging({"near": [HELLO], "twin": [HELLO]})
    near, twin = gated(rig)
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(rig.router.answer(inbound()))
        await twin.was_asked.wait()
        near.may_answer.set()
    assert (asking.result().card.id, ends(rig)) == ("near", [(2, "twin", "hedge_lost")])
    assert rig.endpoints["twin"].calls == []
    assert places(rig) == [0, 0]


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_when_both_answer_there_is_one_answer(*, is_streamed: bool) -> None:
    """The later one is closed, and nothing is said twice."""
    script = [STREAM if is_streamed else HELLO]
    rig = hedging({"near": script, "twin": script})
    near, twin = gated(rig)
    async with asyncio.TaskGroup() as group:
        task = heard(rig) if is_streamed else answer_body(rig)
        asking = group.create_task(task)
        await twin.was_asked.wait()
        near.may_answer.set()
        twin.may_answer.set()
    text = asking.result()
    assert text in (b"Hello", b"HELLO") or text.count(b"Hel") == 1
    assert [response.closed for response in rig.responses] == [1] * len(rig.responses)
    assert (rig.finished.served, ends(rig)) == ("near", [(2, "twin", "hedge_lost")])
    assert places(rig) == [0, 0]


async def answer_body(rig: Rig) -> bytes:
    """A whole answer's bytes."""
    return (await rig.router.answer(inbound())).whole.body


@pytest.mark.parametrize("failing", ["near", "twin"])
async def test_when_one_fails_the_other_answers(failing: str) -> None:
    """Its failure is recorded as that attempt's, and counts."""
    other = "twin" if failing == "near" else "near"
    rig = hedging({failing: [BROKEN], other: [HELLO]})
    asked = dict(zip(("near", "twin"), gated(rig), strict=True))
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(rig.router.answer(inbound()))
        await asked["twin"].was_asked.wait()
        asked[failing].may_answer.set()
        await turns()
        asked[other].may_answer.set()
    answer = asking.result()
    assert (answer.card.id, answer.fallbacks) == (other, 1)
    assert [(number, model) for number, model, _ in ends(rig)] == [(1 if failing == "near" else 2, failing)]
    assert [failure.kind for failure in answer.failures] == [FailureKind.TRANSIENT]


async def test_when_both_fail_the_plan_goes_on() -> None:
    """The next is asked once, alone: it is in the cloud."""
    rig = hedging({"near": [BROKEN], "twin": [BROKEN], "cloud": [HELLO]})
    asked = gated(rig)
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(rig.router.answer(inbound()))
        for one in asked:
            await one.was_asked.wait()
        for one in asked:
            one.may_answer.set()
    assert (asking.result().card.id, asking.result().fallbacks) == ("cloud", 2)
    assert rig.tried() == ["near", "twin", "cloud"]


async def test_when_all_fail_there_is_one_error() -> None:
    """It names both."""
    rig = hedging({"near": [BROKEN], "twin": [BROKEN]}, NEAR, TWIN)
    with pytest.raises(AllAttemptsFailed, match=r"near: overloaded; twin: overloaded"):
        await rig.router.answer(inbound())
    assert rig.finished.attempts == 2


async def test_nothing_in_the_cloud_is_asked_twice() -> None:
    """Neither a slow cloud model gets a second, nor is one that second."""
    rig = hedging({"near": [Hangs()], "cloud": [HELLO]}, NEAR, CLOUD)
    cloud = hedging({"cloud": [HELLO], "near": [HELLO]}, CLOUD, NEAR)
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(rig.router.answer(inbound()))
        await turns()
        assert rig.tried() == ["near"]
        asking.cancel()
    assert (await cloud.router.answer(inbound(model="cloud"))).card.id == "cloud"
    assert cloud.tried() == ["cloud"]


@pytest.mark.parametrize("why", ["unwell", "full", "no budget"])
async def test_without_a_well_model_that_has_room_there_is_no_second(why: str) -> None:
    """A hedge waits for no slot, wakes nobody who is left alone, and is not part of an overload."""
    budget = RetryBudget(at_least=0, share=0.0) if why == "no budget" else RetryBudget()
    narrow = replace(TWIN, endpoint=replace(TWIN.endpoint, slots=1))
    rig = hedging({"near": [Hangs()], "twin": [HELLO]}, NEAR, narrow, budget=budget)
    if why == "full":
        assert rig.router.limits.try_enter(narrow) is not None
    if why == "unwell":
        failure = BROKEN.error("twin", "at-twin").failure
        rule = rig.router.catalog.policy_of("twin").rule(failure.kind)
        for _ in range(10):
            rig.router.health.failed(narrow, failure, rule)
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(rig.router.answer(inbound()))
        await turns()
        assert rig.tried() == ["near"]
        asking.cancel()
    assert rig.finished.reason is FinishReason.CANCELLED
    assert rig.router.budget.retrying == 0


async def test_a_caller_who_leaves_ends_both() -> None:
    """No slot and no answer is left behind."""
    rig = hedging({"near": [Hangs()], "twin": [Hangs()]})
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(rig.router.answer(inbound()))
        await turns()
        assert rig.tried() == ["near", "twin"]
        asking.cancel()
    assert (rig.finished.reason, rig.finished.attempts) == (FinishReason.CANCELLED, 2)
    assert places(rig) == [0, 0]
    assert rig.router.budget.retrying == 0
