"""What the processes of one gateway tell each other, by rows of an SQLite file that each of them looks at.

A thread of its own writes what was told and looks several times a second for what others have told; nobody waits for
it.
Trouble with the file is logged once and tried again; a spoilt file is put aside (see spoilt.py).
"""

from __future__ import annotations

import abc
import logging
import queue
import secrets
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

from pointsman.adapters.storage.spoilt import NO_INODE, inode_of, is_spoilt, open_or_begin, put_aside
from pointsman.core.errors import ConfigError

POLL_S = 0.25
RETRY_S = 5.0

Notice = TypeVar("Notice")


class Noticeboard(abc.ABC, Generic[Notice]):
    """The file at *path* with notices of a kind, such as "healths"; *on_news* is called in the board's own thread.

    Make it after a fork, not before. `writer` names this process in the rows. What is told is gathered for *beat_s*
    seconds before it is written.
    """

    def __init__(
        self,
        kind: str,
        path: Path,
        scripts: Sequence[str],
        *,
        on_news: Callable[[], object] = lambda: None,
        poll_s: float = POLL_S,
        retry_s: float = RETRY_S,
        beat_s: float = 0.0,
    ) -> None:
        self.path = path
        self.writer = secrets.token_hex(8)
        self._kind = kind
        self._log = logging.getLogger(f"pointsman.{kind}")
        self._scripts = scripts
        self._on_news = on_news
        self._poll_s, self._retry_s, self._beat_s = poll_s, retry_s, beat_s
        self._is_ending = threading.Event()
        self._told: queue.SimpleQueue[Notice | None] = queue.SimpleQueue()
        self._news: deque[Notice] = deque()
        self._connection: sqlite3.Connection | None = None
        self._inode = NO_INODE
        self._version = -1  # of the file's data, as this connection sees it
        self._seen = 0
        self._is_in_trouble = False
        self._thread = threading.Thread(target=self._run, name=f"pointsman-{kind}", daemon=True)

    @abc.abstractmethod
    def subject_of(self, notice: Notice) -> Hashable:
        """Whom *notice* is about: of two about the same only the later is written."""

    @abc.abstractmethod
    def write(self, connection: sqlite3.Connection, notices: Iterable[Notice]) -> None:
        """Put *notices* into the file; within a transaction."""

    @abc.abstractmethod
    def read(self, connection: sqlite3.Connection, since: int) -> tuple[Sequence[Notice], int]:
        """What others have told since row *since*, and the last row of it."""

    def tell(self, notice: Notice, /) -> None:
        """*notice* is news from here; never waits."""
        self._told.put(notice)

    def news(self) -> Sequence[Notice]:
        """What others have told since the last call; never waits."""
        found = []
        while self._news:
            found.append(self._news.popleft())
        return found

    def __enter__(self) -> Self:
        """Read what there is, so that the first request knows of it, and begin to listen."""
        self._attend({})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what was told and let go of the file."""
        self._told.put(None)
        self._is_ending.set()
        self._thread.join(timeout=5.0)

    # ── the board's thread ──

    def _run(self) -> None:
        waiting: dict[Hashable, Notice] = {}  # the latest of each
        is_open = True
        while is_open:
            is_open = self._gather(waiting)
            if self._attend(waiting):
                waiting.clear()
        self._forget()

    def _gather(self, waiting: dict[Hashable, Notice]) -> bool:
        """Add what was told to *waiting*; False when nothing more will be."""
        patience_s = self._retry_s if self._is_in_trouble else self._poll_s
        try:
            told = self._told.get(timeout=patience_s)
            if self._beat_s:
                self._is_ending.wait(self._beat_s)
            while told is not None:
                waiting[self.subject_of(told)] = told
                told = self._told.get_nowait()
        except queue.Empty:
            return True
        return False

    def _attend(self, waiting: Mapping[Hashable, Notice]) -> bool:
        """Write *waiting* and look for news; False when the file is in trouble."""
        try:
            has_news = self._exchanged(waiting)
        except (sqlite3.Error, OSError, ValueError, ConfigError) as error:
            self._forget()
            if not self._is_in_trouble:
                words = f"{self._kind}-not-shared file=%s reason=%s; requests go on, retrying"
                self._log.warning(words, self.path, error)
            self._is_in_trouble = True
            return False
        if self._is_in_trouble:
            self._log.warning(f"{self._kind}-shared-again file=%s", self.path)
        self._is_in_trouble = False
        if has_news:
            self._on_news()
        return True

    def _exchanged(self, waiting: Mapping[Hashable, Notice]) -> bool:
        """Write and look; once more on a fresh file when this one is spoilt."""
        try:
            return self._write_and_look(waiting)
        except sqlite3.DatabaseError as error:
            if not is_spoilt(error):
                raise
            self._forget()
            put_aside(self.path, self._inode, error)
        return self._write_and_look(waiting)

    def _write_and_look(self, waiting: Mapping[Hashable, Notice]) -> bool:
        connection = self._open()
        if waiting:
            connection.execute("BEGIN IMMEDIATE")
            try:
                self.write(connection, waiting.values())
            except BaseException:
                if connection.in_transaction:  # a spoilt file has ended it by itself
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
        return self._look(connection)

    def _open(self) -> sqlite3.Connection:
        """The connection to the file that is at the path now."""
        if self._connection is not None:
            if inode_of(self.path) == self._inode:
                return self._connection
            self._forget()
        connection = open_or_begin(self.path, self._scripts)
        inode = inode_of(self.path)
        if inode != self._inode:
            self._seen = 0
        self._connection, self._inode, self._version = connection, inode, -1
        return connection

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _look(self, connection: sqlite3.Connection) -> bool:
        """Keep what others have told since the last look; whether there was anything."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version == self._version:
            return False
        found, self._seen = self.read(connection, self._seen)
        self._version = version
        self._news.extend(found)
        return bool(found)
