"""What a ledger tells of routing: by tier and model how requests went, and whether spend went where it is needed.

A ledger knows the outcome of the model that was called, never of the others: it cannot say whether the choice was
right. It can say who failed, who had to be helped out, what it cost, and what the same calls would have cost if they
had been dealt to the requests at random.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, cast

import numpy as np

from pointsman.adapters.storage.rows import RequestOutcome
from pointsman.core.decision import PrivacyClass
from pointsman.evals.figures import Figure
from pointsman.evals.metrics import Floats, rank_correlation, resamples
from pointsman.evals.pairs import MIN_ROWS, with_interval
from pointsman.evals.traffic import cost_on

if TYPE_CHECKING:
    from pointsman.adapters.storage.rows import LedgerRow
    from pointsman.core.catalog import Catalog, ModelCard
    from pointsman.evals.pairs import Setting

AGAIN_S = 600.0
_MANY = 2000
_NORMAL_95 = 1.959964
_ESCALATION = "escalation"
_OVER = (RequestOutcome.OK, RequestOutcome.FAILED, RequestOutcome.DEADLINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Requests that the decision sent one way. Shares are of those that are over; a caller who went away counts not.

    `first`: answered by the model that was chosen. `helped`: another answered. `raised`: an agent's answer was not good
    enough, and its tier was raised. `again`: the same caller asked the same within ten minutes; None where no prompts
    are logged. Costs are of what answered.
    """

    key: str | None
    requests: int
    over: int
    first: Figure | None
    helped: Figure | None
    failed: Figure | None
    raised: Figure | None
    again: Figure | None
    usd_per_1k: Figure | None
    output_tokens: float | None  # mean
    p50_ms: float | None
    p95_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealt:
    """The calls as they went, and the same calls dealt to the requests at random, at the prices in force.

    US dollars for 1,000 requests. `more`: how much more the first cost, which is below 0 where the dear models got the
    short requests. For what they cost, chance would have given `chance_share` of the calls to the dearest model; it got
    `share`. Private requests and those for a named model are not among them: there was no choice to make.
    """

    n: int
    usd: float
    random_usd: float
    more: Figure
    dearest: str
    share: float
    chance_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Whether what was said beforehand goes with how long the answers became: rank correlation."""

    said: str  # "score" | "expected tokens"
    n: int
    rho: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTraffic:
    """All that the ledger tells."""

    requests: int
    since_s: float
    until_s: float
    with_prompt: int
    private: int
    tiers: tuple[Group, ...]
    models: tuple[Group, ...]
    dealt: Dealt | None
    orders: tuple[Order, ...]


def own_traffic(rows: Sequence[LedgerRow], catalog: Catalog, setting: Setting) -> OwnTraffic:
    """Figures of *rows*, which are no dry runs and one at least; prices are those of *catalog*."""
    again = _asked_again(rows)
    return OwnTraffic(
        requests=len(rows),
        since_s=rows[0].at_s,
        until_s=rows[-1].at_s,
        with_prompt=sum(row.prompt is not None for row in rows),
        private=sum(row.privacy != PrivacyClass.PUBLIC for row in rows),
        tiers=_groups(rows, lambda row: row.tier, again, setting),
        models=_groups(rows, lambda row: row.routed or None, again, setting),
        dealt=dealt(rows, catalog, setting),
        orders=tuple(order for order in (_scores(rows), _expected(rows)) if order is not None),
    )


def dealt(
    rows: Sequence[LedgerRow],
    catalog: Catalog,
    setting: Setting,
    chosen: Callable[[LedgerRow], ModelCard | None] | None = None,
) -> Dealt | None:
    """The calls of *rows*, or those that *chosen* says, beside the same calls dealt at random.

    None where fewer than two models of known price were called, or too few requests.
    """
    own = chosen or (lambda row: catalog.by_id.get(row.served or ""))
    free = [row for row in rows if row.privacy == PrivacyClass.PUBLIC and not row.is_explicit]
    calls = [(row, card) for row in free if (card := own(row)) is not None and cost_on(row, card) is not None]
    cards = sorted({card.id for _, card in calls})
    if len(cards) < 2 or len(calls) < MIN_ROWS:
        return None
    cost: Floats = np.array([[cost_on(row, catalog.by_id[card]) for card in cards] for row, _ in calls], dtype=float)
    choice = [cards.index(card.id) for _, card in calls]
    called = np.eye(len(cards))[choice]
    spent, random = _spent(cost, called, np.ones((1, len(calls))))
    drawn = [_spent(cost, called, weights) for weights in resamples(len(calls), setting.times, setting.seed)]
    dearest, share, chance = _chance(cost, called, float(spent[0]))
    return Dealt(
        n=len(calls),
        usd=1000 * float(spent[0]),
        random_usd=1000 * float(random[0]),
        more=with_interval(
            1000 * float(spent[0] - random[0]), 1000 * np.concatenate([here - there for here, there in drawn])
        ),
        dearest=cards[dearest],
        share=share,
        chance_share=chance,
    )


def _spent(cost: Floats, called: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """For each row of *weights* the mean spend, and that of the same calls at random: Σ share · mean cost."""
    total = weights.sum(axis=1)
    spent = weights @ (cost * called).sum(axis=1) / total
    random = ((weights @ called) * (weights @ cost)).sum(axis=1) / total**2
    return spent, random


def _chance(cost: Floats, called: Floats, spent: float) -> tuple[int, float, float]:
    """The dearest model's column, its share of calls, and which share chance could give it for what was *spent*."""
    shares, mean = called.mean(axis=0), cost.mean(axis=0)
    dearest = int(np.argmax(mean))
    share = float(shares[dearest])
    others = (float(shares @ mean) - share * float(mean[dearest])) / (1 - share)  # two models or more are called
    apart = float(mean[dearest]) - others
    return dearest, share, min(1.0, max(0.0, (spent - others) / apart)) if apart > 0 else share


