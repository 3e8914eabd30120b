"""A judge is asked each question once, few at a time, for a limited time, and not while it keeps failing."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from pointsman.core.chat import ChatReply, ChatRequest, Choice, Message, Role, Text, ask
from pointsman.core.errors import AttemptFailed, DeadlineExceeded, PointsmanError, Refused
from pointsman.core.failure import Failure, FailureKind
from pointsman.core.jsontypes import Json
from pointsman.routing.judge.asking import Judge
from pointsman.routing.judge.breaker import Breaker
from pointsman.routing.judge.memory import Memory
from pointsman.routing.judge.rubric import Scale
from pointsman.routing.judge.verdict import Verdict
from pointsman.routing.strategy import StrategyFailed
from pointsman.testing import ManualClock

PATIENCE_S = 30.0
BRIEF_S = 0.01


def reply(*texts: str, logprobs: Json = None) -> ChatReply:
    """A reply of these choices."""
    messages = [Message(role=Role.ASSISTANT, parts=(Text(text=text),)) for text in texts]
    choices = [
        Choice(index=index, message=message, stop_reason=None, logprobs=logprobs)
        for index, message in enumerate(messages)
    ]
    return ChatReply(id="1", model="judge", created_s=1, choices=tuple(choices))


def failed(status: int | None = None) -> AttemptFailed:
    """An attempt that failed; the server repeats the question in its message."""
    return AttemptFailed(
        Failure(kind=FailureKind.TRANSIENT, model="judge", endpoint="home", message="my secret", status=status)
    )


@dataclass
class Model:
    """Answers in turn, the last answer for ever; "hang" answers when it is let go."""

    script: Sequence[ChatReply | PointsmanError | str]
    asked: list[ChatRequest] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    go: asyncio.Event = field(default_factory=asyncio.Event)
    began: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, request: ChatRequest, /, *, deadline_s: float) -> ChatReply:
        """The next answer."""
        now = self.script[min(len(self.asked), len(self.script) - 1)]
        self.asked.append(request)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        self.began.set()
        try:
            if isinstance(now, str):
                await self.go.wait()
                return reply('{"model_choice": "pro"}')
            await asyncio.sleep(0)
        finally:
            self.under_way -= 1
        if isinstance(now, PointsmanError):
            raise now
        return now


def judge(model: Model, *, slots: int = 1, clock: ManualClock | None = None, scale: Scale = Scale.FLASH_PRO) -> Judge:
    """A judge that rests for 30 s after two failures."""
    clock = clock or ManualClock()
    return Judge(
        model=model,
        name="gemma",
        scale=scale,
        breaker=Breaker(clock=clock, failures=2, rest_s=30.0),
        memory=Memory(key=b"k", clock=clock),
        slots=slots,
    )


async def why_not(asked: Judge, text: str = "x", allowed_s: float = PATIENCE_S) -> str:
    """Why there is no verdict."""
    with pytest.raises(StrategyFailed) as caught:
        await asked.verdict(ask(text), allowed_s)
    return str(caught.value)


async def turns() -> None:
    """Let all others run until they wait."""
    for _ in range(20):
        await asyncio.sleep(0)


PRO, FLASH = reply('{"model_choice": "pro"}'), reply('```\n{"model_choice": "flash"}\n```')


async def test_a_verdict_is_asked_for_once_and_remembered() -> None:
    """Another question is another one."""
    model = Model([PRO, FLASH])
    asked = judge(model)
    assert asked.said_before(ask("x")) is None
    assert await asked.verdict(ask("x"), PATIENCE_S) == Verdict(word="pro")
    assert asked.said_before(ask("x")) == Verdict(word="pro")
    assert await asked.verdict(ask("y"), PATIENCE_S) == Verdict(word="flash")
    assert model.asked == [ask("x"), ask("y")]


async def test_the_likelihood_is_the_confidence() -> None:
    """Where the server gives it; a score has none."""
    tokens: Json = {"content": [{"token": "pro", "logprob": math.log(0.75), "top_logprobs": [
        {"token": "pro", "logprob": math.log(0.75)}, {"token": "flash", "logprob": math.log(0.25)},
    ]}]}  # fmt: skip
    model = Model([reply("pro", logprobs=tokens)])
    assert await judge(model).verdict(ask("x"), PATIENCE_S) == Verdict(word="pro", confidence=0.75)
    model = Model([reply("70", logprobs=tokens)])
    assert await judge(model, scale=Scale.SCORE).verdict(ask("x"), PATIENCE_S) == Verdict(score=70)


async def test_an_answer_that_is_none_is_remembered_too() -> None:
    """Asked again at temperature 0 it would say the same. The server works, so it is not left alone."""
    for answer in (reply("I am not sure."), reply()):
        asked = judge(Model([answer]))
        assert await why_not(asked) == "gemma gave no answer of the scale flash-pro"
        assert asked.said_before(ask("x")) == "gave no answer of the scale flash-pro"
        assert asked.breaker.rests_s == 0


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (failed(500), "gemma answered with status 500"),
        (failed(), "gemma could not be reached, or gave no answer of its API"),
        (DeadlineExceeded("my secret"), "gemma did not answer in time"),
        (Refused("my secret"), "gemma could not be asked (refused_by_policy)"),
    ],
)
async def test_a_failure_is_told_without_the_servers_words(error: PointsmanError, text: str) -> None:
    """They may repeat the question, and the trail is kept."""
    asked = judge(Model([error, PRO]))
    assert await why_not(asked) == text
    assert asked.said_before(ask("x")) is None
    assert await asked.verdict(ask("x"), PATIENCE_S) == Verdict(word="pro")


async def test_a_judge_that_keeps_failing_is_left_alone_for_a_while() -> None:
    """After the rest one question probes it; an answer ends the matter."""
    model, clock = Model([failed(500), failed(500), failed(500), PRO]), ManualClock()
    asked = judge(model, clock=clock)
    for _ in range(2):
        assert await why_not(asked) == "gemma answered with status 500"
    clock.advance(10)
    assert await why_not(asked) == "gemma keeps failing and is left alone for 20 s"
    clock.advance(20)
    assert await why_not(asked) == "gemma answered with status 500"
    assert await why_not(asked) == "gemma keeps failing and is left alone for 30 s"
    clock.advance(30)
    assert await asked.verdict(ask("x"), PATIENCE_S) == Verdict(word="pro")
    assert await asked.verdict(ask("y"), PATIENCE_S) == Verdict(word="pro")
    assert len(model.asked) == 5


async def test_a_judge_that_hangs_is_waited_for_until_its_time_is_up() -> None:
    """That is a failure of its own, and the slot is free again."""
    model = Model(["hang", "hang", PRO])
    asked = judge(model)
    for _ in range(2):
        assert await why_not(asked, allowed_s=BRIEF_S) == "gemma did not answer within 10 ms"
    assert model.under_way == 0
    assert await why_not(asked) == "gemma keeps failing and is left alone for 30 s"


async def test_the_same_question_at_the_same_time_is_put_once() -> None:
    """All who asked it hear the answer."""
    model = Model(["hang"])
    asked = judge(model)
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(asked.verdict(ask("x"), PATIENCE_S)) for _ in range(5)]
        await model.began.wait()
        model.go.set()
    assert [task.result() for task in waiting] == [Verdict(word="pro")] * 5
    assert len(model.asked) == 1


async def test_one_waits_for_the_slot_and_others_are_turned_away_at_once() -> None:
    """A server that answers one at a time would make them wait for each other."""
    model = Model(["hang"])
    asked = judge(model)
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(asked.verdict(ask(str(number)), PATIENCE_S)) for number in range(2)]
        await turns()
        assert await why_not(asked, "3") == "gemma is busy"
        model.go.set()
    assert [task.result() for task in waiting] == [Verdict(word="pro")] * 2
    assert (len(model.asked), model.most_under_way) == (2, 1)


async def test_as_many_as_there_are_slots_are_asked_at_once() -> None:
    """llama.cpp and Ollama can."""
    model = Model(["hang"])
    asked = judge(model, slots=3)
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(asked.verdict(ask(str(number)), PATIENCE_S)) for number in range(4)]
        await turns()
        assert model.under_way == 3
        model.go.set()
    assert [task.result() for task in waiting] == [Verdict(word="pro")] * 4
    assert model.most_under_way == 3


async def test_a_caller_who_leaves_is_no_failure_of_the_judge() -> None:
    """Whoever asked the same meanwhile goes on without a verdict; the next one asks anew."""
    model, clock = Model([failed(500), failed(500), "hang", PRO]), ManualClock()
    asked = judge(model, clock=clock)
    for _ in range(2):
        await why_not(asked)
    clock.advance(30)
    model.began.clear()
    async with asyncio.TaskGroup() as group:
        leaver = group.create_task(asked.verdict(ask("x"), PATIENCE_S))
        joiner = group.create_task(why_not(asked))
        await model.began.wait()
        leaver.cancel()
    assert joiner.result() == "gemma was asked the same by somebody who has left"
    assert leaver.cancelled()
    assert await asked.verdict(ask("x"), PATIENCE_S) == Verdict(word="pro")


async def test_one_who_leaves_the_queue_leaves_no_trace() -> None:
    """There is room for another one to wait."""
    model = Model(["hang"])
    asked = judge(model)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(asked.verdict(ask("1"), PATIENCE_S))
        await model.began.wait()
        assert await why_not(asked, "2", allowed_s=BRIEF_S) == "gemma did not answer within 10 ms"
        third = group.create_task(asked.verdict(ask("3"), PATIENCE_S))
        await turns()
        model.go.set()
    assert [first.result(), third.result()] == [Verdict(word="pro")] * 2


async def test_a_joiner_has_a_time_of_its_own() -> None:
    """Who may not wait as long leaves earlier, and the first one's question goes on."""
    model = Model(["hang"])
    asked = judge(model)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(asked.verdict(ask("x"), PATIENCE_S))
        await model.began.wait()
        assert await why_not(asked, allowed_s=BRIEF_S) == "gemma did not answer within 10 ms"
        model.go.set()
    assert first.result() == Verdict(word="pro")


