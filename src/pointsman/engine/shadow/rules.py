"""Which requests are copied, and to which model. The first is decided before the caller's answer, in a microsecond."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pointsman.core.catalog import Operation, Tier
from pointsman.core.chat import ChatRequest
from pointsman.core.values import value_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.core.catalog import Catalog, ModelCard
    from pointsman.core.chat import EmbeddingRequest
    from pointsman.engine.decide import Resolved
    from pointsman.engine.inbound import Inbound

OPT_OUT: Final = "shadow"
"""The entry of a request's metadata that says whether it may be copied."""
_NO: Final = frozenset(("off", "false", "no"))
_RUN_BY_THE_ENDPOINT: Final = frozenset(("server_tools", "mcp_servers", "web_search_options", "container"))
"""Names in a request's extras of tools that its endpoint would run, besides those that begin with `tools.`."""


@value_type
class Rule:
    """A share of some requests goes to one model. An empty set means any."""

    model: str  # as configured: a model, an alias or a tier
    sample: float  # 0..1
    tiers: frozenset[Tier] = frozenset()  # that the requests were given
    kinds: frozenset[str] = frozenset()  # of task, as the classifier has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What copies may take besides money: at once, and each of them."""

    most_at_once: int
    timeout_s: float
    max_prompt_tokens: int
    max_output_tokens: int


def rule_for(rules: Sequence[Rule], inbound: Inbound, resolved: Resolved) -> Rule | None:
    """The first of *rules* that goes for this request; None where it is none of those that are copied at all.

    Copied are conversations: no embeddings, counts, completions, dry runs, no errands of a program such as titles, and
    nothing whose caller has opted out.
    """
    decision, features = resolved.decision, resolved.features
    if inbound.operation is not Operation.CHAT or not isinstance(inbound.request, ChatRequest):
        return None
    if inbound.is_dry_run or decision.is_utility or features.is_housekeeping or _opts_out(inbound):
        return None
    kind = decision.assessment.kind if decision.assessment is not None else None
    for rule in rules:
        if (not rule.tiers or decision.tier in rule.tiers) and (not rule.kinds or kind in rule.kinds):
            return rule
    return None


def _opts_out(inbound: Inbound) -> bool:
    return any(name == OPT_OUT and value.lower() in _NO for name, value in inbound.caller.metadata)


def card_for(rule: Rule, resolved: Resolved, catalog: Catalog) -> ModelCard | None:
    """The card that a copy goes to: the first that the request's own constraints left open; None when there is none.

    What was struck out for the request, for its privacy or for what the model cannot do, is struck out for the copy.
    One that leaves the machine has to have a price, or nobody could tell what is spent.
    """
    name = catalog.resolve(rule.model)
    tier = Tier.parse(name) if name not in catalog.pools else None
    router = catalog.router_for(resolved.decision.router)
    names = (name,) if tier is None else router.tiers.get(tier, ()) if router is not None else ()
    for pool in names:
        for card in catalog.pools.get(catalog.resolve(pool), ()):
            if card.id in resolved.open_models and (card.is_local or card.price is not None):
                return card
    return None


def has_tools_of_endpoint(request: ChatRequest | EmbeddingRequest) -> bool:
    """Whether its endpoint would run tools for *request*: a search, code, a server's. A copy would run them again."""
    names = (name for extras in request.extras.values() for name in extras)
    return any(name.startswith("tools.") or name in _RUN_BY_THE_ENDPOINT for name in names)
