"""Questions that wait in one process, shown and answered in another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pointsman.adapters.storage.consents import REMEMBERED_S, SqliteConsents, consents_path
from pointsman.core.consent import Consent, Unanswered
from pointsman.core.decision import Caller
from pointsman.core.errors import ConsentSettled, InvalidRequest, UnknownConsent
from pointsman.core.jsontypes import JsonObject
from pointsman.core.ports import PostedQuestion
from pointsman.server.consents import NOBODY, OpenQuestions
from tests.resilience.test_wording import QUESTION

ONE = PostedQuestion(id="q1", owner="a", session="s1", expires_s=100.0, body={"id": "q1"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The board's file, not made yet."""
    return consents_path(tmp_path / "ledger.db")


async def test_a_question_is_shown_to_its_owner_until_it_is_answered(path: Path) -> None:
    """In every process, and only there."""
    with SqliteConsents(path, clock=lambda: 50.0) as here, SqliteConsents(path, clock=lambda: 50.0) as there:
        await here.put(ONE)
        seen = [
            await there.open_to(*whom) for whom in (("a", None), ("a", "s1"), ("a", "s2"), ("b", None), (None, None))
        ]
        assert seen == [[{"id": "q1"}], [{"id": "q1"}], [], [], []]
        assert [await there.find("q1", owner) for owner in ("a", "b", None)] == [ONE, None, None]
        assert [await there.answer("q1", answer) for answer in ("once", "stop")] == [True, False]
        found = await here.find("q1", "a")
        assert found is not None
        assert (found.answer, found.ended, await there.open_to("a", None)) == ("once", None, [])
        await here.end("q1", "once")
        assert await there.endings(["q1", "q2"]) == {"q1": "once"}


async def test_whose_time_is_over_is_not_shown_and_later_forgotten(path: Path) -> None:
    """Even if its process was killed before it could say so."""
    clock = [50.0]
    with SqliteConsents(path, clock=lambda: clock[0]) as board:
        await board.put(ONE)
        clock[0] = 100.0
        assert await board.open_to("a", None) == []
        clock[0] = 100.0 + REMEMBERED_S
        await board.put(PostedQuestion(id="q2", owner="a", session=None, expires_s=2000.0, body={"id": "q2"}))
        assert await board.find("q1", "a") is None


async def test_trouble_with_the_file_leaves_a_process_by_itself(tmp_path: Path) -> None:
    """It is logged, and nothing is raised."""
    (tmp_path / "ledger-consents.db").write_text("this is no database")
    with SqliteConsents(tmp_path / "ledger-consents.db") as board:
        await board.put(ONE)
        assert await board.open_to("a", None) == []
        assert await board.find("q1", "a") is None
        assert not await board.answer("q1", "once")
        assert await board.endings(["q1"]) == {}
        alone = OpenQuestions(board)
        async with waiting(alone, alone) as (identity, asked):
            await alone.answer(identity, "a", Consent.STOP)
            assert await asked is Consent.STOP


@asynccontextmanager
async def waiting(
    here: OpenQuestions, there: OpenQuestions, timeout_s: float = 20.0
) -> AsyncIterator[tuple[str, asyncio.Task[Consent]]]:
    """A question that waits *here*, found *there*."""
    ask = here.asker(Caller(key_id="a"), timeout_s=timeout_s, unattended=Consent.ONCE)

    async def wait() -> Consent:
        try:
            return await ask(QUESTION)
        except Unanswered as nobody:
            return nobody.instead

    async with asyncio.TaskGroup() as group:
        asked = group.create_task(wait())
        found: list[JsonObject] = []
        while not found:
            await there.changed(there.changes, 0.01)
            found = list(await there.open_to("a"))
        yield str(found[0]["id"]), asked


async def test_an_answer_in_one_process_goes_to_the_question_in_another(path: Path) -> None:
    """Once; to those of other keys it is not there."""
    with SqliteConsents(path) as ours, SqliteConsents(path) as theirs:
        here, there = OpenQuestions(ours), OpenQuestions(theirs)
        async with waiting(here, there) as (identity, asked):
            with pytest.raises(UnknownConsent):
                await there.answer(identity, "b", Consent.STOP)
            await there.answer(identity, "a", Consent.SESSION)
            with pytest.raises(ConsentSettled, match="it was answered with session"):
                await there.answer(identity, "a", Consent.STOP)
            assert await asked is Consent.SESSION
        assert await there.endings([identity]) == {identity: "session"}


async def test_a_question_nobody_answered_is_settled_everywhere(path: Path) -> None:
    """A late answer is told so in each process."""
    with SqliteConsents(path) as ours, SqliteConsents(path) as theirs:
        here, there = OpenQuestions(ours), OpenQuestions(theirs)
        async with waiting(here, there, timeout_s=0.3) as (identity, asked):
            assert await asked is Consent.ONCE
        assert await there.endings([identity]) == {identity: NOBODY}
        for questions in (here, there):
            with pytest.raises(ConsentSettled, match="its time is over"):
                await questions.answer(identity, "a", Consent.ONCE)


async def test_what_is_no_choice_elsewhere_is_no_answer(path: Path) -> None:
    """The choices are those that were shown."""
    with SqliteConsents(path) as board:
        await board.put(ONE)
        with pytest.raises(InvalidRequest, match="once is none of this question's choices"):
            await OpenQuestions(board).answer("q1", "a", Consent.ONCE)
