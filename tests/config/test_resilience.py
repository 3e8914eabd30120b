"""`resilience`: what is configured reaches the catalog, what is wrong is refused with a whole message."""

# ruff: noqa: E501 - whole messages read best unbroken
from __future__ import annotations

import pytest

from pointsman.config import show
from pointsman.config.schema_resilience import ResilienceSettings
from pointsman.core.catalog import Endpoint
from pointsman.core.failure import FailureKind
from pointsman.core.policy import DEFAULT_POLICY, DEFAULT_RULES, Action, Mark, Policy, Rule
from tests.config.conftest import LoadText, Refusal

TWO = """\
models:
  - {name: heavy, model: "ollama_chat/qwen2.5:32b", aliases: [big]}
  - {name: frontier, model: anthropic/claude-sonnet-4-5, api_key: k}
"""
HEAD = "pointsman.yaml:4: resilience"
REFUSALS = {
    "policies: {hevy: {}}": ".policies.hevy: no model is called 'hevy'; did you mean 'heavy'?",
    "policies: {heavy: {transiet: silent}}": ".policies.heavy.transiet: unknown key; did you mean 'transient'?",
    "policies: {heavy: {transient: retry}}": ".policies.heavy.transient.action: should be silent, ask or stop, not 'retry'.",
    "policies: {'*': {auth: {state: gone}}}": ".policies.*.auth.state: should be none, one_retry, cool or down, not 'gone'.",
    "policies: {heavy: {transient: {attempts: 11}}}": ".policies.heavy.transient.attempts: should be a whole number from 1 to 10, not 11.",
    "policies: {heavy: {transient: {attempts: true}}}": ".policies.heavy.transient.attempts: should be a whole number from 1 to 10, not True.",
    "policies: {heavy: {bad_request: silent}}": ".policies.heavy.bad_request: is always `stop`, since any model would refuse the same; take this rule out.",
    "policies: {heavy: {bad_request: {action: stop, attempts: 2}}}": ".policies.heavy.bad_request: is always `stop`, since any model would refuse the same; take this rule out.",
    "last_resort: zzz": ".last_resort: no model is called 'zzz'; valid: big, frontier, heavy.",
    "last_resort: [heavy, frontier]": ".last_resort: should be one model, not 2 (heavy, frontier); keep the one that is to answer at last.",
    "unattended: ask": ".unattended: should be 'silent' or 'stop'.",
    "preset: gemini": ".preset: should be 'default', 'gemini-cli' or 'litellm'.",
    "retry_budget: {share: 20}": ".retry_budget.share: should be less than or equal to 1.",
    "hedge: {}": ".hedge.after_s: is missing.",
    "{cooldown_s: 60, max_cooldown_s: 30}": ": `max_cooldown_s` (30) is below `cooldown_s` (60); raise it.",
    "policies: silent": ".policies: should be a mapping.",
}


@pytest.mark.parametrize("line", REFUSALS)
def test_what_is_wrong_is_said_whole(line: str, refusal: Refusal) -> None:
    """File, line, key, value and what to do."""
    assert refusal(f"{TWO}resilience: {line if line[0] == '{' else '{' + line + '}'}\n") == HEAD + REFUSALS[line]


def test_chains_that_lead_nowhere_are_refused(refusal: Refusal) -> None:
    """A model does not stand in for itself, by an alias neither; an alias names something."""
    text = f"{TWO}fallbacks: {{heavy: [frontier, big]}}\naliases: {{x: y, y: x}}\n"
    assert refusal(text) == (
        "pointsman.yaml:4: fallbacks.heavy: 'heavy' would stand in for itself; take 'big' out of its list.\n"
        "pointsman.yaml:5: aliases.x: 'x' leads back to itself; let it name a model.\n"
        "pointsman.yaml:5: aliases.y: 'y' leads back to itself; let it name a model."
    )


def test_two_models_may_stand_in_for_each_other(load_text: LoadText) -> None:
    """Each is asked once all the same."""
    loaded = load_text(f"{TWO}fallbacks: {{heavy: frontier, frontier: heavy}}\n")
    assert loaded.catalog.fallbacks == {"heavy": ("frontier",), "frontier": ("heavy",)}


def test_a_cloud_model_is_no_last_resort_where_nothing_may_leave(refusal: Refusal) -> None:
    """It would be refused by privacy at the very moment it is needed."""
    text = f"{TWO}privacy: {{mode: local-only}}\nresilience: {{last_resort: frontier}}\n"
    assert refusal(text) == (
        "pointsman.yaml:5: resilience.last_resort: 'frontier' is no local model, and `privacy.mode` is local-only; name a "
        "local one."
    )


