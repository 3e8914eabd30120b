"""A store of answers in memory, with the contract of the SQLite one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pointsman.core.ports import StoredResponse


class MemoryResponses:
    """See core.ports.ResponseStore. `clock` is seconds since the epoch."""

    def __init__(self, *, ttl_s: float = 86_400.0, clock: Callable[[], float] = lambda: 0.0) -> None:
        self.rows: dict[tuple[str | None, str], tuple[float, StoredResponse]] = {}
        self._ttl_s = ttl_s
        self._clock = clock

    async def put(self, response: StoredResponse, /) -> None:
        now_s = self._clock()
        self.rows = {key: row for key, row in self.rows.items() if row[0] > now_s}
        self.rows[response.owner, response.id] = (now_s + self._ttl_s, response)

    async def get(self, response_id: str, owner: str | None, /) -> StoredResponse | None:
        expires_at_s, found = self.rows.get((owner, response_id), (0.0, None))
        return found if expires_at_s > self._clock() else None

    async def delete(self, response_id: str, owner: str | None, /) -> bool:
        is_there = await self.get(response_id, owner) is not None
        self.rows.pop((owner, response_id), None)
        return is_there
