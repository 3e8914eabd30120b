"""Copies added up: shares, intervals, and what would have been saved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointsman.core.catalog import Tier
from pointsman.core.shadow import Comparison, Copy, Likeness
from pointsman.evals.shadows import groups, pairs
from tests.adapters.storage.test_shadows import ANSWERED, FAILED


def copies(*likenesses: Likeness, tier: Tier = Tier.COMPLEX) -> list[Copy]:
    """Answered copies with these verdicts."""
    return [
        replace(ANSWERED, tier=tier, comparison=Comparison(likeness=likeness, reasons=())) for likeness in likenesses
    ]


def test_the_share_that_agrees_is_of_what_tells_anything() -> None:
    """8 of 10, with Wilson's interval; what is unclear counts towards neither."""
    found = [*copies(*[Likeness.AGREES] * 8, Likeness.WORSE, Likeness.DIFFERS, Likeness.UNCLEAR), FAILED]
    (group,) = pairs(found)
    assert (group.copies, group.answered, group.judged, group.agree_share) == (12, 11, 10, 0.8)
    assert group.agree_interval == pytest.approx((0.490, 0.943), abs=0.001)
    assert group.ends == {"answered": 11, "failed": 1}


def test_what_would_have_been_saved_is_of_what_has_a_price_on_both_sides() -> None:
    """The caller's cost less the copy's."""
    unpriced = replace(ANSWERED, shadow=replace(ANSWERED.shadow, cost_usd=None))
    dearer = replace(ANSWERED, shadow=replace(ANSWERED.shadow, cost_usd=0.03))
    (group,) = pairs([ANSWERED, ANSWERED, unpriced, dearer])
    assert group.priced == 3
    assert group.saved_usd == pytest.approx(0.0)
    (nothing,) = pairs([FAILED])
    assert (nothing.saved_usd, nothing.agree_share, nothing.agree_interval) == (None, None, None)
    assert nothing.to_json()["agree_low"] is None


def test_groups_are_by_pair_tier_and_kind_the_largest_first() -> None:
    """And pairs by pair alone."""
    found = [*copies(Likeness.AGREES), *copies(Likeness.AGREES, Likeness.WORSE, tier=Tier.REASONING), FAILED]
    assert [(one.tier, one.kind, one.copies) for one in groups(found)] == [
        (Tier.REASONING, "coding", 2),
        (None, None, 1),
        (Tier.COMPLEX, "coding", 1),
    ]
    assert [(one.served, one.shadow, one.copies) for one in pairs(found)] == [("cloud", "quick", 4)]
