"""Finding models when nothing is configured: whom to ask, and what the answers make. Somebody else does the asking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pointsman.config import packaged, prices
from pointsman.config.catalog import guess_tier
from pointsman.config.discover_azure import azure_models
from pointsman.config.locality import is_ollama_cloud
from pointsman.config.providers import AZURE, PROVIDERS, Provider
from pointsman.config.schema import EndpointSettings, ModelSettings, Settings
from pointsman.config.sizes import is_embedding_model, tier_by_size
from pointsman.config.tree import plain
from pointsman.core.catalog import Capability, Secret, Tier
from pointsman.core.jsontypes import Json

OLLAMA: Final = "ollama"
OLLAMA_URL: Final = "http://127.0.0.1:11434"
OLLAMA_TOKENS: Final = 32_768
"""The most that a model which was only found is loaded with: what it was made for may be more than memory holds."""
GGUF_TOKENS: Final = 8192
"""What a downloaded model is loaded with where nothing tells that it can be more, or has to be less."""
TIMEOUT_S: Final = 0.5
"""A server on this machine answers at once or is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One place to ask: GET *url*; a JSON answer goes to `settings_from` under *name*."""

    name: str
    title: str
    url: str
    dialect: str
    base_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A downloaded GGUF file, and the window that it is to be loaded with."""

    path: str
    context_tokens: int = GGUF_TOKENS


