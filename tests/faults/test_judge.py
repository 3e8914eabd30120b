"""Fault 47: the local judge is down, slow, or answers nonsense. Rules decide in its time; private stays private."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from tests.faults.conftest import Opens
from tests.faults.place import Heard, Place
from tests.faults.upstream import (
    CLOSE,
    GEMINI,
    HTML,
    OPENAI,
    RESET,
    STALL,
    Act,
    Dialect,
    Faulty,
    answers,
    black_hole,
    faulty,
    good,
    head,
    model,
    plays,
    refuses,
    refusing,
)

DEADLINE_MS = 200
MARGIN_S = 1.0  # the tests share two cores with others; alone it is some milliseconds
SMALL, LARGE = good(OPENAI, "From the small one."), good(OPENAI, "From the large one.")
JUDGE = "gemma3-1b-gpu-custom"
UNREACHABLE = "could not be reached, or gave no answer of its API"
NONE = "gave no answer of the scale flash-pro"
LATE = f"did not answer within {DEADLINE_MS} ms"
PRO = '{"reasoning": "It is vague.", "model_choice": "pro"}'

FAILS: Mapping[str, tuple[Act, str]] = {
    "hangs": (plays(STALL), LATE),
    "hangs amid its answer": (plays(head(200, {"content-length": "500"}), b'{"candidates": [', STALL), LATE),
    "hangs up": (plays(CLOSE), UNREACHABLE),
    "resets": (plays(RESET), UNREACHABLE),
    "500": (refuses(500, "broken"), "answered with status 500"),
    "500 as a page": (answers(500, HTML, content="text/html"), "answered with status 500"),
    "404 as a page": (answers(404, HTML, content="text/html"), "answered with status 404"),
    "a page": (answers(200, HTML, content="text/html"), UNREACHABLE),
    "an error with 200": (answers(200, {"error": {"code": 500, "message": "hi"}}), "answered with status 500"),
    "another API": (answers(200, {"choices": []}), UNREACHABLE),
    "nonsense": (good(GEMINI, "As an AI I would rather not say."), NONE),
    "both words": (good(GEMINI, "flash or pro, who knows"), NONE),
    "nothing": (good(GEMINI, ""), NONE),
    "a page as its answer": (good(GEMINI, HTML.decode()), NONE),
}
LANDS = (
    *("France", "Spain", "Italy", "Germany", "Austria", "Norway", "Sweden", "Finland", "Poland", "Greece"),
    *("Japan", "China", "India", "Egypt", "Kenya", "Canada", "Mexico", "Brazil", "Chile", "Peru"),
)
ANSWERS = {
    "JSON": PRO,
    "fenced": f"```json\n{PRO}\n```",
    "prose": f"Of course! Here is my answer:\n{PRO}\nI hope this helps.",
    "a word": "pro.",
    "cut": PRO[:-2],
}


@asynccontextmanager
async def place_with(gateway: Opens, host: str, **settings: object) -> AsyncIterator[tuple[Place, Faulty, Faulty]]:
    """A gateway on a small and a large model, whose judge is at *host*."""
    judge = {"enabled": True, "host": host, "deadline_ms": DEADLINE_MS, **settings}
    async with (
        faulty(SMALL) as small,
        faulty(LARGE) as large,
        gateway(model(OPENAI, small.url), model(OPENAI, large.url, "large", "complex"), classifier=judge) as place,
    ):
        yield place, small, large


async def step(place: Place, heard: Heard) -> tuple[str, str]:
    """What the trail says of the judge."""
    (found,) = [step for step in (await place.row(heard))["trail"] if step["strategy"] == "local-judge"]
    return found["outcome"], found["detail"]


async def assert_goes_on(place: Place, reason: str) -> None:
    """The scorer decides within the judge's time, and the trail says why."""
    began = time.monotonic()
    heard = await place.ask()
    assert time.monotonic() - began < DEADLINE_MS / 1e3 + MARGIN_S
    assert heard.outcome == (200, "From the small one.")
    assert heard.headers["x-pointsman-strategy"] == "learned"
    assert await step(place, heard) == ("failed", f"{JUDGE} {reason}")


@pytest.mark.parametrize("name", FAILS)
async def test_47_the_judge_fails(gateway: Opens, name: str) -> None:
    """The rules decide in time, and the large model is not taken for want of a verdict."""
    act, reason = FAILS[name]
    async with faulty(act) as judge, place_with(gateway, judge.url) as (place, _, large):
        await assert_goes_on(place, reason)
        assert large.calls == []
        assert judge.calls[0].path == f"/v1beta/models/{JUDGE}:generateContent"


