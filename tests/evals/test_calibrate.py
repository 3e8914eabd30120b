"""The best setting for a goal, and what to expect of it on prompts that it was not picked on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pointsman.core.errors import InvalidRequest
from pointsman.evals.calibrate import BY_PART, BY_SOURCE, Aim, Calibrated, Goal, Problem, calibrate
from pointsman.evals.calibrate_report import as_json, chart, strong_share
from pointsman.evals.knobs import Boundaries
from pointsman.evals.pairs import Setting

MANY = Setting(times=50, seed=0)
COUNT = 120
EVERY_SECOND = np.arange(COUNT) % 2
"""Half of the prompts need the strong model, which costs ten times as much."""


def solved(
    aim: Aim, value: float, *, score: object = None, sources: int = 1, costs: bool = True, count: int = COUNT
) -> Calibrated:
    """With a score that knows which, unless another is given."""
    hard = EVERY_SECOND[:count].astype(np.float64)
    quality = np.stack([1 - hard, np.ones(count)], axis=1)
    cost = np.broadcast_to(np.array([0.001, 0.01]), (count, 2)) if costs else None
    problem = Problem(quality=quality, cost=cost, sources=[f"s{at % sources}" for at in range(count)])
    knob = Boundaries(hard if score is None else np.asarray(score, dtype=np.float64), 2)
    return calibrate(knob, problem, Goal(aim=aim, value=value), MANY)


def test_a_quality_is_reached_as_cheaply_as_can_be() -> None:
    """Only what needs the strong model goes there: half of the calls, at $5.50 instead of $10."""
    found = solved(Aim.QUALITY, 1.0)
    assert (found.split, found.held_out.shares, found.held_out.quality.value) == (BY_PART, (0.5, 0.5), 1.0)
    assert found.held_out.usd_per_1k is not None
    assert found.held_out.usd_per_1k.value == pytest.approx(5.5)
    assert found.held_out.gain.value == pytest.approx(0.25)
    assert found.held_out.gain.low > 0.15


def test_a_budget_is_kept_with_the_most_quality() -> None:
    """$5.50 is enough for all of it, $5.49 for none of it: the score has two values."""
    assert solved(Aim.BUDGET, 5.5).fitted.quality.value == 1.0
    assert solved(Aim.BUDGET, 5.49).fitted.quality.value == 0.5


def test_a_share_of_strong_calls_needs_no_costs() -> None:
    """Nor does a quality."""
    found = solved(Aim.STRONG_SHARE, 0.6, costs=False)
    assert (strong_share(found.held_out), found.held_out.usd_per_1k) == (0.5, None)
    assert solved(Aim.QUALITY, 0.9, costs=False).held_out.shares == (0.5, 0.5)


def test_each_source_is_held_out_where_there_are_several() -> None:
    """With the setting that was picked without it, and its own figures."""
    found = solved(Aim.QUALITY, 1.0, sources=3)
    assert (found.split, list(found.by_source), list(found.settings)) == (
        BY_SOURCE,
        ["s0", "s1", "s2"],
        ["s0", "s1", "s2"],
    )
    assert all(one.quality.value == 1.0 and one.n == 40 for one in found.by_source.values())


def test_a_score_that_knows_nothing_has_no_gain_held_out() -> None:
    """Whatever was picked on the prompts themselves."""
    noise = np.random.default_rng(5).random(COUNT)
    found = solved(Aim.STRONG_SHARE, 0.4, score=noise)
    assert found.held_out.gain.low < 0 < found.held_out.gain.high


@pytest.mark.parametrize(
    ("aim", "value", "message"),
    [
        (Aim.BUDGET, 0.5, r"No setting keeps within \$0.5 for 1,000 prompts: \$1 is the least on these."),
        (Aim.QUALITY, 1.01, r"No setting reaches a quality of 1.01: 1 is the most on these prompts."),
    ],
)
def test_a_goal_out_of_reach_says_how_far_it_is(aim: Aim, value: float, message: str) -> None:
    """So that a person can name another."""
    with pytest.raises(InvalidRequest, match=message):
        solved(aim, value)


def test_a_budget_needs_costs_and_figures_need_prompts() -> None:
    """Both are said."""
    with pytest.raises(InvalidRequest, match=r"the file does not say.*--cost MODEL=USD"):
        solved(Aim.BUDGET, 1.0, costs=False)
    with pytest.raises(InvalidRequest, match="Only 20 prompts have outcomes of all the models; 30 are needed"):
        solved(Aim.QUALITY, 1.0, count=20)


@pytest.mark.parametrize(("costs", "label"), [(True, "US dollars for 1,000 prompts"), (False, "calls to the strong")])
def test_it_is_written_as_json_and_drawn(*, costs: bool, label: str) -> None:
    """By name of model; the chart has the frontier and the points."""
    found = solved(Aim.QUALITY, 0.9, costs=costs)
    plain: Any = as_json(found, ["small", "large"])
    assert plain["held_out"]["shares"] == {"small": 0.5, "large": 0.5}
    assert plain["singles"]["large"]["quality"]["value"] == 1.0
    drawn = chart(found, ["small", "large"], "made")
    assert label in drawn
    assert "settings, fitted" in drawn