NO_FILES: Final[Mapping[str, FoundFile]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundModel:
    """One model somebody offered."""

    name: str
    endpoint: str
    tier: Tier | None  # None: an embeddings model, which is not routed
    is_local: bool
    context_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What was found, as settings and in words."""

    settings: Settings
    models: tuple[FoundModel, ...]
    lines: tuple[str, ...]  # one for each server or key, for people


PROBES: Final[tuple[Probe, ...]] = tuple(
    Probe(name=name, title=title, url=f"http://127.0.0.1:{port}{path}", dialect=dialect, base_url=base)
    for name, title, port, path, dialect, base in (
        ("ollama", "Ollama", 11434, "/api/tags", "ollama", OLLAMA_URL),
        ("lm_studio", "LM Studio", 1234, "/api/v0/models", "openai_chat", "http://127.0.0.1:1234/v1"),
        ("llama_cpp", "llama.cpp", 8080, "/v1/models", "openai_chat", "http://127.0.0.1:8080/v1"),
        ("vllm", "vLLM", 8000, "/v1/models", "openai_chat", "http://127.0.0.1:8000/v1"),
        ("litert_lm", "LiteRT-LM", 9379, "/v1/models", "openai_chat", "http://127.0.0.1:9379/v1"),
    )
)


def settings_from(
    answers: Mapping[str, Json],
    environ: Mapping[str, str],
    base: Settings | None = None,
    *,
    files: Mapping[str, FoundFile] = NO_FILES,
) -> Discovery:
    """What the probes' *answers* (JSON by probe's name; no entry: no answer) and the keys in *environ* make.

    *base* is what is configured besides models; its models, endpoints and routing tiers are replaced. *files* are
    downloaded GGUF files by model name.
    """
    endpoints: dict[str, EndpointSettings] = {}
    models: list[ModelSettings] = []
    found: list[FoundModel] = []
    lines: list[str] = []
    for probe in PROBES:
        offered = tuple(_offered(probe, answers[probe.name])) if probe.name in answers else ()
        if offered:
            local = _is_known_server(probe, answers[probe.name])
            endpoints[probe.name] = EndpointSettings.model_validate(
                {"dialect": probe.dialect, "base_url": probe.base_url, "local": local}
            )
            lines.append(_line(probe, offered, is_local=local))
        for offer in offered:
            model, described = _local_model(probe, offer, {model.name for model in models}, endpoints[probe.name])
            models.append(model)
            found.append(described)
    for name, file in files.items():
        model, described = _file_model(name, file, {model.name for model in models})
        models.append(model)
        found.append(described)
    if files:
        lines.append(f"downloaded: {', '.join(files)}")
    for name, provider, key in _cloud_keys(environ):
        endpoints[name] = EndpointSettings.model_validate(
            {"dialect": provider.dialect, "base_url": provider.base_url, "api_key": key, "local": False}
        )
        added = tuple(_cloud_models(name, {model.name for model in models}))
        models += [model for model, _ in added]
        found += [described for _, described in added]
        lines.append(f"{name}: key found, {', '.join(model.name for model, _ in added)}")
    deployed, said = azure_models(environ, {model.name for model in models})
    models += deployed
    found += [FoundModel(name=model.name, endpoint=AZURE.name, tier=model.tier, is_local=False) for model in deployed]
    lines += said
    changes = {"endpoints": endpoints, "models": models}
    settings = (base or Settings()).model_copy(update=changes)
    return Discovery(settings=settings, models=tuple(found), lines=tuple(lines))


def _file_model(name: str, file: FoundFile, taken: set[str]) -> tuple[ModelSettings, FoundModel]:
    called = name if name not in taken else f"gguf/{name}"
    tier = None if is_embedding_model(name) else guess_tier(name, is_local=True)
    gguf = {"path": file.path, "context_tokens": file.context_tokens, "embedding": tier is None}
    model = ModelSettings.model_validate({"name": called, "gguf": gguf, "tier": tier})
    return model, FoundModel(name=called, endpoint="gguf", tier=tier, is_local=True, context_tokens=file.context_tokens)


def settings_for_demo(models: Mapping[str, str], base: Settings | None = None) -> Settings:
    """Settings for the built-in demonstration models, each name with its GGUF file or base URL.

    The names say the tier: `demo-small`, `demo-medium`, `demo-large` (simple, medium, complex).
    """
    entries = []
    for name, where in models.items():
        tier = Tier.parse(name.removeprefix("demo-")) or Tier.SIMPLE
        place = {"base_url": where, "model": name} if where.startswith(("http://", "https://")) else {"gguf": where}
        entries.append(ModelSettings.model_validate({"name": name, "tier": tier, "local": True, "demo": True, **place}))
    return (base or Settings()).model_copy(update={"models": entries, "endpoints": {}})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    name: str
    billions: float | None = None
    context_tokens: int | None = None
    num_ctx: int | None = None  # what Ollama loads it with by itself
    is_embedding: bool = False
    is_remote: bool = False


def _offered(probe: Probe, answer: Json) -> Iterator[_Offer]:
    """The models of a server's list, in any of the shapes these servers use; anything else is passed over."""
    rows = answer.get("models" if probe.name == "ollama" else "data") if isinstance(answer, Mapping) else None
    for row in rows if isinstance(rows, Sequence) and not isinstance(rows, str) else ():
        if not isinstance(row, Mapping):
            continue
        name = row.get("name") or row.get("model") if probe.name == "ollama" else row.get("id")
        if isinstance(name, str) and name.strip():
            yield _offer(name.strip(), row)


def _offer(name: str, row: Mapping[str, Json]) -> _Offer:
    details, meta = row.get("details"), row.get("meta")
    details = details if isinstance(details, Mapping) else {}
    meta = meta if isinstance(meta, Mapping) else {}
    windows = (row.get("loaded_context_length"), row.get("max_model_len"), meta.get("n_ctx"), meta.get("n_ctx_train"))
    families = details.get("families") or [details.get("family")]
    num_ctx, made_for = _tokens(row.get("num_ctx")), _tokens(row.get("context_length"))
    return _Offer(
        name=name,
        billions=_billions(details.get("parameter_size"), meta.get("n_params")),
        context_tokens=next(filter(None, map(_tokens, windows)), None)
        or (made_for and max(min(made_for, OLLAMA_TOKENS), num_ctx or 0)),
        num_ctx=num_ctx,
        is_embedding=row.get("type") == "embeddings"
        or is_embedding_model(name)
        or (isinstance(families, Sequence) and any(isinstance(f, str) and "bert" in f for f in families)),
        is_remote=is_ollama_cloud(name) or bool(row.get("remote_host") or row.get("remote_model")),
    )


