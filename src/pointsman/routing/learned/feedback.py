"""Learning from use: what a verdict on an answer says of the ability of the tier that gave it.

A verdict is one observation whether a tier's models did well at a task of known difficulty. The chance of that is
1 / (1 + exp(-slope · (margin + shift))); the *shift* is what is not known, with a normal prior around 0. Each verdict
is one Newton step to the new mode (the Laplace approximation), and what was learned fades. Knows no storage.
"""

from __future__ import annotations

from enum import StrEnum
from math import exp
from typing import TYPE_CHECKING, Final

from pointsman.core.values import value_type
from pointsman.routing.learned.abilities import NONE, Shifts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pointsman.core.catalog import Tier

PRIOR_DEVIATION: Final = 0.6
"""How far tiers' abilities differ between callers before anything is known: steps of difficulty."""
MOST_LEARNED: Final = 2.0
"""No caller's shift goes further than this either way."""
HALF_LIFE_DAYS: Final = 30.0
KEPT_HALF_LIVES: Final = 6
"""A verdict can be taken back for so long; less than two hundredths of it count by then."""
DAY_S: Final = 86_400.0

_PRIOR: Final = 1 / PRIOR_DEVIATION**2
_STEEPEST: Final = 30.0


class Verdict(StrEnum):
    """What was said of an answer, by a person or by what happened next."""

    UP = "up"
    DOWN = "down"
    TIER_UP = "tier_up"  # a person wants the next tier for this
    REGENERATED = "regenerated"  # the same was asked again
    ESCALATED = "escalated"  # an agent's answer could not be used, and the next tier was asked


_WEIGHTS: Final[Mapping[Verdict, float]] = {
    Verdict.UP: 1.0,
    Verdict.DOWN: 1.0,
    Verdict.TIER_UP: 1.0,
    Verdict.REGENERATED: 0.5,  # people also ask again out of curiosity
    Verdict.ESCALATED: 0.75,  # a sign is sometimes wrong
}


@value_type
class Task:
    """What was to be done. `margin` is the tier's ability over the difficulty, in steps, without what was learned."""

    kind: str
    tier: Tier
    margin: float
    slope: float


@value_type
class Belief:
    """One shift as far as known: mean = pull / (prior + information). Both are sums: a verdict can be taken back."""

    pull: float = 0.0
    information: float = 0.0  # that of all verdicts together; of the prior alone it is 2.8
    at_s: float = 0.0  # seconds since the epoch, when both were so
    verdicts: int = 0

    @property
    def shift(self) -> float:
        """The mean, in steps of difficulty: within MOST_LEARNED."""
        return max(-MOST_LEARNED, min(MOST_LEARNED, self.pull / (_PRIOR + self.information)))

    @property
    def deviation(self) -> float:
        """How unsure the shift is, in steps: PRIOR_DEVIATION before the first verdict."""
        return float((_PRIOR + self.information) ** -0.5)


NOTHING: Final = Belief()


@value_type
class Remark:
    """One verdict on one answer, as it is kept: no text is in it. `at_s` is seconds since the epoch."""

    decision_id: str
    key_id: str | None  # whose answer it was
    verdict: Verdict
    at_s: float
    task: Task | None = None  # None: the answer's tier was not a classifier's choice, so nothing is learned
    is_sign: bool = False  # nobody said it: it gives way to what a person says


@value_type
class Lesson:
    """What one verdict added to a belief, to take it back by when another takes its place."""

    pull: float
    information: float
    at_s: float


def faded(belief: Belief, now_s: float, half_life_days: float = HALF_LIFE_DAYS) -> Belief:
    """*belief* at *now_s*: half of the evidence counts after each half-life. A clock set back adds none."""
    kept = _kept(belief.at_s, now_s, half_life_days)
    return Belief(
        pull=belief.pull * kept,
        information=belief.information * kept,
        at_s=max(now_s, belief.at_s),
        verdicts=belief.verdicts,
    )


def learned(
    belief: Belief, task: Task, verdict: Verdict, now_s: float, half_life_days: float = HALF_LIFE_DAYS
) -> tuple[Belief, Lesson]:
    """*belief* after *verdict* on that *task*, and what the verdict added.

    With g = weight · slope · (y - p) and i = weight · slope² · p (1 - p), the mean m goes to m + g / (precision + i).
    A first "down" where the chance is 0.75: i = 0.27, g = -0.9, so m = -0.9 / (2.78 + 0.27) = -0.30.
    """
    before = faded(belief, now_s, half_life_days)
    weight, did_well = _WEIGHTS[verdict], verdict is Verdict.UP
    logit = task.slope * (task.margin + before.shift)
    chance = 1.0 / (1.0 + exp(-max(-_STEEPEST, min(_STEEPEST, logit))))
    gradient = weight * task.slope * (did_well - chance)
    gained = weight * task.slope**2 * chance * (1.0 - chance)
    information = before.information + gained
    precision = _PRIOR + information
    # The mode goes from `shift` by one step, and the sums are kept such that they give it.
    mean = max(-MOST_LEARNED, min(MOST_LEARNED, before.shift + gradient / precision))
    after = Belief(pull=mean * precision, information=information, at_s=before.at_s, verdicts=before.verdicts + 1)
    return after, Lesson(pull=after.pull - before.pull, information=gained, at_s=before.at_s)


def unlearned(belief: Belief, lesson: Lesson, now_s: float, half_life_days: float = HALF_LIFE_DAYS) -> Belief:
    """*belief* without what *lesson* added, as far as that has not faded; within the bounds."""
    before = faded(belief, now_s, half_life_days)
    kept = _kept(lesson.at_s, before.at_s, half_life_days)
    information = max(0.0, before.information - lesson.information * kept)
    most = MOST_LEARNED * (_PRIOR + information)
    return Belief(
        pull=max(-most, min(most, before.pull - lesson.pull * kept)),
        information=information,
        at_s=before.at_s,
        verdicts=max(0, before.verdicts - 1),
    )


def shifts(beliefs: Iterable[tuple[str, Tier, Belief]]) -> Mapping[str, Shifts]:
    """One caller's *beliefs* as shifts of each tier, by kind of task."""
    found: dict[str, Shifts] = {}
    for kind, tier, belief in beliefs:
        by_tier = list(found.get(kind, NONE))
        by_tier[tier.rank] = round(belief.shift, 4)
        first, second, third, fourth = by_tier
        found[kind] = (first, second, third, fourth)
    return found


def _kept(from_s: float, now_s: float, half_life_days: float) -> float:
    """The share of what was learned at *from_s* that still counts."""
    return float(0.5 ** (max(0.0, now_s - from_s) / (half_life_days * DAY_S)))
