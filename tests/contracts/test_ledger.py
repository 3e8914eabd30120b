"""What every ledger promises: the SQLite one and the fake in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import pytest

from pointsman.adapters.storage.reader import LedgerReader
from pointsman.adapters.storage.rows import (
    AttemptRow,
    Grouping,
    LedgerRow,
    ReadableLedger,
    RejectedRow,
    RequestOutcome,
    Stats,
    StatsLine,
    TrailStep,
    UnknownDecision,
    Wanted,
)
from pointsman.adapters.storage.sqlite import SqliteLedger
from pointsman.core.decision import Struck
from pointsman.core.errors import InvalidRequest
from pointsman.core.events import Event, FinishReason
from pointsman.testing.ledger import MemoryLedger
from tests.adapters.storage.samples import (
    NOON,
    PRIVATE,
    decided,
    ended,
    finished,
    history,
    rejected,
    request,
    started,
)

ROW = LedgerRow(
    id="d1",
    at_s=NOON,
    outcome=RequestOutcome.OK,
    surface="openai_chat",
    operation="chat",
    stream=True,
    routed="qwen",
    strategy="complexity",
    reason="score 0.21: medium",
    privacy="public",
    decision_us=42.0,
    estimated_input_tokens=12,
    turns=2,
    n_tools=1,
    ask_chars=4,
    is_explicit=False,
    is_demo=False,
    in_tool_loop=True,
    is_housekeeping=False,
    client="curl",
    agent="coder",
    session="s1",
    key_id="k1",
    asked="gpt-4o",
    served="ollama/qwen",
    upstream_model="qwen2.5:7b",
    is_local=True,
    candidates=("ollama/qwen", "cloud/mini"),
    router="auto",
    tier="medium",
    score=0.21,
    confidence=0.8,
    struck=(Struck(model="cloud/old", by="capability", reason="no tools"),),
    trail=(
        TrailStep(strategy="override", outcome="passed", detail="", elapsed_us=0.4),
        TrailStep(strategy="complexity", outcome="picked", detail="0.21 → medium", elapsed_us=31.3),
    ),
    warnings=("model 'gpt-4o' is not configured",),
    finished_at_s=NOON + 1.0,
    status=200,
    attempts=(
        AttemptRow(
            number=1,
            at_s=NOON + 0.25,
            model="ollama/qwen",
            endpoint="ollama",
            outcome=RequestOutcome.OK,
            status=200,
            elapsed_ms=750.0,
        ),
    ),
    fallbacks=0,
    input_tokens=11,
    output_tokens=7,
    cached_input_tokens=3,
    reasoning_tokens=2,
    cache_write_tokens=1,
    is_estimated=True,
    cost_usd=0.0,
    saved_usd=0.002,
    baseline="cloud/mini",
    duration_ms=1000.0,
    first_byte_ms=300.0,
    overhead_ms=0.5,
    dropped=("logit_bias",),
    assessment={
        "kind": "coding",
        "difficulty": 0.82,
        "chances": {"simple": 0.5, "medium": 0.713, "complex": 0.9, "reasoning": 0.95},
        "output_tokens": 1200,
        "familiarity": 0.61,
    },
)


class Observes(Protocol):
    """Takes events."""

    def __call__(self, event: Event, /) -> None: ...


@dataclass(frozen=True)
class Ledger:
    """A ledger under test; in `is_batched` every event is in the file before the next one comes."""

    observe: Observes
    read: ReadableLedger
    sqlite: SqliteLedger | None = None
    is_batched: bool = True

    def hear(self, *events: Event) -> None:
        """Tell it *events* and wait until they can be read."""
        for event in events:
            self.observe(event)
            if self.sqlite is not None and not self.is_batched:
                assert self.sqlite.flush()
        if self.sqlite is not None:
            assert self.sqlite.flush()


@pytest.fixture(params=["memory", "sqlite", "sqlite, event by event"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """Each implementation; the SQLite one with whole requests in a batch and with one event in each."""
    if request.param == "memory":
        memory = MemoryLedger()
        yield Ledger(memory, memory)
        return
    path = tmp_path / "ledger.db"
    with SqliteLedger(path, keep_days=None) as sqlite:
        yield Ledger(sqlite, LedgerReader(path), sqlite, is_batched=request.param == "sqlite")


def test_a_request_is_read_back_whole(ledger: Ledger) -> None:
    """Every figure of the events is in the row, the trail and the attempt."""
    ledger.hear(*request())
    assert ledger.read.recent() == [ROW]
    assert ledger.read.find("d1") == ROW


def test_a_request_is_open_until_it_is_finished(ledger: Ledger) -> None:
    """The intent is on record before the end is known."""
    ledger.hear(decided(), started())
    row = ledger.read.find("d1")
    assert (row.outcome, row.status, row.finished_at_s, row.cost_usd) == (RequestOutcome.OPEN, None, None, None)
    assert [(one.number, one.outcome, one.elapsed_ms) for one in row.attempts] == [(1, RequestOutcome.OPEN, None)]


def test_a_failed_attempt_and_the_one_after_it_are_both_kept(ledger: Ledger) -> None:
    """A fallback shows which model failed, how, and who answered."""
    end = replace(finished(), attempts=2, fallbacks=1, served="cloud/mini")
    ledger.hear(decided(), started(), ended(), started(number=2, model="cloud/mini", at_s=NOON + 0.5), end)
    assert ledger.read.find("d1").attempts == (
        AttemptRow(
            number=1,
            at_s=NOON + 0.25,
            model="ollama/qwen",
            endpoint="ollama",
            outcome=RequestOutcome.FAILED,
            kind="transient",
            status=503,
            message="overloaded",
            elapsed_ms=250.0,
        ),
        AttemptRow(
            number=2,
            at_s=NOON + 0.5,
            model="cloud/mini",
            endpoint="cloud",
            outcome=RequestOutcome.OK,
            status=200,
            elapsed_ms=500.0,
        ),
    )


def test_a_dry_run_is_recorded_and_not_counted(ledger: Ledger) -> None:
    """It can be explained later; it was no request."""
    ledger.hear(replace(decided(), is_dry_run=True))
    assert ledger.read.find("d1").outcome is RequestOutcome.DRY_RUN
    assert ledger.read.stats().total.requests == 0


def test_a_rejected_request_is_kept_apart(ledger: Ledger) -> None:
    """It has no decision; its id still says what became of it."""
    ledger.hear(rejected())
    assert ledger.read.recent() == list(ledger.read.each()) == []
    assert ledger.read.rejected() == [
        RejectedRow(
            at_s=NOON,
            decision_id="r1",
            surface="openai_chat",
            status=400,
            code="invalid_request",
            message="'messages' is missing.",
            asked="auto",
        )
    ]
    assert ledger.read.rejected(since_s=NOON + 1) == []
    with pytest.raises(UnknownDecision) as caught:
        ledger.read.find("r1")
    expected = "Request 'r1' was rejected before a decision (invalid_request): 'messages' is missing."
    assert str(caught.value) == expected


def test_a_prompt_is_kept_only_when_the_event_carries_it(ledger: Ledger) -> None:
    """Nothing is logged unless asked."""
    ledger.hear(decided("a"), replace(decided("b"), prompt="How high is the Eiffel tower?"))
    assert ledger.read.find("a").prompt is None
    assert ledger.read.find("b").prompt == "How high is the Eiffel tower?"


def test_a_private_prompt_is_never_kept(ledger: Ledger) -> None:
    """Not even when an event carries it by mistake; the kinds of private data are."""
    start = decided()
    ledger.hear(replace(start, decision=replace(start.decision, privacy=PRIVATE), prompt="DE02120300000000202051"))
    row = ledger.read.find("d1")
    assert (row.prompt, row.privacy, row.privacy_kinds, row.privacy_source) == (None, "private", ("iban",), "detector")


def test_the_start_of_an_id_finds_the_request(ledger: Ledger) -> None:
    """A few characters are enough when they are unique; an id that begins another one is itself."""
    ledger.hear(*request("abc1"), *request("abc12"), *request("xyz"))
    assert ledger.read.find("x").id == "xyz"
    assert ledger.read.find("abc1").id == "abc1"


@pytest.mark.parametrize(
    ("prefix", "kind", "message"),
    [
        ("abc", InvalidRequest,
         "2 requests have an id that starts with 'abc' (abc1, abc2). Give more characters of the id."),
        ("q", UnknownDecision, "No request with the id 'q' is recorded. `pointsman logs` lists the newest."),
        ("%", UnknownDecision, "No request with the id '%' is recorded. `pointsman logs` lists the newest."),
        ("", InvalidRequest, "The id is empty. `pointsman logs` lists the newest."),
    ],
)  # fmt: skip
def test_an_id_that_means_none_or_many_is_refused(
    ledger: Ledger, prefix: str, kind: type[Exception], message: str
) -> None:
    """The error says what to do."""
    ledger.hear(*request("abc1"), *request("abc2"))
    with pytest.raises(kind) as caught:
        ledger.read.find(prefix)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (Wanted(), ["c", "b", "a"]),
        (Wanted(since_s=NOON + 5), ["c", "b"]),
        (Wanted(model="gpt-4o"), ["c", "b", "a"]),
        (Wanted(model="ollama/qwen"), ["b"]),
        (Wanted(model="qwen2.5:7b"), ["b"]),
        (Wanted(tier="medium"), ["c", "b", "a"]),
        (Wanted(tier="simple"), []),
        (Wanted(outcome="ok"), ["b"]),
        (Wanted(outcome="open"), ["a"]),
        (Wanted(outcome="503"), ["c"]),
        (Wanted(session="s1", agent="coder"), ["c", "b", "a"]),
        (Wanted(agent="writer"), []),
        (Wanted(text="ON FIRE"), ["c"]),
        (Wanted(text="100%"), ["c"]),
        (Wanted(text="1_0"), []),
    ],
)
def test_recent_requests_can_be_chosen(ledger: Ledger, wanted: Wanted, ids: list[str]) -> None:
    """Everything given must hold; a percent sign is a percent sign."""
    failed = replace(
        finished("c", NOON + 20),
        reason=FinishReason.FAILED,
        served=None,
        upstream_model=None,
        status=503,
        error="100% on fire",
    )
    ledger.hear(decided("a"), *request("b", NOON + 10), decided("c", NOON + 19), failed)
    assert [row.id for row in ledger.read.recent(wanted=wanted)] == ids
    assert [row.id for row in ledger.read.each(wanted)] == ids[::-1]


def test_only_so_many_are_shown(ledger: Ledger) -> None:
    """The newest, also among those of one moment: the later heard is the newer."""
    ledger.hear(*request("a"), *request("b"), *request("c"))
    assert [row.id for row in ledger.read.recent(2)] == ["c", "b"]


@pytest.mark.parametrize("limit", [0, -1, 10_001])
def test_an_impossible_limit_is_refused(ledger: Ledger, limit: int) -> None:
    """Neither nothing nor everything."""
    with pytest.raises(InvalidRequest, match=f"limit {limit} is out of range. Use 1 to 10000."):
        ledger.read.recent(limit)


def test_figures_are_honest_about_what_is_not_known(ledger: Ledger) -> None:
    """A request without a price is counted as such, one that is open takes no part in rates."""
    unpriced = replace(finished("b", NOON + 3), cost_usd=None, saved_usd=None, is_local=False, fallbacks=1)
    ledger.hear(*request("a"), decided("b", NOON + 2), replace(unpriced, duration_ms=3000.0), decided("c", NOON + 4))
    line = StatsLine(
        key=None,
        requests=3,
        input_tokens=22,
        output_tokens=14,
        cached_input_tokens=6,
        reasoning_tokens=4,
        estimated=2,
        cost_usd=0.0,
        saved_usd=0.002,
        unpriced=1,
        unfinished=1,
        local_share=0.5,
        fallback_rate=0.5,
        error_rate=0.0,
        duration_p50_ms=1000.0,
        duration_p95_ms=3000.0,
        first_byte_p50_ms=300.0,
        first_byte_p95_ms=300.0,
    )
    stats = ledger.read.stats(group_by=Grouping.TIER)
    assert stats == Stats(
        since_s=None, group_by=Grouping.TIER, total=line, groups=(replace(line, key="medium"),), rejected=0
    )


def test_an_empty_ledger_has_figures_too(ledger: Ledger) -> None:
    """Zeros where something is counted, nothing where it would be a share."""
    expected = Stats(since_s=5.0, group_by=Grouping.DAY, total=StatsLine(key=None), groups=(), rejected=0)
    assert ledger.read.stats(5.0, Grouping.DAY) == expected


def test_days_come_in_order_and_are_days_in_utc(ledger: Ledger) -> None:
    """NOON is 14:13:20 on 21 September 2026."""
    ledger.hear(*request("a", NOON + 36_000), *request("b", NOON), *request("c", NOON + 35_199))
    lines = ledger.read.stats(group_by=Grouping.DAY).groups
    assert [(line.key, line.requests) for line in lines] == [("2026-09-21", 2), ("2026-09-22", 1)]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_long_history_reads_as_from_the_fake(tmp_path: Path, seed: int) -> None:
    """Batches of any cut and the fake agree on every row and every figure."""
    memory, path = MemoryLedger(), tmp_path / "ledger.db"
    events = history(seed)
    with SqliteLedger(path, keep_days=None) as ledger:
        cuts = [0, 1, 2, 5, 40, 300, len(events)]
        for low, high in pairwise(cuts):
            for event in events[low:high]:
                memory(event)
                ledger(event)
            assert ledger.flush()
        reader = LedgerReader(path)
        assert reader.recent(1000) == memory.recent(1000)
        assert [row.id for row in reader.each()] == [row.id for row in memory.each()]
        assert reader.rejected(1000) == memory.rejected(1000)
        for grouping in Grouping:
            for since_s in (None, NOON + 70_000):
                assert reader.stats(since_s, grouping) == memory.stats(since_s, grouping)
