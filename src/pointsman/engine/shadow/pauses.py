"""Models whose copies failed are left alone for a while: what they can bear belongs to callers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pointsman.resilience.tolerance import Tolerance, cooling_s

if TYPE_CHECKING:
    from pointsman.core.catalog import ModelCard
    from pointsman.core.failure import Failure

PAUSE_S: Final = 30.0
LONGEST_S: Final = 3600.0
_DOUBLING: Final = Tolerance(cooldown_s=PAUSE_S, max_cooldown_s=LONGEST_S)


@dataclass(slots=True, kw_only=True)
class Pauses:
    """Which models get no copies now. `clock` is monotonic seconds.

    After the n-th failure in a row for 30 · 2^(n-1) seconds, an hour at most, or for as long as the endpoint asks.
    """

    clock: Callable[[], float]
    _until_s: dict[str, tuple[float, int]] = field(default_factory=dict)

    def answered(self, card: ModelCard) -> None:
        """A copy to *card* was answered."""
        self._until_s.pop(card.id, None)

    def failed(self, card: ModelCard, failure: Failure | None = None) -> None:
        """A copy to *card* failed; None: it took too long."""
        _, times = self._until_s.get(card.id, (0.0, 0))
        pause_s = cooling_s(_DOUBLING, times + 1, _undrawn)
        asked_s = failure.retry_after_s or 0.0 if failure is not None else 0.0
        self._until_s[card.id] = self.clock() + max(pause_s, asked_s), times + 1

    def holds(self, card: ModelCard) -> bool:
        """Whether *card* is to be left alone now."""
        return self.clock() < self._until_s.get(card.id, (0.0, 0))[0]


def _undrawn() -> float:
    """One process copies little: nobody has to be kept from coming back at the same moment as others."""
    return 0.0
