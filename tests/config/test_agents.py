"""Agents and escalation in a file: the short forms, and what is refused."""

from __future__ import annotations

import pytest

from pointsman.config.check import validate
from pointsman.config.schema import Settings
from pointsman.config.schema_agents import AgentSettings, EscalationSettings
from pointsman.config.tree import Origin, Source, from_plain
from pointsman.core.catalog import Tier
from pointsman.core.errors import ConfigError

MODELS = [{"name": "heavy", "model": "ollama_chat/x", "aliases": ["big"]}]


def settings(**agents: object) -> Settings:
    """The settings with these agents."""
    tree = {"models": MODELS, "agents": agents}
    return validate(from_plain(tree, Origin(source=Source.FILE, name="pointsman.yaml")))  # type: ignore[arg-type]  # JSON


def test_a_name_is_a_tier_or_else_a_model() -> None:
    """Long forms say which."""
    found = settings(a="small", b="heavy", c={"cap": "large"}, d={"tier": "medium", "floor": "medium"}, e="big").agents
    assert found == {
        "a": AgentSettings(tier=Tier.SIMPLE),
        "b": AgentSettings(model="heavy"),
        "c": AgentSettings(cap=Tier.COMPLEX),
        "d": AgentSettings(tier=Tier.MEDIUM, floor=Tier.MEDIUM),
        "e": AgentSettings(model="big"),
    }
    assert settings().escalation == EscalationSettings(enabled=True, retry=True, repeats=3, remember_s=900.0)


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ("haevy", "did you mean 'heavy'?"),
        ({"tier": "simple", "model": "heavy"}, "`tier` and `model` exclude each other"),
        ({"floor": "complex", "cap": "simple"}, "`floor` is above `cap`"),
        ({"tier": "complex", "cap": "simple"}, "`tier` is outside `floor` and `cap`"),
        ({}, "needs `tier`, `model`, `floor` or `cap`"),
        ({"tiers": "simple"}, "unknown key; did you mean 'tier'?"),
        (7, "should be a mapping"),
    ],
)
def test_what_makes_no_sense_is_refused(agent: object, said: str) -> None:
    """With the path."""
    with pytest.raises(ConfigError) as refused:
        settings(bee=agent)
    assert "agents.bee" in str(refused.value)
    assert said in str(refused.value)
