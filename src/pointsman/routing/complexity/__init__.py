"""LiteLLM's complexity score, written anew: the same number and tier for the same text (`scorer: litellm-compat`).

score(text, ComplexitySettings())  ->  ComplexityScore(score, tier, contributions, reasoning_override)
"""

from pointsman.routing.complexity.contribution import Contribution, Dimension
from pointsman.routing.complexity.custom import CustomDimension, CustomScoring
from pointsman.routing.complexity.scorer import (
    ComplexityScore,
    KeywordTier,
    keyword_tier,
    score,
    tier_of,
)
from pointsman.routing.complexity.settings import (
    ComplexitySettings,
    DimensionWeights,
    KeywordTierRule,
    TierBoundaries,
    TokenThresholds,
)

__all__ = [
    "ComplexityScore",
    "ComplexitySettings",
    "Contribution",
    "CustomDimension",
    "CustomScoring",
    "Dimension",
    "DimensionWeights",
    "KeywordTier",
    "KeywordTierRule",
    "TierBoundaries",
    "TokenThresholds",
    "keyword_tier",
    "score",
    "tier_of",
]
