"""The settings that say what happens when a model does not answer: policies, cooling, retries, queues."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema, field_validator, model_validator

from pointsman.config.field_types import Name, Seconds, Section
from pointsman.config.presets import ANY, MOST_ATTEMPTS, PRESETS, RETRIED
from pointsman.core.jsontypes import Json
from pointsman.core.policy import Action, Mark

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


def _word(kind: type[StrEnum], value: object) -> StrEnum:
    *first, last = kind
    if not isinstance(value, str) or value not in set(kind):
        raise ValueError(f"should be {', '.join(first)} or {last}, not {value!r}")
    return kind(value)


def _attempts(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST_ATTEMPTS:
        raise ValueError(f"should be a whole number from 1 to {MOST_ATTEMPTS}, not {value!r}")
    return value


def _rule(value: object) -> object:
    """`silent` as the rule it stands for."""
    return {"action": value} if isinstance(value, str) else value


def _last_resort(value: object) -> object:
    if isinstance(value, list) and len(value) != 1:
        named = ", ".join(map(str, value)) or "none"
        raise ValueError(f"should be one model, not {len(value)} ({named}); keep the one that is to answer at last")
    return value[0] if isinstance(value, list) else value


ActionWord = Annotated[
    Action,
    PlainValidator(lambda value: _word(Action, value)),
    WithJsonSchema({"type": "string", "enum": list(Action)}),
]
MarkWord = Annotated[
    Mark, PlainValidator(lambda value: _word(Mark, value)), WithJsonSchema({"type": "string", "enum": list(Mark)})
]
Attempts = Annotated[
    int, PlainValidator(_attempts), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST_ATTEMPTS})
]


class RuleSettings(Section):
    """What one kind of failure leads to; what is not given is as it is without this rule."""

    action: ActionWord | None = Field(
        default=None,
        description="Another model takes over: `silent` (yes), `ask` (when the person says so), `stop` (no).",
    )
    state: MarkWord | None = Field(
        default=None,
        description="The failed model is then: `none` (as before), `one_retry` (asked once by each request), `cool` "
        "(left alone for a while), `down` (left alone until it is reset).",
    )
    attempts: Attempts | None = Field(
        default=None, description="How often one request asks the same model before it goes on, 1 to 10."
    )


RuleField = Annotated[RuleSettings, BeforeValidator(_rule, json_schema_input_type=Action | RuleSettings)]


class PolicySettings(Section):
    """What the failures of a model lead to, by kind; a rule, or its action alone (`transient: silent`)."""

    terminal: RuleField | None = Field(default=None, description="Its quota is spent, or the account has no credit.")
    transient: RuleField | None = Field(default=None, description="Overload, too many requests, 5xx, the network.")
    not_found: RuleField | None = Field(default=None, description="The endpoint does not have the model.")
    context: RuleField | None = Field(default=None, description="The prompt is too long for it.")
    content: RuleField | None = Field(default=None, description="A filter refused.")
    auth: RuleField | None = Field(default=None, description="Our key is wrong.")
    bad_request: RuleField | None = Field(default=None, description="The request is wrong; always `stop`.")
    unknown: RuleField | None = Field(default=None, description="Anything else.")

    @field_validator("bad_request")
    @classmethod
    def _stops(cls, rule: RuleSettings | None) -> RuleSettings | None:
        if rule is not None and rule != RuleSettings(action=Action.STOP):
            raise ValueError("is always `stop`, since any model would refuse the same; take this rule out")
        return rule


class RetryBudgetSettings(Section):
    """How many further attempts on models that are not well may run at once, for all requests together."""

    share: Share = Field(default=0.2, description="As a share of the requests under way, 0 to 1.")
    at_least: int = Field(default=3, ge=0, le=1000, description="So many in any case.")


class HedgeSettings(Section):
    """A second local model is asked as well when the first is slow; the quicker answer counts."""

    after_s: Seconds = Field(description="Seconds without a first byte after which it is asked.")


class ConcurrencySettings(Section):
    """How much an endpoint is asked at once; the rest waits in a queue."""

    slots: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Requests at once; a GGUF model's own slots, 4 at an Ollama on this machine, else found out by how "
        "soon its answers begin, if not given.",
    )
    queue: int = Field(default=1000, ge=0, le=100_000, description="Requests that may wait for a slot.")
    queue_timeout_s: Seconds | None = Field(
        default=None,
        description="Seconds a request may wait for a slot before another model is asked; 10 if not given, 60 at a "
        "local server.",
    )


class ResilienceSettings(Section):
    """What happens when a model does not answer."""

    preset: Literal["default", "gemini-cli", "litellm"] = Field(
        default="default",
        description="What the rest of this section begins with: `default`, or the chains and limits of `gemini-cli` "
        "or `litellm`.",
    )
    policies: dict[Name, PolicySettings] = Field(
        default={}, description="What failures lead to, by model (or `*`, every model) and kind of failure."
    )
    last_resort: Annotated[Name, BeforeValidator(_last_resort, json_schema_input_type=str)] | None = Field(
        default=None, description="The one model that is asked, however unwell, when no other can be."
    )
    unattended: Literal["silent", "stop"] = Field(
        default="silent", description="What `ask` means where nobody can be asked."
    )
    consent_timeout_s: Seconds = Field(
        default=60.0,
        description="Seconds that a question at `/v1/consents` waits for its answer; then it goes by `unattended`.",
    )
    num_retries: int = Field(
        default=2,
        ge=0,
        le=20,
        description="Further attempts on the same model for passing failures, when nobody else is left.",
    )
    max_fallbacks: int = Field(default=5, ge=0, le=50, description="Most other models tried for one request.")
    climb_tiers: bool = Field(
        default=True,
        description="Whether an `auto` request may go to the next tier when its own is down.",
    )
    retry_budget: RetryBudgetSettings = Field(
        default=RetryBudgetSettings(), description="How many further attempts may run at once."
    )
    hedge: HedgeSettings | None = Field(
        default=None, description="Ask a second local model when a local one is slow; nothing else is asked twice."
    )
    continue_streams: bool = Field(
        default=False,
        description="Whether another model goes on with an answer that broke off in the middle (marked as such).",
    )
    cooldown_s: Seconds = Field(
        default=5.0, description="Seconds a model that failed is left alone; doubled by each further failure."
    )
    max_cooldown_s: Seconds = Field(
        default=300.0, description="Longest time a model is left alone unless its endpoint asks for more."
    )
    allowed_fails: int = Field(
        default=2,
        ge=0,
        le=10_000,
        description="Failures in a row, within a minute of each other, that a model may have before it cools; one that "
        "says how long to wait, or that it has too many requests, cools at once.",
    )
    breaker_failures: int = Field(
        default=5,
        ge=1,
        le=10_000,
        description="Failures in a row, of two models at least, after which their endpoint is left alone.",
    )
    ramp_s: Seconds = Field(default=10.0, description="Seconds in which a model that is back gets its full share.")

    @model_validator(mode="before")
    @classmethod
    def _begin_with_preset(cls, given: object) -> object:
        preset = given.get("preset") if isinstance(given, dict) else None
        if not isinstance(given, dict) or not isinstance(preset, str) or preset not in PRESETS:
            return given
        return merged(preset_settings(preset, given), given)

    @model_validator(mode="after")
    def _limits_rise(self) -> ResilienceSettings:
        if self.max_cooldown_s < self.cooldown_s:
            raise ValueError(
                f"`max_cooldown_s` ({self.max_cooldown_s:g}) is below `cooldown_s` ({self.cooldown_s:g}); raise it"
            )
        return self


def preset_settings(name: str, given: Mapping[str, object]) -> dict[str, Json]:
    """The settings that the preset *name* begins with, where *given* are the section's own."""
    preset = PRESETS[name]
    settings = dict(preset.settings)
    retries = given.get("num_retries", settings.get("num_retries"))
    if preset.retries_first and isinstance(retries, int):
        attempts = max(1, min(MOST_ATTEMPTS, retries + 1))
        policies: Mapping[str, Json] = {kind: {"attempts": attempts} for kind in RETRIED}
        settings = merged(settings, {"policies": {ANY: policies}})
    return settings


def merged(below: Mapping[str, Json], above: Mapping[str, Json]) -> dict[str, Json]:
    """*below* with *above* laid over it; an action alone lies over the rule that it stands for."""
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        if isinstance(under, Mapping) and isinstance(value, str):
            result[key] = {**under, "action": value}
        elif isinstance(under, Mapping) and isinstance(value, Mapping):
            result[key] = merged(under, value)
        else:
            result[key] = value
    return result
