"""What is read as a complaint: an answer that was escalated, and the same asked again; and what is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from pointsman.classification import shipped_weights
from pointsman.core.assessment import Assessment
from pointsman.core.catalog import Tier
from pointsman.core.decision import Caller, Outcome, PromptFeatures, Step
from pointsman.core.events import AttemptEnded, Decided, Event, Finished, FinishReason
from pointsman.core.failure import Failure, FailureKind
from pointsman.core.session import Answer
from pointsman.engine.escalation import CODE
from pointsman.engine.lessons import MOST_REMEMBERED, SESSION_S, Signs
from pointsman.routing.learned.abilities import Abilities
from pointsman.routing.learned.feedback import Remark, Verdict
from pointsman.routing.learned.scorer import Scorer
from pointsman.routing.learned.tutor import Tutor
from pointsman.routing.strategies.learned import LearnedSettings, Unsure
from pointsman.testing import MemorySessions, a_card, a_catalog, a_router
from tests.adapters.storage.samples import NOON, decided, finished

CATALOG = a_catalog(
    *(a_card(name) for name in ("small", "middle", "outside")),
    routers=[a_router({Tier.SIMPLE: ["small"], Tier.MEDIUM: ["middle"]})],
)
PERSON = Caller(session="s", key_id="k")
ASKED = PromptFeatures(ask="Why?", estimated_input_tokens=12, turns=2)
CLIMBED = Step(strategy="escalation", outcome=Outcome.CLIMBED, detail="a refusal in the last answer")
NOT_GOOD = Failure(kind=FailureKind.UNKNOWN, model="small", endpoint="e", message="not good enough", code=CODE)


@dataclass(slots=True)
class Bench:
    """The observer and what it told."""

    told: list[Remark] = field(default_factory=list)
    models: list[str | None] = field(default_factory=list)  # those that were meant the last time
    signs: Signs = field(init=False)

    def __post_init__(self) -> None:
        settings = LearnedSettings(
            scorer=Scorer(weights=shipped_weights()), abilities=Abilities({}), floors={}, unsure=Unsure()
        )
        self.signs = Signs(tutor=Tutor(CATALOG, {"auto": settings}), tell=self.told.append, again_s=300.0)

    def see(self, *events: Event) -> list[tuple[str, Verdict, Tier | None]]:
        """What is told of *events*: which decision, what of it, and of which tier."""
        for event in events:
            self.signs(event)
        assert all(one.is_sign for one in self.told)
        found = [(one.decision_id, one.verdict, one.task.tier if one.task else None) for one in self.told]
        self.models = [one.task.model if one.task else None for one in self.told]
        self.told.clear()
        return found


@pytest.fixture
def bench() -> Bench:
    """An observer that has seen nothing."""
    return Bench()


def begun(
    key: str,
    tier: Tier | None = Tier.SIMPLE,
    *,
    at_s: float = NOON,
    caller: Caller = PERSON,
    features: PromptFeatures = ASKED,
    trail: Sequence[Step] = (),
    is_judged: bool = True,
) -> Decided:
    """A decision of the classifier."""
    found = decided(key, at_s)
    judged = found.decision.assessment if is_judged else None
    decision = replace(found.decision, tier=tier, trail=tuple(trail), assessment=judged)
    return replace(found, decision=decision, caller=caller, features=features)


def over(key: str, served: str = "small", at_s: float = NOON + 1) -> Finished:
    """Its answer."""
    return replace(finished(key, at_s), served=served)


def test_an_answer_that_was_asked_for_again_one_tier_up_is_a_complaint_about_the_first(bench: Bench) -> None:
    """By the caller whose answer it was; other failures are none, and neither are those of unknown requests."""
    ended = AttemptEnded(decision_id="a", at_s=NOON, number=1, failure=NOT_GOOD)
    assert bench.see(begun("a")) == []
    bench.signs(ended)
    assert [(one.key_id, one.at_s) for one in bench.told] == [("k", NOON)]
    assert bench.see() == [("a", Verdict.ESCALATED, Tier.SIMPLE)]
    assert bench.models == ["small"]
    assert bench.see(replace(ended, failure=replace(NOT_GOOD, code=None)), replace(ended, decision_id="x")) == []
    assert bench.see(begun("b", None), replace(ended, decision_id="b")) == []


def test_a_turn_that_was_raised_is_a_complaint_about_the_tier_below(bench: Bench) -> None:
    """Once for each time; there is none below the lowest, and where the tier is not known."""
    assert bench.see(begun("a", Tier.MEDIUM, trail=[CLIMBED])) == [("a", Verdict.ESCALATED, Tier.SIMPLE)]
    assert bench.see(begun("b", Tier.MEDIUM, trail=[replace(CLIMBED, outcome=Outcome.NOTE)])) == []
    assert bench.see(begun("c", Tier.SIMPLE, trail=[CLIMBED]), begun("d", None, trail=[CLIMBED])) == []


def test_inside_a_tools_loop_the_task_is_what_the_session_was_judged_for(bench: Bench) -> None:
    """There the session keeps its model and nobody judges; without a session that was judged, nothing is told."""
    looping = replace(ASKED, in_tool_loop=True)
    raised = begun("b", Tier.MEDIUM, features=looping, trail=[CLIMBED], is_judged=False)
    assert bench.see(raised) == []
    assert bench.see(begun("a"), raised) == [("b", Verdict.ESCALATED, Tier.SIMPLE)]
    assert bench.see(replace(raised, caller=Caller(session="s", key_id="other"))) == []
    assert bench.see(replace(raised, caller=Caller(agent="bee"))) == []
    assert bench.see(replace(raised, features=ASKED)) == []


def test_the_same_ask_again_in_a_session_is_a_complaint_about_the_tier_that_answered(bench: Bench) -> None:
    """Each time about the answer before it, also where a fallback gave it."""
    assert bench.see(begun("a"), over("a"), begun("b", at_s=NOON + 60)) == [("a", Verdict.REGENERATED, Tier.SIMPLE)]
    assert bench.models == ["small"]
    again = begun("c", at_s=NOON + 120)
    assert bench.see(over("b", "middle", NOON + 61), again) == [("b", Verdict.REGENERATED, Tier.MEDIUM)]


@pytest.mark.parametrize(
    "second",
    [
        begun("b", at_s=NOON + 302),  # too late
        begun("b", features=replace(ASKED, ask="How?")),
        begun("b", features=replace(ASKED, ask=ASKED.ask * 2)),
        begun("b", features=replace(ASKED, turns=3)),  # somewhere else in the conversation
        begun("b", features=replace(ASKED, in_tool_loop=True)),
        begun("b", features=replace(ASKED, is_housekeeping=True)),
        begun("b", caller=Caller(session="s", key_id="other")),
        begun("b", caller=Caller(session="t", key_id="k")),
        begun("b", caller=Caller(agent="bee", key_id="k")),  # no session
        begun("b", caller=Caller(key_id="k")),
        replace(begun("b"), is_dry_run=True),
        begun("b", is_judged=False),
    ],
)
def test_what_is_not_the_same_ask_again(bench: Bench, second: Decided) -> None:
    """Other words, another place, another caller, much later, or no ask of a person."""
    assert bench.see(begun("a"), over("a"), second) == []


def test_of_a_long_ask_the_ends_and_the_length_are_compared(bench: Bench) -> None:
    """Nobody pastes twice as much by chance; another question after the same text is another ask."""
    first, second, third = (replace(ASKED, ask=f"{'x' * 9000}{end}") for end in ("Why?", "How?", "When?"))
    bench.see(begun("a", features=first), over("a"))
    assert bench.see(begun("b", features=second), begun("c", features=third)) == []
    assert bench.see(begun("d", features=first)) == [("a", Verdict.REGENERATED, Tier.SIMPLE)]


@pytest.mark.parametrize("end", [None, FinishReason.FAILED, FinishReason.CANCELLED, FinishReason.DEADLINE])
def test_asking_again_after_no_answer_is_no_complaint(bench: Bench, end: FinishReason | None) -> None:
    """The model said nothing that could have been bad."""
    ends = [] if end is None else [replace(over("a"), reason=end)]
    assert bench.see(begun("a"), *ends, begun("b")) == []


def test_a_stand_in_from_outside_the_tiers_is_not_judged(bench: Bench) -> None:
    """Nor is an answer whose tier nobody chose."""
    assert bench.see(begun("a"), over("a", "outside"), begun("b")) == []
    assert bench.see(over("b"), begun("c", None), over("c"), begun("d")) == [("b", Verdict.REGENERATED, Tier.SIMPLE)]


def test_nothing_is_told_of_a_router_that_goes_by_another_classifier(bench: Bench) -> None:
    """Its tiers have no learned ability."""
    other = begun("a", Tier.MEDIUM, trail=[CLIMBED])
    assert bench.see(replace(other, decision=replace(other.decision, router="other"))) == []


def test_the_answer_to_a_tools_result_is_the_sessions_last(bench: Bench) -> None:
    """It has no place of its own to be asked again at; who gave it is who a raised turn complains about."""
    looping = replace(ASKED, in_tool_loop=True)
    inside = begun("b", features=looping, is_judged=False)
    bench.signs.join(board := MemorySessions())
    bench.see(begun("a"), over("a"), inside, over("b", at_s=NOON + 9))
    assert [trace.decision_id for _, trace, _ in board.told if isinstance(trace, Answer)] == ["a", "a", "b"]


def test_single_requests_are_not_remembered(bench: Bench) -> None:
    """What nobody names cannot be asked again; its end means nothing either."""
    plain = begun("a", caller=Caller())
    assert bench.see(plain, over("a"), plain) == []


def test_what_is_remembered_is_bounded(bench: Bench) -> None:
    """The oldest go first."""
    bench.see(begun("a"), over("a"))
    for number in range(MOST_REMEMBERED):
        features = replace(ASKED, ask=f"ask {number}")
        assert bench.see(begun(f"n{number}", features=features), over(f"n{number}")) == []
    assert bench.see(begun("b")) == []


def test_the_assessment_is_the_one_of_the_answer() -> None:
    """Kind and difficulty go into the task."""
    bench = Bench()
    harder = Assessment(kind="email", difficulty=3.0, chances=(0.1, 0.2, 0.3, 0.4), output_tokens=1, familiarity=1.0)
    first = begun("a")
    first = replace(first, decision=replace(first.decision, assessment=harder))
    for event in (first, over("a"), begun("b")):
        bench.signs(event)
    (remark,) = bench.told
    assert remark.task is not None
    assert remark.task.kind == "email"
    assert remark.task.margin < 0


@dataclass(slots=True)
class Twins:
    """Two processes; what the first tells the second hears when it is time."""

    secrets: tuple[bytes, bytes] = (b"of all", b"of all")
    here: Bench = field(default_factory=Bench)
    there: Bench = field(default_factory=Bench)
    heard: MemorySessions = field(init=False)
    told: MemorySessions = field(init=False)

    def __post_init__(self) -> None:
        self.heard = MemorySessions(self.secrets[1])
        self.told = MemorySessions(self.secrets[0], others=[self.heard])
        self.here.signs.join(self.told)
        self.there.signs.join(self.heard)

    def hear(self) -> None:
        """The second process hears."""
        for key, trace, _ in self.heard.news():
            assert isinstance(trace, Answer)
            self.there.signs.learn(key, trace)


def test_the_same_ask_again_is_noticed_by_another_process() -> None:
    """By the hashes that all of them make; nothing of an ask or a name is told."""
    twins = Twins()
    twins.here.see(begun("a"), over("a"))
    assert [(len(key), kept_s) for key, _, kept_s in twins.told.told] == [(16, SESSION_S), (16, 300.0)]
    twins.hear()
    assert twins.there.see(begun("b", at_s=NOON + 60)) == [("a", Verdict.REGENERATED, Tier.SIMPLE)]
    assert twins.there.models == ["small"]


@pytest.mark.parametrize(
    "second",
    [
        begun("b", caller=Caller(session="s", key_id="other")),
        begun("b", caller=Caller(session="s", key_id=None)),
        begun("b", caller=Caller(session="t", key_id="k")),
        begun("b", caller=Caller(session="s", agent="bee", key_id="k")),
        begun("b", at_s=NOON + 302),
    ],
)
def test_another_callers_ask_is_not_the_same_there_either(second: Decided) -> None:
    """Nor one that comes too late."""
    twins = Twins()
    twins.here.see(begun("a"), over("a"))
    twins.hear()
    assert twins.there.see(second) == []


def test_processes_with_other_secrets_have_nothing_in_common() -> None:
    """Nobody can tell from a hash what was asked."""
    twins = Twins((b"one", b"two"))
    twins.here.see(begun("a"), over("a"))
    twins.hear()
    assert twins.there.see(begun("b")) == []


def test_a_turn_raised_by_another_process_is_a_complaint_about_the_model_that_answered() -> None:
    """What the session was judged for, and who answered, is known there; the latest of it counts."""
    twins = Twins()
    looping = replace(ASKED, in_tool_loop=True)
    raised = begun("b", Tier.MEDIUM, at_s=NOON + 5, features=looping, trail=[CLIMBED], is_judged=False)
    twins.here.see(begun("a"), over("a"))
    twins.hear()
    assert twins.there.see(raised) == [("b", Verdict.ESCALATED, Tier.SIMPLE)]
    assert twins.there.models == ["small"]


def test_what_is_known_better_is_not_learned() -> None:
    """An earlier answer that is heard of late, of a session that has gone on here."""
    twins = Twins()
    twins.here.see(begun("a"), over("a", "middle", NOON + 1))
    twins.there.see(begun("b"), over("b", "small", NOON + 2))
    twins.hear()
    assert twins.there.see(begun("c", at_s=NOON + 3)) == [("b", Verdict.REGENERATED, Tier.SIMPLE)]


def test_the_model_of_the_last_answer_is_blamed_only_where_it_is_of_the_tier_below() -> None:
    """Else the tier is, as nobody knows which of its models would have answered."""
    catalog = a_catalog(
        *(a_card(name) for name in ("small", "also", "middle")),
        routers=[a_router({Tier.SIMPLE: ["small", "also"], Tier.MEDIUM: ["middle"]})],
    )
    bench = Bench()
    bench.signs.tutor = Tutor(catalog, bench.signs.tutor.settings)
    looping = replace(ASKED, in_tool_loop=True)
    raised = begun("b", Tier.MEDIUM, features=looping, trail=[CLIMBED], is_judged=False)
    for served, model in (("also", "also"), ("middle", "")):
        bench.see(begun("a"), over("a", served))
        assert bench.see(raised) == [("b", Verdict.ESCALATED, Tier.SIMPLE)]
        assert bench.models == [model]
