"""The ledger: every request as a row in an SQLite file, written by a thread of its own, never waited for.

The event loop only appends to a queue. The thread writes what has gathered every 100 ms, in transactions of at most 500
events. A crash loses what the thread has not taken up yet; everything older is in the file.

| trouble                      | what happens                                                                        |
| ---------------------------- | ----------------------------------------------------------------------------------- |
| locked, full                 | one line in the log; events wait in the queue; tried again every few seconds        |
| damaged, at start or later   | it is put aside (see spoilt.py) and a new one begun; while it cannot be: as locked  |
| queue full                   | events are dropped and counted; one line in the log a minute                        |
| file removed or replaced     | a new one is begun                                                                  |
| an event that cannot be kept | it alone is dropped                                                                 |
"""

from __future__ import annotations

import logging
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from pointsman.adapters.storage.encode import Places, fold, storable
from pointsman.adapters.storage.lease import Lease
from pointsman.adapters.storage.retention import DAY_S, prune_chunk, transaction, used_bytes
from pointsman.adapters.storage.settlement import CostOf, abandon, no_cost, settle
from pointsman.adapters.storage.spoilt import NO_INODE, inode_of, is_spoilt, open_or_begin, put_aside
from pointsman.core.errors import ConfigError
from pointsman.core.events import Event

logger = logging.getLogger("pointsman.ledger")

BATCH_EVENTS = 500
BATCH_S = 0.1
HOUSEKEEPING_S = 3600.0
HOUSEKEEPING_RETRY_S = 10.0
HOUSEKEEPING_CHUNKS = 10  # at one go; the rest a second later, so that the queue is not kept waiting
DROP_LOG_S = 60.0


class _Mark:
    """A place in the queue: `reached` is set once everything before it is in the file."""

    __slots__ = ("is_last", "reached")

    def __init__(self, *, is_last: bool = False) -> None:
        self.reached = threading.Event()
        self.is_last = is_last


