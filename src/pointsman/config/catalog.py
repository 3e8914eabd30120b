"""Settings to the catalog the engine works with: cards, endpoints, routers, names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pointsman.config import ollama_options, prices
from pointsman.config.card_defaults import in_words_of
from pointsman.config.chat_presets import presets_of
from pointsman.config.resilience import followers, last_resort, policies
from pointsman.config.schema import ModelSettings, PriceSettings, RouterSettings, Settings
from pointsman.config.servers import Servers
from pointsman.config.sizes import billions_of_parameters, is_embedding_model, tier_by_size
from pointsman.core.catalog import AUTO, FREE, Capability, Catalog, ModelCard, Price, RouterCard, Tier
from pointsman.core.failure import FailureKind

EMBEDDING_LACKS: Final = frozenset(Capability) - {Capability.EMBEDDINGS}
NO_ENDPOINTS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufModel:
    """A GGUF file to be served before requests come; `id` is its card's."""

    id: str
    path: str  # as configured: relative ones start at the configuration file's folder
    context_tokens: int
    parallel: int
    embedding: bool
    gpu_layers: int | None = None
    threads: int | None = None


def build_catalog(settings: Settings, endpoints_for_gguf: Mapping[str, str] = NO_ENDPOINTS) -> Catalog:
    """The catalog of *settings*; *endpoints_for_gguf* says at which base URL each GGUF card's id is served.

    A GGUF model that is not served yet has the base URL `embedded:<id>`: enough to decide with, not to call.
    """
    ids = card_ids(settings)
    servers = Servers(settings, endpoints_for_gguf)
    cards = tuple(_card(model, id_, servers) for model, id_ in zip(settings.models, ids, strict=True))
    aliases = dict(settings.aliases) | {alias: model.name for model in settings.models for alias in model.aliases}
    routing = settings.routing
    routers = (
        _router(AUTO, routing, settings, cards),
        *(_router(name, router, settings, cards) for name, router in routing.routers.items()),
    )
    if not routing.enabled:
        return Catalog(
            models=cards,
            routers=_to_standard_model(settings, routers, aliases),
            aliases=aliases,
            policies=policies(settings, cards, aliases),
            last_resort=last_resort(settings, cards),
            baseline=settings.savings.baseline,
            climb_tiers=False,
            presets=presets_of(settings.presets) if cards else {},
        )
    return Catalog(
        models=cards,
        routers=routers if cards else (),
        aliases=aliases,
        fallbacks=followers(settings, cards) | _chains(settings.fallbacks),
        fallbacks_by_kind={
            kind: _chains(chains)
            for kind, chains in (
                (FailureKind.CONTEXT, settings.context_window_fallbacks),
                (FailureKind.CONTENT, settings.content_policy_fallbacks),
            )
            if chains
        },
        policies=policies(settings, cards, aliases),
        last_resort=last_resort(settings, cards),
        baseline=settings.savings.baseline,
        climb_tiers=settings.resilience.climb_tiers,
        presets=presets_of(settings.presets) if cards else {},
    )


def card_ids(settings: Settings) -> tuple[str, ...]:
    """Each model's unique id, in order: its name, or `name#2` for the second of a pool."""
    taken: set[str] = set()
    names = {model.name for model in settings.models}
    ids = []
    for model in settings.models:
        id_, number = model.name, 1
        while id_ in taken or (number > 1 and id_ in names):
            number += 1
            id_ = f"{model.name}#{number}"
        taken.add(id_)
        ids.append(id_)
    return tuple(ids)


def gguf_models(settings: Settings) -> tuple[GgufModel, ...]:
    """The GGUF files somebody has to serve before these settings' catalog can be called."""
    return tuple(
        GgufModel(
            id=id_,
            path=model.gguf.path,
            context_tokens=model.gguf.context_tokens,
            parallel=model.gguf.parallel,
            embedding=model.gguf.embedding,
            gpu_layers=model.gguf.gpu_layers,
            threads=model.gguf.threads,
        )
        for model, id_ in zip(settings.models, card_ids(settings), strict=True)
        if model.gguf is not None
    )


_PREFILLING = frozenset(("anthropic_messages", "ollama"))


def guess_tier(model: str, *, is_local: bool) -> Tier:
    """The tier of a model nobody put in one: by the shipped table, by size, else medium (local) or reasoning."""
    if not is_local and (known := prices.look_up(model)) is not None:
        return known.tier
    billions = billions_of_parameters(model)
    if billions is not None:
        return tier_by_size(billions)
    return Tier.MEDIUM if is_local else Tier.REASONING


