"""The promise above all others: private text reaches no endpoint that is not local, by any way.

Any catalog (pools, aliases, circles, tiers, default models, fallbacks of every kind), any name, mode and label, any
failures of the endpoints, whole or streamed, and constraints that crash or are not there at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.catalog import Catalog, ModelCard, Tier
from pointsman.core.chat import ask
from pointsman.core.decision import Caller, PrivacyClass, RoutingContext, Struck
from pointsman.core.errors import PointsmanError
from pointsman.core.events import Finished
from pointsman.core.failure import FailureKind
from pointsman.privacy.policy import PrivacyConstraint, PrivacyMode
from pointsman.routing.constraints.capability import CapabilityConstraint
from pointsman.routing.strategy import Constraint
from pointsman.testing import Answers, Fails
from tests.engine.lines import said
from tests.engine.rig import Rig, Scripted, a_rig
from tests.routing.worlds import World, worlds


@dataclass(frozen=True, slots=True)
class Crashes:
    """A detector with a bug."""

    name: str = "detector"

    def strike(self, context: RoutingContext, cards: Sequence[ModelCard], /) -> Sequence[Struck]:
        """Fail."""
        raise KeyError(self.name)


CONSTRAINTS: tuple[tuple[Constraint, ...], ...] = (
    (),
    (PrivacyConstraint(), CapabilityConstraint()),
    (Crashes(), PrivacyConstraint()),
)
LABELS = st.sampled_from([PrivacyClass.PRIVATE, None, "private", "secret", "", PrivacyClass.PUBLIC])
SCRIPTS = st.one_of(
    st.just(Answers(chunks=said("hello"))),
    st.builds(Answers, status=st.sampled_from([400, 401, 404, 413, 429, 500])),
    st.builds(Fails, kind=st.sampled_from(FailureKind), status=st.sampled_from([None, 503])),
)


def speaking_lines(catalog: Catalog) -> Catalog:
    """*catalog* with every endpoint speaking the tests' dialect."""
    cards = (replace(card, endpoint=replace(card.endpoint, dialect="lines")) for card in catalog.models)
    return replace(catalog, models=tuple(cards))


async def ask_twice(rig: Rig, asked: str | None, caller: Caller) -> None:
    """Whole and streamed; nobody need answer."""
    request = ask("my IBAN is", model=asked)
    with suppress(PointsmanError):
        await rig.router.complete(request, caller)
    with suppress(PointsmanError):
        _ = [event async for event in rig.router.stream(request, caller)]


@settings(max_examples=300, deadline=None)
@given(
    world=worlds(),
    mode=st.sampled_from(PrivacyMode),
    label=LABELS,
    tier=st.none() | st.sampled_from(Tier),
    constraints=st.sampled_from(CONSTRAINTS),
    scripts=st.lists(st.lists(SCRIPTS, min_size=1, max_size=2), min_size=6, max_size=6),
    num_retries=st.sampled_from([0, 1]),
)
def test_private_text_never_leaves(
    world: World,
    mode: PrivacyMode,
    label: PrivacyClass | str | None,
    tier: Tier | None,
    constraints: Sequence[Constraint],
    scripts: list[list[Scripted]],
    num_retries: int,
) -> None:
    """No leave is granted, and so nothing sent; each request that was decided ends exactly once."""
    catalog = speaking_lines(world.catalog)
    by_card = {card.id: script for card, script in zip(catalog.models, scripts, strict=False)}
    rig = a_rig(catalog, by_card, mode=mode, constraints=constraints, num_retries=num_retries)
    caller = Caller(privacy=cast("PrivacyClass | None", label), tier=tier)
    asyncio.run(ask_twice(rig, world.asked, caller))
    is_public = mode is not PrivacyMode.LOCAL_ONLY and (
        label == "public" or (label is None and mode is PrivacyMode.DEFAULT_CLOUD)
    )
    sent_out = [card.id for card in catalog.models if rig.endpoints[card.id].granted and not card.is_local]
    assert is_public or sent_out == []
    story = rig.story()
    assert story.count("Finished") == story.count("Decided")
    assert story.count("Decided") + story.count("Rejected") == 2
    assert all(response.closed == 1 for response in rig.responses)
    for card in catalog.models:
        for granted in rig.endpoints[card.id].granted:
            assert granted.endpoint == card.endpoint.name
    attempts = [event.attempts for event in rig.events if isinstance(event, Finished)]
    assert all(number <= 6 + num_retries for number in attempts)
