"""The ledger's file: made, recognised, migrated."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pointsman.adapters.storage.database import check_version, migrations, open_readable, open_writable, statements
from pointsman.adapters.storage.reader import LedgerReader
from pointsman.adapters.storage.rows import StatsLine
from pointsman.core.errors import ConfigError

FIRST = "CREATE TABLE a (x);\nINSERT INTO a VALUES ('kept');"
SECOND = "-- adds y; for all\nALTER TABLE a ADD COLUMN y;\nUPDATE a SET y = 1;"
BROKEN = "ALTER TABLE a ADD COLUMN z;\nINSERT INTO nowhere VALUES (1);"


def test_a_new_file_gets_every_script(tmp_path: Path) -> None:
    """The shipped scripts make the current format, in WAL mode."""
    with closing(open_writable(tmp_path / "ledger.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(migrations()),)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (1,)


def test_an_older_file_is_brought_forward_with_its_rows(tmp_path: Path) -> None:
    """Only the scripts that it has not seen are applied."""
    path = tmp_path / "ledger.db"
    open_writable(path, [FIRST]).close()
    with closing(open_writable(path, [FIRST, SECOND])) as connection:
        assert connection.execute("SELECT * FROM a").fetchall() == [("kept", 1)]
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)


def test_a_script_that_fails_changes_nothing(tmp_path: Path) -> None:
    """The file stays in the format it had."""
    path = tmp_path / "ledger.db"
    open_writable(path, [FIRST]).close()
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        open_writable(path, [FIRST, BROKEN])
    with closing(open_writable(path, [FIRST])) as connection:
        assert connection.execute("SELECT * FROM a").fetchall() == [("kept",)]


def test_another_program_s_database_is_refused(tmp_path: Path) -> None:
    """A wrong path in the configuration must not put our tables into somebody's photos."""
    path = tmp_path / "photos.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE photos (name)")
    with pytest.raises(ConfigError, match=r"another program's SQLite database, not a ledger\. Name another file\."):
        open_writable(path)
    with pytest.raises(ConfigError, match="another program's SQLite database"):
        open_readable(path)


def test_a_file_that_is_just_being_made_is_nobody_elses(tmp_path: Path) -> None:
    """Whatever the moment: who reads while another process makes it sees nothing yet, or all of it."""
    path, n_statements = tmp_path / "ledger.db", 0

    def count(_statement: str) -> None:
        nonlocal n_statements
        n_statements += 1

    with closing(sqlite3.connect(":memory:")) as looking:
        looking.set_trace_callback(count)
        check_version(looking, path, 1)
    for moment in range(n_statements):
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as reader:
            seen = iter(range(n_statements * 2))

            def make(_statement: str, moment: int = moment, seen: Iterator[int] = seen) -> None:
                if next(seen, None) == moment:
                    open_writable(path, [FIRST]).close()

            reader.set_trace_callback(make)
            assert check_version(reader, path, 1) in {0, 1}


def test_a_newer_file_is_not_read(tmp_path: Path) -> None:
    """The error says which format it has and what to do."""
    path = tmp_path / "ledger.db"
    with closing(open_writable(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigError, match=r"has format 99, this program knows up to 3\. Upgrade pointsman"):
        LedgerReader(path).recent()


@pytest.mark.parametrize("content", [None, b""])
def test_a_missing_or_empty_file_reads_as_no_requests(tmp_path: Path, content: bytes | None) -> None:
    """Asking before the first request is no error and makes no file."""
    path = tmp_path / "odd name?#%.db"
    if content is not None:
        path.write_bytes(content)
    reader = LedgerReader(path)
    assert (reader.recent(), reader.rejected(), reader.stats().total) == ([], [], StatsLine(key=None))
    assert path.exists() is (content is not None)


def test_a_script_is_cut_at_its_statements() -> None:
    """Comments with semicolons stay with the statement they precede."""
    assert statements(SECOND) == ["-- adds y; for all\nALTER TABLE a ADD COLUMN y;", "UPDATE a SET y = 1;"]


def test_a_ledger_of_the_first_format_is_carried_on(tmp_path: Path) -> None:
    """Its rows stay, and what the first format did not know is null in them."""
    path = tmp_path / "ledger.sqlite"
    with closing(open_writable(path, migrations()[:1])) as connection:
        connection.execute("INSERT INTO requests (id, at_s, writer, outcome) VALUES ('d1', 1.0, 1, 'ok')")
    with closing(open_writable(path)) as connection:
        assert connection.execute("SELECT id, cache_write_tokens, dropped FROM requests").fetchall() == [
            ("d1", None, None)
        ]
