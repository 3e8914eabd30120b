"""From a pick to models in the order they will be tried: the pool, its fallbacks, then the neighbouring tiers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.core.catalog import Tier
from pointsman.core.decision import Outcome, Pick, Step, Struck
from pointsman.core.errors import (
    ContextTooLong,
    InvalidRequest,
    ModelStruckOut,
    NoModelAvailable,
    PointsmanError,
    Refused,
)
from pointsman.core.failure import FailureKind
from pointsman.core.values import value_type
from pointsman.routing.constraints.capability import CAPABILITY, CONTEXT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pointsman.core.catalog import Catalog, ModelCard, RouterCard

ANY = "*"
ASK_AUTO = "Ask for `auto` to let another do it."


@value_type
class Selection:
    """Card ids in the order of trial; `model` and `tier` are what the first of them stands for."""

    candidates: tuple[str, ...]
    model: str
    tier: Tier | None
    notes: tuple[Step, ...] = ()
    unfit: frozenset[str] = frozenset()  # candidates that another was put before, as they would do it less well


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Orders a pick's models. `draw` gives numbers in [0, 1) for sharing the load within a pool by weight."""

    catalog: Catalog
    draw: Callable[[], float]
    _ladders: dict[tuple[str, Tier], tuple[str, ...]] = field(default_factory=dict, init=False, repr=False)
    _settled: dict[tuple[str | None, Tier], Selection] = field(default_factory=dict, init=False, repr=False)
    _settled_ablers: dict[tuple[str | None, Tier, str], Selection] = field(default_factory=dict, init=False, repr=False)
    _chains: dict[str, tuple[str, ...]] = field(default_factory=dict, init=False, repr=False)

    def select(self, pick: Pick, open_models: Mapping[str, ModelCard], struck: Sequence[Struck]) -> Selection:
        """The models to try for *pick*, the card that it asks for before the others.

        ModelStruckOut when the caller named a model that may not be used; Refused, ContextTooLong or NoModelAvailable
        when nothing at all is left.
        """
        found = self._selected(pick, open_models, struck)
        card = open_models.get(pick.card) if pick.card is not None else None
        if pick.instead and (abler := self._abler(found, pick, open_models, struck)) is not None:
            found, card = abler, card if card is not None and card.name == abler.model else None
        if card is None or card.id == found.candidates[0]:
            return found
        return Selection(
            candidates=(card.id, *(one for one in found.candidates if one != card.id)),
            model=card.name,
            tier=found.tier if card.name == found.model else self._tier_of(card.name, self._router(pick)),
            notes=found.notes,
            unfit=found.unfit,
        )

    def _abler(
        self, found: Selection, pick: Pick, open_models: Mapping[str, ModelCard], struck: Sequence[Struck]
    ) -> Selection | None:
        """The selection that begins with whom *pick* names for the tier; None where that may not be asked."""
        name, why = next(((name, why) for tier, name, why in pick.instead if tier is found.tier), ("", ""))
        if found.tier is None or not name:
            return None
        key, is_settled = (pick.router, found.tier, name), self._is_settled(open_models)
        ordered = self._settled_ablers.get(key) if is_settled else None
        if ordered is None:
            pool = self._pool(name, open_models)
            if not pool:
                return None
            ladder = self._ladder(self._router(pick), found.tier)
            ordered = self._ordered(name, found.tier, pool, ladder, open_models, struck)
            if is_settled:
                self._settled_ablers[key] = ordered
        return Selection(
            candidates=ordered.candidates,
            model=ordered.model,
            tier=ordered.tier,
            notes=(*found.notes, Step(strategy="select", outcome=Outcome.NOTE, detail=why)),
            unfit=frozenset([one for one in found.candidates if open_models[one].name == found.model]),
        )

    def _is_settled(self, open_models: Mapping[str, ModelCard]) -> bool:
        """Whether all is open and nothing drawn: the same selection each time."""
        return self.catalog.draws_nothing and len(open_models) == len(self.catalog.models)

    def _selected(self, pick: Pick, open_models: Mapping[str, ModelCard], struck: Sequence[Struck]) -> Selection:
        if pick.tier is not None:
            if pick.is_utility and (found := self._errand(pick.tier, self._router(pick), open_models)) is not None:
                return found
            if not self._is_settled(open_models):
                return self._by_tier(pick.tier, self._router(pick), open_models, struck)
            key = (pick.router, pick.tier)
            if key not in self._settled:
                self._settled[key] = self._by_tier(pick.tier, self._router(pick), open_models, struck)
            return self._settled[key]
        router = self._router(pick)
        name = self.catalog.resolve(pick.model or "")
        pool = self._pool(name, open_models)
        if not pool and pick.is_explicit:
            return self._instead_of(name, open_models, struck)
        tier = self._tier_of(name, router)
        ladder = () if pick.is_explicit else self._ladder(router, tier or Tier.SIMPLE)
        return self._ordered(name, tier, pool, ladder, open_models, struck)

    def _router(self, pick: Pick) -> RouterCard | None:
        return self.catalog.routers_by_name.get(pick.router) if pick.router else self.catalog.auto

    def _errand(self, tier: Tier, router: RouterCard | None, open_models: Mapping[str, ModelCard]) -> Selection | None:
        """Who does a small errand: the tier's models, then those of larger ones up to the complex, then as configured.

        None when no such tier has an open model. Whether tiers are climbed otherwise makes no difference.
        """
        if router is None:
            return None
        tiers = [other for other in Tier if tier.rank <= other.rank <= max(tier.rank, Tier.COMPLEX.rank)]
        names = dict.fromkeys(self.catalog.resolve(name) for other in tiers for name in router.tiers.get(other, ()))
        chain = dict.fromkeys((*names, *(other for name in names for other in self.fallback_names(name))))
        cards = [card for name in chain for card in self._pool(name, open_models)]
        if any(card.is_pinned for card in cards):  # it is in memory: of one tier, before the others
            cards.sort(key=lambda card: (self._rank(card.name, router), not card.is_pinned))
        if not cards:
            return None
        first, taken = cards[0].name, self._tier_of(cards[0].name, router)
        notes = () if taken in {tier, None} else (_climb(tier, taken),)
        ids = tuple(dict.fromkeys(card.id for card in cards))
        return Selection(candidates=ids, model=first, tier=taken, notes=notes)

    def _rank(self, name: str, router: RouterCard) -> int:
        """The place of the tier that *name* is in; behind all of them for a fallback."""
        tier = self._tier_of(name, router)
        return tier.rank if tier is not None else len(Tier)

    def _by_tier(
        self, tier: Tier, router: RouterCard | None, open_models: Mapping[str, ModelCard], struck: Sequence[Struck]
    ) -> Selection:
        """The first tier with an open model, looking up the ladder before down it."""
        for candidate in _nearest(tier):
            for name in router.tiers.get(candidate, ()) if router else ():
                pool = self._pool(name, open_models)
                if not pool:
                    continue
                notes = () if candidate is tier else (_climb(tier, candidate),)
                return self._ordered(name, candidate, pool, self._ladder(router, candidate), open_models, struck, notes)
        pool = self._pool(router.default_model, open_models) if router and router.default_model else ()
        if router and router.default_model and pool:
            return self._ordered(router.default_model, None, pool, (), open_models, struck)
        return self._larger_than(router.models() if router else (), open_models, struck)

    def _larger_than(
        self, names: Iterable[str], open_models: Mapping[str, ModelCard], struck: Sequence[Struck]
    ) -> Selection:
        """A router none of whose models may take the request: the context fallbacks of those that are too small."""
        too_small = {one.model: one for one in struck if one.by == CONTEXT}
        for name in map(self.catalog.resolve, names):
            why = next((too_small[card.id] for card in self.catalog.pools.get(name, ()) if card.id in too_small), None)
            if why is not None and (found := self._context_fallback(name, why, open_models, struck)) is not None:
                return found
        raise _nothing_left(struck)

    def _context_fallback(
        self, name: str, why: Struck, open_models: Mapping[str, ModelCard], struck: Sequence[Struck]
    ) -> Selection | None:
        """The first configured context fallback of *name* that is open, with a line that says so."""
        for other in larger_for(self.catalog, name):
            if pool := self._pool(other, open_models):
                note = Step(strategy=CONTEXT, outcome=Outcome.CLIMBED, detail=f"{why.reason}, so {other!r} takes it")
                return self._ordered(other, None, pool, (), open_models, struck, (note,))
        return None

    def _ordered(
        self,
        name: str,
        tier: Tier | None,
        pool: Sequence[ModelCard],
        ladder: Iterable[str],
        open_models: Mapping[str, ModelCard],
        struck: Sequence[Struck],
        notes: tuple[Step, ...] = (),
    ) -> Selection:
        name = self.catalog.resolve(name)
        ids = dict.fromkeys(card.id for card in pool)
        for other in (*self.fallback_names(name), *ladder):  # both settled once for a catalog
            ids.update(dict.fromkeys(card.id for card in self._pool(other, open_models)))
        if not ids:
            return self._larger_than((name, *ladder), open_models, struck)
        first = open_models[next(iter(ids))].name
        return Selection(candidates=tuple(ids), model=first, tier=tier if first == name else None, notes=notes)

    def fallback_names(self, name: str) -> tuple[str, ...]:
        """Configured fallbacks of *name*, then theirs, each name once; the general ones last."""
        if name not in self._chains:
            self._chains[name] = tuple(self._follow(name))
        return self._chains[name]

    def _follow(self, name: str) -> Iterator[str]:
        seen = {name}
        queue = [*self.catalog.fallbacks_of(name)]
        general = [*self.catalog.fallbacks_of(ANY)]
        while queue or general:
            if not queue:
                queue, general = general, []
            other = queue.pop(0)
            if other in seen:
                continue
            seen.add(other)
            queue.extend(self.catalog.fallbacks_of(other))
            yield other

    def _instead_of(self, name: str, open_models: Mapping[str, ModelCard], struck: Sequence[Struck]) -> Selection:
        """A named model that was struck out: its context fallbacks when the prompt is too long, else a refusal."""
        ids = {card.id for card in self.catalog.pools.get(name, ())}
        why = next((one for one in struck if one.model in ids), None)
        if why is None:
            message = f"Model {name!r} is not available."
            raise NoModelAvailable(message)
        if why.by == CAPABILITY:
            raise InvalidRequest(f"Model {name!r} cannot do that: {why.reason}.", hint=ASK_AUTO, param="model")
        if why.by != CONTEXT:
            raise ModelStruckOut(model=name, by=why.by, reason=why.reason, hint=ASK_AUTO)
        if (found := self._context_fallback(name, why, open_models, struck)) is not None:
            return found
        message = f"The prompt is too long for {name!r}: {why.reason}."
        raise ContextTooLong(message, hint="Shorten it, or ask for a model with a larger window.", param="messages")

    def _ladder(self, router: RouterCard | None, tier: Tier) -> tuple[str, ...]:
        """Who follows the tier's own models: the tier's and the router's fallbacks, then its other tiers, up first."""
        if router is None:
            return ()
        key = (router.name, tier)
        if key not in self._ladders:
            climbed = _nearest(tier) if self.catalog.climb_tiers else ()
            others = (name for other in climbed for name in router.tiers.get(other, ()))
            self._ladders[key] = (*self.catalog.fallbacks_of(tier.value, router.name), *others)
        return self._ladders[key]

    def tier_of(self, name: str) -> Tier | None:
        """The tier of `auto` that the model *name* is in."""
        return self._tier_of(self.catalog.resolve(name), self.catalog.auto)

    def _tier_of(self, name: str, router: RouterCard | None) -> Tier | None:
        resolve = self.catalog.resolve
        tiers = router.tiers if router else {}
        return next((tier for tier in Tier if name in map(resolve, tiers.get(tier, ()))), None)

    def _pool(self, name: str, open_models: Mapping[str, ModelCard]) -> Sequence[ModelCard]:
        """Open cards called *name*: by `order`, and within one order drawn by weight."""
        cards = [card for card in self.catalog.pools.get(self.catalog.resolve(name), ()) if card.id in open_models]
        if len(cards) < 2:
            return cards
        return sorted(cards, key=lambda card: (card.order, -(self.draw() ** (1.0 / max(card.weight, 1e-9)))))


