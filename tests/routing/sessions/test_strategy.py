"""The session's own strategy, inside a chain: who is taken without judgement, and who is held."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from pointsman.core.assessment import Assessment
from pointsman.core.catalog import Capability, Operation, Price, Tier
from pointsman.core.decision import Caller, Outcome, Pick, Privacy, PromptFeatures, RoutingContext
from pointsman.core.session import Pin
from pointsman.routing.chain import Chain
from pointsman.routing.constraints.capability import CapabilityConstraint
from pointsman.routing.strategies.session import Patience, SessionPin
from pointsman.testing import ManualClock, a_card, a_catalog, a_router
from tests.routing.sessions.test_follow_up import FOLLOW_UPS, pieces

SIMPLE, MEDIUM, COMPLEX, REASONING = Tier
BLIND = frozenset({Capability.IMAGES})
CHEAP = Price(input_usd_per_mtok=0.1, output_usd_per_mtok=0.4)
CARDS = (
    a_card("small", lacks=BLIND),
    a_card("mid", id="mid#1", is_local=False, lacks=BLIND, price=CHEAP),
    a_card("mid", id="mid#2", is_local=False, lacks=BLIND, price=CHEAP),
    a_card("big", is_local=False),
)
CATALOG = a_catalog(
    *CARDS,
    tiers={SIMPLE: ["small"], MEDIUM: ["mid"], COMPLEX: ["big"]},
    routers=[a_router({SIMPLE: ["small"]}, name="other")],
)
CLOCK = ManualClock(1000.0)
STRATEGY = SessionPin(catalog=CATALOG, clock=CLOCK)


def a_pin(tier: Tier, card: str, **fields: object) -> Pin:
    """A session of a moment ago."""
    return replace(Pin(tier=tier, router="auto", card=card, tokens=1000, at_s=CLOCK()), **fields)  # type: ignore[arg-type]


def context(
    pin: Pin | None, ask: str = "what else is there", *, asked: str = "auto", in_tool_loop: bool = False
) -> RoutingContext:
    """A further request of the session at *pin*."""
    features = PromptFeatures(ask=ask, estimated_input_tokens=1000, turns=2, in_tool_loop=in_tool_loop)
    return RoutingContext(
        requested_model=asked,
        operation=Operation.CHAT,
        features=features,
        caller=Caller(),
        privacy=Privacy(),
        open_models=CATALOG.by_id,
        pin=pin,
    )


def wants(tier: Tier) -> Pick:
    """What a classifier picks."""
    return Pick(reason="scored", tier=tier, router="auto", score=0.1)


def test_without_a_past_it_passes_at_a_glance() -> None:
    """No time is taken."""
    assert STRATEGY.passes(context(None, "continue"))
    assert STRATEGY.passes(context(a_pin(SIMPLE, "small")))
    assert not STRATEGY.passes(context(a_pin(SIMPLE, "small"), "continue"))
    assert not STRATEGY.passes(context(a_pin(SIMPLE, "small"), in_tool_loop=True))


async def test_the_model_that_asked_for_a_tool_gets_its_result() -> None:
    """Nobody judges the request anew."""
    found = await STRATEGY.decide(context(a_pin(MEDIUM, "mid#2", easier=1, hardest=SIMPLE), in_tool_loop=True))
    assert found == Pick(
        reason="mid#2 asked for the tool and gets its result",
        tier=MEDIUM,
        router="auto",
        card="mid#2",
        easier=(1, SIMPLE),
    )


async def test_a_model_that_may_not_be_asked_loses_its_tools_result() -> None:
    """The tier stays."""
    found = await STRATEGY.decide(context(a_pin(MEDIUM, "gone"), in_tool_loop=True))
    assert found == Pick(
        reason="inside a tool's loop the session keeps its tier 'medium'; gone may not be asked",
        tier=MEDIUM,
        router="auto",
    )


async def test_a_follow_up_goes_to_the_model_that_answered() -> None:
    """Also where it is not the first of its tier, as another did better; not where it may not be asked any more."""
    catalog = a_catalog(*CARDS, tiers={COMPLEX: ["mid", "big"]})
    strategy = SessionPin(catalog=catalog, clock=CLOCK)
    found = await strategy.decide(context(a_pin(COMPLEX, "big"), "continue"))
    assert found is not None
    assert found.card == "big"
    without = replace(context(a_pin(COMPLEX, "big"), "continue"), open_models={"mid#1": CARDS[1], "mid#2": CARDS[2]})
    found = await strategy.decide(without)
    assert found is not None
    assert found.card is None


@pytest.mark.parametrize("ask", pieces(FOLLOW_UPS)[:4])
async def test_a_follow_up_keeps_the_tier(ask: str) -> None:
    """And, in a pool, the card with the conversation in its cache."""
    reason = "a short follow-up keeps the session's tier 'medium'"
    found = await STRATEGY.decide(context(a_pin(MEDIUM, "mid#2"), ask))
    assert found == Pick(reason=reason, tier=MEDIUM, router="auto", card="mid#2")
    assert await STRATEGY.decide(context(a_pin(COMPLEX, "big"), ask)) == Pick(
        reason="a short follow-up keeps the session's tier 'complex'", tier=COMPLEX, router="auto"
    )


async def test_a_new_ask_is_left_to_others() -> None:
    """As is everything in another router's name."""
    assert await STRATEGY.decide(context(a_pin(COMPLEX, "big"))) is None
    assert await STRATEGY.decide(context(None)) is None
    assert await STRATEGY.decide(context(a_pin(COMPLEX, "big"), "continue", asked="other")) is None


