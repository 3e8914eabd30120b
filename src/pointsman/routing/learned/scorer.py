"""Judges an ask: its kind of task, how hard it is, and with what chance each tier answers it well."""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, exp, log, sqrt
from typing import TYPE_CHECKING, Final

from pointsman.core.assessment import Assessment
from pointsman.core.catalog import Tier
from pointsman.core.values import value_type
from pointsman.routing.learned.weights import DIFFICULTY, FIRST_KIND, GAIN, OUTPUT_TOKENS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.core.decision import PromptFeatures
    from pointsman.routing.learned.weights import Weights

TARGET: Final = 0.7
"""The chance of a good answer that is asked of a tier, where nothing else is configured."""

MAX_TOKENS: Final = 32_768
_TIERS: Final = tuple(Tier)
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

    def judge(self, features: PromptFeatures, shifts: Mapping[str, float] | None = None) -> Judged:
        """The judgement of the ask in *features*; *shifts* are abilities (logits) gained or lost by kind of task."""
        weights = self.weights
        bag = weights.vocabulary.bag(
            features.ask, tools=features.n_tools, turns=features.turns, in_loop=features.in_tool_loop
        )
        heads = weights.heads(bag).tolist()
        of_kinds = heads[FIRST_KIND:]
        kind = weights.kinds[of_kinds.index(max(of_kinds))]
        difficulty = heads[DIFFICULTY]
        shift = 0.0 if shifts is None else shifts.get(kind, 0.0)
        chances = self.chances(difficulty, shift)
        familiarity = weights.familiarity(bag)
        tier = next((tier for tier, chance in zip(_TIERS, chances, strict=True) if chance >= self.target), _TIERS[-1])
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
            confidence=round(self._sureness(difficulty - shift, tier) * familiarity, 3),
        )

    def chances(self, difficulty: float, shift: float = 0.0) -> tuple[float, float, float, float]:
        """Of a good answer, by tier: 1 / (1 + exp(-slope · (ability + shift - difficulty))).

        A tier's ability is such that at the cut to the next its chance is TARGET, so a higher target moves every cut
        down by the same difficulty.
        """
        slope = self.weights.slope
        first, second, third = self.weights.cuts
        at = log(TARGET / (1 - TARGET)) / slope + shift - difficulty
        top = third + _TOP_STEP * (third - first) / 2
        return (
            _chance(slope * (first + at)),
            _chance(slope * (second + at)),
            _chance(slope * (third + at)),
            _chance(slope * (top + at)),
        )

    def _sureness(self, difficulty: float, tier: Tier) -> float:
        """The chance that the true difficulty lies within *tier*, by the normal law of the classifier's noise."""
        moved = (log(TARGET / (1 - TARGET)) - log(self.target / (1 - self.target))) / self.weights.slope
        edges = [-_INFINITY, *(cut + moved for cut in self.weights.cuts), _INFINITY]
        noise = self.weights.noise
        return _below((edges[tier.rank + 1] - difficulty) / noise) - _below((edges[tier.rank] - difficulty) / noise)


_INFINITY: Final = 1e9


def _chance(logit: float) -> float:
    return round(1.0 / (1.0 + exp(-max(-30.0, min(30.0, logit)))), 4)


def _below(deviations: float) -> float:
    """The normal distribution function: 0.5 at 0, 0.841 at 1."""
    return 0.5 * (1.0 + erf(deviations / sqrt(2.0)))
