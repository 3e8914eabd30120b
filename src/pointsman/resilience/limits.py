"""How much is put to an endpoint at once: its slots, and a queue with a deadline for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pointsman.core.catalog import ModelCard


@dataclass(slots=True)
class Slot:
    """One request's place at an endpoint, until `release`."""

    def first_byte(self) -> None:
        """The answer's first content is here."""

    def release(self, *, failed: bool = False) -> None:
        """Make room. Again does nothing."""


@dataclass(slots=True, kw_only=True)
class Limits:
    """The slots of every endpoint."""

    def try_enter(self, card: ModelCard) -> Slot | None:
        """A slot at *card*'s endpoint if one is free now."""
        return Slot()

    async def enter(self, card: ModelCard, deadline_s: float | None) -> Slot:
        """A slot at *card*'s endpoint, waited for until *deadline_s* (the loop's clock).

        AttemptFailed (transient, code "queue_full" or "queue_timeout") when there is none: another model may do it.
        """
        return Slot()
