"""Whether another model is worth reading the conversation anew, in dollars and in seconds."""

from __future__ import annotations

import pytest

from pointsman.core.catalog import ModelCard, Price
from pointsman.routing.sessions.economy import Switch, objection
from pointsman.testing import a_card

LOCAL, SMALL_LOCAL = a_card("local"), a_card("small-local")


def cloud(name: str, price: float, cached: float | None = None, output: float = 15.0) -> ModelCard:
    """A model of the cloud by what its input costs."""
    made = Price(input_usd_per_mtok=price, output_usd_per_mtok=output, cached_input_usd_per_mtok=cached)
    return a_card(name, is_local=False, price=made)


DEAR, SAME = cloud("dear", 3.0, 0.3), cloud("same", 3.0, 0.3)
CHEAP, UNKNOWN = cloud("cheap", 0.1, 0.01, 0.4), a_card("unknown", is_local=False, price=None)


def a_switch(tokens: int = 40_000, cached: int | None = None, turns: int = 3) -> Switch:
    """Of a conversation that is all in the cache."""
    return Switch(
        tokens=tokens,
        cached=tokens if cached is None else cached,
        output_tokens=300,
        turns=turns,
        prefill_tokens_per_s=500.0,
        most_prefill_s=10.0,
    )


def test_the_example_of_the_docstring() -> None:
    """40,000 cached tokens are cheaper to go on with than to read anew at the same price."""
    said = objection(DEAR, SAME, a_switch())
    assert said == "to read the conversation anew costs more than same saves ($0.1575 against $0.0495)"


@pytest.mark.parametrize(
    ("stay", "move", "switch"),
    [
        (DEAR, CHEAP, a_switch()),
        (DEAR, SAME, a_switch(cached=0)),
        (DEAR, DEAR, a_switch()),
        (DEAR, UNKNOWN, a_switch()),
        (UNKNOWN, CHEAP, a_switch()),
        (DEAR, LOCAL, a_switch(tokens=5_000)),
        (LOCAL, SMALL_LOCAL, a_switch(tokens=5_000)),
    ],
)
def test_a_switch_that_pays_or_that_no_price_speaks_against(stay: ModelCard, move: ModelCard, switch: Switch) -> None:
    """A cheaper model, a cache that is gone, the same model, an unknown price, a short wait."""
    assert objection(stay, move, switch) is None


@pytest.mark.parametrize("stay", [DEAR, LOCAL])
def test_a_local_model_may_not_read_for_long(stay: ModelCard) -> None:
    """6,000 tokens at 500 a second are 12 s."""
    said = objection(stay, SMALL_LOCAL, a_switch(tokens=6_000))
    assert said == "small-local would take about 12 s to read the conversation"


def test_a_local_model_is_not_left_for_one_that_costs_money() -> None:
    """Going down is to save."""
    assert objection(LOCAL, CHEAP, a_switch(tokens=100)) is not None
