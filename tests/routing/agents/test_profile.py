"""What an agent's calls add up to, and when a tier is proposed for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointsman.core.catalog import Price, Tier
from pointsman.routing.agents.profile import Call, Choice, Profile, Who, profiles, tier_of_chances, wilson_low
from pointsman.testing import a_card, a_catalog

CHEAP = Price(input_usd_per_mtok=1.0, output_usd_per_mtok=1.0)
DEAR = Price(input_usd_per_mtok=10.0, output_usd_per_mtok=10.0)
CATALOG = a_catalog(
    a_card("small", is_local=False, price=CHEAP),
    a_card("large", is_local=False, price=DEAR),
    tiers={Tier.SIMPLE: ["small"], Tier.COMPLEX: ["large"]},
)
LOCAL = a_catalog(a_card("small"), a_card("large"), tiers={Tier.SIMPLE: ["small"], Tier.COMPLEX: ["large"]})
COST = {Tier.SIMPLE: 0.0011, Tier.COMPLEX: 0.011}


def calls(tier: Tier, number: int, **fields: object) -> list[Call]:
    """*number* calls of the agent `bee`, 1,000 tokens in and 100 out, at that tier's price."""
    given: dict[str, object] = {
        "key_id": None,
        "agent": "bee",
        "tier": tier,
        "strategy": "complexity",
        "served": "small" if tier is Tier.SIMPLE else "large",
        "input_tokens": 1000,
        "output_tokens": 100,
        "cost_usd": COST.get(tier),
        "saved_usd": 0.5,
        "duration_ms": 100.0 if tier is Tier.SIMPLE else 900.0,
    }
    return [Call(**{**given, **fields}) for _ in range(number)]  # type: ignore[arg-type]  # a test says what a call has


def only(found: list[Profile]) -> Profile:
    """The one profile."""
    (one,) = found
    return one


@pytest.mark.parametrize(("k", "n", "low"), [(20, 20, 0.8808), (70, 100, 0.6203), (0, 10, 0.0), (0, 0, 0.0)])
def test_wilson_is_as_in_the_books(k: int, n: int, low: float) -> None:
    """The lower end, one-sided at 95 %."""
    assert wilson_low(k, n) == pytest.approx(low, abs=1e-3)


def test_a_profile_adds_up_what_the_agent_did() -> None:
    """Calls by tier, tokens, money, failures, and how many were easy; a failed call says nothing of what it needed."""
    seen = [*calls(Tier.SIMPLE, 3), *calls(Tier.COMPLEX, 1), *calls(Tier.COMPLEX, 1, has_failed=True, cost_usd=None)]
    found = only(profiles(seen, CATALOG, {}))
    assert found == Profile(
        key_id=None,
        agent="bee",
        calls=5,
        tiers={Tier.SIMPLE: 3, Tier.COMPLEX: 2},
        input_tokens=5000,
        output_tokens=500,
        cost_usd=found.cost_usd,
        saved_usd=2.5,
        unpriced=1,
        failures=1,
        escalations=0,
        judged=4,
        easy=3,
    )
    assert found.cost_usd == pytest.approx(0.0143)
    assert found.easy_share == 0.75


def test_an_agent_of_easy_calls_is_proposed_the_simple_tier() -> None:
    """29 of 30 needed no more: at least 0.86 of all do. What the one dear call would have cost less is the saving."""
    found = only(profiles([*calls(Tier.SIMPLE, 29), *calls(Tier.COMPLEX, 1)], CATALOG, {}))
    proposal = found.proposal
    assert proposal is not None
    assert (proposal.tier, proposal.reason) == (Tier.SIMPLE, "29 of 30 calls needed no more than simple")
    assert proposal.sureness == wilson_low(29, 30)
    assert proposal.saved_usd == pytest.approx(0.0099)
    assert proposal.saved_share == pytest.approx(0.0099 / 0.0429)
    assert proposal.saved_s == pytest.approx(0.8)


def test_local_models_are_proposed_for_the_time_they_save() -> None:
    """Where nothing costs money, seconds count."""
    seen = [*calls(Tier.SIMPLE, 29, cost_usd=0.0), *calls(Tier.COMPLEX, 1, cost_usd=0.0)]
    found = only(profiles(seen, LOCAL, {})).proposal
    assert found is not None
    assert (found.tier, found.saved_usd, found.saved_share) == (Tier.SIMPLE, 0.0, None)
    assert found.saved_s == pytest.approx(0.8)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(calls(Tier.SIMPLE, 19), id="too-few"),
        pytest.param([*calls(Tier.SIMPLE, 15), *calls(Tier.COMPLEX, 15)], id="mixed-and-nothing-to-save"),
        pytest.param(calls(Tier.SIMPLE, 30), id="all-there-already"),
        pytest.param(calls(Tier.COMPLEX, 30, strategy="explicit"), id="names-its-model"),
        pytest.param(calls(Tier.COMPLEX, 30, has_failed=True), id="failed"),
        pytest.param([*calls(Tier.SIMPLE, 29, was_repeated=True), *calls(Tier.COMPLEX, 1)], id="not-good-enough-there"),
    ],
)
def test_nothing_is_proposed_without_reason(seen: list[Call]) -> None:
    """Too few calls, no saving, a model of its own choice, answers that had to be repeated."""
    assert only(profiles(seen, CATALOG, {})).proposal is None


