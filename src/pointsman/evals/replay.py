"""Recorded requests decided again, under another configuration, beside how they were decided. Nobody is called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pointsman.core.errors import PointsmanError
from pointsman.evals.traffic import Basis, basis_of, cost_on, features_of_row, inbound_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from pointsman.adapters.storage.rows import LedgerRow
    from pointsman.core.chat import ChatRequest, EmbeddingRequest
    from pointsman.core.decision import Decision, PromptFeatures
    from pointsman.core.jsontypes import JsonObject
    from pointsman.engine.decide import Decider, Resolved


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """One request, then and now. `after` is None when it is refused (`error`), or there is nothing to decide it from.

    Costs are US dollars for the tokens that were used then; None where they, or a price, are not known.
    """

    row: LedgerRow
    basis: Basis
    after: Decision | None = None
    error: PointsmanError | None = None
    is_local: bool | None = None  # whether the model it would go to runs on this machine
    cost_usd: float | None = None

    @property
    def is_moved(self) -> bool:
        """Whether another model, or another tier, takes it."""
        return self.after is not None and (self.after.model, _tier(self.after)) != (self.row.routed, self.row.tier)

    @property
    def has_costs(self) -> bool:
        """Whether its cost is known both times."""
        return self.cost_usd is not None and self.row.cost_usd is not None

    def to_json(self) -> JsonObject:
        """Before and after, as plain JSON."""
        row, after = self.row, self.after
        found: JsonObject = {
            "id": row.id,
            "basis": self.basis.value,
            "privacy": row.privacy,
            "before": {"model": row.routed, "tier": row.tier, "served": row.served, "cost_usd": row.cost_usd},
            "after": None,
            "moved": self.is_moved,
        }
        if after is not None:
            found["after"] = {
                "model": after.model,
                "tier": _tier(after),
                "strategy": after.strategy,
                "reason": after.reason,
                "local": self.is_local,
                "cost_usd": self.cost_usd,
            }
        if self.error is not None:
            found["error"] = {"code": self.error.code, "message": self.error.message}
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """Requests that went one way and would go the same other way. Costs are of those whose cost is known both times."""

    before: str
    after: str
    requests: int
    before_usd: float
    after_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a replay comes to."""

    requests: int
    by_basis: Mapping[Basis, int]
    moved: int
    refused: Mapping[str, int]  # by the error's code
    private: int
    private_local: int  # of those that are not refused, the ones that stay on this machine
    priced: int  # requests whose cost is known both times
    before_usd: float
    after_usd: float
    tiers: tuple[Moves, ...]
    models: tuple[Moves, ...]


def replay(
    rows: Iterable[LedgerRow], decider: Decider, run: Callable[[Coroutine[None, None, Resolved]], Resolved]
) -> Iterator[Again]:
    """Each of *rows* decided again by *decider*, in their order; *run* runs a coroutine to its end."""
    for row in rows:
        basis = basis_of(row)
        if basis is Basis.NOTHING:
            yield Again(row=row, basis=basis)
            continue
        features = features_of_row(row, decider.features_of)
        own = replace(decider, features_of=_given(features))
        try:
            resolved = run(own.decide(inbound_of(row)))
        except PointsmanError as error:
            yield Again(row=row, basis=basis, error=error)
            continue
        card = resolved.open_models[resolved.decision.candidates[0]]
        cost = row.cost_usd if card.id == row.served else cost_on(row, card)
        yield Again(row=row, basis=basis, after=resolved.decision, is_local=card.is_local, cost_usd=cost)


def summary_of(found: Sequence[Again]) -> Summary:
    """What *found* comes to."""
    decided = [one for one in found if one.after is not None]
    priced = [one for one in decided if one.has_costs]
    private = [one for one in found if one.row.privacy != "public"]
    return Summary(
        requests=len(found),
        by_basis=Counter(one.basis for one in found),
        moved=sum(one.is_moved for one in decided),
        refused=Counter(one.error.code for one in found if one.error is not None),
        private=len(private),
        private_local=sum(one.is_local is True for one in private),
        priced=len(priced),
        before_usd=sum(one.row.cost_usd or 0.0 for one in priced),
        after_usd=sum(one.cost_usd or 0.0 for one in priced),
        tiers=_moves(decided, lambda one: (one.row.tier or "", _tier(one.after) or "")),
        models=_moves(decided, lambda one: (one.row.routed, one.after.model if one.after is not None else "")),
    )


def _moves(found: Sequence[Again], ways: Callable[[Again], tuple[str, str]]) -> tuple[Moves, ...]:
    """By way, most requests first."""
    groups: dict[tuple[str, str], list[Again]] = {}
    for one in found:
        groups.setdefault(ways(one), []).append(one)
    made = [
        Moves(
            before=before,
            after=after,
            requests=len(members),
            before_usd=sum(one.row.cost_usd or 0.0 for one in members if one.has_costs),
            after_usd=sum(one.cost_usd or 0.0 for one in members if one.has_costs),
        )
        for (before, after), members in groups.items()
    ]
    return tuple(sorted(made, key=lambda one: (-one.requests, one.before, one.after)))


def _tier(decision: Decision | None) -> str | None:
    return decision.tier.value if decision is not None and decision.tier is not None else None


def _given(features: PromptFeatures) -> Callable[[ChatRequest | EmbeddingRequest], PromptFeatures]:
    return lambda _request: features
