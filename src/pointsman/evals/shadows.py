"""Copies of requests added up: how often another model would have said the same, and what it would have cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from pointsman.core.shadow import CopyEnd, Likeness
from pointsman.routing.agents.profile import wilson_low

if TYPE_CHECKING:
    from pointsman.core.jsontypes import JsonObject
    from pointsman.core.shadow import Copy

TELLING: Final = (Likeness.AGREES, Likeness.DIFFERS, Likeness.WORSE, Likeness.BETTER)
"""The verdicts that say anything; the share that agrees is of these."""
NORMAL_95: Final = 1.959964
"""Standard deviations to either side of the mean that hold 95 % of a normal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Copies of what one model served, at another model; of one tier and one kind of task, or of all.

    Costs in US dollars are of the answered copies whose price is known on both sides (`priced`).
    """

    served: str
    shadow: str
    tier: str | None
    kind: str | None
    copies: int
    answered: int
    ends: Mapping[str, int]
    verdicts: Mapping[str, int]
    judged: int  # copies whose verdict says anything
    priced: int
    served_usd: float
    shadow_usd: float
    served_ms: float | None  # median
    shadow_ms: float | None

    @property
    def agree_share(self) -> float | None:
        """The share of those that tell which agrees; None of nothing."""
        return self.verdicts.get(Likeness.AGREES, 0) / self.judged if self.judged else None

    @property
    def agree_interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval of that share. 8 of 10: 0.490 to 0.943."""
        if not self.judged:
            return None
        agreed = self.verdicts.get(Likeness.AGREES, 0)
        differ = self.judged - agreed
        return wilson_low(agreed, self.judged, NORMAL_95), 1.0 - wilson_low(differ, self.judged, NORMAL_95)

    @property
    def saved_usd(self) -> float | None:
        """What would have been saved had the other model answered these; below 0 it is the dearer one."""
        return self.served_usd - self.shadow_usd if self.priced else None

    def to_json(self) -> JsonObject:
        """All of it."""
        interval = self.agree_interval
        return {
            **asdict(self),
            "agree_share": _rounded(self.agree_share),
            "agree_low": _rounded(interval[0]) if interval is not None else None,
            "agree_high": _rounded(interval[1]) if interval is not None else None,
            "would_have_saved_usd": self.saved_usd,
        }


def pairs(copies: Iterable[Copy]) -> Sequence[Group]:
    """One group for each pair of models, the one with the most copies first."""
    return _grouped(copies, lambda copy: (copy.served.model, copy.shadow.model, None, None))


def groups(copies: Iterable[Copy]) -> Sequence[Group]:
    """One group for each pair of models, tier and kind of task, likewise."""
    return _grouped(copies, lambda copy: (copy.served.model, copy.shadow.model, copy.tier, copy.kind))


_Key = tuple[str, str, str | None, str | None]


def _grouped(copies: Iterable[Copy], key_of: Callable[[Copy], _Key]) -> Sequence[Group]:
    found: dict[_Key, list[Copy]] = {}
    for copy in copies:
        found.setdefault(key_of(copy), []).append(copy)
    made = [_group(key, members) for key, members in found.items()]
    return sorted(made, key=lambda one: (-one.copies, one.served, one.shadow, one.tier or "", one.kind or ""))


def _group(key: _Key, members: Sequence[Copy]) -> Group:
    answered = [one for one in members if one.end is CopyEnd.ANSWERED]
    verdicts = Counter(one.comparison.likeness.value for one in answered if one.comparison is not None)
    costs = [(one.served.cost_usd, one.shadow.cost_usd) for one in answered]
    priced = [(served, shadow) for served, shadow in costs if served is not None and shadow is not None]
    served, shadow, tier, kind = key
    return Group(
        served=served,
        shadow=shadow,
        tier=tier,
        kind=kind,
        copies=len(members),
        answered=len(answered),
        ends=dict(Counter(one.end.value for one in members)),
        verdicts=dict(verdicts),
        judged=sum(verdicts[one] for one in TELLING),
        priced=len(priced),
        served_usd=sum(served for served, _ in priced),
        shadow_usd=sum(shadow for _, shadow in priced),
        served_ms=median(one.served.took_ms for one in answered) if answered else None,
        shadow_ms=median(one.shadow.took_ms for one in answered) if answered else None,
    )


def _rounded(share: float | None) -> float | None:
    return round(share, 4) if share is not None else None
