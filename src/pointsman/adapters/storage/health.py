"""Healths shared between processes: an SQLite file of its own, beside the ledger's.

Each process tells what it has seen and looks four times a second for what others have told. A row is about somebody by
a digest of name, address, model and key, so that another configuration's model of the same name, or the same one with
another key, is somebody else. The file may be removed at any time.
"""

from __future__ import annotations

import hashlib
import json
import logging
import queue
import secrets
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Self

from pointsman.adapters.storage.database import open_readable, open_writable
from pointsman.core.catalog import ModelCard
from pointsman.core.errors import ConfigError
from pointsman.core.health import Cause, Health, HealthState

logger = logging.getLogger("pointsman.healths")

Who = tuple[bool, str]  # whether an endpoint; its name, or a card's id
POLL_S = 0.25
RETRY_S = 5.0
KEPT_S: Mapping[HealthState, float] = {  # of states without an end of their own
    HealthState.HEALTHY: 60.0,  # long enough for everybody to hear of it
    HealthState.PROBING: 60.0,
    HealthState.RAMPING: 60.0,
    HealthState.ONE_RETRY: 3600.0,
}
MAX_MESSAGE = 500
_TELL = """
    INSERT OR REPLACE INTO healths (identity, writer, expires_at_s,
        subject, is_endpoint, state, cause, since_s, until_s, failures, share, message)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_NEWS = """
    SELECT seq, identity, subject, is_endpoint, state, cause, since_s, until_s, failures, share, message
    FROM healths WHERE seq > ? AND writer <> ? AND expires_at_s > ? ORDER BY seq
"""
_NOW = """
    SELECT seq, identity, subject, is_endpoint, state, cause, since_s, until_s, failures, share, message
    FROM healths WHERE expires_at_s > ? ORDER BY subject, seq
