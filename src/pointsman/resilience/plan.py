"""Which model is next after a failure. A plan never names one that was struck out, and ends.

The failed model's own policy decides: how often it is asked itself (`attempts`), and whether another may take over.

kind of failure                    who is next
bad_request                        nobody: another model would be told the same; unless it is this model that is
                                   unable, then the next candidate, without harm to its health
context                            the configured context fallbacks; for `auto`, candidates with a larger window
content                            the configured content fallbacks, nobody else
everything else                    the next candidate that may be asked; when there is none, and the endpoint may
                                   work soon, the same model again after a pause, `retries` times at most; a local
                                   model that is still loading, until it has loaded; at last the last resort
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.core.catalog import AUTO
from pointsman.core.failure import DISCONNECTED, UNABLE, FailureKind
from pointsman.core.policy import Action, Mark
from pointsman.core.values import value_type
from pointsman.resilience.backoff import backoff_s
from pointsman.resilience.cause import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pointsman.core.catalog import Catalog, ModelCard
    from pointsman.core.decision import Decision
    from pointsman.core.failure import Failure
    from pointsman.core.policy import Rule
    from pointsman.resilience.availability import Availability
    from pointsman.resilience.budget import RetryBudget

MAX_ATTEMPTS = 6
LOADING_S = 120.0  # how long a local model may take to load, where nobody else can answer
LOADING_PAUSE_S = 0.5


@value_type
class Next:
    """The next attempt: who, after which pause; `is_again` when it has just failed.

    `needs_consent` where the model it stands in for has a policy that asks.
    """

    card: ModelCard
    pause_s: float = 0.0
    is_again: bool = False
    needs_consent: bool = False


@dataclass(slots=True)
class Plan:
    """The attempts of one request: the decision's candidates in order, and what each kind of failure allows."""

    decision: Decision
    catalog: Catalog
    open_models: Mapping[str, ModelCard]
    draw: Callable[[], float]
    health: Availability
    budget: RetryBudget
    max_attempts: int = MAX_ATTEMPTS
    retries: int = 0
    tried: list[str] = field(default_factory=list)
    retried: int = 0
    waited_s: float = 0.0  # for a model to load
    refused: set[str] = field(default_factory=set)  # those that were not free after all when their turn came
    once: set[str] = field(default_factory=set)  # those that were unwell when they were first asked
    _holds_budget: bool = False

    def first(self) -> Next | None:
        """The decision's choice, or whoever of its candidates is well; None when nobody may be asked."""
        if self.health.is_all_well:
            return Next(card=self.open_models[self.decision.candidates[0]])
        found = next(self._well(self._candidates()), None)
        if found is None:
            return self._last_resort()
        preferred = self.decision.preferred
        if preferred is None:
            return Next(card=found)
        return Next(card=found, needs_consent=self._asks(self._unwell_rule(self.open_models[preferred]), found))

    def take(self, step: Next) -> bool:
        """Begin *step*'s attempt. False when its model is not free any more: `instead` has the next."""
        card = step.card
        if not self.health.is_all_well:
            if not step.is_again and not self.health.retries(card):
                self.once.add(card.id)
            if step.is_again or self._is_last(card):
                self.health.insist(card)
            elif not self.health.take(card, has_other=self.has_other(card)):
                self.refused.add(card.id)
                return False
        self.tried.append(card.id)
        return True

    def instead(self, step: Next) -> Next | None:
        """Who takes the place of *step*'s model, which was not free."""
        found = next(self._well(self._candidates()), None)
        return self._last_resort() if found is None else Next(card=found, needs_consent=step.needs_consent)

    def after(self, failure: Failure) -> Next | None:
        """Who follows *failure*; None when nobody does."""
        self.done()
        card = self._last()
        rule = self._rule(card, failure)
        if self._times(card) < rule.attempts and (again := self._again(failure)) is not None:
            return again
        if rule.action is Action.STOP:
            return None
        if len(self.tried) - self.retried < self.max_attempts:
            found = next(self._well(self._followers(failure)), None)
            if found is not None:
                return Next(card=found, needs_consent=self._asks(rule, found))
        if self.retried < self.retries and (again := self._again(failure)) is not None:
            return again
        return self._until_loaded(failure) or self._last_resort(failure)

    def done(self) -> None:
        """The attempt is over, however: what it took of the budget is given back."""
        if self._holds_budget:
            self._holds_budget = False
            self.budget.put()

    def stopped(self, failure: Failure) -> bool:
        """Whether the policy, not the lack of models, ends the request after *failure*."""
        return self._rule(self._last(), failure).action is Action.STOP

    def waits(self) -> Sequence[ModelCard]:
        """The models whose recovery the caller could wait for."""
        return [self.open_models[card_id] for card_id in self.decision.candidates]

    def _rule(self, card: ModelCard, failure: Failure) -> Rule:
        """What *card*'s policy says of *failure*; a model that is unable is like one that is not there."""
        kind = FailureKind.NOT_FOUND if failure.code == UNABLE else failure.kind
        return self.catalog.policy_of(card.name).rule(kind)

    def _again(self, failure: Failure) -> Next | None:
        """The model that just failed once more, if the failure passes, its health allows it and there is budget."""
        card = self._last()
        is_passing = failure.kind is FailureKind.TRANSIENT and (
            failure.status is not None or failure.code == DISCONNECTED
        )
        is_doubted_since = self._rule(card, failure).mark is Mark.ONE_RETRY and card.id not in self.once
        if not is_passing or not (is_doubted_since or self.health.retries(card)):
            return None
        pause = backoff_s(self.retried, self.draw, failure.retry_after_s)
        if pause is None or not self.budget.take():
            return None
        self._holds_budget = True
        self.retried += 1
        return Next(card=card, pause_s=pause, is_again=True)

    def _until_loaded(self, failure: Failure) -> Next | None:
        """A local model that is still loading, once more a little later: its 503 is no fault."""
        card = self._last()
        if not (card.is_local and is_loading(failure)) or self.waited_s >= LOADING_S:
            return None
        self.waited_s += LOADING_PAUSE_S
        self.retried += 1
        return Next(card=card, pause_s=LOADING_PAUSE_S, is_again=True)

    def _last_resort(self, failure: Failure | None = None) -> Next | None:
        """The one model that is asked however unwell it is, once."""
        if failure is not None and failure.kind in NOT_UNWELL:
            return None
        pool = self.catalog.pools.get(self.catalog.resolve(self.catalog.last_resort or ""), ())
        for card in pool:
            if card.id in self.open_models and card.id in self.decision.candidates and card.id not in self.tried:
                return Next(card=card)
        return None

    def _is_last(self, card: ModelCard) -> bool:
        return self.catalog.last_resort is not None and self.catalog.resolve(self.catalog.last_resort) == card.name

    def _well(self, cards: Iterator[ModelCard]) -> Iterator[ModelCard]:
        """Those of *cards* that were not tried yet and may be asked now."""
        is_all_well = self.health.is_all_well
        for card in cards:
            if card.id in self.tried or card.id in self.refused:
                continue
            if is_all_well or self.health.may_try(card):
                yield card

    def has_other(self, card: ModelCard) -> bool:
        """Whether somebody else could take over from *card*."""
        return any(other.id != card.id for other in self._well(self._candidates()))

    def _followers(self, failure: Failure) -> Iterator[ModelCard]:
        match failure.kind:
            case FailureKind.BAD_REQUEST if failure.code != UNABLE:
                return
            case FailureKind.CONTEXT:
                yield from self._configured(failure)
                if not self.decision.is_explicit:
                    yield from self._wider()
            case FailureKind.CONTENT:
                yield from self._configured(failure)
            case _:
                yield from self._candidates()

    def _candidates(self) -> Iterator[ModelCard]:
        return (self.open_models[card_id] for card_id in self.decision.candidates)

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
        for card in self._candidates():
            if window is None or card.context_tokens is None or card.context_tokens > window:
                yield card

    def _asks(self, rule: Rule, other: ModelCard) -> bool:
        """Whether a person is to be asked before *other* takes over: not for another deployment of the same model."""
        from_name = self.open_models[self.tried[-1] if self.tried else self.decision.preferred or other.id].name
        return rule.action is Action.ASK and other.name != from_name and not self.decision.is_utility

    def _unwell_rule(self, card: ModelCard) -> Rule:
        return self.catalog.policy_of(card.name).rule(kind_of(self.health.health_of(card).cause))

    def _times(self, card: ModelCard) -> int:
        return self.tried.count(card.id)

    def _last(self) -> ModelCard:
        """The model that failed, by the plan's own account: a failure may call it something else."""
        return self.open_models[self.tried[-1]]


NOT_UNWELL = frozenset((FailureKind.BAD_REQUEST, FailureKind.CONTEXT, FailureKind.CONTENT))  # it did answer


def is_loading(failure: Failure) -> bool:
    """Whether it is no fault but a model that is being loaded (llama.cpp and those that took it over from there)."""
    return failure.kind is FailureKind.TRANSIENT and failure.message.lower().startswith("loading model")
