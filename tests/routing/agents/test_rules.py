"""Agents' models by rule and by consent."""

from __future__ import annotations

import pytest

from pointsman.core.catalog import Operation, Tier
from pointsman.core.decision import Caller, Pick, Privacy, PromptFeatures, RoutingContext
from pointsman.routing.agents.rules import AgentRule, AgentRules
from pointsman.routing.strategies.agent_rule import AgentModel
from pointsman.testing import a_card, a_catalog, a_router

CATALOG = a_catalog(
    a_card("small"),
    a_card("large"),
    tiers={Tier.SIMPLE: ["small"], Tier.COMPLEX: ["large"]},
    routers=[a_router({Tier.COMPLEX: ["large"]}, name="smart")],
)
RULES = AgentRules(
    [
        AgentRule(pattern="extractor", tier=Tier.SIMPLE),
        AgentRule(pattern="claude-code/subagent/*", tier=Tier.MEDIUM),
        AgentRule(pattern="Senior ?esearcher [1]", model="large"),
        AgentRule(pattern="free*", cap=Tier.MEDIUM),
        AgentRule(pattern="*", floor=Tier.MEDIUM),
    ]
)


def context(agent: str | None, *, asked: str | None = None, **features: bool) -> RoutingContext:
    """A request of *agent*."""
    return RoutingContext(
        requested_model=asked,
        operation=Operation.CHAT,
        features=PromptFeatures(ask="go", estimated_input_tokens=1, **features),  # type: ignore[arg-type]  # flags
        caller=Caller(agent=agent, key_id="k"),
        privacy=Privacy(),
    )


def strategy(rules: AgentRules = RULES, accepted: Tier | None = None) -> AgentModel:
    """The strategy, with the same tier accepted for every agent of the caller."""
    return AgentModel(catalog=CATALOG, rules=rules, accepted=lambda key_id, _agent: accepted if key_id == "k" else None)


@pytest.mark.parametrize(
    ("agent", "pick"),
    [
        ("Extractor", Pick(tier=Tier.SIMPLE, reason="the rule 'extractor' gives the agent 'Extractor' tier 'simple'")),
        (
            "claude-code/subagent/Explore",
            Pick(
                tier=Tier.MEDIUM,
                reason="the rule 'claude-code/subagent/*' gives the agent 'claude-code/subagent/Explore' tier 'medium'",
            ),
        ),
        (
            "senior researcher [1]",
            Pick(
                model="large",
                reason="the rule 'Senior ?esearcher [1]' gives the agent 'senior researcher [1]' large",
            ),
        ),
        ("freelancer", None),
        ("anybody", None),
        (None, None),
    ],
)
async def test_the_first_rule_that_fits_picks(agent: str | None, pick: Pick | None) -> None:
    """By name, whatever its case, with `*` and `?`; brackets are letters. Bounds alone pick nothing."""
    assert await strategy().decide(context(agent)) == pick


async def test_without_a_rule_what_was_accepted_counts_within_the_bounds() -> None:
    """A person's consent is for one caller's agent; a rule's floor holds all the same."""
    reason = "tier 'simple' was accepted for the agent 'tagger'"
    assert await strategy(AgentRules(), Tier.SIMPLE).decide(context("tagger")) == Pick(tier=Tier.SIMPLE, reason=reason)
    raised = await strategy(RULES, Tier.SIMPLE).decide(context("tagger"))
    assert raised is not None
    assert raised.tier is Tier.MEDIUM
    assert await strategy(AgentRules()).decide(context("tagger")) is None


async def test_the_router_that_was_asked_for_stays() -> None:
    """`smart` means its own tiers."""
    found = await strategy().decide(context("extractor", asked="smart"))
    assert found is not None
    assert found.router == "smart"


async def test_errands_are_not_the_agents_own_calls() -> None:
    """Titles and tags of the agent's program go where all errands go."""
    assert await strategy().decide(context("extractor", is_housekeeping=True)) is None


def test_it_passes_at_a_glance_where_no_agent_asks() -> None:
    """A person's request pays nothing for it."""
    assert strategy().passes(context(None))
    assert not strategy().passes(context("extractor"))


def test_bounds_move_a_tier_to_the_nearest_that_is_allowed() -> None:
    """Floor and cap."""
    rule = AgentRule(pattern="x", floor=Tier.MEDIUM, cap=Tier.COMPLEX)
    assert [rule.bounded(tier) for tier in Tier] == [Tier.MEDIUM, Tier.MEDIUM, Tier.COMPLEX, Tier.COMPLEX]
    assert [AgentRule(pattern="x").bounded(tier) for tier in Tier] == list(Tier)


def test_names_that_were_looked_up_are_remembered_within_bounds() -> None:
    """A flood of made-up names does not fill the memory, and nobody's rule changes by it."""
    rules = AgentRules([AgentRule(pattern="a*", tier=Tier.SIMPLE)])
    found = [rules.of(Caller(agent=f"{'ab'[number % 2]}{number}")) for number in range(5000)]
    assert found == [rules.rules[0] if number % 2 == 0 else None for number in range(5000)]
    assert AgentRules().of(Caller(agent="a")) is None
