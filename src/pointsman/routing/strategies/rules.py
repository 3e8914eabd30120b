"""The configuration's rules: the first that holds gives the tier or the model.

A rule about the kind of a task has to wait until the request is classified. It speaks second, then, and has the last
word over the classifier; a rule below it waits as well where both may hold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pointsman.core.decision import Pick
from pointsman.routing.rules import Ask

if TYPE_CHECKING:
    from pointsman.core.catalog import Catalog
    from pointsman.core.decision import RoutingContext
    from pointsman.routing.rules import Matcher


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Asks each of `rules` in order."""

    catalog: Catalog
    rules: tuple[Matcher, ...]
    name: str = "rules"

    async def decide(self, context: RoutingContext, /) -> Pick | None:
        """What the first rule that holds gives; passes where none does, or where it depends on the kind."""
        ask = Ask(context.features.ask)
        for one in self.rules:
            why = one.why(context, ask)
            if why is not None:
                return None if one.rule.kinds else self._pick(one, why, context)
        return None

    def settle(self, context: RoutingContext, pick: Pick, /) -> Pick:
        """*pick* of a classifier, or what a rule about such kinds gives."""
        if not any(one.rule.kinds for one in self.rules):
            return pick  # all have been asked
        kind = pick.assessment.kind if pick.assessment is not None else None
        ask = Ask(context.features.ask)
        for one in self.rules:
            if one.rule.kinds and kind not in one.rule.kinds:
                continue
            why = one.why(context, ask)
            if why is not None:
                told = ", ".join(part for part in (why, f"kind {kind!r}" if one.rule.kinds else "") if part)
                made = self._pick(one, told, context)
                return replace(made, assessment=pick.assessment, score=pick.score)
        return pick

    def _pick(self, one: Matcher, why: str, context: RoutingContext) -> Pick:
        router = self.catalog.router_for(context.requested_model)
        reason = f"the rule {one.rule.name!r} holds" + (f": {why}" if why else "")
        return Pick(
            reason=reason,
            tier=one.rule.tier,
            model=one.rule.model,
            router=router.name if router is not None else None,
            confidence=1.0,
        )
