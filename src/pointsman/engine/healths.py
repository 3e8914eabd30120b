"""Healths as others see them: of a whole catalog, as JSON, in a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.health import Health
from pointsman.resilience.availability import badness

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pointsman.core.catalog import Catalog, ModelCard
    from pointsman.core.jsontypes import JsonObject

Who = tuple[bool, str]  # whether an endpoint; its name, or a card's id


def of_catalog(catalog: Catalog, unwell: Iterable[Health]) -> list[Health]:
    """Every model's health and then every endpoint's, in the catalog's order; whoever is not *unwell* is healthy."""
    known = {(health.is_endpoint, health.subject): health for health in unwell}
    models = [(False, card.id) for card in catalog.models]
    endpoints = [(True, name) for name in dict.fromkeys(card.endpoint.name for card in catalog.models)]
    return [known.get(who) or Health(subject=who[1], is_endpoint=who[0]) for who in (*models, *endpoints)]


def named(catalog: Catalog, name: str) -> list[Who]:
    """Whom *name* means: an endpoint; or a model (any name of it), its deployments and their endpoints."""
    names = {name, catalog.resolve(name)}
    cards = [card for card in catalog.models if card.id in names or card.name in names]
    endpoints = [
        card.endpoint.name for card in (*cards, *catalog.models) if card in cards or card.endpoint.name == name
    ]
    return [*((False, card.id) for card in cards), *((True, endpoint) for endpoint in dict.fromkeys(endpoints))]


def of_card(card: ModelCard, unwell: Iterable[Health]) -> Health:
    """The health that counts for *card* where these are *unwell*: its own, or its endpoint's where that is worse."""
    both = {(False, card.id), (True, card.endpoint.name)}
    found = [health for health in unwell if (health.is_endpoint, health.subject) in both]
    return max(found, key=badness, default=Health(subject=card.id))


def to_json(health: Health) -> JsonObject:
    """*health* as the gateway and the command line show it; times are seconds since the epoch."""
    return {
        "name": health.subject,
        "kind": "endpoint" if health.is_endpoint else "model",
        "state": health.state.value,
        "cause": health.cause.value if health.cause is not None else None,
        "since_s": round(health.since_s, 3) if health.cause is not None else None,
        "until_s": round(health.until_s, 3) if health.until_s is not None else None,
        "share": health.share,
        "failures": health.failures,
        "message": health.message,
    }


def in_words(health: Health, now_s: float) -> str:
    """*health* in a few words: "cooling for 12 s (capacity)"."""
    wait = f" for {_span(health.until_s - now_s)}" if health.until_s is not None and health.until_s > now_s else ""
    cause = f" ({health.cause.value})" if health.cause is not None else ""
    return f"{health.state.value}{wait}{cause}"


def _span(seconds: float) -> str:
    """*seconds* as a person counts them: "12 s", "50 min", "7 h"."""
    if seconds <= 2 * 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds <= 2 * 3600 else f"{seconds / 3600:.0f} h"
