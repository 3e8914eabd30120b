"""What callers' verdicts have taught, in a file beside the ledger that all processes share.

The file is made with the first verdict. Processes that serve look at it once a second, and read what is new in it.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from pointsman.adapters.storage.database import open_readable, unreadable
from pointsman.adapters.storage.own_file import OwnFile, Signature, shipped_scripts, signature_of
from pointsman.adapters.storage.retention import transaction
from pointsman.core.catalog import Tier
from pointsman.core.errors import ConfigError
from pointsman.core.values import value_type
from pointsman.routing.learned.abilities import Shifts
from pointsman.routing.learned.feedback import (
    DAY_S,
    HALF_LIFE_DAYS,
    KEPT_HALF_LIVES,
    NOTHING,
    Belief,
    Lesson,
    Remark,
    Task,
    faded,
    learned,
    shifts,
    unlearned,
)

logger = logging.getLogger("pointsman.feedback")

LOOK_S: Final = 1.0
FADE_S: Final = 3600.0
"""Seconds after which a caller's shifts are reckoned anew, as they fade."""
MOST_WAITING: Final = 1000
_UNKNOWN: Final[Mapping[str, Shifts]] = {}
_BELIEF: Final = "SELECT pull, information, at_s, verdicts FROM beliefs WHERE owner = ? AND kind = ? AND tier = ?"
_BELIEVE: Final = """
    INSERT OR REPLACE INTO beliefs (owner, kind, tier, pull, information, at_s, verdicts) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_BELIEFS: Final = """
    SELECT seq, owner, kind, tier, pull, information, at_s, verdicts FROM beliefs WHERE seq > ? ORDER BY seq
"""
_EARLIER: Final = """
    SELECT owner, kind, verdict, is_sign, pull, information, at_s FROM verdicts WHERE decision_id = ? AND tier = ?
