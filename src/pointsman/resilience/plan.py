"""Which model is next after a failure. A plan never names a model twice and never one that was struck out.

kind of failure                    who is next
bad_request                        nobody: another model would be told the same
context                            the configured context fallbacks; for `auto`, candidates with a larger window
content                            the configured content fallbacks, nobody else
everything else                    the next candidate
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.core.failure import FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
    max_attempts: int = MAX_ATTEMPTS
    tried: list[str] = field(default_factory=list)

    def first(self) -> ModelCard:
        """The decision's choice."""
        return self._take(self.open_models[self.decision.candidates[0]])

    def after(self, failure: Failure) -> ModelCard | None:
        """Who follows *failure*, None when nobody does."""
        if len(self.tried) >= self.max_attempts:
            return None
        for card in self._candidates(failure):
            if card.id not in self.tried:
                return self._take(card)
        return None

    def _candidates(self, failure: Failure) -> Iterator[ModelCard]:
        match failure.kind:
            case FailureKind.BAD_REQUEST:
                return
            case FailureKind.CONTEXT:
                yield from self._configured(failure)
                if not self.decision.is_explicit:
                    yield from self._wider(failure)
            case FailureKind.CONTENT:
                yield from self._configured(failure)
            case _:
                yield from (self.open_models[card_id] for card_id in self.decision.candidates)

    def _configured(self, failure: Failure) -> Iterator[ModelCard]:
        table = self.catalog.fallbacks_by_kind.get(failure.kind, {})
        name = self.open_models[failure.model].name
        for other in (*table.get(name, ()), *table.get("*", ())):
            yield from (c for c in self.catalog.pools.get(self.catalog.resolve(other), ()) if c.id in self.open_models)

    def _wider(self, failure: Failure) -> Iterator[ModelCard]:
        """Candidates with a larger window than the one that was too small; an unknown window may be larger."""
        window = self.open_models[failure.model].context_tokens
        for card_id in self.decision.candidates:
            card = self.open_models[card_id]
            if window is None or card.context_tokens is None or card.context_tokens > window:
                yield card

    def _take(self, card: ModelCard) -> ModelCard:
        self.tried.append(card.id)
        return card
