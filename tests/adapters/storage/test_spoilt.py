"""Databases that are none any more: put aside whole, and a fresh one begun, whoever finds it."""

from __future__ import annotations

import logging
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pointsman.adapters.storage.consents import SqliteConsents
from pointsman.adapters.storage.health import SqliteHealths
from pointsman.adapters.storage.own_file import OwnFile
from pointsman.adapters.storage.reader import LedgerReader
from pointsman.adapters.storage.responses import SqliteResponses
from pointsman.adapters.storage.rows import RequestOutcome
from pointsman.adapters.storage.spoilt import NO_INODE, SpoiltFile, inode_of, open_or_begin, put_aside
from pointsman.adapters.storage.sqlite import SqliteLedger
from pointsman.core.errors import ConfigError
from pointsman.core.ports import PostedQuestion, StoredResponse
from tests.adapters.storage.samples import request

GARBAGE = b"SQLite format 3\x00" + b"\xff" * 10_000
SCRIPTS = ["CREATE TABLE notes (words TEXT);"]
DAMAGE = sqlite3.DatabaseError("file is not a database")
TOO_LONG = "l" * 230  # with the date it is more than a name may have


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger is to be."""
    return tmp_path / "ledger.db"


def asides(path: Path) -> list[Path]:
    """What was put aside, logs left out."""
    return sorted(found for found in path.parent.glob("*.spoilt-*") if found.name[-4:] not in {"-wal", "-shm"})


def outcomes(path: Path) -> dict[str, RequestOutcome]:
    """The ledger's requests."""
    return {row.id: row.outcome for row in LedgerReader(path).recent()}


def overwrite(path: Path) -> None:
    """Make garbage of a database that is in use."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.write(b"\xff" * 8192)


def test_a_spoilt_ledger_is_put_aside_at_the_start(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not a byte of it is lost, everything from then on is recorded, and one line says where it is."""
    path.write_bytes(GARBAGE)
    with SqliteLedger(path, keep_days=None) as ledger:
        for event in request():
            ledger(event)
        assert ledger.flush()
        assert ledger.trouble is None
    (aside,) = asides(path)
    assert re.fullmatch(r"ledger\.db\.spoilt-\d{4}-\d\d-\d\dT\d{6}Z", aside.name)
    assert aside.read_bytes() == GARBAGE
    assert outcomes(path) == {"d1": RequestOutcome.OK}
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (
            logging.ERROR,
            f"database-spoilt file={path} moved_to={aside} reason=file is not a database; a new one is begun",
        )
    ]


def test_a_ledger_that_is_spoilt_in_use_is_put_aside(path: Path) -> None:
    """The requests that were waiting to be written are in the new one."""
    with SqliteLedger(path, keep_days=None) as ledger:
        for event in request("a"):
            ledger(event)
        assert ledger.flush()
        overwrite(path)
        for event in request("b"):
            ledger(event)
        assert ledger.flush()
    assert len(asides(path)) == 1
    assert outcomes(path) == {"b": RequestOutcome.OK}


def test_a_ledger_with_a_damaged_table_is_put_aside_at_the_start(path: Path) -> None:
    """The damage that opening does not see shows at the first look into it."""
    with SqliteLedger(path, keep_days=None):
        pass
    with closing(sqlite3.connect(path)) as other:
        (page,) = other.execute("SELECT rootpage FROM sqlite_master WHERE name = 'writers'").fetchone()
        (size,) = other.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    with SqliteLedger(path, keep_days=None) as ledger:
        for event in request():
            ledger(event)
        assert ledger.flush()
    assert len(asides(path)) == 1
    assert outcomes(path) == {"d1": RequestOutcome.OK}


def test_two_ledgers_find_the_same_damage(path: Path) -> None:
    """One of them puts it aside, both go on in the same new file."""
    with SqliteLedger(path, keep_days=None) as one, SqliteLedger(path, keep_days=None) as two:
        overwrite(path)
        for name, ledger in (("a", one), ("b", two)):
            for event in request(name):
                ledger(event)
            assert ledger.flush()
        assert outcomes(path) == {"a": RequestOutcome.OK, "b": RequestOutcome.OK}
    assert len(asides(path)) == 1


def test_damage_that_cannot_be_put_aside_refuses_the_start(tmp_path: Path) -> None:
    """With what to do; the file stays as it was."""
    path = tmp_path / TOO_LONG
    path.write_bytes(GARBAGE)
    with pytest.raises(SpoiltFile, match=r"is damaged \(file is not a database\) and cannot be put aside: File name"):
        SqliteLedger(path).start()
    assert path.read_bytes() == GARBAGE
    assert list(tmp_path.iterdir()) == [path]