class SqliteLedger:
    """An observer that records requests in the file at *path*. Make it after a fork, not before.

    `keep_days` and `max_bytes` bound what is kept (None: no bound), `cost_of` prices what a dead process had open.
    Calling it costs under a microsecond and never raises or blocks.
    """

    def __init__(
        self,
        path: Path,
        *,
        keep_days: float | None = 90.0,
        max_bytes: int | None = 2 * 1024**3,
        queue_limit: int = 50_000,
        retry_s: float = 5.0,
        clock: Callable[[], float] = time.time,
        cost_of: CostOf = no_cost,
    ) -> None:
        self.path = path
        self.dropped = 0  # events, since the start
        self._queue: queue.SimpleQueue[Event | _Mark] = queue.SimpleQueue()
        self._limit = queue_limit
        self._hurry = threading.Event()
        self._file = _LedgerFile(path, keep_days=keep_days, max_bytes=max_bytes, clock=clock, cost_of=cost_of)
        self._retry_s = retry_s
        self._thread = threading.Thread(target=self._run, name="pointsman-ledger", daemon=True)
        self._trouble: str | None = None
        self._is_closing = False
        self._drops_logged = (0, -DROP_LOG_S)  # how many, when

    def __call__(self, event: Event, /) -> None:
        if self._queue.qsize() < self._limit:
            self._queue.put(event)
        else:
            self.dropped += 1

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written at the moment; None when all is well."""
        return self._trouble

    def start(self) -> Self:
        """Open the file and start writing; again does nothing.

        ConfigError when the file is another program's or newer than this one, or damaged and cannot be put aside; other
        trouble is logged.
        """
        if self._thread.ident is not None:
            return self
        try:
            self._file.open()
        except (sqlite3.Error, OSError) as error:
            self._note_trouble(error)
        self._thread.start()
        return self

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until all events so far are in the file; False when that takes longer than *timeout_s*."""
        mark = _Mark()
        self._queue.put(mark)
        self._hurry.set()
        return mark.reached.wait(timeout_s)

    def close(self, timeout_s: float = 5.0) -> bool:
        """Write what is left and let go of the file; False when *timeout_s* was too short. Later events are dropped."""
        self._limit = 0
        self._is_closing = True
        if not self._thread.is_alive():
            self._file.close()
            return True
        self._queue.put(_Mark(is_last=True))
        self._hurry.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ── the writer's thread ──

    def _run(self) -> None:
        """Write until the last mark, or while closing until the first trouble."""
        waiting: list[Event | _Mark] = []
        while True:
            self._attend_file()
            self._gather(waiting)
            is_last = any(isinstance(item, _Mark) and item.is_last for item in waiting)
            is_written = self._write(waiting)
            if is_last or (self._is_closing and not is_written):
                break
            if not is_written:
                self._hurry.wait(self._retry_s)
        self._give_up(waiting)
        self._file.close()

    def _give_up(self, waiting: list[Event | _Mark]) -> None:
        """Count what was never written."""
        self.dropped += sum(not isinstance(item, _Mark) for item in waiting)
        while not self._queue.empty():
            self.dropped += not isinstance(self._queue.get_nowait(), _Mark)
        self._log_drops(at_once=True)

    def _attend_file(self) -> None:
        """Housekeeping, when it is due."""
        try:
            self._file.keep_house()
        except (sqlite3.Error, OSError, ConfigError) as error:
            self._note_trouble(error)

    def _gather(self, waiting: list[Event | _Mark]) -> None:
        """Add to *waiting* what the queue has, up to a batch; give a first event's followers 100 ms to come."""
        if not waiting:
            try:
                waiting.append(self._queue.get(timeout=self._file.idle_s()))
            except queue.Empty:
                return
            if self._queue.qsize() < BATCH_EVENTS:
                self._hurry.wait(BATCH_S)
        self._hurry.clear()
        while len(waiting) < BATCH_EVENTS:
            try:
                waiting.append(self._queue.get_nowait())
            except queue.Empty:
                return

    def _write(self, waiting: list[Event | _Mark]) -> bool:
        """Put *waiting* into the file and empty it; False, with *waiting* as it was, when the file is in trouble."""
        events = [item for item in waiting if not isinstance(item, _Mark)]
        try:
            if events:
                self._file.write(events)
        except (sqlite3.Error, OSError, ConfigError) as error:
            self._note_trouble(error)
            return False
        if events and self._trouble is not None:
            self._trouble = None
            logger.warning("ledger.recovered path=%s dropped=%d", self.path, self.dropped)
        for item in waiting:
            if isinstance(item, _Mark):
                item.reached.set()
        waiting.clear()
        self._log_drops()
        return True

    def _note_trouble(self, error: Exception) -> None:
        self._file.forget()
        if self._trouble is None:
            logger.error("ledger.unavailable path=%s error=%s; requests go on, retrying", self.path, error)
        self._trouble = str(error)
        self._log_drops()

    def _log_drops(self, *, at_once: bool = False) -> None:
        count, logged_at = self._drops_logged
        now = time.monotonic()
        if self.dropped > count and (at_once or now - logged_at >= DROP_LOG_S):
            self._drops_logged = (self.dropped, now)
            logger.warning(
                "ledger.dropped path=%s events=%d since_start=%d", self.path, self.dropped - count, self.dropped
            )


