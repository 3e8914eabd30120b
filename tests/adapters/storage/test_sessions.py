"""What is remembered of sessions, between processes and over a restart: heard by all, bounded, and without a text."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.adapters.storage.sessions import SqliteSessions, sessions_path
from pointsman.core.catalog import Tier
from pointsman.core.session import Answer, Note, Pin, Raised, Trace
from pointsman.testing import ManualClock

NOON = 1_000_000.0
KEY, OTHER = b"k" * 16, b"o" * 16
PIN = Pin(tier=Tier.COMPLEX, router="auto", card="big#2", tokens=812, at_s=40.0, easier=2, hardest=Tier.MEDIUM)
RAISED = Raised(tier=Tier.MEDIUM, until_s=900.0, messages=7)
ANSWER = Answer(
    decision_id="d1", router=None, tier=Tier.SIMPLE, kind="coding", difficulty=0.31, served="small", at_s=NOON - 2
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is to be."""
    return sessions_path(tmp_path / "ledger.db")


def board(
    path: Path,
    *,
    started_s: float = 0.0,
    now: Callable[[], float] = lambda: NOON,
    on_news: Callable[[], object] = lambda: None,
    most: int = 100,
) -> SqliteSessions:
    """One process's, whose monotonic clock stands at 50 s, as it was *started_s* later than another's."""
    return SqliteSessions(
        path, clock=lambda: 50.0 - started_s, now=now, on_news=on_news, beat_s=0.01, retry_s=0.01, most=most
    )


def told(board: SqliteSessions, *notes: Note) -> None:
    """They are in the file by the end of it."""
    with board:
        for note in notes:
            board.tell(note)


def rows(path: Path) -> list[tuple[str, bytes]]:
    """Of what kind, about whom."""
    with closing(sqlite3.connect(path)) as reader:
        return reader.execute("SELECT kind, key FROM traces ORDER BY seq").fetchall()


@pytest.mark.parametrize("trace", [PIN, replace(PIN, hardest=None, router=None), RAISED, ANSWER])
def test_what_one_process_remembers_the_others_hear(path: Path, trace: Trace) -> None:
    """As it was, with what is left of its time; whoever told it does not hear it."""
    heard = threading.Event()
    with board(path) as here, board(path, on_news=heard.set) as there:
        here.tell((KEY, trace, 60.0))
        assert heard.wait(5)
        assert there.news() == [(KEY, trace, 60.0)]
        assert (here.news(), there.news()) == ([], [])


def test_times_are_those_of_whoever_reads_them(path: Path) -> None:
    """Monotonic clocks of different machines, or before and after a start, begin anywhere."""
    told(board(path), (KEY, PIN, 60.0), (OTHER, RAISED, 60.0), (KEY, replace(ANSWER, tier=None), 60.0))
    with board(path, started_s=30.0) as later:
        assert later.news() == [
            (KEY, replace(PIN, at_s=10.0), 60.0),
            (OTHER, replace(RAISED, until_s=870.0), 60.0),
            (KEY, replace(ANSWER, tier=None), 60.0),
        ]


def test_a_process_that_starts_knows_the_latest_of_each_that_is_not_over(path: Path) -> None:
    """After a restart sessions go on; what is over is forgotten within a minute of writing."""
    clock = ManualClock(NOON)
    told(board(path, now=clock), (KEY, PIN, 10.0), (OTHER, PIN, 200.0), (OTHER, replace(PIN, card="other"), 200.0))
    assert rows(path) == [("pin", KEY), ("pin", OTHER)]
    clock.advance(100.0)
    with board(path, now=clock, started_s=-100.0) as there:
        assert there.news() == [(OTHER, replace(PIN, card="other"), 100.0)]
    told(board(path, now=clock), (KEY, RAISED, 10.0))
    assert rows(path) == [("pin", OTHER), ("raised", KEY)]


