"""A session's tier: up at once, down only after several easier asks in a row. Pure: the past in, the present out.

| the ask alone would have | easier so far | the session's tier becomes | easier becomes |
| --- | --- | --- | --- |
| a higher tier | any | that tier | 0 |
| the same | any | the same | 0 |
| a lower one | fewer than `patience` - 1 | the same | one more |
| a lower one | `patience` - 1 or more, worth it | the highest tier of those easier asks | 0 |
| a lower one | `patience` - 1 or more, not worth it | the same | one more |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.values import value_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from pointsman.core.catalog import Tier
    from pointsman.core.session import Pin


@value_type
class Held:
    """The session's tier from now on. `why` says why it is not the one of the ask; None where it is."""

    tier: Tier
    easier: int = 0
    hardest: Tier | None = None
    why: str | None = None


def held(pin: Pin, wanted: Tier, *, patience: int, objection: Callable[[Tier], str | None]) -> Held:
    """What becomes of the session at *pin* when an ask alone would have *wanted*.

    *objection* says why it is not worth it to go down to a tier; None where it is.
    """
    if wanted.rank >= pin.tier.rank:
        return Held(tier=wanted)
    easier = pin.easier + 1
    hardest = wanted if pin.hardest is None or pin.hardest.rank < wanted.rank else pin.hardest
    if easier < patience:
        why = f"{easier} of {patience} easier asks in a row"
        return Held(tier=pin.tier, easier=easier, hardest=hardest, why=why)
    against = objection(hardest)
    if against is not None:
        return Held(tier=pin.tier, easier=easier, hardest=hardest, why=against)
    above = None if hardest is wanted else f"the hardest of {easier} easier asks in a row was {hardest.value}"
    return Held(tier=hardest, why=above)
