"""Copies in the file beside the ledger: what is kept comes back, and no day's budget is overspent by any process."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.adapters.storage.shadows import KEEP_DAYS, ShadowFile, shadows_path
from pointsman.core.catalog import Tier
from pointsman.core.errors import ConfigError, InvalidRequest
from pointsman.core.shadow import Comparison, Copy, CopyEnd, Likeness, NotCopied, Side

NOW = 1_790_000_000.0
DAY = "2026-09-21"
ANSWERED = Copy(
    decision_id="3f2a000000000001",
    at_s=NOW,
    key_id="k1",
    kind="coding",
    tier=Tier.COMPLEX,
    router="auto",
    surface="openai_chat",
    served=Side(
        model="cloud", is_local=False, took_ms=900.0, input_tokens=9, output_tokens=3, cost_usd=0.01, text="Yes"
    ),
    shadow=Side(model="quick", is_local=True, took_ms=80.0, input_tokens=9, output_tokens=2, cost_usd=0.0, text="yes"),
    end=CopyEnd.ANSWERED,
    comparison=Comparison(likeness=Likeness.AGREES, reasons=("the same words",), similarity=1.0, judge="judge"),
    prompt="Is it?",
)
FAILED = Copy(
    decision_id="3f2b000000000002",
    at_s=NOW + 1,
    key_id=None,
    kind=None,
    tier=None,
    router=None,
    surface="gemini",
    served=Side(model="cloud", is_local=False, took_ms=900.0),
    shadow=Side(model="quick", is_local=True, took_ms=80.0),
    end=CopyEnd.FAILED,
    failure="transient",
    message="overloaded",
)


@pytest.fixture
def file(tmp_path: Path) -> ShadowFile:
    """The file as one process has it."""
    return ShadowFile(shadows_path(tmp_path / "ledger.db"), now=lambda: NOW)


def test_it_is_beside_the_ledger(file: ShadowFile) -> None:
    """And named after it."""
    assert file.path.name == "ledger-shadows.db"


def test_an_absent_file_reads_as_empty_and_is_not_made(file: ShadowFile) -> None:
    """Looking leaves no trace."""
    assert (file.each(), file.not_copied(), file.spent_usd(DAY)) == ([], [], 0.0)
    with pytest.raises(InvalidRequest, match="No copy's id begins with '3f2a'"):
        file.find("3f2a")
    assert not file.path.exists()


def test_what_is_kept_comes_back(file: ShadowFile) -> None:
    """The newest first; texts only where they are asked for; by verdict and number."""
    file.keep(ANSWERED)
    file.keep(FAILED)
    assert file.each(texts=True) == [FAILED, ANSWERED]
    bare = replace(
        ANSWERED,
        prompt=None,
        served=replace(ANSWERED.served, text=None),
        shadow=replace(ANSWERED.shadow, text=None),
    )
    assert file.each() == [FAILED, bare]
    assert file.each(verdict="agrees") == [bare]
    assert file.each(since_s=NOW + 1) == file.each(limit=1) == [FAILED]
    file.close()


def test_a_copy_is_found_by_the_beginning_of_its_requests_id(file: ShadowFile) -> None:
    """All of it; not by one that several begin with, and not by none."""
    file.keep(ANSWERED)
    file.keep(FAILED)
    assert file.find("3f2a") == ANSWERED
    for prefix, why in (("3f2", "Several copies' ids begin"), ("%", "No copy's id begins"), ("", "The id is empty")):
        with pytest.raises(InvalidRequest, match=why):
            file.find(prefix)
    file.close()


def test_a_request_has_one_copy_and_old_ones_go(file: ShadowFile) -> None:
    """After ninety days."""
    file.keep(replace(ANSWERED, at_s=NOW - KEEP_DAYS * 86_400 - 1, decision_id="old"))
    file.keep(FAILED)
    file.keep(replace(ANSWERED, decision_id=FAILED.decision_id))
    assert [one.end for one in file.each()] == [CopyEnd.ANSWERED]
    file.close()


def test_what_was_not_copied_adds_up_by_day(file: ShadowFile) -> None:
    """Over processes and times of writing."""
    other = ShadowFile(file.path)
    file.add("2026-09-20", {("quick", NotCopied.FULL): 2})
    other.add(DAY, {("quick", NotCopied.FULL): 3, ("quick", NotCopied.NO_ROOM): 1})
    file.add(DAY, {("quick", NotCopied.FULL): 1})
    assert file.not_copied() == [("quick", "full", 6), ("quick", "no_room", 1)]
    assert file.not_copied(since_day=DAY) == [("quick", "full", 4), ("quick", "no_room", 1)]
    file.close()
    other.close()


def test_a_budget_is_the_days_and_outlasts_the_process(file: ShadowFile) -> None:
    """What a reload or a restart finds is what was spent; another day begins at nothing."""
    assert file.reserve(DAY, 0.75, 1.0)
    assert not file.reserve(DAY, 0.5, 1.0)
    file.settle(DAY, 0.75, 0.25)
    file.close()
    again = ShadowFile(file.path)
    assert again.spent_usd(DAY) == 0.25
    assert again.reserve(DAY, 0.75, 1.0)
    assert not again.reserve(DAY, 0.01, 1.0)
    assert again.reserve("2026-09-22", 1.0, 1.0)
    again.close()


AMOUNTS = st.floats(min_value=0.0, max_value=1.0)
STEPS = st.tuples(st.sampled_from([0, 1]), AMOUNTS, st.none() | st.floats(min_value=0.0, max_value=1.0))


@settings(max_examples=60, deadline=None)
@given(budget=AMOUNTS, steps=st.lists(STEPS, max_size=12))
def test_no_days_budget_is_overspent(budget: float, steps: list[tuple[int, float, float | None]]) -> None:
    """Two processes, any amounts; what is never settled stays on the bill; nothing costs more than was reserved."""
    with TemporaryDirectory() as folder:
        files = [ShadowFile(Path(folder) / "s.db") for _ in range(2)]
        spent = 0.0
        for who, amount, part in steps:
            granted = files[who].reserve(DAY, amount, budget)
            assert granted == (spent + amount <= budget + 1e-9)
            if granted:
                spent += amount
                if part is not None:
                    files[1 - who].settle(DAY, amount, amount * part)
                    spent += amount * part - amount
            assert files[who].spent_usd(DAY) == pytest.approx(spent, abs=1e-9)
            assert files[who].spent_usd(DAY) <= budget + 1e-9
        for file in files:
            file.close()


def test_trouble_with_the_file_is_an_error_one_can_act_on(tmp_path: Path) -> None:
    """Another program's database, and a folder that is none."""
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE theirs (a)")
    file = ShadowFile(path)
    with pytest.raises(ConfigError, match="another program's"):
        file.keep(ANSWERED)
    with pytest.raises(ConfigError, match="another program's"):
        file.each()
    nowhere = ShadowFile(path / "below" / "s.db")
    with pytest.raises(ConfigError, match="cannot be written"):
        nowhere.keep(ANSWERED)


def test_a_file_whose_tables_are_gone_cannot_be_read(file: ShadowFile) -> None:
    """Said as of the ledger."""
    file.keep(ANSWERED)
    file.close()
    with closing(sqlite3.connect(file.path)) as database:
        database.execute("DROP TABLE copies")
    with pytest.raises(ConfigError, match="cannot be read"):
        file.each()
