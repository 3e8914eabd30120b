"""What callers' verdicts have taught, in a file beside the ledger that all processes share.

The file is made with the first verdict. Processes that serve look at it once a second, and read what is new in it.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from pointsman.adapters.storage.database import OlderFormat, open_readable, open_writable, unreadable
from pointsman.adapters.storage.own_file import OwnFile, Signature, shipped_scripts, signature_of
from pointsman.adapters.storage.retention import transaction
from pointsman.core.catalog import Tier
from pointsman.core.errors import ConfigError
from pointsman.core.values import value_type
from pointsman.routing.learned.abilities import OfKinds
from pointsman.routing.learned.feedback import (
    ANY_MODEL,
    DAY_S,
    HALF_LIFE_DAYS,
    KEPT_HALF_LIVES,
    Belief,
    Beliefs,
    Lesson,
    Remark,
    Standing,
    Task,
    faded,
    learned,
    shifts,
    standing,
    unlearned,
)

logger = logging.getLogger("pointsman.feedback")

LOOK_S: Final = 1.0
FADE_S: Final = 3600.0
"""Seconds after which a caller's shifts are reckoned anew, as they fade."""
MOST_WAITING: Final = 1000
_UNKNOWN: Final[OfKinds] = {}
_OF_TIER: Final = """
    SELECT model, pull, information, at_s, verdicts FROM beliefs WHERE owner = ? AND kind = ? AND tier = ?
"""
_BELIEVE: Final = """
    INSERT OR REPLACE INTO beliefs (owner, kind, tier, model, pull, information, at_s, verdicts)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_BELIEFS: Final = """
    SELECT seq, owner, kind, tier, model, pull, information, at_s, verdicts FROM beliefs WHERE seq > ? ORDER BY seq
"""
_EARLIER: Final = """
    SELECT owner, kind, model, verdict, pull, information, at_s FROM verdicts WHERE decision_id = ? AND tier = ?
"""
_NOTE: Final = """
    INSERT OR REPLACE INTO verdicts (decision_id, tier, owner, kind, verdict, is_sign, at_s, pull, information, model)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

Place = tuple[str, Tier, str]  # the kind of task, the tier, the model
Result = TypeVar("Result")


