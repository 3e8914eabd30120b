"""The composition of learning from use: who turns what is said of an answer, and what happens next, into lessons.

Part of the composition root, above `stores`.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pointsman.classification import learned_strategy, prepare
from pointsman.core.catalog import Tier
from pointsman.core.errors import InvalidRequest
from pointsman.routing.learned.feedback import Remark, Verdict
from pointsman.routing.learned.tutor import Tutor
from pointsman.stores import feedback_file, learned_shifts, ledger_reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pointsman.adapters.storage.feedback import FeedbackFile
    from pointsman.adapters.storage.reader import LedgerReader
    from pointsman.adapters.storage.rows import LedgerRow
    from pointsman.config.load import Loaded
    from pointsman.core.catalog import Catalog
    from pointsman.core.jsontypes import JsonObject
    from pointsman.core.ports import Observer
    from pointsman.routing.learned.feedback import Task

RATINGS: Final = (Verdict.UP, Verdict.DOWN, Verdict.TIER_UP, Verdict.REGENERATED)
"""What a person or a program may say of an answer."""
_LOOKS: Final = 4
_LOOK_S: Final = 0.1
"""The ledger writes that often: who rates an answer at once is a little ahead of it."""
_UNANSWERED: Final = frozenset(("failed", "deadline", "dry_run"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Critics:
    """Takes verdicts on recorded answers. `now` is seconds since the epoch, `wait` takes seconds. Its calls block."""

    reader: LedgerReader
    file: FeedbackFile
    tutor: Tutor
    learns: bool
    now: Callable[[], float] = time.time
    wait: Callable[[float], object] = field(default_factory=lambda: threading.Event().wait)

    def rate(self, decision_id: str, verdict: Verdict, key_id: str | None) -> JsonObject:
        """Take the *verdict* of the caller *key_id* on its own answer, by the whole id.

        UnknownDecision when there is none, or it is another caller's; InvalidRequest when nobody answered.
        """
        from pointsman.adapters.storage.rows import unknown

        row = self._row(decision_id)
        for _ in range(_LOOKS - 1):
            if row is not None:
                break
            self.wait(_LOOK_S)
            row = self._row(decision_id)
        if row is None or row.id != decision_id or row.key_id != key_id:
            raise unknown(decision_id)
        return self.judge(row, verdict)

    def judge(self, row: LedgerRow, verdict: Verdict) -> JsonObject:
        """Take the *verdict* on that answer; what is believed of its model from now on."""
        if row.outcome in _UNANSWERED:
            message = f"Nobody answered the request {row.id!r} ({row.outcome.value}): there is nothing to rate."
            raise InvalidRequest(message, hint="Rate an answer that came.", param="decision_id")
        task = self._task(row) if self.learns else None
        remark = Remark(decision_id=row.id, key_id=row.key_id, verdict=verdict, at_s=self.now(), task=task)
        standing = self.file.note(remark)
        found: JsonObject = {"object": "feedback", "decision_id": row.id, "rating": verdict.value, "learned": None}
        if task is not None and standing is not None:
            found["learned"] = {
                "kind": task.kind,
                "tier": task.tier.value,
                "model": task.model or None,
                "shift": round(standing.shift, 3),
            }
        return found

    def _row(self, decision_id: str) -> LedgerRow | None:
        """The recorded request; None where there is none, or several begin so."""
        from pointsman.adapters.storage.rows import UnknownDecision

        try:
            return self.reader.find(decision_id)
        except (UnknownDecision, InvalidRequest):
            return None

    def _task(self, row: LedgerRow) -> Task | None:
        """What the answer was to do; None where no classifier chose its tier."""
        if row.assessment is None or row.tier is None:
            return None
        tier = self.tutor.tier_of(row.router, Tier(row.tier), row.served)
        kind, difficulty = row.assessment.get("kind"), row.assessment.get("difficulty")
        if tier is None or not isinstance(kind, str) or not isinstance(difficulty, int | float):
            return None
        return self.tutor.task(row.router, kind, float(difficulty), tier, row.served)


def make_ready(loaded: Loaded) -> None:
    """Do what the first request would have to wait for: read weights, and bring a file of verdicts up to its format.

    ConfigError when the weights cannot be read. It blocks for about 70 ms.
    """
    prepare(loaded)
    learned = learned_shifts(loaded)
    if learned is not None:
        learned(None)


def critics(loaded: Loaded, catalog: Catalog | None = None) -> Critics | None:
    """Who takes verdicts under *loaded*; None where the ledger is off, as no answer is known then."""
    if not loaded.settings.ledger.enabled:
        return None
    return Critics(
        reader=ledger_reader(loaded),
        file=feedback_file(loaded),
        tutor=_tutor(loaded, catalog or loaded.catalog),
        learns=loaded.settings.learning.enabled,
    )


@contextmanager
def reading_signs(loaded: Loaded, catalog: Catalog, *, wanted: bool) -> Iterator[Sequence[Observer]]:
    """The observer that learns from what happens after an answer, when it is *wanted* and configured."""
    settings = loaded.settings.learning
    tutor = _tutor(loaded, catalog)
    if not wanted or not settings.enabled or not tutor.settings:
        yield ()
        return
    from pointsman.adapters.storage.feedback import FeedbackWriter
    from pointsman.engine.lessons import Signs

    with FeedbackWriter(feedback_file(loaded)) as writer:
        yield (Signs(tutor=tutor, tell=writer.tell, again_s=settings.regenerated_within_s),)


def _tutor(loaded: Loaded, catalog: Catalog) -> Tutor:
    return Tutor(catalog, learned_strategy(loaded, catalog).settings)
