"""The store of answers as a file: where it lies, who may read it, what stays in it, and what happens without it."""

from __future__ import annotations

import logging
import sqlite3
import stat
from pathlib import Path

import pytest

from pointsman.adapters.storage.responses import SqliteResponses, responses_path
from pointsman.core.errors import PointsmanError
from pointsman.core.ports import StoredResponse
from pointsman.testing import ManualClock

SECRET = "the only one who knows"
KEPT = StoredResponse(id="resp_1", owner=None, input=({"content": SECRET},), reply={"id": "resp_1"})


def test_it_lies_beside_the_ledger() -> None:
    """Under a name of its own."""
    assert responses_path(Path("/data/ledger.db")) == Path("/data/ledger-responses.db")


async def test_nothing_is_made_before_there_is_something_to_keep(tmp_path: Path) -> None:
    """And what is made is for its owner's eyes only."""
    path = tmp_path / "new" / "responses.db"
    with SqliteResponses(path, ttl_s=60) as store:
        assert not path.exists()
        await store.put(KEPT)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_another_process_finds_it(tmp_path: Path) -> None:
    """Workers share the file, and it outlives them."""
    path = tmp_path / "responses.db"
    with SqliteResponses(path, ttl_s=60) as first, SqliteResponses(path, ttl_s=60) as second:
        await first.put(KEPT)
        assert await second.get("resp_1", None) == KEPT
        second.close()
        assert await second.get("resp_1", None) == KEPT


async def test_what_is_over_leaves_the_file(tmp_path: Path) -> None:
    """With the next answer that is kept, and its bytes are overwritten."""
    path, clock = tmp_path / "responses.db", ManualClock(1_000.0)
    with SqliteResponses(path, ttl_s=60, clock=clock) as store:
        await store.put(KEPT)
        clock.advance(60)
        await store.put(StoredResponse(id="resp_2", owner=None, input=(), reply={}))
        with sqlite3.connect(path) as reader:
            assert reader.execute("SELECT id FROM responses").fetchall() == [("resp_2",)]
        reader.close()
    assert SECRET.encode() not in path.read_bytes()


async def test_a_store_that_cannot_be_written_costs_no_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A line in the log; going on from it is refused with what to do."""
    path = tmp_path / "responses.db"
    path.mkdir()
    with caplog.at_level(logging.WARNING), SqliteResponses(path, ttl_s=60) as store:
        await store.put(KEPT)
        with pytest.raises(PointsmanError, match="Send the whole conversation instead"):
            await store.get("resp_1", None)
    assert [record.message.split(" ")[0] for record in caplog.records] == [
        "response-not-kept",
        "responses-unreadable",
    ]
