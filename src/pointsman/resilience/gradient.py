"""How many requests at once an endpoint bears, found out by how soon its answers begin.

Never by how long they take: that is the answer's length. After Envoy's adaptive concurrency and Netflix's Gradient2.

the first contents come            the limit
as soon as ever, all places taken  doubles with each round, until once they do not; then √limit more per 16 answers
later than they used to            limit × 1.5 · usual / now (at least half) + √limit, per 16 answers by their median
whatever, places to spare          stays: nothing was learned about more
never, the endpoint is overloaded  × 0.9
none for a while, and others wait  one more: who has begun may go on for minutes, and nothing is learned meanwhile

Each model of the endpoint is compared with itself, since a large one takes longer than a small one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import median_low

INITIAL = 20.0
AT_LEAST = 4.0
AT_LEAST_LOCAL = 1.0
AT_MOST = 1000.0
TOLERANCE = 1.5  # how much later than usual is not yet late
WINDOW = 16  # answers
WARM_UP = 10  # answers whose plain mean is what is usual
MEMORY = 100  # answers that what is usual is remembered over, while places are free
LONG_MEMORY = 3000  # ... while they are not: a queue must not become the usual
BACK_OFF = 0.9
CHANCE_S = 0.05  # by so much one may begin later than another without a reason
PATIENCE_S = 0.5


@dataclass(slots=True)
class Usual:
    """How soon the answers of one model begin, in seconds."""

    mean_s: float = 0.0
    seen: int = 0

    def ratio(self, begun_s: float, *, is_idle: bool) -> float:
        """How many times later than usual *begun_s* is, which is then remembered."""
        self.seen += 1
        if self.seen <= WARM_UP:
            self.mean_s += (begun_s - self.mean_s) / self.seen
            return 1.0
        found = (begun_s + CHANCE_S) / (self.mean_s + CHANCE_S)
        self.mean_s += (begun_s - self.mean_s) / (MEMORY if is_idle or found < 1 else LONG_MEMORY)
        return found


@dataclass(slots=True, kw_only=True)
class Gradient:
    """The limit of one endpoint, always within `at_least` and `at_most`."""

    limit: float = INITIAL
    at_least: float = AT_LEAST
    at_most: float = AT_MOST
    is_starting: bool = True
    _usual: dict[str, Usual] = field(default_factory=dict)
    _ratios: list[float] = field(default_factory=list)
    _is_used: bool = False  # all places were taken in this window
    _latest: float = 1.0  # how many times later than usual the latest began

    def began(self, model: str, begun_s: float, inside: int) -> None:
        """The first content of *model* came *begun_s* after the request was let in; *inside* are there now."""
        usual = self._usual.get(model)
        if usual is None:
            usual = self._usual[model] = Usual()
        ratio = usual.ratio(begun_s, is_idle=inside <= self.limit / 2)
        self._latest = ratio
        self._ratios.append(ratio)
        if inside >= int(self.limit):
            self._is_used = True
            if self.is_starting and ratio <= TOLERANCE:
                self._set(self.limit + 1.0)
        if len(self._ratios) >= WINDOW:
            self._close_window()

    def ended(self, inside: int) -> None:
        """An answer of which nobody knows when it began is whole; *inside* were there."""
        if inside >= int(self.limit):
            self._set(self.limit + (1.0 if self.is_starting else 1.0 / self.limit))

    def failed(self, inside: int) -> None:
        """The endpoint failed with *inside* there, of its own accord and not by the request's fault."""
        self.is_starting = False
        if inside > self.limit / 2:
            self._set(self.limit * BACK_OFF)

    @property
    def patience_s(self) -> float:
        """How long nothing may happen until one more is let in; the later the latest began, the longer."""
        return PATIENCE_S * max(1.0, self._latest) ** 2

    def try_one_more(self, inside: int) -> None:
        """Nothing has happened for so long, with *inside* there and others waiting."""
        self._set(max(self.limit, inside + 1.0))

    def _close_window(self) -> None:
        found = median_low(self._ratios)
        gradient = max(0.5, min(1.0, TOLERANCE / found)) if found > 0 else 1.0
        if gradient < 1.0:
            self.is_starting = False
        if self._is_used and not self.is_starting:
            self._set(self.limit * gradient + math.sqrt(self.limit))
        self._ratios.clear()
        self._is_used = False

    def _set(self, limit: float) -> None:
        self.limit = max(self.at_least, min(self.at_most, limit))
