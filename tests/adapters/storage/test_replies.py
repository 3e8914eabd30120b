"""Shared answers as a file: who may answer, what others hear, how much is kept, and what happens without it."""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from pointsman.adapters.storage.replies import LEFT_S, SqliteReplies, replies_path
from pointsman.core.replies import KnownRequest, StoredReply
from pointsman.testing import ManualClock

BODY, OTHER = b"digest of the body", b"digest of another"
ANSWER = StoredReply(status=200, headers=((b"content-type", b"text/plain"), (b"x-n\xe4me", b"a")), body=b"forty-two")
UNDER_WAY = KnownRequest(digest=BODY, reply=None)
ANSWERED = KnownRequest(digest=BODY, reply=ANSWER)


def count(path: Path) -> int:
    """How many requests the file knows."""
    with closing(sqlite3.connect(path)) as reader:
        return int(reader.execute("SELECT count(*) FROM replies").fetchone()[0])


def test_it_lies_beside_the_ledger() -> None:
    """Under a name of its own."""
    assert replies_path(Path("/data/ledger.db")) == Path("/data/ledger-replies.db")


async def test_one_answers_and_all_know_it(tmp_path: Path) -> None:
    """Whoever claims first; the answer comes out as it went in, byte for byte."""
    path = tmp_path / "replies.db"
    with SqliteReplies(path) as here, SqliteReplies(path) as there:
        assert not path.exists()
        assert await here.claim("a", BODY) is None
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [await here.claim("a", BODY), await there.claim("a", OTHER)] == [UNDER_WAY, UNDER_WAY]
        assert await here.keep("a", ANSWER, 60)
        assert [await here.claim("a", BODY), await there.claim("a", BODY)] == [ANSWERED, ANSWERED]
        assert await there.claim("b", BODY) is None


async def test_what_is_let_go_is_free(tmp_path: Path) -> None:
    """A failed answer is nobody's; one that was kept stays."""
    path = tmp_path / "replies.db"
    with SqliteReplies(path) as here, SqliteReplies(path) as there:
        assert await here.claim("a", BODY) is None
        await there.let_go("a")
        assert await there.claim("a", BODY) == UNDER_WAY
        await here.let_go("a")
        assert await there.claim("a", BODY) is None
        assert not await here.keep("a", ANSWER, 60)
        assert await there.keep("a", ANSWER, 60)
        await there.let_go("a")
        assert await here.claim("a", BODY) == ANSWERED


async def test_what_a_dead_process_claimed_is_free(tmp_path: Path) -> None:
    """The kernel let go of its lease; what it left is removed when it is old enough."""
    path = tmp_path / "replies.db"
    with SqliteReplies(path) as alive:
        dead = SqliteReplies(path)
        assert await dead.claim("a", BODY) is None
        assert await alive.claim("a", BODY) == UNDER_WAY
        dead.close()
        assert await alive.claim("a", BODY) is None
    assert [found.name for found in path.parent.glob("*-writer-*")] == []


async def test_leases_of_the_dead_are_removed(tmp_path: Path) -> None:
    """Those of a minute ago; one that is just being made is not taken from its process."""
    path = tmp_path / "replies.db"
    old, new = path.with_name("replies.db-writer-old"), path.with_name("replies.db-writer-new")
    for left in (old, new):
        left.touch()
    seconds = new.stat().st_mtime - LEFT_S - 1
    os.utime(old, (seconds, seconds))
    with SqliteReplies(path) as store:
        await store.claim("a", BODY)
        assert not old.exists()
        assert new.exists()


async def test_an_answer_has_its_time(tmp_path: Path) -> None:
    """Then it is gone from the file; a claim has an hour."""
    path = tmp_path / "replies.db"
    clock = ManualClock(1_000.0)
    with SqliteReplies(path, clock=clock) as store:
        for name in ("a", "b"):
            assert await store.claim(name, BODY) is None
        assert await store.keep("a", ANSWER, 60)
        clock.advance(60)
        assert [await store.claim(name, BODY) for name in ("b", "a")] == [UNDER_WAY, None]
        clock.advance(3540)
        assert await store.claim("b", BODY) is None
    assert ANSWER.body not in path.read_bytes()


async def test_there_is_a_bound(tmp_path: Path) -> None:
    """The oldest answers go first, by number and by size; what is under way stays."""
    path = tmp_path / "replies.db"
    for bounds in ({"max_answers": 20}, {"max_bytes": 20 * len(ANSWER.body)}):
        clock = ManualClock(1_000.0)
        with SqliteReplies(path, clock=clock, **bounds) as store:
            assert await store.claim("under way", BODY) is None
            for number in range(40):
                clock.advance(1)
                assert await store.claim(f"{number}", BODY) is None
                assert await store.keep(f"{number}", ANSWER, 600)
            assert count(path) <= 21
            assert await store.claim("under way", BODY) == UNDER_WAY
            assert await store.claim("39", BODY) == ANSWERED
        path.unlink()


async def test_whoever_waits_is_known(tmp_path: Path) -> None:
    """For a moment after they asked."""
    path = tmp_path / "replies.db"
    clock = ManualClock(1_000.0)
    with SqliteReplies(path, clock=clock) as here, SqliteReplies(path, clock=clock) as there:
        await here.claim("a", BODY)
        assert not await here.is_wanted("a")
        await there.claim("a", BODY)
        assert await here.is_wanted("a")
        clock.advance(2)
        assert not await here.is_wanted("a")


async def test_without_the_file_each_process_is_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A line in the log; nothing is refused."""
    path = tmp_path / "replies.db"
    path.mkdir()
    with SqliteReplies(path) as store:
        assert await store.claim("a", BODY) is None
        assert not await store.keep("a", ANSWER, 60)
        assert not await store.is_wanted("a")
        await store.let_go("a")
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert caplog.messages[0].startswith(f"replies-not-shared file={path} reason=")


async def test_once_closed_it_is_left_alone(tmp_path: Path) -> None:
    """An answer that outlasts its configuration is made all the same."""
    path = tmp_path / "replies.db"
    store = SqliteReplies(path)
    store.close()
    assert await store.claim("a", BODY) is None
    assert not await store.keep("a", ANSWER, 60)
    assert not path.exists()
