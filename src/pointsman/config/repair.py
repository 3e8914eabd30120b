"""Giving a YAML file its indentation back, from knowing which keys belong under which."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypeAlias

from pointsman.config.field_types import Section
from pointsman.config.imports import litellm_resilience
from pointsman.config.imports.litellm import SETTINGS
from pointsman.config.imports.litellm_models import (
    ALWAYS_SO,
    COSTS,
    DEFAULTS,
    INFO_KEYS,
    OTHER_PARAMS,
    RENAMED,
    TIMEOUTS,
)
from pointsman.config.imports.litellm_routers import CONFIG, DEFAULT_MODEL, ROUTER_MODEL
from pointsman.config.schema import (
    ConcurrencySettings,
    EndpointSettings,
    GgufSettings,
    ModelSettings,
    PriceSettings,
    RoutingSettings,
    Settings,
)
from pointsman.config.schema_resilience import (
    HedgeSettings,
    PolicySettings,
    ResilienceSettings,
    RetryBudgetSettings,
    RuleSettings,
)
from pointsman.config.schema_routing import SCORER_KEYS
from pointsman.config.tree import plain
from pointsman.config.yaml_tree import parse_yaml
from pointsman.core.errors import ConfigError

# What may stand under a key: nothing we know (None), the named keys (a dict; "*" is any other), or a list of them.
Shape: TypeAlias = "dict[str, Shape] | list[dict[str, Shape]] | None"

_LINE = re.compile(
    r"(?P<dashes>(?:-\s+)*)(?P<key>\"[^\"]*\"|'[^']*'|[^\s\"'#\[\]{},&*!|>%@`-][^#\[\]{},]*?)\s*:(?:\s+(?P<value>.*))?$"
)
_ANY: Shape = {"*": None}
_ITEMS: Shape = [{"*": None}]


def _keys(*names: str) -> dict[str, Shape]:
    return dict.fromkeys(names)


def _complexity() -> dict[str, Shape]:
    """What stands under `complexity_router_config` and, with more, under our `routing`."""
    tiers: dict[str, Shape] = {}
    for tier in ("simple", "medium", "complex", "reasoning", "small", "large", "frontier"):
        tiers |= {tier: _ITEMS, tier.upper(): _ITEMS}
    return {
        **_keys("default_model", "classifier_type", *SCORER_KEYS),
        "tiers": tiers,
        "tier_boundaries": _keys("simple_medium", "medium_complex", "complex_reasoning"),
        "token_thresholds": _keys("simple", "complex"),
        "dimension_weights": _keys(
            "tokenCount",
            "codePresence",
            "reasoningMarkers",
            "technicalTerms",
            "simpleIndicators",
            "multiStepPatterns",
            "questionComplexity",
        ),
        "custom_dimensions": [_keys("name", "weight", "keywords", "patterns", "scoring_mode")],
        "keyword_tier_rules": [_keys("keywords", "tier")],
    }


def _litellm() -> dict[str, Shape]:
    names: dict[str, Shape] = {
        "fallbacks": _ITEMS,
        "context_window_fallbacks": _ITEMS,
        "content_policy_fallbacks": _ITEMS,
        "default_fallbacks": _ITEMS,
    }
    params: dict[str, Shape] = {
        **_keys("model", "rpm", "tpm", "max_retries", "num_retries", "api_version", "tags", "region_name"),
        **_keys(DEFAULT_MODEL, *RENAMED, *TIMEOUTS, *COSTS, *DEFAULTS, *ALWAYS_SO, *OTHER_PARAMS),
        "extra_headers": _ANY,
        "extra_body": _ANY,
        CONFIG: _complexity(),
    }
    info: dict[str, Shape] = _keys("id", "base_model", *INFO_KEYS)
    return {
        "model_list": [{"model_name": None, "litellm_params": params, "model_info": info}],
        CONFIG: _complexity(),
        "litellm_settings": {
            **_keys("drop_params", "set_verbose", "cache", "callbacks", "json_logs"),
            **_retries(),
            **_keys(*SETTINGS["litellm_settings"]),
            **names,
        },
        "router_settings": {
            **_keys("routing_strategy", "retry_after", "enable_pre_call_checks"),
            **_retries(),
            **_keys(*SETTINGS["router_settings"]),
            "model_group_alias": _ANY,
            **names,
        },
        "general_settings": _keys("database_url", *SETTINGS["general_settings"]),
        "environment_variables": _ANY,
        "include": _ITEMS,
    }


def _retries() -> dict[str, Shape]:
    retries = _keys(*litellm_resilience.RETRIES)
    return {
        **_keys(*litellm_resilience.KEYS),
        "retry_policy": retries,
        "model_group_retry_policy": {"*": retries},
        "allowed_fails_policy": _keys(*litellm_resilience.ALLOWED_FAILS),
    }


def _ours() -> dict[str, Shape]:
    model: dict[str, Shape] = {
        **_keys(*ModelSettings.model_fields),
        "price": _keys(*PriceSettings.model_fields),
        "gguf": _keys(*GgufSettings.model_fields),
        "headers": _ANY,
        "defaults": _ANY,
        "concurrency": _keys(*ConcurrencySettings.model_fields),
    }
    endpoint: dict[str, Shape] = {
        **_keys(*EndpointSettings.model_fields),
        "headers": _ANY,
        "concurrency": _keys(*ConcurrencySettings.model_fields),
    }
    shape: dict[str, Shape] = {}
    for name, field_info in Settings.model_fields.items():
        shape[name] = _keys(*type(field_info.default).model_fields) if isinstance(field_info.default, Section) else _ANY
    return shape | {
        "models": [model],
        "endpoints": {"*": endpoint},
        "prices": {"*": _keys(*PriceSettings.model_fields)},
        "routing": {**_keys(*RoutingSettings.model_fields), **_complexity()},
        "resilience": _resilience(),
    }


def _resilience() -> dict[str, Shape]:
    rule = _keys(*RuleSettings.model_fields)
    return {
        **_keys(*ResilienceSettings.model_fields),
        "policies": {"*": dict.fromkeys(PolicySettings.model_fields, rule)},
        "retry_budget": _keys(*RetryBudgetSettings.model_fields),
        "hedge": _keys(*HedgeSettings.model_fields),
    }


@dataclass(slots=True)
class _Open:
    """A mapping or list that later lines may still belong to."""

    shape: Shape
    indent: int  # of its keys, or of its dashes
    seen: set[str] = field(default_factory=set)

    @property
    def is_list(self) -> bool:
        return isinstance(self.shape, list)

    def knows(self, key: str) -> bool:
        """Whether *key* may be the next one here, by its name."""
        return isinstance(self.shape, dict) and key in self.shape and key not in self.seen

    def takes_any(self, key: str) -> bool:
        """Whether *key* may be the next one here, as any key may."""
        return isinstance(self.shape, dict) and "*" in self.shape and key not in self.seen

    def below(self, key: str) -> Shape:
        """What may stand under *key* here."""
        return self.shape.get(key, self.shape.get("*")) if isinstance(self.shape, dict) else None


def is_flattened(text: str) -> bool:
    """Whether *text* means something else, or something at all, only once its indentation is put back."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if any(line[0].isspace() for line in lines) or len(lines) < 2 or lines[0].startswith(("{", "[")):
        return False
    try:
        repaired = plain(parse_yaml(repair_flattened(text), ""))
    except ConfigError:
        return False
    try:
        return plain(parse_yaml(text, "")) != repaired
    except ConfigError:
        return True


def repair_flattened(text: str) -> str:
    """*text*, whose lines have lost their indentation, with the indentation its keys call for."""
    repairer = _Repairer()
    for line in text.splitlines():
        repairer.add(line.strip())
    return "".join(f"{line}\n" for line in repairer.lines)


class _Repairer:
    """Puts each line under the innermost open key that knows it."""

    def __init__(self) -> None:
        self.open: list[_Open] = [_Open(_ours() | _litellm(), 0)]
        self.lines: list[str] = []
        self._brackets = 0
        self._last_model = ""

    def add(self, line: str) -> None:
        """Take one more line, without the spaces around it."""
        if not line or line.startswith("#") or self._brackets > 0:
            indent = self.open[-1].indent if line else 0
            self.lines.append(" " * (indent + (2 if self._brackets > 0 else 0)) + line)
            self._count_brackets(line)
            return
        found = _LINE.match(line)
        if found is None or line.startswith(("{", "[", "- {", "- [")):
            self._scalar(line)
        elif found["dashes"]:
            self._item(line, found["key"].strip("\"'"), found["value"])
        else:
            self._entry(line, found["key"].strip("\"'"), found["value"], self._place(found["key"].strip("\"'")))
        self._count_brackets(line)

    def _place(self, key: str) -> int:
        """The index of the open mapping that *key* belongs to."""
        for index in range(len(self.open) - 1, -1, -1):
            here = self.open[index]
            if here.knows(key) and not (key == CONFIG and index and self._last_model != ROUTER_MODEL):
                return index
            if here.takes_any(key) and not any(outer.knows(key) for outer in self.open[:index]):
                return index
        return next((index for index in range(len(self.open) - 1, -1, -1) if not self.open[index].is_list), 0)

    def _entry(self, line: str, key: str, value: str | None, index: int) -> None:
        del self.open[index + 1 :]
        here = self.open[index]
        here.seen.add(key)
        self.lines.append(" " * here.indent + line)
        self._enter(here, key, value)

    def _enter(self, here: _Open, key: str, value: str | None) -> None:
        """Open what may stand under *key*, if the line gives it no value."""
        if key == "model":
            self._last_model = (value or "").strip("\"' ")
        if value is None or value.startswith("#"):
            self.open.append(_Open(here.below(key) or {"*": None}, here.indent + 2))

    def _item(self, line: str, key: str, value: str | None) -> None:
        """A line `- key: value`: the next item of the innermost list that knows *key*, else of the innermost list."""
        lists = [index for index, entry in enumerate(self.open) if entry.is_list]
        named = [index for index in lists if key in self._item_shape(index)]
        if named or lists:
            index = (named or lists)[-1]
        else:
            index = len(self.open) - 1
            self.open[index].shape = [{"*": None}]
        del self.open[index + 1 :]
        here = self.open[index]
        item = _Open(self._item_shape(index), here.indent + 2, {key})
        self.lines.append(" " * here.indent + line)
        self.open.append(item)
        self._enter(item, key, value)

    def _item_shape(self, index: int) -> dict[str, Shape]:
        shape = self.open[index].shape
        return shape[0] if isinstance(shape, list) else {"*": None}

    def _scalar(self, line: str) -> None:
        """A line that is no key: an item of a plain list, or the rest of the value before it."""
        if not line.startswith("-"):
            self.lines.append(" " * self.open[-1].indent + line)
            return
        if self.open[-1].seen or len(self.open) == 1:
            index = next((index for index in range(len(self.open) - 1, -1, -1) if self.open[index].is_list), 0)
            del self.open[index + 1 :]
        elif not self.open[-1].is_list:
            self.open[-1].shape = [{"*": None}]
        self.lines.append(" " * self.open[-1].indent + line)

    def _count_brackets(self, line: str) -> None:
        bare = re.sub(r"\"[^\"]*\"|'[^']*'|(?:^|\s)#.*", "", line)
        self._brackets = max(0, self._brackets + sum(bare.count(c) for c in "[{") - sum(bare.count(c) for c in "]}"))
