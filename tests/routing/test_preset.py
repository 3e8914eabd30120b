"""The strategy of presets picks what a preset is for, or passes."""

from __future__ import annotations

import pytest

from pointsman.core.catalog import Tier
from pointsman.core.decision import Pick
from pointsman.core.preset import Preset
from pointsman.routing.strategies.preset import PresetName
from pointsman.testing import a_catalog
from tests.routing.test_strategies import CATALOG, LARGE, SMALL, context

PRESETS = {
    preset.name: preset
    for preset in (
        Preset(name="auto:quick", tier=Tier.SIMPLE),
        Preset(name="auto:big", model="large-model"),
        Preset(name="auto:terse", system="Be brief."),
    )
}
STRATEGY = PresetName(a_catalog(SMALL, LARGE, presets=PRESETS, aliases={"gpt-4": "auto:big"}))


@pytest.mark.parametrize(
    ("asked", "pick"),
    [
        ("auto:quick", Pick(tier=Tier.SIMPLE, reason="the preset 'auto:quick' is for this tier")),
        ("auto:big", Pick(model="large-model", reason="the preset 'auto:big' is for 'large-model'")),
        ("gpt-4", Pick(model="large-model", reason="the preset 'auto:big' is for 'large-model'")),
        ("auto:terse", None),
        ("auto", None),
        (None, None),
        ("small-model", None),
        ("auto:unheard", None),
    ],
)
async def test_a_preset_goes_where_it_says(asked: str | None, pick: Pick | None) -> None:
    """By its own name or an alias; one that names neither leaves it to others."""
    assert await STRATEGY.decide(context(asked)) == pick


@pytest.mark.parametrize(("asked", "passes"), [("auto:quick", False), ("auto", True), (None, True), ("simple", True)])
def test_other_names_are_passed_at_a_glance(asked: str | None, passes: bool) -> None:  # noqa: FBT001  a table
    """No time is taken for them."""
    assert STRATEGY.passes(context(asked)) is passes
    assert PresetName(CATALOG).passes(context("auto:quick"))
