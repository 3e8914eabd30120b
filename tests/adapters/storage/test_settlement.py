"""What a killed process left open is estimated once, and replaced should its end come after all."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from pointsman.adapters.storage.database import open_writable
from pointsman.adapters.storage.reader import LedgerReader
from pointsman.adapters.storage.settlement import ERROR, abandon, settle
from pointsman.adapters.storage.sqlite import SqliteLedger
from pointsman.core.events import Event
from tests.adapters.storage.samples import decided, ended, finished, started

USAGE = finished().usage
WRITTEN = USAGE.output_tokens if USAGE is not None else None
PRICES = {"ollama/qwen": 0.0, "cloud/mini": 3.0}


def cost_of(model: str, input_tokens: int) -> float | None:
    """US dollars by the table, per token."""
    price = PRICES.get(model)
    return None if price is None else price * input_tokens


def killed(path: Path, *events: Event) -> None:
    """A ledger whose writer wrote *events* and was killed: its lease is nobody's."""
    with SqliteLedger(path) as ledger:
        for event in (decided("old"), finished("old"), *events):
            ledger(event)
        assert ledger.flush()
        with closing(open_writable(path)) as connection:
            connection.execute("UPDATE writers SET lease = 'ledger.db-writer-dead'")
            (writer,) = connection.execute("SELECT id FROM writers").fetchone()
            assert settle(connection, path, writer) == 0, "its own are not settled by itself"
            assert settle(connection, path, 0, cost_of) == sum(isinstance(one, type(decided())) for one in events)


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        ((), (None, None, None, None, None, None, 0, 0)),
        ((started(),), ("ollama/qwen", 12, 0, True, 0.0, ERROR, 1, 0)),
        ((started(), ended()), (None, None, None, None, None, None, 1, 1)),
        ((started(), ended(), started(number=2, model="cloud/mini")), ("cloud/mini", 12, 0, True, 36.0, ERROR, 2, 1)),
        ((started(), started(number=2, model="cloud/mini")), ("cloud/mini", 24, 0, True, 36.0, ERROR, 2, 0)),
        ((started(model="unpriced"),), ("unpriced", 12, 0, True, None, ERROR, 1, 0)),
    ],
    ids=["not sent", "under way", "between two", "second under way", "two at once", "no price"],
)
def test_an_open_request_is_settled_by_its_attempts(
    tmp_path: Path, attempts: tuple[Event, ...], expected: tuple[object, ...]
) -> None:
    """The prompt counts as read by whoever it was under way to; what was written is not known."""
    path = tmp_path / "ledger.db"
    killed(path, decided("d1"), *attempts)
    row = LedgerReader(path).find("d1")
    assert row.outcome == "unknown"
    assert (
        row.served,
        row.input_tokens,
        row.output_tokens,
        row.is_estimated,
        row.cost_usd,
        row.error if row.served else None,
        len(row.attempts),
        row.fallbacks,
    ) == expected
    assert {attempt.outcome for attempt in row.attempts} <= {"unknown", "failed"}
    assert row.error == ERROR


def test_what_was_over_stays_as_it_was(tmp_path: Path) -> None:
    """Only open rows are touched."""
    path = tmp_path / "ledger.db"
    killed(path, decided("d1"), started())
    row = LedgerReader(path).find("old")
    assert (row.outcome, row.error, row.output_tokens) == ("ok", None, WRITTEN)


def test_an_end_that_comes_after_all_replaces_the_estimate(tmp_path: Path) -> None:
    """Should a writer have been taken for dead wrongly."""
    path = tmp_path / "ledger.db"
    with SqliteLedger(path) as ledger:
        for event in (decided("d1"), started("d1")):
            ledger(event)
        assert ledger.flush()
        with closing(open_writable(path)) as connection:
            (writer,) = connection.execute("SELECT id FROM writers").fetchone()
            assert abandon(connection, writer, cost_of) == 1
        ledger(finished("d1"))
    row = LedgerReader(path).find("d1")
    assert (row.outcome, row.error, row.output_tokens) == ("ok", None, WRITTEN)
    assert [attempt.outcome for attempt in row.attempts] == ["ok"]
