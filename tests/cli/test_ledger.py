"""`pointsman logs`, `explain` and `stats` over a ledger of three requests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from pointsman.adapters.storage.sqlite import SqliteLedger
from tests.adapters.storage.samples import NOON, decided, ended, finished, rejected, request, started
from tests.cli.conftest import Run
from tests.cli.pseudo_terminal import Terminal


@pytest.fixture
def ledger(folder: Path) -> None:
    """Two good requests, one of them after a failure, one that is still open, and one rejected."""
    path = folder / "requests.db"
    (folder / "pointsman.yaml").write_text(f"ledger: {{path: {path}}}\n", encoding="utf-8")
    events = [
        *request("aa11aa11aa11aa11", NOON),
        decided("bb22bb22bb22bb22", NOON + 60),
        started("bb22bb22bb22bb22", 1, at_s=NOON + 60),
        ended("bb22bb22bb22bb22", 1, NOON + 60.25),
        started("bb22bb22bb22bb22", 2, "cloud/mini", NOON + 60.25),
        finished("bb22bb22bb22bb22", NOON + 61),
        rejected("cc33", NOON + 70),
    ]
    with SqliteLedger(path, keep_days=None) as writer:
        for event in events:
            writer(event)


@pytest.mark.usefixtures("ledger")
def test_logs_are_a_table_oldest_first(run: Run) -> None:
    """One line a request, so that the newest stands next to the prompt."""
    done = run("logs")
    lines = [line.split() for line in done.out.splitlines()]
    assert (done.code, done.err) == (0, "")
    assert lines[0] == ["TIME", "ID", "MODEL", "TIER", "RESULT", "TOKENS", "TOOK", "COST"]
    assert [line[2:] for line in lines[1:]] == [
        ["aa11aa11", "ollama/qwen", "medium", "ok", "~11+7", "1.0", "s", "$0"],
        ["bb22bb22", "ollama/qwen", "medium", "ok", "~11+7", "1.0", "s", "$0"],
    ]


@pytest.mark.usefixtures("ledger")
def test_logs_as_json_are_one_object_a_line(run: Run) -> None:
    """With the limit counted from the newest."""
    (line,) = run("logs", "--json", "-n", "1").out.splitlines()
    assert json.loads(line)["id"] == "bb22bb22bb22bb22"


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    ("args", "count"),
    [
        (("--tier", "medium"), 2),
        (("--tier", "frontier"), 0),
        (("--model", "qwen"), 2),
        (("--since", "2026-09-21T14:14:00+00:00"), 1),
        (("--since", "2026-09-22"), 0),
    ],
)
def test_logs_can_be_narrowed(run: Run, args: tuple[str, ...], count: int) -> None:
    """By tier (also by its size), model and time."""
    assert run("logs", "--json", *args).out.count("\n") == count


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize("id_", ["bb22", "last", "bb22bb22bb22bb22"])
def test_explain_takes_an_id_its_beginning_or_last(run: Run, id_: str) -> None:
    """And tells everything that is recorded."""
    done = run("explain", id_)
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert done.code == 0
    assert lines[0] == "ollama/qwen medium · local · by complexity · ok"
    assert "why score 0.21: medium" in lines
    assert "task coding, difficulty +0.82, 61 % of it familiar" in lines
    assert "done well simple 50 %, medium 71 %, complex 90 %, reasoning 95 %" in lines
    assert "answer about 1,200 tokens" in lines
    assert "struck out cloud/old capability: no tools" in lines
    assert "attempts 1. ollama/qwen failed (transient 503) in 250 ms: overloaded" in [
        line.replace("0.2 s", "250 ms") for line in lines
    ]
    assert "dropped logit_bias: the model's API cannot carry them" in lines


@pytest.mark.usefixtures("ledger")
def test_explain_as_json_is_the_whole_row(run: Run) -> None:
    """For programs."""
    found = json.loads(run("explain", "aa11", "--json").out)
    assert (found["routed"], found["served"], found["tier"]) == ("qwen", "ollama/qwen", "medium")


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    ("id_", "message"),
    [
        ("ffff", "error: No request with the id 'ffff' is recorded."),
        ("cc33", "error: Request 'cc33' was rejected before a decision (invalid_request): 'messages' is missing."),
    ],
)
def test_an_unknown_id_is_an_error(run: Run, id_: str, message: str) -> None:
    """Exit code 2, and a rejected request is told from one that never was."""
    done = run("explain", id_)
    assert (done.code, done.out, done.err.splitlines()[0]) == (2, "", message)


@pytest.mark.usefixtures("ledger")
def test_stats_add_up_by_group(run: Run) -> None:
    """One group needs no line for all; what is missing from the sums is said."""
    done = run("stats", "--by", "tier")
    header, line = (row.split() for row in done.out.splitlines())
    assert header == ["TIER", "REQUESTS", "IN", "OUT", "COST", "SAVED", "LOCAL", "FAILED", "P50", "P95"]
    assert line == ["medium", "2", "22", "14", "$0", "$0.004", "100", "%", "0", "%", "1.0", "s", "1.0", "s"]
    assert done.err == "1 more were rejected before a decision\n"


@pytest.mark.usefixtures("ledger")
def test_stats_as_json(run: Run) -> None:
    """The same figures, unrounded."""
    found = json.loads(run("stats", "--json").out)
    assert (found["total"]["requests"], found["rejected"]) == (2, 1)


def test_an_empty_ledger_is_no_error(run: Run) -> None:
    """Nothing has happened yet."""
    assert run("logs").err == "No request is recorded yet.\n"
    assert run("logs", "--json").out == ""
    assert run("stats").err == "No request is recorded yet.\n"
    assert run("explain", "last").err.startswith("error: No request is recorded yet.")


def test_a_ledger_that_is_off_is_said(run: Run, folder: Path) -> None:
    """Nobody waits for requests that are never recorded."""
    (folder / "pointsman.yaml").write_text("ledger: {enabled: false}\n", encoding="utf-8")
    for command in ("logs", "stats"):
        assert run(command).err.splitlines() == [
            "note: the ledger is off (`ledger.enabled: false`): requests are not recorded",
            "No request is recorded yet.",
        ]


def test_a_file_that_is_no_ledger_is_named(run: Run, folder: Path) -> None:
    """Exit code 3, configuration."""
    (folder / "x.sqlite").write_bytes(b"this is no database at all, not even nearly" * 40)
    done = run("logs", env={"POINTSMAN_LEDGER__PATH": str(folder / "x.sqlite")})
    assert done.code == 3
    assert "x.sqlite" in done.err


@pytest.mark.parametrize("since", ["soon", "1y", "12", "2026-13-01"])
def test_a_span_that_is_none_is_refused(run: Run, since: str) -> None:
    """With examples of what it may be."""
    done = run("logs", "--since", since)
    assert done.code == 2
    assert f"{since!r} is neither a span such as 30m, 1h or 7d nor a date such as 2026-01-31." in done.err


@pytest.mark.e2e
@pytest.mark.usefixtures("ledger")
def test_a_narrow_terminal_gets_the_columns_that_matter(folder: Path, environ: Mapping[str, str]) -> None:
    """No heading is broken in its middle."""
    with Terminal(folder, environ, "stats", columns=80) as terminal:
        code, said = terminal.end()
    assert code == 0
    assert said.split("\r\n")[0].split() == ["MODEL", "REQUESTS", "IN", "OUT", "COST", "SAVED", "FAILED", "P95"]
