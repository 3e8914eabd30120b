"""An agent gets the model that the configuration, or a person who accepted a proposal, has given it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pointsman.core.catalog import Operation
from pointsman.core.decision import Pick

if TYPE_CHECKING:
    from pointsman.core.catalog import Catalog
    from pointsman.core.decision import RoutingContext
    from pointsman.routing.agents.rules import AgentRules, TierOfAgent

NAME: Final = "agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentModel:
    """Picks by rule, else by what was accepted; small errands of the agent's program are not its business."""

    catalog: Catalog
    rules: AgentRules
    accepted: TierOfAgent
    name: str = NAME

    def passes(self, context: RoutingContext, /) -> bool:
        """Whether no agent asks."""
        return context.caller.agent is None

    async def decide(self, context: RoutingContext, /) -> Pick | None:
        """The rule's tier or model, the accepted tier; passes where the rule only sets bounds, or nothing is said."""
        agent = context.caller.agent
        if agent is None or context.features.is_housekeeping or context.operation is Operation.EMBEDDINGS:
            return None
        router = self._router(context)
        rule = self.rules.of(context.caller)
        if rule is not None and rule.model is not None:
            reason = f"the rule {rule.pattern!r} gives the agent {agent!r} {rule.model}"
            return Pick(model=rule.model, router=router, reason=reason)
        if rule is not None and rule.tier is not None:
            reason = f"the rule {rule.pattern!r} gives the agent {agent!r} tier {rule.tier.value!r}"
            return Pick(tier=rule.tier, router=router, reason=reason)
        tier = self.accepted(context.caller.key_id, agent)
        if tier is None:
            return None
        tier = tier if rule is None else rule.bounded(tier)
        return Pick(tier=tier, router=router, reason=f"tier {tier.value!r} was accepted for the agent {agent!r}")

    def _router(self, context: RoutingContext) -> str | None:
        asked = self.catalog.resolve(context.requested_model) if context.requested_model else ""
        return asked if asked in self.catalog.routers_by_name else None