def _card(model: ModelSettings, id_: str, servers: Servers) -> ModelCard:
    endpoint, upstream, quirks = servers.of(model, id_)
    known = None if endpoint.is_local else prices.look_up(upstream)
    free = FREE if endpoint.is_local else None
    defaults = in_words_of(endpoint.dialect, model.defaults)
    context = model.context_tokens or (model.gguf.context_tokens if model.gguf else None)
    if endpoint.dialect == "ollama":
        context = context or ollama_options.context_tokens(defaults)
    return ModelCard(
        id=id_,
        name=model.name,
        upstream_model=upstream,
        endpoint=endpoint,
        context_tokens=context or (known.context_tokens if known else None),
        max_output_tokens=model.max_output_tokens or (known.max_output_tokens if known else None),
        lacks=_lacks(model, upstream),
        price=_price(model, upstream, servers.settings.prices) or (known.price if known else None) or free,
        weight=model.weight,
        order=model.order,
        is_demo=model.demo,
        defaults=defaults,
        quirks=quirks,
        continues=_continues(model, endpoint.dialect),
        is_pinned=model.pinned,
        memory_bytes=model.memory,
        abilities={"*": model.ability} if isinstance(model.ability, float) else model.ability,
    )


def _continues(model: ModelSettings, dialect: str) -> bool:
    """Whether it takes the beginning of an answer as its own: as declared, else by what its API is known to do."""
    if model.prefill is not None:
        return model.prefill
    return model.gguf is not None or dialect in _PREFILLING


def _lacks(model: ModelSettings, upstream: str) -> frozenset[Capability]:
    """As declared; the built-in llama.cpp has no eyes, as it loads no projector of images."""
    if model.capabilities is not None:
        return frozenset(Capability) - frozenset(model.capabilities)
    if model.gguf is not None and not model.gguf.embedding:
        return frozenset(model.lacks) | {Capability.EMBEDDINGS, Capability.IMAGES}
    is_embedding = model.gguf.embedding if model.gguf else not model.lacks and is_embedding_model(upstream)
    return EMBEDDING_LACKS if is_embedding else frozenset(model.lacks)


def _price(model: ModelSettings, upstream: str, own: Mapping[str, PriceSettings]) -> Price | None:
    declared = model.price or next((own[name] for name in prices.names_to_look_up(upstream) if name in own), None)
    if declared is not None:
        return Price(
            input_usd_per_mtok=declared.input_usd_per_mtok,
            output_usd_per_mtok=declared.output_usd_per_mtok,
            cached_input_usd_per_mtok=declared.cached_input_usd_per_mtok,
            cache_write_usd_per_mtok=declared.cache_write_usd_per_mtok,
        )
    return None


def _chains(chains: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(targets) for name, targets in chains.items()}


def _router(name: str, router: RouterSettings, settings: Settings, cards: tuple[ModelCard, ...]) -> RouterCard:
    tiers = {tier: list(router.tiers.get(tier, ())) for tier in Tier}
    if name == AUTO:
        for model in settings.models:
            for tier in (*model.tiers, *((model.tier,) if model.tier else ())):
                tiers[tier].append(model.name)
    if not any(tiers.values()) and router.default_model is None:
        for card in cards:
            if Capability.CHAT not in card.lacks:
                tiers[guess_tier(card.upstream_model, is_local=card.is_local)].append(card.name)
    filled = {tier: tuple(dict.fromkeys(names)) for tier, names in tiers.items() if names}
    return RouterCard(
        name=name,
        tiers=filled,
        default_tier=router.default_tier or _middle(filled),
        default_model=router.default_model,
    )


def _middle(tiers: Mapping[Tier, tuple[str, ...]]) -> Tier:
    """Medium, or the filled tier nearest to it (the higher of two)."""
    return min(tiers, key=lambda tier: (abs(tier.rank - Tier.MEDIUM.rank), -tier.rank), default=Tier.MEDIUM)


def _to_standard_model(
    settings: Settings, routers: tuple[RouterCard, ...], aliases: Mapping[str, str]
) -> tuple[RouterCard, ...]:
    """What `auto`, tiers and routers mean while routing is off: the standard model, whatever is asked."""
    standard = _standard_model(settings, routers, aliases)
    if standard is None:
        return ()
    return tuple(RouterCard(name=router.name, tiers={}, default_model=standard) for router in routers)


def _standard_model(settings: Settings, routers: tuple[RouterCard, ...], aliases: Mapping[str, str]) -> str | None:
    """The model `model.name` means; where that is a tier or a router, the one it would take by default."""
    names = [model.name for model in settings.models]
    asked = Catalog(models=(), aliases=aliases).resolve(settings.model.name)
    if asked in names:
        return asked
    router = next((router for router in routers if router.name == asked), routers[0])
    tier = Tier.parse(asked)
    by_default = (router.default_model, *router.tiers.get(router.default_tier, ()))
    candidates = (*(router.tiers.get(tier, ()) if tier else ()), *by_default, *names)
    return next((name for name in candidates if name), None)
