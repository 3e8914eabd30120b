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


def with_part(usage: Usage | None, part: Usage) -> Usage:
    """*usage* and that of an earlier *part* of the same answer."""
    if usage is None:
        return part
    return Usage(
        input_tokens=usage.input_tokens + part.input_tokens,
        output_tokens=usage.output_tokens + part.output_tokens,
        cached_input_tokens=usage.cached_input_tokens + part.cached_input_tokens,
        reasoning_tokens=usage.reasoning_tokens + part.reasoning_tokens,
        cache_write_tokens=usage.cache_write_tokens + part.cache_write_tokens,
        is_estimated=usage.is_estimated or part.is_estimated,
    )


def together(one: Bill, other: Bill) -> Bill:
    """Both bills as one; a price that is not known for one is not known for both."""
    return Bill(
        cost_usd=_sum(one.cost_usd, other.cost_usd),
        saved_usd=_sum(one.saved_usd, other.saved_usd),
        baseline=one.baseline,
    )


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


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
