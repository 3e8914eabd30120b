"""Rows as JSON, filters, and the reference page."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.adapters.storage.reference import updated
from pointsman.adapters.storage.rows import RejectedRow, Wanted
from pointsman.core.errors import InvalidRequest
from pointsman.testing.ledger import MemoryLedger
from tests.adapters.storage.samples import NOON, decided, request

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "ledger.md"


def test_a_row_is_plain_json_with_the_names_of_the_contract() -> None:
    """Privacy, struck and trail read as in `route --json`."""
    ledger = MemoryLedger()
    for event in request():
        ledger(event)
    plain = json.loads(json.dumps(ledger.find("d1").to_json()))
    assert list(plain)[:3] == ["id", "at", "at_s"]
    assert plain["at"] == "2026-09-21T14:13:20.000Z"
    assert plain["privacy"] == {"class": "public", "kinds": [], "source": None}
    assert plain["struck"] == [{"model": "cloud/old", "by": "capability", "reason": "no tools"}]
    expected = {"strategy": "complexity", "outcome": "picked", "detail": "0.21 → medium", "elapsed_us": 31.3}
    assert plain["trail"][1] == expected
    assert plain["attempts"][0]["outcome"] == "ok"
    assert plain["assessment"] == {
        "kind": "coding",
        "difficulty": 0.82,
        "chances": {"simple": 0.5, "medium": 0.713, "complex": 0.9, "reasoning": 0.95},
        "output_tokens": 1200,
        "familiarity": 0.61,
    }


def test_a_row_that_nobody_assessed_has_no_such_key() -> None:
    """Which tells it from one that was found to be nothing."""
    ledger = MemoryLedger()
    start = decided()
    ledger(replace(start, decision=replace(start.decision, assessment=None)))
    assert "assessment" not in ledger.find("d1").to_json()


def test_statistics_and_rejections_are_plain_json() -> None:
    """A script can read them."""
    assert json.loads(json.dumps(MemoryLedger().stats().to_json()))["group_by"] == "model"
    row = RejectedRow(at_s=NOON, decision_id="r", surface="ollama", status=404, code="model_not_found", message="No.")
    assert row.to_json()["at"] == "2026-09-21T14:13:20.000Z"


def test_a_status_that_does_not_exist_is_refused() -> None:
    """Instead of an empty list that looks like an answer."""
    with pytest.raises(
        InvalidRequest, match=r"There is no request status 'okay'\. Use an HTTP status or one of open, ok,"
    ):
        Wanted(outcome="okay")


def test_the_reference_page_shows_the_tables_as_they_are() -> None:
    """When this fails: python -m pointsman.adapters.storage.reference docs/reference/ledger.md."""
    page = PAGE.read_text("utf-8")
    assert page == updated(page)
