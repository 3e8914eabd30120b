"""What copies cost and what became of them, written by a thread of their own; and what a copy costs at most.

The day is UTC's. What is reserved stays on the bill until it is settled, so several processes spend one budget; one
that dies leaves its reservation there until the day is over.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from pointsman.core.chat import Usage
from pointsman.core.errors import ConfigError
from pointsman.core.shadow import NotCopied
from pointsman.core.values import value_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from pointsman.core.catalog import ModelCard
    from pointsman.core.shadow import Copy, ShadowStore

log = logging.getLogger("pointsman.shadow")

COUNT_EVERY_S: Final = 1.0
INPUT_MARGIN: Final = 2.0
"""How many times the estimated input is reserved: estimates of long prompts are 25 % off at most, of odd ones more."""
AT_LEAST: Final = 256
"""Tokens: what a chat template may add to a prompt."""


@value_type
class Reservation:
    """An amount that stands on a day's bill."""

    day: str
    usd: float


NOTHING: Final = Reservation(day="", usd=0.0)


def most_usd(card: ModelCard, input_tokens: int, output_tokens: int) -> float:
    """What a copy to *card* costs at most: twice the estimated input, at its dearest, and all the output it may have.

    1,000 tokens in and 2,048 out at $3 / $15: (2,000 + 256) · $3/M + 2,048 · $15/M = $0.0375.
    """
    if card.price is None:
        return 0.0
    most = int(input_tokens * INPUT_MARGIN) + AT_LEAST
    plain = Usage(input_tokens=most, output_tokens=output_tokens)
    written = Usage(input_tokens=most, output_tokens=output_tokens, cache_write_tokens=most)
    return max(card.price.cost_usd(plain), card.price.cost_usd(written))


@dataclass(slots=True, kw_only=True)
class Books:
    """The store behind its thread. `now` is seconds since the epoch. Trouble is logged once, not raised."""

    store: ShadowStore
    budget_usd: float
    now: Callable[[], float]
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)  # of this process, by model and what became of it
    cost_usd: dict[str, float] = field(default_factory=dict)
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(max_workers=1, thread_name_prefix="pointsman-shadow")
    )
    _waiting: Counter[tuple[str, str, NotCopied]] = field(default_factory=Counter)
    _alarm: asyncio.TimerHandle | None = None
    _said: set[str] = field(default_factory=set)

    async def reserve(self, card: ModelCard, usd: float) -> Reservation | NotCopied:
        """Leave to spend *usd* on *card* today; what costs nothing needs none."""
        if not usd:
            return NOTHING
        day = self._day()
        try:
            asked = self._thread.submit(self.store.reserve, day, usd, self.budget_usd)
            is_granted = await asyncio.wrap_future(asked)
        except asyncio.CancelledError:
            self._write(partial(self._take_back, asked, Reservation(day=day, usd=usd)))
            raise
        except ConfigError as error:
            self._say_once("shadow-not-kept", str(error))
            return NotCopied.NOT_KEPT
        if is_granted:
            return Reservation(day=day, usd=usd)
        self._say_once(f"shadow-budget-spent day={day}", f"budget_usd={self.budget_usd:g}; no more copies that cost")
        return NotCopied.OVER_BUDGET

    def settle(self, reserved: Reservation, spent_usd: float) -> None:
        """What was *reserved* has cost so much."""
        if reserved.usd:
            self._write(partial(self.store.settle, reserved.day, reserved.usd, spent_usd))

    def keep(self, copy: Copy) -> None:
        """Write *copy* down."""
        self.counts[copy.shadow.model, copy.end.value] += 1
        if copy.comparison is not None:
            self.counts[copy.shadow.model, copy.comparison.likeness.value] += 1
        if copy.shadow.cost_usd is not None:
            self.cost_usd[copy.shadow.model] = self.cost_usd.get(copy.shadow.model, 0.0) + copy.shadow.cost_usd
        self._write(partial(self.store.keep, copy))

    def not_copied(self, model: str, why: NotCopied) -> None:
        """A request for *model* was drawn and got no copy: counted now, written with others a second later."""
        self.counts[model, why.value] += 1
        self._waiting[self._day(), model, why] += 1
        if self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_later(COUNT_EVERY_S, self._write_counts)

    async def aclose(self) -> None:
        """Write what waits, and return when it is written."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._write_counts()
        await asyncio.to_thread(self._thread.shutdown)

    def _take_back(self, asked: Future[bool], reserved: Reservation) -> None:
        """Nobody waits for *asked* any more, which came before this."""
        if not asked.cancelled() and asked.exception() is None and asked.result():
            self.store.settle(reserved.day, reserved.usd, 0.0)

    def _write_counts(self) -> None:
        self._alarm = None
        days: dict[str, dict[tuple[str, NotCopied], int]] = {}
        for (day, model, why), count in self._waiting.items():
            days.setdefault(day, {})[model, why] = count
        self._waiting.clear()
        for day, counts in days.items():
            self._write(partial(self.store.add, day, counts))

    def _write(self, work: Callable[[], None]) -> None:
        self._thread.submit(self._written, work)

    def _written(self, work: Callable[[], None]) -> None:
        try:
            work()
        except ConfigError as error:
            self._say_once("shadow-not-kept", str(error))

    def _say_once(self, what: str, more: str) -> None:
        if what not in self._said:
            self._said.add(what)
            log.warning("%s %s", what, more)

    def _day(self) -> str:
        return datetime.fromtimestamp(self.now(), UTC).date().isoformat()
