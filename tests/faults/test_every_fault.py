"""Every fault has its test or a reason why not, and the page says so."""

from __future__ import annotations

from tests.faults.untested import UNTESTED
from tools.fault_table import FAULTS, PAGE, page, rows, untested


def test_every_fault_has_a_test_or_a_reason() -> None:
    """All of 1 to 52, and none has both."""
    tested = {row.number for row in rows()}
    assert sorted([*tested, *UNTESTED]) == list(FAULTS)


def test_the_page_of_faults_is_current() -> None:
    """What is committed is what `python tools/fault_table.py` writes."""
    assert PAGE.read_text(encoding="utf-8") == page(rows(), untested())
