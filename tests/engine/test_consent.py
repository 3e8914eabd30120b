"""Who is asked before another model takes over, what their answers do, and what happens where nobody can be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from pointsman.core.catalog import FREE, Price
from pointsman.core.chat import ask
from pointsman.core.consent import Consent, Question, Unanswered
from pointsman.core.decision import Caller
from pointsman.core.errors import FallbackDeclined
from pointsman.core.failure import FailureKind
from pointsman.core.health import Cause
from pointsman.core.policy import Action, Policy, Rule
from pointsman.engine.consent import KEPT_S, MAX_SESSIONS, Consents, Said
from pointsman.resilience.wording import why_asked
from pointsman.testing import Answers, Fails, ManualClock, a_catalog
from tests.engine.lines import whole
from tests.engine.rig import Rig, a_model, a_rig, text_of

NEAR = a_model("near", price=FREE)
FAR = a_model("far", is_local=False, price=Price(input_usd_per_mtok=3.0, output_usd_per_mtok=15.0))
BOTH = a_catalog(NEAR, FAR)
GOOD = Answers(chunks=(whole("Hello"),))
SPENT = Fails(kind=FailureKind.TERMINAL, message="daily quota used up", status=429)
MIND = Caller(session="s1")


@dataclass(slots=True)
class Person:
    """Answers in order, the last one for ever, and keeps what was asked."""

    answers: tuple[Consent, ...]
    asked: list[Question] = field(default_factory=list)

    async def __call__(self, question: Question, /) -> Consent:
        self.asked.append(question)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


async def said(rig: Rig, person: Person | None, caller: Caller = MIND) -> str:
    """What the router answers to a hello."""
    return text_of(await rig.router.complete(ask("hello"), caller, ask=person))


async def test_a_person_is_asked_what_happened_and_what_the_other_costs() -> None:
    """6 tokens in at $3 and 400 out at $15 a million: 0.000018 + 0.006."""
    rig = a_rig(BOTH, {"near": [SPENT], "far": [GOOD]})
    person = Person((Consent.ONCE,))
    assert await said(rig, person) == "Hello"
    assert person.asked == [
        Question(
            decision_id="d1",
            failed="near",
            other="far",
            kind=FailureKind.TERMINAL,
            cause=Cause.QUOTA,
            message="daily quota used up",
            until_s=person.asked[0].until_s,
            other_is_local=False,
            failed_is_local=True,
            cost_usd=person.asked[0].cost_usd,
            until_is_named=False,
        )
    ]
    assert person.asked[0].cost_usd == pytest.approx(0.006018)
    assert rig.tried() == ["near", "far"]


async def test_a_person_may_stop() -> None:
    """The error says who failed and that no other was wanted; the other is never called."""
    rig = a_rig(BOTH, {"near": [SPENT], "far": [GOOD]})
    with pytest.raises(FallbackDeclined) as raised:
        await said(rig, Person((Consent.STOP,)))
    assert raised.value.message == (
        "near did not answer (near: daily quota used up), and the person asked wants no other model."
    )
    assert rig.tried() == ["near"]


async def test_no_answer_is_told_from_a_no() -> None:
    """Nobody is said to have decided what they have not; the configuration may let silence mean yes."""

    async def silent(_question: Question, /) -> Consent:
        raise Unanswered(Consent.STOP, "nobody answered within 60 s")

    async def lenient(_question: Question, /) -> Consent:
        raise Unanswered(Consent.ONCE, "nobody answered within 60 s")

    rig = a_rig(BOTH, {"near": [SPENT], "far": [GOOD]})
    with pytest.raises(FallbackDeclined) as raised:
        await rig.router.complete(ask("hello"), MIND, ask=silent)
    assert raised.value.message == ("near did not answer (near: daily quota used up), and nobody answered within 60 s.")
    assert text_of(await rig.router.complete(ask("hello"), MIND, ask=lenient)) == "Hello"


async def test_a_person_may_keep_trying() -> None:
    """The same model again, and asked again when it fails again."""
    rig = a_rig(BOTH, {"near": [SPENT, GOOD], "far": [GOOD]})
    person = Person((Consent.KEEP_TRYING,))
    assert await said(rig, person) == "Hello"
    assert rig.tried() == ["near", "near"]
    assert len(person.asked) == 1


async def test_the_rest_of_the_session_is_asked_for_once() -> None:
    """From then on the other does the work of the one that failed, even if that is well again; others' sessions not."""
    rig = a_rig(BOTH, {"near": [SPENT, GOOD], "far": [GOOD]})
    person = Person((Consent.SESSION,))
    for _ in range(3):
        assert await said(rig, person) == "Hello"
    assert len(person.asked) == 1
    assert rig.tried() == ["near", "far", "far", "far"]
    rig.router.health.reset()
    decision = await rig.router.decide(ask("hello"), MIND)
    assert decision.candidates[0] == "far"
    assert decision.trail[-1].detail == "far does the work of near for the rest of the session, as chosen"
    assert (await rig.router.decide(ask("hello"), Caller(session="s2"))).candidates[0] == "near"
    assert (await rig.router.decide(ask("hello"), replace(MIND, key_id="another"))).candidates[0] == "near"


