"""Scorer settings from a configuration's keys, which are those of LiteLLM's `complexity_router_config`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pointsman.core.catalog import Tier
from pointsman.routing.complexity.custom import CustomDimension, CustomScoring
from pointsman.routing.complexity.settings import (
    ComplexitySettings,
    DimensionWeights,
    KeywordTierRule,
    TierBoundaries,
    TokenThresholds,
)

if TYPE_CHECKING:
    from typing import Any

_WORD_LISTS = (
    "code_keywords",
    "reasoning_keywords",
    "technical_keywords",
    "simple_keywords",
    "custom_technical_keywords",
)


def complexity_settings(given: Mapping[str, Any]) -> ComplexitySettings:
    """The settings for *given*, a checked block; what it does not name keeps LiteLLM's default.

    A block of weights that leaves some out gives those no weight, as in LiteLLM. ConfigError for patterns that could
    take long.
    """
    found: dict[str, Any] = {name: tuple(given[name]) for name in _WORD_LISTS if name in given}
    if "tier_boundaries" in given:
        found["boundaries"] = TierBoundaries(**given["tier_boundaries"])
    if "token_thresholds" in given:
        found["token_thresholds"] = TokenThresholds(**given["token_thresholds"])
    if "dimension_weights" in given:
        found["weights"] = DimensionWeights.from_names(given["dimension_weights"])
    if "reasoning_override_min_score" in given:
        found["reasoning_override_min_score"] = given["reasoning_override_min_score"]
    found["custom_dimensions"] = tuple(map(_dimension, _entries(given, "custom_dimensions")))
    found["keyword_tier_rules"] = tuple(map(_rule, _entries(given, "keyword_tier_rules")))
    return ComplexitySettings(**found)


def _entries(given: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    entries: Sequence[Mapping[str, Any]] = given.get(name, ())
    return entries


def _dimension(entry: Mapping[str, Any]) -> CustomDimension:
    return CustomDimension(
        name=entry["name"],
        weight=entry["weight"],
        keywords=tuple(entry.get("keywords", ())),
        patterns=tuple(entry.get("patterns", ())),
        scoring=CustomScoring(entry.get("scoring_mode", CustomScoring.BINARY)),
    )


def _rule(entry: Mapping[str, Any]) -> KeywordTierRule:
    return KeywordTierRule(keywords=tuple(entry["keywords"]), tier=Tier(entry["tier"]))
