"""What is removed and settled, and when a writer counts as gone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pointsman.adapters.storage.database import open_writable
from pointsman.adapters.storage.lease import Lease, is_gone
from pointsman.adapters.storage.reader import LedgerReader
from pointsman.adapters.storage.retention import prune, used_bytes
from pointsman.adapters.storage.settlement import settle
from pointsman.adapters.storage.sqlite import SqliteLedger
from pointsman.core.errors import InvalidRequest
from tests.adapters.storage.samples import NOON, rejected, request

DAY_S = 86_400


def filled(path: Path, *at_s: float) -> None:
    """A ledger with one request, and one rejection, at each of the times."""
    with SqliteLedger(path, keep_days=None) as ledger:
        for number, moment in enumerate(at_s):
            for event in request(f"d{number}", moment):
                ledger(event)
            ledger(rejected(f"r{number}", moment))


def count(path: Path, table: str) -> int:
    """Rows in *table*."""
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - a test's own name


def test_what_is_older_is_removed_with_its_attempts(tmp_path: Path) -> None:
    """The boundary is a moment, not a day; the number of rows comes back."""
    path = tmp_path / "ledger.db"
    filled(path, NOON - 2 * DAY_S, NOON - DAY_S - 1, NOON - DAY_S + 1, NOON)
    assert prune(path, older_than_days=1, now_s=NOON) == 4
    assert [row.id for row in LedgerReader(path).recent()] == ["d3", "d2"]
    assert (count(path, "attempts"), count(path, "rejected")) == (2, 2)


def test_many_rows_are_removed_in_several_transactions(tmp_path: Path) -> None:
    """All of them, though no transaction holds the lock for more than a few hundred."""
    path = tmp_path / "ledger.db"
    filled(path, *[NOON] * 1201)
    assert prune(path, older_than_days=0, now_s=NOON + 1) == 2402
    assert (count(path, "requests"), count(path, "attempts"), count(path, "rejected")) == (0, 0, 0)


def test_a_ledger_that_is_not_there_has_nothing_to_remove(tmp_path: Path) -> None:
    """And is not made."""
    path = tmp_path / "ledger.db"
    assert prune(path, older_than_days=1, now_s=NOON) == 0
    assert not path.exists()


@pytest.mark.parametrize("days", [-1, float("nan")])
def test_a_negative_age_is_refused(tmp_path: Path, days: float) -> None:
    """It would remove the future."""
    with pytest.raises(InvalidRequest, match=r"is no age\. Use 0 or more"):
        prune(tmp_path / "ledger.db", older_than_days=days, now_s=NOON)


def test_a_start_removes_what_is_past_its_time(tmp_path: Path) -> None:
    """Nobody has to remember to prune."""
    path = tmp_path / "ledger.db"
    filled(path, NOON - 91 * DAY_S, NOON - 89 * DAY_S)
    with SqliteLedger(path, clock=lambda: NOON) as ledger:
        assert ledger.flush()
    assert [row.id for row in LedgerReader(path).recent()] == ["d1"]


def test_a_start_keeps_the_file_within_its_size(tmp_path: Path) -> None:
    """The oldest go first."""
    path = tmp_path / "ledger.db"
    filled(path, *[NOON + number for number in range(1500)])
    limit = 1_000_000
    with SqliteLedger(path, keep_days=None, max_bytes=limit) as ledger:
        assert ledger.flush()
    with closing(open_writable(path)) as connection:
        assert used_bytes(connection) <= limit
    kept = [row.id for row in LedgerReader(path).recent(2000)]
    assert kept[0] == "d1499"
    assert kept[-1] in {"d500", "d1000"}


def test_a_lease_is_held_until_it_is_released(tmp_path: Path) -> None:
    """Also against a second look from the same process."""
    with Lease(tmp_path / "ledger.db") as lease:
        assert not is_gone(tmp_path / lease.name)
    assert is_gone(tmp_path / lease.name)
    lease.release()


def test_a_lease_that_nobody_holds_is_cleared_away(tmp_path: Path) -> None:
    """What a killed process leaves is a file without a lock."""
    left = tmp_path / "ledger.db-writer-dead"
    left.touch()
    assert is_gone(left)
    assert not left.exists()


def test_a_name_that_is_no_lease_is_never_touched(tmp_path: Path) -> None:
    """A tampered ledger must not get other files removed."""
    precious = tmp_path / "precious"
    precious.touch()
    path = tmp_path / "ledger.db"
    with closing(open_writable(path)) as connection:
        connection.execute("INSERT INTO writers VALUES (7, 1, 'precious', 0)")
        assert settle(connection, path, 1) == 0
    assert precious.exists()
