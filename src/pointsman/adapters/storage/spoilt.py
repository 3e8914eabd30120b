"""A database file that is none any more: put aside whole, under a name with the date, so that a fresh one can begin.

| the file                                   | what happens                                                            |
| ------------------------------------------ | ----------------------------------------------------------------------- |
| damaged: no database, or a malformed one   | it and its log are renamed FILE.spoilt-<date>; a fresh one is begun     |
| damaged, and the folder lets nobody rename | SpoiltFile: what is damaged is left as it is, and nothing is begun      |
| a text that we never opened                | ConfigError: most likely the wrong name; it is left alone               |
| another program's, a newer one             | ConfigError, as in database.py                                          |

Several processes may find the same damage: the folder is locked meanwhile, and only the file that was found damaged,
told by its inode, is renamed.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pointsman.adapters.storage.database import open_writable
from pointsman.core.errors import ConfigError

if sys.platform != "win32":
    import fcntl

logger = logging.getLogger("pointsman.storage")

NO_INODE = -1
_SPOILT = frozenset((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB))
_PRIMARY = 0xFF  # of an extended error code
_LOG_FIRST = ("-wal", "-shm", "")  # a fresh database beside an old log would delete that
_LOOKED_AT_BYTES = 4096
_MAGIC = b"SQLite format 3\x00"


class SpoiltFile(ConfigError):
    """A database is damaged and cannot be put aside."""


def is_spoilt(error: BaseException) -> bool:
    """Whether *error* says that the file is damaged, or no database at all."""
    return isinstance(error, sqlite3.DatabaseError) and getattr(error, "sqlite_errorcode", 0) & _PRIMARY in _SPOILT


def inode_of(path: Path) -> int:
    """Which file is at *path*; NO_INODE when there is none."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return NO_INODE


def open_or_begin(path: Path, scripts: Sequence[str] | None = None) -> sqlite3.Connection:
    """As database.open_writable; a spoilt file at *path* is put aside first."""
    inode = inode_of(path)
    try:
        return open_writable(path, scripts)
    except sqlite3.DatabaseError as error:
        if not is_spoilt(error):
            raise
        if _is_text(path):
            raise ConfigError(
                f"{str(path)!r} is a text file, not a database.", hint="Name another file, or move it away."
            ) from error
        put_aside(path, inode, error)
    return open_writable(path, scripts)


def put_aside(path: Path, inode: int, error: sqlite3.Error) -> None:
    """Rename the file of *inode* at *path*, found damaged by *error*; nothing when it is not there any more.

    SpoiltFile when it cannot be renamed. Nobody of this process may have it open.
    """
    real = path.resolve()  # a link stays, and its target's log lies beside the target
    try:
        with _locked(real.parent):
            if inode_of(real) != inode or inode == NO_INODE:
                return
            aside = _free_name(real)
            _rename(real, aside)
    except OSError as refusal:
        raise SpoiltFile(
            f"The database {str(path)!r} is damaged ({error}) and cannot be put aside: {refusal.strerror}.",
            hint="Move it away yourself, or let its folder be written; a new one is begun by itself.",
        ) from refusal
    logger.error("database-spoilt file=%s moved_to=%s reason=%s; a new one is begun", path, aside, error)


def _rename(path: Path, aside: Path) -> None:
    """The database and its log, all or none."""
    renamed: list[str] = []
    try:
        for suffix in _LOG_FIRST:
            source = path.with_name(path.name + suffix)
            if source.exists():
                source.rename(aside.with_name(aside.name + suffix))
                renamed.append(suffix)
    except OSError:
        for suffix in renamed:
            aside.with_name(aside.name + suffix).rename(path.with_name(path.name + suffix))
        raise


def _free_name(path: Path) -> Path:
    """Such as ledger.db.spoilt-2026-11-21T130501Z, with a number where that is taken."""
    first = path.with_name(f"{path.name}.spoilt-{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}")
    name, number = first, 2
    while name.exists():
        name, number = first.with_name(f"{first.name}-{number}"), number + 1
    return name


def _is_text(path: Path) -> bool:
    """Whether a person could read it: a document whose name was given by mistake, rather than a broken database."""
    with path.open("rb") as file:
        begin = file.read(_LOOKED_AT_BYTES)
    if begin.startswith(_MAGIC[:6]):
        return False
    text = begin.decode("utf-8", "replace")
    return "\ufffd" not in text[:-1] and all(sign.isprintable() or sign.isspace() for sign in text[:-1])


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Nobody else puts a file of *folder* aside meanwhile. Where folders cannot be locked, open files stay put."""
    if sys.platform == "win32":
        yield
        return
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)
