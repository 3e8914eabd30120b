"""A decision as JSON: the one shape of `route --json`, `POST /v1/route` and the ledger's `explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pointsman.core.decision import Decision
    from pointsman.core.jsontypes import JsonObject


def as_json(decision: Decision) -> JsonObject:
    """The contract's object: model, tier, score, confidence, strategy, reason, privacy, struck, trail, elapsed_us.

    `assessment` is there only where a classifier has one.
    """
    found: JsonObject = {
        "id": decision.id,
        "asked": decision.asked,
        "model": decision.model,
        "candidates": list(decision.candidates),
        "tier": decision.tier.value if decision.tier else None,
        "score": decision.score,
        "confidence": decision.confidence,
        "strategy": decision.strategy,
        "reason": decision.reason,
        "router": decision.router,
        "privacy": {
            "class": decision.privacy.privacy_class.value,
            "kinds": list(decision.privacy.kinds),
            "source": decision.privacy.source,
        },
        "struck": [{"model": one.model, "by": one.by, "reason": one.reason} for one in decision.struck],
        "trail": [
            {
                "strategy": step.strategy,
                "outcome": step.outcome.value,
                "detail": step.detail,
                "elapsed_us": step.elapsed_us,
            }
            for step in decision.trail
        ],
        "warnings": list(decision.warnings),
        "demo": decision.is_demo,
        "elapsed_us": decision.elapsed_us,
    }
    if decision.assessment is not None:
        found["assessment"] = decision.assessment.to_json()
    return found
