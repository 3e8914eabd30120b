"""The two protocols of the chain. A constraint says no and is always obeyed; a strategy says who, if it can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.core.catalog import ModelCard
    from pointsman.core.decision import Pick, RoutingContext, Struck


class StrategyFailed(Exception):
    """A strategy could not do its work. Its text is shown in the trail, so it holds nothing of the request."""


class Constraint(Protocol):
    """Strikes models out. One that raises strikes out every model that is not local: constraints fail closed."""

    @property
    def name(self) -> str:
        """The name in the trail and in refusals."""

    def strike(self, context: RoutingContext, cards: Sequence[ModelCard], /) -> Sequence[Struck]:
        """Those of *cards* that may not take the request, each with a reason a person understands."""


class Strategy(Protocol):
    """Picks a tier or a model, or passes. One that raises is a line in the trail: strategies fail open."""

    @property
    def name(self) -> str:
        """The name in the trail and in the answer's headers."""

    async def decide(self, context: RoutingContext, /) -> Pick | None:
        """A pick among `context.open_models`, or None to pass.

        A strategy may also have `passes(context) -> bool`: whether it can be seen at a glance that it passes. Then
        this is not called, and no time is taken. And it may have `settle(context, pick) -> Pick`: where it passed and a
        later one picked, what becomes of that pick.
        """
