"""Whether it pays to go on with another model, which has to read the whole conversation anew.

Over as many more turns as were easier before (they are taken to go on as long), with T tokens of conversation, C of
them in the present model's cache and O tokens of answer:

    stay  n · cost(T with C cached, O)
    move  cost(T written anew, O) + (n - 1) · cost(T cached, O)

40,000 tokens, all cached at $0.30, output 300 at $15 (present) against $3 and $15 a million (other): staying costs
3 · (0.012 + 0.0045) = $0.0495, moving 0.12 + 0.0045 + 2 · (0.012 + 0.0045) = $0.1575: it does not pay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.chat import Usage
from pointsman.core.values import value_type

if TYPE_CHECKING:
    from pointsman.core.catalog import ModelCard


@value_type
class Switch:
    """Going on with another model: how long the conversation is, what of it is cached, for how many turns it counts."""

    tokens: int
    cached: int
    output_tokens: int
    turns: int
    prefill_tokens_per_s: float
    most_prefill_s: float


def objection(stay: ModelCard, move: ModelCard, switch: Switch) -> str | None:
    """Why *move* is not worth it; None where it is, or where no price is known to tell."""
    if switch.cached == 0 or move.id == stay.id:
        return None
    if move.is_local:
        wait_s = switch.tokens / switch.prefill_tokens_per_s
        if wait_s > switch.most_prefill_s:
            return f"{move.name} would take about {wait_s:.0f} s to read the conversation"
    if stay.price is None or move.price is None or (stay.is_local and move.is_local):
        return None
    tokens, output = switch.tokens, switch.output_tokens
    again = Usage(input_tokens=tokens, cached_input_tokens=switch.cached, output_tokens=output)
    anew = Usage(input_tokens=tokens, cache_write_tokens=tokens, output_tokens=output)
    warm = Usage(input_tokens=tokens, cached_input_tokens=tokens, output_tokens=output)
    staying = switch.turns * stay.price.cost_usd(again)
    moving = move.price.cost_usd(anew) + (switch.turns - 1) * move.price.cost_usd(warm)
    if moving < staying:
        return None
    return f"to read the conversation anew costs more than {move.name} saves (${moving:.4f} against ${staying:.4f})"
