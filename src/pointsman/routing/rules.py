"""Rules that a configuration writes: conditions on a request, and whether they hold, in time linear in the ask."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pointsman.core.catalog import Capability
from pointsman.core.errors import ConfigError
from pointsman.routing.complexity.lexicon import Lexicon, words_of
from pointsman.routing.complexity.pattern_cost import MAX_TOTAL_WORK, pattern_problem, pattern_work

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pointsman.core.catalog import Tier
    from pointsman.core.decision import RoutingContext

SCANNED_CHARS: Final = 2_048
"""Patterns see this much of an ask's beginning, and of its end; keywords see all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule; conditions that are None or empty always hold. Names in `agent`, `client`, `metadata` may be globs."""

    name: str
    tier: Tier | None = None
    model: str | None = None
    keywords: tuple[str, ...] = ()
    pattern: str | None = None
    agent: tuple[str, ...] = ()
    client: tuple[str, ...] = ()
    metadata: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kinds: frozenset[str] = frozenset()
    min_tokens: int | None = None
    max_tokens: int | None = None
    images: bool | None = None
    tools: bool | None = None


class Matcher:
    """One rule, ready to be asked."""

    __slots__ = ("_agent", "_client", "_keywords", "_metadata", "_pattern", "rule")

    def __init__(self, rule: Rule) -> None:
        """Compile the *rule*'s words, pattern and globs; ConfigError for a pattern that could take long."""
        self.rule = rule
        self._keywords = Lexicon(tuple(dict.fromkeys(rule.keywords)), by_whole_words=True) if rule.keywords else None
        self._pattern = _pattern(rule)
        self._agent, self._client = _globs(rule.agent), _globs(rule.client)
        self._metadata = tuple((name.lower(), _globs(values)) for name, values in rule.metadata.items())

    def why(self, context: RoutingContext, ask: Ask) -> str | None:
        """What of the request makes the rule hold, in a few words; None where it does not, kinds aside."""
        if not self._has_shape(context):
            return None
        caller = context.caller
        found = []
        for globs, value, what in ((self._agent, caller.agent, "agent"), (self._client, caller.client, "client")):
            if globs is not None:
                if value is None or globs.match(value) is None:
                    return None
                found.append(f"{what} {value!r}")
        for name, globs in self._metadata:
            value = next((said for key, said in caller.metadata if key == name and globs and globs.match(said)), None)
            if value is None:
                return None
            found.append(f"{name} {value!r}")
        return self._words(ask, found)

    def _words(self, ask: Ask, found: list[str]) -> str | None:
        if self._keywords is not None:
            keywords = self._keywords.found_in(ask.lowered, ask.words)
            if not keywords:
                return None
            found.append(f"keyword {keywords[0]!r}")
        if self._pattern is not None:
            if self._pattern.search(ask.ends) is None:
                return None
            found.append("its pattern")
        return ", ".join(found)

    def _has_shape(self, context: RoutingContext) -> bool:
        rule, features = self.rule, context.features
        tokens = features.estimated_input_tokens
        return (
            (rule.min_tokens is None or tokens >= rule.min_tokens)
            and (rule.max_tokens is None or tokens <= rule.max_tokens)
            and (rule.images is None or rule.images == (Capability.IMAGES in features.needs))
            and (rule.tools is None or rule.tools == (features.n_tools > 0))
        )


class Ask:
    """What a person asked, taken apart once for all rules, and only where one wants it."""

    __slots__ = ("_lowered", "_words", "text")

    def __init__(self, text: str) -> None:
        """Of *text*."""
        self.text = text
        self._lowered: str | None = None
        self._words: list[str] | None = None

    @property
    def lowered(self) -> str:
        """In small letters."""
        if self._lowered is None:
            self._lowered = self.text.lower()
        return self._lowered

    @property
    def words(self) -> list[str]:
        """Its words."""
        if self._words is None:
            self._words = words_of(self.lowered)
        return self._words

    @property
    def ends(self) -> str:
        """Its beginning and its end, on lines of their own."""
        text = self.text
        return text if len(text) <= 2 * SCANNED_CHARS else f"{text[:SCANNED_CHARS]}\n{text[-SCANNED_CHARS:]}"


def matchers(rules: Sequence[Rule]) -> tuple[Matcher, ...]:
    """All *rules* ready; ConfigError where a pattern, or all of them together, could take long."""
    made = tuple(map(Matcher, rules))
    work = sum(pattern_work(rule.pattern) for rule in rules if rule.pattern is not None)
    if work > MAX_TOTAL_WORK:
        raise ConfigError(
            f"The patterns of `rules` could together take {work} steps at one position, more than {MAX_TOTAL_WORK}.",
            hint="Use fewer or narrower repetitions, or keywords.",
            param="rules",
        )
    return made


def _pattern(rule: Rule) -> re.Pattern[str] | None:
    if rule.pattern is None:
        return None
    problem = pattern_problem(rule.pattern)
    if problem is not None:
        raise ConfigError(
            f"The rule {rule.name!r} has a pattern that is refused: {rule.pattern!r} {problem}.",
            hint="Use bounded repetitions of single characters or classes, such as [0-9]{1,8}.",
            param="rules",
        )
    return re.compile(rule.pattern, re.IGNORECASE)


def _globs(names: Sequence[str]) -> re.Pattern[str] | None:
    """One expression for all of *names*; case is ignored. A glob's is linear: each star takes the nearest match."""
    return re.compile("|".join(map(fnmatch.translate, names)), re.IGNORECASE) if names else None
