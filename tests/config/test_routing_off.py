"""`routing.enabled: false`: whatever is asked, the standard model takes it; a configured name still means itself."""

from __future__ import annotations

import asyncio

import pytest

from pointsman.bootstrap import decide_only
from pointsman.core.catalog import Tier
from pointsman.core.chat import ask
from pointsman.core.decision import Caller, Decision, PrivacyClass
from pointsman.core.errors import Refused, UnknownModel
from tests.config.conftest import LoadText

FILE = """\
models:
- {name: quick, model: "ollama_chat/qwen2.5:3b", tier: simple}
- {name: balanced, model: "ollama_chat/qwen2.5:14b", tier: medium}
- {name: frontier, model: anthropic/claude-sonnet-4-5, api_key: k, tier: reasoning}
aliases: {gpt-4: medium, old: frontier}
routing: {enabled: false, routers: {smart: {tiers: {simple: quick}}}}
fallbacks: {frontier: [balanced], "*": [quick]}
context_window_fallbacks: {"*": [frontier]}
"""
HARD = "Prove step by step, thinking through every case, that this distributed algorithm terminates."


def decide(load_text: LoadText, asked: str | None, text: str = FILE, caller: Caller | None = None) -> Decision:
    """The decision of the configuration *text* for a hard prompt."""
    router = decide_only(load_text(text))
    return asyncio.run(router.decide(ask(HARD, model=asked), caller))


@pytest.mark.parametrize(
    "asked", [None, "auto", "simple", "SIMPLE", "small", "large", "complex", "gpt-4", "smart", "gpt-4o"]
)
@pytest.mark.parametrize("standard", ["quick", "balanced"])
def test_every_name_but_a_models_means_the_standard_model(
    load_text: LoadText, asked: str | None, standard: str
) -> None:
    """`auto`, a tier, a router, an unknown name and no name: one candidate, unscored, with nobody to fall back to."""
    decision = decide(load_text, asked, f"{FILE}model: {{name: {standard}}}\n")
    assert (decision.model, decision.candidates, decision.score) == (standard, (standard,), None)


def test_the_standard_model_is_the_middle_tiers_when_nobody_names_one(load_text: LoadText) -> None:
    """As `auto` would have it by default."""
    decision = decide(load_text, None)
    assert (decision.model, decision.candidates) == ("balanced", ("balanced",))
    assert (decision.strategy, decision.reason) == ("default", "the router's default model")


@pytest.mark.parametrize(("asked", "model"), [("frontier", "frontier"), ("old", "frontier"), ("quick", "quick")])
def test_a_configured_model_is_still_to_be_had(load_text: LoadText, asked: str, model: str) -> None:
    """By its name or an alias, without its fallbacks."""
    decision = decide(load_text, asked)
    assert (decision.model, decision.candidates, decision.is_explicit) == (model, (model,), True)


def test_a_tier_in_the_callers_label_changes_nothing(load_text: LoadText) -> None:
    """A label cannot route where nothing is routed."""
    assert decide(load_text, None, caller=Caller(tier=Tier.REASONING)).candidates == ("balanced",)


def test_what_the_standard_model_may_not_see_is_refused(load_text: LoadText) -> None:
    """Its error, not another model."""
    with pytest.raises(Refused):
        decide(load_text, None, f"{FILE}model: {{name: old}}\n", Caller(privacy=PrivacyClass.PRIVATE))


def test_an_unknown_name_may_still_be_refused(load_text: LoadText) -> None:
    """`unknown_models: refuse` holds with and without routing."""
    with pytest.raises(UnknownModel):
        decide(load_text, "gpt-4o", f"{FILE}server: {{unknown_models: refuse}}\n")
