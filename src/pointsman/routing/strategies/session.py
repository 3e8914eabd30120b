"""A session goes on with what it has: its model inside a tool's loop, its tier at a follow-up and until the asks ease.

It speaks twice. Before the request is judged it takes what needs no judgement; afterwards it may hold the session's
tier against an easier ask.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pointsman.core.decision import Pick
from pointsman.routing.sessions.economy import Switch, objection
from pointsman.routing.sessions.follow_up import is_follow_up
from pointsman.routing.sessions.hysteresis import held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pointsman.core.catalog import Catalog, ModelCard, Tier
    from pointsman.core.decision import RoutingContext
    from pointsman.core.session import Pin

SESSION: Final = "session"
_TYPICAL_OUTPUT_TOKENS: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How slowly a session goes down. Times in seconds."""

    easier_asks: int = 3
    cache_s: float = 300.0  # for so long a cloud keeps the conversation in its cache
    prefill_tokens_per_s: float = 500.0  # of a local model
    most_prefill_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPin:
    """Keeps a session's model or tier. `clock` is monotonic seconds, as in a Pin."""

    catalog: Catalog
    clock: Callable[[], float]
    patience: Patience = Patience()
    name: str = SESSION

    def passes(self, context: RoutingContext, /) -> bool:
        """Whether nothing came before, or something new is asked."""
        features = context.features
        return context.pin is None or not (features.in_tool_loop or is_follow_up(features.ask))

    async def decide(self, context: RoutingContext, /) -> Pick | None:
        """The model that asked for the tool, the tier of what a person only goes on with; passes for a new ask."""
        pin = self._pin(context)
        if pin is None:
            return None
        if context.features.in_tool_loop:
            return self._locked(pin, context)
        if not is_follow_up(context.features.ask):
            return None
        reason = f"a short follow-up keeps the session's tier {pin.tier.value!r}"
        sees = pin.card if context.features.has_earlier_images else None  # it may go on about what it was shown
        return self._kept(pin, reason, card=sees or self._mate(pin, context) or self._colleague(pin, context))

    def settle(self, context: RoutingContext, pick: Pick, /) -> Pick:
        """*pick* of a later strategy, or the session's tier where that is higher and it has not eased yet."""
        pin = self._pin(context)
        if pin is None or pick.tier is None or pick.router != pin.router:
            return pick
        output = pick.assessment.output_tokens if pick.assessment is not None else _TYPICAL_OUTPUT_TOKENS
        found = held(
            pin,
            pick.tier,
            patience=self.patience.easier_asks,
            objection=lambda tier: self._objection(pin, tier, context, output),
        )
        is_same = found.tier is pin.tier
        card = self._mate(pin, context) if is_same else None
        if found.why is None:
            return pick if card is None else replace(pick, card=card)
        place = "stays at" if is_same else "goes down to"
        alone = f"alone this would be {pick.tier.value!r} ({pick.reason})"
        return replace(
            pick,
            tier=found.tier,
            card=card,
            reason=f"the session {place} {found.tier.value!r}: {found.why}; {alone}",
            easier=(found.easier, found.hardest),
        )

    def _pin(self, context: RoutingContext) -> Pin | None:
        """The session's pin, where it is one of the router that is asked now."""
        pin = context.pin
        if pin is None:
            return None
        router = self.catalog.router_for(context.requested_model)
        return pin if router is not None and router.name == pin.router else None

    def _locked(self, pin: Pin, context: RoutingContext) -> Pick:
        if pin.card in context.open_models:
            reason = f"{pin.card} asked for the tool and gets its result"
            return self._kept(pin, reason, card=pin.card)
        reason = f"inside a tool's loop the session keeps its tier {pin.tier.value!r}; {pin.card} may not be asked"
        return self._kept(pin, reason, card=None)

    def _kept(self, pin: Pin, reason: str, *, card: str | None) -> Pick:
        return Pick(reason=reason, tier=pin.tier, router=pin.router, card=card, easier=(pin.easier, pin.hardest))

    def _mate(self, pin: Pin, context: RoutingContext) -> str | None:
        """The pin's card, where it is one of several of the pool that the tier begins with: it has the cache."""
        card = context.open_models.get(pin.card)
        if card is None or len(self.catalog.pools.get(card.name, ())) < 2:
            return None
        first = self._first(pin.tier, context)
        return card.id if first is not None and first.name == card.name else None

    def _colleague(self, pin: Pin, context: RoutingContext) -> str | None:
        """The pin's card, where it is another model of the tier than the first: what it began it goes on with."""
        cards = list(self._cards(pin.tier, context))
        return pin.card if any(card.id == pin.card for card in cards) and cards[0].id != pin.card else None

    def _first(self, tier: Tier, context: RoutingContext) -> ModelCard | None:
        """The first model of *tier* that may be asked."""
        return next(self._cards(tier, context), None)

    def _cards(self, tier: Tier, context: RoutingContext) -> Iterator[ModelCard]:
        """Those of the models of *tier* that may be asked."""
        router = self.catalog.routers_by_name.get(context.pin.router or "") if context.pin is not None else None
        names = router.tiers.get(tier, ()) if router is not None else ()
        cards = (card for name in names for card in self.catalog.pools.get(self.catalog.resolve(name), ()))
        return (card for card in cards if card.id in context.open_models)

    def _objection(self, pin: Pin, tier: Tier, context: RoutingContext, output_tokens: int) -> str | None:
        stay, move = context.open_models.get(pin.card), self._first(tier, context)
        if stay is None or move is None:
            return None
        is_warm = self.clock() - pin.at_s <= self.patience.cache_s
        tokens = max(context.features.estimated_input_tokens, pin.tokens)
        switch = Switch(
            tokens=tokens,
            cached=pin.tokens if is_warm else 0,
            output_tokens=output_tokens,
            turns=self.patience.easier_asks,
            prefill_tokens_per_s=self.patience.prefill_tokens_per_s,
            most_prefill_s=self.patience.most_prefill_s,
        )
        return objection(stay, move, switch)
