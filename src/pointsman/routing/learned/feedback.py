"""Learning from use: what a verdict on an answer says of the ability of the model that gave it, and of its tier.

A verdict is one observation whether a model did well at a task of known difficulty. The chance of that is
1 / (1 + exp(-slope · (margin + shift))); the *shift* is what is not known. It is the sum of what the models of a tier
have in common and of the model's own, each with a normal prior around 0:

    shift = tier + own,  tier ~ N(0, TIER),  own ~ N(0, OWN),  TIER = OWN = 0.18, so that shift ~ N(0, 0.6²)

So a verdict on one model says half as much of the others of its tier. Each verdict is one Newton step to the new mode
(the Laplace approximation), kept as the sums of a normal observation of the model's shift; from all models' sums the
normal law gives everybody's shift in closed form, whatever the order. What was learned fades. Knows no storage.
"""

from __future__ import annotations

from enum import StrEnum
from math import exp
from typing import TYPE_CHECKING, Final

from pointsman.core.catalog import Tier
from pointsman.core.values import value_type
from pointsman.routing.learned.abilities import Learnt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PRIOR_DEVIATION: Final = 0.6
"""How far models' abilities are from the usual before anything is known: steps of difficulty."""
SHARED: Final = 0.5
"""The share of that variance that the models of a tier have in common."""
MOST_LEARNED: Final = 2.0
"""No caller's shift goes further than this either way."""
ANY_MODEL: Final = ""
"""Stands for a model of the tier that is not known: what it teaches is the tier's."""
HALF_LIFE_DAYS: Final = 30.0
KEPT_HALF_LIVES: Final = 6
"""A verdict can be taken back for so long; less than two hundredths of it count by then."""
DAY_S: Final = 86_400.0

_PRIOR: Final = 1 / PRIOR_DEVIATION**2
_TIER: Final = SHARED * PRIOR_DEVIATION**2
_OWN: Final = (1 - SHARED) * PRIOR_DEVIATION**2
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
    """What was to be done. `margin` is the model's ability over the difficulty, in steps, without what was learned."""

    kind: str
    tier: Tier
    margin: float
    slope: float
    model: str = ANY_MODEL  # its name


@value_type
class Belief:
    """What the verdicts on one model say of its shift: a normal observation of mean pull / information.

    Both are sums, so a verdict can be taken back.
    """

    pull: float = 0.0
    information: float = 0.0  # that of all verdicts together; of the prior alone it is 2.8
    at_s: float = 0.0  # seconds since the epoch, when both were so
    verdicts: int = 0


Beliefs = dict[str, Belief]
"""Those of the models of one tier at one kind of task, by name."""


@value_type
class Standing:
    """One shift as far as known, in steps of difficulty: within MOST_LEARNED, and how unsure it is."""

    shift: float
    deviation: float  # PRIOR_DEVIATION before the first verdict
    verdicts: int = 0


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


def standing(beliefs: Mapping[str, Belief], model: str) -> Standing:
    """What *beliefs* about a tier's models say of one of them, or of ANY_MODEL: of those they do not name.

    With H and I the pull and information of each model, and those of ANY_MODEL counted for the tier itself:

        tier  = Σ H / (1 + OWN · I)  /  (1 / TIER + Σ I / (1 + OWN · I))
        shift = (tier / OWN + H) / (1 / OWN + I)

    One verdict, H = -0.9 and I = 0.27: tier = -0.148, the model's shift -0.295; another model's is the tier's.
    """
    pull, precision = 0.0, 1 / _TIER
    for name, belief in beliefs.items():
        discount = 1.0 if name == ANY_MODEL else 1.0 + _OWN * belief.information
        pull += belief.pull / discount
        precision += belief.information / discount
    tier, variance = pull / precision, 1 / precision
    own = beliefs.get(model)
    if model == ANY_MODEL or own is None:
        verdicts = own.verdicts if own is not None else 0
        return Standing(shift=_bounded(tier), deviation=float((variance + _OWN) ** 0.5), verdicts=verdicts)
    sureness = 1 / _OWN + own.information
    kept = 1 / _OWN / sureness
    return Standing(
        shift=_bounded(tier * kept + own.pull / sureness),
        deviation=float((1 / sureness + kept**2 * variance) ** 0.5),
        verdicts=own.verdicts,
    )


