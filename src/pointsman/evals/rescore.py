"""Logged prompts given to routers again: what each would choose, beside what was chosen, and what it would spend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointsman.core.catalog import Tier
from pointsman.evals.datasets import Row
from pointsman.evals.own_traffic import dealt
from pointsman.evals.routers import OURS, Answer, OneByOne

if TYPE_CHECKING:
    from pointsman.adapters.storage.rows import LedgerRow
    from pointsman.core.catalog import Catalog, ModelCard
    from pointsman.evals.own_traffic import Dealt
    from pointsman.evals.pairs import Setting
    from pointsman.evals.replay import Again
    from pointsman.evals.routers import MeasuredRouter


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescored:
    """One router on the logged prompts. Shares are of those whose tier is known both times; `tiers` are its own."""

    router: str
    n: int
    same: float | None
    higher: float | None
    lower: float | None
    tiers: Mapping[str, float]
    dealt: Dealt | None


def rescore(
    rows: Sequence[LedgerRow],
    routers: Sequence[MeasuredRouter],
    catalog: Catalog,
    setting: Setting,
    advance: Callable[[int], None] = lambda _rows: None,
) -> tuple[Rescored, ...]:
    """Each of *routers* on those of *rows* that have a prompt and whose caller left the choice open."""
    known = [row for row in rows if row.prompt is not None and not row.is_explicit]
    if not known:
        return ()
    asked = [Row(id=row.id, request={"prompt": row.prompt}, text=row.prompt or "") for row in known]
    return tuple(_rescored(router.name, known, router.answers(asked, advance), catalog, setting) for router in routers)


def as_recorded(found: Iterable[Again]) -> OneByOne:
    """The chain that decided *found* again, as a router: it knows the tools and the size that the ledger kept."""
    known = {one.row.id: one.after for one in found}

    def answer(row: Row) -> Answer:
        decision = known.get(row.id)
        if decision is None:
            return Answer(score=1.0, is_refused=True)
        return Answer(score=decision.score or 0.0, tier=decision.tier, model=decision.model)

    return OneByOne(OURS, answer)


def _rescored(
    name: str, rows: Sequence[LedgerRow], answers: Sequence[Answer], catalog: Catalog, setting: Setting
) -> Rescored:
    pairs = [
        (Tier(row.tier).rank, answer.tier.rank)
        for row, answer in zip(rows, answers, strict=True)
        if row.tier is not None and answer.tier is not None
    ]
    cards = {row.id: _card(answer, catalog) for row, answer in zip(rows, answers, strict=True)}
    counted = Counter(answer.tier.value for answer in answers if answer.tier is not None)
    return Rescored(
        router=name,
        n=len(rows),
        same=_share([before == after for before, after in pairs]),
        higher=_share([before < after for before, after in pairs]),
        lower=_share([before > after for before, after in pairs]),
        tiers={tier.value: counted[tier.value] / len(rows) for tier in Tier if counted[tier.value]},
        dealt=dealt(rows, catalog, setting, lambda row: cards[row.id]),
    )


def _card(answer: Answer, catalog: Catalog) -> ModelCard | None:
    """Who would serve it: the model that was named, else the first of the tier's."""
    names: Sequence[str] = ()
    if answer.model is not None:
        names = (answer.model,)
    elif answer.tier is not None and catalog.auto is not None:
        names = catalog.auto.tiers.get(answer.tier, ())
    pools = [catalog.pools.get(catalog.resolve(name), ()) for name in names]
    return next((pool[0] for pool in pools if pool), None)


def _share(facts: Sequence[bool]) -> float | None:
    return sum(facts) / len(facts) if facts else None
