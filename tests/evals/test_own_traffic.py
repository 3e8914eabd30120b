"""What a ledger tells, and what it leaves open."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from pointsman.adapters.storage.rows import LedgerRow
from pointsman.core.assessment import Assessment
from pointsman.core.catalog import FREE, Price, Tier
from pointsman.core.events import FinishReason
from pointsman.evals.own_traffic import dealt, own_traffic, wilson
from pointsman.evals.pairs import Setting
from pointsman.evals.replay import replay
from pointsman.evals.rescore import as_recorded, rescore
from pointsman.evals.routers import always, compat, length
from pointsman.testing import a_card, a_catalog, an_endpoint
from tests.adapters.storage.samples import NOON
from tests.engine.rig import a_rig
from tests.evals.recorded import HARD, PRIVATE, events, rows

FEW = Setting(times=50, seed=0)
PRICE = Price(input_usd_per_mtok=1, output_usd_per_mtok=10)
"""1,000 tokens in and 100 out: $0.002."""
CATALOG = a_catalog(
    a_card("quick", price=FREE),
    a_card("cloud", endpoint=an_endpoint("far", is_local=False), price=PRICE),
    tiers={Tier.SIMPLE: ["quick"], Tier.REASONING: ["cloud"]},
)


def traffic(count: int = 40) -> list[LedgerRow]:
    """Every second request goes to the dear model, and is ten times as long."""
    return rows(
        *(
            events(f"r{at:03}", at_s=NOON + at, model="cloud", tier=Tier.REASONING, cost_usd=0.011, input_tokens=10_000)
            if at % 2
            else events(f"r{at:03}", at_s=NOON + at)
            for at in range(count)
        )
    )


def test_how_requests_went_is_told_by_tier_and_model() -> None:
    """Who was called off counts neither way; a request that another model answered was not answered by the chosen."""
    found = own_traffic(
        rows(
            events("a"),
            events("b", reason=FinishReason.FAILED),
            events("c", reason=FinishReason.CANCELLED),
            events("d", served="cloud", cost_usd=0.002),
            events("e", model="cloud", tier=Tier.REASONING, privacy=PRIVATE, cost_usd=None),
        ),
        CATALOG,
        FEW,
    )
    simple, reasoning = found.tiers
    assert (found.requests, found.private, found.with_prompt, found.dealt) == (5, 1, 0, None)
    assert (simple.key, simple.requests, simple.over) == ("simple", 4, 3)
    shares = [figure.value for figure in (simple.first, simple.helped, simple.failed, simple.raised) if figure]
    assert shares == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])
    assert simple.usd_per_1k is not None
    assert simple.usd_per_1k.value == pytest.approx(1.0)
    assert (simple.output_tokens, simple.p50_ms, simple.again) == (100, 1000, None)
    assert (reasoning.usd_per_1k, [group.key for group in found.models]) == (None, ["quick", "cloud"])


def test_wilson_has_an_interval_where_all_went_well() -> None:
    """Ten of ten is not certainty."""
    found = wilson(8, 10)
    assert found is not None
    assert [round(found.low, 3), round(found.high, 3)] == [0.490, 0.943]
    assert wilson(10, 10) is not None
    assert wilson(0, 0) is None


def test_spend_is_set_beside_the_same_calls_dealt_at_random() -> None:
    """The dear model got the long requests: half of the calls at random would cost (11 + 2) / 4 a thousand."""
    found = dealt(traffic(), CATALOG, FEW)
    assert found is not None
    assert [found.usd, found.random_usd, found.more.value] == pytest.approx([5.5, 3.25, 2.25])
    assert found.more.low > 0
    assert (found.dearest, found.n) == ("cloud", 40)
    assert [found.share, found.chance_share] == pytest.approx([0.5, 5.5 / 6.5])


def test_where_there_is_no_choice_nothing_is_dealt() -> None:
    """Private requests, named models, one model only, too few."""
    plain = traffic()
    assert dealt([replace(row, privacy="private") for row in plain], CATALOG, FEW) is None
    assert dealt([replace(row, is_explicit=True) for row in plain], CATALOG, FEW) is None
    assert dealt(plain[::2], CATALOG, FEW) is None
    assert dealt(plain[:20], CATALOG, FEW) is None


def test_who_asks_the_same_again_was_perhaps_not_content() -> None:
    """Within ten minutes and from the same caller; only where prompts are logged."""
    found = own_traffic(
        rows(
            events("a", at_s=NOON, prompt="Why?"),
            events("b", at_s=NOON + 60, prompt="Why?"),
            events("c", at_s=NOON + 3600, prompt="Why?"),
            events("d", at_s=NOON + 3601),
        ),
        CATALOG,
        FEW,
    )
    (group,) = found.tiers
    assert group.again is not None
    assert group.again.value == pytest.approx(1 / 3)


def test_what_was_said_beforehand_is_set_beside_the_length_of_answers() -> None:
    """The score, and the tokens that a classifier expected."""
    plain = [
        replace(
            row,
            score=at / 100,
            output_tokens=at,
            assessment=Assessment(
                kind="chat", difficulty=0, chances=(1, 1, 1, 1), output_tokens=1000 - at, familiarity=1
            ).to_json(),
        )
        for at, row in enumerate(traffic())
    ]
    found = own_traffic(plain, CATALOG, FEW)
    assert [order.said for order in found.orders] == ["score", "expected tokens"]
    assert [order.rho.value for order in found.orders] == pytest.approx([1, -1])
    assert own_traffic(plain[:5], CATALOG, FEW).orders == ()


def test_routers_are_asked_again_about_logged_prompts() -> None:
    """Same tier, higher, lower; a router without tiers has no choice to compare. Named models are left out."""
    recorded = rows(
        events("a", at_s=1, prompt=HARD),
        events("b", at_s=2, prompt="Hi"),
        events("c", at_s=3, prompt="Hi", model="cloud", tier=Tier.REASONING),
        events("d", at_s=4, prompt="Hi", is_explicit=True),
        events("e", at_s=5),
    )
    scored, dumb, one = rescore(recorded, [compat(), length(), always("cloud")], CATALOG, FEW)
    assert (scored.n, list(scored.tiers)) == (3, ["simple", "reasoning"])
    assert list(scored.tiers.values()) == pytest.approx([2 / 3, 1 / 3])
    assert [scored.same, scored.higher, scored.lower] == pytest.approx([1 / 3] * 3)
    assert (dumb.same, dumb.tiers, one.dealt) == (None, {}, None)
    assert rescore(recorded[3:], [compat()], CATALOG, FEW) == ()


def test_routers_spend_is_set_beside_chance_too() -> None:
    """By the first model of each tier, at the tokens that were used."""
    logged = [replace(row, prompt=HARD if at % 2 else "Hi") for at, row in enumerate(traffic(80))]
    (found,) = rescore(logged, [compat()], CATALOG, FEW)
    assert found.dealt is not None
    assert [found.dealt.usd, found.dealt.random_usd] == pytest.approx([5.5, 3.25])


def test_the_chain_is_asked_as_the_ledger_kept_the_request() -> None:
    """With its tools and its size; what it refuses now is nobody's choice."""
    recorded = rows(events("a", prompt="Hi"), events("b", at_s=NOON + 1, prompt="Hi", is_explicit=True))
    with asyncio.Runner() as runner:
        again = list(replay(recorded, a_rig(CATALOG, {}).router.decider, runner.run))
    (found,) = rescore(recorded, [as_recorded(again)], CATALOG, FEW)
    decided = again[0].after
    assert decided is not None
    assert decided.tier is not None
    assert (found.router, found.n, list(found.tiers)) == ("pointsman", 1, [decided.tier.value])
    (refused,) = rescore(recorded, [as_recorded([])], CATALOG, FEW)
    assert (refused.same, refused.tiers) == (None, {})