def larger_for(catalog: Catalog, name: str) -> tuple[str, ...]:
    """Who takes over from *name* when the prompt does not fit it, as configured."""
    return catalog.fallbacks_of(name, ANY, kind=FailureKind.CONTEXT)


def _nearest(tier: Tier) -> tuple[Tier, ...]:
    """*tier*, then those above it, then those below it, nearest first."""
    return _NEAREST[tier]


_NEAREST = {tier: (*list(Tier)[tier.rank :], *reversed(list(Tier)[: tier.rank])) for tier in Tier}


def _climb(wanted: Tier, taken: Tier) -> Step:
    detail = f"tier {wanted.value!r} has no usable model, so {taken.value!r} takes it"
    return Step(strategy="select", outcome=Outcome.CLIMBED, detail=detail)


def _nothing_left(struck: Sequence[Struck]) -> PointsmanError:
    """The error that says why no model is left, the strongest reason first."""
    if not struck:
        return NoModelAvailable("No model is configured.", hint="Add one: see `pointsman config init`.")
    by = {one.by for one in struck}
    if by == {CONTEXT}:
        message = f"The prompt is too long for every model ({struck[-1].reason})."
        return ContextTooLong(message, hint="Shorten it, or add a model with a larger window.", param="messages")
    if by <= {CONTEXT, CAPABILITY}:
        reason = next(one.reason for one in struck if one.by == CAPABILITY)
        return InvalidRequest(f"No configured model can do that ({reason}).", hint="Add a model that can.")
    why = next(one for one in struck if one.by not in {CONTEXT, CAPABILITY})
    message = f"No model may take this request ({why.by}: {why.reason})."
    return Refused(message, hint="Add a model that may, or change what the request says.")
