"""Rules: which conditions hold, which rule counts, and what is refused when they are read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.assessment import Assessment
from pointsman.core.catalog import Capability, Operation, Tier
from pointsman.core.decision import Caller, Pick, Privacy, PromptFeatures, RoutingContext
from pointsman.core.errors import ConfigError
from pointsman.routing.rules import SCANNED_CHARS, Ask, Matcher, Rule, matchers
from pointsman.routing.strategies.rules import Rules
from tests.routing.test_strategies import CATALOG

CODER = Caller(
    agent="claude-code/subagent/Explore",
    client="claude-cli/2.1",
    metadata=(("team", "legal-eu"), ("tags", "batch"), ("tags", "night")),
)


def context(ask: str = "hello", caller: Caller | None = None, **fields: Any) -> RoutingContext:  # noqa: ANN401
    """A request."""
    return RoutingContext(
        requested_model="auto",
        operation=Operation.CHAT,
        features=PromptFeatures(**{"ask": ask, "estimated_input_tokens": 100, **fields}),
        caller=caller or Caller(),
        privacy=Privacy(),
        open_models=CATALOG.by_id,
    )


def a_rule(name: str = "r", **fields: Any) -> Rule:  # noqa: ANN401  a rule's own fields
    """A rule for the complex tier."""
    target = {} if "model" in fields else {"tier": Tier.COMPLEX}
    return Rule(**{"name": name, **target, **fields})


@pytest.mark.parametrize(
    ("fields", "request_", "why"),
    [
        ({"keywords": ("nda", "non-disclosure agreement")}, context("Check this NDA."), "keyword 'nda'"),
        ({"keywords": ("nda",)}, context("a pandas frame"), None),
        ({"keywords": ("契約",)}, context("この契約を読んで"), "keyword '契約'"),
        ({"keywords": ("สัญญา",)}, context("ช่วยตรวจสัญญานี้"), "keyword 'สัญญา'"),
        ({"keywords": ("C++",)}, context("Fix my c++ code."), "keyword 'c++'"),
        ({"keywords": (".NET",)}, context("Port it to .NET!"), "keyword '.net'"),
        ({"keywords": ("C#",)}, context("in abc# or c#9"), None),
        ({"keywords": ("art work",)}, context("I start working"), None),
        ({"pattern": r"\bINC-[0-9]{6}\b"}, context("see inc-123456"), "its pattern"),
        ({"pattern": r"\bINC-[0-9]{6}\b"}, context("see INC-12"), None),
        ({"agent": ("claude-code/*",)}, context(caller=CODER), "agent 'claude-code/subagent/Explore'"),
        ({"agent": ("CLAUDE-CODE/*",)}, context(caller=CODER), "agent 'claude-code/subagent/Explore'"),
        ({"agent": ("codex", "*/Explore")}, context(caller=CODER), "agent 'claude-code/subagent/Explore'"),
        ({"agent": ("claude-code",)}, context(caller=CODER), None),
        ({"agent": ("*",)}, context(), None),
        ({"client": ("claude-cli*",)}, context(caller=CODER), "client 'claude-cli/2.1'"),
        ({"client": ("aider*",)}, context(caller=CODER), None),
        ({"metadata": {"Team": ("legal*",)}}, context(caller=CODER), "team 'legal-eu'"),
        ({"metadata": {"tags": ("night",)}}, context(caller=CODER), "tags 'night'"),
        ({"metadata": {"tags": ("day",)}}, context(caller=CODER), None),
        ({"metadata": {"team": ("*",)}}, context(), None),
        ({"min_tokens": 100}, context(), ""),
        ({"min_tokens": 101}, context(), None),
        ({"max_tokens": 100}, context(), ""),
        ({"max_tokens": 99}, context(), None),
        ({"images": True}, context(needs=frozenset({Capability.IMAGES})), ""),
        ({"images": True}, context(), None),
        ({"images": False}, context(), ""),
        ({"tools": True}, context(n_tools=1), ""),
        ({"tools": False}, context(n_tools=1), None),
        (
            {"agent": ("*",), "client": ("*",), "metadata": {"team": ("*",)}, "keywords": ("hello",), "pattern": "ell"},
            context(caller=CODER),
            (
                "agent 'claude-code/subagent/Explore', client 'claude-cli/2.1', team 'legal-eu', keyword 'hello', "
                "its pattern"
            ),
        ),
        ({"keywords": ("hello",), "pattern": "xyz"}, context(), None),
    ],
)
def test_a_condition_holds_or_not(fields: dict[str, Any], request_: RoutingContext, why: str | None) -> None:
    """All that a rule names must hold; what held is told."""
    assert Matcher(a_rule(**fields)).why(request_, Ask(request_.features.ask)) == why


def test_a_pattern_sees_both_ends_of_a_long_ask() -> None:
    """A question stands before or after what is pasted."""
    rule, filler = Matcher(a_rule(pattern="needle")), "x" * SCANNED_CHARS
    for ask, why in (
        (f"needle{filler * 3}", "its pattern"),
        (f"{filler * 3}needle", "its pattern"),
        (f"{filler * 2}needle{filler * 2}", None),
    ):
        assert rule.why(context(ask), Ask(ask)) == why


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(a+)+$", "repeats without a bound"),
        ("[", "is not a regular expression"),
        ("a{1,60}a{1,60}a{1,60}", "could take"),
    ],
)
def test_a_pattern_that_could_take_long_is_refused(pattern: str, message: str) -> None:
    """With the rule's name."""
    with pytest.raises(ConfigError, match=f"The rule 'r' has a pattern that is refused: .* {message}"):
        matchers([a_rule(pattern=pattern)])


