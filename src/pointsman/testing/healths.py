"""A store of healths in memory, with the contract of the SQLite one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pointsman.core.health import Health


@dataclass(slots=True)
class SharedHealths:
    """What processes share; here those that hold a `MemoryHealths` of it."""

    latest: dict[tuple[bool, str], Health] = field(default_factory=dict)
    parties: list[MemoryHealths] = field(default_factory=list)


class MemoryHealths:
    """See core.ports.HealthStore. *on_news* is called when another party has told something; `clock` is the epoch's."""

    def __init__(
        self,
        shared: SharedHealths,
        *,
        on_news: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._shared = shared
        self._on_news = on_news
        now_s = clock()
        self._news = deque(
            health for health in shared.latest.values() if health.until_s is None or health.until_s > now_s
        )
        shared.parties.append(self)

    def tell(self, health: Health, /) -> None:
        self._shared.latest[health.is_endpoint, health.subject] = health
        for party in self._shared.parties:
            if party is not self:
                party.hear(health)

    def news(self) -> Sequence[Health]:
        found = tuple(self._news)
        self._news.clear()
        return found

    def hear(self, health: Health) -> None:
        """Another party has told this."""
        self._news.append(health)
        self._on_news()
