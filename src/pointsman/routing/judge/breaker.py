"""When a judge that keeps failing is left alone.

| state   | `may_ask`              | `failed`                    | `succeeded` | `released` |
| ------- | ---------------------- | --------------------------- | ----------- | ---------- |
| closed  | yes                    | open, at the `failures`-th  | closed      | closed     |
| open    | no, for `rest_s`       | open                        | closed      | open       |
| probing | no: one is asking      | open, for `rest_s` again    | closed      | open: due  |

After the rest `may_ask` says yes to one, and the breaker is probing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True, kw_only=True)
class Breaker:
    """Counts failures in a row. `clock` is monotonic seconds."""

    clock: Callable[[], float]
    failures: int = 3
    rest_s: float = 30.0
    _in_a_row: int = 0
    _until_s: float | None = None  # None: closed
    _is_probing: bool = False

    @property
    def rests_s(self) -> float:
        """Seconds until it may be asked again; 0 when it may."""
        return 0.0 if self._until_s is None else max(0.0, self._until_s - self.clock())

    def may_ask(self) -> bool:
        """Whether the judge may be asked now; who is told yes tells what came of it."""
        if self._until_s is None:
            return True
        if self._is_probing or self.rests_s > 0:
            return False
        self._is_probing = True
        return True

    def failed(self) -> None:
        """It did not answer."""
        self._in_a_row += 1
        self._is_probing = False
        if self._in_a_row >= self.failures:
            self._until_s = self.clock() + self.rest_s

    def succeeded(self) -> None:
        """It answered."""
        self._in_a_row, self._until_s, self._is_probing = 0, None, False

    def released(self) -> None:
        """Nobody knows: the one who asked has left."""
        self._is_probing = False
