"""The model list: `auto` and other routers, tiers, models, aliases and presets, each with what we know about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.catalog import Tier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pointsman.core.catalog import Catalog, ModelCard, RouterCard
    from pointsman.core.jsontypes import JsonObject
    from pointsman.core.preset import Preset

_CREATED_S = 0  # OpenAI's field; a configuration has no birthday


def listing(catalog: Catalog) -> Iterator[JsonObject]:
    """Entries in the order a person would look for them."""
    for router in catalog.routers:
        names = list(router.models())
        demo = bool(names) and all(card.is_demo for name in names for card in catalog.pools.get(name, ()))
        yield _entry(router.name, kind="router", models=names, demo=demo)
    auto = catalog.auto
    for tier in Tier:
        names = list(auto.tiers.get(tier, ())) if auto else []
        if names and tier.value not in catalog.pools:
            yield _entry(tier.value, kind="tier", models=names, demo=_is_demo(catalog, names))
    for name, pool in catalog.pools.items():
        yield _model(name, pool[0], deployments=len(pool), catalog=catalog)
    for alias, target in catalog.aliases.items():
        if alias not in catalog.pools:
            yield _entry(alias, kind="alias", models=[target], demo=_is_demo(catalog, [target]))
    for preset in catalog.presets.values():
        names = _answering(preset, auto)
        entry = _entry(preset.name, kind="preset", models=names, demo=_is_demo(catalog, names))
        yield {**entry, "description": preset.description}


def _answering(preset: Preset, auto: RouterCard | None) -> list[str]:
    """The models that *preset* is answered by; where it does not say, all that `auto` chooses among."""
    if preset.model is not None:
        return [preset.model]
    if auto is None:
        return []
    return list(auto.tiers.get(preset.tier, ()) if preset.tier is not None else ()) or list(auto.models())


def _is_demo(catalog: Catalog, names: list[str]) -> bool:
    cards = [card for name in names for card in catalog.pools.get(catalog.resolve(name), ())]
    return bool(cards) and all(card.is_demo for card in cards)


def _entry(name: str, *, kind: str, models: list[str], demo: bool) -> JsonObject:
    about: JsonObject = {"kind": kind, "models": list(models), "demo": demo}
    owner = "pointsman-demo" if demo else "pointsman"
    return {"id": name, "object": "model", "created": _CREATED_S, "owned_by": owner, "pointsman": about}


def _model(name: str, card: ModelCard, *, deployments: int, catalog: Catalog) -> JsonObject:
    auto = catalog.auto
    tiers = [tier.value for tier in Tier if auto and name in auto.tiers.get(tier, ())]
    about: JsonObject = {
        "kind": "model",
        "upstream_model": card.upstream_model,
        "endpoint": card.endpoint.name,
        "local": card.is_local,
        "tiers": list(tiers),
        "context_tokens": card.context_tokens,
        "deployments": deployments,
        "demo": card.is_demo,
    }
    if card.price is not None:
        about["price_usd_per_mtok"] = {
            "input": card.price.input_usd_per_mtok,
            "output": card.price.output_usd_per_mtok,
        }
    owner = "pointsman-demo" if card.is_demo else card.endpoint.name
    return {"id": name, "object": "model", "created": _CREATED_S, "owned_by": owner, "pointsman": about}
