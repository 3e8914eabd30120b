"""The book of healths: who may be asked, who is left alone and until when, who gets a trial."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.core.health import Health

if TYPE_CHECKING:
    from pointsman.core.catalog import ModelCard
    from pointsman.core.failure import Failure
    from pointsman.core.policy import Rule


@dataclass(slots=True, kw_only=True)
class Availability:
    """Every model's and every endpoint's health. `clock` is monotonic seconds, `now` seconds since the epoch.

    Whoever `take`s a model tells how it went, once: `succeeded`, `failed` or `released`.
    """

    clock: Callable[[], float]
    now: Callable[[], float]
    draw: Callable[[], float]
    is_all_well: bool = field(default=True, init=False)  # nothing below healthy: callers need not look further

    def may_try(self, card: ModelCard) -> bool:
        """Whether *card* could be taken now; takes nothing."""
        return True

    def take(self, card: ModelCard, *, has_other: bool) -> bool:
        """Leave to ask *card* now: a probe's one place, or the share of a model that ramps.

        A ramping model without an alternative (*has_other*) is always taken.
        """
        return True

    def retries(self, card: ModelCard) -> bool:
        """Whether one request may ask *card* again after it failed."""
        return True

    def failed(self, card: ModelCard, failure: Failure, rule: Rule) -> None:
        """*card*, taken before, failed; *rule* is its policy's for this kind."""

    def answering(self, card: ModelCard) -> None:
        """*card*, taken before, shows the first content of a stream: a probe has its answer, the end is still to come.

        The lead's note: a verdict (`succeeded`, `failed`) follows at the stream's end and alone counts as one; this
        only ends PROBING (towards RAMPING), so that others need not wait for the end of a long stream.
        """

    def succeeded(self, card: ModelCard) -> None:
        """*card*, taken before, answered."""

    def released(self, card: ModelCard) -> None:
        """*card*, taken before, was neither: the caller went away, or the request was at fault."""

    def wait_s(self, cards: Iterable[ModelCard]) -> float | None:
        """Seconds until the first of *cards* may be asked; None when that is not known."""
        return None

    def health_of(self, card: ModelCard) -> Health:
        """The health that counts for *card*: its own, or its endpoint's where that is worse."""
        return Health(subject=card.id)

    def healths(self) -> Sequence[Health]:
        """Whoever is not healthy."""
        return ()

    def reset(self, name: str | None = None) -> Sequence[Health]:
        """Forget what is known of the model or endpoint *name*, or of all; what was forgotten."""
        return ()
