"""Answers to requests with an Idempotency-Key, for the processes of one gateway: an SQLite file beside the ledger.

It holds what models wrote, which the ledger does not: it is made when the first such request comes, may be removed at
any time, and overwrites what it forgets. A request that is being answered is its process's as long as that lives (see
lease.py), for LONGEST_S at most.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from pointsman.adapters.storage.lease import Lease, is_gone
from pointsman.adapters.storage.retention import transaction
from pointsman.adapters.storage.shared_store import SharedStore
from pointsman.core.replies import KnownRequest, StoredReply

MAX_ANSWERS = 10_000
MAX_BYTES = 64 * 1024 * 1024  # of all answers
LONGEST_S = 3600.0
WANTED_S = 2.0  # so long after somebody asked for an answer they are taken to wait
LEFT_S = 60.0  # so old a lease is before it is looked at: one that is just being made seems free
_CHUNK = 16

_FIND = "SELECT digest, lease, status, headers, body FROM replies WHERE identity = ?"
_CLAIM = "INSERT OR REPLACE INTO replies VALUES (?, ?, ?, 0, ?, 0, NULL, NULL, NULL)"
_KEEP = (
    "UPDATE replies SET expires_at_s = ?, size = ?, status = ?, headers = ?, body = ? "
    "WHERE identity = ? AND lease = ? AND status IS NULL"
)
_DROP_OLDEST = (
    "DELETE FROM replies WHERE identity IN "
    "(SELECT identity FROM replies WHERE status IS NOT NULL ORDER BY expires_at_s LIMIT ?)"
)


def replies_path(ledger: Path) -> Path:
    """The file beside the *ledger*."""
    return ledger.with_name(f"{ledger.stem}-replies{ledger.suffix}")


class SqliteReplies(SharedStore):
    """See core.replies.ReplyStore. `clock` is seconds since the epoch."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float] = time.time,
        max_answers: int = MAX_ANSWERS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        super().__init__("replies", path, pragma="secure_delete = ON")
        self._clock = clock
        self._max_answers, self._max_bytes = max_answers, max_bytes
        self._lease: Lease | None = None

    async def claim(self, identity: str, digest: bytes, /) -> KnownRequest | None:
        """See core.replies.ReplyStore."""
        return await self._do(lambda database: self._claim(database, identity, digest), None)

    async def keep(self, identity: str, reply: StoredReply, ttl_s: float, /) -> bool:
        """See core.replies.ReplyStore."""
        return await self._do(lambda database: self._keep(database, identity, reply, ttl_s), otherwise=False)

    async def let_go(self, identity: str, /) -> None:
        """See core.replies.ReplyStore."""
        query = "DELETE FROM replies WHERE identity = ? AND lease = ? AND status IS NULL"
        await self._do(lambda database: database.execute(query, (identity, self._name())), None)

    async def is_wanted(self, identity: str, /) -> bool:
        """See core.replies.ReplyStore."""
        query = "SELECT 1 FROM replies WHERE identity = ? AND wanted_at_s > ?"
        values = (identity, self._clock() - WANTED_S)
        return await self._do(lambda database: database.execute(query, values).fetchone() is not None, otherwise=False)

    def close(self) -> None:
        """Let go of the file and of what is claimed; again does nothing."""
        super().close()
        if self._lease is not None:
            self._lease.release()

    # ── in a thread, one at a time ──

    def _name(self) -> str:
        """This process's lease; made at the first claim, when those that nobody holds any more are removed."""
        if self._lease is None:
            now_s = time.time()
            for left in self.path.parent.glob(f"{self.path.name}-writer-*"):
                if left.stat().st_mtime < now_s - LEFT_S:
                    is_gone(left)
            self._lease = Lease(self.path)
        return self._lease.name

    def _claim(self, database: sqlite3.Connection, identity: str, digest: bytes) -> KnownRequest | None:
        now_s, own = self._clock(), self._name()
        with transaction(database):
            database.execute("DELETE FROM replies WHERE expires_at_s <= ?", (now_s,))
            row = database.execute(_FIND, (identity,)).fetchone()
            if row is None or (row[2] is None and row[1] != own and is_gone(self.path.with_name(row[1]))):
                database.execute(_CLAIM, (identity, digest, own, now_s + LONGEST_S))
                return None
            claimed, _, status, headers, body = row
            if status is not None:
                pairs = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in json.loads(headers))
                return KnownRequest(digest=claimed, reply=StoredReply(status=status, headers=pairs, body=body))
            database.execute("UPDATE replies SET wanted_at_s = ? WHERE identity = ?", (now_s, identity))
            return KnownRequest(digest=claimed, reply=None)

    def _keep(self, database: sqlite3.Connection, identity: str, reply: StoredReply, ttl_s: float) -> bool:
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in reply.headers]
        expires_at_s, size = self._clock() + ttl_s, len(reply.body)
        values = (expires_at_s, size, reply.status, json.dumps(pairs), reply.body, identity, self._name())
        with transaction(database):
            is_kept = database.execute(_KEEP, values).rowcount > 0
            while self._is_over_bounds(database) and database.execute(_DROP_OLDEST, (_CHUNK,)).rowcount:
                pass
        return is_kept

    def _is_over_bounds(self, database: sqlite3.Connection) -> bool:
        count, size = database.execute("SELECT count(*), total(size) FROM replies").fetchone()
        return bool(count > self._max_answers or size > self._max_bytes)