def _groups(
    rows: Sequence[LedgerRow], key: Callable[[LedgerRow], str | None], again: Mapping[str, bool], setting: Setting
) -> tuple[Group, ...]:
    groups: dict[str | None, list[LedgerRow]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    made = [_group(name, members, again, setting) for name, members in groups.items()]
    return tuple(sorted(made, key=lambda group: (-group.requests, group.key or "")))


def _group(key: str | None, rows: Sequence[LedgerRow], again: Mapping[str, bool], setting: Setting) -> Group:
    over = [row for row in rows if row.outcome in _OVER]
    answered = [row for row in over if row.outcome is RequestOutcome.OK]
    costs = [row.cost_usd for row in answered if row.cost_usd is not None]
    tokens = [row.output_tokens for row in answered if row.output_tokens is not None]
    times = [row.duration_ms for row in answered if row.duration_ms is not None]
    known = [again[row.id] for row in rows if row.id in again]
    return Group(
        key=key,
        requests=len(rows),
        over=len(over),
        first=wilson(sum(not row.fallbacks for row in answered), len(over)),
        helped=wilson(sum(bool(row.fallbacks) for row in answered), len(over)),
        failed=wilson(len(over) - len(answered), len(over)),
        raised=wilson(sum(any(step.strategy == _ESCALATION for step in row.trail) for row in over), len(over)),
        again=wilson(sum(known), len(known)),
        usd_per_1k=_mean(costs, setting),
        output_tokens=float(np.mean(tokens)) if tokens else None,
        p50_ms=float(np.quantile(times, 0.5)) if times else None,
        p95_ms=float(np.quantile(times, 0.95)) if times else None,
    )


def wilson(successes: int, of: int) -> Figure | None:
    """A share with Wilson's 95 % interval; None of nothing. 8 of 10: 0.8, from 0.490 to 0.943."""
    if not of:
        return None
    part, z = successes / of, _NORMAL_95
    middle = (part + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * sqrt(part * (1 - part) / of + z * z / (4 * of * of))
    return Figure(part, max(0.0, middle - half), min(1.0, middle + half))


def _mean(costs: Sequence[float], setting: Setting) -> Figure | None:
    """US dollars for 1,000 requests; by the normal law where they are many, else by bootstrap."""
    if not costs:
        return None
    values = 1000 * np.array(costs)
    if len(values) >= _MANY:
        mean, half = float(values.mean()), _NORMAL_95 * float(values.std()) / sqrt(len(values))
        return Figure(mean, mean - half, mean + half)
    samples = [
        weights @ values / weights.sum()
        for chunk in resamples(len(values), setting.times, setting.seed)
        for weights in chunk
    ]
    return with_interval(float(values.mean()), np.array(samples))


def _asked_again(rows: Sequence[LedgerRow]) -> dict[str, bool]:
    """For each request with a prompt whether the same caller asked the same once more within AGAIN_S."""
    found: dict[str, bool] = {}
    last: dict[tuple[str | None, ...], LedgerRow] = {}
    for row in rows:
        if row.prompt is None or row.is_housekeeping or row.in_tool_loop:
            continue
        key = (row.key_id, row.client, row.agent, row.session, row.prompt)
        earlier = last.get(key)
        if earlier is not None and row.at_s - earlier.at_s <= AGAIN_S:
            found[earlier.id] = True
        found[row.id] = False
        last[key] = row
    return found


def _scores(rows: Sequence[LedgerRow]) -> Order | None:
    pairs = [(row.score, row.output_tokens) for row in rows if row.score is not None and row.output_tokens is not None]
    return _order("score", pairs)


def _expected(rows: Sequence[LedgerRow]) -> Order | None:
    pairs = [
        (cast("float", row.assessment["output_tokens"]), row.output_tokens)
        for row in rows
        if row.assessment is not None and row.output_tokens is not None
    ]
    return _order("expected tokens", pairs)


def _order(said: str, pairs: Sequence[tuple[float, float]]) -> Order | None:
    if len(pairs) < MIN_ROWS:
        return None
    first, second = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    rho = rank_correlation(first, second)
    # Fisher's transformation; 1.06 is its variance for ranks (Fieller, Hartley and Pearson 1957).
    middle, half = np.arctanh(np.clip(rho, -1 + 1e-9, 1 - 1e-9)), _NORMAL_95 * sqrt(1.06 / (len(pairs) - 3))
    return Order(said=said, n=len(pairs), rho=Figure(rho, float(np.tanh(middle - half)), float(np.tanh(middle + half))))
