"""Where the processes of one gateway show each other the questions that wait in them: an SQLite file beside the ledger.

It holds what a dialog shows, and no prompt. Rows are forgotten a while after their question is settled.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pointsman.adapters.storage.shared_store import SharedStore
from pointsman.core.jsontypes import JsonObject
from pointsman.core.ports import PostedQuestion

REMEMBERED_S = 600.0  # so long a late answer is told from a wrong one
NOTHING: Mapping[str, str] = {}


def consents_path(ledger: Path) -> Path:
    """The board's file beside the *ledger*."""
    return ledger.with_name(f"{ledger.stem}-consents{ledger.suffix}")


class SqliteConsents(SharedStore):
    """See core.ports.ConsentBoard. `clock` is seconds since the epoch."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__("consents", path)
        self._clock = clock

    async def put(self, posted: PostedQuestion, /) -> None:
        """See core.ports.ConsentBoard."""
        forgotten_at_s = posted.expires_s + REMEMBERED_S
        row = (posted.id, posted.owner or "", posted.session, forgotten_at_s, json.dumps(posted.body), None, None)

        def work(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM questions WHERE forgotten_at_s <= ?", (self._clock(),))
            database.execute("INSERT INTO questions VALUES (?, ?, ?, ?, ?, ?, ?)", row)

        await self._do(work, None)

    async def open_to(self, owner: str | None, session: str | None, /) -> Sequence[JsonObject]:
        """See core.ports.ConsentBoard."""
        query = (
            "SELECT body FROM questions WHERE owner = ? AND answer IS NULL AND ended IS NULL AND forgotten_at_s > ?"
            " AND (? IS NULL OR session = ?) ORDER BY rowid"
        )
        values = (owner or "", self._clock() + REMEMBERED_S, session, session)
        rows: Sequence[tuple[str]] = await self._do(lambda database: database.execute(query, values).fetchall(), ())
        return [json.loads(body) for (body,) in rows]

    async def find(self, question_id: str, owner: str | None, /) -> PostedQuestion | None:
        """See core.ports.ConsentBoard."""
        query = "SELECT session, forgotten_at_s, body, answer, ended FROM questions WHERE id = ? AND owner = ?"
        row = await self._do(lambda database: database.execute(query, (question_id, owner or "")).fetchone(), None)
        if row is None:
            return None
        session, forgotten_at_s, body, answer, ended = row
        return PostedQuestion(
            id=question_id,
            owner=owner,
            session=session,
            expires_s=forgotten_at_s - REMEMBERED_S,
            body=json.loads(body),
            answer=answer,
            ended=ended,
        )

    async def answer(self, question_id: str, answer: str, /) -> bool:
        """See core.ports.ConsentBoard."""
        query = "UPDATE questions SET answer = ? WHERE id = ? AND answer IS NULL AND ended IS NULL"
        changed = await self._do(lambda database: database.execute(query, (answer, question_id)).rowcount, 0)
        return changed > 0

    async def end(self, question_id: str, how: str, /) -> None:
        """See core.ports.ConsentBoard."""
        query = "UPDATE questions SET ended = ? WHERE id = ?"
        await self._do(lambda database: database.execute(query, (how, question_id)), None)

    async def endings(self, ids: Sequence[str], /) -> Mapping[str, str]:
        """See core.ports.ConsentBoard."""
        query = f"SELECT id, ended FROM questions WHERE ended IS NOT NULL AND id IN ({', '.join('?' * len(ids))})"  # noqa: S608  question marks only
        return await self._do(lambda database: dict(database.execute(query, ids).fetchall()), NOTHING)
