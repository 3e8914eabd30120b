"""Events as SQL: which statements a batch needs, and their parameters. Knows no connection.

Events of one batch are folded: a request that began and ended in it costs one insert instead of an insert and an
update. What is missing travels as '' and becomes NULL by nullif(): the driver looks up an adapter for every None, enum
and bool (0.5 µs each), for plain text and numbers it does not. An enum's text is taken by str():
a quarter of `.value`'s time. Columns that most requests have nothing for stand last, and a row without any is
inserted without them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import assert_never

from pointsman.core.decision import Step
from pointsman.core.events import (
    AttemptEnded,
    AttemptStarted,
    Decided,
    Event,
    Finished,
    FinishReason,
    HealthChanged,
    Rejected,
)

Param = str | float
Params = tuple[Param, ...]
Statement = tuple[str, Iterable[Params]]

MAX_NAME = 256  # characters kept of a name that the caller chose
MAX_UNDER_WAY = 100_000  # requests of one process
MAX_TEXT = 1000  # characters kept of a reason or message
_MAX_INTEGER = 2**63 - 1  # SQLite's

_DECIDED = (
    "seq id at_s writer outcome surface operation stream routed strategy reason is_explicit is_demo privacy "
    "decision_us estimated_input_tokens turns n_tools ask_chars in_tool_loop is_housekeeping "
    "client? key_id? asked? candidates? router? tier? score? confidence? trail?"
)
_SELDOM_DECIDED = "agent? session? privacy_kinds? privacy_source? struck? warnings? prompt? assessment?"
_FINISHED = (
    "finished_at_s status attempts fallbacks duration_ms served? upstream_model? is_local? input_tokens? "
    "output_tokens? cached_input_tokens? reasoning_tokens? cache_write_tokens? is_estimated? overhead_ms?"
)
_SELDOM_FINISHED = "cost_usd? saved_usd? baseline? first_byte_ms? dropped? error?"
_ATTEMPT = "request_seq number at_s model endpoint outcome status? elapsed_ms?"
_SELDOM_ATTEMPT = "kind? message?"
_REJECTED = "at_s decision_id surface status code message asked?"


def _insert(table: str, columns: str) -> str:
    """An INSERT of *columns*; a column with a question mark may be missing."""
    names = [column.rstrip("?") for column in columns.split()]
    marks = ["nullif(?, '')" if column.endswith("?") else "?" for column in columns.split()]
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(marks)})"  # noqa: S608 - names from above


_ALL_DECIDED = f"{_DECIDED} {_SELDOM_DECIDED}"
_ALL_FINISHED = f"{_FINISHED} {_SELDOM_FINISHED}"
INSERT_OPEN = _insert("requests", _ALL_DECIDED) + " ON CONFLICT (id) DO NOTHING"
INSERT_WHOLE = _insert("requests", f"{_DECIDED} {_FINISHED}") + " ON CONFLICT (id) DO NOTHING"
INSERT_WHOLE_WITH_ALL = (
    _insert("requests", f"{_DECIDED} {_FINISHED} {_SELDOM_DECIDED} {_SELDOM_FINISHED}") + " ON CONFLICT (id) DO NOTHING"
)
COMPLETE = (
    _insert("requests", f"seq id at_s writer outcome {_ALL_FINISHED}")
    + " ON CONFLICT DO UPDATE SET outcome = excluded.outcome, "
    + ", ".join(f"{name} = excluded.{name}" for name in _ALL_FINISHED.replace("?", "").split())
)
INSERT_ATTEMPT = _insert("attempts", _ATTEMPT) + " ON CONFLICT DO NOTHING"
INSERT_FAILED_ATTEMPT = _insert("attempts", f"{_ATTEMPT} {_SELDOM_ATTEMPT}") + " ON CONFLICT DO NOTHING"
FAIL_ATTEMPT = (
    "UPDATE attempts SET outcome = 'failed', kind = ?, status = nullif(?, ''), message = ?, elapsed_ms = ? "
    "WHERE request_seq = ? AND number = ?"
)
CLOSE_ATTEMPTS = (
    "UPDATE attempts SET outcome = ?, status = nullif(?, ''), elapsed_ms = round(max(0, min((? - at_s) * 1000, ?)), 3) "
    "WHERE request_seq = ? AND outcome IN ('open', 'unknown')"
)
INSERT_REJECTED = _insert("rejected", _REJECTED)

_dumps = json.JSONEncoder(separators=(",", ":")).encode


class Places:
    """Row numbers of the requests that one writer has under way; numbers of two writers never meet."""

    def __init__(self, writer: int) -> None:
        self.writer = writer
        self._free = writer << 32
        self._taken: dict[str, int] = {}

    def take(self, decision_id: str) -> int:
        """A new row for *decision_id*. Of those that never end, the oldest are forgotten."""
        self._free += 1
        self._taken[decision_id] = self._free
        if len(self._taken) > MAX_UNDER_WAY:
            del self._taken[next(iter(self._taken))]
        return self._free

    def find(self, decision_id: str) -> int | None:
        """The row of *decision_id*; None when its beginning was lost."""
        return self._taken.get(decision_id)

    def release(self, decision_ids: Iterable[str]) -> None:
        """The requests are over and written."""
        for decision_id in decision_ids:
            self._taken.pop(decision_id, None)


@dataclass(slots=True)
class Fold:
    """The events of one batch, sorted by what they need."""

    places: Places
    begun: dict[int, Decided] = field(default_factory=dict)
    sent: dict[int, AttemptStarted] = field(default_factory=dict)
    whole: list[tuple[int, Decided, Finished]] = field(default_factory=list)
    late: list[tuple[int, Finished]] = field(default_factory=list)
    attempts: list[Params] = field(default_factory=list)
    failed_attempts: list[Params] = field(default_factory=list)
    failed: list[Params] = field(default_factory=list)
    closed: list[Params] = field(default_factory=list)
    refused: list[Rejected] = field(default_factory=list)
    over: list[str] = field(default_factory=list)  # ids whose places can be released once this is written

    def add(self, event: Event) -> None:
        """Sort *event* in."""
        match event:
            case Decided():
                self.begun[self.places.take(event.decision.id)] = event
                if event.is_dry_run:
                    self.over.append(event.decision.id)
            case AttemptStarted():
                self._send(event)
            case AttemptEnded():
                self._fail(event)
            case Finished():
                self._finish(event)
            case Rejected():
                self.refused.append(event)
            case HealthChanged():
                pass  # the store of healths keeps it
            case _:
                assert_never(event)

    def statements(self) -> Iterator[Statement]:
        """What to execute, in this order, in one transaction. Parameters are made as they are drawn."""
        writer = self.places.writer
        if self.begun:
            rows = self.begun.items()
            yield INSERT_OPEN, (decided(event, seq, writer) + seldom_decided(event) for seq, event in rows)
        if self.whole:
            yield from self._wholes()
        if self.late:
            yield COMPLETE, (late(event, seq, writer) for seq, event in self.late)
        if self.attempts:
            yield INSERT_ATTEMPT, self.attempts
        if self.failed_attempts:
            yield INSERT_FAILED_ATTEMPT, self.failed_attempts
        if self.sent:
            yield INSERT_ATTEMPT, (attempt(event, seq) for seq, event in self.sent.items())
        if self.failed:
            yield FAIL_ATTEMPT, self.failed
        if self.closed:
            yield CLOSE_ATTEMPTS, self.closed
        if self.refused:
            yield INSERT_REJECTED, (rejected(event) for event in self.refused)

    def _wholes(self) -> Iterator[Statement]:
        """Those requests that began and ended in this batch."""
        usual: list[Params] = []
        others: list[Params] = []
        for seq, start, end in self.whole:
            row = decided(start, seq, self.places.writer, end) + finished(end)
            if says_more(start, end):
                others.append(row + seldom_decided(start) + seldom_finished(end))
            else:
                usual.append(row)
        if usual:
            yield INSERT_WHOLE, usual
        if others:
            yield INSERT_WHOLE_WITH_ALL, others

    def _send(self, event: AttemptStarted) -> None:
        seq = self.places.find(event.decision_id)
        if seq is None:
            return
        if seq in self.sent:
            self.attempts.append(attempt(self.sent[seq], seq))
        self.sent[seq] = event

    def _fail(self, event: AttemptEnded) -> None:
        seq = self.places.find(event.decision_id)
        if seq is None:
            return
        failure = event.failure
        kind, message = str(failure.kind), failure.message[:MAX_TEXT]
        status = "" if failure.status is None else failure.status
        elapsed_ms = round(failure.elapsed_ms, 3)
        start = self.sent.get(seq)
        if start is not None and start.number == event.number:
            del self.sent[seq]
            self.failed_attempts.append((*attempt(start, seq)[:5], "failed", status, elapsed_ms, kind, message))
        else:
            self.failed.append((kind, status, message, elapsed_ms, seq, event.number))

    def _finish(self, event: Finished) -> None:
        seq = self.places.find(event.decision_id)
        self.over.append(event.decision_id)
        if seq is None:
            self.late.append((self.places.take(event.decision_id), event))
            return
        start = self.begun.pop(seq, None)
        if start is None:
            self.late.append((seq, event))
        else:
            self.whole.append((seq, start, event))
        last = self.sent.pop(seq, None)
        outcome = str(event.reason)
        status = event.status if event.reason is FinishReason.OK else ""
        if last is not None:
            elapsed_ms = round(max(0.0, min((event.at_s - last.at_s) * 1000, event.duration_ms)), 3)
            self.attempts.append((seq, last.number, last.at_s, last.model, last.endpoint, outcome, status, elapsed_ms))
        if event.attempts > 1 or (event.attempts == 1 and last is None):
            self.closed.append((outcome, status, event.at_s, event.duration_ms, seq))


def fold(events: Iterable[Event], places: Places) -> Fold:
    """*events*, in the order they happened, sorted."""
    folded = Fold(places)
    for event in events:
        folded.add(event)
    return folded


def decided(event: Decided, seq: int, writer: int, end: Finished | None = None) -> Params:
    """The columns that are known before the call."""
    decision, caller, features = event.decision, event.caller, event.features
    outcome = str(end.reason) if end is not None else "dry_run" if event.is_dry_run else "open"
    return (
        seq,
        decision.id,
        event.at_s,
        writer,
        outcome,
        event.surface,
        str(decision.operation),
        1 if event.stream else 0,
        decision.model,
        decision.strategy,
        decision.reason[:MAX_TEXT],
        1 if decision.is_explicit else 0,
        1 if decision.is_demo else 0,
        str(decision.privacy.privacy_class),
        round(decision.elapsed_us, 1),
        features.estimated_input_tokens,
        features.turns,
        features.n_tools,
        len(features.ask),
        1 if features.in_tool_loop else 0,
        1 if features.is_housekeeping else 0,
        caller.client[:MAX_NAME] if caller.client else "",
        caller.key_id or "",
        decision.asked[:MAX_NAME] if decision.asked else "",
        _names(decision.candidates),
        decision.router or "",
        str(decision.tier) if decision.tier is not None else "",
        decision.score if decision.score is not None else "",
        decision.confidence if decision.confidence is not None else "",
        _trail(decision.trail) if decision.trail else "",
    )


def seldom_decided(event: Decided) -> Params:
    """Further columns that are known before the call, which most requests leave empty."""
    decision, caller, privacy = event.decision, event.caller, event.decision.privacy
    struck = decision.struck
    return (
        caller.agent[:MAX_NAME] if caller.agent else "",
        caller.session[:MAX_NAME] if caller.session else "",
        _names(privacy.kinds) if privacy.kinds else "",
        privacy.source or "",
        "[" + ",".join([_strike(one.model, one.by, one.reason) for one in struck]) + "]" if struck else "",
        _names(decision.warnings) if decision.warnings else "",
        event.prompt if event.prompt and not privacy.is_private else "",
        _dumps(decision.assessment.to_json()) if decision.assessment is not None else "",
    )


def finished(event: Finished) -> Params:
    """The columns that are known at the end."""
    usage = event.usage
    tokens: Params = ("", "", "", "", "", "")
    if usage is not None:
        tokens = (
            usage.input_tokens,
            usage.output_tokens,
            usage.cached_input_tokens,
            usage.reasoning_tokens,
            usage.cache_write_tokens,
            1 if usage.is_estimated else 0,
        )
    return (
        event.at_s,
        event.status,
        event.attempts,
        event.fallbacks,
        round(event.duration_ms, 3),
        event.served or "",
        event.upstream_model or "",
        "" if event.is_local is None else 1 if event.is_local else 0,
        *tokens,
        round(event.overhead_ms, 3) if event.overhead_ms is not None else "",
    )


def seldom_finished(event: Finished) -> Params:
    """Further columns that are known at the end, which most requests leave empty."""
    return (
        event.cost_usd if event.cost_usd is not None else "",
        event.saved_usd if event.saved_usd is not None else "",
        event.baseline or "",
        round(event.first_byte_ms, 3) if event.first_byte_ms is not None else "",
        _names(event.dropped) if event.dropped else "",
        event.error[:MAX_TEXT] if event.error else "",
    )


def says_more(start: Decided, end: Finished) -> bool:
    """Whether one of the columns is filled that most requests leave empty."""
    decision, caller, privacy = start.decision, start.caller, start.decision.privacy
    return bool(
        end.cost_usd is not None
        or end.first_byte_ms is not None
        or (caller.agent or caller.session or start.prompt)
        or (decision.struck or decision.warnings or decision.assessment is not None)
        or (privacy.kinds or privacy.source)
        or (end.saved_usd is not None or end.baseline or end.dropped or end.error)
    )


def late(event: Finished, seq: int, writer: int) -> Params:
    """The end of a request that began in an earlier batch; should its beginning be lost, this is all of its row."""
    arrived_at_s = event.at_s - event.duration_ms / 1000
    return (seq, event.decision_id, arrived_at_s, writer, str(event.reason), *finished(event), *seldom_finished(event))


def attempt(event: AttemptStarted, seq: int) -> Params:
    """An attempt that is on its way."""
    return (seq, event.number, event.at_s, event.model, event.endpoint, "open", "", "")


def rejected(event: Rejected) -> Params:
    """A request that never got a model."""
    asked = event.asked[:MAX_NAME] if event.asked else ""
    message = event.message[:MAX_TEXT]
    return (event.at_s, event.decision_id, event.surface, event.status, event.code, message, asked)


def storable(params: Params) -> Params:
    """*params* with what SQLite cannot hold made harmless: lone surrogates replaced, huge integers capped."""
    return tuple(
        value.encode("utf-8", "replace").decode()
        if isinstance(value, str)
        else max(-_MAX_INTEGER, min(value, _MAX_INTEGER))
        if isinstance(value, int)
        else value
        for value in params
    )


def _trail(steps: tuple[Step, ...]) -> str:
    """The steps as a JSON list; all of a step but its time comes again and again."""
    return (
        "["
        + ",".join([f"{_step(step.strategy, str(step.outcome), step.detail)}{step.elapsed_us:.1f}]" for step in steps])
        + "]"
    )


@lru_cache(maxsize=1024)
def _step(strategy: str, outcome: str, detail: str) -> str:
    """A step as a JSON list without its last element."""
    return _dumps((strategy, outcome, detail))[:-1] + ","


@lru_cache(maxsize=1024)
def _strike(model: str, by: str, reason: str) -> str:
    return _dumps((model, by, reason))


@lru_cache(maxsize=512)
def _names(names: tuple[str, ...]) -> str:
    """A JSON list of *names*: the same few lists come again and again."""
    return _dumps(names)