def learned(
    beliefs: Mapping[str, Belief], task: Task, verdict: Verdict, now_s: float, half_life_days: float = HALF_LIFE_DAYS
) -> tuple[Belief, Lesson]:
    """What is believed of the task's model after *verdict*, beside the other *beliefs*; and what the verdict added.

    With g = weight · slope · (y - p) and i = weight · slope² · p (1 - p) at the shift m believed before, it is a normal
    observation of information i and pull i · m + g: m goes to m + g / (precision + i).
    A first "down" where the chance is 0.75: i = 0.27, g = -0.9, so m = -0.9 / (2.78 + 0.27) = -0.30.
    """
    current = {name: faded(belief, now_s, half_life_days) for name, belief in beliefs.items()}
    before = current.get(task.model, faded(NOTHING, now_s, half_life_days))
    shift = standing(current, task.model).shift
    weight, did_well = _WEIGHTS[verdict], verdict is Verdict.UP
    logit = task.slope * (task.margin + shift)
    chance = 1.0 / (1.0 + exp(-max(-_STEEPEST, min(_STEEPEST, logit))))
    gradient = weight * task.slope * (did_well - chance)
    gained = weight * task.slope**2 * chance * (1.0 - chance)
    information = before.information + gained
    pull = _bounded_pull(before.pull + gained * shift + gradient, information)
    after = Belief(pull=pull, information=information, at_s=before.at_s, verdicts=before.verdicts + 1)
    return after, Lesson(pull=after.pull - before.pull, information=gained, at_s=before.at_s)


def unlearned(belief: Belief, lesson: Lesson, now_s: float, half_life_days: float = HALF_LIFE_DAYS) -> Belief:
    """*belief* without what *lesson* added, as far as that has not faded; within the bounds."""
    before = faded(belief, now_s, half_life_days)
    kept = _kept(lesson.at_s, before.at_s, half_life_days)
    information = max(0.0, before.information - lesson.information * kept)
    return Belief(
        pull=_bounded_pull(before.pull - lesson.pull * kept, information),
        information=information,
        at_s=before.at_s,
        verdicts=max(0, before.verdicts - 1),
    )


def shifts(beliefs: Iterable[tuple[str, Tier, str, Belief]]) -> Mapping[str, Learnt]:
    """One caller's *beliefs* (of a kind, a tier, a model) as shifts, by kind of task."""
    by_kind: dict[str, dict[Tier, Beliefs]] = {}
    for kind, tier, model, belief in beliefs:
        by_kind.setdefault(kind, {}).setdefault(tier, {})[model] = belief
    found = {}
    for kind, tiers in by_kind.items():
        first, second, third, fourth = (round(standing(tiers.get(tier, {}), ANY_MODEL).shift, 4) for tier in Tier)
        models = {
            (tier, model): round(standing(known, model).shift, 4)
            for tier, known in tiers.items()
            for model in known
            if model != ANY_MODEL
        }
        found[kind] = Learnt(models=models, others=(first, second, third, fourth))
    return found


def _bounded(shift: float) -> float:
    return max(-MOST_LEARNED, min(MOST_LEARNED, shift))


def _bounded_pull(pull: float, information: float) -> float:
    """*pull* such that the model alone stays within the bounds: what comes next is felt at once."""
    most = MOST_LEARNED * (_PRIOR + information)
    return max(-most, min(most, pull))


def _kept(from_s: float, now_s: float, half_life_days: float) -> float:
    """The share of what was learned at *from_s* that still counts."""
    return float(0.5 ** (max(0.0, now_s - from_s) / (half_life_days * DAY_S)))
