"""The SQLite ledger against what goes wrong with processes, files and events."""

from __future__ import annotations

import logging
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from pointsman.adapters.storage.reader import LedgerReader
from pointsman.adapters.storage.rows import RequestOutcome
from pointsman.adapters.storage.sqlite import SqliteLedger
from pointsman.core.chat import Usage
from pointsman.core.errors import ConfigError
from pointsman.core.events import Event
from tests.adapters.storage.samples import NOON, decided, finished, rejected, request, started

ROOT = Path(__file__).parents[3]

WRITER = """
import sys
from pathlib import Path
from pointsman.adapters.storage.sqlite import SqliteLedger
from tests.adapters.storage.samples import decided, request, started

path, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
ledger = SqliteLedger(path, keep_days=None).start()
print("open", flush=True)
sys.stdin.readline()
for number in range(count):
    for event in request(f"{name}-{number}"):
        ledger(event)
    if number % 50 == 0:
        assert ledger.flush(60)
ledger(decided(f"{name}-open"))
ledger(started(f"{name}-open"))
assert ledger.flush(60)
print("written", flush=True)
sys.stdin.readline()
"""


@contextmanager
def writer(path: Path, name: str, count: int) -> Iterator[subprocess.Popen[str]]:
    """Another process that writes *count* requests when told, and leaves one open; it is killed at the end."""
    command = [sys.executable, "-c", WRITER, str(path), name, str(count)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            assert said(process) == "open"
            yield process
        finally:
            process.kill()


def tell(process: subprocess.Popen[str]) -> None:
    """Let *process* go on."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def said(process: subprocess.Popen[str]) -> str:
    """The next line that *process* prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def hear(ledger: SqliteLedger, *events: Event) -> None:
    """Tell *ledger* the *events* and wait until they are in the file."""
    for event in events:
        ledger(event)
    assert ledger.flush()


def outcomes(path: Path) -> dict[str, RequestOutcome]:
    """How each request in the file stands."""
    return {row.id: row.outcome for row in LedgerReader(path).recent(10_000)}


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The first words of what was logged."""
    return [record.getMessage().split(" ")[0] for record in caplog.records]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger's path in a folder that is not there yet."""
    return tmp_path / "data" / "ledger.db"


def test_a_request_of_a_killed_process_is_settled_by_the_next_start(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A kill -9 between intent and completion leaves a row that says so, and no lease."""
    with writer(path, "a", 3) as process:
        tell(process)
        assert said(process) == "written"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert outcomes(path)["a-open"] is RequestOutcome.OPEN
    with SqliteLedger(path, keep_days=None) as ledger:
        assert ledger.flush()
        row = LedgerReader(path).find("a-open")
        assert (row.outcome, row.attempts[0].outcome) == (RequestOutcome.UNKNOWN, RequestOutcome.UNKNOWN)
        assert outcomes(path)["a-2"] is RequestOutcome.OK
    assert messages(caplog) == ["ledger.settled"]
    assert sorted(file.name for file in path.parent.iterdir()) == ["ledger.db"]


def test_a_start_leaves_the_requests_of_living_processes_alone(path: Path) -> None:
    """Workers come and go while others serve."""
    with writer(path, "a", 0) as process:
        tell(process)
        assert said(process) == "written"
        with SqliteLedger(path, keep_days=None) as ledger:
            assert ledger.flush()
            assert outcomes(path) == {"a-open": RequestOutcome.OPEN}


def test_two_processes_that_write_at_once_lose_nothing(path: Path) -> None:
    """Several workers share one file."""
    count = 400
    with writer(path, "a", count) as first, writer(path, "b", count) as second:
        tell(first)
        tell(second)
        assert (said(first), said(second)) == ("written", "written")
        found = outcomes(path)
    whole = [key for key, outcome in found.items() if outcome is RequestOutcome.OK]
    assert sorted(whole) == sorted(f"{name}-{number}" for name in "ab" for number in range(count))
    assert {key for key in found if key not in whole} == {"a-open", "b-open"}
    assert {len(row.attempts) for row in LedgerReader(path).recent(10_000)} == {1}


def test_closing_settles_what_nobody_will_finish(path: Path) -> None:
    """A request that is cut off by a shutdown does not stay open for ever."""
    with SqliteLedger(path, keep_days=None) as ledger:
        hear(ledger, decided(), started())
    assert outcomes(path) == {"d1": RequestOutcome.UNKNOWN}


def test_closing_writes_what_is_left_and_may_be_done_twice(path: Path) -> None:
    """Nothing that was heard is lost; what comes later is dropped and counted."""
    ledger = SqliteLedger(path, keep_days=None).start()
    for event in request():
        ledger(event)
    assert ledger.close()
    assert ledger.close()
    ledger(decided("late"))
    assert outcomes(path) == {"d1": RequestOutcome.OK}
    assert ledger.dropped == 1


def test_only_the_owner_may_read_the_file(path: Path) -> None:
    """Whatever the umask."""
    with SqliteLedger(path, keep_days=None) as ledger:
        hear(ledger, *request())
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        assert set(modes.values()) == {0o600}
        assert {"ledger.db", "ledger.db-wal"} <= set(modes)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_no_text_of_a_request_is_in_the_file(path: Path) -> None:
    """What the person asked leaves its length only."""
    canary = "the canary sings at midnight"
    start = decided()
    with SqliteLedger(path, keep_days=None) as ledger:
        hear(ledger, replace(start, features=replace(start.features, ask=canary)), finished())
        files = [file.read_bytes() for file in path.parent.iterdir()]
    assert not any(canary.encode() in content for content in files)
    assert LedgerReader(path).find("d1").ask_chars == len(canary)


def test_over_the_queue_s_limit_events_are_dropped_and_counted(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The caller never waits; one line says how many were lost."""
    ledger = SqliteLedger(path, keep_days=None, queue_limit=2)
    for number in range(10):
        ledger(rejected(f"r{number}"))
    with ledger.start():
        assert ledger.flush()
    assert ledger.dropped == 8
    assert [row.decision_id for row in LedgerReader(path).rejected()] == ["r1", "r0"]
    assert messages(caplog) == ["ledger.dropped"]


def test_the_end_is_kept_when_the_beginning_was_lost(path: Path) -> None:
    """Tokens and cost count even if the queue was full when the request came."""
    with SqliteLedger(path, keep_days=None) as ledger:
        hear(ledger, started(), finished())
    row = LedgerReader(path).find("d1")
    assert (row.outcome, row.at_s, row.served, row.output_tokens) == (RequestOutcome.OK, NOON, "ollama/qwen", 7)
    assert (row.routed, row.trail, row.attempts) == ("", (), ())


@pytest.mark.slow
def test_a_locked_file_delays_and_loses_nothing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Requests go on; what was heard is written when the lock is gone."""
    with SqliteLedger(path, keep_days=None, retry_s=0.01) as ledger:
        assert ledger.flush()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for event in request():
                ledger(event)
            assert not ledger.flush(3.0)
            locked = ledger.trouble
            other.execute("ROLLBACK")
        assert ledger.flush()
        assert (locked, ledger.trouble) == ("database is locked", None)
    assert outcomes(path) == {"d1": RequestOutcome.OK}
    assert messages(caplog) == ["ledger.unavailable", "ledger.recovered"]


def test_a_file_that_is_removed_is_begun_anew(path: Path) -> None:
    """Also for a request that was under way: its end is kept."""
    with SqliteLedger(path, keep_days=None) as ledger:
        hear(ledger, decided(), started())
        for file in path.parent.glob("ledger.db*"):
            if "writer" not in file.name:
                file.unlink()
        hear(ledger, finished(), *request("b"))
        assert outcomes(path) == {"d1": RequestOutcome.OK, "b": RequestOutcome.OK}


def test_a_ledger_of_a_newer_program_is_refused_at_start(path: Path) -> None:
    """A downgrade must not write into a format it does not know."""
    with SqliteLedger(path, keep_days=None):
        pass
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigError, match=r"has format 99, this program knows up to \d+\. Upgrade pointsman"):
        SqliteLedger(path).start()


def test_what_sqlite_cannot_hold_is_made_harmless(path: Path) -> None:
    """A lone surrogate from a caller or an absurd count from an endpoint costs nobody else their row."""
    start, end = decided("odd"), finished("odd")
    odd = replace(start, decision=replace(start.decision, asked="\ud800x"))
    huge = replace(end, usage=Usage(input_tokens=10**30, output_tokens=1))
    with SqliteLedger(path, keep_days=None) as ledger:
        hear(ledger, *request("a"), odd, huge, *request("b"))
    rows = {row.id: row for row in LedgerReader(path).recent()}
    assert set(rows) == {"a", "odd", "b"}
    assert (rows["odd"].asked, rows["odd"].input_tokens) == ("?x", 2**63 - 1)
    assert rows["odd"].outcome is RequestOutcome.OK


def test_an_event_that_makes_no_sense_is_dropped_alone(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A bug elsewhere must not stop the writer."""
    broken = replace(finished("x"), duration_ms=cast("float", "soon"))
    with SqliteLedger(path, keep_days=None) as ledger:
        hear(ledger, *request("a"), broken, *request("b"))
        hear(ledger, *request("c"))
    assert set(outcomes(path)) == {"a", "b", "c"}
    assert [record.getMessage() for record in caplog.records] == ["ledger.unwritable event=Finished error=TypeError"]


def test_long_texts_are_cut(path: Path) -> None:
    """A caller cannot fill the disk with names."""
    start = decided()
    long = replace(start, decision=replace(start.decision, asked="m" * 100_000, reason="r" * 100_000))
    with SqliteLedger(path, keep_days=None) as ledger:
        hear(ledger, long)
    row = LedgerReader(path).find("d1")
    assert (row.asked, row.reason) == ("m" * 256, "r" * 1000)


def test_more_than_one_batch_is_written_in_order(path: Path) -> None:
    """2,000 requests at once are several transactions and nothing is lost between them."""
    with SqliteLedger(path, keep_days=None) as ledger:
        hear(ledger, *[event for number in range(2000) for event in request(f"{number:04}")])
    assert list(outcomes(path)) == [f"{number:04}" for number in reversed(range(2000))]


def test_an_unwritable_folder_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Here the folder's name is taken by a file."""
    caplog.set_level(logging.WARNING, "pointsman.ledger")
    (tmp_path / "data").write_text("")
    with SqliteLedger(tmp_path / "data" / "ledger.db", retry_s=0.01) as ledger:
        ledger(decided())
        assert not ledger.flush(0.2)
    assert messages(caplog) == ["ledger.unavailable", "ledger.dropped"]
