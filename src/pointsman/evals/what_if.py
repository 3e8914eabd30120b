"""What recorded traffic would have cost elsewhere: its tokens at other prices, by day, model and who asked.

A model's answer to the same prompt has other tokens, and another quality: neither is known, so neither is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from pointsman.adapters.storage.rows import RequestOutcome
from pointsman.core.catalog import Operation
from pointsman.core.decision import PrivacyClass
from pointsman.evals.traffic import agent_or_client, cost_on, usage_of

if TYPE_CHECKING:
    from pointsman.adapters.storage.rows import LedgerRow
    from pointsman.core.catalog import ModelCard

Wish = Callable[["LedgerRow"], "ModelCard | None"]
"""Where a request should have gone; None: where it went."""
_NOT_SERVED = (RequestOutcome.DRY_RUN, RequestOutcome.OPEN)


class Stays(StrEnum):
    """Why a request would not have gone where it should."""

    PRIVATE = "private, and the model is not on this machine"
    WINDOW = "too long for the model's window"
    EMBEDDING = "an embedding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """One request, as it was and as it would have been. `model` is a card's id; costs are US dollars."""

    row: LedgerRow
    model: str | None
    is_moved: bool
    stays: Stays | None
    now_usd: float | None
    then_usd: float | None

    @property
    def has_costs(self) -> bool:
        """Whether both are known."""
        return self.now_usd is not None and self.then_usd is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Figures of a group; costs of the requests whose cost is known both times."""

    key: str | None
    requests: int
    moved: int
    priced: int
    now_usd: float
    then_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """How many requests a model had, and would have had."""

    model: str | None
    now: int
    then: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """All of it. Days are in UTC, in order; the rest by cost."""

    total: Line
    days: tuple[Line, ...]
    callers: tuple[Line, ...]
    models: tuple[Served, ...]
    stays: tuple[tuple[Stays, int], ...]


def elsewhere(rows: Iterable[LedgerRow], wish: Wish) -> list[Elsewhere]:
    """Each of *rows* that a model answered, with its tokens at the prices of where it was wished to."""
    found = []
    for row in rows:
        if row.outcome in _NOT_SERVED or row.served is None or usage_of(row) is None:
            continue
        card = wish(row)
        stays = None if card is None or card.id == row.served else _stays(row, card)
        is_moved = card is not None and stays is None and card.id != row.served
        target = card if is_moved else None
        then = row.cost_usd if target is None else cost_on(row, target)
        served = row.served if target is None else target.id
        found.append(
            Elsewhere(row=row, model=served, is_moved=is_moved, stays=stays, now_usd=row.cost_usd, then_usd=then)
        )
    return found


def what_if(found: Sequence[Elsewhere]) -> WhatIf:
    """*found*, added up."""
    reasons = [one.stays for one in found if one.stays is not None]
    names = sorted({one.row.served or "" for one in found} | {one.model or "" for one in found})
    models = [
        Served(
            model=name,
            now=sum(one.row.served == name for one in found),
            then=sum(one.model == name for one in found),
        )
        for name in names
    ]
    return WhatIf(
        total=_line(None, found),
        days=tuple(sorted(_groups(found, _day), key=lambda line: line.key or "")),
        callers=tuple(sorted(_groups(found, lambda one: agent_or_client(one.row)), key=_by_cost)),
        models=tuple(sorted(models, key=lambda one: (-one.then, -one.now, one.model or ""))),
        stays=tuple((reason, reasons.count(reason)) for reason in Stays if reason in reasons),
    )


def _stays(row: LedgerRow, card: ModelCard) -> Stays | None:
    if row.operation == Operation.EMBEDDINGS:
        return Stays.EMBEDDING
    if row.privacy != PrivacyClass.PUBLIC and not card.is_local:
        return Stays.PRIVATE
    if card.context_tokens is not None and (row.input_tokens or 0) >= card.context_tokens:
        return Stays.WINDOW
    return None


def _groups(found: Sequence[Elsewhere], key: Callable[[Elsewhere], str | None]) -> list[Line]:
    groups: dict[str | None, list[Elsewhere]] = {}
    for one in found:
        groups.setdefault(key(one), []).append(one)
    return [_line(name, members) for name, members in groups.items()]


def _line(key: str | None, found: Sequence[Elsewhere]) -> Line:
    priced = [one for one in found if one.has_costs]
    return Line(
        key=key,
        requests=len(found),
        moved=sum(one.is_moved for one in found),
        priced=len(priced),
        now_usd=sum(one.now_usd or 0.0 for one in priced),
        then_usd=sum(one.then_usd or 0.0 for one in priced),
    )


def _day(one: Elsewhere) -> str:
    return datetime.fromtimestamp(one.row.at_s, UTC).date().isoformat()


def _by_cost(line: Line) -> tuple[float, int, str]:
    return (-line.now_usd, -line.requests, line.key or "")
