"""The ledger read back: newest requests, one request by its id, statistics. Opens the file read-only for each question.

A missing or empty file answers like a ledger without requests. Any thread may ask; an answer takes milliseconds, so an
event loop asks from a thread.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pointsman.adapters.storage.database import reading
from pointsman.adapters.storage.rows import (
    ANY,
    AttemptRow,
    Grouping,
    LedgerRow,
    RejectedRow,
    RequestOutcome,
    Stats,
    StatsLine,
    TrailStep,
    Wanted,
    check_limit,
    one_of,
    ordered,
    unknown,
)
from pointsman.core.decision import Struck
from pointsman.core.errors import InvalidRequest

_GROUP_SQL = {
    Grouping.MODEL: "coalesce(served, nullif(routed, ''))",
    Grouping.TIER: "tier",
    Grouping.STRATEGY: "nullif(strategy, '')",
    Grouping.CLIENT: "client",
    Grouping.AGENT: "agent",
    Grouping.DAY: "date(at_s, 'unixepoch')",
}
_FLAGS = (
    "stream", "is_explicit", "is_demo", "in_tool_loop", "is_housekeeping", "is_local", "is_estimated",
)  # fmt: skip
_SEARCHED = (
    "id", "asked", "routed", "served", "upstream_model", "strategy", "reason", "client", "agent", "session", "error",
    "prompt",
)  # fmt: skip
_LAST = "\U0010ffff"
_AT_ONCE = 1000

_SUMS = """
  count(*) AS requests,
  coalesce(sum(input_tokens), 0) AS input_tokens,
  coalesce(sum(output_tokens), 0) AS output_tokens,
  coalesce(sum(cached_input_tokens), 0) AS cached_input_tokens,
  coalesce(sum(reasoning_tokens), 0) AS reasoning_tokens,
  coalesce(sum(is_estimated), 0) AS estimated,
  total(cost_usd) AS cost_usd,
  total(saved_usd) AS saved_usd,
  sum(outcome = 'ok' AND cost_usd IS NULL) AS unpriced,
  sum(outcome IN ('open', 'unknown')) AS unfinished,
  avg(is_local) AS local_share,
  avg(CASE WHEN outcome NOT IN ('open', 'unknown') THEN fallbacks > 0 END) AS fallback_rate,
  avg(CASE WHEN outcome NOT IN ('open', 'unknown') THEN outcome IN ('failed', 'deadline') END) AS error_rate
"""


class LedgerReader:
    """Questions to the ledger at *path*; ConfigError from each of them when the file is no ledger or a newer one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def recent(self, limit: int = 50, wanted: Wanted = ANY) -> list[LedgerRow]:
        """The newest requests first."""
        check_limit(limit)
        condition, values = _condition(wanted)
        with reading(self.path) as connection:
            if connection is None:
                return []
            query = f"SELECT * FROM requests WHERE {condition} ORDER BY at_s DESC, seq DESC LIMIT ?"  # noqa: S608
            return _with_attempts(connection, connection.execute(query, [*values, limit]).fetchall())

    def each(self, wanted: Wanted = ANY) -> Iterator[LedgerRow]:
        """All requests that are wanted, oldest first, as they stood when the first was drawn."""
        condition, values = _condition(wanted)
        with reading(self.path) as connection:
            if connection is None:
                return
            query = f"SELECT * FROM requests WHERE {condition} ORDER BY at_s, seq"  # noqa: S608
            cursor = connection.execute(query, values)
            while rows := cursor.fetchmany(_AT_ONCE):
                yield from _with_attempts(connection, rows)

    def find(self, prefix: str) -> LedgerRow:
        """The one request whose id is or starts with *prefix*; UnknownDecision or InvalidRequest when none or many."""
        if not prefix:
            raise InvalidRequest("The id is empty.", hint="`pointsman logs` lists the newest.", param="id")
        with reading(self.path) as connection:
            if connection is None:
                raise unknown(prefix)
            span = (prefix, prefix + _LAST)
            rows = connection.execute("SELECT id FROM requests WHERE id = ?", (prefix,)).fetchall()
            rows = (
                rows
                or connection.execute(
                    "SELECT id FROM requests WHERE id >= ? AND id < ? ORDER BY id LIMIT 10", span
                ).fetchall()
            )
            rejected = None
            if not rows:
                rejected = connection.execute(
                    "SELECT * FROM rejected WHERE decision_id >= ? AND decision_id < ? ORDER BY seq DESC LIMIT 1", span
                ).fetchone()
            key = one_of(prefix, [row["id"] for row in rows], rejected and _rejected(rejected))
            row = connection.execute("SELECT * FROM requests WHERE id = ?", (key,)).fetchone()
            return _with_attempts(connection, [row])[0]

    def rejected(self, limit: int = 50, since_s: float | None = None) -> list[RejectedRow]:
        """The newest rejected requests first."""
        check_limit(limit)
        with reading(self.path) as connection:
            if connection is None:
                return []
            query = "SELECT * FROM rejected WHERE at_s >= ? ORDER BY at_s DESC, seq DESC LIMIT ?"
            return [_rejected(row) for row in connection.execute(query, (_from(since_s), limit))]

    def stats(self, since_s: float | None = None, group_by: Grouping = Grouping.MODEL) -> Stats:
        """Figures over the requests since *since_s*, from one moment's state of the file."""
        with reading(self.path) as connection:
            if connection is None:
                return Stats(since_s=since_s, group_by=group_by, total=StatsLine(key=None), groups=(), rejected=0)
            connection.execute("BEGIN")
            (total,) = _lines(connection, "NULL", since_s)
            groups = _lines(connection, _GROUP_SQL[group_by], since_s) if total.requests else []
            (rejected,) = connection.execute(
                "SELECT count(*) FROM rejected WHERE at_s >= ?", (_from(since_s),)
            ).fetchone()
        return Stats(
            since_s=since_s, group_by=group_by, total=total, groups=ordered(groups, group_by), rejected=rejected
        )


