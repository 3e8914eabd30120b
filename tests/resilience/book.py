"""A book of healths with clocks that move when told to, two models at one server, one elsewhere; and failures."""

from __future__ import annotations

from dataclasses import dataclass, field

from pointsman.core.catalog import ModelCard
from pointsman.core.failure import Failure, FailureKind, Reach
from pointsman.core.health import Health, HealthState
from pointsman.core.policy import DEFAULT_RULES, Mark, Rule
from pointsman.resilience.availability import Availability
from pointsman.resilience.tolerance import Tolerance
from pointsman.testing import ManualClock, a_card

EPOCH_S = 1_700_000_000.0
PRO, FLASH, OTHER = a_card("pro", is_local=False), a_card("flash", is_local=False), a_card("other")


@dataclass(slots=True)
class Book:
    """`clock` moves both clocks through `advance`; `drawn` is what every draw gives."""

    tolerance: Tolerance = field(default_factory=Tolerance)
    clock: ManualClock = field(default_factory=lambda: ManualClock(100.0))
    epoch: ManualClock = field(default_factory=lambda: ManualClock(EPOCH_S))
    drawn: float = 0.0
    told: list[tuple[Health, Health]] = field(default_factory=list)
    health: Availability = field(init=False)

    def __post_init__(self) -> None:
        self.health = Availability(
            clock=self.clock,
            now=self.epoch,
            draw=lambda: self.drawn,
            tolerance=self.tolerance,
            listeners=[lambda old, new: self.told.append((old, new))],
        )

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass by both clocks."""
        self.clock.advance(seconds)
        self.epoch.advance(seconds)

    def fail(
        self, card: ModelCard, failure: Failure | None = None, *, mark: Mark | None = None, times: int = 1
    ) -> None:
        """Tell of *failure* (a 500 if not given) *times* times, by the default rule or one with *mark*."""
        found = failure or failing(card)
        rule = DEFAULT_RULES[found.kind] if mark is None else Rule(mark=mark)
        for _ in range(times):
            self.health.failed(card, found, rule)

    def take(self, card: ModelCard, *, has_other: bool = True) -> bool:
        """Leave to ask *card*, which has an alternative."""
        return self.health.take(card, has_other=has_other)

    def state(self, card: ModelCard) -> HealthState:
        """What counts for *card*."""
        return self.health.health_of(card).state

    def wait_s(self, card: ModelCard) -> float | None:
        """Seconds until *card* may be asked, to the microsecond."""
        wait_s = self.health.wait_s([card])
        return None if wait_s is None else round(wait_s, 6)


def failing(
    card: ModelCard,
    kind: FailureKind = FailureKind.TRANSIENT,
    *,
    status: int | None = 500,
    retry_after_s: float | None = None,
    until_s: float | None = None,
    reach: Reach = Reach.MODEL,
) -> Failure:
    """A failure of *card*."""
    return Failure(
        kind=kind,
        model=card.id,
        endpoint=card.endpoint.name,
        message="no luck",
        status=status,
        retry_after_s=retry_after_s,
        until_s=until_s,
        reach=reach,
    )


def too_many(card: ModelCard, retry_after_s: float | None = None) -> Failure:
    """A 429."""
    return failing(card, status=429, retry_after_s=retry_after_s)


def unreachable(card: ModelCard) -> Failure:
    """A refused connection."""
    return failing(card, status=None, reach=Reach.ENDPOINT)
