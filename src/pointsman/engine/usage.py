"""What an answer used, cost and saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.chat import Usage
from pointsman.core.values import value_type

if TYPE_CHECKING:
    from pointsman.core.catalog import ModelCard

_CHARS_PER_TOKEN = 4


@value_type
class Bill:
    """US dollars; None where no price is known. `saved_usd` is against the baseline for the same tokens."""

    cost_usd: float | None
    saved_usd: float | None
    baseline: str | None


def estimate(input_tokens: int, output_chars: int) -> Usage:
    """Usage for an endpoint that reports none: four characters a token, marked as an estimate."""
    return Usage(input_tokens=input_tokens, output_tokens=-(-output_chars // _CHARS_PER_TOKEN), is_estimated=True)


def bill(usage: Usage | None, card: ModelCard | None, baseline: ModelCard | None) -> Bill:
    """The cost of *usage* on *card*, and what the same tokens would have cost more on *baseline*.

    Negative savings are real: the chosen model was dearer than the baseline.
    """
    name = baseline.name if baseline is not None else None
    if usage is None or card is None or card.price is None:
        return Bill(cost_usd=None, saved_usd=None, baseline=name)
    cost = card.price.cost_usd(usage)
    if baseline is None or baseline.price is None:
        return Bill(cost_usd=cost, saved_usd=None, baseline=name)
    return Bill(cost_usd=cost, saved_usd=baseline.price.cost_usd(usage) - cost, baseline=name)
