"""What `resilience.preset` stands for: settings to begin with, and chains by model family.

Sources: gemini-cli 0.61.0 (its policy catalogue and availability service), LiteLLM 1.109.1 (its Router's defaults).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from pointsman.core.failure import FailureKind
from pointsman.core.jsontypes import Json
from pointsman.core.policy import DEFAULT_RULES, Action, Mark, Policy, Rule

GEMINI_CLI: Final = "gemini-cli"
LITELLM: Final = "litellm"
ANY: Final = "*"
MOST_ATTEMPTS: Final = 10
RETRIED: Final = (FailureKind.TRANSIENT, FailureKind.UNKNOWN)  # what a second attempt may help


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Models whose name at their server *is_meant* matches: their rules, and who follows them."""

    name: str
    is_meant: re.Pattern[str]
    rules: Mapping[FailureKind, Rule]
    followers: tuple[str, ...] = ()  # families
    is_last_resort: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """`settings` are keys of `resilience`. The first family that a model belongs to counts."""

    settings: Mapping[str, Json] = field(default_factory=dict)
    families: tuple[Family, ...] = ()
    retries_first: bool = False  # a model is asked `num_retries` times more before another one is


def _silent(rules: Mapping[FailureKind, Rule]) -> dict[FailureKind, Rule]:
    return {
        kind: Rule(mark=rule.mark, attempts=rule.attempts) if rule.action is Action.ASK else rule
        for kind, rule in rules.items()
    }


def _asked(attempts: int) -> dict[FailureKind, Rule]:
    """The default rules, with so many attempts for what may pass."""
    return {kind: Rule(action=Action.ASK, mark=Mark.COOL, attempts=attempts) for kind in RETRIED}


UTILITY: Final = Policy(rules=_silent(DEFAULT_RULES))  # titles, completions, classification: nobody is asked

_GEMINI_FAMILIES: Final = (
    Family(
        name="lite",
        is_meant=re.compile(r"gemini-.*flash-lite"),
        rules=_silent(DEFAULT_RULES),
        followers=("flash", "pro"),
    ),
    Family(
        name="flash",
        is_meant=re.compile(r"gemini-.*flash"),
        rules=_asked(MOST_ATTEMPTS),
        followers=("pro",),
        is_last_resort=True,
    ),
    Family(
        name="pro",
        is_meant=re.compile(r"gemini-.*pro"),
        rules=_asked(3) | {FailureKind.TRANSIENT: Rule(mark=Mark.ONE_RETRY, attempts=3)},
        followers=("flash",),
    ),
)

PRESETS: Final[Mapping[str, Preset]] = MappingProxyType({
    "default": Preset(),
    GEMINI_CLI: Preset(
        settings={"cooldown_s": 30.0, "max_cooldown_s": 30.0, "policies": {ANY: {"not_found": {"state": "cool"}}}},
        families=_GEMINI_FAMILIES,
    ),
    LITELLM: Preset(
        settings={
            "num_retries": 2,
            "max_fallbacks": 5,
            "allowed_fails": 3,
            "cooldown_s": 5.0,
            "max_cooldown_s": 5.0,
            "policies": {
                ANY: {
                    kind: {"action": "silent", "state": "cool"}
                    for kind in ("terminal", "transient", "not_found", "auth", "unknown")
                }
            },
        },
        retries_first=True,
    ),
})  # fmt: skip


def family_of(preset: Preset, model: str) -> Family | None:
    """The family that *model* (its name at its server) belongs to."""
    return next((family for family in preset.families if family.is_meant.search(model.lower())), None)
