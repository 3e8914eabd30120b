"""How long a caller may take over its request, and how many connections one address may hold.

| what is missing       | how long it is waited for                                              | then                |
| --------------------- | ---------------------------------------------------------------------- | ------------------- |
| the first byte        | `read_timeout_s` from the connection on                                | closed              |
| the rest of the head  | `read_timeout_s` from its first byte on                                | 408, closed         |
| the rest of the body  | the same, and a second for each SLOWEST_BYTES_PER_S that came of it    | 408, closed         |
| the next request      | uvicorn's `timeout_keep_alive`                                         | closed              |
| that answers are read | `take_timeout_s` without progress; slow.py has less for streams        | cut, work cancelled |
"""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, cast

from pointsman.server.protocol import CallerConnection

SLOWEST_BYTES_PER_S: Final = 8 * 1024


@dataclass(slots=True, kw_only=True)
class Patience:
    """The limits of one server, and who holds how many of its connections."""

    read_timeout_s: float = 30.0
    take_timeout_s: float = 300.0
    slowest_bytes_per_s: float = SLOWEST_BYTES_PER_S
    max_connections_per_address: int = 2000
    held: Counter[str] = field(default_factory=Counter)

    @property
    def protocol(self) -> type[CallerConnection]:
        """What uvicorn is to make for each connection."""
        return cast("type[CallerConnection]", functools.partial(CallerConnection, patience=self))

    def admits(self, address: str) -> bool:
        """Whether *address* may hold one more; it does then, until `released`."""
        if self.held[address] >= self.max_connections_per_address:
            return False
        self.held[address] += 1
        return True

    def released(self, address: str) -> None:
        """*address* holds one less."""
        self.held[address] -= 1
        if not self.held[address]:
            del self.held[address]
