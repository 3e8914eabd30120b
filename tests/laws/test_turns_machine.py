"""Any course of failures, recoveries, consents and deadlines: every request ends once, within its bounds.

A machine of four models (two local, two not; two share an endpoint) that break and recover in every way, under one
book of healths, asked by public and private, attended and unattended requests.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pointsman.core.catalog import FREE, Endpoint, ModelCard
from pointsman.core.chat import ask
from pointsman.core.consent import Consent, Question
from pointsman.core.decision import Caller, PrivacyClass
from pointsman.core.errors import ModelStruckOut, PointsmanError
from pointsman.core.events import Finished
from pointsman.core.failure import FailureKind
from pointsman.core.health import HealthState
from pointsman.core.policy import Action, Mark, Policy, Rule
from pointsman.core.ports import Egress, UpstreamCall
from pointsman.core.stream import TextDelta
from pointsman.testing import Answers, Fails, FakeProvider, FakeResponse, a_catalog
from tests.engine.lines import line, said, whole
from tests.engine.rig import Rig, a_model, a_rig, text_of

RETRIES = 2
DEADLINE_MS = 5_000.0
ANSWER = Answers(chunks=(whole("Hello"),))
STREAM = Answers(chunks=said("Hel", "lo"))
CUT = Answers(chunks=said("Hel")[:1])
BROKEN = Answers(chunks=(*said("Hel")[:1], line(error="overloaded", status=503)))
NAMES = ("small", "twin", "cloud", "frontier")
PASSING = Fails(kind=FailureKind.TRANSIENT, status=503, message="overloaded")
LOADING = Fails(kind=FailureKind.TRANSIENT, status=503, message="Loading model")
FAILURES: tuple[Fails | Answers, ...] = (
    CUT,  # of a stream; a whole answer that says no more is one
    BROKEN,
    PASSING,
    Fails(kind=FailureKind.TRANSIENT, status=429, message="slow down", retry_after_s=1.5),
    Fails(kind=FailureKind.TRANSIENT, status=429, message="slow down", retry_after_s=600.0),
    Fails(kind=FailureKind.TRANSIENT, message="connection refused"),
    LOADING,
    Fails(kind=FailureKind.TERMINAL, status=429, message="quota"),
    Fails(kind=FailureKind.NOT_FOUND, status=404, message="no such model"),
    Fails(kind=FailureKind.AUTH, status=401, message="no such key"),
    Fails(kind=FailureKind.CONTEXT, status=400, message="too long"),
    Fails(kind=FailureKind.CONTENT, status=400, message="refused"),
    Fails(kind=FailureKind.BAD_REQUEST, status=400, message="what?"),
    Fails(kind=FailureKind.UNKNOWN, status=418, message="teapot"),
)


def a_policy() -> st.SearchStrategy[Policy]:
    """Any rules for any kinds; a bad request always stops."""
    rules = st.builds(Rule, action=st.sampled_from(Action), mark=st.sampled_from(Mark), attempts=st.integers(1, 3))
    kinds = [kind for kind in FailureKind if kind is not FailureKind.BAD_REQUEST]
    return st.builds(Policy, rules=st.dictionaries(st.sampled_from(kinds), rules, max_size=4))


@dataclass(slots=True)
class Person:
    """Says the same for ever, but not more often than a person would."""

    answer: Consent
    patience: int = 3
    asked: int = 0

    async def __call__(self, _question: Question, /) -> Consent:
        self.asked += 1
        return self.answer if self.asked <= self.patience else Consent.STOP


@dataclass(slots=True)
class World:
    """What each model does now, at one endpoint."""

    endpoint: Endpoint
    now: dict[str, Fails | Answers | None]

    async def send(self, egress: Egress, call: UpstreamCall) -> FakeResponse:
        """See core.ports.Provider."""
        good = STREAM if call.stream else ANSWER
        found = self.now[call.model] or good
        if found in (CUT, BROKEN) and not call.stream:
            found = PASSING
        return await FakeProvider(self.endpoint, (found,)).send(egress, call)


class Turns(RuleBasedStateMachine):
    """Requests on a changing world."""

    rig: Rig
    cards: dict[str, ModelCard]
    now: dict[str, Fails | Answers | None]

    @initialize(
        policies=st.dictionaries(st.sampled_from(("*", *NAMES)), a_policy(), max_size=3),
        last_resort=st.sampled_from((None, "small", "frontier")),
        unattended_stops=st.booleans(),
    )
    def begin(self, *, policies: dict[str, Policy], last_resort: str | None, unattended_stops: bool) -> None:
        """All models answer."""
        small = a_model("small", price=FREE)
        twin = replace(a_model("twin", price=FREE), endpoint=small.endpoint)
        cards = (small, twin, a_model("cloud", is_local=False), a_model("frontier", is_local=False))
        self.cards = {card.id: card for card in cards}
        followers = {"small": ("cloud",), "*": ("frontier",)}
        catalog = replace(a_catalog(*cards), policies=policies, last_resort=last_resort, fallbacks=followers)
        self.rig = a_rig(catalog, {}, num_retries=RETRIES)
        self.rig.router.decider.consents.unattended_stops = unattended_stops
        self.now = dict.fromkeys(NAMES)
        router = self.rig.router
        providers = {card.endpoint.name: World(card.endpoint, self.now) for card in cards}
        self.rig.router = replace(router, caller=replace(router.caller, providers=providers))

    @rule(name=st.sampled_from(NAMES), failure=st.none() | st.sampled_from(FAILURES))
    def change(self, name: str, failure: Fails | Answers | None) -> None:
        """A model breaks, or recovers."""
        self.now[name] = failure

    @rule(seconds=st.sampled_from((0.1, 1.0, 6.0, 61.0, 3600.0)))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.rig.clock.advance(seconds)

    @rule()
    def forget(self) -> None:
        """An operator resets the book."""
        self.rig.router.health.reset()
        assert self.rig.router.health.is_all_well

    @precondition(lambda self: hasattr(self, "rig"))
    @rule(
        model=st.sampled_from((None, *NAMES)),
        answer=st.none() | st.sampled_from(Consent),
        session=st.sampled_from((None, "one", "two")),
        is_private=st.booleans(),
        is_streamed=st.booleans(),
        has_deadline=st.booleans(),
    )
    def request(
        self,
        *,
        model: str | None,
        answer: Consent | None,
        session: str | None,
        is_private: bool,
        is_streamed: bool,
        has_deadline: bool,
    ) -> None:
        """One request, to its end."""
        caller = Caller(
            privacy=PrivacyClass.PRIVATE if is_private else None,
            session=session,
            deadline_ms=DEADLINE_MS if has_deadline else None,
        )
        person = Person(answer) if answer is not None else None
        self.rig.events.clear()
        began_s = self.rig.clock.now_s
        heard, error = asyncio.run(self._asked(model, caller, person, is_streamed=is_streamed))
        self._check(person, heard, error, is_private=is_private)
        if has_deadline:
            assert self.rig.clock.now_s - began_s <= DEADLINE_MS / 1e3

    async def _asked(
        self, model: str | None, caller: Caller, person: Person | None, *, is_streamed: bool
    ) -> tuple[str, PointsmanError | None]:
        """What reached the caller, and the error at its end."""
        router, request = self.rig.router, replace(ask("hello"), model=model)
        heard: list[str] = []
        try:
            if is_streamed:
                async for event in router.stream(request, caller, ask=person):
                    heard.extend([event.text] if isinstance(event, TextDelta) else [])
            else:
                heard.append(text_of(await router.complete(request, caller, ask=person)))
        except PointsmanError as error:
            return "".join(heard), error
        return "".join(heard), None

    def _check(self, person: Person | None, heard: str, error: PointsmanError | None, *, is_private: bool) -> None:
        tried = self.rig.tried()
        ends = [event for event in self.rig.events if isinstance(event, Finished)]
        assert heard == "Hello" if error is None else "Hello".startswith(heard) and heard != "Hello"
        if isinstance(error, ModelStruckOut):
            assert is_private
            assert not tried
            return
        assert len(ends) == 1
        assert ends[0].attempts == len(tried)
        rules = [rule for policy in self.rig.router.catalog.policies.values() for rule in policy.rules.values()]
        times = max((rule.attempts for rule in rules), default=1)
        loading = sum(self.now[name] is LOADING for name in tried)
        assert len(tried) - loading <= len(NAMES) * times + RETRIES + (person.asked if person is not None else 0)
        if is_private:
            assert all(self.cards[name].is_local for name in tried)
        if error is None:
            assert ends[0].served == tried[-1]

    @invariant()
    def nothing_is_kept(self) -> None:
        """After each request: no budget held, nobody counted as under way, no probe left open."""
        if not hasattr(self, "rig"):
            return
        budget = self.rig.router.budget
        assert (budget.active, budget.retrying) == (0, 0)
        assert all(one.state is not HealthState.PROBING for one in self.rig.router.health.healths())


TestTurns = Turns.TestCase
TestTurns.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
