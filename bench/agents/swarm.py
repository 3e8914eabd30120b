"""The swarm: a hundred calls of four agents, seventy simple and thirty hard, each as its framework would send it.

Every tenth simple call quotes a customer who writes like an engineer, so that it looks hard word by word.

Nobody names an agent to the gateway: it has a CrewAI frame, a node of LangGraph, a sub-agent of Claude Code, one of
Codex to go by.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

SEED = 20261121
ROLE = "Ticket Tagger"
EXTRACTOR = "extractor"
ARCHITECT = "claude-code/subagent/architect"
REVIEWER = "codex/reviewer"
HARD = (ARCHITECT, REVIEWER)

_CREW = (
    f"You are {ROLE}. You have read every ticket of this shop since it opened.\n"
    "Your personal goal is: give each ticket the one tag that fits"
)
_THINGS = ("kettle", "headphones", "bicycle lamp", "desk", "rain jacket", "keyboard", "tent", "camera strap")
_TROUBLES = ("never arrived", "came broken", "has the wrong colour", "is too small", "was charged twice", "smells odd")
_NAMES = ("Ada Byron", "Li Wei", "Olu Ade", "Marta Ruiz", "Jan Novak", "Aiko Sato", "Sven Berg", "Noor Khan")
_DESIGNS = (
    (
        "Design the architecture of a distributed rate limiter for {n} regions. Explain step by step how counters are "
        "kept consistent when a region is cut off, prove that no caller gets more than twice its share, and weigh the "
        "trade-offs of token buckets against sliding windows."
    ),
    (
        "Design a schema and an algorithm to merge {n} offline edits of one document without losing any. Analyse its "
        "time complexity, prove that all replicas converge, and compare operational transformation with CRDTs step by "
        "step."
    ),
    (
        "Plan the migration of a monolith with {n} database tables to services without downtime. Reason step by step "
        "about dual writes, backfills, rollback and failure modes, and justify the order of the steps."
    ),
)
_CODE = """
def transfer(accounts, source, target, amount, lock):
    balance = accounts[source]
    if balance >= amount:
        with lock:
            accounts[source] = balance - amount
            accounts[target] += amount * {n} // {n}
    return accounts
"""
_REVIEWS = (
    (
        "Review this function of a payment service. Think step by step about race conditions, rounding and exceptions, "
        "debug it, then refactor it and prove that no money is lost under concurrent calls:\n"
    ),
    (
        "Find every concurrency bug in this code, explain the root cause of each step by step, analyse what an "
        "attacker could gain, and rewrite the algorithm with a correctness argument:\n"
    ),
)
_TECHNICAL = (  # what makes an easy call look hard
    (
        "I followed the guide step by step: first I updated the firmware, then I ran the debug script, and the api "
        "returned an exception from the database. Analyze the stack trace and explain why the algorithm fails."
    ),
    (
        "Our architecture team wants the root cause: is it the concurrency of the scheduler, the encryption layer or "
        "the kubernetes deployment? Think through the trade-offs and prove it before you refund me."
    ),
)
TECHNICAL_EVERY = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SwarmCall:
    """One call: who makes it, its body without the model, and the headers that its program sends."""

    agent: str
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def is_hard(self) -> bool:
        """Whether a small model is not up to it."""
        return self.agent in HARD


def swarm(seed: int = SEED) -> list[SwarmCall]:
    """The hundred calls, in the order of a working day: mixed."""
    draw = random.Random(seed)
    calls = [
        *(_tag(draw, is_technical=number % TECHNICAL_EVERY == 0) for number in range(40)),
        *(_extract(draw, is_technical=number % TECHNICAL_EVERY == 0) for number in range(30)),
        *(_design(draw) for _ in range(18)),
        *(_review(draw) for _ in range(12)),
    ]
    draw.shuffle(calls)
    return calls


def _tag(draw: random.Random, *, is_technical: bool) -> SwarmCall:
    ticket = f"my {draw.choice(_THINGS)} {draw.choice(_TROUBLES)}"
    ticket += f". {draw.choice(_TECHNICAL)}" if is_technical else ""
    return SwarmCall(agent=ROLE, body=_body(f"Which tag fits: delivery, damage, billing? '{ticket}'", 12, _CREW))


def _extract(draw: random.Random, *, is_technical: bool) -> SwarmCall:
    note = f" Note: {draw.choice(_TECHNICAL)}" if is_technical else ""
    order = (
        f"{draw.choice(_NAMES)}, {draw.randrange(1, 9)} x {draw.choice(_THINGS)}, {draw.randrange(5, 99)} EUR.{note}"
    )
    body = _body(f"What is the customer's name in this order? {order}", 16)
    return SwarmCall(agent=EXTRACTOR, body={**body, "metadata": {"langgraph_node": EXTRACTOR}})


def _design(draw: random.Random) -> SwarmCall:
    body = _body(draw.choice(_DESIGNS).format(n=draw.randrange(3, 60)), 64)
    return SwarmCall(
        agent=ARCHITECT,
        body=body,
        headers={"x-claude-code-request-class": "subagent", "x-claude-code-agent-type": "architect"},
    )


def _review(draw: random.Random) -> SwarmCall:
    body = _body(draw.choice(_REVIEWS) + _CODE.replace("{n}", str(draw.randrange(2, 9))), 64)
    turn = {"thread_source": "subagent", "agent_name": "reviewer"}
    return SwarmCall(agent=REVIEWER, body=body, headers={"x-codex-turn-metadata": json.dumps(turn)})


def _body(ask: str, max_tokens: int, system: str | None = None) -> dict[str, Any]:
    told = [{"role": "system", "content": system}] if system is not None else []
    messages = [*told, {"role": "user", "content": ask}]
    return {"messages": messages, "max_tokens": max_tokens, "temperature": 0, "seed": 1}
