"""What people chose for their sessions, between processes: heard by all, the latest for each, for a day."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from pointsman.adapters.storage.choices import MOST, SqliteChoices
from pointsman.core.consent import Choices
from pointsman.testing import ManualClock

NOON = 1_000_000.0


def chosen(session: str = "s1", *, owner: str | None = None, until_s: float = NOON + 60) -> Choices:
    """Whoever asks for large gets small."""
    return Choices(
        owner=owner, session=session, for_session={"large": "small"}, while_unwell=frozenset({"large"}), until_s=until_s
    )


def rows(path: Path) -> int:
    """How many sessions the file knows."""
    with closing(sqlite3.connect(path)) as reader:
        return int(reader.execute("SELECT count(*) FROM choices").fetchone()[0])


def test_a_choice_is_heard_by_the_others(tmp_path: Path) -> None:
    """As it was made, of a key or of none; whoever made it does not hear it."""
    path, heard, clock = tmp_path / "consents.db", threading.Event(), ManualClock(NOON)
    with (
        SqliteChoices(path, clock=clock, poll_s=0.01) as here,
        SqliteChoices(path, clock=clock, poll_s=0.01, on_news=heard.set) as there,
    ):
        here.tell(chosen(owner="a"))
        assert heard.wait(5)
        assert there.news() == [chosen(owner="a")]
        assert here.news() == []


def test_a_process_that_starts_knows_what_was_chosen(tmp_path: Path) -> None:
    """Of each session the latest, if its time is not over; the file forgets the others."""
    path, clock = tmp_path / "consents.db", ManualClock(NOON)
    for told in (chosen(until_s=NOON + 5), chosen("s2", until_s=NOON + 5), chosen()):
        with SqliteChoices(path, clock=clock) as here:
            here.tell(told)
    clock.advance(5)
    with SqliteChoices(path, clock=clock) as there:
        assert there.news() == [chosen()]
        assert rows(path) == 2
        there.tell(chosen("s3"))
    assert rows(path) == 2


def test_there_is_a_bound(tmp_path: Path) -> None:
    """The latest sessions stay."""
    path, clock = tmp_path / "consents.db", ManualClock(NOON)
    with SqliteChoices(path, clock=clock) as here:
        for number in range(MOST + 10):
            here.tell(chosen(f"{number}"))
    assert rows(path) == MOST