def test_what_is_over_is_looked_for_once_a_minute(path: Path) -> None:
    """Not each time that something is written; nobody reads it meanwhile."""
    clock, heard = ManualClock(NOON), threading.Event()
    with board(path, now=clock) as here, board(path, now=clock, on_news=heard.set):
        for key, kept_s in ((KEY, 10.0), (OTHER, 200.0)):
            heard.clear()
            here.tell((key, PIN, kept_s))
            assert heard.wait(5)
            clock.advance(20.0)
        assert rows(path) == [("pin", KEY), ("pin", OTHER)]
        clock.advance(20.0)
        heard.clear()
        here.tell((OTHER, RAISED, 200.0))
        assert heard.wait(5)
    assert rows(path) == [("pin", OTHER), ("raised", OTHER)]


def test_all_make_their_hashes_with_the_files_secret(path: Path) -> None:
    """Whoever begins the file, and also when it is removed meanwhile; another file has another."""
    with board(path) as first, board(path) as second:
        assert first.secret == second.secret
        secret = first.secret
        for one in path.parent.glob(f"{path.name}*"):
            one.unlink()
        first.tell((KEY, PIN, 60.0))
    with board(path) as third:
        assert third.secret == secret
    with board(path.with_name("elsewhere.db")) as elsewhere:
        assert elsewhere.secret != secret
        assert len(elsewhere.secret) == 32


def test_what_is_kept_is_bounded(path: Path) -> None:
    """The latest stay."""
    told(board(path, most=3), *((bytes([number]) * 16, PIN, 60.0) for number in range(9)))
    assert [key[0] for _, key in rows(path)] == [6, 7, 8]


@pytest.mark.parametrize("body", ["[]", "{", '["gone",1,2]', '"x"', "null", '["simple","auto","big",1,"soon",0,null]'])
def test_what_another_version_has_written_is_passed_over(path: Path, body: str) -> None:
    """The rest is heard."""
    told(board(path), (KEY, PIN, 60.0), (OTHER, PIN, 60.0))
    with closing(sqlite3.connect(path)) as writer, writer:
        writer.execute("UPDATE traces SET body = ? WHERE key = ?", (body, KEY))
    with board(path) as there:
        assert [key for key, _, _ in there.news()] == [OTHER]


def test_trouble_with_the_file_is_logged_and_holds_up_nobody(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each process goes on alone, with a secret of its own."""
    path.mkdir()
    with board(path) as here:
        here.tell((KEY, PIN, 60.0))
        assert (len(here.secret), here.news()) == (32, [])
    assert "sessions-not-shared" in caplog.text


tiers = st.sampled_from(Tier)
names = st.text(max_size=12).filter(lambda text: text.isprintable())
seconds = st.floats(0, 4e9).map(lambda value: round(value, 2))
traces = st.one_of(
    st.builds(
        Pin,
        tier=tiers,
        router=st.none() | names,
        card=names,
        tokens=st.integers(0, 10**7),
        at_s=st.floats(0, 1e6).map(lambda value: round(value, 2)),
        easier=st.integers(0, 9),
        hardest=st.none() | tiers,
    ),
    st.builds(Raised, tier=tiers, until_s=st.floats(0, 1e6).map(lambda v: round(v, 2)), messages=st.integers(0, 10**5)),
    st.builds(
        Answer,
        decision_id=names,
        router=st.none() | names,
        tier=st.none() | tiers,
        kind=names,
        difficulty=st.floats(-9, 9),
        served=st.none() | names,
        at_s=seconds,
    ),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.binary(min_size=16, max_size=16), traces), max_size=8))
def test_whatever_is_told_comes_back_the_latest_of_each(
    tmp_path_factory: pytest.TempPathFactory, given_traces: list[tuple[bytes, Trace]]
) -> None:
    """By key and kind; times to a hundredth of a second."""
    path = tmp_path_factory.mktemp("any") / "sessions.db"
    told(board(path), *((key, trace, 60.0) for key, trace in given_traces))
    latest = {(key, type(trace)): trace for key, trace in given_traces}
    with board(path) as there:
        found = {(key, type(trace)): _rounded(trace) for key, trace, _ in there.news()}
    assert found == latest


def _rounded(trace: Trace) -> Trace:
    if isinstance(trace, Pin):
        return replace(trace, at_s=round(trace.at_s, 2))
    return replace(trace, until_s=round(trace.until_s, 2)) if isinstance(trace, Raised) else trace