def test_an_easier_ask_is_held() -> None:
    """The line says why, and what it would have been alone; what was scored stays."""
    assert STRATEGY.settle(context(a_pin(COMPLEX, "big")), wants(SIMPLE)) == Pick(
        reason="the session stays at 'complex': 1 of 3 easier asks in a row; alone this would be 'simple' (scored)",
        tier=COMPLEX,
        router="auto",
        score=0.1,
        easier=(1, SIMPLE),
    )


def test_the_third_easier_ask_in_a_row_goes_down() -> None:
    """To the hardest of them."""
    pin = a_pin(COMPLEX, "big", easier=2, hardest=MEDIUM)
    assert STRATEGY.settle(context(pin), wants(MEDIUM)) == wants(MEDIUM)
    assert STRATEGY.settle(context(pin), wants(SIMPLE)) == Pick(
        reason="the session goes down to 'medium': the hardest of 3 easier asks in a row was medium; "
        "alone this would be 'simple' (scored)",
        tier=MEDIUM,
        router="auto",
        score=0.1,
    )


def test_what_the_cache_is_worth_holds_it_longer() -> None:
    """10,000 tokens take a local model 20 s to read; when the cloud has forgotten them as well, it makes no odds."""
    assessment = Assessment(kind="chat", difficulty=0.0, chances=(1.0, 1.0, 1.0, 1.0), output_tokens=10, familiarity=1)
    pick = replace(wants(SIMPLE), assessment=assessment)
    warm = a_pin(COMPLEX, "big", easier=2, hardest=SIMPLE, tokens=10_000)
    held = STRATEGY.settle(context(warm), pick)
    assert (held.tier, held.easier) == (COMPLEX, (3, SIMPLE))
    assert "small would take about 20 s to read the conversation" in held.reason
    assert STRATEGY.settle(context(replace(warm, at_s=CLOCK() - 301.0)), pick) == pick
    assert STRATEGY.settle(context(replace(warm, card="gone")), pick) == pick


def test_a_harder_ask_goes_up_at_once_and_the_same_stays() -> None:
    """With the card of the pool that has the cache."""
    assert STRATEGY.settle(context(a_pin(SIMPLE, "small")), wants(REASONING)) == wants(REASONING)
    assert STRATEGY.settle(context(a_pin(MEDIUM, "mid#2")), wants(MEDIUM)) == replace(wants(MEDIUM), card="mid#2")


def test_a_pick_of_a_model_or_of_another_router_is_none_of_its_business() -> None:
    """A rule that names a model has the last word."""
    for pick in (Pick(reason="", model="small", router="auto"), Pick(reason="", tier=SIMPLE, router="other")):
        assert STRATEGY.settle(context(a_pin(COMPLEX, "big")), pick) is pick


class Judge:
    """Picks as it is told; breaks when told nothing."""

    name = "judge"
    tier: Tier | None = None

    async def decide(self, context: RoutingContext, /) -> Pick | None:
        """The pick."""
        return wants(self.tier) if self.tier is not None else None


class Broken:
    """Its second word is an error."""

    name = "broken"

    async def decide(self, context: RoutingContext, /) -> Pick | None:
        """Passes."""
        return None

    def settle(self, context: RoutingContext, pick: Pick, /) -> Pick:
        """Fails."""
        raise ZeroDivisionError


