"""Each strategy picks what its name says, or passes."""

from __future__ import annotations

import pytest

from pointsman.core.catalog import Capability, Catalog, Operation, Tier
from pointsman.core.decision import Caller, Pick, Privacy, PromptFeatures, RoutingContext
from pointsman.routing.complexity import ComplexitySettings, KeywordTierRule, TierBoundaries
from pointsman.routing.strategies.complexity import Complexity
from pointsman.routing.strategies.default import Default
from pointsman.routing.strategies.embeddings import EmbeddingModel
from pointsman.routing.strategies.override import ExplicitModel, TierName
from pointsman.routing.strategies.utility import Utility
from pointsman.testing import a_card, a_catalog, a_router

SMALL, LARGE = a_card("small-model"), a_card("large-model", is_local=False)
EMBEDDER = a_card("embedder", lacks=frozenset({Capability.CHAT}))
SMART = a_router({Tier.COMPLEX: ["large-model"]}, name="smart", default_tier=Tier.COMPLEX)
CATALOG = a_catalog(
    SMALL,
    LARGE,
    tiers={Tier.SIMPLE: ["small-model"], Tier.COMPLEX: ["large-model"]},
    routers=[SMART],
    aliases={"gpt-4": "large-model", "pick": "smart", "cheap": "simple"},
)
EMPTY = Catalog(models=())


def context(
    asked: str | None = None,
    *,
    ask: str = "",
    tier: Tier | None = None,
    operation: Operation = Operation.CHAT,
    models: tuple[str, ...] = (),
    is_housekeeping: bool = False,
) -> RoutingContext:
    """A public request."""
    cards = {card.id: card for card in (SMALL, LARGE, EMBEDDER) if card.id in models}
    return RoutingContext(
        requested_model=asked,
        operation=operation,
        features=PromptFeatures(ask=ask, estimated_input_tokens=1, is_housekeeping=is_housekeeping),
        caller=Caller(tier=tier),
        privacy=Privacy(),
        open_models=cards,
    )


@pytest.mark.parametrize(
    ("asked", "pick"),
    [
        (None, None),
        ("auto", None),
        ("smart", None),
        ("pick", None),
        ("unheard of", None),
        ("simple", None),
        (
            "small-model",
            Pick(model="small-model", reason="the caller asked for 'small-model'", is_explicit=True),
        ),
        (
            "gpt-4",
            Pick(
                model="large-model",
                reason="the caller asked for 'gpt-4', an alias of 'large-model'",
                is_explicit=True,
            ),
        ),
    ],
)
async def test_a_configured_name_or_alias_is_honoured(asked: str | None, pick: Pick | None) -> None:
    """Routers, tiers and unknown names are left to others."""
    assert await ExplicitModel(CATALOG).decide(context(asked)) == pick


async def test_a_router_is_meant_before_a_model_of_the_same_name() -> None:
    """Else nobody could reach the router."""
    catalog = a_catalog(a_card("smart"), routers=[SMART])
    assert await ExplicitModel(catalog).decide(context("smart")) is None


@pytest.mark.parametrize(
    ("asked", "label", "pick"),
    [
        (None, None, None),
        ("auto", None, None),
        ("Large", None, Pick(tier=Tier.COMPLEX, reason="the caller asked for tier 'Large'")),
        ("cheap", None, Pick(tier=Tier.SIMPLE, reason="the caller asked for tier 'cheap'")),
        ("simple", Tier.COMPLEX, Pick(tier=Tier.SIMPLE, reason="the caller asked for tier 'simple'")),
        (None, Tier.COMPLEX, Pick(tier=Tier.COMPLEX, reason="the caller's label says tier 'complex'")),
        ("auto", Tier.SIMPLE, Pick(tier=Tier.SIMPLE, router="auto", reason="the caller's label says tier 'simple'")),
        ("pick", Tier.SIMPLE, Pick(tier=Tier.SIMPLE, router="smart", reason="the caller's label says tier 'simple'")),
    ],
)
async def test_a_named_tier_is_honoured(asked: str | None, label: Tier | None, pick: Pick | None) -> None:
    """As the model or in the label; a label is about the tiers of the router that was asked for."""
    assert await TierName(CATALOG).decide(context(asked, tier=label)) == pick


@pytest.mark.parametrize(
    ("operation", "models", "picked"),
    [
        (Operation.EMBEDDINGS, ("small-model", "embedder"), "embedder"),
        (Operation.EMBEDDINGS, ("small-model",), None),
        (Operation.CHAT, ("small-model", "embedder"), None),
    ],
)
async def test_texts_are_embedded_by_a_model_made_for_it(
    operation: Operation, models: tuple[str, ...], picked: str | None
) -> None:
    """The first one that is open; never a chat."""
    pick = await EmbeddingModel().decide(context(operation=operation, models=models))
    assert (pick and pick.model) == picked


