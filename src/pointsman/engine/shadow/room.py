"""Where copies get their places: only such as nobody waits for, and they give them up to whoever needs them.

A copy to a model on this machine begins only while its server has nothing else to do and the model is in memory: it
never has one loaded, which would put another one out, and holds no lease on the memory. It is broken off as soon as a
caller's request goes to that server, or to another that shares its budget of memory. A copy to another machine is
broken off when a caller's request would have to wait there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pointsman.core.shadow import NotCopied

if TYPE_CHECKING:
    from pointsman.core.catalog import ModelCard
    from pointsman.engine.entrance import Entrance, Held
    from pointsman.resilience.line import Load


@dataclass(slots=True, kw_only=True)
class Room:
    """The places of copies. `places` are those of endpoints alone; `in_memory` says whether a model is loaded.

    `shares_memory` says whether a model is one of those that a budget of memory holds.
    """

    places: Entrance
    in_memory: Callable[[ModelCard], Awaitable[bool]]
    shares_memory: Callable[[ModelCard], bool]
    _stops: dict[int, tuple[ModelCard, Callable[[], None]]] = field(default_factory=dict)
    _numbers: int = 0

    async def enter(self, card: ModelCard, stop: Callable[[], None]) -> Place | NotCopied:
        """A place for a copy to *card*, or why there is none; *stop* is called when somebody needs it."""
        if card.is_local and not await self.in_memory(card):
            return NotCopied.NOT_LOADED
        load = self.places.loads().get(card.endpoint.name)
        if load is not None and (load.waiting or (card.is_local and load.inside)):
            return NotCopied.NO_ROOM
        slot = self.places.try_enter(card)
        if slot is None:
            return NotCopied.NO_ROOM
        self._numbers += 1
        self._stops[self._numbers] = card, stop
        return Place(slot=slot, room=self, number=self._numbers)

    @property
    def is_taken(self) -> bool:
        """Whether any copy has a place."""
        return bool(self._stops)

    def leave(self, number: int) -> None:
        """That copy is over."""
        self._stops.pop(number, None)

    def make_way(self, card: ModelCard) -> None:
        """A caller's request goes to *card*: no copy is to be in its way."""
        for other, stop in list(self._stops.values()):
            if _server(other) == _server(card) or (self.shares_memory(card) and self.shares_memory(other)):
                stop()


def _server(card: ModelCard) -> str:
    """The address of *card*'s server: Ollama may be configured by two names and two APIs."""
    return urlsplit(card.endpoint.base_url).netloc.replace("localhost", "127.0.0.1")


@dataclass(slots=True, kw_only=True)
class Place:
    """One copy's place, until `release`."""

    slot: Held
    room: Room
    number: int

    def release(self) -> None:
        """Make room. What a copy saw of its server teaches nobody how much that bears."""
        self.room.leave(self.number)
        self.slot.release()


@dataclass(frozen=True, slots=True, kw_only=True)
class BeforeCopies:
    """The entrance of callers' requests, who break off the copies that are in their way."""

    entrance: Entrance
    room: Room

    def try_enter(self, card: ModelCard) -> Held | None:
        """See engine.entrance.Entrance."""
        if card.is_local and self.room.is_taken:
            self.room.make_way(card)
        return self.entrance.try_enter(card)

    def loads(self) -> Mapping[str, Load]:
        """See engine.entrance.Entrance."""
        return self.entrance.loads()

    async def enter(self, card: ModelCard, deadline_s: float | None) -> Held:
        """See engine.entrance.Entrance."""
        self.room.make_way(card)
        return await self.entrance.enter(card, deadline_s)