def _tokens(value: Json) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _billions(parameter_size: Json, n_params: Json) -> float | None:
    """Ollama says `7.6B` or `494.03M`, llama.cpp the number."""
    if isinstance(n_params, (int, float)) and n_params > 0:
        return n_params / 1e9
    if isinstance(parameter_size, str) and parameter_size[-1:].upper() in {"B", "M"}:
        try:
            return float(parameter_size[:-1]) / (1000 if parameter_size[-1].upper() == "M" else 1)
        except ValueError:
            return None
    return None


def _is_known_server(probe: Probe, answer: Json) -> bool:
    """Whether the answer is one that only this kind of server gives: another one may pass text on."""
    if probe.name in {"ollama", "lm_studio"}:
        return True  # asked at a path of its own
    owner = {"llama_cpp": "llamacpp", "vllm": "vllm", "litert_lm": "litert"}[probe.name]
    rows = answer.get("data") if isinstance(answer, Mapping) else None
    rows = rows if isinstance(rows, Sequence) else []
    owners = [row.get("owned_by") for row in rows if isinstance(row, Mapping)]
    return bool(owners) and all(isinstance(name, str) and name.lower().startswith(owner) for name in owners)


def _local_model(
    probe: Probe, offer: _Offer, taken: set[str], endpoint: EndpointSettings
) -> tuple[ModelSettings, FoundModel]:
    name = offer.name if offer.name not in taken else f"{probe.name}/{offer.name}"
    is_local = bool(endpoint.local) and not offer.is_remote
    tier = None
    if not offer.is_embedding:
        tier = tier_by_size(offer.billions) if offer.billions else guess_tier(offer.name, is_local=is_local)
    if tier is not None and offer.is_remote:
        tier = Tier.REASONING
    model = ModelSettings.model_validate(
        {
            "name": name,
            "model": offer.name,
            "endpoint": probe.name,
            "tier": tier,
            "local": False if offer.is_remote else None,
            "context_tokens": offer.context_tokens,
            "defaults": {"num_ctx": offer.num_ctx} if offer.num_ctx and not offer.is_embedding else {},
            "capabilities": [Capability.EMBEDDINGS] if offer.is_embedding else None,
        }
    )
    return model, FoundModel(
        name=name, endpoint=probe.name, tier=tier, is_local=is_local, context_tokens=offer.context_tokens
    )


def _cloud_keys(environ: Mapping[str, str]) -> Iterator[tuple[str, Provider, Secret]]:
    for name in _cloud_choice():
        provider = PROVIDERS[name]
        key = next((environ[variable] for variable in provider.key_variables if environ.get(variable)), None)
        if key is not None:
            yield name, provider, Secret(key.strip())


def _cloud_models(provider: str, taken: set[str]) -> Iterator[tuple[ModelSettings, FoundModel]]:
    for tier_name, upstream in _cloud_choice()[provider].items():
        name = upstream if upstream not in taken else f"{provider}/{upstream}"
        tier = Tier(tier_name)
        known = prices.look_up(upstream)
        yield (
            ModelSettings(name=name, model=upstream, endpoint=provider, tier=tier),
            FoundModel(
                name=name,
                endpoint=provider,
                tier=tier,
                is_local=False,
                context_tokens=known.context_tokens if known else None,
            ),
        )


def _cloud_choice() -> Mapping[str, Mapping[str, str]]:
    """The shipped choice: a model a tier for each provider."""
    rows = packaged.tree("cloud_models.yaml").entries["providers"].entries
    return {name: {tier: str(plain(model)) for tier, model in row.entries.items()} for name, row in rows.items()}


def _line(probe: Probe, offered: Sequence[_Offer], *, is_local: bool) -> str:
    names = ", ".join(offer.name for offer in offered)
    note = "" if is_local else " (not known to be local: it gets no private text)"
    return f"{probe.title} at {probe.base_url}: {names}{note}"