def _condition(wanted: Wanted) -> tuple[str, list[str | float]]:
    """*wanted* as an SQL condition and its values."""
    parts, values = ["at_s >= ?"], [_from(wanted.since_s)]
    given: list[str | float] = [*values]
    for column, value in (("tier", wanted.tier), ("session", wanted.session), ("agent", wanted.agent)):
        if value is not None:
            parts.append(f"{column} = ?")
            given.append(value)
    if wanted.model is not None:
        parts.append("? IN (asked, routed, served, upstream_model)")
        given.append(wanted.model)
    if wanted.outcome is not None:
        is_status = wanted.outcome.isdecimal()
        parts.append("status = CAST(? AS INTEGER)" if is_status else "outcome = ?")
        given.append(wanted.outcome)
    if wanted.text:
        parts.append("(" + " OR ".join(f"{column} LIKE ? ESCAPE '\\'" for column in _SEARCHED) + ")")
        escaped = wanted.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        given.extend([f"%{escaped}%"] * len(_SEARCHED))
    return " AND ".join(parts), given


def _lines(connection: sqlite3.Connection, key: str, since_s: float | None) -> list[StatsLine]:
    """One line per value of the expression *key*; for a constant one line, of zeros when there is nothing."""
    chosen = "FROM requests WHERE at_s >= :since AND outcome != 'dry_run'"
    values = {"since": _from(since_s)}
    grouping = "" if key == "NULL" else "GROUP BY key"
    percentiles = {
        column: _percentiles(connection, column, key, chosen, values) for column in ("duration_ms", "first_byte_ms")
    }
    lines = []
    for row in connection.execute(f"SELECT {key} AS key, {_SUMS} {chosen} {grouping}", values):
        figures = {name: row[name] for name in row.keys()}  # noqa: SIM118 - a Row iterates over its values
        if not row["requests"]:
            figures |= {"unpriced": 0, "unfinished": 0}
        duration = percentiles["duration_ms"].get(row["key"], (None, None))
        first_byte = percentiles["first_byte_ms"].get(row["key"], (None, None))
        lines.append(
            StatsLine(
                **figures,
                duration_p50_ms=duration[0],
                duration_p95_ms=duration[1],
                first_byte_p50_ms=first_byte[0],
                first_byte_p95_ms=first_byte[1],
            )
        )
    return lines


def _percentiles(
    connection: sqlite3.Connection, column: str, key: str, chosen: str, values: dict[str, float]
) -> dict[str | None, tuple[float, float]]:
    """The 50th and 95th percentile of *column* by nearest rank, for each value of *key*."""
    query = f"""
        SELECT key,
               min(CASE WHEN rank * 100 >= n * 50 THEN value END),
               min(CASE WHEN rank * 100 >= n * 95 THEN value END)
        FROM (SELECT {key} AS key, {column} AS value, count(*) OVER (PARTITION BY {key}) AS n,
                     row_number() OVER (PARTITION BY {key} ORDER BY {column}) AS rank
              {chosen} AND {column} IS NOT NULL)
        GROUP BY key
    """  # noqa: S608 - names and expressions of this module
    return {row[0]: (row[1], row[2]) for row in connection.execute(query, values)}


def _with_attempts(connection: sqlite3.Connection, rows: list[sqlite3.Row]) -> list[LedgerRow]:
    """*rows* as values, each with its attempts."""
    attempts: dict[int, list[AttemptRow]] = {}
    query = "SELECT * FROM attempts WHERE request_seq IN (SELECT value FROM json_each(?)) ORDER BY request_seq, number"
    for row in connection.execute(query, (json.dumps([row["seq"] for row in rows]),)):
        fields = dict(row)
        key = fields.pop("request_seq")
        fields["outcome"] = RequestOutcome(fields["outcome"])
        attempts.setdefault(key, []).append(AttemptRow(**fields))
    return [_request(row, tuple(attempts.get(row["seq"], ()))) for row in rows]


def _request(row: sqlite3.Row, attempts: tuple[AttemptRow, ...]) -> LedgerRow:
    fields = dict(row)
    del fields["seq"], fields["writer"]
    for flag in _FLAGS:
        fields[flag] = None if fields[flag] is None else bool(fields[flag])
    for names in ("candidates", "privacy_kinds", "warnings", "dropped"):
        fields[names] = tuple(_list(fields[names]))
    fields["struck"] = tuple(Struck(model=model, by=by, reason=reason) for model, by, reason in _list(fields["struck"]))
    fields["trail"] = tuple(
        TrailStep(strategy=strategy, outcome=outcome, detail=detail, elapsed_us=elapsed_us)
        for strategy, outcome, detail, elapsed_us in _list(fields["trail"])
    )
    fields["assessment"] = json.loads(fields["assessment"]) if fields["assessment"] else None
    fields["outcome"] = RequestOutcome(fields["outcome"])
    fields["attempts"] = attempts
    return LedgerRow(**fields)


def _rejected(row: sqlite3.Row) -> RejectedRow:
    fields = dict(row)
    del fields["seq"]
    return RejectedRow(**fields)


def _list(text: str | None) -> list[Any]:
    """A column's JSON list."""
    return json.loads(text) if text else []


def _from(since_s: float | None) -> float:
    return float("-inf") if since_s is None else since_s
