"""How long to wait before a model is asked again: full jitter over a doubling range, or what the endpoint asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_S = 0.2
MOST_S = 2.0


def backoff_s(retried: int, draw: Callable[[], float], asked_s: float | None = None) -> float | None:
    """Seconds before retry number *retried* (from 0), drawn from [0, min(2, 0.2 · 2^retried)).

    An endpoint that asks for longer (*asked_s*, its Retry-After) gets that, up to 2 seconds; None when it asks for
    more: nobody should wait so long for the same answer.
    """
    if asked_s is not None and asked_s > MOST_S:
        return None
    jittered = draw() * min(MOST_S, FIRST_S * 2.0**retried)
    return max(jittered, asked_s or 0.0)
