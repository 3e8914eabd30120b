"""What traffic would have cost elsewhere."""

from __future__ import annotations

import pytest

from pointsman.core.catalog import FREE, ModelCard, Price, Tier
from pointsman.core.events import FinishReason
from pointsman.evals.bar_chart import Bars, bar_svg
from pointsman.evals.what_if import Line, Served, Stays, WhatIf, elsewhere, what_if
from pointsman.testing import a_card, an_endpoint
from tests.adapters.storage.samples import NOON, decided
from tests.evals.recorded import DAY_S, PRIVATE, events, rows

QUICK = a_card("quick", price=FREE, context_tokens=4096)
CLOUD = a_card(
    "cloud",
    endpoint=an_endpoint("far", is_local=False),
    price=Price(input_usd_per_mtok=1, output_usd_per_mtok=10),
)
"""1,000 tokens in and 100 out: $0.002."""
TRAFFIC = rows(
    events("a", at_s=NOON),
    events("b", at_s=NOON + 1, privacy=PRIVATE),
    events("c", at_s=NOON + DAY_S, model="cloud", tier=Tier.COMPLEX, cost_usd=0.011, input_tokens=10_000),
    events("d", at_s=NOON + DAY_S + 1, model="cloud", tier=Tier.COMPLEX, cost_usd=None),
    events("e", reason=FinishReason.FAILED),
    [decided("f", NOON)],
)


def wished(card: ModelCard) -> WhatIf:
    """All of it there."""
    return what_if(elsewhere(TRAFFIC, lambda _row: card))


def test_all_on_the_cloud_leaves_private_requests_where_they_are() -> None:
    """And counts what nobody knows the price of."""
    found = wished(CLOUD)
    assert (found.total.requests, found.total.moved, found.total.priced) == (4, 1, 3)
    assert [found.total.now_usd, found.total.then_usd] == pytest.approx([0.011, 0.013])
    assert found.stays == ((Stays.PRIVATE, 1),)
    assert found.models == (Served(model="cloud", now=2, then=3), Served(model="quick", now=2, then=1))


def test_all_on_the_small_one_leaves_what_it_cannot_read() -> None:
    """By its window."""
    found = wished(QUICK)
    assert (found.total.moved, found.stays) == (1, ((Stays.WINDOW, 1),))


def test_figures_are_by_day_and_by_who_asked() -> None:
    """Days in order."""
    found = wished(QUICK)
    assert found.days == (
        Line(key="2026-09-21", requests=2, moved=0, priced=2, now_usd=0.0, then_usd=0.0),
        Line(key="2026-09-22", requests=2, moved=1, priced=1, now_usd=0.011, then_usd=0.011),
    )
    assert [line.key for line in found.callers] == ["coder"]


def test_nothing_changes_where_nothing_is_wished() -> None:
    """The same cost, whatever was paid."""
    found = what_if(elsewhere(TRAFFIC, lambda _row: None))
    assert (found.total.moved, found.total.now_usd) == (0, found.total.then_usd)


def test_bars_are_drawn_up_to_the_largest() -> None:
    """With names beside them; nothing at all is no error."""
    drawn = bar_svg("Costs", "$", ["a<b", "c"], [Bars(name="now", values=[1, 2]), Bars(name="then", values=[0, 4])])
    assert drawn.count("<rect") == 1 + 4 + 2
    assert "a&lt;b: 1" in drawn
    assert bar_svg("Nothing", "$", [], []).endswith("</svg>\n")
