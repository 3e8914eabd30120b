"""What is done to old rows: those past their time are removed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pointsman.adapters.storage.database import open_writable, unreadable
from pointsman.core.errors import ConfigError, InvalidRequest

DAY_S = 86_400
CHUNK_ROWS = 500  # removed in one transaction, so that nobody waits long for the lock

_OLDEST = f"FROM requests WHERE at_s < ? ORDER BY at_s LIMIT {CHUNK_ROWS}"


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, with the write lock taken at the start."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def prune_chunk(connection: sqlite3.Connection, before_s: float) -> int:
    """Remove the oldest few requests, and rejections, from before *before_s*; the number of rows."""
    with transaction(connection):
        connection.execute(f"DELETE FROM attempts WHERE request_seq IN (SELECT seq {_OLDEST})", (before_s,))  # noqa: S608
        requests = connection.execute(f"DELETE FROM requests WHERE seq IN (SELECT seq {_OLDEST})", (before_s,))  # noqa: S608
        rejected = connection.execute(
            "DELETE FROM rejected WHERE seq IN (SELECT seq FROM rejected WHERE at_s < ? ORDER BY at_s LIMIT ?)",
            (before_s, CHUNK_ROWS),
        )
    return requests.rowcount + rejected.rowcount


def used_bytes(connection: sqlite3.Connection) -> int:
    """What the file's rows and indexes take, without pages that are free to be used again."""
    (used,) = connection.execute(
        "SELECT (page_count - freelist_count) * page_size "
        "FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
    ).fetchone()
    return int(used)


def prune(ledger: Path, *, older_than_days: float, now_s: float) -> int:
    """Remove what is older than *older_than_days* from the file *ledger*; the number of rows. May block for seconds."""
    if not older_than_days >= 0:
        raise InvalidRequest(
            f"{older_than_days} days is no age.", hint="Use 0 or more; 0 removes everything.", param="older_than_days"
        )
    if not ledger.exists():
        return 0
    try:
        with closing(open_writable(ledger)) as connection:
            removed = 0
            while chunk := prune_chunk(connection, now_s - older_than_days * DAY_S):
                removed += chunk
            return removed
    except sqlite3.Error as error:
        raise unreadable(ledger, error) from error
    except OSError as error:
        raise ConfigError(f"The ledger {str(ledger)!r} cannot be opened: {error.strerror}.") from error
