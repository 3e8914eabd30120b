"""Dimensions of one's own: keywords and bounded patterns that add to the complexity score.

A pattern comes from a configuration and meets every prompt, so one that could take long is refused when it is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pointsman.core.errors import ConfigError
from pointsman.routing.complexity.lexicon import Lexicon
from pointsman.routing.complexity.pattern_cost import pattern_problem

if TYPE_CHECKING:
    from collections.abc import Iterable

SCANNED_CHARS = 2_048
"""Patterns see this much of a text's beginning; keywords see all of it."""
MAX_MATCHERS = 32


class CustomScoring(StrEnum):
    """How finds become a value: any find is 1, or one find is 0.5 and two different ones are 1."""

    BINARY = "binary"
    MATCH_COUNT = "match_count"


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomDimension:
    """One dimension of one's own; `weight` is 0..1, `patterns` are regular expressions that ignore case."""

    name: str
    weight: float
    keywords: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    scoring: CustomScoring = CustomScoring.BINARY

    def __post_init__(self) -> None:
        """Refuse a dimension that could never match, always match, or take long."""
        matchers = (*self.keywords, *self.patterns)
        if not 1 <= len(matchers) <= MAX_MATCHERS or not all(matcher.strip() for matcher in matchers):
            raise ConfigError(
                f"The custom dimension {self.name!r} has {len(matchers)} keywords and patterns, or a blank one.",
                hint=f"Give it 1 to {MAX_MATCHERS}, none of them blank.",
                param=f"custom_dimensions.{self.name}",
            )
        for pattern in self.patterns:
            problem = pattern_problem(pattern)
            if problem is not None:
                raise ConfigError(
                    f"The custom dimension {self.name!r} has a pattern that is refused: {pattern!r} {problem}.",
                    hint="Use bounded repetitions of single characters or classes, such as [0-9]{1,8}.",
                    param=f"custom_dimensions.{self.name}.patterns",
                )


class CustomMatchers:
    """One custom dimension, ready to match."""

    __slots__ = ("_enough", "_keywords", "_patterns", "name", "weight")

    def __init__(self, dimension: CustomDimension) -> None:
        """Compile the *dimension*'s matchers, each of them once."""
        self.name = dimension.name
        self.weight = dimension.weight
        self._keywords = Lexicon(tuple(dict.fromkeys(keyword.lower() for keyword in dimension.keywords)))
        self._patterns = tuple(re.compile(pattern, re.IGNORECASE) for pattern in dict.fromkeys(dimension.patterns))
        self._enough = 2 if dimension.scoring is CustomScoring.MATCH_COUNT else 1

    def value_in(self, text: str, lowered: str, words: Iterable[str]) -> tuple[float, tuple[str, ...]]:
        """The value (0, 0.5 or 1) in *text*, and the keywords and patterns that were found."""
        found = self._keywords.found_in(lowered, words)
        if len(found) < self._enough:
            beginning = text[:SCANNED_CHARS]
            found += tuple(pattern.pattern for pattern in self._patterns if pattern.search(beginning) is not None)
        return min(len(found), self._enough) / self._enough, found