def test_a_local_model_is_the_last_resort_by_its_alias(load_text: LoadText) -> None:
    """Under local-only too."""
    loaded = load_text(f"{TWO}privacy: {{mode: local-only}}\nresilience: {{last_resort: big}}\n")
    assert loaded.catalog.last_resort == "big"


def test_without_policies_the_catalog_has_the_default(load_text: LoadText) -> None:
    """Nothing is configured, nothing is held."""
    catalog = load_text(TWO).catalog
    assert (catalog.policies, catalog.last_resort) == ({}, None)
    assert catalog.policy_of("heavy") is DEFAULT_POLICY


def test_a_models_rules_lie_over_those_for_all(load_text: LoadText) -> None:
    """Each part of a rule by itself; an alias means its model."""
    text = """\
resilience:
  policies:
    "*": {terminal: silent, transient: {action: silent, attempts: 2}}
    big: {transient: {state: one_retry}, context: stop}
"""
    policies = load_text(TWO + text).catalog.policies
    general = {
        FailureKind.TERMINAL: Rule(action=Action.SILENT, mark=Mark.DOWN),
        FailureKind.TRANSIENT: Rule(action=Action.SILENT, mark=Mark.COOL, attempts=2),
    }
    own = {
        FailureKind.TRANSIENT: Rule(action=Action.SILENT, mark=Mark.ONE_RETRY, attempts=2),
        FailureKind.CONTEXT: Rule(action=Action.STOP),
    }
    assert policies == {
        "*": Policy(rules={**DEFAULT_RULES, **general}),
        "heavy": Policy(rules={**DEFAULT_RULES, **general, **own}),
    }


def test_gemini_clis_preset_knows_its_families(load_text: LoadText) -> None:
    """Pro is asked three times and hands over silently, flash ten times and at last, lite never asks."""
    text = """\
models:
  - {name: lite, model: gemini/gemini-3.5-flash-lite, api_key: k}
  - {name: flash, model: gemini/gemini-3.8-flash, api_key: k}
  - {name: pro, model: gemini/gemini-3.1-pro-preview, api_key: k}
  - {name: heavy, model: "ollama_chat/qwen2.5:32b"}
fallbacks: {lite: [heavy]}
resilience: {preset: gemini-cli}
"""
    loaded = load_text(text)
    catalog = loaded.catalog
    kinds = (FailureKind.TRANSIENT, FailureKind.UNKNOWN, FailureKind.TERMINAL, FailureKind.NOT_FOUND)
    assert {name: [catalog.policy_of(name).rule(kind) for kind in kinds] for name in catalog.pools} == {
        "pro": [
            Rule(mark=Mark.ONE_RETRY, attempts=3),
            Rule(action=Action.ASK, mark=Mark.COOL, attempts=3),
            Rule(action=Action.ASK, mark=Mark.DOWN),
            Rule(action=Action.ASK, mark=Mark.COOL),
        ],
        "flash": [
            Rule(action=Action.ASK, mark=Mark.COOL, attempts=10),
            Rule(action=Action.ASK, mark=Mark.COOL, attempts=10),
            Rule(action=Action.ASK, mark=Mark.DOWN),
            Rule(action=Action.ASK, mark=Mark.COOL),
        ],
        "lite": [Rule(mark=Mark.COOL), Rule(mark=Mark.COOL), Rule(mark=Mark.DOWN), Rule(mark=Mark.COOL)],
        "heavy": [
            Rule(action=Action.ASK, mark=Mark.COOL),
            Rule(action=Action.ASK, mark=Mark.COOL),
            Rule(action=Action.ASK, mark=Mark.DOWN),
            Rule(action=Action.ASK, mark=Mark.COOL),
        ],
    }
    assert catalog.fallbacks == {"lite": ("heavy",), "flash": ("pro",), "pro": ("flash",)}
    assert catalog.last_resort == "flash"
    assert (loaded.settings.resilience.cooldown_s, loaded.settings.resilience.max_cooldown_s) == (30, 30)


