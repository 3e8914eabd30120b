"""A model per agent, as configured: names with wildcards, a tier or a model, bounds for what others choose."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pointsman.core.catalog import Tier

if TYPE_CHECKING:
    from pointsman.core.decision import Caller

TierOfAgent = Callable[[str | None, str], Tier | None]
"""The tier that was accepted for an agent (its name) of a caller (the key's id); None when none was."""
_REMEMBERED: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRule:
    """What agents whose name fits `pattern` get. Without `tier` and `model` others choose, within the bounds."""

    pattern: str  # `*` and `?` stand for any letters and any letter; case does not count
    tier: Tier | None = None
    model: str | None = None
    floor: Tier | None = None
    cap: Tier | None = None

    def bounded(self, tier: Tier) -> Tier:
        """*tier*, or the nearest that the bounds allow."""
        if self.floor is not None and tier.rank < self.floor.rank:
            return self.floor
        return self.cap if self.cap is not None and tier.rank > self.cap.rank else tier


@dataclass(frozen=True, slots=True)
class AgentRules:
    """The rules in the order of the configuration: the first that fits counts."""

    rules: Sequence[AgentRule] = ()
    _patterns: tuple[re.Pattern[str], ...] = field(init=False, repr=False, compare=False)
    _known: dict[str, AgentRule | None] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile the patterns once."""
        found = tuple(re.compile(_expression(rule.pattern), re.IGNORECASE) for rule in self.rules)
        object.__setattr__(self, "_patterns", found)

    def of(self, caller: Caller) -> AgentRule | None:
        """The rule for *caller*'s agent; None when there is none."""
        agent = caller.agent
        if agent is None or not self.rules:
            return None
        if agent not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            matches = zip(self.rules, self._patterns, strict=True)
            self._known[agent] = next((rule for rule, pattern in matches if pattern.match(agent)), None)
        return self._known[agent]


def _expression(pattern: str) -> str:
    """*pattern* as a regular expression: only `*` and `?` are special, as brackets occur in names."""
    return fnmatch.translate(pattern.replace("[", "[[]"))