def test_patterns_that_take_long_together_are_refused() -> None:
    """Each of them is fine."""
    rule = a_rule(pattern="[a-z]{1,15}[0-9]{1,15}x")
    assert matchers([rule])
    with pytest.raises(ConfigError, match="could together take"):
        matchers([rule] * 20)


@given(st.text(max_size=300), st.text(max_size=40))
def test_any_request_can_be_asked(ask: str, agent: str) -> None:
    """Never an error."""
    rule = Matcher(a_rule(keywords=("a", "b c"), pattern="x[0-9]{1,3}", agent=("*a*b*", "[x-z]?")))
    caller = Caller(agent=agent, metadata=(("a", ask),))
    assert rule.why(context(ask, caller), Ask(ask)) is None or ask


def strategy(*rules: Rule) -> Rules:
    """The strategy over *rules*."""
    return Rules(catalog=CATALOG, rules=matchers(rules))


async def test_the_first_rule_that_holds_counts() -> None:
    """With its name, and what held."""
    rules = strategy(
        a_rule("no", keywords=("other",)),
        a_rule("yes", keywords=("hello",)),
        a_rule("late", max_tokens=500, tier=Tier.SIMPLE),
    )
    assert await rules.decide(context()) == Pick(
        reason="the rule 'yes' holds: keyword 'hello'", tier=Tier.COMPLEX, router="auto", confidence=1.0
    )
    assert await rules.decide(context("bye")) == Pick(
        reason="the rule 'late' holds", tier=Tier.SIMPLE, router="auto", confidence=1.0
    )


async def test_a_rule_may_name_a_model() -> None:
    """Or none may hold; in another router's name it is that router's."""
    rules = strategy(a_rule(keywords=("hello",), model="large-model"))
    found = await rules.decide(replace(context(), requested_model="smart"))
    assert found is not None
    assert (found.model, found.tier, found.router) == ("large-model", None, "smart")
    assert await rules.decide(context("bye")) is None


def scored(kind: str | None) -> Pick:
    """What a classifier picks for a task of that kind."""
    assessment = None
    if kind is not None:
        assessment = Assessment(kind=kind, difficulty=0, chances=(1, 1, 1, 1), output_tokens=9, familiarity=1)
    return Pick(reason="scored", tier=Tier.SIMPLE, router="auto", score=0.2, assessment=assessment)


async def test_a_rule_about_a_kind_waits_for_the_classifier() -> None:
    """It has the last word, as does the rule below it that waited with it."""
    rules = strategy(
        a_rule("code", keywords=("hello",), kinds=frozenset({"coding"})),
        a_rule("greeting", keywords=("hello",), tier=Tier.MEDIUM),
    )
    assert await rules.decide(context()) is None
    code = rules.settle(context(), scored("coding"))
    assert (code.tier, code.reason) == (Tier.COMPLEX, "the rule 'code' holds: keyword 'hello', kind 'coding'")
    assert (code.score, code.assessment) == (0.2, scored("coding").assessment)
    for kind in ("chat", None):
        assert rules.settle(context(), scored(kind)).reason == "the rule 'greeting' holds: keyword 'hello'"
    assert rules.settle(context("bye"), scored("coding")) == scored("coding")


def test_rules_without_kinds_are_not_asked_twice() -> None:
    """The pick of a classifier stands."""
    assert strategy(a_rule(keywords=("hello",))).settle(context(), scored("coding")) == scored("coding")
