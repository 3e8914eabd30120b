"""What holds of the book of healths whatever happens to it, and in whatever order."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pointsman.core.catalog import ModelCard
from pointsman.core.failure import FailureKind, Reach
from pointsman.core.health import Health, HealthState
from pointsman.core.policy import DEFAULT_RULES, Mark, Rule
from pointsman.resilience.tolerance import MOST_QUOTA_S, PROBE_LOST_S
from tests.resilience.book import FLASH, OTHER, PRO, Book, failing

CARDS = (PRO, FLASH, OTHER)
LEFT_ALONE = {HealthState.COOLING, HealthState.DOWN}
PASSING_TIME = st.sampled_from((0.0, 0.5, 1.0, 3.4, 5.0, 10.0, 31.0, 61.0, 300.0, 4000.0))
cards = st.sampled_from(CARDS)
kinds = st.sampled_from((
    FailureKind.TRANSIENT, FailureKind.TERMINAL, FailureKind.AUTH, FailureKind.NOT_FOUND, FailureKind.UNKNOWN,
))  # fmt: skip


def subjects(card: ModelCard) -> tuple[tuple[bool, str], tuple[bool, str]]:
    """The two whom an attempt on *card* is about."""
    return (False, card.id), (True, card.endpoint.name)


class AvailabilityMachine(RuleBasedStateMachine):
    """Requests take, answer, fail or vanish; both clocks run, the wall clock jumps too."""

    def __init__(self) -> None:
        super().__init__()
        self.book = Book()
        self.under_way: list[ModelCard] = []
        self.probing: dict[tuple[bool, str], float] = {}  # who is probed, since when

    @initialize(drawn=st.floats(0, 0.999))
    def draws(self, drawn: float) -> None:
        """Luck is the same for all of a run."""
        self.book.drawn = drawn

    def states(self) -> dict[tuple[bool, str], Health]:
        """Everybody below healthy."""
        return {(health.is_endpoint, health.subject): health for health in self.book.health.healths()}

    @rule(card=cards, has_other=st.booleans())
    def take(self, card: ModelCard, *, has_other: bool) -> None:
        """Leave is given only by who may be asked, and a probe's place once."""
        may_try, before = self.book.health.may_try(card), self.states()
        taken = self.book.take(card, has_other=has_other)
        assert may_try or not taken
        assert taken or before, "nobody is refused while all is well"
        if not taken:
            return
        after = self.states()
        for subject in subjects(card):
            state = before[subject].state if subject in before else HealthState.HEALTHY
            if state in LEFT_ALONE:
                assert before[subject].until_s == self.book.epoch.now_s, "not before its time"
            if state is HealthState.PROBING:
                assert self.book.clock.now_s - self.probing[subject] >= PROBE_LOST_S, "one probe at a time"
            if subject in after and after[subject].state is HealthState.PROBING:
                self.probing[subject] = self.book.clock.now_s
        self.under_way.append(card)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def succeed(self, data: st.DataObject) -> None:
        """A success of who was taken ends a probe and one retry, and clears the count of failures."""
        card = self._over(data)
        before = self.states()
        self.book.health.succeeded(card)
        for subject in subjects(card):
            now = self.states().get(subject)
            was = before[subject].state if subject in before else HealthState.HEALTHY
            if was is HealthState.ONE_RETRY:
                assert now is None
            if was is HealthState.PROBING:
                assert now is not None
                assert now.state is HealthState.RAMPING
            if was not in LEFT_ALONE and now is not None:
                assert now.failures == 0
            if was is HealthState.RAMPING and now is not None:
                assert now.share >= before[subject].share

    @precondition(lambda self: self.under_way)
    @rule(
        data=st.data(),
        kind=kinds,
        mark=st.sampled_from((None, *Mark)),
        reach=st.sampled_from(Reach),
        status=st.sampled_from((None, 404, 429, 500)),
        asked_s=st.sampled_from((None, 0.0, 2.0, 1e12)),
        until_in_s=st.sampled_from((None, -5.0, 30.0, 1e12)),
    )
    def fail(
        self,
        data: st.DataObject,
        kind: FailureKind,
        mark: Mark | None,
        reach: Reach,
        status: int | None,
        asked_s: float | None,
        until_in_s: float | None,
    ) -> None:
        """A failure of who was taken makes nobody better, but for the endpoint that at least answered."""
        card = self._over(data)
        until_s = None if until_in_s is None else self.book.epoch.now_s + until_in_s
        failure = failing(card, kind, status=status, retry_after_s=asked_s, until_s=until_s, reach=reach)
        self.book.health.failed(card, failure, DEFAULT_RULES[kind] if mark is None else Rule(mark=mark))
        if mark is Mark.DOWN:
            blamed = subjects(card)[reach is Reach.ENDPOINT]
            assert self.states()[blamed].state is HealthState.DOWN

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def vanish(self, data: st.DataObject) -> None:
        """A request that says nothing leaves nobody better off."""
        card = self._over(data)
        before = set(self.states())
        self.book.health.released(card)
        assert set(self.states()) == before

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """A request may never report."""
        self._over(data)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def begin_to_answer(self, data: st.DataObject) -> None:
        """The first content of a stream ends the probe."""
        card = data.draw(st.sampled_from(self.under_way))
        self.book.health.answering(card)
        assert all(
            self.states().get(one, Health(subject="")).state is not HealthState.PROBING for one in subjects(card)
        )

    @rule(card=cards)
    def insist(self, card: ModelCard) -> None:
        """Somebody asks all the same."""
        self.book.health.insist(card)
        self.under_way.append(card)

    @rule(seconds=PASSING_TIME)
    def wait(self, seconds: float) -> None:
        """Time alone never lowers a share, and never ends a pause by itself."""
        before = self.states()
        self.book.advance(seconds)
        after = self.states()
        for subject, health in before.items():
            if health.state is HealthState.RAMPING:
                assert subject not in after or after[subject].share >= health.share
            else:
                assert after[subject].state is health.state

    @rule(seconds=st.sampled_from((-7200.0, -1.0, 1.0, 7200.0)))
    def jump(self, seconds: float) -> None:
        """Somebody sets the clock."""
        self.book.epoch.advance(seconds)

    @rule(name=st.sampled_from((None, "pro", "cloud")))
    def reset(self, name: str | None) -> None:
        """Whoever is reset is well."""
        before = self.states()
        forgotten = {health.subject for health in self.book.health.reset(name)}
        assert forgotten == {subject for _, subject in before if name in (None, subject)}
        assert {subject for _, subject in self.states()}.isdisjoint(forgotten)

    @invariant()
    def all_is_well_when_nobody_is_below(self) -> None:
        """The flag that lets requests skip the book says what the book says."""
        healths = self.book.health.healths()
        assert self.book.health.is_all_well == (not healths)

    @invariant()
    def times_are_in_order(self) -> None:
        """No state began in the future, none ended in the past, none lasts for ever."""
        now_s = self.book.epoch.now_s
        for health in self.book.health.healths():
            assert health.since_s <= now_s
            assert (health.until_s is not None) == (health.state in LEFT_ALONE)
            assert health.until_s is None or now_s <= health.until_s <= now_s + MOST_QUOTA_S
            assert 0 < health.share <= 1
            assert health.cause is not None

    @invariant()
    def a_wait_is_over_when_one_may_ask(self) -> None:
        """And not before."""
        for card in CARDS:
            wait_s = self.book.health.wait_s([card])
            assert wait_s is not None
            assert (wait_s == 0.0) == self.book.health.may_try(card)

    @invariant()
    def what_was_told_is_how_it_is(self) -> None:
        """Whoever listens knows as much as the book does."""
        heard = {(new.is_endpoint, new.subject): new.state for _, new in self.book.told}
        unwell = {subject: state for subject, state in heard.items() if state is not HealthState.HEALTHY}
        assert unwell == {subject: health.state for subject, health in self.states().items()}

    def _over(self, data: st.DataObject) -> ModelCard:
        index = data.draw(st.integers(0, len(self.under_way) - 1))
        return self.under_way.pop(index)


TestAvailability = AvailabilityMachine.TestCase
TestAvailability.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
