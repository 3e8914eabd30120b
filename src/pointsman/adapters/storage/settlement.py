"""What is done to requests that were open when their process died: the ends nobody reported are estimated.

The row becomes `unknown`. What its attempts show is counted; where one was on its way, the prompt counts as read, by
the estimate that was made before the call. What was written is not known: none is counted, so this is the least.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from pointsman.adapters.storage.lease import is_gone
from pointsman.adapters.storage.retention import transaction

CostOf = Callable[[str, int], float | None]
"""US dollars for so many input tokens on the card of that id; None when no price is known."""

ERROR = "the gateway was killed before the answer was complete; the tokens are the prompt's, as estimated"

_OPEN = "SELECT seq, estimated_input_tokens FROM requests WHERE writer = ? AND outcome = 'open'"
_ATTEMPTS = "SELECT model, outcome FROM attempts WHERE request_seq = ? ORDER BY number"
_SETTLE = (
    "UPDATE requests SET outcome = 'unknown', error = ?, attempts = ?, fallbacks = ?, served = ?, input_tokens = ?, "
    "output_tokens = ?, is_estimated = ?, cost_usd = ? WHERE seq = ?"
)
_SETTLE_ATTEMPTS = "UPDATE attempts SET outcome = 'unknown' WHERE request_seq = ? AND outcome = 'open'"


def no_cost(_model: str, _input_tokens: int) -> float | None:
    """No price is known."""
    return None


def settle(connection: sqlite3.Connection, ledger: Path, own: int, cost_of: CostOf = no_cost) -> int:
    """Settle what dead processes left open; the number of such requests.

    A process is dead when its lease is free (see lease.py). Should one be taken for dead wrongly, the end of its
    requests, when it comes, still replaces the estimate.
    """
    settled = 0
    writers = connection.execute("SELECT id, lease FROM writers WHERE id != ?", (own,)).fetchall()
    for writer, lease in writers:
        if "-writer-" in lease and is_gone(ledger.with_name(lease)):
            with transaction(connection):
                settled += abandon(connection, writer, cost_of)
                connection.execute("DELETE FROM writers WHERE id = ?", (writer,))
    return settled


def abandon(connection: sqlite3.Connection, writer: int, cost_of: CostOf = no_cost) -> int:
    """Settle what *writer* has open; the number of such requests."""
    rows = connection.execute(_OPEN, (writer,)).fetchall()
    for seq, estimated_tokens in rows:
        attempts = connection.execute(_ATTEMPTS, (seq,)).fetchall()
        under_way = [model for model, outcome in attempts if outcome == "open"]
        tokens = estimated_tokens * len(under_way)
        costs = [cost_of(model, estimated_tokens) for model in under_way]
        cost = sum(cost for cost in costs if cost is not None) if costs and None not in costs else None
        model = under_way[-1] if under_way else None
        usage = (tokens, 0, 1) if under_way else (None, None, None)
        fallbacks = len(attempts) - len(under_way)
        connection.execute(_SETTLE, (ERROR, len(attempts), fallbacks, model, *usage, cost, seq))
        connection.execute(_SETTLE_ATTEMPTS, (seq,))
    return len(rows)