def test_litellms_preset_asks_the_group_first_and_nobody_else(load_text: LoadText) -> None:
    """All is silent; `num_retries` is how often a model is asked again before another one is."""
    loaded = load_text(f"{TWO}resilience: {{preset: litellm, num_retries: 1, policies: {{heavy: {{auth: ask}}}}}}\n")
    rules = loaded.catalog.policy_of("frontier").rules
    assert {kind.value: (rule.action, rule.mark, rule.attempts) for kind, rule in rules.items()} == {
        "terminal": (Action.SILENT, Mark.COOL, 1),
        "transient": (Action.SILENT, Mark.COOL, 2),
        "not_found": (Action.SILENT, Mark.COOL, 1),
        "auth": (Action.SILENT, Mark.COOL, 1),
        "unknown": (Action.SILENT, Mark.COOL, 2),
        "context": (Action.SILENT, Mark.NONE, 1),
        "content": (Action.SILENT, Mark.NONE, 1),
        "bad_request": (Action.STOP, Mark.NONE, 1),
    }
    assert loaded.catalog.policy_of("heavy").rule(FailureKind.AUTH) == Rule(action=Action.ASK, mark=Mark.COOL)
    resilience = loaded.settings.resilience
    assert (resilience.allowed_fails, resilience.cooldown_s, resilience.max_cooldown_s) == (3, 5, 5)


def test_a_preset_is_only_what_one_begins_with(load_text: LoadText) -> None:
    """What the file says wins, an action alone too; `config show` tells where each part comes from."""
    text = "resilience:\n  preset: litellm\n  cooldown_s: 2\n  policies: {'*': {transient: stop}}\n"
    rows = {row.path: (row.value, row.origin) for row in show(load_text(TWO + text))}
    wanted = (
        "preset",
        "cooldown_s",
        "max_cooldown_s",
        "ramp_s",
        "policies.*.transient.action",
        "policies.*.transient.state",
    )
    assert {path: rows[f"resilience.{path}"] for path in wanted} == {
        "preset": ("litellm", "file pointsman.yaml:5"),
        "cooldown_s": (2.0, "file pointsman.yaml:6"),
        "max_cooldown_s": (5.0, "preset litellm"),
        "ramp_s": (10.0, "default"),
        "policies.*.transient.action": ("stop", "file pointsman.yaml:7"),
        "policies.*.transient.state": ("cool", "preset litellm"),
    }


def test_nothing_is_asked_twice_at_once_nor_gone_on_with_by_default() -> None:
    """Hedging and the continuation of streams are for those who ask for them."""
    resilience = ResilienceSettings()
    assert (resilience.hedge, resilience.continue_streams, resilience.unattended) == (None, False, "silent")
    assert (resilience.retry_budget.share, resilience.retry_budget.at_least) == (0.2, 3)


def test_hedging_is_after_a_time(load_text: LoadText) -> None:
    """And needs no further word."""
    loaded = load_text(f"{TWO}resilience: {{hedge: {{after_s: 2}}}}\n")
    assert loaded.settings.resilience.hedge is not None
    assert (loaded.settings.resilience.hedge.after_s, loaded.warnings) == (2.0, ())


def limits(endpoint: Endpoint) -> tuple[float | int | None, ...]:
    """Time-outs (a stream's first byte, a whole answer, standing still), slots, queue, time in it."""
    return (
        endpoint.first_byte_timeout_s,
        endpoint.whole_timeout_s,
        endpoint.idle_timeout_s,
        endpoint.slots,
        endpoint.queue,
        endpoint.queue_timeout_s,
    )


def test_waiting_is_short_in_the_cloud_and_long_where_a_model_is_loaded(load_text: LoadText) -> None:
    """A minute for a stream, five at a local server, ten for a whole answer; what is configured counts."""
    text = """\
endpoints:
  shared: {base_url: "http://h.example/v1", first_byte_timeout_s: 9, concurrency: {slots: 4, queue: 8}}
models:
  - {name: local, model: "ollama_chat/qwen2.5:32b"}
  - {name: cloud, model: anthropic/claude-sonnet-4-5, api_key: k}
  - {name: file, gguf: {path: m.gguf, parallel: 3}}
  - {name: a, model: x, endpoint: shared}
  - {name: b, model: x, endpoint: shared, whole_timeout_s: 90, concurrency: {slots: 1, queue_timeout_s: 2}}
"""
    cards = load_text(text).catalog.models
    assert {card.name: limits(card.endpoint) for card in cards} == {
        "local": (300, 600, 120, None, 1000, 60),
        "cloud": (60, 600, 120, None, 1000, 10),
        "file": (300, 600, 120, 3, 1000, 60),
        "a": (9, 9, 120, 4, 8, 10),
        "b": (9, 90, 120, 1, 1000, 2),
    }