async def test_this_time_is_until_the_model_is_well() -> None:
    """While it is unwell nobody asks again; once it has been well, its next absence is a new question."""
    rig = a_rig(BOTH, {"near": [SPENT, GOOD, SPENT], "far": [GOOD]})
    person = Person((Consent.ONCE,))
    for _ in range(2):
        await said(rig, person)
    assert (len(person.asked), rig.tried()) == (1, ["near", "far", "far"])
    rig.router.health.reset()
    assert await said(rig, person) == "Hello"
    await said(rig, Person((Consent.ONCE,)), Caller(session="another"))
    await said(rig, person)
    assert len(person.asked) == 2
    assert rig.tried()[3:] == ["near", "near", "far", "far"]


async def test_who_stands_in_may_be_stood_in_for() -> None:
    """Near gives way to far, far to third: near's work is then third's."""
    third = a_model("third", is_local=False)
    catalog = a_catalog(NEAR, FAR, third)
    rig = a_rig(catalog, {"near": [SPENT], "far": [GOOD, SPENT], "third": [GOOD]})
    person = Person((Consent.SESSION,))
    for _ in range(3):
        await said(rig, person)
    assert [(one.failed, one.other) for one in person.asked] == [("near", "far"), ("far", "third")]
    assert rig.tried() == ["near", "far", "far", "third", "third"]


async def test_another_deployment_of_the_same_model_needs_no_consent() -> None:
    """It is the model that was chosen."""
    second = replace(a_model("near-b"), id="near#2", name="near")
    rig = a_rig(a_catalog(NEAR, second), {"near": [SPENT], "near#2": [GOOD]})
    person = Person((Consent.STOP,))
    assert await said(rig, person) == "Hello"
    assert person.asked == []


@pytest.mark.parametrize(
    ("policies", "asked", "tried"),
    [
        ({"near": Policy(rules={FailureKind.TERMINAL: Rule(action=Action.SILENT)})}, 0, ["near", "far"]),
        ({"*": Policy(rules={FailureKind.TERMINAL: Rule(action=Action.SILENT)})}, 0, ["near", "far"]),
        ({"far": Policy(rules={FailureKind.TERMINAL: Rule(action=Action.SILENT)})}, 1, ["near", "far"]),
    ],
)
async def test_the_failed_models_own_policy_decides(
    policies: Mapping[str, Policy], asked: int, tried: list[str]
) -> None:
    """Not that of the model which would take over."""
    rig = a_rig(replace(BOTH, policies=policies), {"near": [SPENT], "far": [GOOD]})
    person = Person((Consent.ONCE,))
    await said(rig, person)
    assert (len(person.asked), rig.tried()) == (asked, tried)


async def test_a_policy_may_stop() -> None:
    """Whoever is there or not."""
    policies = {"near": Policy(rules={FailureKind.TERMINAL: Rule(action=Action.STOP)})}
    for person in (None, Person((Consent.ONCE,))):
        rig = a_rig(replace(BOTH, policies=policies), {"near": [SPENT], "far": [GOOD]})
        with pytest.raises(FallbackDeclined, match="the configuration wants no other model"):
            await said(rig, person)
        assert rig.tried() == ["near"]