def test_damage_in_use_that_cannot_be_put_aside_costs_no_request(tmp_path: Path) -> None:
    """The trouble is noted, and recording goes on once somebody has moved the file."""
    path = tmp_path / TOO_LONG
    with SqliteLedger(path, keep_days=None, retry_s=0.01) as ledger:
        overwrite(path)
        for event in request():
            ledger(event)
        assert not ledger.flush(0.2)
        assert "cannot be put aside" in str(ledger.trouble)
        path.rename(tmp_path / "moved")
        assert ledger.flush()
    assert outcomes(path) == {"d1": RequestOutcome.OK}


def test_a_text_is_no_spoilt_ledger(path: Path) -> None:
    """Somebody's notes are named by mistake: they stay where they are."""
    path.write_text("Ἀρχή: notes\n" * 500)
    with pytest.raises(ConfigError, match=r"is a text file, not a database\. Name another file"):
        SqliteLedger(path).start()
    assert path.read_text() == "Ἀρχή: notes\n" * 500


def test_the_log_goes_with_its_database(path: Path) -> None:
    """So that a repair finds what was not yet copied; a second one of the same second gets a number."""
    for _ in range(2):
        path.write_bytes(GARBAGE)
        path.with_name("ledger.db-wal").write_bytes(b"log")
        put_aside(path, inode_of(path), DAMAGE)
    names = {found.name for found in path.parent.iterdir()}
    first = min(names, key=len)
    assert names == {first, f"{first}-wal", f"{first}-2", f"{first}-2-wal"} or len(names) == 4  # over a second's end


def test_half_a_move_is_taken_back(path: Path) -> None:
    """The log of a database that has to stay stays with it."""
    own = ["ledger.db", "ledger.db-shm", "ledger.db-wal"]
    for name in own:
        path.with_name(name).write_bytes(GARBAGE)
    for later_s in range(10):  # a folder where the index is to go
        at = datetime.now(UTC) + timedelta(seconds=later_s)
        path.with_name(f"ledger.db.spoilt-{at:%Y-%m-%dT%H%M%SZ}-shm").mkdir()
    with pytest.raises(SpoiltFile):
        put_aside(path, inode_of(path), DAMAGE)
    assert sorted(found.name for found in path.parent.iterdir() if found.is_file()) == own


def test_a_link_stays(tmp_path: Path) -> None:
    """What it leads to is put aside, with its log; the fresh one is where that was."""
    real = tmp_path / "disk" / "ledger.db"
    real.parent.mkdir()
    real.write_bytes(GARBAGE)
    link = tmp_path / "ledger.db"
    link.symlink_to(real)
    open_or_begin(link, SCRIPTS).close()
    assert link.readlink() == real
    assert [aside.read_bytes() for aside in asides(real)] == [GARBAGE]
    assert real.read_bytes().startswith(b"SQLite format 3")


def test_what_is_there_no_more_is_not_put_aside(path: Path) -> None:
    """Somebody else was quicker: what is at the path now is their new file."""
    path.write_bytes(GARBAGE)
    put_aside(path, inode_of(path) + 1, DAMAGE)
    put_aside(path.with_name("gone"), NO_INODE, DAMAGE)
    assert [found.name for found in path.parent.iterdir()] == ["ledger.db"]


def test_trouble_that_is_no_damage_moves_nothing(path: Path) -> None:
    """A locked file is as good as ever."""
    with closing(open_or_begin(path, SCRIPTS)) as other:
        other.execute("BEGIN EXCLUSIVE")
        own = OwnFile(path, SCRIPTS, pragma="busy_timeout = 0")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            own.use(lambda database: database.execute("INSERT INTO notes VALUES ('a')"))
        own.close()
    assert asides(path) == []


async def test_the_other_files_are_put_aside_too(tmp_path: Path) -> None:
    """Questions, kept answers and healths begin anew and go on, at the start and in use."""
    posted = PostedQuestion(id="q", owner=None, session=None, expires_s=2e9, body={"id": "q"})
    kept = StoredResponse(id="r", owner=None, input=(), reply={})
    for name in ("consents.db", "responses.db", "healths.db"):
        (tmp_path / name).write_bytes(GARBAGE)
    with (
        SqliteConsents(tmp_path / "consents.db", clock=lambda: 1e9) as board,
        SqliteResponses(tmp_path / "responses.db", ttl_s=60) as store,
        SqliteHealths(tmp_path / "healths.db", {}, poll_s=0.01),
    ):
        await board.put(posted)
        await store.put(kept)
        assert await board.open_to(None, None) == [{"id": "q"}]
        assert await store.get("r", None) == kept
        overwrite(tmp_path / "consents.db")
        overwrite(tmp_path / "responses.db")
        await board.put(posted)
        await store.put(kept)
        assert await board.open_to(None, None) == [{"id": "q"}]
        assert await store.get("r", None) == kept
    found = sorted(one.name.partition(".db.")[0] for one in asides(tmp_path / "ledger.db"))
    assert found == ["consents", "consents", "healths", "responses", "responses"]
