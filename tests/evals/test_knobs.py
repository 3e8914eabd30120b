"""Settings that can be turned: what each chooses, and that sums by cuts are what the choices come to."""

from __future__ import annotations

import numpy as np
import pytest

from pointsman.core.catalog import Tier
from pointsman.evals.knobs import FREE, MOST_CUTS, Boundaries, Listed

EVERY = np.arange(200)


def a_knob(columns: int, seed: int = 0) -> Boundaries:
    """Scores of few and of many values, some prompts settled, some that climb."""
    random = np.random.default_rng(seed)
    score = np.round(random.normal(size=200), 1 if seed else 6)
    fixed = np.where(random.random(200) < 0.1, random.integers(0, columns, 200), FREE)
    return Boundaries(score, columns, fixed=fixed, climb=random.random(200) < 0.1)


@pytest.mark.parametrize("columns", [2, 3, 4])
@pytest.mark.parametrize("seed", [0, 1])
def test_means_are_those_of_the_choices(columns: int, seed: int) -> None:
    """For every setting, on some of the prompts only."""
    knob = a_knob(columns, seed)
    values, rows = np.random.default_rng(2).random((200, columns)), EVERY[::3]
    means = knob.means(values, rows)
    assert len(means) == len(knob.settings)
    for at in range(0, len(means), max(1, len(means) // 50)):
        direct = values[rows, knob.choices(knob.settings[at], rows)].mean()
        assert means[at] == pytest.approx(direct)


def test_boundaries_can_send_all_prompts_anywhere() -> None:
    """To the weakest as well as to the strongest, and never more cuts than there is time for."""
    knob = Boundaries(np.linspace(-0.15, 0.9, 5000), 2)
    shares = {float(knob.choices(setting, np.arange(5000)).mean()) for setting in knob.settings}
    assert {0.0, 1.0} <= shares
    assert len(knob.settings) <= MOST_CUTS + 1


def test_two_markers_climb_from_the_first_boundary_on() -> None:
    """And what is settled before stays where it is."""
    score, climb = np.array([0.1, 0.3, 0.3, 0.9]), np.array([True, True, False, False])
    knob = Boundaries(score, 3, fixed=np.array([FREE, FREE, FREE, 0]), climb=climb)
    assert knob.choices((0.2, 0.5), np.arange(4)).tolist() == [0, 2, 1, 0]


@pytest.mark.parametrize(
    ("tiers", "setting", "expected"),
    [
        (tuple(Tier), (0.1, 0.2, 0.3), (0.1, 0.2, 0.3)),
        ((Tier.SIMPLE, Tier.COMPLEX), (0.1,), (0.1, 0.1, 1.0)),
        ((Tier.MEDIUM, Tier.REASONING), (0.1,), (-1.0, 0.1, 0.1)),
        ((Tier.SIMPLE, Tier.MEDIUM, Tier.REASONING), (0.1, 0.2), (0.1, 0.2, 0.2)),
    ],
)
def test_a_tier_that_the_data_does_not_know_gets_nothing(
    tiers: tuple[Tier, ...], setting: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    """Its boundary is that of the next, or out of reach."""
    knob = Boundaries(np.array([0.0, 1.0]), len(tiers), tiers=tiers)
    assert tuple(knob.named(setting).values()) == expected


def test_policies_that_were_asked_one_by_one_are_looked_up() -> None:
    """One number for all tiers."""
    knob = Listed([0.5, 0.75], np.array([[0, 0, 1], [0, 1, 1]]), name="target")
    rows = np.array([1, 2])
    assert knob.choices((0.75,), rows).tolist() == [1, 1]
    assert knob.named((0.75,)) == {"target": 0.75}
    assert knob.means(np.array([[9.0, 9], [0, 1], [0, 1]]), rows).tolist() == [0.5, 1.0]
