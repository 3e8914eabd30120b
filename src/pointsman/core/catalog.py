"""The models one may choose from: tiers, model cards, endpoints, routers, and how names resolve to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from pointsman.core.policy import DEFAULT_POLICY, Policy

if TYPE_CHECKING:
    from pointsman.core.chat import Usage
    from pointsman.core.failure import FailureKind
    from pointsman.core.jsontypes import Json
    from pointsman.core.preset import Preset

AUTO = "auto"
CLAUDE_AUTO = "claude-auto"  # means AUTO unless configured: Claude Code lists only names that hold "claude"
LATEST = ":latest"  # the tag that Ollama's programs add to a name without one, and that it means where there is none


class Tier(StrEnum):
    """How much model a request needs, cheapest first."""

    SIMPLE = "simple"
    MEDIUM = "medium"
    COMPLEX = "complex"
    REASONING = "reasoning"

    @property
    def rank(self) -> int:
        """0 for the cheapest tier, 3 for the dearest."""
        return _RANKS[self]

    @classmethod
    def parse(cls, name: str) -> Tier | None:
        """The tier called *name*, or so by size (`small`, `medium`, `large`, `frontier`); None when it is neither."""
        return _TIER_NAMES.get(name.lower())


_RANKS = {tier: rank for rank, tier in enumerate(Tier)}
_TIER_NAMES = {tier.value: tier for tier in Tier} | {
    "small": Tier.SIMPLE,
    "large": Tier.COMPLEX,
    "frontier": Tier.REASONING,
}


class Capability(StrEnum):
    """What a request may need from a model."""

    CHAT = "chat"
    TOOLS = "tools"
    IMAGES = "images"
    JSON_SCHEMA = "json_schema"
    EMBEDDINGS = "embeddings"


class Operation(StrEnum):
    """What the caller wants done."""

    CHAT = "chat"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"
    COUNT_TOKENS = "count_tokens"


class Secret:
    """A key that never shows itself: `repr` and `str` are masked, `reveal()` is the only way to it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Wrap *value*."""
        self._value = value

    def reveal(self) -> str:
        """The key itself, for the one header it belongs in."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class Auth(StrEnum):
    """The header an endpoint wants its key in."""

    BEARER = "authorization"  # as `Bearer KEY`
    X_API_KEY = "x-api-key"
    API_KEY = "api-key"
    X_GOOG_API_KEY = "x-goog-api-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server that speaks one dialect. `is_local` is declared, never guessed from the address alone."""

    name: str
    dialect: str  # a name in `dialects.registry`
    base_url: str  # without a trailing slash; for OpenAI-shaped servers it ends in /v1
    is_local: bool
    api_key: Secret | None = None
    auth: Auth = Auth.BEARER
    query: str = ""  # joined to every path, such as "api-version=2024-10-21"
    headers: tuple[tuple[str, str], ...] = ()
    connect_timeout_s: float = 5.0
    first_byte_timeout_s: float = 600.0  # of a stream
    whole_timeout_s: float | None = None  # of an answer in one piece; None: as a stream's
    idle_timeout_s: float = 120.0
    slots: int | None = None  # requests at once; None: found out by its answers
    queue: int = 1000  # requests that may wait for a slot
    queue_timeout_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """Where an OpenAI-shaped server departs from Chat Completions. With nothing set it does not.

    `renames` and `refuses` are fields of a request: what it knows by another name, what it answers with an error.
    """

    renames: tuple[tuple[str, str], ...] = ()  # such as ("max_tokens", "max_completion_tokens")
    refuses: frozenset[str] = frozenset()
    refuses_thinking: frozenset[str] = frozenset()  # refused unless the request says not to think
    refuses_in_messages: frozenset[str] = frozenset()  # such as "name", "reasoning_content"
    call_id_chars: int | None = None  # so many letters and digits have the ids of tool calls
    has_developer: bool = True  # knows the role; else it is "system"
    has_named_choice: bool = True  # keeps to a tool chosen by name; else it gets that tool alone, "required"
    has_strict_tools: bool = True
    wants_reasoning_with_calls: bool = False  # insists on `reasoning_content`, if only empty, beside past tool calls


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars per million tokens."""

    input_usd_per_mtok: float
    output_usd_per_mtok: float
    cached_input_usd_per_mtok: float | None = None
    cache_write_usd_per_mtok: float | None = None

    def cost_usd(self, usage: Usage) -> float:
        """What *usage* costs.

        (input - cached - written) · input + cached · cached price + written · write price + output · output price,
        each per million. What has no price of its own costs as much as fresh input.
        1,000 in (0 cached) and 500 out at $3 / $15: 0.003 + 0.0075 = $0.0105.
        """
        cached_price, write_price = self.cached_input_usd_per_mtok, self.cache_write_usd_per_mtok
        cached = min(usage.cached_input_tokens, usage.input_tokens) if cached_price is not None else 0
        fresh = usage.input_tokens - cached
        written = min(usage.cache_write_tokens, fresh) if write_price is not None else 0
        return (
            (fresh - written) * self.input_usd_per_mtok
            + cached * (cached_price or 0.0)
            + written * (write_price or 0.0)
            + usage.output_tokens * self.output_usd_per_mtok
        ) / 1_000_000


FREE = Price(input_usd_per_mtok=0.0, output_usd_per_mtok=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """One deployment: a model behind one endpoint. Several cards of one `name` form a pool."""

    id: str  # unique: the name, or name#2 for the second of a pool
    name: str  # what callers say
    upstream_model: str  # what the endpoint calls it
    endpoint: Endpoint
    context_tokens: int | None = None  # None: unknown, so never a reason to strike it out
    max_output_tokens: int | None = None
    lacks: frozenset[Capability] = frozenset()  # what it is known not to do; unknown is not lacking
    price: Price | None = None  # None: unknown; FREE for local models
    weight: float = 1.0
    order: int = 0  # lower first within a pool
    is_demo: bool = False
    defaults: Mapping[str, Json] = field(default_factory=dict)  # body fields set unless the caller set them
    quirks: Quirks | None = None
    is_pinned: bool = False  # always in this machine's memory
    memory_bytes: int | None = None  # what it takes of that, as declared
    abilities: Mapping[str, float] = field(
        default_factory=dict
    )  # by kind of task, "*": steps of difficulty beside usual
    continues: bool = False  # takes a last message of the assistant as the beginning of its own answer

    @property
    def is_local(self) -> bool:
        """Whether text sent to it stays on the machine."""
        return self.endpoint.is_local


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterCard:
    """A name that means "choose for me" (`auto`, or a router of a LiteLLM file) and its tiers' models by name."""

    name: str
    tiers: Mapping[Tier, tuple[str, ...]]
    default_tier: Tier = Tier.MEDIUM
    default_model: str | None = None

    def models(self) -> tuple[str, ...]:
        """All its models' names, cheapest tier first, each once."""
        names = (name for tier in Tier for name in self.tiers.get(tier, ()))
        return tuple(dict.fromkeys((*names, *((self.default_model,) if self.default_model else ()))))


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """Every model, and what each name means. Immutable: a reload makes a new one."""

    models: tuple[ModelCard, ...]
    routers: tuple[RouterCard, ...] = ()  # the first is `auto`
    aliases: Mapping[str, str] = field(default_factory=dict)
    fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # model name (or "*") -> names
    fallbacks_by_kind: Mapping[FailureKind, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    policies: Mapping[str, Policy] = field(default_factory=dict)  # model name (or "*") -> what its failures lead to
    last_resort: str | None = None  # the model that is asked when all are cooling or down
    baseline: str | None = None  # the model that savings are measured against
    climb_tiers: bool = True  # an `auto` request may go to the next tier when its own does not answer
    presets: Mapping[str, Preset] = field(default_factory=dict)  # by the name callers say: `auto:deep-work`

    @cached_property
    def by_id(self) -> Mapping[str, ModelCard]:
        """Cards by their unique id."""
        return {card.id: card for card in self.models}

    @cached_property
    def pools(self) -> Mapping[str, tuple[ModelCard, ...]]:
        """Cards by the name callers use, lowest `order` first."""
        pools: dict[str, list[ModelCard]] = {}
        for card in self.models:
            pools.setdefault(card.name, []).append(card)
        return {name: tuple(sorted(cards, key=lambda card: card.order)) for name, cards in pools.items()}

    @cached_property
    def draws_nothing(self) -> bool:
        """Whether every pool is one card, so that no draw shares the load within one."""
        return len(self.pools) == len(self.models)

    @cached_property
    def routers_by_name(self) -> Mapping[str, RouterCard]:
        """Routers by name."""
        return {router.name: router for router in self.routers}

    @cached_property
    def auto(self) -> RouterCard | None:
        """The router that `auto`, tier names and unknown names mean; None when nothing is configured."""
        return self.routers_by_name.get(AUTO) or (self.routers[0] if self.routers else None)

    def router_for(self, requested_model: str | None) -> RouterCard | None:
        """The router that *requested_model* names, else `auto`."""
        asked = self.resolve(requested_model) if requested_model else ""
        return self.routers_by_name.get(asked) or self.auto

    def resolve(self, name: str) -> str:
        """*name* with aliases followed (an alias may name an alias; a circle stops where it closes)."""
        name = self._followed(name)
        return name if name in self.pools or name == AUTO else self._implied(name)

    def _followed(self, name: str) -> str:
        if name not in self.aliases:  # as most: a request asks for half a dozen names
            return name
        seen = set()
        while name in self.aliases and name not in seen:
            seen.add(name)
            name = self.aliases[name]
        return name

    def _implied(self, name: str) -> str:
        """What *name*, which is no model's, means all the same; itself when nothing."""
        if name == CLAUDE_AUTO:
            return AUTO
        if self._is_choice(name):
            return name
        if f"{name}{LATEST}" in self.pools:
            return f"{name}{LATEST}"
        bare = self._followed(name.removesuffix(LATEST))
        return bare if bare in self.pools or self._is_choice(bare) else name

    def _is_choice(self, name: str) -> bool:
        return name == AUTO or name in self.routers_by_name or name in self.presets or Tier.parse(name) is not None

    def preset_of(self, name: str | None) -> Preset | None:
        """The preset that *name*, or what it is an alias of, means."""
        if name is None or name in self.pools:
            return None
        return self.presets.get(self.resolve(name))

    def policy_of(self, name: str) -> Policy:
        """What failures of the model *name* lead to."""
        return self.policies.get(name) or self.policies.get("*") or DEFAULT_POLICY

    def fallbacks_of(self, *names: str, kind: FailureKind | None = None) -> tuple[str, ...]:
        """Who is to follow any of *names* (models, routers, tiers, `*`), in general or after one *kind* of failure."""
        table = self._followers.get(kind, {})
        return tuple(dict.fromkeys(other for name in names for other in table.get(name, ())))

    @cached_property
    def _followers(self) -> Mapping[FailureKind | None, Mapping[str, tuple[str, ...]]]:
        """The fallback tables with every alias in them resolved."""
        resolved: dict[FailureKind | None, dict[str, tuple[str, ...]]] = {}
        for kind, table in [(None, self.fallbacks), *self.fallbacks_by_kind.items()]:
            rows = resolved.setdefault(kind, {})
            for source, targets in table.items():
                name = self.resolve(source)
                rows[name] = (*rows.get(name, ()), *map(self.resolve, targets))
        return resolved

    @cached_property
    def baseline_card(self) -> ModelCard | None:
        """The card savings are measured against: the named one, else the priciest that `auto` could choose."""
        if self.baseline is not None:
            pool = self.pools.get(self.resolve(self.baseline), ())
            return pool[0] if pool else None
        names = map(self.resolve, self.auto.models() if self.auto else ())
        priced = [card for name in names for card in self.pools.get(name, ()) if card.price is not None]
        return max(priced, key=_list_price, default=None)


def _list_price(card: ModelCard) -> float:
    return card.price.input_usd_per_mtok + card.price.output_usd_per_mtok if card.price else 0.0
