"""The settings that decide which model: tiers, the scorer's numbers and words, further routers.

The scorer's names are those of LiteLLM's `complexity_router_config`, so that one file means the same in both.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, WithJsonSchema, model_validator

from pointsman.config.field_types import Name, Names, Number, Section, TierName, Tokens
from pointsman.core.assessment import TARGET
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


JUDGES = ("local-judge", "hybrid")
"""Scorers that ask the local judge; there is one, and it is that of `auto`."""


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


class Unsure(Section):
    """What to do where the classifier's confidence is low."""

    below: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.25, description="The confidence from which on its guess stands."
    )
    then: Literal["best-guess", "one-up"] | TierName = Field(
        default="one-up", description="One tier up, a stated tier, or the best guess all the same."
    )


class RouterSettings(Section):
    """A name that means "choose for me", and how it chooses."""

    tiers: Tiers = Field(
        default={}, description="The models of each tier, besides those that name their tier themselves."
    )
    default_tier: TierName | None = Field(default=None, description="The tier when nothing else decides.")
    default_model: Name | None = Field(default=None, description="The model when no tier has one.")
    scorer: Literal["learned", "litellm-compat", "local-judge", "hybrid"] | None = Field(
        default=None,
        description="How a prompt is classified. `learned`: by the trained classifier, and so it is if nothing is "
        "said; `litellm-compat`: by LiteLLM's score, and so it is where a key of that score is set; `local-judge`: by "
        "a local model (see `classifier`); `hybrid`: by that model where the trained classifier is unsure.",
    )
    target: Annotated[float, Field(gt=0.02, lt=0.98)] | Literal["economy", "balanced", "quality"] = Field(
        default="balanced",
        description="The chance of a good answer that is asked of a tier; the cheapest that reaches it is taken. "
        "`economy` is 0.55, `balanced` 0.7, `quality` 0.85. `pointsman calibrate` finds one for a budget.",
    )
    unsure: Unsure = Field(default=Unsure(), description="What to do where the trained classifier is not sure.")
    floors: dict[Name, TierName] = Field(
        default={},
        description="The lowest tier for a kind of task, over what is shipped: `tools` medium; `agents`, "
        "`refactoring`, `long-writing`, `research` and `long-context` reasoning. `simple` is as good as none.",
    )
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
    weights: Name | None = Field(
        default=None, description="A file of weights made by `pointsman train`, instead of the shipped."
    )
    routers: dict[Name, RouterSettings] = Field(
        default={}, description="Further names that choose, each in its own way."
    )

    @model_validator(mode="after")
    def _has_one_judge(self) -> Self:
        for name, router in self.routers.items():
            if router.scorer in JUDGES:
                raise ValueError(f"`routers.{name}.scorer` cannot be {router.scorer!r}: only `auto` has a local judge")
        return self


COMPAT = "litellm-compat"
TARGETS = {"economy": 0.55, "balanced": TARGET, "quality": 0.85}
"""The chance of a good answer that each word asks for."""

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


def scorer_of(router: RouterSettings) -> str:
    """How *router* classifies: as said, else by LiteLLM's score where one of its keys is set, else as learned."""
    if router.scorer is not None:
        return router.scorer
    return COMPAT if router.model_dump(include=set(SCORER_KEYS), exclude_none=True) else "learned"


def target_of(router: RouterSettings) -> float:
    """The chance of a good answer that *router* asks of a tier, 0..1."""
    return TARGETS[router.target] if isinstance(router.target, str) else router.target
