"""Which model is next after a failure. A plan never names one that was struck out, and ends.

kind of failure                    who is next
bad_request                        nobody: another model would be told the same
context                            the configured context fallbacks; for `auto`, candidates with a larger window
content                            the configured content fallbacks, nobody else
everything else                    the next candidate; when there is none, and the endpoint said by its status that
                                   it may work soon, the same model again after a pause, `retries` times at most
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.core.catalog import AUTO
from pointsman.core.failure import FailureKind
from pointsman.resilience.backoff import backoff_s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pointsman.core.catalog import Catalog, ModelCard
    from pointsman.core.decision import Decision
    from pointsman.core.failure import Failure

MAX_ATTEMPTS = 6


@dataclass(slots=True)
class Plan:
    """The attempts of one request: the decision's candidates in order, and what each kind of failure allows."""

    decision: Decision
    catalog: Catalog
    open_models: Mapping[str, ModelCard]
    draw: Callable[[], float]
    max_attempts: int = MAX_ATTEMPTS
    retries: int = 0
    tried: list[str] = field(default_factory=list)
    retried: int = 0
    pause_s: float = 0.0  # to be waited before the attempt that `after` named

    def first(self) -> ModelCard:
        """The decision's choice."""
        return self._take(self.open_models[self.decision.candidates[0]])

    def after(self, failure: Failure) -> ModelCard | None:
        """Who follows *failure*, after `pause_s`; None when nobody does."""
        self.pause_s = 0.0
        if len(self.tried) < self.max_attempts:
            for card in self._candidates(failure):
                if card.id not in self.tried:
                    return self._take(card)
        return self._again(failure)

    def _again(self, failure: Failure) -> ModelCard | None:
        """The model that just failed once more, if it answered at all and there are retries left."""
        is_passing = failure.kind is FailureKind.TRANSIENT and failure.status is not None
        if not is_passing or self.retried >= self.retries:
            return None
        pause = backoff_s(self.retried, self.draw, failure.retry_after_s)
        if pause is None:
            return None
        self.retried += 1
        self.pause_s = pause
        return self._last()

    def _candidates(self, failure: Failure) -> Iterator[ModelCard]:
        match failure.kind:
            case FailureKind.BAD_REQUEST:
                return
            case FailureKind.CONTEXT:
                yield from self._configured(failure)
                if not self.decision.is_explicit:
                    yield from self._wider()
            case FailureKind.CONTENT:
                yield from self._configured(failure)
            case _:
                yield from (self.open_models[card_id] for card_id in self.decision.candidates)

    def _configured(self, failure: Failure) -> Iterator[ModelCard]:
        for other in self.catalog.fallbacks_of(self._last().name, *self._asked(), "*", kind=failure.kind):
            yield from (card for card in self.catalog.pools.get(other, ()) if card.id in self.open_models)

    def _asked(self) -> Iterator[str]:
        """The tier and the router that the choice was made by; a model named by the caller has neither."""
        if not self.decision.is_explicit:
            yield from (self.decision.tier,) if self.decision.tier is not None else ()
            router = self.catalog.routers_by_name.get(self.decision.router or AUTO, self.catalog.auto)
            yield from (router.name,) if router is not None else ()

    def _wider(self) -> Iterator[ModelCard]:
        """Candidates with a larger window than the one that was too small; an unknown window may be larger."""
        window = self._last().context_tokens
        for card_id in self.decision.candidates:
            card = self.open_models[card_id]
            if window is None or card.context_tokens is None or card.context_tokens > window:
                yield card

    def _last(self) -> ModelCard:
        """The model that failed, by the plan's own account: a failure may call it something else."""
        return self.open_models[self.tried[-1]]

    def _take(self, card: ModelCard) -> ModelCard:
        self.tried.append(card.id)
        return card
