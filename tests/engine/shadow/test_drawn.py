"""Which requests are copied, and to whom: the share, the rules, the privacy of each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pointsman.core.catalog import Capability, Operation, Tier
from pointsman.core.chat import ChatRequest, Message, Role, Text, Usage
from pointsman.core.decision import Caller
from pointsman.core.shadow import CopyEnd
from pointsman.engine.inbound import Inbound
from pointsman.engine.shadow.copying import Copying
from pointsman.engine.shadow.rules import OPT_OUT, Rule, has_tools_of_endpoint
from pointsman.engine.shadow.sample import Served
from pointsman.testing import a_catalog, a_router
from tests.engine.rig import PRIVATE, inbound
from tests.engine.shadow.rig import ALL, CLOUD, NEAR, OTHER, SCRIPTS, TODAY, a_served, a_shadow


async def test_a_private_request_has_no_copy_that_leaves(path: Path) -> None:
    """The model was struck out for the request, so it is for the copy."""
    async with a_shadow(path, ALL, SCRIPTS, model="cloud") as found:
        await found.whole(inbound("my IBAN", caller=PRIVATE))
        assert await found.settled() == []
        assert found.rig.endpoints["cloud"].calls == []
        assert found.not_copied() == {"not_allowed": 1}


async def test_the_gate_refuses_what_the_rules_would_let_through(path: Path) -> None:
    """The copy needs a leave of its own: a card that was chosen wrongly gets nothing all the same."""
    async with a_shadow(path, ALL, SCRIPTS) as found:
        given = inbound("my IBAN", caller=PRIVATE)
        sample = found.shadows.drawn(given, await found.rig.router.resolve(given))
        answer = await found.rig.router.answer(given)
        assert sample is not None
        assert isinstance(given.request, ChatRequest)
        usage = Usage(input_tokens=3, output_tokens=2)
        served = Served(card=NEAR, took_ms=1.0, usage=usage, whole=answer.whole)
        bench = found.shadows.bench
        await Copying(bench=bench, sample=sample, served=served, card=CLOUD, request=given.request).run()
        (copy,) = await found.settled()
        assert (copy.end, copy.failure, copy.shadow.cost_usd) == (CopyEnd.FAILED, "refused_by_policy", None)
        assert found.rig.endpoints["cloud"].calls == []
        assert found.file.spent_usd(TODAY) == 0.0


@pytest.mark.parametrize(
    "request_of",
    [
        lambda: inbound("hi", operation=Operation.EMBEDDINGS),
        lambda: inbound("hi", caller=Caller(metadata=(("user", "x"), (OPT_OUT, "Off")))),
        lambda: inbound("### Task:\nGenerate a concise, 3-5 word title with an emoji"),
    ],
    ids=["embeddings", "opted out", "an errand"],
)
async def test_what_is_never_copied(path: Path, request_of: Callable[[], Inbound]) -> None:
    """Nothing is drawn, nothing is counted."""
    async with a_shadow(path, ALL, SCRIPTS) as found:
        request = request_of()
        assert found.shadows.drawn(request, await found.rig.router.resolve(request)) is None
        assert await found.settled() == []
        assert found.not_copied() == {}


async def test_a_dry_run_is_not_copied(path: Path) -> None:
    """Nobody answers it."""
    async with a_shadow(path, ALL, SCRIPTS) as found:
        given = inbound("hi")
        dry = Inbound(request=given.request, arrived_s=given.arrived_s, is_dry_run=True)
        assert found.shadows.drawn(dry, await found.rig.router.resolve(dry)) is None


async def test_the_share_is_drawn_and_the_first_rule_that_fits_counts(path: Path) -> None:
    """0.5 of them: a draw of 0.5 is above it. A rule for other tiers or kinds does not fit."""
    rules = [
        Rule(model="cloud", sample=1.0, tiers=frozenset({Tier.COMPLEX})),
        Rule(model="cloud", sample=1.0, kinds=frozenset({"coding"})),
        Rule(model="cheap", sample=0.5, tiers=frozenset({Tier.MEDIUM})),
    ]
    async with a_shadow(path, ALL, SCRIPTS, rules=rules, draw=0.5) as found:
        await found.whole(inbound())
        assert await found.settled() == []
        found.shadows.draw = lambda: 0.49
        await found.whole(inbound())
        (copy,) = await found.settled()
        assert copy.shadow.model == "other"
        await found.whole(inbound(model="other"))  # no tier: no rule fits
        assert len(await found.settled()) == 1


async def test_a_tier_means_the_first_model_of_it_that_is_open(path: Path) -> None:
    """Of the request's router."""
    blind = a_served("blind", lacks=frozenset({Capability.CHAT}))
    catalog = a_catalog(
        NEAR,
        blind,
        OTHER,
        routers=[a_router({Tier.MEDIUM: ["near"], Tier.SIMPLE: ["blind", "other"]})],
    )
    async with a_shadow(path, catalog, SCRIPTS, model="small") as found:
        await found.whole(inbound())
        (copy,) = await found.settled()
    assert copy.shadow.model == "other"


async def test_who_answered_gets_no_copy_and_who_has_no_price_neither(path: Path) -> None:
    """There would be nothing to compare; nobody could tell what was spent."""
    async with a_shadow(path, ALL, SCRIPTS, model="near") as found:
        await found.whole(inbound())
        assert (await found.settled(), found.not_copied()) == ([], {})
    async with a_shadow(path, ALL, SCRIPTS, model="unpriced") as found:
        await found.whole(inbound())
        assert (await found.settled(), found.not_copied()) == ([], {"not_allowed": 1})


async def test_a_prompt_over_the_limit_is_not_copied(path: Path) -> None:
    """It would cost more than it tells."""
    async with a_shadow(path, ALL, SCRIPTS, max_prompt_tokens=5) as found:
        await found.whole(inbound("one two three four five six seven"))
        assert (await found.settled(), found.not_copied()) == ([], {"too_long": 1})


def test_tools_that_the_endpoint_runs_are_not_run_twice() -> None:
    """A copy's own tool calls are never executed; a hosted search would be."""
    messages = (Message(role=Role.USER, parts=(Text(text="hi"),)),)
    hosted = ChatRequest(messages=messages, extras={"openai_responses": {"tools.web_search": []}})
    server = ChatRequest(messages=messages, extras={"anthropic_messages": {"server_tools": []}})
    plain = ChatRequest(messages=messages, extras={"openai_chat": {"store": True}})
    assert [has_tools_of_endpoint(one) for one in (hosted, server, plain)] == [True, True, False]