def test_memory_keeps_the_last_used_for_a_time_and_no_text() -> None:
    """By a keyed hash: nothing of the question is in it, and another process's hashes are others."""
    clock = ManualClock()
    memory = Memory(key=b"one", clock=clock, most=2, ttl_s=60.0)
    a, b, c = (memory.digest(ask(text)) for text in ("a", "b", "c"))
    assert len({a, b, c, Memory(key=b"two", clock=clock).digest(ask("a"))}) == 4
    assert memory.digest(ask("\ud800")) != a
    memory.keep(a, Verdict(word="pro"))
    memory.keep(b, "said nothing")
    assert memory.find(a) == Verdict(word="pro")
    memory.keep(c, Verdict(score=9))
    assert [memory.find(digest) for digest in (a, b, c)] == [Verdict(word="pro"), None, Verdict(score=9)]
    clock.advance(59)
    memory.keep(c, Verdict(score=10))
    clock.advance(1)
    assert [memory.find(digest) for digest in (a, c)] == [None, Verdict(score=10)]
    assert "b'one'" not in repr(memory)


def test_a_breaker_opens_at_failures_in_a_row_only() -> None:
    """A success in between begins the count anew; one probe at a time; who leaves makes room for another."""
    clock = ManualClock()
    breaker = Breaker(clock=clock, failures=2, rest_s=10.0)
    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    assert breaker.may_ask()
    breaker.failed()
    assert (breaker.may_ask(), breaker.rests_s) == (False, 10.0)
    clock.advance(10)
    assert (breaker.may_ask(), breaker.may_ask()) == (True, False)
    breaker.released()
    assert (breaker.may_ask(), breaker.may_ask()) == (True, False)
    breaker.failed()
    assert (breaker.may_ask(), breaker.rests_s) == (False, 10.0)
    clock.advance(10)
    assert breaker.may_ask()
    breaker.succeeded()
    assert [breaker.may_ask() for _ in range(3)] == [True] * 3
