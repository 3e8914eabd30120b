"""What processes remember of sessions, told between them by a file beside the ledger that also outlasts a restart.

It holds hashes, tiers, models and times: no text, and no name. Each process looks into its own memory only; what it
remembers is written in batches, and what others have written is read, by a thread that no request waits for.
"""

from __future__ import annotations

import json
import logging
import secrets
import sqlite3
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path
from typing import Final

from pointsman.adapters.storage.noticeboard import RETRY_S, Noticeboard
from pointsman.adapters.storage.own_file import shipped_scripts
from pointsman.core.catalog import Tier
from pointsman.core.jsontypes import Json
from pointsman.core.session import Answer, Note, Pin, Raised, Trace

logger = logging.getLogger("pointsman.sessions")

MOST: Final = 20_000  # rows, the latest ones
BEAT_S: Final = 0.1
"""Seconds that are gathered before they are written, and between two looks: another process knows within two."""
_SWEEP_S: Final = 60.0
_SECRET_BYTES: Final = 32
_KINDS: Final = {Pin: "pin", Raised: "raised", Answer: "answer"}
_encoded: Final = json.JSONEncoder(separators=(",", ":")).encode
_TELL: Final = "INSERT OR REPLACE INTO traces (kind, key, writer, expires_at_s, body) VALUES (?, ?, ?, ?, ?)"
_NEWS: Final = """
    SELECT seq, kind, key, body, expires_at_s FROM traces
    WHERE seq > ? AND writer <> ? AND expires_at_s > ? ORDER BY seq
"""


def sessions_path(ledger: Path) -> Path:
    """The file beside the *ledger*."""
    return ledger.with_name(f"{ledger.stem}-sessions{ledger.suffix}")


class SqliteSessions(Noticeboard[Note]):
    """See core.ports.SessionBoard. `clock` is monotonic seconds, `now` seconds since the epoch.

    *on_news* is called in the board's own thread. Make it after a fork, not before.
    """

    def __init__(
        self,
        path: Path,
        *,
        on_news: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        beat_s: float = BEAT_S,
        retry_s: float = RETRY_S,
        most: int = MOST,
    ) -> None:
        scripts = shipped_scripts("sessions")
        super().__init__("sessions", path, scripts, on_news=on_news, poll_s=beat_s, retry_s=retry_s, beat_s=beat_s)
        self._clock, self._now = clock, now
        self._most = most
        self._secret = secrets.token_bytes(_SECRET_BYTES)
        self._has_secret = False  # of the file
        self._swept_s = 0.0

    @property
    def secret(self) -> bytes:
        """See core.ports.SessionBoard: the file's once it was read, so ask for it inside `with`."""
        return self._secret

    def subject_of(self, notice: Note) -> Hashable:
        """See Noticeboard."""
        key, trace, _ = notice
        return key, type(trace)

    def write(self, connection: sqlite3.Connection, notices: Iterable[Note]) -> None:
        """See Noticeboard."""
        now_s = self._now()
        ahead_s = now_s - self._clock()
        rows = [
            (_KINDS[type(trace)], key, self.writer, now_s + kept_s, _body(trace, ahead_s))
            for key, trace, kept_s in notices
        ]
        connection.execute("INSERT OR IGNORE INTO secrets VALUES (1, ?)", (self._secret,))
        connection.executemany(_TELL, rows)
        connection.execute("DELETE FROM traces WHERE seq <= (SELECT max(seq) FROM traces) - ?", (self._most,))
        if now_s - self._swept_s >= _SWEEP_S:
            self._swept_s = now_s
            connection.execute("DELETE FROM traces WHERE expires_at_s <= ?", (now_s,))

    def read(self, connection: sqlite3.Connection, since: int) -> tuple[Sequence[Note], int]:
        """See Noticeboard."""
        if not self._has_secret:
            connection.execute("INSERT OR IGNORE INTO secrets VALUES (1, ?)", (self._secret,))
            (self._secret,) = connection.execute("SELECT secret FROM secrets").fetchone()
            self._has_secret = True
        now_s = self._now()
        ahead_s = now_s - self._clock()
        rows = connection.execute(_NEWS, (since, self.writer, now_s)).fetchall()
        found = [
            (key, trace, expires_at_s - now_s)
            for _, kind, key, body, expires_at_s in rows
            if (trace := _trace(kind, body, ahead_s)) is not None
        ]
        return found, max((since, *(row[0] for row in rows)))


def _body(trace: Trace, ahead_s: float) -> str:
    """*trace* as JSON; its monotonic times are *ahead_s* seconds behind those since the epoch."""
    fields: list[Json]
    match trace:
        case Pin():
            hardest = trace.hardest.value if trace.hardest is not None else None
            at_s = round(trace.at_s + ahead_s, 3)
            fields = [trace.tier.value, trace.router, trace.card, trace.tokens, at_s, trace.easier, hardest]
        case Raised():
            fields = [trace.tier.value, round(trace.until_s + ahead_s, 3), trace.messages]
        case Answer():
            tier = trace.tier.value if trace.tier is not None else None
            asked: list[Json] = [trace.decision_id, trace.router, tier, trace.kind, trace.difficulty]
            fields = [*asked, trace.served, trace.at_s]
    return _encoded(fields)


def _trace(kind: str, body: str, ahead_s: float) -> Trace | None:
    """What a row says; None for what another version of this program has written."""
    try:
        fields = json.loads(body)
        if kind == _KINDS[Pin]:
            tier, router, card, tokens, at_s, easier, hardest = fields
            return Pin(
                tier=Tier(tier),
                router=router,
                card=card,
                tokens=tokens,
                at_s=at_s - ahead_s,
                easier=easier,
                hardest=Tier(hardest) if hardest is not None else None,
            )
        if kind == _KINDS[Raised]:
            tier, until_s, messages = fields
            return Raised(tier=Tier(tier), until_s=until_s - ahead_s, messages=messages)
        decision_id, router, tier, task, difficulty, served, at_s = fields
        return Answer(
            decision_id=decision_id,
            router=router,
            tier=Tier(tier) if tier is not None else None,
            kind=task,
            difficulty=difficulty,
            served=served,
            at_s=at_s,
        )
    except (ValueError, TypeError) as error:
        logger.debug("session-unreadable kind=%s reason=%s", kind, error)
        return None
