"""A configuration's block becomes the scorer's settings; what it leaves out keeps LiteLLM's default."""

from __future__ import annotations

import pytest

from pointsman.core.catalog import Tier
from pointsman.core.errors import ConfigError
from pointsman.routing.complexity import (
    ComplexitySettings,
    CustomDimension,
    CustomScoring,
    DimensionWeights,
    KeywordTierRule,
    TierBoundaries,
    TokenThresholds,
)
from pointsman.routing.complexity.configured import complexity_settings


def test_an_empty_block_is_all_defaults() -> None:
    """As in LiteLLM."""
    assert complexity_settings({}) == ComplexitySettings()


def test_every_key_has_its_place() -> None:
    """Words, numbers, dimensions of one's own and rules."""
    given = {
        "code_keywords": ["fn"],
        "reasoning_keywords": ["why"],
        "technical_keywords": ["kernel"],
        "simple_keywords": ["hi"],
        "custom_technical_keywords": ["zig"],
        "tier_boundaries": {"simple_medium": 0.1, "medium_complex": 0.2, "complex_reasoning": 0.3},
        "token_thresholds": {"simple": 5, "complex": 50},
        "dimension_weights": {"codePresence": 0.9},
        "reasoning_override_min_score": 0.0,
        "custom_dimensions": [
            {"name": "law", "weight": 0.2, "keywords": ["court"]},
            {"name": "ids", "weight": 0.1, "patterns": ["[0-9]{3}"], "scoring_mode": "match_count"},
        ],
        "keyword_tier_rules": [{"keywords": ["deploy"], "tier": "reasoning"}],
    }
    assert complexity_settings(given) == ComplexitySettings(
        code_keywords=("fn",),
        reasoning_keywords=("why",),
        technical_keywords=("kernel",),
        simple_keywords=("hi",),
        custom_technical_keywords=("zig",),
        boundaries=TierBoundaries(simple_medium=0.1, medium_complex=0.2, complex_reasoning=0.3),
        token_thresholds=TokenThresholds(simple=5, complex=50),
        weights=DimensionWeights(
            token_count=0,
            code_presence=0.9,
            reasoning_markers=0,
            technical_terms=0,
            simple_indicators=0,
            multi_step_patterns=0,
            question_complexity=0,
        ),
        reasoning_override_min_score=0.0,
        custom_dimensions=(
            CustomDimension(name="law", weight=0.2, keywords=("court",)),
            CustomDimension(name="ids", weight=0.1, patterns=("[0-9]{3}",), scoring=CustomScoring.MATCH_COUNT),
        ),
        keyword_tier_rules=(KeywordTierRule(keywords=("deploy",), tier=Tier.REASONING),),
    )


def test_a_pattern_that_could_take_long_is_refused() -> None:
    """When it is read, not when a prompt comes."""
    with pytest.raises(ConfigError, match="slow"):
        complexity_settings({"custom_dimensions": [{"name": "slow", "weight": 0.1, "patterns": ["(a+)+$"]}]})
