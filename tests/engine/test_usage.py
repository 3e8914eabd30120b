"""What an answer used, cost and saved."""

from __future__ import annotations

import pytest

from pointsman.core.catalog import ModelCard
from pointsman.core.chat import Usage
from pointsman.engine.usage import Bill, bill, estimate
from pointsman.testing import a_card

USAGE = Usage(input_tokens=1_000_000, output_tokens=0)
FREE, PAID, UNPRICED = a_card("free"), a_card("paid", is_local=False), a_card("unpriced", price=None)


@pytest.mark.parametrize(("chars", "tokens"), [(0, 0), (1, 1), (4, 1), (5, 2)])
def test_four_characters_are_a_token(chars: int, tokens: int) -> None:
    """Rounded up, and marked as an estimate."""
    assert estimate(7, chars) == Usage(input_tokens=7, output_tokens=tokens, is_estimated=True)


@pytest.mark.parametrize(
    ("usage", "card", "baseline", "costs"),
    [
        (USAGE, FREE, PAID, Bill(cost_usd=0.0, saved_usd=3.0, baseline="paid")),
        (USAGE, PAID, FREE, Bill(cost_usd=3.0, saved_usd=-3.0, baseline="free")),
        (USAGE, PAID, None, Bill(cost_usd=3.0, saved_usd=None, baseline=None)),
        (USAGE, PAID, UNPRICED, Bill(cost_usd=3.0, saved_usd=None, baseline="unpriced")),
        (USAGE, UNPRICED, PAID, Bill(cost_usd=None, saved_usd=None, baseline="paid")),
        (USAGE, None, PAID, Bill(cost_usd=None, saved_usd=None, baseline="paid")),
        (None, FREE, PAID, Bill(cost_usd=None, saved_usd=None, baseline="paid")),
    ],
)
def test_a_bill_says_only_what_is_known(
    usage: Usage | None, card: ModelCard | None, baseline: ModelCard | None, costs: Bill
) -> None:
    """None where a price or the usage is not; negative savings are real."""
    assert bill(usage, card, baseline) == costs
