"""What names mean, what tiers and pools there are, what an answer costs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.catalog import FREE, Catalog, ModelCard, Price, RouterCard, Secret, Tier
from pointsman.core.chat import Usage
from pointsman.core.failure import FailureKind
from pointsman.testing import CLOUD_PRICE, a_card, a_catalog, a_router

NAMES = st.text(max_size=3) | st.sampled_from(["a", "b", "c"])


@pytest.mark.parametrize(
    ("name", "tier"),
    [
        ("simple", Tier.SIMPLE),
        ("SMALL", Tier.SIMPLE),
        ("Medium", Tier.MEDIUM),
        ("large", Tier.COMPLEX),
        ("complex", Tier.COMPLEX),
        ("frontier", Tier.REASONING),
        ("reasoning", Tier.REASONING),
        ("auto", None),
        ("", None),
    ],
)
def test_a_tier_has_a_name_and_a_size(name: str, tier: Tier | None) -> None:
    """Either is taken, in any case."""
    assert Tier.parse(name) is tier


def test_tiers_rank_from_cheapest_to_dearest() -> None:
    """The order of the enumeration is the ladder."""
    assert [tier.rank for tier in (Tier.SIMPLE, Tier.MEDIUM, Tier.COMPLEX, Tier.REASONING)] == [0, 1, 2, 3]


CACHING = Price(
    input_usd_per_mtok=3.0, output_usd_per_mtok=15.0, cached_input_usd_per_mtok=0.3, cache_write_usd_per_mtok=3.75
)


def test_a_secret_never_shows_itself() -> None:
    """Neither in a log line nor in a traceback's repr; equal secrets are equal."""
    secret = Secret("sk-live")
    assert (str(secret), repr(secret), f"{[secret]}") == ("Secret('***')", "Secret('***')", "[Secret('***')]")
    assert secret.reveal() == "sk-live"
    assert secret == Secret("sk-live")
    assert len({secret, Secret("sk-live"), Secret("other")}) == 2
    assert secret != "sk-live"


CACHING = Price(
    input_usd_per_mtok=3.0,
    output_usd_per_mtok=15.0,
    cached_input_usd_per_mtok=0.3,
    cache_write_usd_per_mtok=3.75,
)


@pytest.mark.parametrize(
    ("price", "usage", "cost_usd"),
    [
        (CLOUD_PRICE, Usage(input_tokens=1_000, output_tokens=500), 0.0105),
        (CLOUD_PRICE, Usage(input_tokens=1_000, output_tokens=0, cached_input_tokens=400), 0.003),
        (FREE, Usage(input_tokens=10**9, output_tokens=10**9), 0.0),
        (
            Price(input_usd_per_mtok=3.0, output_usd_per_mtok=15.0, cached_input_usd_per_mtok=0.3),
            Usage(input_tokens=1_000, output_tokens=500, cached_input_tokens=400),
            0.00942,
        ),
        (
            Price(input_usd_per_mtok=3.0, output_usd_per_mtok=15.0, cached_input_usd_per_mtok=0.3),
            Usage(input_tokens=1_000, output_tokens=0, cached_input_tokens=4_000),
            0.0003,
        ),
        (
            CACHING,
            Usage(input_tokens=1_000, output_tokens=0, cached_input_tokens=400, cache_write_tokens=500),
            (100 * 3.0 + 400 * 0.3 + 500 * 3.75) / 1e6,
        ),
        (CACHING, Usage(input_tokens=100, output_tokens=0, cache_write_tokens=4_000), 0.000375),
        (CLOUD_PRICE, Usage(input_tokens=1_000, output_tokens=0, cache_write_tokens=900), 0.003),
    ],
)
def test_a_cost_is_the_sum_of_fresh_cached_and_written_tokens(price: Price, usage: Usage, cost_usd: float) -> None:
    """Without a price of their own such tokens cost as much as fresh ones; there are never more than were sent."""
    assert price.cost_usd(usage) == pytest.approx(cost_usd, abs=1e-12)


def test_a_pool_is_in_the_order_its_cards_ask_for() -> None:
    """`order` first, then as written; ids find single cards."""
    late = a_card("m", id="m", order=2)
    first, second = a_card("m", id="m#2", order=1), a_card("m", id="m#3", order=1)
    catalog = a_catalog(late, first, second)
    assert catalog.pools == {"m": (first, second, late)}
    assert catalog.by_id == {"m": late, "m#2": first, "m#3": second}


@pytest.mark.parametrize(
    ("aliases", "name", "meant"),
    [
        ({}, "m", "m"),
        ({"a": "b", "b": "m"}, "a", "m"),
        ({"a": "b", "b": "a"}, "a", "a"),
        ({"a": "b", "b": "c", "c": "b"}, "a", "b"),
        ({"a": "a"}, "a", "a"),
    ],
)
def test_an_alias_may_name_an_alias(aliases: dict[str, str], name: str, meant: str) -> None:
    """A circle stops where it closes."""
    assert Catalog(models=(), aliases=aliases).resolve(name) == meant


