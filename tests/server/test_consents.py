"""Questions that wait: whom they are shown to, how they end, and that there are never too many."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from pointsman.core.consent import Consent, Question, Unanswered
from pointsman.core.decision import Caller
from pointsman.core.errors import ConsentSettled, InvalidRequest, UnknownConsent
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.server.consents import MOST_OPEN, NOBODY, OpenQuestions
from tests.resilience.test_wording import QUESTION

ALICE = Caller(key_id="a", session="s1")


def identity(shown: JsonObject) -> str:
    """A question's id."""
    found = shown["id"]
    assert isinstance(found, str)
    return found


def choices_of(shown: JsonObject) -> list[Json]:
    """The answers it offers."""
    choices = shown["choices"]
    assert isinstance(choices, list)
    return [choice["answer"] for choice in choices if isinstance(choice, dict)]


Asking = Callable[..., asyncio.Task[Consent | Unanswered]]


@pytest.fixture
def questions() -> OpenQuestions:
    """None is open yet."""
    return OpenQuestions()


@pytest.fixture
async def asking(questions: OpenQuestions) -> AsyncIterator[Asking]:
    """Makes requests that wait for an answer; whoever still does at the end of the test is cancelled."""
    async with asyncio.TaskGroup() as group:
        made: list[asyncio.Task[Consent | Unanswered]] = []

        def ask(
            caller: Caller = ALICE, question: Question = QUESTION, *, timeout_s: float = 20.0
        ) -> asyncio.Task[Consent | Unanswered]:
            asker = questions.asker(caller, timeout_s=timeout_s, unattended=Consent.ONCE)

            async def wait() -> Consent | Unanswered:
                try:
                    return await asker(question)
                except Unanswered as nobody:
                    return nobody

            made.append(group.create_task(wait()))
            return made[-1]

        yield ask
        for task in made:
            task.cancel()


async def test_an_answer_ends_the_wait(questions: OpenQuestions, asking: Asking) -> None:
    """And the question is open to nobody from then on."""
    waiting = asking()
    await asyncio.sleep(0)
    (shown,) = await questions.open_to("a")
    await questions.answer(identity(shown), "a", Consent.SESSION)
    assert await questions.open_to("a") == []
    assert await waiting is Consent.SESSION
    assert await questions.endings([identity(shown), "other"]) == {identity(shown): "session"}


async def test_each_key_and_session_sees_its_own(questions: OpenQuestions, asking: Asking) -> None:
    """Without keys there is one owner, None."""
    callers = [ALICE, replace(ALICE, session="s2"), Caller(key_id="b", session="s1"), Caller()]
    waiting = [asking(caller) for caller in callers]
    await asyncio.sleep(0)
    seen = [
        [one["session"] for one in await questions.open_to(owner, session)]
        for owner, session in (("a", None), ("a", "s2"), ("b", "s2"), (None, None))
    ]
    assert seen == [["s1", "s2"], ["s2"], [], [None]]
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    assert await questions.open_to("a") == []


@pytest.mark.parametrize("owner", ["b", None])
async def test_whoever_guesses_an_id_learns_nothing(
    questions: OpenQuestions, asking: Asking, owner: str | None
) -> None:
    """Open or settled, it is as if it were not there."""
    waiting = asking()
    await asyncio.sleep(0)
    (shown,) = await questions.open_to("a")
    with pytest.raises(UnknownConsent):
        await questions.answer(identity(shown), owner, Consent.ONCE)
    await questions.answer(identity(shown), "a", Consent.STOP)
    await waiting
    with pytest.raises(UnknownConsent):
        await questions.answer(identity(shown), owner, Consent.ONCE)


async def test_the_first_answer_counts(questions: OpenQuestions, asking: Asking) -> None:
    """The second is told which that was, even before the request has gone on."""
    waiting = asking()
    await asyncio.sleep(0)
    (shown,) = await questions.open_to("a")
    await questions.answer(identity(shown), "a", Consent.STOP)
    for _ in range(2):
        with pytest.raises(ConsentSettled, match="it was answered with stop"):
            await questions.answer(identity(shown), "a", Consent.ONCE)
        await waiting


async def test_what_is_no_choice_is_no_answer(questions: OpenQuestions, asking: Asking) -> None:
    """Where trying again cannot help it is not offered either."""
    waiting = asking(question=replace(QUESTION, can_keep_trying=False))
    await asyncio.sleep(0)
    (shown,) = await questions.open_to("a")
    with pytest.raises(InvalidRequest, match="keep_trying is none of this question's choices"):
        await questions.answer(identity(shown), "a", Consent.KEEP_TRYING)
    assert choices_of(shown) == ["once", "session", "stop"]
    await questions.answer(identity(shown), "a", Consent.ONCE)
    await waiting


async def test_time_ends_the_wait_as_the_policy_says(questions: OpenQuestions, asking: Asking) -> None:
    """Nobody answered."""
    waiting = asking(timeout_s=0.0)
    await asyncio.sleep(0)
    (shown,) = await questions.open_to("a")
    nobody = await waiting
    assert isinstance(nobody, Unanswered)
    assert nobody.instead is Consent.ONCE
    assert nobody.why == "nobody answered within 0 s whether another model may, which counts as no"
    assert await questions.endings([identity(shown)]) == {identity(shown): NOBODY}
    with pytest.raises(ConsentSettled, match="its time is over"):
        await questions.answer(identity(shown), "a", Consent.ONCE)


async def test_too_many_questions_are_not_asked(questions: OpenQuestions, asking: Asking) -> None:
    """The policy decides at once: memory has a bound."""
    for _ in range(MOST_OPEN):
        _ = asking()
    await asyncio.sleep(0)
    nobody = await asking()
    assert isinstance(nobody, Unanswered)
    assert (nobody.instead, nobody.why) == (Consent.ONCE, "nobody could be asked, as 1,000 questions wait already")
    assert len(await questions.open_to("a")) == MOST_OPEN


async def test_whoever_waits_for_a_change_misses_none(questions: OpenQuestions, asking: Asking) -> None:
    """One that came before the wait counts; without any the wait ends by time."""
    before = questions.changes
    await questions.changed(before, 0.0)
    waiting = asking()
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await questions.changed(before, 1e6)
        waiting.cancel()
        await questions.changed(questions.changes, 1e6)
    assert questions.changes == before + 2
