"""What the scheduler knows of one model: whether it is there, who uses it, what a load takes, how fast it answers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from pointsman.core.local import Presence

FIXED_LOAD_S = 1.5  # a process, its graph, the memory's release
COLD_BYTES_PER_S = 2_600_000_000  # from an NVMe disk; from the page cache two to four times as fast
LEARNING = 0.3  # the share of the newest load, or answer, in what is expected of the next
HORIZON_S = 60.0
RATE_MEMORY_S = 600.0
LEAST_TOKENS = 16  # a shorter answer tells more about its first token than about speed
MOST_CHANGE = 4.0  # times that one answer counts as faster or slower than those before
SPEEDS = (0.1, 100_000.0)  # tokens a second that are believed


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalModel:
    """One model that this device may hold."""

    name: str
    size_bytes: int
    is_pinned: bool = False
    load_s: float | None = None  # as measured before; None: not yet
    beside: float = 1.0  # times its size has to be free where another model is, by its runtime's own rule


@dataclass(slots=True)
class Ticket:
    """One request that waits."""

    number: int
    model: str
    arrived_s: float
    deadline_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStanding:
    """One model as it stands. `busy` is requests under way; `tokens_per_s` is learned, None: it has not answered."""

    name: str
    presence: Presence
    is_pinned: bool
    busy: int
    size_bytes: int
    load_s: float
    tokens_per_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One request that waits: position 1 is next, `eta_s` an estimate."""

    model: str
    position: int
    eta_s: float
    waited_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One device as it stands."""

    budget_bytes: int
    free_bytes: int
    models: tuple[ModelStanding, ...]
    queue: tuple[Waiting, ...]


@dataclass(slots=True)
class ModelState:
    """What is known of one model."""

    model: LocalModel
    expected_load_s: float
    presence: Presence = Presence.ABSENT
    since_s: float = -math.inf
    active: set[int] = field(default_factory=set)
    rate: float = 0.0  # requests a second, the old ones forgotten slowly
    counted_s: float = 0.0
    tokens_per_s: float | None = None

    def count(self, now_s: float) -> None:
        """One more request."""
        self.rate = self._decayed(now_s) + 1 / RATE_MEMORY_S
        self.counted_s = now_s

    def reuse(self, now_s: float) -> float:
        """The chance of a request within the horizon, as if they came independently: 1 - e^(-rate · horizon)."""
        return 1 - math.exp(-self._decayed(now_s) * HORIZON_S)

    def learn_load(self, seconds: float) -> None:
        """A load took so long."""
        self.expected_load_s += LEARNING * (seconds - self.expected_load_s)

    def learn_speed(self, tokens: int, seconds: float) -> None:
        """It made *tokens* in *seconds*. One answer moves what is expected by no more than a share of four times it."""
        if tokens < LEAST_TOKENS or seconds <= 0:
            return
        least, most = SPEEDS
        speed = min(max(tokens / seconds, least), most)
        before = self.tokens_per_s
        if before is not None:
            speed = min(max(speed, before / MOST_CHANGE), before * MOST_CHANGE)
            speed = before + LEARNING * (speed - before)
        self.tokens_per_s = speed

    def standing(self) -> ModelStanding:
        """What there is to be shown of it."""
        return ModelStanding(
            name=self.model.name,
            presence=self.presence,
            is_pinned=self.model.is_pinned,
            busy=len(self.active),
            size_bytes=self.model.size_bytes,
            load_s=self.expected_load_s,
            tokens_per_s=self.tokens_per_s,
        )

    def _decayed(self, now_s: float) -> float:
        return self.rate * math.exp(-max(0.0, now_s - self.counted_s) / RATE_MEMORY_S)


def expected_load_s(size_bytes: int) -> float:
    """Seconds of a first load: 1.5 + bytes / 2.6e9. 4.9 GB: 3.4 s (measured elsewhere: 1.9 to 3.2)."""
    return FIXED_LOAD_S + size_bytes / COLD_BYTES_PER_S
