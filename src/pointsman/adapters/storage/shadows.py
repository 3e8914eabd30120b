"""Copies of requests to other models, in a file beside the ledger that all processes share, made with the first one."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, TypeVar

from pointsman.adapters.storage.database import reading
from pointsman.adapters.storage.own_file import OwnFile, shipped_scripts
from pointsman.adapters.storage.retention import DAY_S, transaction
from pointsman.core.catalog import Tier
from pointsman.core.errors import ConfigError, InvalidRequest
from pointsman.core.shadow import Comparison, Copy, CopyEnd, Likeness, NotCopied, Side

KEEP_DAYS: Final = 90
_SIDE: Final = ("is_local", "ms", "input_tokens", "output_tokens", "cost_usd", "text")
_COLUMNS: Final = (
    "decision_id", "at_s", "key_id", "kind", "tier", "router", "surface", "outcome", "failure", "message", "verdict",
    "reasons", "similarity", "judge", "prompt",
    *(name if not column else f"{name}_{column}" for name in ("served", "shadow") for column in ("", *_SIDE)),
)  # fmt: skip
_KEEP: Final = f"INSERT OR REPLACE INTO copies ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_SELECT: Final = f"SELECT {', '.join(_COLUMNS)} FROM copies"  # noqa: S608  names of our own
_SELECT_FIGURES: Final = re.sub(r"\b(prompt|served_text|shadow_text)\b", r"NULL AS \1", _SELECT)
_NEWEST_FIRST: Final = "ORDER BY at_s DESC, seq DESC LIMIT ?"
_ADD: Final = """
    INSERT INTO not_copied VALUES (?, ?, ?, ?)
    ON CONFLICT (day, shadow, reason) DO UPDATE SET count = count + excluded.count
