"""Recorded requests of a ledger: two models, one on this machine and one in a cloud."""

from __future__ import annotations

from dataclasses import replace

from pointsman.adapters.storage.rows import LedgerRow
from pointsman.core.catalog import Tier
from pointsman.core.decision import Privacy, PrivacyClass
from pointsman.core.events import Event, Finished, FinishReason
from pointsman.testing.ledger import MemoryLedger
from tests.adapters.storage.samples import NOON, decided, finished, started

DAY_S = 86_400
PRIVATE = Privacy(privacy_class=PrivacyClass.PRIVATE, source="header")
HARD = "Think step by step and reason through it: analyze this algorithm's proof"


def events(
    key: str,
    *,
    at_s: float = NOON,
    model: str = "quick",
    tier: Tier | None = Tier.SIMPLE,
    prompt: str | None = None,
    privacy: Privacy | None = None,
    is_explicit: bool = False,
    cost_usd: float | None = 0.0,
    input_tokens: int = 1000,
    reason: FinishReason = FinishReason.OK,
    served: str | None = None,
) -> list[Event]:
    """A whole request that *model* was chosen for and, unless *served* says another, answered: 1,000 in, 100 out."""
    start = decided(key, at_s)
    decision = replace(
        start.decision,
        asked=model if is_explicit else None,
        model=model,
        tier=tier,
        candidates=(model,),
        privacy=privacy or Privacy(),
        is_explicit=is_explicit,
        strategy="explicit" if is_explicit else "complexity",
        score=None if is_explicit else 0.1,
        assessment=None,
    )
    features = replace(
        start.features, ask=prompt or "", estimated_input_tokens=input_tokens, n_tools=0, in_tool_loop=False, turns=1
    )
    end: Finished = finished(key, at_s + 1)
    usage = end.usage
    assert usage is not None
    used = replace(
        usage,
        input_tokens=input_tokens,
        output_tokens=100,
        cached_input_tokens=0,
        cache_write_tokens=0,
        reasoning_tokens=0,
        is_estimated=False,
    )
    is_ok = reason is FinishReason.OK
    card = served or model
    return [
        replace(start, decision=decision, features=features, prompt=prompt),
        started(key, 1, model, at_s),
        replace(
            end,
            reason=reason,
            served=card if is_ok else None,
            usage=used if is_ok else None,
            cost_usd=cost_usd if is_ok else None,
            is_local=card == "quick" if is_ok else None,
            fallbacks=int(card != model),
        ),
    ]


def rows(*requests: list[Event]) -> list[LedgerRow]:
    """What a ledger makes of them, oldest first."""
    ledger = MemoryLedger()
    for request in requests:
        for event in request:
            ledger(event)
    return list(ledger.each())
