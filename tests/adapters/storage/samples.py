"""Events of plausible requests for the ledger's tests: one in full, and whole histories by a seed."""

from __future__ import annotations

import random
from dataclasses import replace

from pointsman.core.assessment import Assessment
from pointsman.core.catalog import Operation, Tier
from pointsman.core.chat import Usage
from pointsman.core.decision import Caller, Decision, Outcome, Privacy, PrivacyClass, PromptFeatures, Step, Struck
from pointsman.core.events import AttemptEnded, AttemptStarted, Decided, Event, Finished, FinishReason, Rejected
from pointsman.core.failure import Failure, FailureKind

NOON = 1_790_000_000.0  # 2026-09-21T14:13:20Z
PRIVATE = Privacy(privacy_class=PrivacyClass.PRIVATE, kinds=("iban",), source="detector")


def decision(key: str = "d1") -> Decision:
    """A decision with everything in it."""
    return Decision(
        id=key,
        asked="gpt-4o",
        operation=Operation.CHAT,
        candidates=("ollama/qwen", "cloud/mini"),
        model="qwen",
        tier=Tier.MEDIUM,
        strategy="complexity",
        reason="score 0.21: medium",
        score=0.21,
        confidence=0.8,
        privacy=Privacy(),
        struck=(Struck(model="cloud/old", by="capability", reason="no tools"),),
        trail=(
            Step(strategy="override", outcome=Outcome.PASSED, detail="", elapsed_us=0.44),
            Step(strategy="complexity", outcome=Outcome.PICKED, detail="0.21 → medium", elapsed_us=31.26),
        ),
        elapsed_us=42.04,
        router="auto",
        warnings=("model 'gpt-4o' is not configured",),
        assessment=Assessment(
            kind="coding", difficulty=0.8204, chances=(0.5, 0.7125, 0.9, 0.95), output_tokens=1200, familiarity=0.61
        ),
    )


def decided(key: str = "d1", at_s: float = NOON) -> Decided:
    """The beginning of a request."""
    return Decided(
        at_s=at_s,
        decision=decision(key),
        caller=Caller(session="s1", agent="coder", key_id="k1", client="curl"),
        features=PromptFeatures(ask="Why?", estimated_input_tokens=12, turns=2, n_tools=1, in_tool_loop=True),
        surface="openai_chat",
        stream=True,
    )


def started(key: str = "d1", number: int = 1, model: str = "ollama/qwen", at_s: float = NOON + 0.25) -> AttemptStarted:
    """An attempt."""
    return AttemptStarted(decision_id=key, at_s=at_s, model=model, endpoint=model.partition("/")[0], number=number)


def ended(key: str = "d1", number: int = 1, at_s: float = NOON + 0.5) -> AttemptEnded:
    """The failure of an attempt."""
    failure = Failure(
        kind=FailureKind.TRANSIENT,
        model="ollama/qwen",
        endpoint="ollama",
        message="overloaded",
        status=503,
        elapsed_ms=250.0,
    )
    return AttemptEnded(decision_id=key, at_s=at_s, number=number, failure=failure)


def finished(key: str = "d1", at_s: float = NOON + 1.0) -> Finished:
    """A good end after one attempt."""
    return Finished(
        decision_id=key,
        at_s=at_s,
        reason=FinishReason.OK,
        status=200,
        served="ollama/qwen",
        upstream_model="qwen2.5:7b",
        attempts=1,
        fallbacks=0,
        usage=Usage(
            input_tokens=11,
            output_tokens=7,
            cached_input_tokens=3,
            reasoning_tokens=2,
            cache_write_tokens=1,
            is_estimated=True,
        ),
        cost_usd=0.0,
        saved_usd=0.002,
        baseline="cloud/mini",
        duration_ms=1000.0,
        first_byte_ms=300.0,
        overhead_ms=0.5,
        is_local=True,
        dropped=("logit_bias",),
    )


def rejected(key: str = "r1", at_s: float = NOON) -> Rejected:
    """A request that never got a model."""
    return Rejected(
        at_s=at_s,
        decision_id=key,
        surface="openai_chat",
        status=400,
        code="invalid_request",
        message="'messages' is missing.",
        asked="auto",
    )


def request(key: str = "d1", at_s: float = NOON) -> list[Event]:
    """A whole request that went well at once."""
    return [decided(key, at_s), started(key, at_s=at_s + 0.25), finished(key, at_s + 1.0)]


def history(seed: int, requests: int = 200) -> list[Event]:
    """Interleaved requests of every kind of ending, in the order of their times."""
    rng = random.Random(seed)
    events: list[tuple[float, Event]] = []
    for number in range(requests):
        key, at_s = f"{rng.getrandbits(64):016x}", NOON + number * 701.25
        start = decided(key, at_s)
        caller = replace(start.caller, agent=rng.choice(["coder", "writer", None]), session=rng.choice(["s1", "s2"]))
        tier = rng.choice([*Tier, None])
        made = replace(start.decision, tier=tier, strategy=rng.choice(["rules", "complexity"]), asked=None)
        is_dry_run = rng.random() < 0.05
        events.append((at_s, replace(start, caller=caller, decision=made, is_dry_run=is_dry_run)))
        if rng.random() < 0.1:
            events.append((at_s, rejected(f"r{number}", at_s)))
        if is_dry_run or rng.random() < 0.05:
            continue
        attempts, clock = rng.randint(1, 3), at_s
        for attempt in range(1, attempts + 1):
            clock += 0.125
            events.append((clock, started(key, attempt, rng.choice(["ollama/qwen", "cloud/mini"]), clock)))
            if attempt < attempts:
                clock += 0.125
                events.append((clock, ended(key, attempt, clock)))
        clock += rng.randint(1, 3000) / 4
        events.append((clock, _ending(rng, key, at_s, clock, attempts)))
    return [event for _, event in sorted(events, key=lambda pair: pair[0])]


def _ending(rng: random.Random, key: str, began_s: float, at_s: float, attempts: int) -> Finished:
    end = finished(key, at_s)
    reason = rng.choice([FinishReason.OK, FinishReason.OK, *FinishReason])
    is_ok = reason is FinishReason.OK
    return replace(
        end,
        reason=reason,
        status=200 if is_ok else 503,
        served=rng.choice(["ollama/qwen", "cloud/mini"]) if is_ok else None,
        is_local=rng.choice([True, False, None]) if is_ok else None,
        attempts=attempts,
        fallbacks=attempts - 1,
        usage=Usage(input_tokens=rng.randint(0, 999), output_tokens=5) if is_ok else None,
        cost_usd=rng.choice([0.25, 0.5, None]) if is_ok else None,
        saved_usd=rng.choice([0.125, None]) if is_ok else None,
        duration_ms=(at_s - began_s) * 1000,
        first_byte_ms=rng.choice([125.0, 250.5, 375.0, None]),
        error=None if is_ok else "nobody answered",
    )
