"""A decision and everything that led to it: what was asked, who was struck out and why, who picked, in what time."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from pointsman.core.catalog import Capability, Operation, Tier
from pointsman.core.values import value_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.core.assessment import Assessment
    from pointsman.core.catalog import ModelCard
    from pointsman.core.session import Pin


class PrivacyClass(StrEnum):
    """Whether the text may leave the machine."""

    PUBLIC = "public"
    PRIVATE = "private"


class Outcome(StrEnum):
    """What one step of the chain did."""

    PICKED = "picked"
    PASSED = "passed"
    FAILED = "failed"  # it raised: the chain went on without it
    CLIMBED = "climbed"  # its tier had nobody left, so another tier was taken
    NOTE = "note"


@value_type
class PromptCount:
    """What a long prompt is made of, for an estimate by family of tokenizers: see `routing.tokens`."""

    signs: tuple[int, ...]  # characters of each kind
    messages: int
    images: int = 0


@value_type
class Said:
    """One turn of the conversation before the ask, shortened: for whoever judges the ask."""

    by: str  # "user" | "assistant"
    text: str


@value_type
class PromptFeatures:
    """What can be seen in a request without asking a model. Token figures are estimates."""

    ask: str  # what the person last asked: no system prompt, tool result or harness boilerplate
    estimated_input_tokens: int
    turns: int = 1
    needs: frozenset[Capability] = frozenset()
    n_tools: int = 0
    in_tool_loop: bool = False  # the last message is a tool's result
    is_housekeeping: bool = False  # a title, tags or follow-ups for a user interface
    max_output_tokens: int | None = None
    has_earlier_images: bool = False  # before the turn that is to be answered
    count: PromptCount | None = field(default=None, compare=False)  # None: a short prompt
    history: tuple[Said, ...] = field(default=(), compare=False, repr=False)  # only where a judge wants it


@value_type
class Caller:
    """Who asks and what they said about the request, outside its text."""

    privacy: PrivacyClass | None = None
    privacy_source: str | None = None  # "header", "metadata", "flag", "key"
    tier: Tier | None = None
    session: str | None = None
    agent: str | None = None
    key_id: str | None = None
    deadline_ms: float | None = None
    client: str | None = None  # the user agent's first word
    wants_consent: bool = False  # asks to be asked before another model takes over
    metadata: tuple[tuple[str, str], ...] = ()  # what else they said, names in small letters


@value_type
class Privacy:
    """The request's class and the kinds of private data that made it so (never the data)."""

    privacy_class: PrivacyClass = PrivacyClass.PUBLIC
    kinds: tuple[str, ...] = ()
    source: str | None = None

    @property
    def is_private(self) -> bool:
        """Whether only local models may see the text."""
        return self.privacy_class != PrivacyClass.PUBLIC  # whatever is not known to be public is private


@value_type
class RoutingContext:
    """All that constraints and strategies may look at. Strategies choose among `open_models` only."""

    requested_model: str | None  # as the caller wrote it
    operation: Operation
    features: PromptFeatures
    caller: Caller
    privacy: Privacy
    open_models: Mapping[str, ModelCard] = field(default_factory=dict)  # by id, after the constraints
    struck: tuple[Struck, ...] = ()
    pin: Pin | None = None  # where the session stands; None: nothing came before


@dataclass(frozen=True, slots=True, kw_only=True)
class Struck:
    """One model taken out of the choice. `model` is the card's id, `by` the constraint."""

    model: str
    by: str
    reason: str


@value_type
class Pick:
    """What a strategy chose: a tier of a router, or a pool of models by name."""

    reason: str
    tier: Tier | None = None
    model: str | None = None  # a pool's name
    router: str | None = None  # whose tiers; None: `auto`
    score: float | None = None  # 0..1 (litellm-compat may go below 0)
    confidence: float | None = None  # 0..1
    is_explicit: bool = False  # the caller named the model: never replaced silently
    is_utility: bool = False  # a title, tags, a completion: any model will do, and nobody is asked
    assessment: Assessment | None = None  # of the learned classifier
    card: str | None = None  # the id of the card to ask first, where it may be asked
    instead: tuple[tuple[Tier, str, str], ...] = ()  # in that tier: whom to ask before the first, and why
    easier: tuple[int, Tier | None] = (0, None)  # see core.session.Pin


@value_type
class Step:
    """One line of the trail."""

    strategy: str
    outcome: Outcome
    detail: str
    elapsed_us: float = 0.0


@value_type
class Decision:
    """Which model, and why. `candidates` are card ids in the order they will be tried; the first is the choice."""

    id: str
    asked: str | None
    operation: Operation
    candidates: tuple[str, ...]
    model: str  # the chosen pool's name, as callers know it
    tier: Tier | None
    strategy: str
    reason: str
    score: float | None
    confidence: float | None
    privacy: Privacy
    struck: tuple[Struck, ...]
    trail: tuple[Step, ...]
    elapsed_us: float
    router: str | None = None
    is_explicit: bool = False
    is_utility: bool = False
    is_demo: bool = False
    warnings: tuple[str, ...] = ()
    preferred: str | None = None  # the card id that would be first if it were well; None: it is first
    assessment: Assessment | None = None
