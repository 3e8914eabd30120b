"""Where a request gets its place before it is sent: at its endpoint, and in the memory of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.core.catalog import ModelCard
    from pointsman.resilience.line import Load


class Held(Protocol):
    """One request's place, until `release`."""

    def first_byte(self) -> None:
        """The answer's first content is here."""

    def whole(self) -> None:
        """The answer is here in one piece."""

    def release(self, *, failed: bool = False) -> None:
        """Make room. Again does nothing."""


class Entrance(Protocol):
    """Where a request gets its place before it is sent."""

    def try_enter(self, card: ModelCard) -> Held | None:
        """A place if one is free now."""

    def loads(self) -> Mapping[str, Load]:
        """How full each endpoint is that was asked so far."""

    async def enter(self, card: ModelCard, deadline_s: float | None) -> Held:
        """A place, waited for; AttemptFailed when there is none in time."""
