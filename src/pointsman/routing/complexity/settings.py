"""What the complexity scorer can be told: weights, boundaries, thresholds, words, own dimensions, keyword rules.

Names and defaults are those of LiteLLM's `complexity_router_config`, so that one file means the same in both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from pointsman.core.errors import ConfigError
from pointsman.routing.complexity import vocabulary
from pointsman.routing.complexity.contribution import Contribution, Dimension
from pointsman.routing.complexity.custom import CustomDimension, CustomMatchers
from pointsman.routing.complexity.lexicon import Lexicon
from pointsman.routing.complexity.lexicon import Lexicons as BuiltIn
from pointsman.routing.complexity.pattern_cost import MAX_TOTAL_WORK, pattern_work

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.core.catalog import Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionWeights:
    """How much each dimension's value (-1..1) adds to the score."""

    token_count: float = 0.10
    code_presence: float = 0.30
    reasoning_markers: float = 0.25
    technical_terms: float = 0.25
    simple_indicators: float = 0.05
    multi_step_patterns: float = 0.03
    question_complexity: float = 0.02

    @classmethod
    def from_names(cls, weights: Mapping[str, float]) -> Self:
        """Weights by dimension name (`codePresence`); one that is not named weighs nothing, as in LiteLLM."""
        return cls(**{dimension.name.lower(): weights.get(dimension.value, 0.0) for dimension in Dimension})


@dataclass(frozen=True, slots=True, kw_only=True)
class TierBoundaries:
    """The score at which each next tier begins; a score on a boundary belongs to the higher tier."""

    simple_medium: float = 0.15
    medium_complex: float = 0.35
    complex_reasoning: float = 0.60


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenThresholds:
    """Fewer tokens than `simple` count as short, more than `complex` as long. A token is four characters here."""

    simple: int = 15
    complex: int = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordTierRule:
    """Any of `keywords` in the text settles the tier before anything is scored."""

    keywords: tuple[str, ...]
    tier: Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplexitySettings:
    """Everything `score` depends on besides the text; the keyword lists are made ready once, here.

    An empty keyword list means the default one. `custom_technical_keywords` are added to the technical list.
    `reasoning_override_min_score` of None follows `boundaries.simple_medium`; 0 is a floor like any other.
    """

    boundaries: TierBoundaries = TierBoundaries()
    token_thresholds: TokenThresholds = TokenThresholds()
    weights: DimensionWeights = DimensionWeights()
    code_keywords: tuple[str, ...] = vocabulary.CODE_KEYWORDS
    reasoning_keywords: tuple[str, ...] = vocabulary.REASONING_KEYWORDS
    technical_keywords: tuple[str, ...] = vocabulary.TECHNICAL_KEYWORDS
    simple_keywords: tuple[str, ...] = vocabulary.SIMPLE_KEYWORDS
    custom_technical_keywords: tuple[str, ...] = ()
    reasoning_override_min_score: float | None = None
    custom_dimensions: tuple[CustomDimension, ...] = ()
    keyword_tier_rules: tuple[KeywordTierRule, ...] = ()
    lexicons: Lexicons = field(init=False, repr=False, compare=False)
    silent: tuple[Contribution, ...] = field(init=False, repr=False, compare=False)  # the built-in ones of nothing

    def __post_init__(self) -> None:
        """Make the keyword lists ready to match; refuse patterns that together could take long."""
        work = sum(pattern_work(pattern) for dimension in self.custom_dimensions for pattern in dimension.patterns)
        if work > MAX_TOTAL_WORK:
            raise ConfigError(
                f"The patterns of all custom dimensions could take {work} steps at each position of a prompt.",
                hint=f"Shorten them or their repetitions, to {MAX_TOTAL_WORK} or less.",
                param="custom_dimensions",
            )
        technical = self.technical_keywords or vocabulary.TECHNICAL_KEYWORDS
        lexicons = Lexicons(
            built_in=BuiltIn(
                (
                    Lexicon(self.code_keywords or vocabulary.CODE_KEYWORDS),
                    Lexicon(self.reasoning_keywords or vocabulary.REASONING_KEYWORDS),
                    Lexicon(_extended(technical, self.custom_technical_keywords)),
                    Lexicon(self.simple_keywords or vocabulary.SIMPLE_KEYWORDS),
                )
            ),
            custom=tuple(CustomMatchers(dimension) for dimension in self.custom_dimensions),
            rules=tuple((Lexicon(_without_blanks(rule.keywords)), rule.tier) for rule in self.keyword_tier_rules),
        )
        object.__setattr__(self, "lexicons", lexicons)
        silent = (Contribution(one, 0.0, getattr(self.weights, one.name.lower())) for one in Dimension)
        object.__setattr__(self, "silent", tuple(silent))

    @property
    def override_floor(self) -> float:
        """The score from which two reasoning markers are enough for the reasoning tier."""
        if self.reasoning_override_min_score is None:
            return self.boundaries.simple_medium
        return self.reasoning_override_min_score


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicons:
    """A settings value's keyword lists, ready to match."""

    built_in: BuiltIn  # code, reasoning, technical, simple
    custom: tuple[CustomMatchers, ...]
    rules: tuple[tuple[Lexicon, Tier], ...]


def _extended(base: tuple[str, ...], added: tuple[str, ...]) -> tuple[str, ...]:
    """*base* and what *added* has besides, each addition once whatever its case."""
    known = {keyword.lower() for keyword in base}
    return base + tuple(lowered for lowered in dict.fromkeys(map(str.lower, added)) if lowered not in known)


def _without_blanks(keywords: tuple[str, ...]) -> tuple[str, ...]:
    """*keywords* trimmed, without the empty ones, which would match every text."""
    return tuple(trimmed for keyword in keywords if (trimmed := keyword.strip()))
