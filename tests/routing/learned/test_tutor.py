"""Which tier a verdict is about, and how hard its task was for that tier."""

from __future__ import annotations

from dataclasses import replace
from math import log

import pytest

from pointsman.classification import shipped_weights
from pointsman.core.catalog import Tier
from pointsman.routing.learned.abilities import Abilities, Learnt, Member
from pointsman.routing.learned.scorer import Scorer
from pointsman.routing.learned.tutor import Tutor
from pointsman.routing.strategies.learned import LearnedSettings, Unsure
from pointsman.testing import a_card, a_catalog, a_router

CARDS = [a_card(name) for name in ("small", "middle", "large", "outside")]
TIERS = {Tier.SIMPLE: ["small"], Tier.MEDIUM: ["middle"], Tier.REASONING: ["large"]}
CATALOG = a_catalog(*CARDS, routers=[a_router(TIERS)])


def a_tutor(abilities: Abilities) -> Tutor:
    """For `auto`, which goes by the shipped weights."""
    scorer = Scorer(weights=shipped_weights())
    return Tutor(CATALOG, {"auto": LearnedSettings(scorer=scorer, abilities=abilities, floors={}, unsure=Unsure())})


def test_a_task_knows_how_far_the_tier_is_above_it() -> None:
    """Such that slope · margin is the logit of the tier's chance."""
    scorer = Scorer(weights=shipped_weights())
    task = a_tutor(Abilities({})).task("auto", "coding", 0.3, Tier.MEDIUM)
    chance = scorer.chances(0.3)[1]
    assert task is not None
    assert (task.kind, task.tier, task.slope) == ("coding", Tier.MEDIUM, scorer.weights.slope)
    assert task.slope * task.margin == pytest.approx(log(chance / (1 - chance)))


def test_what_is_configured_counts_and_what_was_learned_does_not() -> None:
    """Else a verdict would be learned from twice."""
    configured = {Tier.SIMPLE: (Member(name="small", declared={"coding": 0.5}), Member(name="other"))}
    taught = Abilities(configured, lambda _key_id: {"coding": Learnt(others=(2.0, 0.0, 0.0, 0.0))})
    plain, shifted, learned = (
        a_tutor(abilities).task("auto", "coding", 0.3, Tier.SIMPLE)
        for abilities in (Abilities({}), Abilities(configured), taught)
    )
    assert plain is not None
    assert shifted is not None
    assert shifted == learned
    assert shifted.margin - plain.margin == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(
    ("tier", "served", "model"),
    [
        (Tier.SIMPLE, "small", "small"),
        (Tier.SIMPLE, "small#2", "small"),  # another deployment of the same
        (Tier.SIMPLE, None, "small"),  # there is no other in the tier
        (Tier.MEDIUM, "also", "also"),
        (Tier.MEDIUM, None, ""),
        (Tier.MEDIUM, "gone", ""),  # since the last reload
        (Tier.COMPLEX, None, ""),
    ],
)
def test_a_task_is_the_models_that_answered(tier: Tier, served: str | None, model: str) -> None:
    """By name, as far as it is known."""
    tiers = {Tier.SIMPLE: ["small"], Tier.MEDIUM: ["middle", "also"]}
    cards = [*CARDS, a_card("also"), a_card("small", id="small#2")]
    tutor = replace(a_tutor(Abilities({})), catalog=a_catalog(*cards, routers=[a_router(tiers)]))
    task = tutor.task("auto", "coding", 0.3, tier, served)
    assert task is not None
    assert task.model == model


@pytest.mark.parametrize("router", [None, "other"])
def test_nothing_is_learned_where_another_classifier_decides(router: str | None) -> None:
    """Or none."""
    assert a_tutor(Abilities({})).task(router, "coding", 0.3, Tier.SIMPLE) is None


@pytest.mark.parametrize(
    ("served", "tier"),
    [
        (None, Tier.SIMPLE),  # not answered yet, as far as is known
        ("small", Tier.SIMPLE),
        ("middle", Tier.MEDIUM),
        ("large", Tier.REASONING),
        ("outside", None),
    ],
)
def test_a_verdict_is_about_the_tier_that_answered(served: str | None, tier: Tier | None) -> None:
    """Which after a fallback is not the one that was chosen."""
    assert a_tutor(Abilities({})).tier_of("auto", Tier.SIMPLE, served) is tier


def test_without_routers_the_chosen_tier_answered_and_there_is_none_below() -> None:
    """Nothing else is known."""
    alone = Tutor(replace(CATALOG, routers=()), {})
    assert (alone.tier_of(None, Tier.SIMPLE, "small"), alone.below(None, Tier.COMPLEX)) == (Tier.SIMPLE, None)


def test_the_tier_below_is_the_next_that_has_a_model() -> None:
    """The lowest has none."""
    tutor = a_tutor(Abilities({}))
    assert [tutor.below("auto", tier) for tier in Tier] == [None, Tier.SIMPLE, Tier.MEDIUM, Tier.MEDIUM]
