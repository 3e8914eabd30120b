"""Beliefs about models' abilities: how far a verdict moves them and their tier's, that they stay bounded and fade."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.catalog import Tier
from pointsman.routing.learned.abilities import Learnt
from pointsman.routing.learned.feedback import (
    ANY_MODEL,
    DAY_S,
    HALF_LIFE_DAYS,
    MOST_LEARNED,
    NOTHING,
    PRIOR_DEVIATION,
    Belief,
    Beliefs,
    Standing,
    Task,
    Verdict,
    faded,
    learned,
    shifts,
    standing,
    unlearned,
)

NOW = 1_790_000_000.0
LIKELY = Task(kind="coding", tier=Tier.SIMPLE, margin=0.9155, slope=1.2, model="a")  # does well with 0.75
MODELS = ("a", "b", "c", ANY_MODEL)

margins = st.floats(-20, 20)
models = st.sampled_from(("a", "b", ANY_MODEL))
verdicts = st.lists(st.tuples(st.sampled_from(Verdict), models, margins, st.floats(0, 400)), max_size=60)


def alone(belief: Belief) -> Standing:
    """What is believed of a model that is the only one of its tier."""
    return standing({"a": belief}, "a")


def taught(beliefs: Beliefs, verdict: Verdict, task: Task = LIKELY, now_s: float = NOW) -> Beliefs:
    """*beliefs* after one more verdict."""
    return {**beliefs, task.model: learned(beliefs, task, verdict, now_s)[0]}


def after(*given: Verdict, task: Task = LIKELY, now_s: float = NOW) -> Belief:
    """What is believed after all of the *given* verdicts at once."""
    beliefs: Beliefs = {task.model: NOTHING}
    for verdict in given:
        beliefs = taught(beliefs, verdict, task, now_s)
    return beliefs[task.model]


def told(history: list[tuple[Verdict, str, float, float]]) -> tuple[Beliefs, float]:
    """What is believed of a tier's models after that *history*, and when it ended."""
    beliefs: Beliefs = {}
    now_s = NOW
    for verdict, model, margin, days in history:
        now_s += days * DAY_S
        beliefs = taught(beliefs, verdict, replace(LIKELY, margin=margin, model=model), now_s)
    return beliefs, now_s


def test_nothing_is_known_before_the_first_verdict() -> None:
    """No shift, and the prior's deviation: of a model's, and of any's."""
    for model in MODELS:
        found = standing({}, model)
        assert [found.shift, found.deviation, found.verdicts] == pytest.approx([0.0, PRIOR_DEVIATION, 0])


def test_a_verdict_on_one_model_says_half_as_much_of_the_others_of_its_tier() -> None:
    """What they have in common is half of what is not known; a verdict on another adds to it."""
    beliefs = taught({}, Verdict.DOWN)
    assert standing(beliefs, "a").shift == pytest.approx(-0.295, abs=5e-4)
    assert standing(beliefs, "b").shift == standing(beliefs, ANY_MODEL).shift == pytest.approx(-0.148, abs=5e-4)
    both = taught(beliefs, Verdict.DOWN, replace(LIKELY, model="b"))
    assert standing(both, "b").shift < standing(beliefs, "b").shift
    assert standing(both, "a").shift < standing(beliefs, "a").shift
    assert standing(both, "c").shift == pytest.approx(-0.28, abs=0.01)


def test_a_model_is_told_from_its_tier_by_enough_verdicts() -> None:
    """One is always good and one never: they go apart, and a third is taken to be about as usual."""
    beliefs: Beliefs = {}
    for _ in range(30):
        beliefs = taught(beliefs, Verdict.DOWN)
        beliefs = taught(beliefs, Verdict.UP, replace(LIKELY, model="b"))
    a, b, c = (standing(beliefs, model) for model in "abc")
    assert a.shift < -1.5
    assert b.shift > 0.5
    assert abs(c.shift) < 0.5
    assert a.deviation < b.deviation < c.deviation < PRIOR_DEVIATION


def test_what_is_known_of_no_model_in_particular_is_the_tiers() -> None:
    """As it was learned before verdicts were on models: every model gets it, and keeps it beside its own."""
    beliefs = taught({}, Verdict.DOWN, replace(LIKELY, model=ANY_MODEL))
    assert [standing(beliefs, model).shift for model in MODELS] == [pytest.approx(-0.154, abs=5e-4)] * 4
    assert standing(taught(beliefs, Verdict.UP), "a").shift > standing(beliefs, "a").shift


@pytest.mark.parametrize(
    ("verdict", "moved"),
    [
        (Verdict.DOWN, -0.295),
        (Verdict.TIER_UP, -0.295),
        (Verdict.ESCALATED, -0.226),
        (Verdict.REGENERATED, -0.154),
        (Verdict.UP, 0.098),
    ],
)
def test_a_first_verdict_moves_the_ability_by_a_fraction_of_a_step(verdict: Verdict, moved: float) -> None:
    """A surprise moves it more than what was expected, a person's word more than a sign."""
    assert alone(after(verdict)).shift == pytest.approx(moved, abs=5e-4)


def test_three_complaints_in_a_row_are_worth_most_of_a_step() -> None:
    """A tier that would do with 0.75 is then believed to do with a little over half."""
    assert alone(after(*[Verdict.DOWN] * 3)).shift == pytest.approx(-0.75, abs=0.03)


def test_praise_and_complaints_as_expected_leave_the_ability_where_it_was() -> None:
    """Three of four were good, and that was the chance."""
    belief = after(*[Verdict.UP, Verdict.UP, Verdict.DOWN, Verdict.UP] * 25)
    assert abs(alone(belief).shift) < 0.1
    assert belief.verdicts == 100
    assert alone(belief).deviation < 0.2