async def test_47_the_judge_is_down(gateway: Opens) -> None:
    """Nobody listens: that is found out at once, and after three times nobody asks for half a minute."""
    with refusing() as nowhere:
        async with place_with(gateway, nowhere) as (place, _, _):
            for number in range(3):
                heard = await place.ask(messages=[{"role": "user", "content": f"hi {number}"}])
                assert await step(place, heard) == ("failed", f"{JUDGE} {UNREACHABLE}")
            heard = await place.ask()
            assert heard.outcome == (200, "From the small one.")
            assert (await step(place, heard))[1] in {
                f"{JUDGE} keeps failing and is left alone for {seconds} s" for seconds in (29, 30)
            }


async def test_47_the_judge_is_off_the_net(gateway: Opens) -> None:
    """No answer to a SYN counts as any other hang."""
    with black_hole() as nowhere:
        async with place_with(gateway, nowhere) as (place, _, _):
            await assert_goes_on(place, LATE)


@pytest.mark.parametrize("dialect", [GEMINI, OPENAI], ids=lambda one: one.name)
@pytest.mark.parametrize("name", ANSWERS)
async def test_47_the_judge_wraps_its_word(gateway: Opens, name: str, dialect: Dialect) -> None:
    """What gemini-cli skips, its own classifier's fenced JSON and prose, is understood."""
    async with (
        faulty(good(dialect, ANSWERS[name])) as judge,
        place_with(gateway, judge.url, dialect=dialect.name) as (place, _, _),
    ):
        heard = await place.ask()
        assert heard.outcome == (200, "From the large one.")
        assert heard.headers["x-pointsman-strategy"] == "local-judge"
        assert await step(place, heard) == ("picked", f"{JUDGE} says 'pro' -> complex")
        again = await place.ask()
        assert (again.model, len(judge.calls)) == ("large", 1)


async def test_47_a_server_that_fails_at_an_answers_shape(gateway: Opens) -> None:
    """llama.cpp's 500: the same is asked once more in plain words."""
    async with (
        faulty(refuses(500, "does not match the expected format"), good(OPENAI, "flash")) as judge,
        place_with(gateway, judge.url, dialect="openai_chat") as (place, _, _),
    ):
        heard = await place.ask()
        assert await step(place, heard) == ("picked", f"{JUDGE} says 'flash' -> simple")
    shaped, plain = judge.calls
    assert {"response_format", "logprobs", "top_logprobs"} <= set(shaped.body or {})
    assert set(plain.body or {}) == {"messages", "model", "temperature", "max_tokens"}


async def test_47_a_crowd_before_a_judge_that_hangs(gateway: Opens) -> None:
    """One is asked about, one waits, the others go on at once; nobody waits longer than the judge's time."""
    async with faulty(plays(STALL)) as judge, place_with(gateway, judge.url) as (place, _, large):
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            asks = [
                group.create_task(place.ask(messages=[{"role": "user", "content": f"What is the capital of {land}?"}]))
                for land in LANDS
            ]
        assert time.monotonic() - began < DEADLINE_MS / 1e3 + MARGIN_S
        steps = [await step(place, ask.result()) for ask in asks]
        assert {ask.result().outcome for ask in asks} == {(200, "From the small one.")}
        assert large.calls == []
    assert len(judge.calls) == 1
    assert Counter(steps) == {("failed", f"{JUDGE} is busy"): 18, ("failed", f"{JUDGE} {LATE}"): 2}


async def test_47_a_private_request_is_judged_at_home_and_stays_there(gateway: Opens) -> None:
    """The judge sees it, for it is local; whatever it says, no model outside does."""
    async with faulty(good(GEMINI, PRO)) as judge, faulty(SMALL) as small, faulty(LARGE) as cloud:
        outside = model(OPENAI, cloud.url, "large", "complex", local=False)
        settings = {"enabled": True, "host": judge.url, "deadline_ms": 5000}
        async with gateway(model(OPENAI, small.url), outside, classifier=settings) as place:
            heard = await place.ask(headers={"x-pointsman-privacy": "private"})
            assert heard.outcome == (200, "From the small one.")
            assert await step(place, heard) == ("picked", f"{JUDGE} says 'pro' -> complex")
            assert (len(judge.calls), cloud.calls) == (1, [])
            assert (await place.ask(messages=[{"role": "user", "content": "hi!"}])).model == "large"
