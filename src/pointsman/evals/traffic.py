"""Recorded requests as requests to be decided again, and what their tokens cost on another model.

A ledger keeps what was last asked only where prompts are logged, and never of a private request; of each request it
keeps its size, its tools, what it asked for, its tier.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from pointsman.core.catalog import Capability, Operation, Tier
from pointsman.core.chat import ChatRequest, Usage, ask
from pointsman.core.decision import Caller, PrivacyClass
from pointsman.engine.inbound import Inbound

if TYPE_CHECKING:
    from collections.abc import Callable

    from pointsman.adapters.storage.rows import LedgerRow
    from pointsman.core.catalog import ModelCard
    from pointsman.core.decision import PromptFeatures

RECORDED = "recorded"
_SAID = frozenset(("header", "metadata", "flag", "key", "caller"))
_TIER_STRATEGY = "tier"


class Basis(StrEnum):
    """What a recorded request is decided again from."""

    PROMPT = "prompt"  # it was logged
    NAME = "name"  # the caller named a model, or the kind of request is enough
    TIER = "tier"  # the tier that it had: who serves it may change, not the tier
    NOTHING = "nothing"  # its beginning was lost


def basis_of(row: LedgerRow) -> Basis:
    """What there is to decide *row* from."""
    if not row.routed:
        return Basis.NOTHING
    if row.prompt is not None:
        return Basis.PROMPT
    if row.is_explicit or row.is_housekeeping or row.operation == Operation.EMBEDDINGS:
        return Basis.NAME
    return Basis.TIER if _tier(row) is not None else Basis.NOTHING


def inbound_of(row: LedgerRow) -> Inbound:
    """*row* as it would come again. What was private is private, whatever any configuration says."""
    keeps_tier = basis_of(row) is Basis.TIER or row.strategy == _TIER_STRATEGY
    source = row.privacy_source or RECORDED
    label = None
    if row.privacy != PrivacyClass.PUBLIC:
        label = PrivacyClass.PRIVATE
    elif source in _SAID:
        label = PrivacyClass.PUBLIC
    return Inbound(
        request=ask(row.prompt or "", model=row.asked),
        arrived_s=0.0,
        operation=Operation(row.operation),
        caller=Caller(
            privacy=label,
            privacy_source=source if label is not None else None,
            tier=_tier(row) if keeps_tier else None,
            session=row.session,
            agent=row.agent,
            key_id=row.key_id,
            client=row.client,
        ),
        surface=row.surface,
        is_dry_run=True,
    )


def features_of_row(row: LedgerRow, seen: Callable[[ChatRequest], PromptFeatures]) -> PromptFeatures:
    """What is *seen* in the prompt, and what the ledger keeps of the rest of the conversation."""
    needs = {Capability.TOOLS} if row.n_tools else set()
    if row.operation == Operation.EMBEDDINGS:
        needs.add(Capability.EMBEDDINGS)
    found = seen(ask(row.prompt or ""))
    return replace(
        found,
        estimated_input_tokens=row.estimated_input_tokens,
        turns=row.turns,
        needs=found.needs | needs,
        n_tools=row.n_tools,
        in_tool_loop=row.in_tool_loop,
        is_housekeeping=row.is_housekeeping,
        count=None,
    )


def usage_of(row: LedgerRow) -> Usage | None:
    """The tokens of *row*; None when it has none."""
    if row.input_tokens is None or row.output_tokens is None:
        return None
    return Usage(
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cached_input_tokens=row.cached_input_tokens or 0,
        reasoning_tokens=row.reasoning_tokens or 0,
        cache_write_tokens=row.cache_write_tokens or 0,
        is_estimated=bool(row.is_estimated),
    )


def cost_on(row: LedgerRow, card: ModelCard) -> float | None:
    """What the tokens of *row* cost on *card*, in US dollars; None where tokens or price are not known."""
    usage = usage_of(row)
    if usage is None or card.price is None:
        return None
    return card.price.cost_usd(usage)


def agent_or_client(row: LedgerRow) -> str | None:
    """Who asked."""
    return row.agent or row.client


def _tier(row: LedgerRow) -> Tier | None:
    return Tier.parse(row.tier) if row.tier else None
