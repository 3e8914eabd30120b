"""What a conversation's requests have got so far, as far as its next one has to know. Nothing of its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.values import value_type

if TYPE_CHECKING:
    from pointsman.core.catalog import Tier


@value_type
class Pin:
    """Where a session stands after its latest request. `at_s` is monotonic seconds."""

    tier: Tier  # the session's
    router: str | None  # whose tier it is
    card: str  # the id of the card that answered last
    tokens: int = 0  # of the latest prompt: what that card's cache may hold
    at_s: float = 0.0
    easier: int = 0  # asks in a row that a lower tier would have done for
    hardest: Tier | None = None  # of those asks
