"""The store of answers that a later request may go on from: an SQLite file of its own, beside the ledger's.

It holds prompts, which the ledger does not, so it is made when the first answer is to be kept, may be removed at any
time, and forgets: rows go when their time is over, and what they held is overwritten.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pointsman.adapters.storage.shared_store import TROUBLE, SharedStore
from pointsman.core.errors import PointsmanError
from pointsman.core.ports import StoredResponse

Result = TypeVar("Result")


def responses_path(ledger: Path) -> Path:
    """The store's file beside the *ledger*."""
    return ledger.with_name(f"{ledger.stem}-responses{ledger.suffix}")


class SqliteResponses(SharedStore):
    """See core.ports.ResponseStore. Answers are kept for *ttl_s* seconds; `clock` is seconds since the epoch."""

    def __init__(self, path: Path, *, ttl_s: float, clock: Callable[[], float] = time.time) -> None:
        super().__init__("responses", path, pragma="secure_delete = ON", trouble="response-not-kept")
        self._ttl_s = ttl_s
        self._clock = clock

    async def put(self, response: StoredResponse, /) -> None:
        """See core.ports.ResponseStore."""
        await self._do(lambda database: self._put(database, response), None)

    async def get(self, response_id: str, owner: str | None, /) -> StoredResponse | None:
        """See core.ports.ResponseStore."""
        return await self._read(lambda database: self._get(database, response_id, owner))

    async def delete(self, response_id: str, owner: str | None, /) -> bool:
        """See core.ports.ResponseStore."""
        return await self._read(lambda database: self._delete(database, response_id, owner))

    async def _read(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        try:
            return await self._use(work)
        except TROUBLE as error:
            self._log.warning("responses-unreadable file=%s reason=%s", self.path, error)
            message = "The stored answers cannot be read at the moment."
            raise PointsmanError(message, hint="Send the whole conversation instead; the log says more.") from error

    def _put(self, database: sqlite3.Connection, response: StoredResponse) -> None:
        now_s = self._clock()
        body = json.dumps({"input": response.input, "reply": response.reply}, separators=(",", ":"))
        row = (response.owner or "", response.id, now_s + self._ttl_s, response.is_private, body)
        database.execute("DELETE FROM responses WHERE expires_at_s <= ?", (now_s,))
        database.execute("INSERT OR REPLACE INTO responses VALUES (?, ?, ?, ?, ?)", row)

    def _get(self, database: sqlite3.Connection, response_id: str, owner: str | None) -> StoredResponse | None:
        query = "SELECT is_private, body FROM responses WHERE owner = ? AND id = ? AND expires_at_s > ?"
        row = database.execute(query, (owner or "", response_id, self._clock())).fetchone()
        if row is None:
            return None
        is_private, text = row
        body = json.loads(text)
        return StoredResponse(
            id=response_id, owner=owner, input=tuple(body["input"]), reply=body["reply"], is_private=bool(is_private)
        )

    def _delete(self, database: sqlite3.Connection, response_id: str, owner: str | None) -> bool:
        query = "DELETE FROM responses WHERE owner = ? AND id = ? AND expires_at_s > ?"
        return database.execute(query, (owner or "", response_id, self._clock())).rowcount > 0