@value_type
class Known:
    """What is believed of one model of a tier at one kind of task, for one caller."""

    key_id: str | None
    kind: str
    tier: Tier
    model: str | None  # None: those of the tier on which there was no verdict
    standing: Standing


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
        self._beliefs: dict[str, dict[Place, Belief]] = {}  # by owner
        self._shifts: dict[str, tuple[float, OfKinds]] = {}  # by owner, and when they were reckoned

    def shifts_of(self, key_id: str | None, /) -> OfKinds:
        """What was learned for that caller, by kind of task. Trouble with the file is logged, not raised."""
        now_s = self._clock()
        if now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            self._look()
        owner = key_id or ""
        theirs = self._beliefs.get(owner)
        if not theirs:
            return _UNKNOWN
        found = self._shifts.get(owner)
        if found is None or now_s - found[0] >= FADE_S:
            current = [(*place, self._faded(belief)) for place, belief in theirs.items()]
            found = self._shifts[owner] = (now_s, shifts(current))
        return found[1]

    def all(self) -> Sequence[Known]:
        """Everything believed now, by caller, kind, tier and model. ConfigError when the file cannot be read.

        Of a tier's other models once for each, after those that there were verdicts on.
        """
        tiers: dict[tuple[str, str, Tier], Beliefs] = {}
        for _, owner, (kind, tier, model), belief in self._read(0):
            if belief.verdicts:
                tiers.setdefault((owner, kind, tier), {})[model] = self._faded(belief)
        return [
            Known(key_id=owner or None, kind=kind, tier=tier, model=model or None, standing=standing(beliefs, model))
            for (owner, kind, tier), beliefs in sorted(tiers.items(), key=_in_order)
            for model in (*sorted(beliefs.keys() - {ANY_MODEL}), ANY_MODEL)
        ]

    def note(self, remark: Remark) -> Standing | None:
        """Keep *remark* and learn from it; what is believed of the model then, None where nothing is to be learned.

        The same verdict once more changes nothing; another one takes the earlier one's place, but a sign never does.
        ConfigError when the file cannot be written.
        """
        return self._change(lambda database: self._noted(database, remark))

    def reset(self, key_id: str | None = None, *, model: str | None = None, everybody: bool = False) -> int:
        """Forget what was learned for a caller, or for all, of one model, or of all; how many beliefs there were.

        ConfigError likewise.
        """
        if not self.path.exists():
            return 0

        def work(database: sqlite3.Connection) -> int:
            where = "(? OR owner = ?) AND (? OR model = ?)"
            values = (everybody, key_id or "", model is None, model or "")
            query = f"SELECT owner, kind, tier, model FROM beliefs WHERE verdicts > 0 AND {where}"  # noqa: S608  see above
            rows = database.execute(query, values).fetchall()
            database.executemany(_BELIEVE, [(*row, 0.0, 0.0, self._now(), 0) for row in rows])
            database.execute(f"DELETE FROM verdicts WHERE {where}", values)  # noqa: S608  see above
            return len(rows)

        return self._change(work)

    def _noted(self, database: sqlite3.Connection, remark: Remark) -> Standing | None:
        task, owner = remark.task, remark.key_id or ""
        tier = task.tier.value if task is not None else ""
        row = database.execute(_EARLIER, (remark.decision_id, tier)).fetchone()
        if row is not None:
            whose, kind, model, verdict, pull, information, at_s = row
            if verdict == remark.verdict or remark.is_sign:
                return self._standing(database, owner, task)
            known = _of_tier(database, whose, kind, tier)
            if model in known:
                lesson = Lesson(pull=pull, information=information, at_s=at_s)
                belief = unlearned(known[model], lesson, remark.at_s, self._half_life_days)
                _believe(database, (whose, kind, tier, model), belief)
        added = Lesson(pull=0.0, information=0.0, at_s=remark.at_s)
        if task is not None:
            known = _of_tier(database, owner, task.kind, tier)
            belief, added = learned(known, task, remark.verdict, remark.at_s, self._half_life_days)
            _believe(database, (owner, task.kind, tier, task.model), belief)
        said = (remark.decision_id, tier, owner, task.kind if task else "", remark.verdict.value, remark.is_sign)
        model = task.model if task is not None else ANY_MODEL
        database.execute(_NOTE, (*said, added.at_s, added.pull, added.information, model))
        oldest_s = remark.at_s - KEPT_HALF_LIVES * self._half_life_days * DAY_S
        database.execute("DELETE FROM verdicts WHERE at_s < ?", (oldest_s,))
        return self._standing(database, owner, task)

    def _standing(self, database: sqlite3.Connection, owner: str, task: Task | None) -> Standing | None:
        if task is None:
            return None
        known = _of_tier(database, owner, task.kind, task.tier.value)
        return standing({model: self._faded(belief) for model, belief in known.items()}, task.model)

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
            for seq, owner, place, belief in self._read(self._seen):
                self._seen = seq
                self._shifts.pop(owner, None)
                theirs = self._beliefs.setdefault(owner, {})
                theirs.pop(place, None)
                if belief.verdicts:  # else it was reset
                    theirs[place] = belief
        except ConfigError as error:
            logger.warning("feedback.unreadable file=%s reason=%s", self.path, error)
        self._signature = signature

    def _read(self, since: int) -> Sequence[tuple[int, str, Place, Belief]]:
        connection = self._readable()
        if connection is None:
            return ()
        with closing(connection):
            try:
                rows = connection.execute(_BELIEFS, (since,)).fetchall()
            except sqlite3.Error as error:
                raise unreadable(self.path, error) from error
        return [
            (
                seq,
                owner,
                (kind, Tier(tier), model),
                Belief(pull=pull, information=information, at_s=at_s, verdicts=verdicts),
            )
            for seq, owner, kind, tier, model, pull, information, at_s, verdicts in rows
        ]

    def _readable(self) -> sqlite3.Connection | None:
        """A connection for reading, the file brought up to the current format first."""
        scripts = shipped_scripts("feedback")
        try:
            return open_readable(self.path, scripts)
        except OlderFormat:
            with suppress(sqlite3.Error, OSError):
                open_writable(self.path, scripts).close()
            return open_readable(self.path, scripts)


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


def _of_tier(database: sqlite3.Connection, owner: str, kind: str, tier: str) -> Beliefs:
    """What is believed of the models of *tier*, for *owner* and that *kind*; without those that were reset."""
    rows = database.execute(_OF_TIER, (owner, kind, tier)).fetchall()
    return {
        model: Belief(pull=pull, information=information, at_s=at_s, verdicts=verdicts)
        for model, pull, information, at_s, verdicts in rows
    }


def _believe(database: sqlite3.Connection, whose: tuple[str, str, str, str], belief: Belief) -> None:
    database.execute(_BELIEVE, (*whose, belief.pull, belief.information, belief.at_s, belief.verdicts))


def _in_order(one: tuple[tuple[str, str, Tier], Beliefs]) -> tuple[str, str, int]:
    (owner, kind, tier), _ = one
    return owner, kind, tier.rank
