"""How able the models of each tier are, by kind of task: as configured, and as learned from use.

An ability is a shift in steps of difficulty (logits divided by the slope): +1 makes a task one step easier. It is that
of a tier, as models are taken by tier: the model that would be taken first speaks for its tier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

Shifts = tuple[float, float, float, float]  # by tier
ALL_KINDS: Final = "*"
NONE: Final[Shifts] = (0.0, 0.0, 0.0, 0.0)
MOST: Final = 3.0
"""No shift goes further than this either way, configured and learned together."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """`configured` is by kind of task (ALL_KINDS for the others); `learned` gives a caller's own, by kind as well."""

    configured: Mapping[str, Shifts]
    learned: Callable[[str | None], Mapping[str, Shifts]] | None = None  # by the id of the caller's key

    def of(self, key_id: str | None) -> Callable[[str], Shifts] | None:
        """The shifts of a kind for the caller with that key; None where there are none at all."""
        own = self.learned(key_id) if self.learned is not None else {}
        if not own and not self.configured:
            return None

        def shifts(kind: str) -> Shifts:
            first, second, third, fourth = (
                max(-MOST, min(MOST, given + found))
                for given, found in zip(_of(self.configured, kind), _of(own, kind), strict=True)
            )
            return first, second, third, fourth

        return shifts


def _of(by_kind: Mapping[str, Shifts], kind: str) -> Shifts:
    found = by_kind.get(kind)
    return found if found is not None else by_kind.get(ALL_KINDS, NONE)
