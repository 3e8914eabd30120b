"""The SQLite store of healths: whose rows are whose, and trouble with the file."""

from __future__ import annotations

import logging
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.adapters.storage.health import SqliteHealths, healths_path, identities_of, read_healths
from pointsman.core.catalog import Secret
from pointsman.core.errors import ConfigError
from pointsman.core.health import Cause, Health, HealthState
from pointsman.testing import a_card, an_endpoint

WAIT_S = 20.0
HERE = replace(an_endpoint("openai", is_local=False), api_key=Secret("sk-one"))
CARDS = (a_card("pro", endpoint=HERE), a_card("flash", endpoint=HERE))
IDENTITIES = identities_of(CARDS)
NOW_S = 1000.0
COOLING = Health(subject="pro", state=HealthState.COOLING, cause=Cause.CAPACITY, since_s=NOW_S, until_s=NOW_S + 60)
SHUT = Health(
    subject="openai", is_endpoint=True, state=HealthState.DOWN, cause=Cause.AUTH, since_s=NOW_S, until_s=NOW_S + 300
)


def store(path: Path, bell: threading.Event | None = None) -> SqliteHealths:
    """A store with a clock that stands."""
    rung = bell or threading.Event()
    return SqliteHealths(path, IDENTITIES, on_news=rung.set, clock=lambda: NOW_S, poll_s=0.02, retry_s=0.02)


def write(path: Path, *healths: Health) -> None:
    """What a process told before it ended."""
    with store(path) as party:
        for health in healths:
            party.tell(health)


def test_the_file_is_beside_the_ledger() -> None:
    """And named after it."""
    assert healths_path(Path("/data/ledger.db")) == Path("/data/ledger-healths.db")


def test_another_key_is_somebody_else(tmp_path: Path) -> None:
    """Another account's quota is not ours; neither is another server's model of the same name."""
    path = tmp_path / "healths.db"
    write(path, COOLING)
    others = [
        replace(HERE, api_key=Secret("sk-two")),
        replace(HERE, api_key=None),
        replace(HERE, base_url="http://127.0.0.1:10/v1"),
    ]
    for endpoint in others:
        assert read_healths(path, identities_of([a_card("pro", endpoint=endpoint)]), now_s=NOW_S) == []
    assert read_healths(path, IDENTITIES, now_s=NOW_S) == [COOLING]
    assert b"sk-one" not in path.read_bytes()


def test_whoever_only_looks_sees_who_is_not_well_now(tmp_path: Path) -> None:
    """In the order of their names; None while there is no file."""
    path = tmp_path / "healths.db"
    assert read_healths(path, IDENTITIES, now_s=NOW_S) is None
    write(path, COOLING, SHUT, Health(subject="flash", since_s=NOW_S))
    assert read_healths(path, IDENTITIES, now_s=NOW_S) == [SHUT, COOLING]
    assert read_healths(path, IDENTITIES, now_s=NOW_S + 60) == [SHUT]


def test_a_new_process_tries_a_wrong_key_anew(tmp_path: Path) -> None:
    """Somebody has put it right, or restarted to try."""
    path = tmp_path / "healths.db"
    write(path, COOLING, SHUT)
    with store(path) as party:
        assert list(party.news()) == [COOLING]


def test_a_model_nobody_configured_is_not_written(tmp_path: Path) -> None:
    """It has no address to be known by."""
    path = tmp_path / "healths.db"
    write(path, replace(COOLING, subject="stranger"), COOLING)
    assert read_healths(path, IDENTITIES, now_s=NOW_S) == [COOLING]


@pytest.mark.parametrize(("said", "kept"), [("x" * 501, "x" * 500), ("half \ud83d of it", "half ? of it")])
def test_a_message_is_kept_as_far_as_it_can_be(tmp_path: Path, said: str, kept: str) -> None:
    """500 characters, and none that is half."""
    path = tmp_path / "healths.db"
    write(path, replace(COOLING, message=said))
    assert read_healths(path, IDENTITIES, now_s=NOW_S) == [replace(COOLING, message=kept)]


def test_trouble_is_logged_once_and_nobody_waits(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The folder cannot be made: telling and asking go on, and so do requests."""
    (tmp_path / "file").write_text("")
    with caplog.at_level(logging.WARNING, "pointsman.healths"), store(tmp_path / "file" / "healths.db") as party:
        for _ in range(5):
            party.tell(COOLING)
        assert list(party.news()) == []
    assert [record.message.split(" ")[0] for record in caplog.records] == ["healths-not-shared"]


def test_what_was_told_in_trouble_is_shared_when_it_is_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The latest of each; the log says that it is over."""
    blocker, rung = tmp_path / "folder", threading.Event()
    blocker.write_text("")
    path = blocker / "healths.db"
    with caplog.at_level(logging.WARNING, "pointsman.healths"), store(path) as one, store(path, rung) as other:
        one.tell(COOLING)
        one.tell(replace(COOLING, failures=9))
        blocker.unlink()
        assert rung.wait(WAIT_S)
        assert list(other.news()) == [replace(COOLING, failures=9)]
    assert {record.message.split(" ")[0] for record in caplog.records} == {"healths-not-shared", "healths-shared-again"}


def test_a_row_that_cannot_be_read_is_trouble_and_no_crash(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody edited the file."""
    path = tmp_path / "healths.db"
    write(path, COOLING)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE healths SET state = 'poorly'")
    with caplog.at_level(logging.WARNING, "pointsman.healths"), store(path) as party:
        assert list(party.news()) == []
    assert "'poorly' is not a valid HealthState" in caplog.text
    with pytest.raises(ConfigError, match="poorly"):
        read_healths(path, IDENTITIES, now_s=NOW_S)


def test_a_file_that_was_removed_is_made_anew(tmp_path: Path) -> None:
    """Also while it is open; what is told from then on is shared."""
    path, rung = tmp_path / "healths.db", threading.Event()
    with store(path) as one, store(path, rung) as other:
        one.tell(COOLING)
        assert rung.wait(WAIT_S)
        rung.clear()
        other.news()
        for file in tmp_path.iterdir():
            file.unlink()
        one.tell(SHUT)
        assert rung.wait(WAIT_S)
        assert list(other.news()) == [SHUT]


def test_a_file_that_is_none_of_ours_is_named(tmp_path: Path) -> None:
    """With what to do."""
    path = tmp_path / "healths.db"
    path.write_text("not a database, and long enough to be taken for one by its size alone" * 20)
    with pytest.raises(ConfigError):
        read_healths(path, IDENTITIES, now_s=NOW_S)
