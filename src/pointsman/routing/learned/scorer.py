"""Judges an ask: its kind of task, how hard it is, and with what chance each tier answers it well."""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, exp, log, sqrt
from typing import TYPE_CHECKING, Final

from pointsman.core.assessment import TARGET, Assessment
from pointsman.core.catalog import Tier
from pointsman.core.values import value_type
from pointsman.routing.learned.abilities import NONE
from pointsman.routing.learned.weights import DIFFICULTY, FIRST_KIND, GAIN, OUTPUT_TOKENS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pointsman.core.decision import PromptFeatures
    from pointsman.routing.learned.abilities import Shifts
    from pointsman.routing.learned.weights import Weights

_LOGIT: Final = log(TARGET / (1 - TARGET))
MAX_TOKENS: Final = 32_768
_TIERS: Final = tuple(Tier)
_ROOT_OF_TWO: Final = sqrt(2.0)
_TOP_STEP: Final = 1.3  # the ability of the highest tier above that of the third, in steps between the cuts


@value_type
class Judged:
    """An assessment, the tier that follows at a target, and how sure that is."""

    assessment: Assessment
    tier: Tier
    score: float  # 0..1: how much a strong model is expected to gain over a small one, as a share of all prompts
    confidence: float  # 0..1: the chance that this is the tier, less for what is unlike all learned from


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """The trained classifier at work. `target` is the chance of a good answer asked of a tier (0..1)."""

    weights: Weights
    target: float = TARGET

    def judge(self, features: PromptFeatures, shifts: Callable[[str], Shifts] | None = None) -> Judged:
        """The judgement of the ask in *features*; *shifts* gives each tier's ability beside the usual, by kind."""
        weights = self.weights
        bag = weights.vocabulary.bag(
            features.ask, tools=features.n_tools, turns=features.turns, in_loop=features.in_tool_loop
        )
        heads = weights.heads(bag).tolist()
        of_kinds = heads[FIRST_KIND:]
        kind = weights.kinds[of_kinds.index(max(of_kinds))]
        difficulty = heads[DIFFICULTY]
        moved = NONE if shifts is None else shifts(kind)
        chances = self.chances(difficulty, moved)
        tier = self.tier_of(chances)
        familiarity = weights.familiarity(bag)
        return Judged(
            assessment=Assessment(
                kind=kind,
                difficulty=round(difficulty, 3),
                chances=chances,
                output_tokens=int(min(MAX_TOKENS, max(1.0, exp(min(heads[OUTPUT_TOKENS], 12.0))))),
                familiarity=round(familiarity, 3),
            ),
            tier=tier,
            score=round(_below(heads[GAIN]), 5),
            confidence=round(self._sureness(difficulty, moved, tier) * familiarity, 3),
        )

    def tier_of(self, chances: tuple[float, float, float, float]) -> Tier:
        """The lowest tier that is likely enough to do it well; the highest where none is."""
        for tier, chance in zip(_TIERS, chances, strict=True):
            if chance >= self.target:
                return tier
        return _TIERS[-1]

    def chances(self, difficulty: float, shifts: Shifts = NONE) -> tuple[float, float, float, float]:
        """Of a good answer, by tier: 1 / (1 + exp(-slope · (ability + shift - difficulty))).

        A tier's ability is such that at the cut to the next its chance is TARGET, so a higher target moves every cut
        down by the same difficulty.
        """
        first, second, third = self.weights.cuts
        top = third + _TOP_STEP * (third - first) / 2
        slope = self.weights.slope
        at = _LOGIT / slope - difficulty
        one, two, three, four = shifts
        return (
            _chance(slope * (first + one + at)),
            _chance(slope * (second + two + at)),
            _chance(slope * (third + three + at)),
            _chance(slope * (top + four + at)),
        )

    def chance(self, tier: Tier, difficulty: float, shift: float) -> float:
        """Of a good answer of a model in *tier* that is so much abler than usual: see `chances`."""
        cuts, slope = self.weights.cuts, self.weights.slope
        ability = cuts[tier.rank] if tier.rank < len(cuts) else cuts[2] + _TOP_STEP * (cuts[2] - cuts[0]) / 2
        return _chance(slope * (ability + shift + _LOGIT / slope - difficulty))

    def _sureness(self, difficulty: float, shifts: Shifts, tier: Tier) -> float:
        """The chance that the true difficulty lies within *tier*, by the normal law of the classifier's noise."""
        rank, cuts, noise = tier.rank, self.weights.cuts, self.weights.noise
        moved = (_LOGIT - log(self.target / (1 - self.target))) / self.weights.slope - difficulty
        lower = _below((cuts[rank - 1] + shifts[rank - 1] + moved) / noise) if rank else 0.0
        upper = _below((cuts[rank] + shifts[rank] + moved) / noise) if rank < len(cuts) else 1.0
        return max(0.0, upper - lower)


def _chance(logit: float) -> float:
    return round(1.0 / (1.0 + exp(-max(-30.0, min(30.0, logit)))), 4)


def _below(deviations: float) -> float:
    """The normal distribution function: 0.5 at 0, 0.841 at 1."""
    return 0.5 * (1.0 + erf(deviations / _ROOT_OF_TWO))
