"""Agents' calls out of the ledger, and decisions about them in the file beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.adapters.storage.agents import LOOK_S, AgentChoices, choices_path, read_calls
from pointsman.adapters.storage.sqlite import SqliteLedger
from pointsman.core.catalog import Tier
from pointsman.core.decision import Caller, Outcome, Step
from pointsman.core.errors import ConfigError
from pointsman.core.events import AttemptEnded, Decided, Event, Finished, FinishReason
from pointsman.core.failure import Failure, FailureKind
from pointsman.routing.agents.profile import Call, Choice
from pointsman.testing import ManualClock
from tests.adapters.storage.samples import NOON, decided, finished, request, started

YES = Choice(key_id="k", agent="bee", tier=Tier.SIMPLE, at_s=5.0, calls=30)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger, not made yet."""
    return tmp_path / "ledger.db"


def keep(path: Path, events: Sequence[Event]) -> None:
    """Write *events* to the ledger."""
    with SqliteLedger(path, keep_days=None) as writer:
        for event in events:
            writer(event)


def _kind(call: Call) -> tuple[bool, ...]:
    return call.has_failed, call.was_held, call.was_repeated, call.was_raised


def repeated(key: str) -> list[Event]:
    """A request whose first answer was not good enough."""
    failure = Failure(
        kind=FailureKind.UNKNOWN, model="ollama/qwen", endpoint="ollama", message="not good enough: a refusal"
    )
    return [
        decided(key),
        started(key, 1),
        started(key, 2, "cloud/mini"),
        AttemptEnded(decision_id=key, at_s=NOON + 1, number=1, failure=failure),
        replace(finished(key), attempts=2, fallbacks=1),
    ]


def test_the_calls_of_agents_are_read_with_what_became_of_them(path: Path) -> None:
    """Nobody's calls, errands and dry runs are left out; failures and answers that had to be repeated are marked."""
    first = decided("dd")
    nobody = replace(first, decision=replace(first.decision, id="nn"), caller=Caller())
    small = replace(first.features, is_housekeeping=True)
    errand = replace(first, decision=replace(first.decision, id="ee"), features=small)
    trail = (Step(strategy="escalation", outcome=Outcome.CLIMBED, detail="a refusal in the last answer"),)
    raised = replace(first, decision=replace(first.decision, id="rr", trail=trail))
    held_trail = (Step(strategy="session", outcome=Outcome.NOTE, detail="the session stays at medium"),)
    held = replace(first, decision=replace(first.decision, id="hh", trail=held_trail, assessment=None))
    failed = replace(finished("ff"), reason=FinishReason.FAILED, usage=None, cost_usd=None)
    keep(
        path,
        [
            *request("aa", NOON),
            *repeated("bb"),
            replace(nobody),
            finished("nn"),
            errand,
            finished("ee"),
            raised,
            finished("rr"),
            held,
            finished("hh"),
            decided("ff"),
            failed,
            replace(decided("dry"), is_dry_run=True),
        ],
    )
    calls = sorted(read_calls(path), key=_kind)
    plain = Call(
        key_id="k1",
        agent="coder",
        tier=Tier.MEDIUM,
        strategy="complexity",
        served="ollama/qwen",
        input_tokens=11,
        output_tokens=7,
        cost_usd=0.0,
        saved_usd=calls[0].saved_usd,
        duration_ms=1000.0,
        assessed=Tier.MEDIUM,
    )
    assert calls == [
        plain,
        replace(plain, was_raised=True),
        replace(plain, was_repeated=True),
        replace(plain, was_held=True, assessed=None),
        replace(plain, has_failed=True, input_tokens=0, output_tokens=0, cost_usd=None),
    ]
    assert [call.need for call in calls] == [Tier.MEDIUM, Tier.MEDIUM, Tier.COMPLEX, None, None]
    assert len(read_calls(path, limit=2)) == 2
    assert read_calls(path, since_s=NOON + 1000) == []


def test_without_a_ledger_there_are_no_calls(path: Path) -> None:
    """And a file that is none is named."""
    assert read_calls(path) == []
    path.write_bytes(b"no database at all, not by any means" * 100)
    with pytest.raises(ConfigError):
        read_calls(path)


def test_what_was_decided_is_kept_for_each_callers_agent(path: Path) -> None:
    """The newest decision counts; a rejection takes the tier back."""
    choices = AgentChoices(choices_path(path))
    assert choices.all() == ()
    choices.keep(YES)
    choices.keep(replace(YES, key_id=None, tier=None))
    assert sorted(choices.all(), key=lambda one: one.key_id or "") == [replace(YES, key_id=None, tier=None), YES]
    choices.keep(replace(YES, tier=Tier.MEDIUM, at_s=6.0))
    assert choices.all()[-1] == replace(YES, tier=Tier.MEDIUM, at_s=6.0)
    assert choices_path(path).name == "ledger-agents.db"


def test_a_running_process_sees_within_a_second_what_another_decided(path: Path) -> None:
    """It looks once a second, and reads only what has changed."""
    clock = ManualClock(100.0)
    here, there = AgentChoices(choices_path(path), clock=clock), AgentChoices(choices_path(path))
    assert here.tier_of("k", "bee") is None
    there.keep(YES)
    assert here.tier_of("k", "bee") is None
    clock.advance(LOOK_S)
    assert (here.tier_of("k", "bee"), here.tier_of(None, "bee")) == (Tier.SIMPLE, None)
    there.keep(replace(YES, tier=None))
    clock.advance(LOOK_S)
    assert here.tier_of("k", "bee") is None
    clock.advance(LOOK_S)
    assert here.tier_of("k", "bee") is None


def test_a_file_that_cannot_be_read_or_written_is_no_request_s_trouble(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A request goes on without; whoever decides is told."""
    file = choices_path(path)
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE mine (x)")
    choices = AgentChoices(file)
    assert choices.tier_of("k", "bee") is None
    assert "agents.unreadable" in caplog.text
    with pytest.raises(ConfigError, match="another program's"):
        choices.keep(YES)
    path.write_text("x", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be written"):
        AgentChoices(path / "file").keep(YES)
    broken = AgentChoices(path.with_name("broken.db"))
    broken.keep(YES)
    with closing(sqlite3.connect(broken.path)) as changed:
        changed.execute("DROP TABLE choices")
    with pytest.raises(ConfigError):
        broken.all()


def test_a_ledger_without_its_tables_is_named(path: Path) -> None:
    """Not a traceback."""
    keep(path, request("aa", NOON))
    with closing(sqlite3.connect(path)) as changed:
        changed.execute("ALTER TABLE requests RENAME TO gone")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_calls(path)


def test_the_events_of_the_samples_are_what_these_tests_take_them_for() -> None:
    """An agent `coder` of the key `k1`."""
    kinds = [type(event) for event in request("aa", NOON)]
    assert (kinds[0], kinds[-1]) == (Decided, Finished)