"""

Row = tuple[int, str, str, int, str, str | None, float, float | None, int, float, str | None]


def healths_path(ledger: Path) -> Path:
    """The file beside the *ledger*."""
    return ledger.with_name(f"{ledger.stem}-healths{ledger.suffix}")


def identities_of(cards: Iterable[ModelCard]) -> dict[Who, str]:
    """The digest of each of *cards* and of their endpoints."""
    found: dict[Who, str] = {}
    for card in cards:
        at = card.endpoint
        key = at.api_key.reveal() if at.api_key is not None else ""
        found[False, card.id] = _digest("model", card.id, at.name, at.dialect, at.base_url, key, card.upstream_model)
        found[True, at.name] = _digest("endpoint", at.name, at.dialect, at.base_url, key)
    return found


def read_healths(path: Path, identities: Mapping[Who, str], *, now_s: float) -> list[Health] | None:
    """Who of those named by *identities* is not well, as told by whoever runs or ran; None when there is no file.

    ConfigError when it cannot be read.
    """
    connection = open_readable(path, scripts())
    if connection is None:
        return None
    try:
        rows: list[Row] = connection.execute(_NOW, (now_s,)).fetchall()
        ours = frozenset(identities.values())
        healths = [_health(row) for row in rows if row[1] in ours]
    except (sqlite3.Error, ValueError) as error:
        raise ConfigError(
            f"The healths in {str(path)!r} cannot be read: {error}.",
            hint="Remove the file; a new one is begun by itself.",
        ) from error
    finally:
        connection.close()
    return [health for health in healths if health.state is not HealthState.HEALTHY]


class SqliteHealths:
    """See core.ports.HealthStore. `clock` is seconds since the epoch; *on_news* is called in the store's own thread.

    Make it after a fork, not before. A wrong key is not remembered from before this process: a new start tries it.
    """

    def __init__(
        self,
        path: Path,
        identities: Mapping[Who, str],
        *,
        on_news: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.time,
        poll_s: float = POLL_S,
        retry_s: float = RETRY_S,
    ) -> None:
        self.path = path
        self._identities = identities
        self._ours = frozenset(identities.values())
        self._on_news = on_news
        self._clock = clock
        self._poll_s, self._retry_s = poll_s, retry_s
        self._writer = secrets.token_hex(8)
        self._told: queue.SimpleQueue[Health | None] = queue.SimpleQueue()
        self._news: deque[Health] = deque()
        self._connection: sqlite3.Connection | None = None
        self._inode = -1
        self._version = -1  # of the file's data, as this connection sees it
        self._seen = 0
        self._is_first = True
        self._is_in_trouble = False
        self._thread = threading.Thread(target=self._run, name="pointsman-healths", daemon=True)

    def tell(self, health: Health, /) -> None:
        """See core.ports.HealthStore."""
        self._told.put(health)

    def news(self) -> Sequence[Health]:
        """See core.ports.HealthStore."""
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
        self._thread.join(timeout=5.0)

    # ── the store's thread ──

    def _run(self) -> None:
        waiting: dict[Who, Health] = {}  # the latest of each
        is_open = True
        while is_open:
            is_open = self._gather(waiting)
            if self._attend(waiting):
                waiting.clear()
        self._forget()

    def _gather(self, waiting: dict[Who, Health]) -> bool:
        """Add what was told to *waiting*; False when nothing more will be."""
        patience_s = self._retry_s if self._is_in_trouble else self._poll_s
        try:
            told = self._told.get(timeout=patience_s)
            while told is not None:
                waiting[told.is_endpoint, told.subject] = told
                told = self._told.get_nowait()
        except queue.Empty:
            return True
        return False

    def _attend(self, waiting: Mapping[Who, Health]) -> bool:
        """Write *waiting* and look for news; False when the file is in trouble."""
        try:
            connection = self._open()
            if waiting:
                self._write(connection, waiting.values())
            has_news = self._look(connection)
        except (sqlite3.Error, OSError, ValueError, ConfigError) as error:
            self._forget()
            if not self._is_in_trouble:
                logger.warning("healths-not-shared file=%s reason=%s; requests go on, retrying", self.path, error)
            self._is_in_trouble = True
            return False
        if self._is_in_trouble:
            logger.warning("healths-shared-again file=%s", self.path)
        self._is_in_trouble = False
        if has_news:
            self._on_news()
        return True

    def _open(self) -> sqlite3.Connection:
        """The connection to the file that is at the path now."""
        if self._connection is not None:
            if self.path.exists() and self.path.stat().st_ino == self._inode:
                return self._connection
            self._forget()
        connection = open_writable(self.path, scripts())
        inode = self.path.stat().st_ino
        if inode != self._inode:
            self._seen = 0
        self._connection, self._inode, self._version = connection, inode, -1
        return connection

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _write(self, connection: sqlite3.Connection, healths: Iterable[Health]) -> None:
        now_s = self._clock()
        rows = [
            (digest, self._writer, _expires_at_s(health, now_s), *_columns(health))
            for health in healths
            if (digest := self._identities.get((health.is_endpoint, health.subject))) is not None
        ]
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute("DELETE FROM healths WHERE expires_at_s <= ?", (now_s,))
            connection.executemany(_TELL, rows)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def _look(self, connection: sqlite3.Connection) -> bool:
        """Keep what others have told since the last look; whether there was anything."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version == self._version:
            return False
        rows: list[Row] = connection.execute(_NEWS, (self._seen, self._writer, self._clock())).fetchall()
        self._version = version
        found = [_health(row) for row in rows if row[1] in self._ours]
        self._seen = max((self._seen, *(row[0] for row in rows)))
        if self._is_first:
            found = [health for health in found if health.cause is not Cause.AUTH]
        self._is_first = False
        self._news.extend(found)
        return bool(found)


def scripts() -> list[str]:
    """The shipped scripts in order, as in database.migrations."""
    folder = resources.files("pointsman.adapters.storage") / "sql" / "healths"
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    return [script.read_text("utf-8") for script in found]


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _expires_at_s(health: Health, now_s: float) -> float:
    return health.until_s if health.until_s is not None else now_s + KEPT_S.get(health.state, 0.0)


def _columns(health: Health) -> tuple[str | float | None, ...]:
    return (
        health.subject,
        int(health.is_endpoint),
        health.state.value,
        health.cause.value if health.cause is not None else None,
        health.since_s,
        health.until_s,
        health.failures,
        health.share,
        _storable(health.message) if health.message is not None else None,
    )


def _storable(message: str) -> str:
    """*message* cut, and without the halves of characters that JSON lets through and SQLite refuses."""
    return message[:MAX_MESSAGE].encode("utf-8", "replace").decode()


def _health(row: Row) -> Health:
    _seq, _identity, subject, is_endpoint, state, cause, since_s, until_s, failures, share, message = row
    return Health(
        subject=subject,
        is_endpoint=bool(is_endpoint),
        state=HealthState(state),
        cause=Cause(cause) if cause is not None else None,
        since_s=since_s,
        until_s=until_s,
        failures=failures,
        share=share,
        message=message,
    )