@pytest.mark.parametrize(("stops", "tried"), [(False, ["near", "far"]), (True, ["near"])])
async def test_where_nobody_can_be_asked_the_configuration_decides(*, stops: bool, tried: list[str]) -> None:
    """Nothing ever waits for a person who is not there."""
    rig = a_rig(BOTH, {"near": [SPENT], "far": [GOOD]})
    rig.router.decider.consents.unattended_stops = stops
    if stops:
        with pytest.raises(FallbackDeclined, match="the configuration wants no other model"):
            await said(rig, None)
    else:
        assert await said(rig, None) == "Hello"
    assert rig.tried() == tried


def test_sessions_are_forgotten_oldest_first() -> None:
    """Memory is bounded; a request without a session is never remembered."""
    consents = Consents()
    question = Question(
        decision_id="d",
        failed="near",
        other="far",
        kind=FailureKind.TERMINAL,
        cause=Cause.QUOTA,
        message="m",
        until_s=None,
        other_is_local=False,
        failed_is_local=True,
        cost_usd=None,
    )
    consents.remember(Caller(), question, Consent.SESSION)
    assert not consents.sessions
    for number in range(MAX_SESSIONS + 2):
        consents.remember(Caller(session=f"s{number}"), question, Consent.SESSION)
    assert len(consents.sessions) == MAX_SESSIONS
    assert consents.of(Caller(session="s1")) is None
    found = consents.of(Caller(session="s2"))
    assert found is not None
    assert found.for_session == {"near": "far"}
    consents.forget(Caller(session="s2"))
    assert consents.of(Caller(session="s2")) is None


async def test_a_choice_for_the_session_is_kept_for_a_day() -> None:
    """Since it was made; who comes later is asked again."""
    rig = a_rig(BOTH, {"near": [SPENT], "far": [GOOD]})
    clock = rig.router.decider.consents.clock = ManualClock(1_000.0)
    person = Person((Consent.SESSION,))
    await said(rig, person)
    clock.advance(KEPT_S - 1)
    await said(rig, person)
    assert len(person.asked) == 1
    clock.advance(1)
    assert rig.router.decider.consents.of(MIND) is None
    assert not rig.router.decider.consents.sessions


def question(failed: str, other: str) -> Question:
    """Whether *other* may do the work of *failed*."""
    return Question(
        decision_id="d1",
        failed=failed,
        other=other,
        kind=FailureKind.TERMINAL,
        cause=Cause.QUOTA,
        message="spent",
        until_s=None,
        other_is_local=True,
        failed_is_local=True,
        cost_usd=None,
    )


def test_what_is_chosen_in_one_process_goes_for_the_others() -> None:
    """Choices, that a model is well again, and that all is forgotten."""
    clock = ManualClock(1_000.0)
    here, there = Consents(clock=clock), Consents(clock=clock)
    here.listeners.append(there.learn)
    here.remember(MIND, question("near", "far"), Consent.SESSION)
    assert there.of(MIND) == Said({"near": "far"}, {"near"}, 1_000.0 + KEPT_S)
    here.well_again(MIND, "near")
    here.well_again(MIND, "near")
    assert there.of(MIND) == Said({"near": "far"}, set(), 1_000.0 + KEPT_S)
    here.forget(MIND)
    here.forget(MIND)
    assert there.of(MIND) is None


def test_what_was_chosen_elsewhere_counts_towards_the_bound() -> None:
    """The oldest sessions are forgotten."""
    here, there = Consents(), Consents()
    here.listeners.append(there.learn)
    for number in range(MAX_SESSIONS + 1):
        here.remember(Caller(session=f"s{number}"), question("near", "far"), Consent.ONCE)
    assert len(there.sessions) == MAX_SESSIONS
    assert there.of(Caller(session="s0")) is None


async def test_a_guess_is_no_daily_quota() -> None:
    """A model known to be unwell: when it may be back is shown, and not said to be the endpoint's word."""
    rig = a_rig(BOTH, {"near": [SPENT], "far": [GOOD]})
    person = Person((Consent.ONCE,))
    await said(rig, person, Caller(session="s1"))
    await said(rig, person, Caller(session="s2"))
    assert [question.until_is_named for question in person.asked] == [False, False]
    assert person.asked[1].until_s is not None
    assert [why_asked(question) for question in person.asked] == ["quota used up"] * 2
