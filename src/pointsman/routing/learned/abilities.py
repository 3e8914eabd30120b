"""How able the models of each tier are, by kind of task: as configured, and as learned from use.

An ability is a shift in steps of difficulty (logits divided by the slope): +1 makes a task one step easier. A tier is
as able as the ablest of its models that may be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Final

from pointsman.core.catalog import Tier
from pointsman.core.values import value_type

Shifts = tuple[float, float, float, float]  # by tier
ALL_KINDS: Final = "*"
NONE: Final[Shifts] = (0.0, 0.0, 0.0, 0.0)
MOST: Final = 3.0
"""No shift goes further than this either way, configured and learned together."""


@value_type
class Learnt:
    """What one caller's verdicts say of one kind of task."""

    models: Mapping[tuple[Tier, str], float] = field(default_factory=dict)
    others: Shifts = NONE  # of the models of each tier on which there was no verdict

    def of(self, tier: Tier, model: str) -> float:
        """The shift of that *model* in *tier*."""
        return self.models.get((tier, model), self.others[tier.rank])


@value_type
class Member:
    """One model of a tier by name, its cards' ids, and how able it is said to be by kind of task."""

    name: str
    cards: tuple[str, ...] = ()
    declared: Mapping[str, float] = field(default_factory=dict)


OfKinds = Mapping[str, Learnt]
_TIERS: Final = tuple(Tier)
_UNKNOWN: Final = Learnt()
_NOTHING: Final[OfKinds] = {}
_MOST_KEPT: Final = 1024


@dataclass(frozen=True, slots=True)
class Abilities:
    """`lineup` are each tier's models, the first the first to be asked; `learned` gives a caller's own, by kind."""

    lineup: Mapping[Tier, tuple[Member, ...]]
    learned: Callable[[str | None], OfKinds] | None = None  # by the id of the caller's key
    is_declared: bool = field(init=False)
    _known: dict[str | None, Known] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        is_declared = any(member.declared for members in self.lineup.values() for member in members)
        object.__setattr__(self, "is_declared", is_declared)

    def of(self, key_id: str | None, open_models: Container[str] = ()) -> Known | None:
        """What is known for the caller with that key, who may ask *open_models*; None where that is nothing."""
        own = self.learned(key_id) if self.learned is not None else _NOTHING
        if not own and not self.is_declared:
            return None
        known = self._known.get(key_id)
        if known is None or known.own is not own or known.open_models is not open_models:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            known = self._known[key_id] = Known(lineup=self.lineup, own=own, open_models=open_models)
        return known

    def declared(self, tier: Tier, model: str | None, kind: str) -> float:
        """How able that model is said to be, without what was learned; the tier's first for None."""
        members = self.lineup.get(tier, ())
        return next((_declared(one, kind) for one in members if model in {None, one.name}), 0.0)


@dataclass(slots=True, kw_only=True)
class Known:
    """What is known of the models that a caller's requests may ask; reckoned once for a kind."""

    lineup: Mapping[Tier, tuple[Member, ...]]
    own: OfKinds
    open_models: Container[str]
    _of_kinds: dict[str, OfKind] = field(default_factory=dict, init=False, repr=False)

    def of(self, kind: str) -> OfKind:
        """At that *kind* of task."""
        found = self._of_kinds.get(kind)
        if found is None:
            learnt = self.own.get(kind)
            models = {tier: self._models(tier, kind, learnt or _UNKNOWN) for tier in _TIERS}
            plain = {tier: self._models(tier, kind, _UNKNOWN) for tier in _TIERS} if learnt is not None else models
            shifts = _ablest(models)
            found = OfKind(
                models=models,
                contested=tuple(tier for tier in _TIERS if models[tier] and models[tier][0][1] < shifts[tier.rank]),
                shifts=shifts,
                usual=_ablest(plain),
                is_learned=learnt is not None,
            )
            self._of_kinds[kind] = found
        return found

    def shifts(self, kind: str) -> Shifts:
        """Of each tier's ablest model at that *kind*."""
        return self.of(kind).shifts

    def _models(self, tier: Tier, kind: str, learnt: Learnt) -> tuple[tuple[str, float], ...]:
        members = self.lineup.get(tier, ())
        is_open = [one for one in members if any(card in self.open_models for card in one.cards)]
        return tuple(
            (one.name, max(-MOST, min(MOST, _declared(one, kind) + learnt.of(tier, one.name))))
            for one in is_open or members
        )


@value_type
class OfKind:
    """What is known of the models at one kind of task."""

    models: Mapping[Tier, tuple[tuple[str, float], ...]]  # in their order, each with its shift
    contested: tuple[Tier, ...]  # those where a later model is abler than the first
    shifts: Shifts  # of each tier's ablest
    usual: Shifts  # the same without what was learned
    is_learned: bool


def _ablest(models: Mapping[Tier, tuple[tuple[str, float], ...]]) -> Shifts:
    """0 for a tier without a model: nobody takes it."""
    first, second, third, fourth = (max((shift for _, shift in models[tier]), default=0.0) for tier in _TIERS)
    return first, second, third, fourth


def _declared(member: Member, kind: str) -> float:
    found = member.declared.get(kind)
    return found if found is not None else member.declared.get(ALL_KINDS, 0.0)
