"""The settings of `pointsman.yaml`, each with the sentence that editors and the reference show.

models:
  - {name: quick, model: "ollama_chat/qwen2.5:3b", tier: simple}
  - {name: balanced, model: "ollama_chat/qwen2.5:14b", tier: medium}
  - {name: heavy, model: "ollama_chat/qwen2.5:32b", tier: complex}
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from pointsman.config.field_types import (
    Address,
    Dollars,
    JsonField,
    Name,
    Names,
    ProviderName,
    Query,
    Seconds,
    SecretText,
    Section,
    TierName,
    Tokens,
)
from pointsman.config.schema_agents import AgentEntry, EscalationSettings
from pointsman.config.schema_classifier import ClassifierSettings
from pointsman.config.schema_learning import LearningSettings
from pointsman.config.schema_local import Bytes, LocalSettings
from pointsman.config.schema_presets import PresetName, PresetSettings
from pointsman.config.schema_resilience import ConcurrencySettings, ResilienceSettings
from pointsman.config.schema_routing import RouterSettings, RoutingSettings
from pointsman.config.schema_rules import RuleSettings
from pointsman.config.schema_sessions import SessionSettings
from pointsman.config.schema_shadow import ShadowSettings
from pointsman.config.schema_tasks import TaskSettings
from pointsman.core.catalog import Auth, Capability

Dialect = Literal["openai_chat", "openai_responses", "anthropic_messages", "gemini", "ollama"]

__all__ = [
    "ClassifierSettings",
    "ConcurrencySettings",
    "EndpointSettings",
    "GgufSettings",
    "ModelSettings",
    "PriceSettings",
    "ResilienceSettings",
    "RouterSettings",
    "RoutingSettings",
    "ServerSettings",
    "Settings",
]


class ServerSettings(Section):
    """The gateway: where it listens and what it accepts."""

    host: Name = Field(
        default="127.0.0.1",
        description="Address to listen on; anything wider than loopback needs a key.",
    )
    port: int = Field(default=4000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    workers: int = Field(default=1, ge=1, le=256, description="Processes that serve.")
    max_body_bytes: int = Field(default=26_214_400, ge=1, description="Largest request body, in bytes.")
    request_timeout_s: Seconds = Field(
        default=600.0,
        description="Seconds one request may take, all attempts together.",
    )
    master_key: SecretText | None = Field(
        default=None,
        description="Key that every caller must send (or `os.environ/NAME`).",
    )
    keys: dict[Name, SecretText] = Field(default={}, description="Further callers' keys, by the name the ledger shows.")
    allowed_hosts: Names = Field(
        default=[],
        description="Host headers accepted besides loopback and the bound address.",
    )
    keep_alive_s: Seconds = Field(
        default=5.0,
        description="Seconds a streaming caller waits, while a model loads, before and between signs of life.",
    )
    drain_timeout_s: Seconds = Field(
        default=30.0,
        description="Seconds that answers under way may still take after SIGTERM; then they are broken off.",
    )
    drain_delay_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        default=0.0,
        description="Seconds that requests are still taken after SIGTERM while /readyz says no already.",
    )
    read_timeout_s: Seconds = Field(
        default=30.0,
        description="Seconds a caller may take over a request's head, and over its body, plus one for every 8 KiB.",
    )
    max_connections_per_address: int = Field(
        default=2000, ge=1, le=1_000_000, description="Connections one address may hold, in each process."
    )
    write_timeout_s: Seconds = Field(
        default=60.0, description="Seconds a caller may take in nothing of its stream before it is given up."
    )
    idempotency_ttl_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        default=86_400.0,
        description="Seconds an answer is kept for a repeated `Idempotency-Key`; 0 joins only those still under way.",
    )
    unknown_models: Literal["auto", "refuse"] = Field(
        default="auto", description="What an unknown model name means: `auto` routes it, `refuse` answers 404."
    )


class Timeouts(Section):
    """How long to wait for an endpoint."""

    connect_timeout_s: Seconds = Field(default=5.0, description="Seconds to wait for a connection.")
    first_byte_timeout_s: Seconds | None = Field(
        default=None,
        description="Seconds to wait for a stream's first byte; 60 if not given, 300 at a local server, which may have "
        "to load the model.",
    )
    whole_timeout_s: Seconds | None = Field(
        default=None,
        description="Seconds to wait for an answer that comes in one piece; `first_byte_timeout_s`, else 600, if not "
        "given.",
    )
    idle_timeout_s: Seconds = Field(default=120.0, description="Seconds a stream may stand still.")


class EndpointSettings(Timeouts):
    """A server that speaks one dialect."""

    dialect: Dialect = Field(default="openai_chat", description="The API it speaks.")
    base_url: Address = Field(
        description="Its address; for OpenAI-shaped servers it ends in /v1. `{model}` in it is the model's name there."
    )
    api_key: SecretText | None = Field(default=None, description="Its key, or `os.environ/NAME`.")
    auth: Auth | None = Field(default=None, description="The header its key goes in; its dialect's own if not given.")
    query: Query = Field(default="", description="Query joined to every path, such as `api-version=2024-10-21`.")
    provider: ProviderName | None = Field(
        default=None,
        description="Whose server it is, if its address does not tell: what is odd about it is known by that.",
    )
    local: bool | None = Field(
        default=None,
        description="Whether text sent to it stays on this machine. Undeclared: only Ollama on loopback is local.",
    )
    headers: dict[Name, SecretText] = Field(default={}, description="Headers to send with every request.")
    concurrency: ConcurrencySettings = Field(default=ConcurrencySettings(), description="How much it is asked at once.")


class PriceSettings(Section):
    """US dollars per million tokens."""

    input_usd_per_mtok: Dollars = Field(description="Price of input.")
    output_usd_per_mtok: Dollars = Field(description="Price of output.")
    cached_input_usd_per_mtok: Dollars | None = Field(
        default=None,
        description="Price of input read from the prompt cache.",
    )
    cache_write_usd_per_mtok: Dollars | None = Field(
        default=None,
        description="Price of input that is put into the prompt cache.",
    )


class GgufSettings(Section):
    """A GGUF file served by the built-in llama.cpp (`pointsman[local]`)."""

    path: Name = Field(
        description="The file, or the name of a downloaded model (`pointsman models pull`); a relative path starts at "
        "the configuration file's folder."
    )
    context_tokens: Tokens = Field(default=4096, description="Context window of each slot.")
    parallel: int = Field(default=1, ge=1, le=256, description="Slots: requests answered at once.")
    embedding: bool = Field(default=False, description="Whether it is an embeddings model.")
    gpu_layers: int | None = Field(
        default=None, ge=0, description="Layers kept on the GPU; llama.cpp's choice if not given."
    )
    threads: int | None = Field(default=None, ge=1, description="CPU threads; the machine's cores if not given.")


def _gguf(value: object) -> object:
    return {"path": value} if isinstance(value, str) else value


Ability = Annotated[float, Field(ge=-3, le=3, allow_inf_nan=False)]


class ModelSettings(Section):
    """One model. Several entries of one name form a pool."""

    name: Name = Field(description="What callers say.")
    model: Name | None = Field(
        default=None,
        description="Its name at its server; with a provider before it (`ollama_chat/qwen2.5:3b`) that is enough.",
    )
    endpoint: Name | None = Field(default=None, description="The entry of `endpoints` that serves it.")
    base_url: Address | None = Field(default=None, description="Address of its server, instead of `endpoint`.")
    dialect: Dialect | None = Field(default=None, description="The API of `base_url`.")
    api_key: SecretText | None = Field(default=None, description="Key for its server, or `os.environ/NAME`.")
    auth: Auth | None = Field(default=None, description="The header the key goes in; the dialect's own if not given.")
    query: Query = Field(default="", description="Query joined to every path; the endpoint's if not given.")
    headers: dict[Name, SecretText] = Field(default={}, description="Headers to send with every request.")
    connect_timeout_s: Seconds | None = Field(default=None, description="Seconds to wait for a connection.")
    first_byte_timeout_s: Seconds | None = Field(default=None, description="Seconds to wait for a stream's first byte.")
    whole_timeout_s: Seconds | None = Field(
        default=None, description="Seconds to wait for an answer that comes in one piece."
    )
    idle_timeout_s: Seconds | None = Field(default=None, description="Seconds a stream may stand still.")
    concurrency: ConcurrencySettings | None = Field(
        default=None, description="How much its server is asked at once; the endpoint's if not given."
    )
    gguf: Annotated[GgufSettings, BeforeValidator(_gguf, json_schema_input_type=str | GgufSettings)] | None = Field(
        default=None, description="A GGUF file to serve with the built-in llama.cpp, instead of a server."
    )
    local: bool | None = Field(default=None, description="Whether text sent to it stays on this machine.")
    tier: TierName | None = Field(default=None, description="The tier it serves.")
    tiers: list[TierName] = Field(default=[], description="The tiers it serves, if more than one.")
    context_tokens: Tokens | None = Field(
        default=None,
        description="Its context window: prompts that do not fit are not sent there. An unknown one is learned. "
        "For Ollama the most that it is loaded with, 32,768 if unknown.",
    )
    max_output_tokens: Tokens | None = Field(
        default=None, description="Most tokens it can answer with; shown, not enforced."
    )
    price: PriceSettings | None = Field(
        default=None,
        description="Its price; known cloud models have one, local ones are free.",
    )
    capabilities: list[Capability] | None = Field(
        default=None,
        description="All it can do; what is not named it lacks.",
    )
    lacks: list[Capability] = Field(default=[], description="What it cannot do, if the rest is unknown.")
    aliases: Names = Field(default=[], description="Other names for it.")
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False, description="Its share within its pool.")
    order: int = Field(default=0, description="Lower is tried first within its pool.")
    defaults: dict[str, JsonField] = Field(default={}, description="Request fields to set unless the caller set them.")
    pinned: bool = Field(default=False, description="Whether it is always in memory, where `local.vram` is given.")
    memory: Bytes | None = Field(
        default=None, description="What it takes of the memory, such as 5.5GiB, if that cannot be reckoned."
    )
    prefill: bool | None = Field(
        default=None,
        description="Whether it goes on from a last message of the assistant; if not given, GGUF models, Ollama and "
        "Anthropic's API do.",
    )
    ability: Ability | dict[Name, Ability] = Field(
        default={},
        description="How much abler it is than the usual model of its tier, in steps of difficulty (one is 25 of 100): "
        "a number, or one by kind of task with `*` for the others.",
    )
    demo: bool = Field(default=False, description="A built-in demonstration model, labelled as such everywhere.")

    @model_validator(mode="after")
    def _has_one_server(self) -> Self:
        given = [key for key in ("endpoint", "base_url", "gguf") if getattr(self, key) is not None]
        if len(given) > 1:
            raise ValueError(f"`{given[0]}` and `{given[1]}` exclude each other")
        if self.gguf is None and self.model is None:
            raise ValueError("needs `model` (what its server calls it) or `gguf` (a file)")
        if self.capabilities is not None and self.lacks:
            raise ValueError("`capabilities` and `lacks` exclude each other")
        return self


class StandardModel(Section):
    """The model used when the caller names none."""

    name: Name = Field(default="auto", description="A model, an alias, a tier, or `auto`.")


class PrivacySettings(Section):
    """What may leave the machine."""

    mode: Literal["default-cloud", "default-local", "local-only"] = Field(
        default="default-cloud",
        description="`default-cloud`: all but private text may go out; `default-local`: only what the caller marks "
        "public; `local-only`: nothing.",
    )


class LedgerSettings(Section):
    """The record of requests."""

    enabled: bool = Field(default=True, description="Whether requests are recorded.")
    path: Name | None = Field(default=None, description="The SQLite file; in the user's data folder if not given.")
    log_prompts: bool = Field(default=False, description="Whether prompts are recorded too (private ones never are).")
    responses_ttl_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        default=86_400.0,
        description="Seconds that answers of /v1/responses are kept, beside the ledger, to be gone on from; 0: none.",
    )


class SavingsSettings(Section):
    """What savings are measured against."""

    baseline: Name | None = Field(
        default=None,
        description="The model; the priciest one `auto` could choose if not given.",
    )


def _entries(value: object) -> object:
    """A mapping of models by name as the list it stands for."""
    if not isinstance(value, dict):
        return value
    return [{"name": name, **entry} if isinstance(entry, dict) else entry for name, entry in value.items()]


ModelList = Annotated[
    list[ModelSettings],
    BeforeValidator(_entries, json_schema_input_type=list[ModelSettings] | dict[str, dict[str, JsonField]]),
]


def _judged(value: object) -> object:
    """`routing.scorer` may name the local judge: that turns `classifier` on, in the mode that the word means."""
    mode = {"local-judge": "only", "hybrid": "second-opinion"}
    if isinstance(value, dict) and isinstance(value.get("routing"), dict):
        word = value["routing"].get("scorer")
        given = value.get("classifier") or {}
        if word in mode and isinstance(given, dict):
            return {**value, "classifier": {"enabled": True, "mode": mode[word], **given}}
    return value


class Settings(Section):
    """All of `pointsman.yaml`."""

    _reads_the_scorers_word = model_validator(mode="before")(_judged)

    server: ServerSettings = Field(default=ServerSettings(), description="The gateway.")
    endpoints: dict[Name, EndpointSettings] = Field(
        default={},
        description="Servers that several models share, by name.",
    )
    models: ModelList = Field(default=[], description="The models: a list, or a mapping by name.")
    model: StandardModel = Field(default=StandardModel(), description="The model when the caller names none.")
    routing: RoutingSettings = Field(default=RoutingSettings(), description="Which model `auto` takes.")
    presets: dict[PresetName, PresetSettings] = Field(
        default={}, description="Kinds of conversations by name, asked for as the model `auto:NAME`, over the shipped."
    )
    rules: list[RuleSettings] = Field(
        default=[], max_length=500, description="Requests that get a tier or a model; the first rule that holds counts."
    )
    sessions: SessionSettings = Field(default=SessionSettings(), description="How conversations keep their model.")
    aliases: dict[Name, Name] = Field(default={}, description="Other names: alias to model.")
    fallbacks: dict[Name, Names] = Field(default={}, description="Who answers when a model (or `*`, any) does not.")
    context_window_fallbacks: dict[Name, Names] = Field(
        default={},
        description="Who answers when the prompt is too long.",
    )
    content_policy_fallbacks: dict[Name, Names] = Field(default={}, description="Who answers when a filter refuses.")
    resilience: ResilienceSettings = Field(
        default=ResilienceSettings(), description="What happens when a model does not answer."
    )
    privacy: PrivacySettings = Field(default=PrivacySettings(), description="What may leave the machine.")
    ledger: LedgerSettings = Field(default=LedgerSettings(), description="The record of requests.")
    savings: SavingsSettings = Field(default=SavingsSettings(), description="What savings are measured against.")
    prices: dict[Name, PriceSettings] = Field(
        default={},
        description="Prices by model name at its server, over the shipped.",
    )
    local: LocalSettings = Field(default=LocalSettings(), description="Models on this machine.")
    classifier: ClassifierSettings = Field(
        default=ClassifierSettings(), description="A local model that judges how hard a prompt is."
    )
    tasks: dict[Name, TaskSettings] = Field(
        default={}, description="Changes to the cheat sheet that `pointsman models recommend` shows, by kind of task."
    )
    agents: dict[Name, AgentEntry] = Field(
        default={},
        description="A tier or a model for each agent, by name or pattern (`codex/*`); the first that fits counts.",
    )
    escalation: EscalationSettings = Field(
        default=EscalationSettings(), description="What happens when an answer to an agent is not good enough."
    )
    learning: LearningSettings = Field(
        default=LearningSettings(), description="What verdicts on answers change for their caller."
    )
    shadow: ShadowSettings = Field(
        default=ShadowSettings(), description="Copies of some requests to another model, for comparison."
    )
