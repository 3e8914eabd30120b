"""Faults 38, 45, 46, 48 and 49: clocks that jump, local servers in a plight, broken detectors, hedges, repeats."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pointsman.core.catalog import ModelCard
from pointsman.core.decision import RoutingContext, Struck
from pointsman.core.health import HealthState
from pointsman.engine.router import Router
from tests.adapters.http.servers import Peer
from tests.e2e.cutting_ollama import Age, cutting_ollama
from tests.e2e.wire import Call
from tests.faults.conftest import Opens
from tests.faults.place import CHAT, HI, opened
from tests.faults.program import BODY, serving, write
from tests.faults.upstream import (
    OLLAMA,
    OPENAI,
    STALL,
    Act,
    answers,
    faulty,
    good,
    model,
    plays,
    refuses,
    streams,
)

PRIVATE = {"x-pointsman-privacy": "private"}
SPARE = good(OPENAI, "From the spare.")


# ── 38: the clock ──


@dataclass(slots=True)
class WallClock:
    """The time of day, which somebody sets."""

    ahead_s: float = 0.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self.ahead_s

    def into(self, router: Router) -> Router:
        """*router* by this clock."""
        router.health.now = self.now
        return replace(router, now=self.now)


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0], ids=["an hour ahead", "an hour back"])
async def test_38_the_clock_jumps(tmp_path: Path, jump_s: float) -> None:
    """Clock jump of ±1 h: time-outs, deadlines and cooling run on by the monotonic clock; no negative durations."""
    clock = WallClock()
    jumps = asyncio.Event()

    async def stalls(peer: Peer, call: Call) -> None:
        await streams(OPENAI, *OPENAI.unfinished("Once"), jumps, STALL)(peer, call)

    async with (
        faulty(refuses(500, "boom"), refuses(500, "boom"), refuses(500, "boom"), stalls) as first,
        faulty(SPARE) as spare,
    ):
        models = [model(OPENAI, first.url, idle_timeout_s=0.2), model(OPENAI, spare.url, "spare", "medium")]
        config = {"models": models, "resilience": {"cooldown_s": 0.5, "max_cooldown_s": 0.5}}
        async with opened(config, tmp_path, change=clock.into) as place:
            for _ in range(3):
                await place.ask()
            cooling = place.router.health.healths()
            clock.ahead_s = jump_s
            at_once = await place.ask()
            calls = len(first.calls)
            await _until_tried(place.router)
            asyncio.get_running_loop().call_later(0.05, jumps.set)
            asyncio.get_running_loop().call_later(0.05, lambda: setattr(clock, "ahead_s", -jump_s))
            began = time.monotonic()
            broken = await place.ask("first", stream=True)
            elapsed_s = time.monotonic() - began
            row = await place.row(broken)
    assert [one.state for one in cooling] == [HealthState.COOLING]
    assert (at_once.outcome, calls) == ((200, "From the spare."), 3)  # still left alone
    assert "stalled" in broken.text
    assert 0.2 <= elapsed_s < 5
    durations = [value for key, value in row.items() if key.endswith("_ms") and value is not None]
    durations += [attempt["elapsed_ms"] for attempt in row["attempts"]]
    assert min(durations) >= 0


async def _until_tried(router: Router) -> None:
    card = router.catalog.models[0]
    async with asyncio.timeout(5):
        while not router.health.may_try(card):  # noqa: ASYNC110  time alone changes it
            await asyncio.sleep(0.02)


async def test_38_the_process_sleeps(tmp_path: Path) -> None:
    """Suspend and resume: a stream that goes on in time is whole, the gateway goes on."""
    goes_on = asyncio.Event()
    frames = OPENAI.frames("Once upon a time")
    act = streams(OPENAI, *frames[:3], goes_on, *frames[3:])
    async with faulty(act, good(OPENAI, "Awake.")) as upstream:
        write(tmp_path, model(OPENAI, upstream.url))
        async with serving(tmp_path) as running:
            async with running.http.stream("POST", CHAT, json={**BODY, "stream": True}) as response:
                pieces = response.aiter_text()
                text = await anext(pieces)
                os.kill(running.pid, signal.SIGSTOP)
                goes_on.set()
                await asyncio.sleep(0.5)  # it is the time asleep that is tested
                os.kill(running.pid, signal.SIGCONT)
                text += "".join([piece async for piece in pieces])
            after = await running.ask()
    assert text.rstrip().endswith("data: [DONE]")
    assert after.outcome == (200, "Awake.")


# ── 45: local model servers ──


LOADING = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
OUT_OF_MEMORY = {"error": "llama runner process has terminated: cudaMalloc failed: out of memory"}
BUSY = {"error": "server busy, please try again.  maximum pending requests exceeded"}


async def test_45_a_model_that_loads(gateway: Opens) -> None:
    """Local server loading (503): waited for within the cold-start allowance, and it is no fault of its health."""
    loading = answers(503, LOADING)
    async with faulty(loading, loading, good(OPENAI, "Loaded.")) as only, gateway(model(OPENAI, only.url)) as place:
        heard = await place.ask()
        healths = place.router.health.healths()
    assert heard.outcome == (200, "Loaded.")
    assert (len(only.calls), healths) == (3, [])


async def test_45_a_model_that_was_swapped_out(gateway: Opens) -> None:
    """Local server swapped out (slow first byte): waited for longer than any other stall."""
    goes_on = asyncio.Event()
    act = streams(OPENAI, goes_on, *OPENAI.frames("Back in memory."))
    async with (
        faulty(act) as only,
        gateway(model(OPENAI, only.url, first_byte_timeout_s=10, idle_timeout_s=0.1)) as place,
    ):
        asyncio.get_running_loop().call_later(0.4, goes_on.set)
        heard = await place.ask(stream=True)
    assert heard.outcome == (200, "Back in memory.")


@pytest.mark.parametrize(
    ("status", "body"), [(500, OUT_OF_MEMORY), (503, BUSY)], ids=["out of GPU memory", "queue full"]
)
@pytest.mark.parametrize("has_other", [True, False])
async def test_45_a_private_request_stays_here(
    gateway: Opens, status: int, body: Mapping[str, str], *, has_other: bool
) -> None:
    """Local server out of GPU memory or busy, private request: another local model or 503, never the cloud."""
    async with faulty(answers(status, body)) as local, faulty(SPARE) as cloud, faulty(good(OPENAI, "Here.")) as other:
        models = [model(OLLAMA, local.url), model(OPENAI, cloud.url, "cloud", "medium", local=False)]
        if has_other:
            models.append(model(OPENAI, other.url, "other", "complex"))
        async with gateway(*models, resilience={"num_retries": 0}) as place:
            heard = await place.ask(headers=PRIVATE)
    assert cloud.calls == []
    if has_other:
        assert heard.outcome == (200, "Here.")
    else:
        assert heard.outcome == (503, "no_model_available")
        assert "retry-after" in heard.headers


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_45_a_prompt_that_is_cut(gateway: Opens, *, is_streamed: bool) -> None:
    """Local server that cuts the prompt in silence: found out by `prompt_eval_count`; a larger window answers."""
    sentence = "The quick brown fox jumps over the lazy dog. "
    turns = [(9_000, "user"), (4_000, "assistant"), (4_350, "user")]
    messages = [{"role": role, "content": (sentence * 300)[:chars]} for chars, role in turns]
    async with cutting_ollama(Age.DROPS) as ollama, faulty(SPARE) as large:
        small = model(OLLAMA, ollama.server.url, defaults={"num_ctx": 4_096})
        models = small, model(OPENAI, large.url, "large", "medium", context_tokens=100_000)
        async with gateway(*models, context_window_fallbacks={"first": ["large"]}) as place:
            heard = await place.ask("first", stream=is_streamed, messages=messages)
    if is_streamed and heard.model == "first":
        assert "context" in heard.error["message"]  # its words were on their way before its count came
    else:
        assert heard.outcome == (200, "From the spare.")


# ── 46: a detector ──


class Broken:
    """A constraint whose work raises."""

    name = "detector"

    def __init__(self, error: Exception) -> None:
        """Raise *error* each time."""
        self.error = error

    def strike(self, context: RoutingContext, cards: Sequence[ModelCard], /) -> Sequence[Struck]:
        """Never returns."""
        raise self.error


def with_constraint(broken: Broken) -> Callable[[Router], Router]:
    """Put *broken* before the others."""

    def change(router: Router) -> Router:
        chain = router.decider.chain
        constraints = (broken, *chain.constraints)
        decider = replace(router.decider, chain=replace(chain, constraints=constraints))
        return replace(router, decider=decider)

    return change


@pytest.mark.parametrize("error", [RuntimeError("boom"), TimeoutError(), RecursionError()], ids=repr)
@pytest.mark.parametrize("has_local", [True, False])
async def test_46_a_detector_that_raises(tmp_path: Path, error: Exception, *, has_local: bool) -> None:
    """Detector raises or runs out of time: the request is treated as private; without a local model it is refused."""
    async with faulty(SPARE) as cloud, faulty(good(OPENAI, "Here.")) as local:
        models = [model(OPENAI, cloud.url, "cloud", local=False)]
        models += [model(OPENAI, local.url, "local", "medium")] if has_local else []
        async with opened({"models": models}, tmp_path, change=with_constraint(Broken(error))) as place:
            heard = [await place.ask(name) for name in ("auto", "cloud")]
    assert cloud.calls == []
    assert heard[0].outcome == ((200, "Here.") if has_local else (403, "refused_by_policy"))
    assert heard[1].outcome == (403, "refused_by_policy")


# ── 48: a hedge ──


SLOW: Mapping[str, tuple[Act, Act, str]] = {
    "both answer": (good(OPENAI, "The first."), good(OPENAI, "The second."), ""),
    "the second wins": (plays(STALL), good(OPENAI, "The second."), "The second."),
    "the second fails": (good(OPENAI, "The first."), refuses(500, "boom"), "The first."),
    "the second is late": (good(OPENAI, "The first."), plays(STALL), "The first."),
}


@pytest.mark.parametrize("name", SLOW)
@pytest.mark.parametrize("is_streamed", [False, True])
async def test_48_a_hedge(gateway: Opens, name: str, *, is_streamed: bool) -> None:
    """Hedge (both answer, loser late, loser errors): one answer, the loser cancelled, both attempts recorded."""
    act, other, said = SLOW[name]
    begins = asyncio.Event()

    async def slow(peer: Peer, call: Call) -> None:
        await begins.wait()
        await act(peer, call)

    async with faulty(slow) as first, faulty(other) as second:
        models = model(OPENAI, first.url), model(OPENAI, second.url, "second", "medium")
        async with gateway(*models, resilience={"hedge": {"after_s": 0.1}}) as place:
            asyncio.get_running_loop().call_later(0.3, begins.set)
            heard = await place.ask(stream=is_streamed)
            row = await place.row(heard)
            if name == "the second wins":
                await first.was_left()
            if name == "the second is late":
                await second.was_left()
    assert heard.status == 200
    assert heard.said in ({said} if said else {"The first.", "The second."})
    assert (len(first.calls), len(second.calls)) == (1, 1)
    assert {attempt["model"] for attempt in row["attempts"]} == {"first", "second"}


async def test_48_never_outside(gateway: Opens) -> None:
    """Hedge where a model outside is slow, or the only other one is outside: nobody is asked twice."""
    begins = asyncio.Event()

    async def slow(peer: Peer, call: Call) -> None:
        await begins.wait()
        await good(OPENAI, "The first.")(peer, call)

    async with faulty(slow) as first, faulty(SPARE) as cloud:
        models = model(OPENAI, first.url), model(OPENAI, cloud.url, "cloud", "medium", local=False)
        async with gateway(*models, resilience={"hedge": {"after_s": 0.05}}) as place:
            asyncio.get_running_loop().call_later(0.3, begins.set)
            heard = await place.ask()
    assert heard.outcome == (200, "The first.")
    assert cloud.calls == []


# ── 49: a repeat ──


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_49_the_same_key_twice(gateway: Opens, *, is_streamed: bool) -> None:
    """Same Idempotency-Key in flight, after the end, with another body: joined, replayed, 422."""
    goes_on = asyncio.Event()

    async def slow(peer: Peer, call: Call) -> None:
        await goes_on.wait()
        await good(OPENAI, "Once.")(peer, call)

    key = {"idempotency-key": "one"}
    async with faulty(slow) as upstream, gateway(model(OPENAI, upstream.url)) as place:
        async with asyncio.TaskGroup() as group:
            joined = [group.create_task(place.ask(stream=is_streamed, headers=key)) for _ in range(3)]
            await upstream.was_asked()
            asyncio.get_running_loop().call_later(0.1, goes_on.set)
        replayed = await place.ask(stream=is_streamed, headers=key)
        other = await place.ask(stream=is_streamed, headers=key, messages=[*HI, *HI])
    answers_: list[Any] = [one.result() for one in joined]
    assert [one.outcome for one in (*answers_, replayed)] == [(200, "Once.")] * 4
    assert len({one.text for one in (*answers_, replayed)}) == 1
    assert replayed.headers["idempotency-replayed"] == "true"
    assert other.status == 422
    assert len(upstream.calls) == 1
