"""Which models prompts are divided between, and which of them a router's answer means."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from pointsman.core.catalog import Tier
from pointsman.core.errors import InvalidRequest
from pointsman.evals.datasets import Row
from pointsman.evals.ladder import Ladder, chosen, ladder_of, tiers_of_columns
from pointsman.evals.routers import Answer

TIERED = Row(id="t", request={}, text="", tiers={"large": 0.5, "small": 0.25}, outcomes={"x": 1.0})


def row(outcomes: Mapping[str, float], cost: Mapping[str, float] | None = None) -> Row:
    """A row of these."""
    return Row(id="1", request={}, text="", outcomes=outcomes, cost=cost or {})


def test_tiers_come_first_then_cost_then_outcome() -> None:
    """Weakest first."""
    assert ladder_of([TIERED]) == Ladder(models=("small", "large"), are_tiers=True)
    outcomes = {"a": 0.9, "b": 0.1}
    assert ladder_of([row(outcomes)]).models == ("b", "a")
    assert ladder_of([row(outcomes, {"a": 1, "b": 2})]).models == ("a", "b")
    assert ladder_of([row(outcomes)], cost={"a": 1, "b": 2}).models == ("a", "b")
    assert ladder_of([row(outcomes)], ("a", "b")).models == ("a", "b")
    assert ladder_of([TIERED], ("small", "large")).are_tiers


@pytest.mark.parametrize(
    ("named", "cost", "message"),
    [
        (("a", "z"), {}, "--models: the file has no outcomes of 'z'; it has a, b."),
        (("a",), {}, "--models should name two or more models, each once; it is 'a'."),
        (("a", "a"), {}, "each once; it is 'a,a'."),
        ((), {"z": 1.0}, "--cost names 'z', which is none of a, b."),
    ],
)
def test_a_wrong_name_is_quoted(named: tuple[str, ...], cost: dict[str, float], message: str) -> None:
    """With the names there are."""
    with pytest.raises(InvalidRequest) as caught:
        ladder_of([row({"a": 0.1, "b": 0.9})], named, cost)
    assert message in str(caught.value)


def test_too_many_models_are_not_guessed_at() -> None:
    """Nor is one enough."""
    with pytest.raises(InvalidRequest, match="outcomes of 9 models"):
        ladder_of([row({f"m{at}": 0.5 for at in range(9)})])
    with pytest.raises(InvalidRequest, match="outcomes of 1 models"):
        ladder_of([row({"a": 1})])


def test_matrices_have_nan_where_nothing_is_known() -> None:
    """Costs are the row's, else the ladder's."""
    ladder = Ladder(models=("a", "b"), cost={"a": 5.0})
    rows = [row({"a": 1.0}, {"b": 2.0}), row({"b": 0.5, "c": 1.0}, {"a": 3.0})]
    np.testing.assert_array_equal(ladder.quality(rows), [[1, np.nan], [np.nan, 0.5]])
    np.testing.assert_array_equal(ladder.costs(rows), [[5, 2], [3, np.nan]])
    np.testing.assert_array_equal(ladder.others(rows, ("a", "b")), [[np.nan], [1]])
    tiers = Ladder(models=("small", "medium", "large"), are_tiers=True)
    alone = Row(id="t", request={}, text="", tiers={"large": 0.5})
    np.testing.assert_array_equal(tiers.others([alone], ("small", "medium")), [[0.5]])


def test_a_choice_is_a_name_or_a_tier_stretched_over_the_ladder() -> None:
    """What is not offered gives way to the nearest, the stronger of two; who says nothing has no choices."""
    four = ("a", "b", "c", "d")
    tiers = [Answer(score=0, tier=tier) for tier in Tier]
    assert chosen(tiers, four, (0, 1, 2, 3)) == [0, 1, 2, 3]
    assert chosen(tiers, four, (0, 2)) == [0, 2, 2, 2]
    assert chosen(tiers, ("a", "b"), (0, 1)) == [0, 0, 1, 1]
    assert chosen([Answer(score=0, tier=Tier.REASONING, model="b")], four, (0, 1, 2, 3)) == [1]
    assert chosen([*tiers, Answer(score=0)], four, (0, 1)) is None


def test_a_column_has_the_tier_of_its_name_of_its_choices_or_of_its_place() -> None:
    """Tiers by name, models by what they are chosen for, else stretched over the tiers."""
    assert tiers_of_columns([], Ladder(models=("small", "large"), are_tiers=True)) == {0: 0, 1: 2}
    models = Ladder(models=("a", "b", "c"))
    assert tiers_of_columns([Answer(score=0, tier=Tier.MEDIUM)], models) == {0: 0, 1: 2, 2: 3}
    named = [Answer(score=0, tier=Tier.MEDIUM, model="b"), Answer(score=0, tier=Tier.SIMPLE, model="z")]
    assert tiers_of_columns(named, models) == {1: 1}
