"""Shadow mode at work: draws requests, and makes their copies in the background once callers have their answers.

`drawn` is on a caller's path and costs a microsecond; everything else comes after the answer, in a task. At most so
many copies are under way as the configuration says: what is drawn beyond that is counted and let be, nothing waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pointsman.core.chat import ChatRequest
from pointsman.core.health import HealthState
from pointsman.core.shadow import NotCopied
from pointsman.engine.shadow.copying import Bench, Copying
from pointsman.engine.shadow.rules import Rule, card_for, has_tools_of_endpoint, rule_for
from pointsman.engine.shadow.sample import Sample, Served
from pointsman.engine.usage import estimate
from pointsman.routing.tokens import estimated_tokens, family_of

if TYPE_CHECKING:
    from pointsman.core.catalog import Catalog, ModelCard
    from pointsman.core.chat import EmbeddingRequest, Usage
    from pointsman.core.decision import PromptFeatures
    from pointsman.engine.decide import Resolved
    from pointsman.engine.delivery import Delivery
    from pointsman.engine.inbound import Inbound
    from pointsman.engine.turn import Answer
    from pointsman.resilience.availability import Availability

log = logging.getLogger("pointsman.shadow")


@dataclass(slots=True, kw_only=True)
class Shadows:
    """Owns the tasks of the copies: enter it where it is to serve; leaving it breaks them off and waits for them.

    `draw` gives numbers from 0 to 1, 1 excluded; `prepared` puts in what a request's preset sets.
    """

    rules: Sequence[Rule]
    catalog: Catalog
    health: Availability
    bench: Bench
    draw: Callable[[], float]
    prepared: Callable[[Inbound], Inbound]
    _under_way: set[asyncio.Task[None]] = field(default_factory=set, init=False)
    _is_over: bool = field(default=False, init=False)

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Break off what is under way; what became of it is written before this returns."""
        self._is_over = True
        for task in self._under_way:
            task.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way)
        await self.bench.books.aclose()

    def drawn(self, inbound: Inbound, resolved: Resolved) -> Sample | None:
        """A sample to be filled with the answer, when this request is one of those to be copied."""
        rule = rule_for(self.rules, inbound, resolved)
        if rule is None or self._is_over or self.draw() >= rule.sample:
            return None
        return Sample(inbound=inbound, resolved=resolved, rule=rule)

    def whole(self, sample: Sample, answer: Answer) -> None:
        """The caller has this whole answer: make the copy."""
        usage = answer.whole.usage or self._estimate(sample, answer.whole.output_chars)
        self._begin(sample, Served(card=answer.card, took_ms=self._took_ms(sample), usage=usage, whole=answer.whole))

    def streamed(self, sample: Sample, pieces: Delivery[bytes]) -> None:
        """The caller has all of this stream, whose pieces the sample has heard: make the copy."""
        pump = pieces.begun.pump
        usage = pump.usage or self._estimate(sample, pump.output_chars)
        self._begin(sample, Served(card=pieces.card, took_ms=self._took_ms(sample), usage=usage))

    @property
    def counts(self) -> Mapping[tuple[str, str], int]:
        """What became of this process's draws, by the model meant: ends, verdicts, and why there was no copy."""
        return self.bench.books.counts

    @property
    def cost_usd(self) -> Mapping[str, float]:
        """What this process's copies have cost, by model."""
        return self.bench.books.cost_usd

    @property
    def under_way(self) -> int:
        """How many copies are being made."""
        return len(self._under_way)

    def _begin(self, sample: Sample, served: Served) -> None:
        if self._is_over:
            return
        if len(self._under_way) >= self.bench.allowance.most_at_once:
            self.bench.books.not_copied(sample.rule.model, NotCopied.FULL)
            return
        task = asyncio.get_running_loop().create_task(self._copied(sample, served))  # kept here; see __aexit__
        self._under_way.add(task)
        task.add_done_callback(self._over)

    async def _copied(self, sample: Sample, served: Served) -> None:
        """All that is no comparison and no random number is done here, where a mistake is nobody's trouble."""
        card = card_for(sample.rule, sample.resolved, self.catalog)
        if card is not None and card.id == served.card.id:  # nothing to compare
            return
        request = self.prepared(sample.inbound).request
        why = self._why_not(card, request, sample.resolved.features)
        if card is None or not isinstance(request, ChatRequest) or why is not None:
            model = card.id if card is not None else sample.rule.model
            self.bench.books.not_copied(model, why or NotCopied.NOT_ALLOWED)
            return
        await Copying(bench=self.bench, sample=sample, served=served, card=card, request=request).run()

    def _why_not(
        self, card: ModelCard | None, request: ChatRequest | EmbeddingRequest, features: PromptFeatures
    ) -> NotCopied | None:
        if card is None or has_tools_of_endpoint(request):
            return NotCopied.NOT_ALLOWED
        if estimated_tokens(features, family_of(card.upstream_model)) > self.bench.allowance.max_prompt_tokens:
            return NotCopied.TOO_LONG
        if self.bench.pauses.holds(card) or self.health.health_of(card).state is not HealthState.HEALTHY:
            return NotCopied.PAUSED
        return None

    def _over(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:  # its message may quote the prompt
            log.error("shadow-broke error=%s", type(error).__name__)

    def _took_ms(self, sample: Sample) -> float:
        return (self.bench.clock() - sample.inbound.arrived_s) * 1e3

    def _estimate(self, sample: Sample, output_chars: int) -> Usage:
        return estimate(sample.resolved.features.estimated_input_tokens, output_chars)
