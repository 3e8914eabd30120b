"""The settings that decide which model: tiers, the scorer's numbers and words, further routers.

The scorer's names are those of LiteLLM's `complexity_router_config`, so that one file means the same in both.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, WithJsonSchema, model_validator

from pointsman.config.field_types import Name, Names, Number, Section, TierName, Tokens
from pointsman.core.catalog import Tier

Dimension = Literal[
    "tokenCount",
    "codePresence",
    "reasoningMarkers",
    "technicalTerms",
    "simpleIndicators",
    "multiStepPatterns",
    "questionComplexity",
]
Tiers = Annotated[
    dict[TierName, Names],
    WithJsonSchema(
        {
            "type": "object",
            "properties": {
                name: {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
                for name in (*Tier, "small", "large", "frontier")
            },
            "additionalProperties": False,
        }
    ),
]


class TierBoundaries(Section):
    """The score at which each next tier begins."""

    simple_medium: Number = Field(default=0.15, description="From here on: medium.")
    medium_complex: Number = Field(default=0.35, description="From here on: complex.")
    complex_reasoning: Number = Field(default=0.60, description="From here on: reasoning.")

    @model_validator(mode="after")
    def _rise(self) -> Self:
        if not self.simple_medium <= self.medium_complex <= self.complex_reasoning:
            raise ValueError("the boundaries should rise: simple_medium, medium_complex, complex_reasoning")
        return self


class TokenThresholds(Section):
    """Which prompts count as short and as long, in estimated tokens."""

    simple: Annotated[int, Field(ge=0)] = Field(default=15, description="Fewer is short.")
    complex: Tokens = Field(default=400, description="More is long.")


class CustomDimension(Section):
    """A dimension of one's own."""

    name: Name = Field(description="Its name in explanations.")
    weight: float = Field(ge=0, le=1, description="How much it adds to the score.")
    keywords: Names = Field(default=[], description="Words to look for.")
    patterns: Names = Field(default=[], description="Regular expressions to look for.")
    scoring_mode: Literal["binary", "match_count"] = Field(default="binary", description="Whether matches are counted.")


class KeywordTierRule(Section):
    """Words that settle the tier before anything is scored."""

    keywords: Names = Field(description="Any of these.")
    tier: TierName = Field(description="The tier they mean.")


class RouterSettings(Section):
    """A name that means "choose for me", and how it chooses."""

    tiers: Tiers = Field(
        default={}, description="The models of each tier, besides those that name their tier themselves."
    )
    default_tier: TierName | None = Field(default=None, description="The tier when nothing else decides.")
    default_model: Name | None = Field(default=None, description="The model when no tier has one.")
    scorer: Literal["litellm-compat"] = Field(default="litellm-compat", description="How a prompt is scored.")
    tier_boundaries: TierBoundaries | None = Field(default=None, description="Where each next tier begins.")
    token_thresholds: TokenThresholds | None = Field(default=None, description="Which prompts are short and long.")
    dimension_weights: dict[Dimension, Number] | None = Field(
        default=None, description="What each dimension adds; one that is not named then weighs nothing."
    )
    code_keywords: Names | None = Field(default=None, description="Words that show code.")
    reasoning_keywords: Names | None = Field(default=None, description="Words that ask for reasoning.")
    technical_keywords: Names | None = Field(default=None, description="Technical terms.")
    simple_keywords: Names | None = Field(default=None, description="Words of simple requests.")
    custom_technical_keywords: Names | None = Field(default=None, description="Technical terms besides the usual ones.")
    reasoning_override_min_score: Number | None = Field(
        default=None, description="The score from which two reasoning words mean the reasoning tier."
    )
    custom_dimensions: list[CustomDimension] | None = Field(
        default=None, max_length=16, description="Dimensions of your own."
    )
    keyword_tier_rules: list[KeywordTierRule] | None = Field(default=None, description="Words that settle the tier.")


class RoutingSettings(RouterSettings):
    """How `auto` chooses."""

    enabled: bool = Field(default=True, description="False: no routing and no fallback, only the standard model.")
    routers: dict[Name, RouterSettings] = Field(
        default={}, description="Further names that choose, each in its own way."
    )


SCORER_KEYS = (
    "tier_boundaries",
    "token_thresholds",
    "dimension_weights",
    "code_keywords",
    "reasoning_keywords",
    "technical_keywords",
    "simple_keywords",
    "custom_technical_keywords",
    "reasoning_override_min_score",
    "custom_dimensions",
    "keyword_tier_rules",
)
