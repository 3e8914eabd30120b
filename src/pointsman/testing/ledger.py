"""A ledger in memory: an observer and a reader in one, with the contract of the SQLite one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import assert_never

from pointsman.adapters.storage.rows import (
    ANY,
    AttemptRow,
    Grouping,
    LedgerRow,
    RejectedRow,
    RequestOutcome,
    Stats,
    StatsLine,
    TrailStep,
    Wanted,
    check_limit,
    one_of,
    ordered,
)
from pointsman.core.errors import InvalidRequest
from pointsman.core.events import AttemptEnded, AttemptStarted, Decided, Event, Finished, HealthChanged, Rejected

_UNFINISHED = (RequestOutcome.OPEN, RequestOutcome.UNKNOWN)


class MemoryLedger:
    """Remembers what it hears and answers like `LedgerReader`."""

    def __init__(self) -> None:
        self._rows: dict[str, LedgerRow] = {}
        self._rejected: list[RejectedRow] = []

    def __call__(self, event: Event, /) -> None:
        match event:
            case Decided():
                self._rows[event.decision.id] = _decided(event)
            case AttemptStarted():
                begun = AttemptRow(
                    number=event.number,
                    at_s=event.at_s,
                    model=event.model,
                    endpoint=event.endpoint,
                    outcome=RequestOutcome.OPEN,
                )
                row = self._rows[event.decision_id]
                self._rows[row.id] = replace(row, attempts=(*row.attempts, begun))
            case AttemptEnded():
                row = self._rows[event.decision_id]
                attempts = tuple(_failed(one, event) if one.number == event.number else one for one in row.attempts)
                self._rows[row.id] = replace(row, attempts=attempts)
            case Finished():
                row = self._rows[event.decision_id]
                self._rows[row.id] = _finished(row, event)
            case Rejected():
                names = [field.name for field in fields(RejectedRow)]
                self._rejected.append(RejectedRow(**{name: getattr(event, name) for name in names}))
            case HealthChanged():
                pass
            case _:
                assert_never(event)

    def recent(self, limit: int = 50, wanted: Wanted = ANY) -> list[LedgerRow]:
        """The newest requests first."""
        check_limit(limit)
        newest = sorted(self._rows.values(), key=lambda row: row.at_s)[::-1]
        return [row for row in newest if _is_wanted(row, wanted)][:limit]

    def each(self, wanted: Wanted = ANY) -> Iterator[LedgerRow]:
        """All requests that are wanted, oldest first."""
        oldest = sorted(self._rows.values(), key=lambda row: row.at_s)
        return (row for row in oldest if _is_wanted(row, wanted))

    def find(self, prefix: str) -> LedgerRow:
        """The one request whose id is or starts with *prefix*."""
        if not prefix:
            raise InvalidRequest("The id is empty.", hint="`pointsman logs` lists the newest.", param="id")
        refused = [row for row in self._rejected if row.decision_id.startswith(prefix)]
        ids = sorted(key for key in self._rows if key.startswith(prefix))
        return self._rows[one_of(prefix, ids if prefix in ids else ids[:10], refused[-1] if refused else None)]

    def rejected(self, limit: int = 50, since_s: float | None = None) -> list[RejectedRow]:
        """The newest rejected requests first."""
        check_limit(limit)
        newest = sorted(self._rejected, key=lambda row: row.at_s)[::-1]
        return [row for row in newest if since_s is None or row.at_s >= since_s][:limit]

    def stats(self, since_s: float | None = None, group_by: Grouping = Grouping.MODEL) -> Stats:
        """Figures over the requests since *since_s*."""
        rows = [
            row
            for row in self._rows.values()
            if (since_s is None or row.at_s >= since_s) and row.outcome is not RequestOutcome.DRY_RUN
        ]
        groups: dict[str | None, list[LedgerRow]] = {}
        for row in rows:
            groups.setdefault(_key(row, group_by), []).append(row)
        return Stats(
            since_s=since_s,
            group_by=group_by,
            total=_line(None, rows),
            groups=ordered([_line(key, members) for key, members in groups.items()], group_by),
            rejected=sum(since_s is None or row.at_s >= since_s for row in self._rejected),
        )


def _decided(event: Decided) -> LedgerRow:
    decision, features, caller, privacy = event.decision, event.features, event.caller, event.decision.privacy
    return LedgerRow(
        id=decision.id,
        at_s=event.at_s,
        outcome=RequestOutcome.DRY_RUN if event.is_dry_run else RequestOutcome.OPEN,
        surface=event.surface,
        operation=decision.operation.value,
        stream=event.stream,
        routed=decision.model,
        strategy=decision.strategy,
        reason=decision.reason,
        privacy=privacy.privacy_class.value,
        decision_us=round(decision.elapsed_us, 1),
        estimated_input_tokens=features.estimated_input_tokens,
        turns=features.turns,
        n_tools=features.n_tools,
        ask_chars=len(features.ask),
        is_explicit=decision.is_explicit,
        is_demo=decision.is_demo,
        in_tool_loop=features.in_tool_loop,
        is_housekeeping=features.is_housekeeping,
        client=caller.client,
        agent=caller.agent,
        session=caller.session,
        key_id=caller.key_id,
        asked=decision.asked,
        candidates=decision.candidates,
        router=decision.router,
        tier=None if decision.tier is None else decision.tier.value,
        score=decision.score,
        confidence=decision.confidence,
        privacy_kinds=privacy.kinds,
        privacy_source=privacy.source,
        struck=decision.struck,
        trail=tuple(
            TrailStep(
                strategy=step.strategy,
                outcome=step.outcome.value,
                detail=step.detail,
                elapsed_us=round(step.elapsed_us, 1),
            )
            for step in decision.trail
        ),
        warnings=decision.warnings,
        prompt=None if privacy.is_private else event.prompt,
        assessment=None if decision.assessment is None else decision.assessment.to_json(),
    )


def _failed(attempt: AttemptRow, event: AttemptEnded) -> AttemptRow:
    failure = event.failure
    return replace(
        attempt,
        outcome=RequestOutcome.FAILED,
        kind=failure.kind.value,
        status=failure.status,
        message=failure.message,
        elapsed_ms=round(failure.elapsed_ms, 3),
    )


def _finished(row: LedgerRow, event: Finished) -> LedgerRow:
    outcome, usage = RequestOutcome(event.reason.value), event.usage
    attempts = tuple(
        replace(
            one,
            outcome=outcome,
            status=event.status if outcome is RequestOutcome.OK else None,
            elapsed_ms=round((event.at_s - one.at_s) * 1000, 3),
        )
        if one.outcome is RequestOutcome.OPEN
        else one
        for one in row.attempts
    )
    row = replace(
        row,
        outcome=outcome,
        attempts=attempts,
        finished_at_s=event.at_s,
        status=event.status,
        served=event.served,
        upstream_model=event.upstream_model,
        is_local=event.is_local,
        fallbacks=event.fallbacks,
        cost_usd=event.cost_usd,
        saved_usd=event.saved_usd,
        baseline=event.baseline,
        duration_ms=event.duration_ms,
        first_byte_ms=event.first_byte_ms,
        overhead_ms=event.overhead_ms,
        error=event.error,
        dropped=event.dropped,
    )
    return row if usage is None else replace(row, **{field.name: getattr(usage, field.name) for field in fields(usage)})


def _is_wanted(row: LedgerRow, wanted: Wanted) -> bool:
    names = (row.asked, row.routed, row.served, row.upstream_model)
    searched = (row.id, *names, row.strategy, row.reason, row.client, row.agent, row.session, row.error, row.prompt)
    return (
        (wanted.since_s is None or row.at_s >= wanted.since_s)
        and (wanted.model is None or wanted.model in names)
        and wanted.tier in {None, row.tier}
        and wanted.session in {None, row.session}
        and wanted.agent in {None, row.agent}
        and (wanted.outcome is None or wanted.outcome in {row.outcome.value, str(row.status)})
        and (not wanted.text or any(wanted.text.lower() in (text or "").lower() for text in searched))
    )


def _key(row: LedgerRow, group_by: Grouping) -> str | None:
    keys: dict[Grouping, Callable[[], str | None]] = {
        Grouping.MODEL: lambda: row.served or row.routed,
        Grouping.TIER: lambda: row.tier,
        Grouping.STRATEGY: lambda: row.strategy,
        Grouping.CLIENT: lambda: row.client,
        Grouping.AGENT: lambda: row.agent,
        Grouping.DAY: lambda: datetime.fromtimestamp(row.at_s, UTC).date().isoformat(),
    }
    return keys[group_by]()


def _line(key: str | None, rows: Sequence[LedgerRow]) -> StatsLine:
    done = [row for row in rows if row.outcome not in _UNFINISHED]
    durations = [row.duration_ms for row in rows if row.duration_ms is not None]
    first_bytes = [row.first_byte_ms for row in rows if row.first_byte_ms is not None]
    return StatsLine(
        key=key,
        requests=len(rows),
        input_tokens=sum(row.input_tokens or 0 for row in rows),
        output_tokens=sum(row.output_tokens or 0 for row in rows),
        cached_input_tokens=sum(row.cached_input_tokens or 0 for row in rows),
        reasoning_tokens=sum(row.reasoning_tokens or 0 for row in rows),
        estimated=sum(row.is_estimated or False for row in rows),
        cost_usd=sum(row.cost_usd or 0.0 for row in rows),
        saved_usd=sum(row.saved_usd or 0.0 for row in rows),
        unpriced=sum(row.outcome is RequestOutcome.OK and row.cost_usd is None for row in rows),
        unfinished=len(rows) - len(done),
        local_share=_share([row.is_local for row in rows if row.is_local is not None]),
        fallback_rate=_share([(row.fallbacks or 0) > 0 for row in done]),
        error_rate=_share([row.outcome in {RequestOutcome.FAILED, RequestOutcome.DEADLINE} for row in done]),
        duration_p50_ms=_percentile(durations, 50),
        duration_p95_ms=_percentile(durations, 95),
        first_byte_p50_ms=_percentile(first_bytes, 50),
        first_byte_p95_ms=_percentile(first_bytes, 95),
    )


def _share(facts: Sequence[bool]) -> float | None:
    return sum(facts) / len(facts) if facts else None


def _percentile(values: Sequence[float], percent: int) -> float | None:
    """Nearest rank: the smallest value that *percent* of the values do not exceed."""
    ranks = enumerate(sorted(values), start=1)
    return next((value for rank, value in ranks if rank * 100 >= len(values) * percent), None)