"""
_SPEND: Final = "INSERT INTO spending VALUES (?, ?) ON CONFLICT (day) DO UPDATE SET usd = max(0, usd + excluded.usd)"
_NOT_COPIED: Final = "SELECT shadow, reason, sum(count) FROM not_copied WHERE day >= ? GROUP BY 1, 2 ORDER BY 1, 2"
_ROUNDING_USD: Final = 1e-9
"""What sums of floating-point numbers are off by at most."""

Result = TypeVar("Result")


def shadows_path(ledger: Path) -> Path:
    """The file of copies beside the *ledger*."""
    return ledger.with_name(f"{ledger.stem}-shadows{ledger.suffix}")


class ShadowFile:
    """The file at *path*: see core.shadow.ShadowStore. `now` is seconds since the epoch."""

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        self.path = path
        self._now = now
        self._file = OwnFile(path, shipped_scripts("shadows"))

    def reserve(self, day: str, amount_usd: float, budget_usd: float, /) -> bool:
        """See core.shadow.ShadowStore."""

        def work(database: sqlite3.Connection) -> bool:
            (spent,) = database.execute("SELECT total(usd) FROM spending WHERE day = ?", (day,)).fetchone()
            if spent + amount_usd > budget_usd + _ROUNDING_USD:
                return False
            database.execute(_SPEND, (day, amount_usd))
            return True

        return self._change(work)

    def settle(self, day: str, reserved_usd: float, spent_usd: float, /) -> None:
        """See core.shadow.ShadowStore."""
        self._change(lambda database: database.execute(_SPEND, (day, spent_usd - reserved_usd)))

    def keep(self, copy: Copy, /) -> None:
        """See core.shadow.ShadowStore. What is older than ninety days goes."""

        def work(database: sqlite3.Connection) -> None:
            database.execute(_KEEP, _values(copy))
            database.execute("DELETE FROM copies WHERE at_s < ?", (self._now() - KEEP_DAYS * DAY_S,))

        self._change(work)

    def add(self, day: str, counts: Mapping[tuple[str, NotCopied], int], /) -> None:
        """See core.shadow.ShadowStore."""
        rows = [(day, model, why.value, count) for (model, why), count in counts.items()]
        self._change(lambda database: database.executemany(_ADD, rows))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def each(
        self, *, since_s: float = 0.0, verdict: str | None = None, limit: int | None = None, texts: bool = False
    ) -> Sequence[Copy]:
        """The copies since then (with that verdict), the newest first, with their *texts* only where that is said.

        ConfigError when the file cannot be read.
        """
        query = f"{_SELECT if texts else _SELECT_FIGURES} WHERE at_s >= ? AND ? IN (verdict, '') {_NEWEST_FIRST}"
        with self._reading() as database:
            if database is None:
                return []
            rows = database.execute(query, (since_s, verdict or "", -1 if limit is None else limit)).fetchall()
        return [_copy(row) for row in rows]

    def find(self, prefix: str) -> Copy:
        """The one copy whose request's id begins so; InvalidRequest when there is none, or several."""
        if not prefix:
            raise InvalidRequest("The id is empty.", hint="`pointsman shadow list` lists the newest.", param="id")
        with self._reading() as database:
            rows = []
            if database is not None:
                rows = database.execute(
                    f"{_SELECT} WHERE substr(decision_id, 1, ?) = ? LIMIT 2", (len(prefix), prefix)
                ).fetchall()
        if len(rows) == 1:
            return _copy(rows[0])
        how = "Several copies' ids begin" if rows else "No copy's id begins"
        raise InvalidRequest(
            f"{how} with {prefix[:200]!r}.", hint="`pointsman shadow list` lists the newest.", param="id"
        )

    def not_copied(self, *, since_day: str = "") -> Sequence[tuple[str, str, int]]:
        """The model meant, the reason and how many, since that day."""
        with self._reading() as database:
            rows = database.execute(_NOT_COPIED, (since_day,)).fetchall() if database is not None else []
        return [(model, why, count) for model, why, count in rows]

    def spent_usd(self, day: str) -> float:
        """What that day has cost so far, what copies under way may cost included."""
        with self._reading() as database:
            if database is None:
                return 0.0
            (spent,) = database.execute("SELECT total(usd) FROM spending WHERE day = ?", (day,)).fetchone()
        return float(spent)

    def _reading(self) -> AbstractContextManager[sqlite3.Connection | None]:
        return reading(self.path, shipped_scripts("shadows"))

    def _change(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """What *work* gives, all of it written or nothing."""

        def whole(database: sqlite3.Connection) -> Result:
            with transaction(database):
                return work(database)

        try:
            return self._file.use(whole)
        except (sqlite3.Error, OSError) as error:
            message = f"The copies cannot be written to {str(self.path)!r}: {error}."
            raise ConfigError(message, hint="Check the folder's permissions and the disk.") from error


def _values(copy: Copy) -> tuple[object, ...]:
    found = copy.comparison
    return (
        copy.decision_id,
        copy.at_s,
        copy.key_id,
        copy.kind,
        copy.tier.value if copy.tier is not None else None,
        copy.router,
        copy.surface,
        copy.end.value,
        copy.failure,
        copy.message,
        found.likeness.value if found is not None else None,
        json.dumps(found.reasons if found is not None else [], ensure_ascii=False),
        found.similarity if found is not None else None,
        found.judge if found is not None else None,
        copy.prompt,
        *_values_of(copy.served),
        *_values_of(copy.shadow),
    )


def _values_of(side: Side) -> tuple[object, ...]:
    tokens = (side.input_tokens, side.output_tokens)
    return (side.model, side.is_local, side.took_ms, *tokens, side.cost_usd, side.text)


def _copy(row: sqlite3.Row) -> Copy:
    comparison = None
    if row["verdict"] is not None:
        comparison = Comparison(
            likeness=Likeness(row["verdict"]),
            reasons=tuple(json.loads(row["reasons"])),
            similarity=row["similarity"],
            judge=row["judge"],
        )
    return Copy(
        decision_id=row["decision_id"],
        at_s=row["at_s"],
        key_id=row["key_id"],
        kind=row["kind"],
        tier=Tier(row["tier"]) if row["tier"] is not None else None,
        router=row["router"],
        surface=row["surface"],
        served=_side(row, "served"),
        shadow=_side(row, "shadow"),
        end=CopyEnd(row["outcome"]),
        failure=row["failure"],
        message=row["message"],
        comparison=comparison,
        prompt=row["prompt"],
    )


def _side(row: sqlite3.Row, name: str) -> Side:
    return Side(
        model=row[name],
        is_local=bool(row[f"{name}_is_local"]),
        took_ms=row[f"{name}_ms"],
        input_tokens=row[f"{name}_input_tokens"],
        output_tokens=row[f"{name}_output_tokens"],
        cost_usd=row[f"{name}_cost_usd"],
        text=row[f"{name}_text"],
    )
