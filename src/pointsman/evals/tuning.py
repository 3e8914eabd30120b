"""What there is to turn at each router that can be calibrated, on prompts whose outcomes are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pointsman.core.catalog import Tier
from pointsman.core.errors import InvalidRequest
from pointsman.evals.knobs import FREE, Boundaries, Listed
from pointsman.evals.routers import request_of
from pointsman.routing.complexity.scorer import keyword_tier, score, tier_of
from pointsman.routing.features import features_of

if TYPE_CHECKING:
    from pointsman.core.catalog import RouterCard
    from pointsman.evals.datasets import Row
    from pointsman.evals.knobs import Knob
    from pointsman.evals.ladder import Ladder
    from pointsman.evals.routers import MeasuredRouter
    from pointsman.evals.spending import Choices
    from pointsman.routing.complexity.settings import ComplexitySettings

MOST_COLUMNS = 4
_BY_PLACE = {
    2: (Tier.SIMPLE, Tier.COMPLEX),
    3: (Tier.SIMPLE, Tier.MEDIUM, Tier.REASONING),
    4: tuple(Tier),
}
_ALWAYS = -1e9

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """A knob, and which column the router chooses for each prompt as it is configured now (None: not known)."""

    knob: Knob
    in_force: Choices | None = None


def tiers_of(ladder: Ladder, router: RouterCard | None) -> tuple[tuple[Tier, ...], bool]:
    """The tier that each model of *ladder* stands for, and whether *router* says so; else it goes by their places.

    InvalidRequest for more than four models.
    """
    if len(ladder.models) > MOST_COLUMNS:
        raise InvalidRequest(
            f"There are four tiers, and the file has {len(ladder.models)} models.",
            hint="Name two to four of them, weakest first: --models small-one,large-one",
        )
    named = [Tier.parse(model) if ladder.are_tiers else _tier_in(router, model) for model in ladder.models]
    ranks = [tier.rank for tier in named if tier is not None]
    if len(ranks) == len(named) and ranks == sorted(set(ranks)):
        return tuple(tier for tier in named if tier is not None), True
    return _BY_PLACE[len(ladder.models)], False


def compat_tuning(rows: Sequence[Row], tiers: Sequence[Tier], settings: ComplexitySettings, advance: Advance) -> Tuning:
    """The boundaries of LiteLLM's score, with everything else as *settings* have it."""
    lenient = replace(settings, reasoning_override_min_score=_ALWAYS)  # tells two markers whatever the score is
    scores, fixed, climbs, now = [], [], [], []
    floor = settings.reasoning_override_min_score
    for row in rows:
        ask = features_of(request_of(row)).ask
        ruled, found = keyword_tier(ask, settings), score(ask, lenient)
        overrides = found.reasoning_override
        settled = ruled.tier if ruled is not None else None
        if settled is None and overrides and floor is not None and found.score >= floor:
            settled = Tier.REASONING
        fixed.append(FREE if settled is None else column_of(settled, tiers))
        scores.append(found.score)
        climbs.append(overrides and floor is None)
        is_over = overrides and found.score >= settings.override_floor
        now.append(settled or (Tier.REASONING if is_over else tier_of(found.score, settings.boundaries)))
        advance(1)
    knob = Boundaries(
        np.array(scores), len(tiers), fixed=np.array(fixed), climb=np.array(climbs, dtype=np.bool_), tiers=tiers
    )
    return Tuning(knob=knob, in_force=np.array([column_of(tier, tiers) for tier in now]))


def score_tuning(rows: Sequence[Row], columns: int, router: MeasuredRouter, advance: Advance) -> Tuning:
    """The boundaries of any score; no configuration has a place for them."""
    return Tuning(knob=Boundaries(np.array([one.score for one in router.answers(rows, advance)]), columns))


def listed_tuning(
    settings: Sequence[float],
    decided: Callable[[float], Sequence[Tier]],
    tiers: Sequence[Tier],
    *,
    name: str,
    in_force: float | None = None,
) -> Tuning:
    """A number that the router itself decides by: *decided* gives the tier of each prompt at one of *settings*.

    *name* is the number's place in the configuration, *in_force* what it is there.
    """

    def columns(setting: float) -> list[int]:
        return [column_of(tier, tiers) for tier in decided(setting)]

    choices = np.array([columns(setting) for setting in settings])
    now = None if in_force is None else np.array(columns(in_force))
    return Tuning(knob=Listed(settings, choices, name=name), in_force=now)


def column_of(tier: Tier, tiers: Sequence[Tier]) -> int:
    """The column that serves *tier*: its own, else that of the nearest tier under it, else the first."""
    return max(0, sum(one.rank <= tier.rank for one in tiers) - 1)


def _tier_in(router: RouterCard | None, model: str) -> Tier | None:
    """The one tier of *router* that *model* is in."""
    found = [] if router is None else [tier for tier, names in router.tiers.items() if model in names]
    return found[0] if len(found) == 1 else None