@given(st.dictionaries(NAMES, NAMES, max_size=6), NAMES)
def test_resolving_always_ends_and_settles(aliases: dict[str, str], name: str) -> None:
    """Whatever the aliases: what is no alias stays, and outside a circle the result is no alias either."""
    catalog = Catalog(models=(), aliases=aliases)
    meant = catalog.resolve(name)
    assert meant not in aliases or catalog.resolve(meant) == meant
    assert (name in aliases) or meant == name


def test_auto_is_the_router_of_that_name_else_the_first() -> None:
    """A LiteLLM file need not call its router `auto`."""
    auto, smart = a_router({}), a_router({}, name="smart")
    assert Catalog(models=(), routers=(smart, auto)).auto is auto
    assert Catalog(models=(), routers=(smart,)).auto is smart
    assert Catalog(models=()).auto is None


@pytest.mark.parametrize("default_model", [None, "d", "s"])
def test_a_router_lists_each_of_its_models_once(default_model: str | None) -> None:
    """Cheapest tier first, the default model last unless it is in a tier."""
    router = a_router({Tier.COMPLEX: ["c", "m"], Tier.SIMPLE: ["s", "m"]}, default_model=default_model)
    assert router.models() == ("s", "m", "c", *(("d",) if default_model == "d" else ()))


def test_fallbacks_are_found_through_aliases_on_both_sides() -> None:
    """A table may name a model as callers do; the kinds of failure have tables of their own."""
    catalog = Catalog(
        models=(),
        aliases={"fast": "small", "smart": "large"},
        fallbacks={"fast": ("smart",), "small": ("medium", "smart"), "*": ("last",)},
        fallbacks_by_kind={FailureKind.CONTEXT: {"small": ("smart",)}},
    )
    assert catalog.fallbacks_of("small") == ("large", "medium")
    assert catalog.fallbacks_of("small", "*") == ("large", "medium", "last")
    assert catalog.fallbacks_of("large") == ()
    assert catalog.fallbacks_of("small", kind=FailureKind.CONTEXT) == ("large",)
    assert catalog.fallbacks_of("small", kind=FailureKind.CONTENT) == ()


CHEAP = a_card("cheap")
DEAR = a_card("dear", is_local=False)
UNPRICED = a_card("unpriced", price=None)


@pytest.mark.parametrize(
    ("catalog", "baseline"),
    [
        (a_catalog(CHEAP, DEAR, UNPRICED), DEAR),
        (a_catalog(CHEAP, DEAR, tiers={Tier.SIMPLE: ["cheap"]}), CHEAP),
        (a_catalog(CHEAP, DEAR, tiers={Tier.SIMPLE: ["cheap", "best"]}, aliases={"best": "dear"}), DEAR),
        (a_catalog(CHEAP, DEAR, baseline="cheap"), CHEAP),
        (a_catalog(CHEAP, DEAR, aliases={"best": "dear"}, baseline="best"), DEAR),
        (a_catalog(CHEAP, baseline="gone"), None),
        (a_catalog(UNPRICED), None),
        (Catalog(models=(CHEAP,)), None),
    ],
)
def test_the_baseline_is_the_named_model_else_the_priciest_of_auto(
    catalog: Catalog, baseline: ModelCard | None
) -> None:
    """None where no price is known, or the name means nothing."""
    assert catalog.baseline_card == baseline


def test_a_card_is_as_local_as_its_endpoint() -> None:
    """Locality is declared there and nowhere else."""
    assert (CHEAP.is_local, DEAR.is_local) == (True, False)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("claude-auto", "auto"),
        ("cheap:latest", "cheap"),
        ("best:latest", "dear"),
        ("auto:latest", "auto"),
        ("small:latest", "small"),
        ("smart:latest", "smart"),
        ("tagged", "tagged:latest"),
        ("tagged:latest", "tagged:latest"),
        ("simple", "simple"),
        ("gone:latest", "gone:latest"),
        ("round", "round:latest"),
        ("gone", "gone"),
    ],
)
def test_some_names_are_understood_without_being_configured(name: str, meant: str) -> None:
    """Claude Code's, and those with the tag that Ollama's programs add or leave out."""
    catalog = Catalog(
        models=(CHEAP, DEAR, a_card("tagged:latest"), a_card("simple:latest")),
        routers=(a_router({}, name="smart"),),
        aliases={"best": "dear", "round": "round:latest"},
    )
    assert catalog.resolve(name) == meant


def test_a_configured_name_means_what_it_was_configured_for() -> None:
    """Even one that would be understood otherwise."""
    assert Catalog(models=(a_card("claude-auto"),)).resolve("claude-auto") == "claude-auto"
    assert Catalog(models=(CHEAP,), aliases={"claude-auto": "cheap"}).resolve("claude-auto") == "cheap"


def test_routers_are_found_by_name() -> None:
    """Two of a name would be a configuration's mistake; the later one counts."""
    smart: RouterCard = a_router({}, name="smart")
    assert Catalog(models=(), routers=(smart,)).routers_by_name == {"smart": smart}