def test_what_was_learned_fades_by_half_in_a_half_life() -> None:
    """Also what is believed, back to the prior; a clock that was set back changes nothing."""
    belief = after(Verdict.DOWN, Verdict.DOWN)
    later = faded(belief, NOW + HALF_LIFE_DAYS * DAY_S)
    assert [later.pull, later.information] == pytest.approx([belief.pull / 2, belief.information / 2])
    assert alone(faded(belief, NOW + 50 * HALF_LIFE_DAYS * DAY_S)).shift == pytest.approx(0.0, abs=1e-9)
    assert faded(belief, NOW - DAY_S) == belief


def test_a_verdict_that_is_taken_back_leaves_what_was_believed_before() -> None:
    """Faded like the rest, if that was a while ago."""
    before = after(Verdict.UP, Verdict.DOWN)
    once_more, lesson = learned({"a": before}, LIKELY, Verdict.DOWN, NOW + 5)
    later = NOW + 10 * DAY_S
    back, expected = unlearned(once_more, lesson, later), faded(before, later)
    assert [back.pull, back.information] == pytest.approx([expected.pull, expected.information])
    assert back.verdicts == 2
    nothing = unlearned(NOTHING, lesson, later)
    assert (nothing.information, nothing.verdicts) == (0.0, 0)


def test_beliefs_become_the_shifts_of_each_kind() -> None:
    """By tier and model, and of the models on which there was no verdict."""
    low, high = after(Verdict.DOWN), after(Verdict.UP)
    found = shifts(
        [
            ("coding", Tier.SIMPLE, "a", low),
            ("coding", Tier.SIMPLE, "b", high),
            ("coding", Tier.COMPLEX, ANY_MODEL, high),
            ("questions", Tier.REASONING, "c", NOTHING),
        ]
    )
    both = {"a": low, "b": high}
    of_simple, of_complex = (round(standing(one, ANY_MODEL).shift, 4) for one in (both, {ANY_MODEL: high}))
    assert found == {
        "coding": Learnt(
            models={(Tier.SIMPLE, model): round(standing(both, model).shift, 4) for model in both},
            others=(of_simple, 0.0, of_complex, 0.0),
        ),
        "questions": Learnt(models={(Tier.REASONING, "c"): 0.0}),
    }
    assert shifts([]) == {}


@given(verdicts)
def test_no_history_leads_out_of_bounds(history: list[tuple[Verdict, str, float, float]]) -> None:
    """Whatever the margins, and however the verdicts are spread in time; evidence never makes less sure."""
    beliefs, _ = told(history)
    for model in MODELS:
        found = standing(beliefs, model)
        assert abs(found.shift) <= MOST_LEARNED
        assert 0 < found.deviation <= PRIOR_DEVIATION + 1e-9


@given(st.integers(1, 300), margins, models)
def test_what_was_driven_to_the_bound_comes_back(count: int, margin: float, model: str) -> None:
    """However many complaints there were, as much praise as is believable ends above where it began to rise."""
    task = replace(LIKELY, margin=margin, model=model)
    beliefs: Beliefs = {}
    for _ in range(count):
        beliefs = taught(beliefs, Verdict.DOWN, task)
    lowest = standing(beliefs, model).shift
    for _ in range(10):
        beliefs = taught(beliefs, Verdict.UP, replace(task, margin=0.0))
    assert standing(beliefs, model).shift > lowest + 0.05


@given(verdicts, st.sampled_from(Verdict), models, margins)
def test_praise_never_lowers_and_complaint_never_raises(
    history: list[tuple[Verdict, str, float, float]], verdict: Verdict, model: str, margin: float
) -> None:
    """The model it is on, from wherever it stands."""
    beliefs, now_s = told(history)
    current = {name: faded(belief, now_s) for name, belief in beliefs.items()}
    later = taught(current, verdict, replace(LIKELY, margin=margin, model=model), now_s)
    moved = standing(later, model).shift - standing(current, model).shift
    assert moved >= -1e-9 if verdict is Verdict.UP else moved <= 1e-9


@given(st.permutations([*[(Verdict.UP, "a")] * 3, (Verdict.DOWN, "a"), (Verdict.UP, "b"), *[(Verdict.DOWN, "b")] * 2]))
def test_the_order_hardly_matters(order: list[tuple[Verdict, str]]) -> None:
    """One step for each verdict is close to the mode of all of them together: within a tenth of a step."""
    first, _ = told([(verdict, model, 0.9, 0.0) for verdict, model in sorted(order)])
    found, _ = told([(verdict, model, 0.9, 0.0) for verdict, model in order])
    for model in MODELS:
        assert standing(found, model).shift == pytest.approx(standing(first, model).shift, abs=0.1)


@given(verdicts)
def test_the_sums_are_the_same_in_any_order_of_models(history: list[tuple[Verdict, str, float, float]]) -> None:
    """What is believed of one follows from all of them together, not from who came first."""
    beliefs, _ = told(history)
    backwards = dict(reversed(beliefs.items()))
    for model in MODELS:
        assert standing(backwards, model).shift == pytest.approx(standing(beliefs, model).shift, abs=1e-9)


@given(verdicts)
def test_what_was_added_can_be_taken_back(history: list[tuple[Verdict, str, float, float]]) -> None:
    """In any history, the last verdict leaves nothing behind."""
    beliefs: Beliefs = {}
    for verdict, model, margin, _ in history:
        before = beliefs
        belief, lesson = learned(before, replace(LIKELY, margin=margin, model=model), verdict, NOW)
        beliefs = {**before, model: belief}
        back = {**beliefs, model: unlearned(belief, lesson, NOW)}
        for name in MODELS:
            assert standing(back, name).shift == pytest.approx(standing(before, name).shift, abs=1e-6)