def test_a_rejected_proposal_comes_back_after_twice_as_many_calls() -> None:
    """Not before: a person has said no."""
    choices: dict[Who, Choice] = {(None, "bee"): Choice(key_id=None, agent="bee", tier=None, at_s=1.0, calls=30)}
    few = [*calls(Tier.SIMPLE, 58), *calls(Tier.COMPLEX, 1)]
    assert only(profiles(few, CATALOG, choices)).proposal is None
    assert only(profiles([*few, *calls(Tier.SIMPLE, 1)], CATALOG, choices)).proposal is not None


def test_a_settled_tier_whose_answers_are_repeated_is_proposed_the_next() -> None:
    """Half of forty: at least 0.37, more than a fifth. It costs more, which is said."""
    choices: dict[Who, Choice] = {(None, "bee"): Choice(key_id=None, agent="bee", tier=Tier.SIMPLE, at_s=1.0)}
    seen = [
        *calls(Tier.SIMPLE, 20, strategy="agent", was_repeated=True),
        *calls(Tier.SIMPLE, 20, strategy="agent"),
    ]
    found = only(profiles(seen, CATALOG, choices)).proposal
    assert found is not None
    assert (found.tier, found.reason) == (Tier.COMPLEX, "20 of 40 answers of simple were not good enough")
    assert found.saved_usd == pytest.approx(40 * (0.0011 - 0.011))
    content = [*calls(Tier.SIMPLE, 40, strategy="agent")]
    assert only(profiles(content, CATALOG, choices)).proposal is None
    top = [*calls(Tier.COMPLEX, 40, strategy="agent", was_repeated=True)]
    assert only(profiles(top, CATALOG, {})).proposal is None


def test_each_callers_agents_are_its_own() -> None:
    """Two keys' agents of one name are two; the busiest comes first."""
    seen = [*calls(Tier.SIMPLE, 1, key_id="a"), *calls(Tier.SIMPLE, 2, key_id="b")]
    assert [(one.key_id, one.calls) for one in profiles(seen, CATALOG, {})] == [("b", 2), ("a", 1)]


def test_a_profile_as_json() -> None:
    """Every figure under its name; what was accepted is named."""
    choice = Choice(key_id=None, agent="bee", tier=Tier.SIMPLE, at_s=5.0)
    shown = only(profiles(calls(Tier.SIMPLE, 1), CATALOG, {(None, "bee"): choice})).to_json()
    assert shown == {
        "agent": "bee",
        "key_id": None,
        "calls": 1,
        "tiers": {"simple": 1},
        "input_tokens": 1000,
        "output_tokens": 100,
        "cost_usd": 0.0011,
        "saved_usd": 0.5,
        "unpriced": 0,
        "failures": 0,
        "escalations": 0,
        "easy_share": 1.0,
        "choice": {"accepted": "simple", "at_s": 5.0},
        "proposal": None,
    }
    proposed = only(profiles([*calls(Tier.SIMPLE, 29), *calls(Tier.COMPLEX, 1)], CATALOG, {})).to_json()["proposal"]
    assert isinstance(proposed, dict)
    assert sorted(proposed) == ["reason", "saved_s", "saved_share", "saved_usd", "sureness", "tier"]


def test_what_a_call_needed() -> None:
    """Its tier, or what was assessed where the session held a higher one; one more for an answer that was repeated."""
    (call,) = calls(Tier.COMPLEX, 1)
    assert call.need is Tier.COMPLEX
    assert replace(call, was_repeated=True).need is Tier.REASONING
    assert replace(call, was_held=True).need is None
    assert replace(call, was_held=True, assessed=Tier.SIMPLE).need is Tier.SIMPLE
    assert replace(call, strategy="session").need is None
    assert replace(call, tier=None).need is None
    assert replace(call, tier=Tier.REASONING, was_repeated=True).need is Tier.REASONING


@pytest.mark.parametrize(
    ("chances", "tier"),
    [
        ((0.8, 0.9, 0.9, 0.9), Tier.SIMPLE),
        ((0.2, 0.6, 0.7, 0.9), Tier.COMPLEX),
        ((0.1, 0.2, 0.3, 0.25), Tier.COMPLEX),
    ],
)
def test_a_tier_of_chances(chances: tuple[float, ...], tier: Tier) -> None:
    """The cheapest that is likely to do it well, else the likeliest."""
    assert tier_of_chances(chances) is tier


def test_what_has_no_price_and_no_model_is_not_proposed() -> None:
    """Nobody knows what it would save; a tier that nobody serves is none."""
    nameless = a_catalog(a_card("small", is_local=False, price=None), tiers={Tier.SIMPLE: ["small"]})
    seen = [*calls(Tier.SIMPLE, 29, duration_ms=None), *calls(Tier.COMPLEX, 1, duration_ms=None)]
    assert only(profiles(seen, nameless, {})).proposal is None
    assert only(profiles(calls(Tier.COMPLEX, 30), nameless, {})).proposal is None
    assert only(profiles(seen, a_catalog(), {})).proposal is None
