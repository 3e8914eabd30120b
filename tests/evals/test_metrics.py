"""The figures for a weak and a strong model, by hand and by their laws."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.evals.metrics import (
    Floats,
    apgr,
    cpt,
    curve,
    difficulty_score,
    interval,
    oracle_score,
    pgr,
    rank_correlation,
    resamples,
    weighted_apgr,
)


def floats(*values: float) -> Floats:
    """An array of them."""
    return np.array(values, dtype=np.float64)


@st.composite
def comparisons(draw: st.DrawFn) -> tuple[Floats, Floats, Floats]:
    """Scores of few values (so that there are ties), weak and strong outcomes; the strong model is better."""
    count = draw(st.integers(2, 12))
    column: Callable[[int], st.SearchStrategy[list[int]]] = lambda most: st.lists(  # noqa: E731
        st.integers(0, most), min_size=count, max_size=count
    )
    score, weak, strong = draw(column(4)), draw(column(4)), draw(column(4))
    if sum(strong) <= sum(weak):
        weak, strong = [0] * count, [1, *strong[1:]]
    return floats(*score), floats(*weak) / 4, floats(*strong) / 4


def test_the_curve_is_straight_through_a_tie() -> None:
    """The docstring's example: of the two in the middle, it does not matter which goes first."""
    found = curve(floats(3, 2, 2, 1), floats(0, 1, 0, 0), floats(1, 1, 1, 0))
    assert found.share.tolist() == [0, 0.25, 0.75, 1]
    assert found.quality.tolist() == [0.25, 0.5, 0.75, 0.75]


def test_the_gap_recovered() -> None:
    """0.6 between 0.5 and 0.9 is a quarter of the way; there is no way where the strong model is no better."""
    assert pgr(0.6, 0.5, 0.9) == pytest.approx(0.25)
    assert isnan(pgr(0.6, 0.9, 0.9))


def test_apgr_and_cpt_by_hand() -> None:
    """One of two prompts needs the strong model: first, last, or not told apart."""
    weak, strong = floats(0, 1), floats(1, 1)
    assert [apgr(score, weak, strong) for score in (floats(2, 1), floats(1, 2), floats(1, 1))] == [0.75, 0.25, 0.5]
    assert cpt(floats(2, 1), weak, strong, 0.5) == 0.25
    assert cpt(floats(1, 2), weak, strong, 0.5) == 0.75
    assert cpt(floats(1, 1), weak, strong, 0.8) == pytest.approx(0.8)
    assert cpt(floats(2, 1), weak, strong, 0) == 0


def test_equal_models_give_no_figure() -> None:
    """Neither a number of noise nor a warning."""
    same = floats(1, 0, 1)
    assert isnan(apgr(floats(1, 2, 3), same, same))
    assert isnan(cpt(floats(1, 2, 3), same, same, 0.5))


@given(comparisons())
def test_ties_count_as_the_mean_of_all_their_orders(comparison: tuple[Floats, Floats, Floats]) -> None:
    """Exactly: not by adding noise to the scores."""
    _, weak, strong = (column[:5] for column in comparison)
    if not strong.sum() > weak.sum():
        return
    orders = [floats(*order) for order in permutations(range(len(weak)))]
    mean = np.mean([apgr(order, weak, strong) for order in orders])
    assert apgr(np.zeros(len(weak)), weak, strong) == pytest.approx(mean)
    assert mean == pytest.approx(0.5)


@given(comparisons())
def test_nobody_beats_the_oracle(comparison: tuple[Floats, Floats, Floats]) -> None:
    """Who knows each outcome has the largest area and the least calls."""
    score, weak, strong = comparison
    oracle = oracle_score(weak, strong)
    assert apgr(score, weak, strong) <= apgr(oracle, weak, strong) + 1e-9
    assert cpt(score, weak, strong, 0.8) >= cpt(oracle, weak, strong, 0.8) - 1e-9