@pytest.mark.parametrize(
    ("catalog", "asked", "pick"),
    [
        (EMPTY, None, None),
        (CATALOG, None, Pick(tier=Tier.MEDIUM, router="auto", reason="the router's default tier")),
        (CATALOG, "pick", Pick(tier=Tier.COMPLEX, router="smart", reason="the router's default tier")),
        (
            a_catalog(SMALL, routers=[a_router({}, default_model="small-model")]),
            "unheard of",
            Pick(model="small-model", router="auto", reason="the router's default model"),
        ),
    ],
    ids=["nothing configured", "auto", "an alias of a router", "a default model"],
)
async def test_the_default_is_the_routers(catalog: Catalog, asked: str | None, pick: Pick | None) -> None:
    """Of the router asked for, else of `auto`."""
    assert await Default(catalog).decide(context(asked)) == pick


SETTINGS = {"auto": ComplexitySettings()}


@pytest.mark.parametrize(
    ("catalog", "asked", "ask"),
    [(EMPTY, None, "hello"), (CATALOG, None, ""), (CATALOG, "smart", "hello")],
    ids=["no router", "nothing asked", "a router without settings"],
)
async def test_the_scorer_passes_where_it_has_nothing_to_score(catalog: Catalog, asked: str | None, ask: str) -> None:
    """The default decides then."""
    assert await Complexity(catalog, SETTINGS).decide(context(asked, ask=ask)) is None


async def test_the_score_settles_the_tier_and_says_why() -> None:
    """The words that counted are in the reason; the confidence is how far the nearest boundary is, of 0.15."""
    assert await Complexity(CATALOG, SETTINGS).decide(context(ask="def f(): return 1")) == Pick(
        tier=Tier.MEDIUM,
        router="auto",
        score=0.3 - 0.1,
        confidence=0.333,
        reason=("score 0.200 -> medium: tokenCount -0.100 (short: 4 tokens); codePresence +0.300 (def, return)"),
    )


async def test_length_alone_is_no_signal() -> None:
    """The tier stands, the confidence is 0, and the reason does not pretend."""
    pick = await Complexity(CATALOG, SETTINGS).decide(context(ask="mhm"))
    assert pick is not None
    assert (pick.tier, pick.score, pick.confidence) == (Tier.SIMPLE, 0.0, 0.0)


async def test_two_reasoning_markers_decide() -> None:
    """For certain, whatever the score."""
    ask = "Think step by step and reason through this database algorithm architecture, analyze this."
    pick = await Complexity(CATALOG, SETTINGS).decide(context(ask=ask))
    assert pick is not None
    assert (pick.tier, pick.confidence) == (Tier.REASONING, 1.0)
    assert ", two reasoning markers decide -> reasoning" in pick.reason


async def test_a_keyword_rule_settles_the_tier_before_any_score() -> None:
    """For the router that was asked for, with its settings."""
    ruled = ComplexitySettings(keyword_tier_rules=(KeywordTierRule(keywords=("deploy",), tier=Tier.REASONING),))
    pick = await Complexity(CATALOG, {"smart": ruled}).decide(context("pick", ask="please deploy it"))
    assert pick == Pick(
        tier=Tier.REASONING, router="smart", confidence=1.0, reason="the keyword 'deploy' settles the tier"
    )


async def test_nothing_said_is_no_signal() -> None:
    """A text of middling length without a single known word has no sign in its reason."""
    settings = {"auto": ComplexitySettings(boundaries=TierBoundaries(simple_medium=0.1))}
    pick = await Complexity(CATALOG, settings).decide(context(ask="mhm " * 40))
    assert pick is not None
    assert (pick.reason, pick.confidence) == ("score 0.000 -> simple: no signal", 0.0)


ERRAND = "a small errand of the program, not of a person"


@pytest.mark.parametrize(
    ("asked", "pick"),
    [
        (None, Pick(tier=Tier.SIMPLE, router="auto", reason=ERRAND, is_utility=True)),
        ("auto", Pick(tier=Tier.SIMPLE, router="auto", reason=ERRAND, is_utility=True)),
        ("smart", Pick(tier=Tier.SIMPLE, router="smart", reason=ERRAND, is_utility=True)),
        ("pick", Pick(tier=Tier.SIMPLE, router="smart", reason=ERRAND, is_utility=True)),
    ],
)
async def test_errands_go_to_the_simple_tier(asked: str | None, pick: Pick) -> None:
    """Of the router asked for, else of `auto`; the score has no say."""
    assert await Utility(CATALOG).decide(context(asked, is_housekeeping=True)) == pick


async def test_what_a_person_asks_is_no_errand() -> None:
    """The strategy passes; so it does where nothing is configured."""
    assert await Utility(CATALOG).decide(context("auto", ask="hello")) is None
    assert await Utility(EMPTY).decide(context(is_housekeeping=True)) is None


async def test_a_router_without_tiers_has_its_default_model_do_errands() -> None:
    """There is no smaller one."""
    catalog = a_catalog(SMALL, routers=[a_router({}, name="one", default_model="small-model")])
    pick = Pick(model="small-model", router="one", reason=ERRAND, is_utility=True)
    assert await Utility(catalog).decide(context("one", is_housekeeping=True)) == pick


@pytest.mark.parametrize("asked", ["small-model", "simple"])
async def test_a_name_is_honoured_for_errands_too(asked: str) -> None:
    """A model or a tier; only that nobody is asked when another has to take over."""
    found = [
        await strategy.decide(context(asked, is_housekeeping=True))
        for strategy in (ExplicitModel(CATALOG), TierName(CATALOG))
    ]
    (pick,) = [pick for pick in found if pick is not None]
    assert pick.is_utility