async def test_the_second_word_is_a_line_in_the_trail() -> None:
    """After the pick it changes; one that breaks changes nothing."""
    judge = Judge()
    judge.tier = SIMPLE
    chain = Chain(constraints=(), strategies=(Broken(), STRATEGY, judge, Broken()), clock=CLOCK)
    verdict = await chain.decide(context(a_pin(COMPLEX, "big")), CATALOG.models)
    assert verdict.pick is not None
    assert (verdict.strategy, verdict.pick.tier) == ("judge", COMPLEX)
    assert [(step.strategy, step.outcome) for step in verdict.trail] == [
        ("broken", Outcome.PASSED),
        ("session", Outcome.PASSED),
        ("judge", Outcome.PICKED),
        ("session", Outcome.NOTE),
        ("broken", Outcome.FAILED),
    ]


async def test_who_picks_first_is_not_spoken_to() -> None:
    """A strategy before the session's is none of its business."""
    judge = Judge()
    judge.tier = SIMPLE
    chain = Chain(constraints=(), strategies=(judge, STRATEGY), clock=CLOCK)
    verdict = await chain.decide(context(a_pin(COMPLEX, "big")), CATALOG.models)
    assert verdict.pick == wants(SIMPLE)


async def test_an_image_goes_to_who_sees_it_and_leaves_the_session_as_it_is() -> None:
    """The tier is the session's; the model that is struck out for this turn is back for the next."""
    seen = replace(context(a_pin(SIMPLE, "small")), features=replace(context(None).features, needs=BLIND))
    judge = Judge()
    judge.tier = SIMPLE
    chain = Chain(constraints=(CapabilityConstraint(),), strategies=(STRATEGY, judge), clock=CLOCK)
    verdict = await chain.decide(seen, CATALOG.models)
    assert verdict.pick == wants(SIMPLE)
    assert set(verdict.context.open_models) == {"big"}


class Conversation(RuleBasedStateMachine):
    """Any conversation: asks of any tier, follow-ups, tool results, pauses; the pin is kept as the engine keeps it."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self.clock = ManualClock(0.0)
        self.strategy = SessionPin(catalog=CATALOG, clock=self.clock, patience=Patience(easier_asks=2))
        self.pin: Pin | None = None
        self.easier = 0

    def keep(self, pick: Pick) -> None:
        """As `Sessions.keep` does."""
        assert pick.tier is not None
        card = pick.card or {SIMPLE: "small", MEDIUM: "mid#1"}.get(pick.tier, "big")
        easier, hardest = pick.easier if self.pin is not None else (0, None)
        self.pin = Pin(
            tier=pick.tier,
            router=pick.router,
            card=card,
            tokens=500,
            at_s=self.clock(),
            easier=easier,
            hardest=hardest,
        )

    @rule(tier=st.sampled_from(Tier))
    def ask(self, tier: Tier) -> None:
        """A new ask: never less than it needs, up at once, down after two."""
        before, found = self.pin, self.strategy.settle(context(self.pin), wants(tier))
        assert found.tier is not None
        assert found.tier.rank >= tier.rank
        if before is not None and tier.rank < before.tier.rank:
            self.easier += 1
            assert found.tier is before.tier or self.easier >= 2
        if before is None or tier.rank >= before.tier.rank:
            assert found.tier is tier
        if before is None or found.tier is not before.tier or tier.rank >= before.tier.rank:
            self.easier = 0
        self.keep(found)

    @rule(in_tool_loop=st.booleans())
    def go_on(self, in_tool_loop: bool) -> None:  # noqa: FBT001  Hypothesis calls it by name
        """A follow-up or a tool's result changes neither tier nor count."""
        if self.pin is None:
            return
        before = self.pin
        found = asyncio.run(self.strategy.decide(context(self.pin, "continue", in_tool_loop=in_tool_loop)))
        assert found is not None
        assert (found.tier, found.easier) == (before.tier, (before.easier, before.hardest))
        if in_tool_loop:
            assert found.card == before.card
        self.keep(found)

    @rule(seconds=st.floats(0, 1000))
    def pause(self, seconds: float) -> None:
        """The cache may be gone after it."""
        self.clock.advance(seconds)


Conversation.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestConversation = Conversation.TestCase
