"""The same promise for copies: private text reaches no endpoint that is not local, whoever is to get the copies."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.catalog import Catalog, Tier
from pointsman.core.decision import Caller, PrivacyClass
from pointsman.core.errors import PointsmanError
from pointsman.core.events import Decided
from pointsman.engine.shadow.rules import Rule
from pointsman.privacy.policy import PrivacyMode
from pointsman.testing import Answers, Fails
from tests.engine.lines import said, whole
from tests.engine.rig import inbound
from tests.engine.shadow.rig import Shadowed, a_shadow
from tests.routing.worlds import WORDS, World, worlds

CANARY = b"DE89-3704-CANARY"
LABELS = st.sampled_from([PrivacyClass.PRIVATE, "private", "secret", "", None, PrivacyClass.PUBLIC])
SCRIPTS = st.sampled_from(
    [Answers(chunks=(whole("hello"),)), Answers(chunks=said("hello")), Answers(status=503), Fails()]
)
RULES = st.builds(
    Rule,
    model=st.sampled_from(WORDS),
    sample=st.sampled_from([0.5, 1.0]),
    tiers=st.frozensets(st.sampled_from(Tier), max_size=1),
)


def speaking_lines(catalog: Catalog) -> Catalog:
    """*catalog* with every endpoint speaking the tests' dialect."""
    cards = (replace(card, endpoint=replace(card.endpoint, dialect="lines")) for card in catalog.models)
    return replace(catalog, models=tuple(cards))


async def ask_all(found: Shadowed, asked: str | None, caller: Caller) -> None:
    """Something public first, then the canary, whole and streamed; nobody need answer."""
    for prompt, who in (("hello", Caller(privacy=PrivacyClass.PUBLIC)), (CANARY.decode(), caller)):
        with suppress(PointsmanError):
            await found.whole(inbound(prompt, model=asked, caller=who))
        with suppress(PointsmanError):
            await found.streamed(inbound(prompt, model=asked, caller=who, stream=True))
        await found.settled()


@settings(max_examples=150, deadline=None)
@given(
    world=worlds(),
    mode=st.sampled_from(PrivacyMode),
    label=LABELS,
    rules=st.lists(RULES, min_size=1, max_size=3),
    script=st.lists(SCRIPTS, min_size=1, max_size=3),
)
def test_no_copy_of_private_text_leaves(
    world: World, mode: PrivacyMode, label: PrivacyClass | None, rules: list[Rule], script: list[Answers | Fails]
) -> None:
    """Any catalog, rules, mode and label, any failures: what the gateway took to be private stays."""

    async def run(folder: str) -> None:
        catalog = speaking_lines(world.catalog)
        scripts = {card.id: script for card in catalog.models}
        async with a_shadow(Path(folder) / "s.db", catalog, scripts, rules=rules, mode=mode) as found:
            await ask_all(found, world.asked, Caller(privacy=label))
            decided = [event.decision.privacy for event in found.rig.events if isinstance(event, Decided)]
            if not decided or not decided[-1].is_private:
                return
            for card in catalog.models:
                provider = found.rig.endpoints[card.id]
                assert card.is_local or not any(CANARY in call.body for call in provider.calls)
                ids = {egress.endpoint for egress in provider.granted}
                assert ids <= {card.endpoint.name}

    with TemporaryDirectory() as folder:
        asyncio.run(run(folder))
