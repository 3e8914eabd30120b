"""What one dimension of the complexity score saw in a text."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Dimension(StrEnum):
    """The seven built-in dimensions, by the names configurations and explanations use, in the order they are added."""

    TOKEN_COUNT = "tokenCount"  # noqa: S105 - a dimension's name, no secret
    CODE_PRESENCE = "codePresence"
    REASONING_MARKERS = "reasoningMarkers"
    TECHNICAL_TERMS = "technicalTerms"
    SIMPLE_INDICATORS = "simpleIndicators"
    MULTI_STEP_PATTERNS = "multiStepPatterns"
    QUESTION_COMPLEXITY = "questionComplexity"


class Contribution(NamedTuple):
    """What one dimension saw: its value (-1..1), its weight, and the words or facts behind it.

    A tuple, because seven of them are made for every request and a frozen dataclass takes three times as long.
    """

    name: str
    value: float
    weight: float
    evidence: tuple[str, ...] = ()

    @property
    def points(self) -> float:
        """What the dimension adds to the score."""
        return self.value * self.weight
