"""From the order of the choice to the order of the moment: the well models first, with a line that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.decision import Outcome, Step
from pointsman.engine.healths import in_words
from pointsman.routing.select import Selection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pointsman.core.catalog import Catalog, ModelCard
    from pointsman.engine.consent import Said
    from pointsman.resilience.availability import Availability


def steered(
    selection: Selection,
    open_models: Mapping[str, ModelCard],
    *,
    catalog: Catalog,
    health: Availability,
    said: Said | None,
) -> tuple[Selection, str | None]:
    """*selection* as the session's person (*said*) wants it, and with those that may not be asked now at the end.

    With it the card's id that would be first if it were well; None when it is first.
    """
    order = list(selection.candidates)
    notes: list[Step] = []
    if said is not None and said.for_session:
        order, notes = _as_said(order, open_models, catalog, said)
    wanted = order[0]
    well = [card_id for card_id in order if health.may_try(open_models[card_id])]
    if well and len(well) < len(order):
        for card_id in order[: order.index(well[0])]:
            shown = in_words(health.health_of(open_models[card_id]), health.now())
            detail = f"{card_id} is {shown}, so {well[0]} is asked"
            notes.append(Step(strategy="availability", outcome=Outcome.CLIMBED, detail=detail))
        order = [*well, *(card_id for card_id in order if card_id not in well)]
    model = open_models[order[0]].name
    moved = Selection(
        candidates=tuple(order),
        model=model,
        tier=selection.tier if model == selection.model else None,
        notes=(*selection.notes, *notes),
    )
    return moved, wanted if wanted != order[0] else None


def _as_said(
    order: Sequence[str], open_models: Mapping[str, ModelCard], catalog: Catalog, said: Said
) -> tuple[list[str], list[Step]]:
    """The first candidate's stand-in before it, where the person chose one for the session and it may be used."""
    first = open_models[order[0]].name
    instead = said.for_session.get(first)
    if instead is None:
        return list(order), []
    stand_ins = [card.id for card in catalog.pools.get(instead, ()) if card.id in open_models]
    if not stand_ins:
        return list(order), []
    note = Step(
        strategy="session",
        outcome=Outcome.CLIMBED,
        detail=f"{instead} does the work of {first} for the rest of the session, as chosen",
    )
    return [*stand_ins, *(card_id for card_id in order if card_id not in stand_ins)], [note]
