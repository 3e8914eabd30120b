"""The book of healths: who may be asked, who is left alone and until when, who gets a trial.

A failure counts for the model, or, where no other model of the endpoint would do better, for the endpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.core.failure import Failure, Reach
from pointsman.core.health import Cause, Health, HealthState
from pointsman.core.policy import Mark
from pointsman.resilience.cause import cause_of
from pointsman.resilience.condition import Condition
from pointsman.resilience.tolerance import (
    DEFAULT_TOLERANCE,
    PASSING,
    SHORT_S,
    UNREACHABLE_FAILURES,
    Tolerance,
    asks_to_wait,
    cooling_s,
    down_s,
    hint_s,
    is_hang,
)

if TYPE_CHECKING:
    from pointsman.core.catalog import ModelCard
    from pointsman.core.policy import Rule

Listener = Callable[[Health, Health], None]
PROBE_WAIT_S = 1.0  # what is said of a model whose probe is under way
SERVER_ERROR = 500
_BADNESS = {
    state: rank
    for rank, state in enumerate((
        HealthState.HEALTHY,
        HealthState.ONE_RETRY,
        HealthState.RAMPING,
        HealthState.PROBING,
        HealthState.COOLING,
        HealthState.DOWN,
    ))
}  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Availability:
    """Every model's and every endpoint's health. `clock` is monotonic seconds, `now` seconds since the epoch.

    Whoever `take`s a model tells how it went, once: `succeeded`, `failed` or `released`. `listeners` are told of each
    change made here, the health before and after it.
    """

    clock: Callable[[], float]
    now: Callable[[], float]
    draw: Callable[[], float]
    tolerance: Tolerance = DEFAULT_TOLERANCE
    listeners: list[Listener] = field(default_factory=list)
    is_all_well: bool = field(default=True, init=False)  # nothing below healthy: callers need not look further
    _models: dict[str, Condition] = field(default_factory=dict, init=False)  # of those that failed lately
    _endpoints: dict[str, Condition] = field(default_factory=dict, init=False)

    def may_try(self, card: ModelCard) -> bool:
        """Whether *card* could be taken now; takes nothing."""
        at, now_s = self.clock(), self.now()
        self._settle(at)
        return all(found.may_try(at, now_s) for found in self._found(card))

    def take(self, card: ModelCard, *, has_other: bool) -> bool:
        """Leave to ask *card* now: a probe's one place, or the share of a model that ramps.

        A ramping model without an alternative (*has_other*) is always taken.
        """
        at, now_s = self.clock(), self.now()
        self._settle(at)
        found = list(self._found(card))
        if not all(one.may_try(at, now_s) for one in found):
            return False
        before = [self._shown(one) for one in found]
        taken = [one.take(at, self.draw, has_other=has_other) for one in found]
        if not all(taken):
            for one, was_taken in zip(found, taken, strict=True):
                if was_taken:
                    one.give_back(at)
            return False
        self._tell(zip(found, before, strict=True))
        return True

    def insist(self, card: ModelCard) -> None:
        """*card* will be asked although it may be left alone: a last resort, a person's wish, a further attempt."""
        for found in self._found(card):
            found.insisted += found.is_left_alone

    def retries(self, card: ModelCard) -> bool:
        """Whether one request may ask *card* again after it failed."""
        at, now_s = self.clock(), self.now()
        return all(
            found.state is not HealthState.ONE_RETRY and found.wait_s(at, now_s) <= SHORT_S
            for found in self._found(card)
        )

    def failed(self, card: ModelCard, failure: Failure, rule: Rule) -> None:
        """*card*, taken before, failed; *rule* is its policy's for this kind."""
        if rule.mark is Mark.NONE:
            self.released(card)
            return
        at = self.clock()
        self._settle(at)
        model, endpoint = self._model(card), self._endpoint(card)
        before = [(model, self._shown(model)), (endpoint, self._shown(endpoint))]
        if failure.reach is Reach.ENDPOINT:
            model.give_back(at)
            self._mark(endpoint, failure, rule, at)
        else:
            self._mark(model, failure, rule, at)
            self._note_model_failure(endpoint, failure, at)
        model.insisted = max(0, model.insisted - 1)
        endpoint.insisted = max(0, endpoint.insisted - 1)
        self._tell(before)

    def answering(self, card: ModelCard) -> None:
        """*card*, taken before, shows the first content of a stream: a probe is over, its verdict comes at the end."""
        if self.is_all_well:
            return
        at = self.clock()
        for found in self._found(card):
            before = self._shown(found)
            found.answering(at)
            self._tell(((found, before),))

    def succeeded(self, card: ModelCard) -> None:
        """*card*, taken before, answered."""
        if not self._models and not self._endpoints:
            return
        at = self.clock()
        if self.is_all_well:
            self._count_answer(self._models, card.id, at)
            self._count_answer(self._endpoints, card.endpoint.name, at)
            return
        now_s = self.now()
        self._settle(at)
        for found in self._found(card):
            if found.state is HealthState.HEALTHY:
                found.success(at, now_s)
                continue
            before = self._shown(found)
            found.success(at, now_s)
            self._tell(((found, before),))

    def released(self, card: ModelCard) -> None:
        """*card*, taken before, was neither: the caller went away, or the request was at fault."""
        if self.is_all_well:
            return
        at = self.clock()
        for found in self._found(card):
            before = self._shown(found)
            found.give_back(at)
            self._tell(((found, before),))

    def wait_s(self, cards: Iterable[ModelCard]) -> float | None:
        """Seconds until the first of *cards* may be asked; None when that is not known."""
        at, now_s = self.clock(), self.now()
        return min(
            (max((_wait_s(one, at, now_s) for one in self._found(card)), default=0.0) for card in cards), default=None
        )

    def health_of(self, card: ModelCard) -> Health:
        """The health that counts for *card*: its own, or its endpoint's where that is worse."""
        self._settle(self.clock())
        shown = [self._shown(found) for found in self._found(card)]
        return max(shown, key=badness, default=Health(subject=card.id))

    def healths(self) -> Sequence[Health]:
        """Whoever is not healthy."""
        self._settle(self.clock())
        return [self._shown(found) for found in self._all() if found.state is not HealthState.HEALTHY]

    def reset(self, name: str | None = None) -> Sequence[Health]:
        """Forget what is known of the model or endpoint *name*, or of all; what was forgotten."""
        at = self.clock()
        forgotten = []
        for found in list(self._all()):
            if name is not None and not is_of(found.subject, name):
                continue
            before = self._shown(found)
            if found.state is not HealthState.HEALTHY:
                forgotten.append(before)
            found.recover(at)
            found.ejections = 0
            self._tell(((found, before),))
        return forgotten

    def learn(self, health: Health) -> None:
        """Take over what another process has seen; older news than ours is none. The listeners are not told."""
        at, now_s = self.clock(), self.now()
        book = self._endpoints if health.is_endpoint else self._models
        found = book.get(health.subject)
        if found is None:
            if health.state is HealthState.HEALTHY:
                return
            found = book[health.subject] = self._new(health.subject, is_endpoint=health.is_endpoint)
        elif health.since_s < self._shown(found).since_s:
            return
        found.adopt(health, at, now_s)
        self._look()

    # ── what a failure does ──

    def _mark(self, found: Condition, failure: Failure, rule: Rule, at: float) -> None:
        """Let *failure* count for *found*, as *rule* says."""
        cause = cause_of(failure)
        if rule.mark is Mark.DOWN or not self._is_stray(found, at):
            found.blame(cause, failure.message)
        if rule.mark is Mark.ONE_RETRY:
            found.doubt(at)
        elif rule.mark is Mark.DOWN:
            times = found.ejections if self._is_stray(found, at) else found.count_ejection(at)
            self._leave_alone(
                found, HealthState.DOWN, at, failure, down_s(self.tolerance, cause, times, failure, self.now())
            )
        elif self._is_enough(found, failure, at):
            self._leave_alone(found, HealthState.COOLING, at, failure, self._cooling_s(found, failure, at))

    def _is_enough(self, found: Condition, failure: Failure, at: float) -> bool:
        """Whether *found* is to cool now: a further failure may have to come first."""
        if found.state in (HealthState.PROBING, HealthState.RAMPING):
            return True
        if asks_to_wait(failure) or failure.kind not in PASSING or is_hang(failure):
            return True
        if found.is_left_alone:
            return found.is_due(at, self.now())
        found.tally.failure(at, failure.model)
        allowed = self.tolerance.allowed_fails
        if found.is_endpoint:
            is_unreachable = cause_of(failure) is Cause.NETWORK
            allowed = (UNREACHABLE_FAILURES if is_unreachable else self.tolerance.breaker_failures) - 1
        return found.tally.in_a_row > allowed or found.tally.is_over_rate(at)

    def _cooling_s(self, found: Condition, failure: Failure, at: float) -> float:
        """As long as the endpoint asks for; else, and after a probe in vain, at least as long as it has earned."""
        hint = hint_s(failure, self.now())
        if hint is not None and found.state is not HealthState.PROBING:
            return hint
        if self._is_stray(found, at):
            return 0.0
        return max(hint or 0.0, cooling_s(self.tolerance, found.count_ejection(at), self.draw))

    def _leave_alone(self, found: Condition, state: HealthState, at: float, failure: Failure, pause_s: float) -> None:
        now_s = self.now()
        until_s = now_s + pause_s if failure.until_s is not None else None
        if self._is_stray(found, at):
            found.prolong(state, at, pause_s, until_s)
        else:
            found.eject(state, at, pause_s, until_s)

    def _is_stray(self, found: Condition, at: float) -> bool:
        """Whether a verdict on *found* comes from a request of before it was left alone."""
        return found.is_left_alone and not found.is_due(at, self.now())

    def _note_model_failure(self, endpoint: Condition, failure: Failure, at: float) -> None:
        """What one model's failure says about its endpoint: an answer at least, or a fault that others may share."""
        if failure.status is not None and failure.status < SERVER_ERROR:
            endpoint.success(at, self.now())
            return
        if endpoint.state is HealthState.PROBING:
            endpoint.blame(cause_of(failure), failure.message)
            self._leave_alone(endpoint, HealthState.COOLING, at, failure, self._cooling_s(endpoint, failure, at))
            return
        if endpoint.is_left_alone:
            return
        tally = endpoint.tally
        tally.failure(at, failure.model)
        is_shared = len(tally.failing) > 1
        if is_shared and (tally.in_a_row >= self.tolerance.breaker_failures or tally.is_over_rate(at)):
            endpoint.blame(cause_of(failure), failure.message)
            self._leave_alone(endpoint, HealthState.COOLING, at, failure, self._cooling_s(endpoint, failure, at))

    # ── the book ──

    def _found(self, card: ModelCard) -> Iterator[Condition]:
        """What is known of *card* and of its endpoint."""
        if (model := self._models.get(card.id)) is not None:
            yield model
        if (endpoint := self._endpoints.get(card.endpoint.name)) is not None:
            yield endpoint

    def _all(self) -> Iterator[Condition]:
        yield from self._models.values()
        yield from self._endpoints.values()

    def _model(self, card: ModelCard) -> Condition:
        found = self._models.get(card.id)
        if found is None:
            found = self._models[card.id] = self._new(card.id, is_endpoint=False)
        return found

    def _endpoint(self, card: ModelCard) -> Condition:
        name = card.endpoint.name
        found = self._endpoints.get(name)
        if found is None:
            found = self._endpoints[name] = self._new(name, is_endpoint=True)
        return found

    def _new(self, subject: str, *, is_endpoint: bool) -> Condition:
        return Condition(subject=subject, is_endpoint=is_endpoint, ramp_s=self.tolerance.ramp_s)

    def _count_answer(self, book: dict[str, Condition], subject: str, at: float) -> None:
        """Count it while there are failures to hold it against; when there are none, the subject is forgotten."""
        found = book.get(subject)
        if found is None:
            return
        if found.tally.is_quiet(at) and found.is_forgettable(at):
            del book[subject]
            return
        found.tally.answer(at)
        found.failures = 0

    def _settle(self, at: float) -> None:
        """Let time do its part: ramps go on and end."""
        if self.is_all_well:
            return
        for found in self._all():
            if found.state is HealthState.RAMPING:
                before = self._shown(found)
                found.settle(at)
                self._tell(((found, before),))

    def _shown(self, found: Condition) -> Health:
        return found.health(self.clock(), self.now())

    def _tell(self, changes: Iterable[tuple[Condition, Health]]) -> None:
        """Tell the listeners of *changes*, each with the health before it, where one can be seen."""
        seen = [(before, after) for found, before in changes if _differs(before, after := self._shown(found))]
        if not seen:
            return
        self._look()
        for before, after in seen:
            for listener in self.listeners:
                listener(before, after)

    def _look(self) -> None:
        self.is_all_well = all(found.state is HealthState.HEALTHY for found in self._all())


def is_of(subject: str, name: str) -> bool:
    """Whether *subject* is what *name* means: an endpoint, a card's id, or a deployment of the model."""
    rest = subject.removeprefix(name)
    return subject == name or (rest != subject and rest[0] == "#" and rest[1:].isdecimal())


def _wait_s(found: Condition, at: float, now_s: float) -> float:
    wait_s = found.wait_s(at, now_s)
    return min(wait_s, PROBE_WAIT_S) if found.state is HealthState.PROBING else wait_s


def badness(health: Health) -> tuple[int, float]:
    """What makes one health worse than another: the state, then how long it lasts."""
    return _BADNESS[health.state], health.until_s or 0.0


def _differs(before: Health, after: Health) -> bool:
    """Whether somebody would want to know; the time that is left changes by itself."""
    if (before.state, before.cause, before.share) != (after.state, after.cause, after.share):
        return True
    return abs((before.until_s or 0.0) - (after.until_s or 0.0)) > 0.01
