"""Healths shared between processes: an SQLite file of its own, beside the ledger's.

Each process tells what it has seen and hears what others have told. A row is about somebody by a digest of name,
address, model and key, so that another configuration's model of the same name, or the same one with another key, is
somebody else. The file may be removed at any time.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path

from pointsman.adapters.storage.database import open_readable
from pointsman.adapters.storage.noticeboard import POLL_S, RETRY_S, Noticeboard
from pointsman.adapters.storage.own_file import shipped_scripts
from pointsman.core.catalog import ModelCard
from pointsman.core.errors import ConfigError
from pointsman.core.health import Cause, Health, HealthState

Who = tuple[bool, str]  # whether an endpoint; its name, or a card's id
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
    connection = open_readable(path, shipped_scripts("healths"))
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


class SqliteHealths(Noticeboard[Health]):
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
        scripts = shipped_scripts("healths")
        super().__init__("healths", path, scripts, on_news=on_news, poll_s=poll_s, retry_s=retry_s)
        self._identities = identities
        self._ours = frozenset(identities.values())
        self._clock = clock
        self._is_first = True

    def subject_of(self, notice: Health) -> Hashable:
        """See Noticeboard."""
        return notice.is_endpoint, notice.subject

    def write(self, connection: sqlite3.Connection, notices: Iterable[Health]) -> None:
        """See Noticeboard."""
        now_s = self._clock()
        rows = [
            (digest, self.writer, _expires_at_s(health, now_s), *_columns(health))
            for health in notices
            if (digest := self._identities.get((health.is_endpoint, health.subject))) is not None
        ]
        connection.execute("DELETE FROM healths WHERE expires_at_s <= ?", (now_s,))
        connection.executemany(_TELL, rows)

    def read(self, connection: sqlite3.Connection, since: int) -> tuple[Sequence[Health], int]:
        """See Noticeboard."""
        rows: list[Row] = connection.execute(_NEWS, (since, self.writer, self._clock())).fetchall()
        found = [_health(row) for row in rows if row[1] in self._ours]
        if self._is_first:
            found = [health for health in found if health.cause is not Cause.AUTH]
        self._is_first = False
        return found, max((since, *(row[0] for row in rows)))


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
