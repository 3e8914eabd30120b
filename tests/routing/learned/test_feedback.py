"""Beliefs about tiers' abilities: how far a verdict moves them, that they stay bounded, fade, and can be taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.catalog import Tier
from pointsman.routing.learned.abilities import NONE
from pointsman.routing.learned.feedback import (
    DAY_S,
    HALF_LIFE_DAYS,
    MOST_LEARNED,
    NOTHING,
    PRIOR_DEVIATION,
    Belief,
    Task,
    Verdict,
    faded,
    learned,
    shifts,
    unlearned,
)

NOW = 1_790_000_000.0
LIKELY = Task(kind="coding", tier=Tier.SIMPLE, margin=0.9155, slope=1.2)  # does well with 0.75

margins = st.floats(-20, 20)
verdicts = st.lists(st.tuples(st.sampled_from(Verdict), margins, st.floats(0, 400)), max_size=60)


def after(*given: Verdict, task: Task = LIKELY, now_s: float = NOW) -> Belief:
    """What is believed after all of the *given* verdicts at once."""
    belief = NOTHING
    for verdict in given:
        belief, _ = learned(belief, task, verdict, now_s)
    return belief


def test_nothing_is_known_before_the_first_verdict() -> None:
    """No shift, and the prior's deviation."""
    assert [NOTHING.shift, NOTHING.deviation] == pytest.approx([0.0, PRIOR_DEVIATION])


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
    assert after(verdict).shift == pytest.approx(moved, abs=5e-4)


def test_three_complaints_in_a_row_are_worth_most_of_a_step() -> None:
    """A tier that would do with 0.75 is then believed to do with a little over half."""
    assert after(*[Verdict.DOWN] * 3).shift == pytest.approx(-0.75, abs=0.03)


def test_praise_and_complaints_as_expected_leave_the_ability_where_it_was() -> None:
    """Three of four were good, and that was the chance."""
    belief = after(*[Verdict.UP, Verdict.UP, Verdict.DOWN, Verdict.UP] * 25)
    assert abs(belief.shift) < 0.1
    assert belief.verdicts == 100
    assert belief.deviation < 0.2


def test_what_was_learned_fades_by_half_in_a_half_life() -> None:
    """Also what is believed, back to the prior; a clock that was set back changes nothing."""
    belief = after(Verdict.DOWN, Verdict.DOWN)
    later = faded(belief, NOW + HALF_LIFE_DAYS * DAY_S)
    assert [later.pull, later.information] == pytest.approx([belief.pull / 2, belief.information / 2])
    assert faded(belief, NOW + 50 * HALF_LIFE_DAYS * DAY_S).shift == pytest.approx(0.0, abs=1e-9)
    assert faded(belief, NOW - DAY_S) == belief


def test_a_verdict_that_is_taken_back_leaves_what_was_believed_before() -> None:
    """Faded like the rest, if that was a while ago."""
    before = after(Verdict.UP, Verdict.DOWN)
    taught, lesson = learned(before, LIKELY, Verdict.DOWN, NOW + 5)
    later = NOW + 10 * DAY_S
    back, expected = unlearned(taught, lesson, later), faded(before, later)
    assert [back.shift, back.deviation] == pytest.approx([expected.shift, expected.deviation])
    assert back.verdicts == 2
    nothing = unlearned(NOTHING, lesson, later)
    assert (nothing.information, nothing.verdicts) == (0.0, 0)


def test_beliefs_become_the_shifts_of_each_kind() -> None:
    """By tier; a tier of which nothing is known has none."""
    low, high = after(Verdict.DOWN), after(Verdict.UP)
    found = shifts(
        [("coding", Tier.SIMPLE, low), ("coding", Tier.COMPLEX, high), ("questions", Tier.REASONING, NOTHING)]
    )
    assert found == {
        "coding": (round(low.shift, 4), 0.0, round(high.shift, 4), 0.0),
        "questions": NONE,
    }
    assert shifts([]) == {}


@given(verdicts)
def test_no_history_leads_out_of_bounds(history: list[tuple[Verdict, float, float]]) -> None:
    """Whatever the margins, and however the verdicts are spread in time; evidence never makes less sure."""
    belief, now_s = NOTHING, NOW
    for verdict, margin, days in history:
        now_s += days * DAY_S
        belief, _ = learned(belief, replace(LIKELY, margin=margin), verdict, now_s)
        assert abs(belief.pull / (1 / PRIOR_DEVIATION**2 + belief.information)) <= MOST_LEARNED + 1e-9
        assert 0 < belief.deviation <= PRIOR_DEVIATION + 1e-9


@given(verdicts, st.sampled_from(Verdict), margins)
def test_praise_never_lowers_and_complaint_never_raises(
    history: list[tuple[Verdict, float, float]], verdict: Verdict, margin: float
) -> None:
    """From wherever it stands."""
    belief = NOTHING
    for earlier, earlier_margin, _ in history:
        belief, _ = learned(belief, replace(LIKELY, margin=earlier_margin), earlier, NOW)
    moved = learned(belief, replace(LIKELY, margin=margin), verdict, NOW)[0].shift - belief.shift
    assert moved >= -1e-9 if verdict is Verdict.UP else moved <= 1e-9


@given(st.permutations([Verdict.UP] * 4 + [Verdict.DOWN] * 2 + [Verdict.REGENERATED] * 2))
def test_the_order_hardly_matters(order: list[Verdict]) -> None:
    """One step for each verdict is close to the mode of all of them together: within a tenth of a step."""
    alike = after(*sorted(order))
    assert after(*order).shift == pytest.approx(alike.shift, abs=0.1)


@given(verdicts)
def test_what_was_added_can_be_taken_back(history: list[tuple[Verdict, float, float]]) -> None:
    """In any history, the last verdict leaves nothing behind."""
    belief = NOTHING
    for verdict, margin, _ in history:
        before = belief
        belief, lesson = learned(before, replace(LIKELY, margin=margin), verdict, NOW)
        back = unlearned(belief, lesson, NOW)
        assert [back.shift, back.verdicts] == pytest.approx([before.shift, before.verdicts], abs=1e-6)
