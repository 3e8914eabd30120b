"""What people have chosen for the rest of their sessions, told between processes by a table of the questions' file."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path

from pointsman.adapters.storage.noticeboard import POLL_S, RETRY_S, Noticeboard
from pointsman.adapters.storage.own_file import shipped_scripts
from pointsman.core.consent import Choices

MOST = 10_000  # sessions, the latest ones
_TELL = "INSERT OR REPLACE INTO choices (owner, session, writer, expires_at_s, body) VALUES (?, ?, ?, ?, ?)"
_NEWS = """
    SELECT seq, owner, session, expires_at_s, body FROM choices
    WHERE seq > ? AND writer <> ? AND expires_at_s > ? ORDER BY seq
"""


class SqliteChoices(Noticeboard[Choices]):
    """Tells and hears of `Choices`. `clock` is seconds since the epoch; *on_news* is called in the board's own thread.

    Make it after a fork, not before.
    """

    def __init__(
        self,
        path: Path,
        *,
        on_news: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.time,
        poll_s: float = POLL_S,
        retry_s: float = RETRY_S,
    ) -> None:
        super().__init__("choices", path, shipped_scripts("consents"), on_news=on_news, poll_s=poll_s, retry_s=retry_s)
        self._clock = clock

    def subject_of(self, notice: Choices) -> Hashable:
        """See Noticeboard."""
        return notice.owner, notice.session

    def write(self, connection: sqlite3.Connection, notices: Iterable[Choices]) -> None:
        """See Noticeboard."""
        rows = [(one.owner or "", one.session, self.writer, one.until_s, _body(one)) for one in notices]
        connection.execute("DELETE FROM choices WHERE expires_at_s <= ?", (self._clock(),))
        connection.executemany(_TELL, rows)
        connection.execute("DELETE FROM choices WHERE seq <= (SELECT max(seq) FROM choices) - ?", (MOST,))

    def read(self, connection: sqlite3.Connection, since: int) -> tuple[Sequence[Choices], int]:
        """See Noticeboard."""
        rows = connection.execute(_NEWS, (since, self.writer, self._clock())).fetchall()
        found = []
        for _, owner, session, until_s, text in rows:
            body = json.loads(text)
            found.append(
                Choices(
                    owner=owner or None,
                    session=session,
                    for_session=body["for_session"],
                    while_unwell=frozenset(body["while_unwell"]),
                    until_s=until_s,
                )
            )
        return found, max((since, *(row[0] for row in rows)))


def _body(choices: Choices) -> str:
    return json.dumps({"for_session": dict(choices.for_session), "while_unwell": sorted(choices.while_unwell)})
