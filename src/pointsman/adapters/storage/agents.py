"""Agents: their calls as the ledger has them, and what a person decided about their tiers, in a file beside it.

The ledger's rows tell who called, which tier it was given and what came of it; nothing is written for a profile. The
file of decisions is made when the first one is taken. Processes that serve look at it once a second.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from pointsman.adapters.storage.database import reading
from pointsman.adapters.storage.own_file import OwnFile, Signature, shipped_scripts, signature_of
from pointsman.core.catalog import Tier
from pointsman.core.errors import ConfigError
from pointsman.routing.agents.profile import Call, Choice, Who, tier_of_chances

logger = logging.getLogger("pointsman.agents")

MOST_CALLS: Final = 20_000
LOOK_S: Final = 1.0
_CALLS: Final = """
    SELECT key_id, agent, tier, strategy, served, input_tokens, output_tokens, cost_usd, saved_usd, duration_ms,
           outcome IN ('failed', 'deadline') AS has_failed,
           attempts > 1 AND EXISTS (SELECT 1 FROM attempts a WHERE a.request_seq = requests.seq
                                     AND a.outcome = 'failed' AND a.message LIKE 'not good enough: %') AS was_repeated,
           instr(trail, '["escalation", "climbed"') > 0 OR instr(trail, '["escalation","climbed"') > 0 AS was_raised,
           instr(trail, '["session", "note"') > 0 OR instr(trail, '["session","note"') > 0 AS was_held,
           assessment
    FROM requests
    WHERE agent IS NOT NULL AND at_s >= ? AND outcome NOT IN ('dry_run', 'open', 'unknown', 'cancelled')
          AND NOT is_housekeeping
    ORDER BY at_s DESC LIMIT ?
"""

_KEEP: Final = "INSERT OR REPLACE INTO choices VALUES (?, ?, ?, ?, ?)"


def choices_path(ledger: Path) -> Path:
    """The file of decisions beside the *ledger*."""
    return ledger.with_name(f"{ledger.stem}-agents{ledger.suffix}")


def read_calls(ledger: Path, *, since_s: float = 0.0, limit: int = MOST_CALLS) -> list[Call]:
    """The newest calls of agents first; none where there is no ledger yet. ConfigError when it cannot be read."""
    with reading(ledger) as connection:
        if connection is None:
            return []
        return [_call(row) for row in connection.execute(_CALLS, (since_s, limit))]


def _call(row: sqlite3.Row) -> Call:
    fields = dict(row)
    fields["tier"] = Tier(fields["tier"]) if fields["tier"] else None
    for name in ("input_tokens", "output_tokens"):
        fields[name] = fields[name] or 0
    for name in ("has_failed", "was_repeated", "was_raised", "was_held"):
        fields[name] = bool(fields[name])
    assessment = fields.pop("assessment")
    fields["assessed"] = _assessed(assessment) if assessment else None
    return Call(**fields)


def _assessed(assessment: str) -> Tier:
    chances = json.loads(assessment)["chances"]
    return tier_of_chances([chances.get(tier.value, 0.0) for tier in Tier])


class AgentChoices:
    """What was decided, in the file at *path*. `clock` is monotonic seconds."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self._clock = clock
        self._looked_s = float("-inf")
        self._signature: Signature = ()
        self._tiers: dict[Who, Tier] = {}

    def tier_of(self, key_id: str | None, agent: str, /) -> Tier | None:
        """The tier accepted for *agent* of the caller *key_id*. Trouble with the file is logged, not raised."""
        now_s = self._clock()
        if now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            self._look()
        return self._tiers.get((key_id, agent))

    def all(self) -> Sequence[Choice]:
        """Every decision; none where there is no file. ConfigError when it cannot be read."""
        with reading(self.path, shipped_scripts("agents")) as connection:
            if connection is None:
                return ()
            rows = connection.execute("SELECT owner, agent, tier, at_s, calls FROM choices ORDER BY 1, 2").fetchall()
        return [
            Choice(key_id=owner or None, agent=agent, tier=Tier(tier) if tier else None, at_s=at_s, calls=calls)
            for owner, agent, tier, at_s, calls in rows
        ]

    def keep(self, choice: Choice) -> None:
        """Write *choice* in place of an earlier one. ConfigError when the file cannot be written."""
        row = (
            choice.key_id or "",
            choice.agent,
            choice.tier.value if choice.tier is not None else None,
            choice.at_s,
            choice.calls,
        )
        try:
            with closing(OwnFile(self.path, shipped_scripts("agents"))) as file:
                file.use(lambda database: database.execute(_KEEP, row))
        except (sqlite3.Error, OSError) as error:
            message = f"The decision cannot be written to {str(self.path)!r}: {error}."
            raise ConfigError(message, hint="Check the folder's permissions and the disk.") from error

    def _look(self) -> None:
        """Read the file again if it has changed."""
        signature = signature_of(self.path)
        if signature == self._signature:
            return
        try:
            self._tiers = {(one.key_id, one.agent): one.tier for one in self.all() if one.tier is not None}
        except ConfigError as error:
            logger.warning("agents.unreadable file=%s reason=%s", self.path, error)
        self._signature = signature