"""
_NOTE: Final = "INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"

Result = TypeVar("Result")


@value_type
class Known:
    """What is believed of one tier at one kind of task, for one caller."""

    key_id: str | None
    kind: str
    tier: Tier
    belief: Belief


def feedback_path(ledger: Path) -> Path:
    """The file of verdicts beside the *ledger*."""
    return ledger.with_name(f"{ledger.stem}-feedback{ledger.suffix}")


class FeedbackFile:
    """The file at *path*. `clock` is monotonic seconds, `now` seconds since the epoch."""

    def __init__(
        self,
        path: Path,
        *,
        half_life_days: float = HALF_LIFE_DAYS,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.path = path
        self._half_life_days = half_life_days
        self._clock, self._now = clock, now
        self._looked_s = float("-inf")
        self._signature: Signature = ()
        self._seen = 0
        self._beliefs: dict[str, dict[tuple[str, Tier], Belief]] = {}  # by owner
        self._shifts: dict[str, tuple[float, Mapping[str, Shifts]]] = {}  # by owner, and when they were reckoned

    def shifts_of(self, key_id: str | None, /) -> Mapping[str, Shifts]:
        """What was learned for that caller, by kind of task. Trouble with the file is logged, not raised."""
        now_s = self._clock()
        if now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            self._look()
        owner = key_id or ""
        theirs = self._beliefs.get(owner)
        if theirs is None:
            return _UNKNOWN
        found = self._shifts.get(owner)
        if found is None or now_s - found[0] >= FADE_S:
            current = [(kind, tier, self._faded(belief)) for (kind, tier), belief in theirs.items()]
            found = self._shifts[owner] = (now_s, shifts(current))
        return found[1]

    def all(self) -> Sequence[Known]:
        """Everything believed now, by caller, kind and tier. ConfigError when the file cannot be read."""
        found = [
            Known(key_id=owner or None, kind=kind, tier=tier, belief=self._faded(belief))
            for _, owner, kind, tier, belief in self._read(0)
            if belief.verdicts
        ]
        return sorted(found, key=lambda one: (one.key_id or "", one.kind, one.tier.rank))

    def note(self, remark: Remark) -> Belief | None:
        """Keep *remark* and learn from it; what is believed then, None where nothing is to be learned.

        The same verdict once more changes nothing; another one takes the earlier one's place, but a sign never does.
        ConfigError when the file cannot be written.
        """
        return self._change(lambda database: self._noted(database, remark))

    def reset(self, key_id: str | None = None, *, everybody: bool = False) -> int:
        """Forget what was learned for a caller, or for all; how many beliefs there were. ConfigError likewise."""
        if not self.path.exists():
            return 0

        def work(database: sqlite3.Connection) -> int:
            where, values = ("1", ()) if everybody else ("owner = ?", (key_id or "",))
            query = f"SELECT owner, kind, tier FROM beliefs WHERE verdicts > 0 AND {where}"  # noqa: S608  see above
            rows = database.execute(query, values).fetchall()
            database.executemany(_BELIEVE, [(*row, 0.0, 0.0, self._now(), 0) for row in rows])
            database.execute(f"DELETE FROM verdicts WHERE {where}", values)  # noqa: S608  see above
            return len(rows)

        return self._change(work)

    def _noted(self, database: sqlite3.Connection, remark: Remark) -> Belief | None:
        task, owner = remark.task, remark.key_id or ""
        kind, tier = (task.kind, task.tier.value) if task is not None else ("", "")
        belief = _belief(database, owner, kind, tier)
        row = database.execute(_EARLIER, (remark.decision_id, tier)).fetchone()
        if row is not None:
            _, _, verdict, _, pull, information, at_s = row
            if verdict == remark.verdict or remark.is_sign:
                return self._faded(belief) if task is not None else None
            lesson = Lesson(pull=pull, information=information, at_s=at_s)
            belief = unlearned(belief, lesson, remark.at_s, self._half_life_days)
        added = Lesson(pull=0.0, information=0.0, at_s=remark.at_s)
        if task is not None:
            belief, added = learned(belief, task, remark.verdict, remark.at_s, self._half_life_days)
            _believe(database, owner, task, belief)
        database.execute(
            _NOTE,
            (
                remark.decision_id,
                tier,
                owner,
                kind,
                remark.verdict.value,
                remark.is_sign,
                added.at_s,
                added.pull,
                added.information,
            ),
        )
        oldest_s = remark.at_s - KEPT_HALF_LIVES * self._half_life_days * DAY_S
        database.execute("DELETE FROM verdicts WHERE at_s < ?", (oldest_s,))
        return belief if task is not None else None

    def _change(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """What *work* gives, all of it written or nothing."""

        def whole(database: sqlite3.Connection) -> Result:
            with transaction(database):
                return work(database)

        try:
            with closing(OwnFile(self.path, shipped_scripts("feedback"))) as file:
                return file.use(whole)
        except (sqlite3.Error, OSError) as error:
            message = f"The verdict cannot be written to {str(self.path)!r}: {error}."
            raise ConfigError(message, hint="Check the folder's permissions and the disk.") from error

    def _faded(self, belief: Belief) -> Belief:
        return faded(belief, self._now(), self._half_life_days)

    def _look(self) -> None:
        """Read what is new in the file, if it has changed; all of it when it was replaced."""
        signature = signature_of(self.path)
        if signature == self._signature:
            return
        if not signature or not self._signature or signature[0][0] != self._signature[0][0]:
            self._seen, self._beliefs, self._shifts = 0, {}, {}
        try:
            for seq, owner, kind, tier, belief in self._read(self._seen):
                self._seen = seq
                self._shifts.pop(owner, None)
                self._beliefs.setdefault(owner, {})[kind, tier] = belief
        except ConfigError as error:
            logger.warning("feedback.unreadable file=%s reason=%s", self.path, error)
        self._signature = signature

    def _read(self, since: int) -> Sequence[tuple[int, str, str, Tier, Belief]]:
        connection = open_readable(self.path, shipped_scripts("feedback"))
        if connection is None:
            return ()
        with closing(connection):
            try:
                rows = connection.execute(_BELIEFS, (since,)).fetchall()
            except sqlite3.Error as error:
                raise unreadable(self.path, error) from error
        return [
            (seq, owner, kind, Tier(tier), Belief(pull=pull, information=information, at_s=at_s, verdicts=verdicts))
            for seq, owner, kind, tier, pull, information, at_s, verdicts in rows
        ]


class FeedbackWriter:
    """Writes remarks in a thread of its own, so that who makes them never waits. Trouble is logged, not raised."""

    def __init__(self, file: FeedbackFile, *, most_waiting: int = MOST_WAITING) -> None:
        self._file = file
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pointsman-feedback")
        self._room = threading.BoundedSemaphore(most_waiting)

    def tell(self, remark: Remark, /) -> None:
        """Keep *remark*, soon; it is dropped where very many wait."""
        if not self._room.acquire(blocking=False):
            return
        try:
            self._thread.submit(self._write, remark)
        except RuntimeError:  # closed: the gateway ends
            self._room.release()

    def _write(self, remark: Remark) -> None:
        try:
            self._file.note(remark)
        except ConfigError as error:
            logger.warning("feedback.not-written file=%s reason=%s", self._file.path, error)
        finally:
            self._room.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown()


def _belief(database: sqlite3.Connection, owner: str, kind: str, tier: str) -> Belief:
    row = database.execute(_BELIEF, (owner, kind, tier)).fetchone()
    if row is None:
        return NOTHING
    pull, information, at_s, verdicts = row
    return Belief(pull=pull, information=information, at_s=at_s, verdicts=verdicts)


def _believe(database: sqlite3.Connection, owner: str, task: Task, belief: Belief) -> None:
    row = (owner, task.kind, task.tier.value, belief.pull, belief.information, belief.at_s, belief.verdicts)
    database.execute(_BELIEVE, row)
