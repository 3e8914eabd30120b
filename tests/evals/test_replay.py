"""Recorded requests decided again: from what there is, and never less private than they were."""

from __future__ import annotations

import asyncio

import pytest

from pointsman.adapters.storage.rows import LedgerRow
from pointsman.core.catalog import FREE, Capability, Catalog, Price, Tier
from pointsman.core.decision import Privacy, PrivacyClass
from pointsman.evals.replay import Again, replay, summary_of
from pointsman.evals.traffic import Basis, basis_of, features_of_row, inbound_of
from pointsman.routing.features import features_of
from pointsman.testing import a_card, a_catalog, an_endpoint
from tests.adapters.storage.samples import decided
from tests.engine.rig import a_rig
from tests.evals.recorded import HARD, PRIVATE, events, rows

PRICE = Price(input_usd_per_mtok=1, output_usd_per_mtok=10)
"""1,000 tokens in and 100 out: $0.002."""
QUICK = a_card("quick", price=FREE)
CLOUD = a_card("cloud", endpoint=an_endpoint("far", is_local=False), price=PRICE)
CATALOG = a_catalog(QUICK, CLOUD, tiers={Tier.SIMPLE: ["cloud"], Tier.REASONING: ["quick"]})
"""The other way round than the requests were decided."""


def again(recorded: list[LedgerRow], catalog: Catalog = CATALOG) -> list[Again]:
    """Decided over *catalog*."""
    with asyncio.Runner() as runner:
        return list(replay(recorded, a_rig(catalog, {}).router.decider, runner.run))


def test_a_row_without_its_prompt_keeps_its_tier() -> None:
    """Who serves the tier may have changed, and so may the cost for the same tokens."""
    (one,) = again(rows(events("a")))
    assert one.after is not None
    assert (one.basis, one.after.model, one.after.tier, one.is_moved) == (Basis.TIER, "cloud", Tier.SIMPLE, True)
    assert (one.row.cost_usd, one.is_local) == (0.0, False)
    assert one.cost_usd == pytest.approx(0.002)


def test_a_private_request_never_leaves() -> None:
    """Its tier's model is in a cloud now: another one takes it, or nobody."""
    (one,) = again(rows(events("a", privacy=PRIVATE)))
    assert one.after is not None
    assert (one.after.model, one.is_local, one.cost_usd) == ("quick", True, 0.0)
    (refused,) = again(rows(events("a", privacy=PRIVATE)), a_catalog(CLOUD, tiers={Tier.SIMPLE: ["cloud"]}))
    assert refused.after is None
    assert refused.error is not None
    assert refused.error.exit_code == 5
    summary = summary_of([one, refused])
    assert (summary.private, summary.private_local, summary.refused) == (2, 1, {refused.error.code: 1})


def test_a_named_model_is_named_again() -> None:
    """Whatever its prompt was; a model that is not there any more is told as `auto` would take it."""
    (one,) = again(rows(events("a", model="quick", is_explicit=True)))
    assert one.after is not None
    assert (one.basis, one.after.model, one.after.strategy, one.cost_usd) == (Basis.NAME, "quick", "explicit", 0.0)


@pytest.mark.parametrize(
    ("recorded", "basis"),
    [
        (events("a", prompt="Hi"), Basis.PROMPT),
        (events("a", is_explicit=True), Basis.NAME),
        (events("a"), Basis.TIER),
        (events("a", tier=None), Basis.NOTHING),
        (events("a", model=""), Basis.NOTHING),
    ],
)
def test_what_it_is_decided_from_is_told(recorded: list[object], basis: Basis) -> None:
    """The more the ledger keeps, the more it is worth."""
    (row,) = rows(recorded)  # type: ignore[arg-type]
    assert basis_of(row) is basis
    (one,) = again([row])
    assert (one.after is None) == (basis is Basis.NOTHING)


def test_a_request_is_as_the_ledger_kept_it() -> None:
    """The last ask is all of the text that is kept: size, tools and turns are the row's."""
    start = decided()
    (row,) = rows([start])
    found = features_of_row(row, features_of)
    assert (found.estimated_input_tokens, found.turns, found.n_tools, found.in_tool_loop) == (12, 2, 1, True)
    assert Capability.TOOLS in found.needs
    assert inbound_of(row).caller.session == "s1"


@pytest.mark.parametrize(
    ("privacy", "label"),
    [
        (Privacy(), None),
        (Privacy(source="header"), PrivacyClass.PUBLIC),
        (Privacy(privacy_class=PrivacyClass.PRIVATE, source="mode local-only"), PrivacyClass.PRIVATE),
        (Privacy(privacy_class=PrivacyClass.PRIVATE), PrivacyClass.PRIVATE),
    ],
)
def test_what_was_private_is_private(privacy: Privacy, label: PrivacyClass | None) -> None:
    """By whatever it was so; what nobody had said is for the other configuration to say."""
    (row,) = rows(events("a", privacy=privacy))
    assert inbound_of(row).caller.privacy == label


def test_a_summary_adds_up_what_moves() -> None:
    """Costs of those whose cost is known both times; ways by how many go them."""
    found = again(
        rows(
            events("a", at_s=1),
            events("b", at_s=2, cost_usd=None),
            events("c", at_s=3, tier=Tier.REASONING, model="cloud", cost_usd=0.002),
            events("d", at_s=4, prompt=HARD),
        )
    )
    summary = summary_of(found)
    assert (summary.requests, summary.moved, summary.priced) == (4, 4, 3)
    assert summary.by_basis == {Basis.TIER: 3, Basis.PROMPT: 1}
    assert [summary.before_usd, summary.after_usd] == pytest.approx([0.002, 0.002])
    assert [(one.before, one.after, one.requests) for one in summary.models] == [
        ("quick", "cloud", 2),
        ("cloud", "quick", 1),
        ("quick", "quick", 1),
    ]
    plain = found[1].to_json()
    assert plain["before"] == {"model": "quick", "tier": "simple", "served": "quick", "cost_usd": None}
    assert plain["moved"] is True
