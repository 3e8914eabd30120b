"""Builders for catalogs and what is in them: name what the test is about, the rest is filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict, Unpack

from pointsman.core.catalog import AUTO, FREE, Capability, Catalog, Endpoint, ModelCard, Price, Quirks, RouterCard, Tier
from pointsman.core.failure import FailureKind
from pointsman.core.jsontypes import Json
from pointsman.core.preset import Preset

CLOUD_PRICE = Price(input_usd_per_mtok=3.0, output_usd_per_mtok=15.0)


class CardFields(TypedDict, total=False):
    """What a card may be given besides its name and place."""

    id: str
    upstream_model: str
    context_tokens: int | None
    max_output_tokens: int | None
    lacks: frozenset[Capability]
    price: Price | None
    weight: float
    order: int
    is_demo: bool
    defaults: Mapping[str, Json]
    quirks: Quirks | None
    is_pinned: bool


class CatalogFields(TypedDict, total=False):
    """What a catalog may be given besides its models and tiers."""

    aliases: Mapping[str, str]
    fallbacks: Mapping[str, tuple[str, ...]]
    fallbacks_by_kind: Mapping[FailureKind, Mapping[str, tuple[str, ...]]]
    baseline: str | None
    climb_tiers: bool
    presets: Mapping[str, Preset]


def an_endpoint(name: str = "home", *, is_local: bool = True, dialect: str = "openai_chat") -> Endpoint:
    """A server; nobody listens at its address."""
    return Endpoint(name=name, dialect=dialect, base_url="http://127.0.0.1:9/v1", is_local=is_local)


def a_card(
    name: str, *, is_local: bool = True, endpoint: Endpoint | None = None, **fields: Unpack[CardFields]
) -> ModelCard:
    """A model: a local one is free and at `home`, another costs CLOUD_PRICE and is at `cloud`."""
    at = endpoint or an_endpoint("home" if is_local else "cloud", is_local=is_local)
    filled: CardFields = {
        "id": name,
        "upstream_model": f"{name}-upstream",
        "price": FREE if at.is_local else CLOUD_PRICE,
        **fields,
    }
    return ModelCard(name=name, endpoint=at, **filled)


def a_router(
    tiers: Mapping[Tier, Sequence[str]],
    *,
    name: str = AUTO,
    default_tier: Tier = Tier.MEDIUM,
    default_model: str | None = None,
) -> RouterCard:
    """A router over *tiers*."""
    found = {tier: tuple(names) for tier, names in tiers.items()}
    return RouterCard(name=name, tiers=found, default_tier=default_tier, default_model=default_model)


def a_catalog(
    *cards: ModelCard,
    tiers: Mapping[Tier, Sequence[str]] | None = None,
    routers: Sequence[RouterCard] = (),
    **fields: Unpack[CatalogFields],
) -> Catalog:
    """A catalog of *cards*. Without *tiers* and *routers* all of them are of `auto`'s medium tier."""
    if tiers is None and not routers:
        tiers = {Tier.MEDIUM: tuple(dict.fromkeys(card.name for card in cards))}
    auto = (a_router(tiers),) if tiers is not None else ()
    return Catalog(models=cards, routers=(*auto, *routers), **fields)