@given(comparisons(), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_the_scale_of_scores_change_nothing(
    comparison: tuple[Floats, Floats, Floats], random: st.DataObject
) -> None:
    """Only which prompt comes before which."""
    score, weak, strong = comparison
    order = list(range(len(score)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = [column[order] for column in comparison]
    assert apgr(*shuffled) == pytest.approx(apgr(score, weak, strong))
    assert apgr(7 * score * score - 2, weak, strong) == pytest.approx(apgr(score, weak, strong))


@given(comparisons())
def test_a_score_and_its_opposite_share_the_area(comparison: tuple[Floats, Floats, Floats]) -> None:
    """What the one gains over chance the other loses."""
    score, weak, strong = comparison
    assert apgr(score, weak, strong) + apgr(-score, weak, strong) == pytest.approx(1)


@given(comparisons())
def test_the_area_is_that_under_the_curve(comparison: tuple[Floats, Floats, Floats]) -> None:
    """The quick way and the definition agree."""
    score, weak, strong = comparison
    found = curve(score, weak, strong)
    recovered = (found.quality - weak.mean()) / (strong.mean() - weak.mean())
    area = np.sum(np.diff(found.share) * (recovered[1:] + recovered[:-1]) / 2)
    assert apgr(score, weak, strong) == pytest.approx(area)


def test_a_random_router_is_half_way_in_the_mean() -> None:
    """0.5 ± 0.005, over 2,000 random scores."""
    random = np.random.default_rng(1)
    weak: Floats = (random.integers(0, 2, 40) * 0.5).astype(np.float64)
    strong = np.minimum(1, weak + random.integers(0, 2, 40) * 0.5)
    found = [apgr(random.random(40), weak, strong) for _ in range(2000)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.005)


def test_weights_count_a_prompt_as_often_as_they_say() -> None:
    """A weight of 2 is a row twice, a weight of 0 no row."""
    score, weak, strong = floats(3, 2, 1, 2), floats(0, 1, 0, 0), floats(1, 0, 1, 1)
    twice = [column[[0, 0, 2, 3]] for column in (score, weak, strong)]
    assert weighted_apgr(score, strong - weak, floats(2, 0, 1, 1)[None])[0] == pytest.approx(apgr(*twice))


def test_draws_repeat_with_their_seed_and_keep_their_number() -> None:
    """So that routers are compared over the same draws."""
    first, again, other = (np.concatenate(list(resamples(50, 30, seed))) for seed in (7, 7, 8))
    assert first.shape == (30, 50)
    assert (first.sum(axis=1) == 50).all()
    assert (first == again).all()
    assert not (first == other).all()


def test_the_interval_is_the_middle_of_the_samples() -> None:
    """And none when too many cannot be told."""
    found = interval(np.arange(1001.0))
    assert (found.low, found.high) == pytest.approx((25, 975))
    assert isnan(interval(np.array([1.0, nan])).low)


def test_difficulty_is_what_others_fail() -> None:
    """Unknown outcomes do not count; a prompt without any gets the mean."""
    found = difficulty_score(np.array([[1, 0, 0], [1, nan, 1], [nan, nan, nan]]))
    assert found.tolist() == pytest.approx([2 / 3, 0, 1 / 3])
    assert difficulty_score(np.full((2, 1), nan)).tolist() == [0.5, 0.5]


def test_rank_correlation_by_hand() -> None:
    """With a tie at its mean rank; none where nothing changes."""
    assert rank_correlation(floats(1, 2, 3), floats(1, 3, 2)) == pytest.approx(0.5)
    assert rank_correlation(floats(1, 1, 2), floats(5, 6, 7)) == pytest.approx(0.8660254)
    assert isnan(rank_correlation(floats(1, 1), floats(1, 2)))


@pytest.mark.parametrize(("score", "message"), [((1.0,), "1 scores for 2 weak"), ((1.0, nan), "NaN")])
def test_wrong_arrays_are_refused(score: tuple[float, ...], message: str) -> None:
    """Before they give a figure."""
    with pytest.raises(ValueError, match=message):
        apgr(floats(*score), floats(0, 1), floats(1, 1))