class _LedgerFile:
    """The open file and this process's place in it. Raises sqlite3.Error, OSError or ConfigError as they come."""

    def __init__(
        self,
        path: Path,
        *,
        keep_days: float | None,
        max_bytes: int | None,
        clock: Callable[[], float],
        cost_of: CostOf,
    ) -> None:
        self._path = path
        self._cost_of = cost_of
        self._keep_days = keep_days
        self._max_bytes = max_bytes
        self._clock = clock
        self._connection: sqlite3.Connection | None = None
        self._inode = NO_INODE
        self._lease: Lease | None = None
        self._places = Places(0)
        self._house_due = 0.0  # on the monotonic clock

    def open(self) -> sqlite3.Connection:
        """The connection to the file that is at the path now."""
        if self._connection is not None:
            if inode_of(self._path) == self._inode:
                return self._connection
            self.forget()
        try:
            return self._opened()
        except sqlite3.DatabaseError as error:
            if not is_spoilt(error):
                raise
        return self._opened()  # it was put aside

    def _opened(self) -> sqlite3.Connection:
        connection = open_or_begin(self._path)
        inode = inode_of(self._path)
        try:
            if self._lease is None:
                self._lease = Lease(self._path)
            writer = self._register(connection, self._lease.name)
        except BaseException as error:
            connection.close()
            if isinstance(error, sqlite3.DatabaseError) and is_spoilt(error):
                put_aside(self._path, inode, error)
            raise
        if inode != self._inode or writer != self._places.writer:
            self._places = Places(writer)
        self._connection, self._inode = connection, inode
        return connection

    def forget(self) -> None:
        """Close the connection, so that the next use opens the file anew."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        """Settle what is open, as nobody will complete it any more, and let go of file and lease."""
        if self._connection is not None:
            try:
                with transaction(self._connection):
                    abandon(self._connection, self._places.writer, self._cost_of)
                    self._connection.execute("DELETE FROM writers WHERE id = ?", (self._places.writer,))
            except sqlite3.Error as error:
                logger.warning("ledger.unsettled path=%s error=%s; the next start will", self._path, error)
            self.forget()
        if self._lease is not None:
            self._lease.release()
            self._lease = None

    def write(self, events: Sequence[Event]) -> None:
        """Write *events* in one transaction; when one of them cannot be kept, one by one without it."""
        try:
            self._write(events)
        except sqlite3.DatabaseError as error:
            self._begin_anew(error)
            self._write(events)

    def _write(self, events: Sequence[Event]) -> None:
        connection = self.open()
        try:
            batch = fold(events, self._places)
            with transaction(connection):
                for statement, rows in batch.statements():
                    connection.executemany(statement, rows)
            self._places.release(batch.over)
            return
        except Exception as error:  # this thread is the observer's seam: an odd event must not stop it
            if is_trouble(error):
                raise
        for event in events:
            self._write_alone(connection, event)

    def keep_house(self) -> None:
        """When it is due: settle what dead processes left, remove what is past its time or over the size."""
        if time.monotonic() < self._house_due:
            return
        self._house_due = time.monotonic() + HOUSEKEEPING_RETRY_S
        try:
            self._keep_house()
        except sqlite3.DatabaseError as error:
            self._begin_anew(error)
            self._keep_house()

    def _keep_house(self) -> None:
        connection = self.open()
        settled = settle(connection, self._path, self._places.writer, self._cost_of)
        if settled:
            logger.warning("ledger.settled path=%s requests=%d outcome=unknown", self._path, settled)
        for _ in range(HOUSEKEEPING_CHUNKS):
            if not self._prune(connection):
                self._house_due = time.monotonic() + HOUSEKEEPING_S
                return
        self._house_due = time.monotonic() + 1.0

    def _begin_anew(self, error: sqlite3.DatabaseError) -> None:
        """Put the file aside that *error* says is damaged; any other error is raised again."""
        if not is_spoilt(error):
            raise error
        self.forget()
        put_aside(self._path, self._inode, error)

    def idle_s(self) -> float:
        """How long there is nothing to do when no event comes."""
        return max(0.0, self._house_due - time.monotonic())

    def _prune(self, connection: sqlite3.Connection) -> int:
        removed = 0
        if self._keep_days is not None:
            removed = prune_chunk(connection, self._clock() - self._keep_days * DAY_S)
        if not removed and self._max_bytes is not None and used_bytes(connection) > self._max_bytes:
            removed = prune_chunk(connection, float("inf"))
        return removed

    def _write_alone(self, connection: sqlite3.Connection, event: Event) -> None:
        try:
            batch = fold([event], self._places)
            with transaction(connection):
                for statement, rows in batch.statements():
                    connection.executemany(statement, map(storable, rows))
            self._places.release(batch.over)
        except Exception as error:  # as above
            if is_trouble(error):
                raise
            logger.warning("ledger.unwritable event=%s error=%s", type(event).__name__, type(error).__name__)

    def _register(self, connection: sqlite3.Connection, lease: str) -> int:
        """This process's id in the file."""
        with transaction(connection):
            known = connection.execute("SELECT id FROM writers WHERE lease = ?", (lease,)).fetchone()
            if known is None:
                known = connection.execute(
                    "INSERT INTO writers (pid, lease, started_at_s) VALUES (?, ?, ?) RETURNING id",
                    (os.getpid(), lease, self._clock()),
                ).fetchone()
        return int(known[0])


def is_trouble(error: Exception) -> bool:
    """Whether *error* is about the file or the disk and not about what was to be written."""
    return type(error) in {sqlite3.OperationalError, sqlite3.DatabaseError} or isinstance(error, (OSError, ConfigError))
