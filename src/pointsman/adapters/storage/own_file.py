"""This process's one connection to a file that several share: opened when first used, anew when it was replaced.

A file found spoilt is put aside (see spoilt.py) and the work done once more, on a fresh one.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import TypeVar

from pointsman.adapters.storage.spoilt import NO_INODE, inode_of, is_spoilt, open_or_begin, put_aside

Result = TypeVar("Result")
Signature = tuple[tuple[int, int, int], ...]


class OwnFile:
    """The file at *path*, made by the *scripts* of its kind; *pragma* is said once it is open.

    One thread at a time works on it. sqlite3.Error, OSError and ConfigError come as they are.
    """

    def __init__(self, path: Path, scripts: Sequence[str], *, pragma: str | None = None) -> None:
        self.path = path
        self._scripts = scripts
        self._pragma = pragma
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode = NO_INODE

    def use(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """What *work* gives."""
        with self._lock:
            try:
                return work(self._open())
            except sqlite3.DatabaseError as error:
                if not is_spoilt(error):
                    raise
                self._forget()
                put_aside(self.path, self._inode, error)
            return work(self._open())

    def close(self) -> None:
        """Let go of the file; again does nothing."""
        with self._lock:
            self._forget()

    def _open(self) -> sqlite3.Connection:
        """The connection to the file that is at the path now."""
        if self._connection is not None:
            if inode_of(self.path) == self._inode:
                return self._connection
            self._forget()
        connection = open_or_begin(self.path, self._scripts)
        if self._pragma is not None:
            connection.execute(f"PRAGMA {self._pragma}")
        self._connection, self._inode = connection, inode_of(self.path)
        return connection

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def shipped_scripts(kind: str) -> list[str]:
    """The shipped scripts for files of that *kind* in order, as in database.migrations."""
    folder = resources.files("pointsman.adapters.storage") / "sql" / kind
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    return [script.read_text("utf-8") for script in found]


def signature_of(path: Path) -> Signature:
    """What changes when the file, or what was written and is not in it yet, does; its identity comes first."""
    found = []
    for one in (path, path.with_name(f"{path.name}-wal")):
        try:
            stat = os.stat(one)  # noqa: PTH116  a third of the time that Path.stat takes
        except OSError:
            continue
        found.append((stat.st_ino, stat.st_mtime_ns, stat.st_size))
    return tuple(found)
