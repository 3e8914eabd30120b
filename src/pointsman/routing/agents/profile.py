"""What an agent's calls say about it, and the tier that is proposed for it: figures only, no text.

A call that was classified needed some tier: the one it was given, one more if the answer was not good enough there. Of
n such calls k needed tier T or less. T is proposed when, with 95 % certainty, at least SHARE of the agent's calls do:
the lower end of Wilson's interval for k of n. With z = 1.645 and 20 of 20 that is 20 / (20 + z²) = 0.881.
An agent whose tier is settled is proposed the next one up when, as surely, a fifth of its answers had to be repeated.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pointsman.core.assessment import TARGET
from pointsman.core.catalog import Tier
from pointsman.core.chat import Usage

if TYPE_CHECKING:
    from pointsman.core.catalog import Catalog, ModelCard
    from pointsman.core.jsontypes import Json, JsonObject

AFTER_CALLS: Final = 20
SHARE: Final = 0.75
TOO_OFTEN: Final = 0.2
Z: Final = 1.645  # one-sided 95 %
_NOT_JUDGED: Final = frozenset(("explicit", "tier", "agent", "preset", "session", "rules", "utility", "embeddings"))
"""Strategies that pick without looking at how hard the ask is."""

Who = tuple[str | None, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One finished request of an agent. `tier` is the one it was given, None for a model outside the tiers."""

    key_id: str | None
    agent: str
    tier: Tier | None
    strategy: str
    served: str | None = None  # the card's id
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    saved_usd: float | None = None
    duration_ms: float | None = None
    has_failed: bool = False
    was_repeated: bool = False  # its answer was not good enough, and came from the next tier
    was_held: bool = False  # the session kept its tier against an easier ask
    assessed: Tier | None = None  # what the classifier would have given it
    was_raised: bool = False  # the answer before it was not good enough, so it was given a higher tier

    @property
    def was_escalated(self) -> bool:
        """Whether its agent needed more than it was first given."""
        return self.was_repeated or self.was_raised

    @property
    def need(self) -> Tier | None:
        """The tier it turned out to need; None where nobody judged it."""
        if self.has_failed or self.strategy in _NOT_JUDGED:
            return None
        need = self.assessed if self.was_held else self.tier
        if need is None or not self.was_repeated:
            return need
        return above(need) or need


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a person decided: `tier` accepted, or (None) the proposal rejected, after so many `calls`."""

    key_id: str | None
    agent: str
    tier: Tier | None
    at_s: float
    calls: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A tier for all of an agent's calls. Savings are of the calls counted so far, had they gone there."""

    tier: Tier
    reason: str
    sureness: float  # 0..1: at least this share of its calls needs no more (or: had to be repeated)
    saved_usd: float | None  # negative: it costs more; None: no price is known
    saved_share: float | None  # of what they cost
    saved_s: float | None  # None: nobody has been timed in that tier

    def to_json(self) -> JsonObject:
        """As `pointsman agents --json` shows it."""
        return {
            "tier": self.tier.value,
            "reason": self.reason,
            "sureness": round(self.sureness, 4),
            "saved_usd": self.saved_usd,
            "saved_share": self.saved_share,
            "saved_s": self.saved_s,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One agent of one caller, added up. Money is in US dollars, over the calls whose price is known."""

    key_id: str | None
    agent: str
    calls: int
    tiers: Mapping[Tier, int]
    input_tokens: int
    output_tokens: int
    cost_usd: float
    saved_usd: float
    unpriced: int
    failures: int
    escalations: int
    judged: int  # calls whose need is known
    easy: int  # of those, how many needed the simple tier
    choice: Choice | None = None
    proposal: Proposal | None = None

    @property
    def easy_share(self) -> float | None:
        """0..1; None when nothing was judged."""
        return self.easy / self.judged if self.judged else None

    def to_json(self) -> JsonObject:
        """As `pointsman agents --json` and /v1/agents show it."""
        choice: Json = None
        if self.choice is not None:
            tier = self.choice.tier
            choice = {"accepted": tier.value if tier is not None else None, "at_s": self.choice.at_s}
        return {
            "agent": self.agent,
            "key_id": self.key_id,
            "calls": self.calls,
            "tiers": {tier.value: count for tier, count in self.tiers.items()},
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_usd": self.cost_usd,
            "saved_usd": self.saved_usd,
            "unpriced": self.unpriced,
            "failures": self.failures,
            "escalations": self.escalations,
            "easy_share": self.easy_share,
            "choice": choice,
            "proposal": self.proposal.to_json() if self.proposal is not None else None,
        }


def profiles(
    calls: Iterable[Call], catalog: Catalog, choices: Mapping[Who, Choice], *, after: int = AFTER_CALLS
) -> list[Profile]:
    """Every agent's profile, the busiest first, with a proposal where *after* judged calls allow one."""
    by_agent: dict[Who, list[Call]] = {}
    for call in calls:
        by_agent.setdefault((call.key_id, call.agent), []).append(call)
    speeds = _speeds(call for theirs in by_agent.values() for call in theirs)
    found = [
        _profile(who, theirs, choices.get(who), _proposal(theirs, catalog, speeds, choices.get(who), after))
        for who, theirs in by_agent.items()
    ]
    return sorted(found, key=lambda profile: (-profile.calls, profile.agent))


def wilson_low(k: int, n: int, z: float = Z) -> float:
    """The lower end of Wilson's interval for a share of which *k* of *n* were seen.

    (p + z²/2n - z·√(p(1-p)/n + z²/4n²)) / (1 + z²/n), p = k/n. 20 of 20: 0.881; 70 of 100: 0.620.
    """
    if n == 0:
        return 0.0
    p, square = k / n, z * z
    middle = p + square / (2 * n)
    margin = z * math.sqrt(p * (1 - p) / n + square / (4 * n * n))
    return max(0.0, (middle - margin) / (1 + square / n))


def tier_of_chances(chances: Sequence[float]) -> Tier:
    """The cheapest tier with a good chance, by the *chances* of a good answer from each; the likeliest if none has."""
    tiers = list(Tier)
    good = next((tier for tier, chance in zip(tiers, chances, strict=True) if chance >= TARGET), None)
    return good or tiers[max(range(len(tiers)), key=lambda rank: chances[rank])]


def above(tier: Tier) -> Tier | None:
    """The next tier up; None above the highest."""
    return next((other for other in Tier if other.rank == tier.rank + 1), None)


def _profile(who: Who, calls: Sequence[Call], choice: Choice | None, proposal: Proposal | None) -> Profile:
    counted = Counter(call.tier for call in calls if call.tier is not None)
    needs = [call.need for call in calls if call.need is not None]
    return Profile(
        key_id=who[0],
        agent=who[1],
        calls=len(calls),
        tiers={tier: counted[tier] for tier in Tier if counted[tier]},
        input_tokens=sum(call.input_tokens for call in calls),
        output_tokens=sum(call.output_tokens for call in calls),
        cost_usd=sum(call.cost_usd or 0.0 for call in calls),
        saved_usd=sum(call.saved_usd or 0.0 for call in calls),
        unpriced=sum(call.cost_usd is None for call in calls),
        failures=sum(call.has_failed for call in calls),
        escalations=sum(call.was_escalated for call in calls),
        judged=len(needs),
        easy=sum(need is Tier.SIMPLE for need in needs),
        choice=choice,
        proposal=proposal,
    )


def _proposal(
    calls: Sequence[Call], catalog: Catalog, speeds: Mapping[str, float], choice: Choice | None, after: int
) -> Proposal | None:
    """The tier that fits, if it is not the one that is settled, and was not rejected when there were half the calls."""
    if choice is not None and choice.tier is None and len(calls) < 2 * max(choice.calls, after):
        return None
    settled = [call for call in calls if call.strategy == "agent" and call.tier is not None]
    if choice is not None and choice.tier is not None:
        return _one_up([call for call in settled if call.tier is choice.tier], catalog, speeds, after)
    judged = [call for call in calls if call.need is not None]
    if len(judged) < after:
        return _one_up(settled, catalog, speeds, after)
    for tier in Tier:
        if _card_of(catalog, tier) is None:
            continue
        k = sum(call.need is not None and call.need.rank <= tier.rank for call in judged)
        sureness = wilson_low(k, len(judged))
        if sureness >= SHARE:
            reason = f"{k} of {len(judged)} calls needed no more than {tier.value}"
            found = _projected(tier, judged, catalog, speeds, reason, sureness)
            is_above = any(call.tier is not None and call.tier.rank > tier.rank for call in judged)
            return found if is_above and _is_worth_it(found) else None
    return None


def _one_up(calls: Sequence[Call], catalog: Catalog, speeds: Mapping[str, float], after: int) -> Proposal | None:
    """The next tier, for an agent with a settled one whose answers had to be repeated too often."""
    if len(calls) < after:
        return None
    tier = max((call.tier for call in calls if call.tier is not None), key=lambda one: one.rank)
    next_one = next((one for one in Tier if one.rank > tier.rank and _card_of(catalog, one) is not None), None)
    k = sum(call.was_escalated for call in calls)
    sureness = wilson_low(k, len(calls))
    if next_one is None or sureness < TOO_OFTEN:
        return None
    reason = f"{k} of {len(calls)} answers of {tier.value} were not good enough"
    return _projected(next_one, calls, catalog, speeds, reason, sureness)


def _projected(
    tier: Tier, calls: Sequence[Call], catalog: Catalog, speeds: Mapping[str, float], reason: str, sureness: float
) -> Proposal:
    card = _card_of(catalog, tier)
    costs = [call for call in calls if call.cost_usd is not None]
    spent = sum(call.cost_usd or 0.0 for call in costs)
    saved = share = None
    if card is not None and card.price is not None and costs:
        price = card.price
        tokens = [Usage(input_tokens=call.input_tokens, output_tokens=call.output_tokens) for call in costs]
        saved = spent - sum(price.cost_usd(usage) for usage in tokens)
        share = saved / spent if spent > 0 else None
    seconds = None
    if card is not None and (speed := speeds.get(card.id)) is not None:
        timed = [call for call in calls if call.duration_ms is not None]
        seconds = sum((call.duration_ms or 0.0) - speed for call in timed) / 1e3
    return Proposal(tier=tier, reason=reason, sureness=sureness, saved_usd=saved, saved_share=share, saved_s=seconds)


def _is_worth_it(found: Proposal) -> bool:
    """Whether money, or where nothing costs any, time is to be saved."""
    if found.saved_usd is not None and found.saved_usd != 0:
        return found.saved_usd > 0
    return found.saved_s is not None and found.saved_s > 0


def _speeds(calls: Iterable[Call]) -> Mapping[str, float]:
    """The median milliseconds of a call, by the card that answered it."""
    times: dict[str, list[float]] = {}
    for call in calls:
        if call.served is not None and call.duration_ms is not None and not call.has_failed:
            times.setdefault(call.served, []).append(call.duration_ms)
    return {served: statistics.median(found) for served, found in times.items()}


def _card_of(catalog: Catalog, tier: Tier) -> ModelCard | None:
    """The first model of `auto`'s *tier*."""
    names = catalog.auto.tiers.get(tier, ()) if catalog.auto is not None else ()
    return next((card for name in names for card in catalog.pools.get(catalog.resolve(name), ())), None)
