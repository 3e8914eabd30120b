"""The ledger's file: made, opened, brought up to the current schema. Knows no event and no row."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from pointsman.core.errors import ConfigError

APPLICATION_ID = 0x504D4C47  # "PMLG", in the file's header
BUSY_TIMEOUT_MS = 2_000
CHECKPOINT_PAGES = 4_000  # of 4 KiB: a busy page is then copied into the file once, not for every thousand
WAL_LIMIT_BYTES = 16 * 1024 * 1024  # what the write-ahead log is cut back to after a checkpoint

_IDENTITY = """
    SELECT user_version, application_id, (SELECT count(*) FROM sqlite_master)
    FROM pragma_user_version, pragma_application_id
"""  # in one statement: another process may be making the file


def migrations() -> list[str]:
    """The shipped scripts in order; the n-th takes a file from version n - 1 to n."""
    folder = resources.files("pointsman.adapters.storage") / "sql"
    scripts = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    return [script.read_text("utf-8") for script in scripts]


def open_writable(path: Path, scripts: Sequence[str] | None = None) -> sqlite3.Connection:
    """A connection for writing to *path*, made (0600, its directory 0700) and migrated if need be.

    It may be used from one other thread than this one. ConfigError when the file is newer than this program or another
    program's; OSError or sqlite3.Error when it cannot be opened.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_MS / 1000)
    try:
        migrate(connection, path, migrations() if scripts is None else scripts)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    except BaseException:
        connection.close()
        raise
    return connection


class OlderFormat(ConfigError):
    """The file is of an older format than this program's: opening it for writing brings it up to date."""


def open_readable(path: Path, scripts: Sequence[str] | None = None) -> sqlite3.Connection | None:
    """A read-only connection to *path*; None when there is nothing in it yet.

    ConfigError when it is no ledger, OlderFormat when it has to be migrated first.
    """
    if not path.exists():
        return None
    current = len(migrations() if scripts is None else scripts)
    connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, isolation_level=None)
    try:
        version = check_version(connection, path, current)
    except sqlite3.Error as error:
        connection.close()
        raise unreadable(path, error) from error
    except ConfigError:
        connection.close()
        raise
    if version == 0:
        connection.close()
        return None
    if version < current:
        connection.close()
        raise OlderFormat(
            f"The ledger {str(path)!r} has the older format {version}.",
            hint=f"Start `pointsman serve` once: it brings the file to format {current}.",
        )
    return connection


@contextmanager
def reading(path: Path, scripts: Sequence[str] | None = None) -> Iterator[sqlite3.Connection | None]:
    """What `open_readable` opens, with rows that have names; SQLite's errors leave as ConfigError."""
    connection = open_readable(path, scripts)
    if connection is None:
        yield None
        return
    with closing(connection):
        connection.row_factory = sqlite3.Row
        try:
            yield connection
        except sqlite3.Error as error:
            raise unreadable(path, error) from error


def migrate(connection: sqlite3.Connection, path: Path, scripts: Sequence[str]) -> None:
    """Apply the *scripts* that the file has not seen, each whole or not at all."""
    if check_version(connection, path, len(scripts)) == len(scripts):
        return
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")  # another process may be doing the same
    try:
        for version in range(check_version(connection, path, len(scripts)), len(scripts)):
            for statement in statements(scripts[version]):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(scripts)}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def check_version(connection: sqlite3.Connection, path: Path, current: int) -> int:
    """The file's schema version, 0 when it is empty; ConfigError when it is not ours or newer than *current*."""
    version, application_id, tables = connection.execute(_IDENTITY).fetchone()
    if tables and application_id != APPLICATION_ID:
        raise ConfigError(
            f"{str(path)!r} is another program's SQLite database, not a ledger.", hint="Name another file."
        )
    if version > current:
        raise ConfigError(
            f"The ledger {str(path)!r} has format {version}, this program knows up to {current}.",
            hint="Upgrade pointsman, or name another file.",
        )
    return int(version)


def unreadable(path: Path, error: sqlite3.Error) -> ConfigError:
    """SQLite's own *error* about *path* as one that can be acted on."""
    return ConfigError(
        f"The ledger {str(path)!r} cannot be read: {error}.",
        hint="If it is damaged: the next `pointsman serve` puts it aside and begins a new one.",
    )


def statements(script: str) -> list[str]:
    """The statements of *script*, each with the comments before it."""
    found: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            found.append(pending.strip())
            pending = ""
    return found
