"""Boards in memory on which processes tell each other of sessions, with the contract of the SQLite one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pointsman.core.session import Note


@dataclass(slots=True)
class MemorySessions:
    """See core.ports.SessionBoard. `others` hear what is told here."""

    secret: bytes = b"of all"
    others: list[MemorySessions] = field(default_factory=list)
    told: list[Note] = field(default_factory=list)
    heard: list[Note] = field(default_factory=list)

    def tell(self, note: Note, /) -> None:
        self.told.append(note)
        for other in self.others:
            other.heard.append(note)

    def news(self) -> Sequence[Note]:
        found, self.heard = self.heard, []
        return found
