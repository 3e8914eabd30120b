"""Copies: made behind the caller's back, within what they may take, and nobody's trouble."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.adapters.storage.shadows import ShadowFile
from pointsman.core.catalog import Capability, Operation, Tier
from pointsman.core.chat import ChatRequest, Media, Message, Role, Text, Usage, ask
from pointsman.core.decision import Caller
from pointsman.core.failure import FailureKind
from pointsman.core.shadow import Comparison, CopyEnd, Likeness
from pointsman.dialects.registry import SURFACES, UPSTREAMS
from pointsman.engine.context_size import ContextSizes
from pointsman.engine.inbound import Inbound
from pointsman.engine.shadow.asking import as_loaded, request_of_copy
from pointsman.engine.shadow.books import Books, most_usd
from pointsman.engine.shadow.pauses import LONGEST_S, PAUSE_S, Pauses
from pointsman.engine.shadow.rules import OPT_OUT, Rule, has_tools_of_endpoint
from pointsman.engine.shadow.sample import MOST_BYTES
from pointsman.resilience.context_book import ContextBook
from pointsman.routing.features import features_of
from pointsman.testing import CLOUD_PRICE, Answers, Fails, Hangs, ManualClock, a_catalog, a_router
from tests.engine.lines import said, whole
from tests.engine.rig import PRIVATE, Scripted, inbound, say
from tests.engine.shadow.rig import NOW, TODAY, Shadowed, a_served, a_shadow

NEAR, OTHER = a_served("near"), a_served("other")
CLOUD = a_served("cloud", is_local=False)
UNPRICED = a_served("unpriced", is_local=False, price=None)
ALL = a_catalog(
    NEAR, OTHER, CLOUD, UNPRICED, tiers={Tier.MEDIUM: ["near"], Tier.SIMPLE: ["other"]}, aliases={"cheap": "other"}
)
HELLO = Answers(chunks=(whole("Hello"),))
SCRIPTS: Mapping[str, Sequence[Scripted]] = {"near": [HELLO], "other": [HELLO], "cloud": [HELLO], "unpriced": [HELLO]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the copies are written."""
    return tmp_path / "ledger-shadows.db"


def ends(found: Shadowed) -> dict[tuple[str, str], int]:
    """What was counted for the metrics."""
    return dict(found.shadows.counts)


async def test_a_copy_is_asked_after_the_answer_and_compared_with_it(path: Path) -> None:
    """The same request in the other model's name, in one piece; the caller's answer is as it would be."""
    async with a_shadow(path, ALL, SCRIPTS) as found:
        assert await found.whole(inbound("hi there")) == whole("Hello")
        assert found.rig.endpoints["other"].calls == []
        (copy,) = await found.settled()
        (call,) = found.rig.endpoints["other"].calls
    assert (copy.decision_id, copy.end, copy.tier, copy.surface) == ("d1", CopyEnd.ANSWERED, Tier.MEDIUM, "lines")
    assert copy.comparison == Comparison(likeness=Likeness.AGREES, reasons=("the same words",), similarity=1.0)
    assert (copy.served.model, copy.shadow.model) == ("near", "other")
    assert (copy.shadow.input_tokens, copy.shadow.output_tokens, copy.shadow.cost_usd) == (3, 2, 0.0)
    assert (copy.served.text, copy.shadow.text, copy.prompt) == (None, None, None)
    assert json.loads(call.body)["model"] == "other-upstream"
    assert not call.stream
    assert ends(found) == {("other", "answered"): 1, ("other", "agrees"): 1}
    assert dict(found.shadows.cost_usd) == {"other": 0.0}


async def test_a_stream_is_compared_once_it_is_over(path: Path) -> None:
    """By the pieces that the caller got."""
    scripts = {**SCRIPTS, "near": [Answers(chunks=said("Hel", "lo"))]}
    async with a_shadow(path, ALL, scripts) as found:
        await found.streamed(inbound("hi", stream=True, stream_usage=True))
        (copy,) = await found.settled()
    assert copy.comparison is not None
    assert copy.comparison.likeness is Likeness.AGREES
    assert (copy.served.input_tokens, copy.served.output_tokens) == (3, 2)


async def test_an_answer_that_cannot_be_read_is_not_compared(path: Path) -> None:
    """A stream of another shape, one that broke, one that is too long: nothing is asked."""
    long = Answers(chunks=said("x" * MOST_BYTES))
    scripts = {**SCRIPTS, "near": [long, Answers(chunks=said("short"))]}
    async with a_shadow(path, ALL, scripts) as found:
        await found.streamed(inbound("hi", stream=True, stream_usage=True))
        assert await found.settled() == []
        sample = found.shadows.drawn(inbound("hi"), await found.rig.router.resolve(inbound("hi")))
        assert sample is not None
        sample.heard(b'{"text": "Hel"}\n')
        answer = await found.rig.router.answer_stream(inbound("hi", stream=True), say)
        _ = [piece async for piece in answer.pieces]
        found.shadows.streamed(sample, answer.pieces)
        assert await found.settled() == []
        assert found.rig.endpoints["other"].calls == []


async def test_text_is_kept_where_the_ledger_keeps_it_and_the_request_is_public(path: Path) -> None:
    """The option is the ledger's."""
    async with a_shadow(path, ALL, SCRIPTS, keeps_text=True) as found:
        await found.whole(inbound("hi there"))
        await found.whole(inbound("my IBAN", caller=PRIVATE))
        public, private = await found.settled()
    assert (public.prompt, public.served.text, public.shadow.text) == ("hi there", "Hello", "Hello")
    assert (private.prompt, private.served.text, private.shadow.text) == (None, None, None)


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
        request = inbound("my IBAN", caller=PRIVATE)
        sample = found.shadows.drawn(request, await found.rig.router.resolve(request))
        assert sample is not None
        sample.card = CLOUD
        found.shadows.whole(sample, await found.rig.router.answer(request))
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


async def test_what_is_drawn_while_enough_are_under_way_is_let_be(path: Path) -> None:
    """Nothing waits in line: it is counted."""
    async with a_shadow(path, ALL, {**SCRIPTS, "cloud": [Hangs()]}, model="cloud", most_at_once=2) as found:
        for _ in range(5):
            await found.whole(inbound())
        assert found.shadows.under_way == 2
        await found.asked("cloud", 2)
    assert found.not_copied() == {"full": 3}
    assert [copy.end for copy in found.file.each()] == [CopyEnd.STOPPED] * 2


async def test_the_end_breaks_copies_off_and_writes_what_became_of_them(path: Path) -> None:
    """Nobody waits for a copy; what it may have cost stays on the bill. Afterwards nothing is drawn."""
    async with a_shadow(path, ALL, {**SCRIPTS, "cloud": [Hangs()]}, model="cloud") as found:
        await found.whole(inbound())
        await found.asked("cloud")
    (copy,) = found.file.each()
    assert (copy.end, copy.shadow.cost_usd) == (CopyEnd.STOPPED, None)
    assert found.file.spent_usd(TODAY) == pytest.approx(most_usd(CLOUD, 6, 100))
    resolved = await found.rig.router.resolve(inbound())
    assert found.shadows.drawn(inbound(), resolved) is None


async def test_a_failed_copy_hurts_nobody(path: Path) -> None:
    """No health, no event, no second attempt; the model is left alone for a while."""
    busy = Answers(status=503, chunks=(b'{"error": "overloaded"}',))
    async with a_shadow(path, ALL, {**SCRIPTS, "other": [busy, HELLO]}) as found:
        await found.whole(inbound())
        (copy,) = await found.settled()
        assert (copy.end, copy.failure, copy.message) == (CopyEnd.FAILED, "transient", "overloaded")
        assert copy.comparison is None
        assert found.rig.router.health.is_all_well
        assert found.rig.story() == ["Decided", "AttemptStarted", "Finished"]
        await found.whole(inbound())
        await found.settled()
        assert found.not_copied() == {"paused": 1}
        found.rig.clock.advance(PAUSE_S)
        await found.whole(inbound())
        assert [one.end for one in await found.settled()] == [CopyEnd.FAILED, CopyEnd.ANSWERED]


async def test_a_model_that_is_not_well_gets_no_copies(path: Path) -> None:
    """Its trials belong to callers."""
    down = [Fails(kind=FailureKind.AUTH, status=401)]
    async with a_shadow(path, ALL, {**SCRIPTS, "other": down}) as found:
        with pytest.raises(Exception, match="refused"):
            await found.whole(inbound(model="other"))
        await found.whole(inbound())
        assert (await found.settled(), found.not_copied()) == ([], {"paused": 1})


async def test_a_copy_that_takes_too_long_is_given_up(path: Path) -> None:
    """What it may have cost stays on the bill."""
    async with a_shadow(path, ALL, {**SCRIPTS, "cloud": [Hangs()]}, model="cloud", timeout_s=0.01) as found:
        await found.whole(inbound())
        (copy,) = await found.settled()
        assert copy.end is CopyEnd.TIMEOUT
        assert found.file.spent_usd(TODAY) == pytest.approx(most_usd(CLOUD, 6, 100))
        await found.whole(inbound())
        await found.settled()
        assert found.not_copied() == {"paused": 1}


async def test_what_a_copy_costs_is_on_the_bill_and_no_more(path: Path) -> None:
    """Reserved at most, settled by the endpoint's own count; an error costs nothing."""
    scripts = {**SCRIPTS, "cloud": [HELLO, Answers(status=500)]}
    async with a_shadow(path, ALL, scripts, model="cloud") as found:
        await found.whole(inbound())
        (copy,) = await found.settled()
        cost = CLOUD_PRICE.cost_usd(Usage(input_tokens=3, output_tokens=2))
        assert copy.shadow.cost_usd == pytest.approx(cost)
        assert found.file.spent_usd(TODAY) == pytest.approx(cost)
        await found.whole(inbound())
        await found.settled()
        assert found.file.spent_usd(TODAY) == pytest.approx(cost)


async def test_beyond_the_days_budget_only_free_copies_go_on(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Said once; the caller's own answers are no matter of it."""
    async with a_shadow(path, ALL, SCRIPTS, model="cloud", budget_usd=0.001) as found:
        with caplog.at_level(logging.WARNING, logger="pointsman.shadow"):
            await found.whole(inbound())
            await found.whole(inbound())
            assert await found.settled() == []
        assert found.not_copied() == {"over_budget": 2}
        assert [record.message.split()[0] for record in caplog.records] == ["shadow-budget-spent"]
        assert found.rig.endpoints["cloud"].calls == []
    async with a_shadow(path, ALL, SCRIPTS, budget_usd=0.0) as found:
        await found.whole(inbound())
        assert len(await found.settled()) == 1


async def test_a_budget_that_cannot_be_written_is_spent(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Copies that cost are not made then; those that are free are not written down. Said once."""
    path = tmp_path / "no" / "file"
    path.parent.write_text("no folder", encoding="utf-8")
    with caplog.at_level(logging.WARNING, logger="pointsman.shadow"):
        async with a_shadow(path, ALL, SCRIPTS, model="cloud") as found:
            await found.whole(inbound())
            assert await found.settled() == []
            assert found.rig.endpoints["cloud"].calls == []
            assert ends(found) == {("cloud", "not_kept"): 1}
    assert [record.message.split()[0] for record in caplog.records] == ["shadow-not-kept"]


async def test_a_copy_gives_its_place_to_a_caller(path: Path) -> None:
    """A request for the copy's server goes there at once, and the copy is over."""
    async with a_shadow(path, ALL, {**SCRIPTS, "other": [Hangs(), HELLO]}) as found:
        await found.whole(inbound())
        await found.asked("other")
        assert await found.whole(inbound(model="other")) == whole("Hello")
        (copy,) = await found.settled()
    assert (copy.end, copy.comparison) == (CopyEnd.GAVE_WAY, None)


async def test_one_server_by_two_names_is_one(path: Path) -> None:
    """Such as an Ollama that is asked in its own API and in OpenAI's."""
    own, openai = a_served("near"), a_served("other")
    own = replace(own, endpoint=replace(own.endpoint, base_url="http://localhost:11434"))
    openai = replace(openai, endpoint=replace(openai.endpoint, base_url="http://127.0.0.1:11434/v1"))
    catalog = a_catalog(own, openai, tiers={Tier.MEDIUM: ["near"]})
    async with a_shadow(path, catalog, {**SCRIPTS, "other": [Hangs()]}, most_at_once=1) as found:
        await found.whole(inbound())
        await found.asked("other")
        await found.whole(inbound())
    (copy,) = found.file.each()
    assert copy.end is CopyEnd.GAVE_WAY


async def test_a_copy_gives_its_memory_to_a_caller_of_another_model(path: Path) -> None:
    """Where both share a budget; where they do not it goes on."""
    scripts = {**SCRIPTS, "other": [Hangs()]}
    for shares, end in ((True, CopyEnd.GAVE_WAY), (False, CopyEnd.STOPPED)):
        file = path.with_name(f"{shares}.db")
        async with a_shadow(file, ALL, scripts, shares_memory=shares, most_at_once=1) as found:
            await found.whole(inbound())
            await found.asked("other")
            await found.whole(inbound())
        (copy,) = found.file.each()
        assert copy.end is end


async def test_a_model_that_is_not_in_memory_is_not_loaded_for_a_copy(path: Path) -> None:
    """It would put another one out."""
    async with a_shadow(path, ALL, SCRIPTS) as found:
        found.absent.add("other")
        await found.whole(inbound())
        assert (await found.settled(), found.not_copied()) == ([], {"not_loaded": 1})


async def test_a_busy_server_gets_no_copy(path: Path) -> None:
    """A local one with anything to do, a distant one without a free slot."""
    async with a_shadow(path, ALL, SCRIPTS) as found:
        held = found.rig.router.limits.try_enter(OTHER)
        await found.whole(inbound())
        assert (await found.settled(), found.not_copied()) == ([], {"no_room": 1})
        assert held is not None
        held.release()
        await found.whole(inbound())
        assert len(await found.settled()) == 1
    async with a_shadow(path.with_name("b.db"), ALL, SCRIPTS, model="cloud") as found:
        while found.rig.router.limits.try_enter(CLOUD) is not None:
            pass
        await found.whole(inbound())
        assert (await found.settled(), found.not_copied()) == ([], {"no_room": 1})
        assert found.file.spent_usd(TODAY) == 0.0


async def test_a_caller_who_has_to_wait_at_a_distant_server_gets_the_copys_place(path: Path) -> None:
    """And one who has not lets it be."""
    async with a_shadow(path, ALL, {**SCRIPTS, "cloud": [Hangs(), HELLO]}, model="cloud") as found:
        await found.whole(inbound())
        await found.asked("cloud")
        limits, slots = found.rig.router.limits, []
        while (slot := limits.try_enter(CLOUD)) is not None:
            slots.append(slot)
        assert found.shadows.under_way == 1
        held = await limits.enter(CLOUD, None)
        held.release()
        (copy,) = await found.settled()
        assert copy.end is CopyEnd.GAVE_WAY
        for slot in slots:
            slot.release()


async def test_content_that_the_other_model_cannot_be_told_ends_the_copy(path: Path) -> None:
    """Not sent, and nothing spent: the caller's own went as it was."""
    async with a_shadow(path, ALL, SCRIPTS, model="cloud", max_prompt_tokens=9_000) as found:
        given = inbound("what is this?")
        picture = Media(kind="image", url="https://example.org/a.png")
        message = Message(role=Role.USER, parts=(Text(text="what is this?"), picture))
        await found.whole(replace(given, request=ChatRequest(messages=(message,))))
        (copy,) = await found.settled()
        assert (copy.end, copy.failure, copy.message) == (CopyEnd.FAILED, "invalid_request", "Lines has no pictures.")
        assert found.rig.endpoints["cloud"].calls == []
        assert found.file.spent_usd(TODAY) == 0.0


async def test_a_mistake_of_ours_ends_one_copy_and_says_where_not_what(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The next copy is made as ever."""
    async with a_shadow(path, ALL, {**SCRIPTS, "other": [RuntimeError("secret"), HELLO]}) as found:
        with caplog.at_level(logging.ERROR, logger="pointsman.shadow"):
            await found.whole(inbound())
            assert await found.settled() == []
        assert [record.message for record in caplog.records] == ["shadow-broke error=RuntimeError"]
        await found.whole(inbound())
        assert len(await found.settled()) == 1


def test_a_copy_asks_for_one_answer_within_the_limit() -> None:
    """A caller's own smaller limit stays."""
    given = inbound("hi").request
    assert isinstance(given, ChatRequest)
    request, is_capped = request_of_copy(given, 100)
    assert (request.stream, request.sampling.max_output_tokens, is_capped) == (False, 100, True)
    smaller, is_capped = request_of_copy(request, 200)
    assert (smaller.sampling.max_output_tokens, is_capped) == (100, False)


def test_a_budget_of_thinking_that_our_limit_has_no_room_for_is_left_to_the_effort() -> None:
    """Anthropic's API refuses it with 400; one that fits stays as it is."""
    decode = SURFACES["anthropic_messages"].decode_chat
    given = decode({
        "model": "m",
        "max_tokens": 32_000,
        "thinking": {"type": "enabled", "budget_tokens": 16_000},
        "messages": [{"role": "user", "content": "hi"}],
    })  # fmt: skip
    upstream = UPSTREAMS["anthropic_messages"]
    for limit, budget in ((4_096, 2_048), (20_000, 16_000)):
        request, _ = request_of_copy(given, limit)
        body = upstream.encode_chat(request, "claude-sonnet-4-5").body
        assert (body["max_tokens"], body["thinking"]) == (limit, {"type": "enabled", "budget_tokens": budget})


async def test_a_request_that_one_model_refuses_does_not_pause_it(path: Path) -> None:
    """It did answer: the next copy is made."""
    refusal = Answers(status=400, chunks=(b'{"error": "no such setting"}',))
    async with a_shadow(path, ALL, {**SCRIPTS, "other": [refusal, HELLO]}) as found:
        await found.whole(inbound())
        await found.settled()
        await found.whole(inbound())
        first, second = await found.settled()
    assert (first.end, first.failure, second.end) == (CopyEnd.FAILED, "bad_request", CopyEnd.ANSWERED)


def test_pauses_double_up_to_an_hour_and_end_with_an_answer() -> None:
    """Or are as long as the endpoint asks."""
    clock = ManualClock()
    pauses = Pauses(clock=clock)
    for times in range(10):
        pauses.failed(OTHER)
        pause_s = min(PAUSE_S * 2**times, LONGEST_S)
        clock.advance(pause_s - 1)
        assert pauses.holds(OTHER)
        clock.advance(1)
        assert not pauses.holds(OTHER)
    pauses.answered(OTHER)
    pauses.failed(OTHER, Fails(retry_after_s=99.0).error("other", "e").failure)
    clock.advance(98)
    assert pauses.holds(OTHER)
    clock.advance(1)
    assert not pauses.holds(OTHER)


async def test_a_prompt_that_its_server_would_load_the_model_anew_for_is_not_copied(path: Path) -> None:
    """Ollama does, for a larger window; one that fits carries the window that it is loaded with."""
    small = a_served("other", dialect="ollama", context_tokens=32_768)
    sizes = ContextSizes(book=ContextBook(clock=ManualClock()))
    as_it_is = as_loaded(sizes, small, features_of(ask("hi")))
    assert as_it_is is not None
    assert as_it_is.defaults == {"options": {"num_ctx": 8_192}}
    assert as_loaded(sizes, small, features_of(ask("word " * 12_000))) is None
    catalog = a_catalog(NEAR, small, tiers={Tier.MEDIUM: ["near"]})
    async with a_shadow(path, catalog, SCRIPTS, max_prompt_tokens=99_000) as found:
        await found.whole(inbound("word " * 12_000))
        assert (await found.settled(), found.not_copied()) == ([], {"not_loaded": 1})


async def test_a_model_that_sees_no_images_is_told_where_they_were(path: Path) -> None:
    """As it would be, were it asked by a caller."""
    blind = a_served("other", lacks=frozenset({Capability.IMAGES}))
    catalog = a_catalog(NEAR, blind, tiers={Tier.MEDIUM: ["near"]})
    picture = Media(kind="image", url="https://example.org/a.png")
    turns = (
        Message(role=Role.USER, parts=(Text(text="what is this?"), picture)),
        Message(role=Role.ASSISTANT, parts=(Text(text="a cat"),)),
        Message(role=Role.USER, parts=(Text(text="thanks, and what is a cat?"),)),
    )
    async with a_shadow(path, catalog, SCRIPTS, max_prompt_tokens=9_000) as found:
        await found.whole(replace(inbound("x"), request=ChatRequest(messages=turns)))
        (copy,) = await found.settled()
        assert copy.end is CopyEnd.ANSWERED  # Lines would have refused the picture


async def test_who_is_broken_off_while_asking_for_money_gives_it_back(tmp_path: Path) -> None:
    """The reservation may be made when nobody waits for it any more."""
    begun, goes_on = threading.Event(), threading.Event()

    class Slow(ShadowFile):
        def reserve(self, day: str, amount_usd: float, budget_usd: float, /) -> bool:
            begun.set()
            goes_on.wait(10)
            return super().reserve(day, amount_usd, budget_usd)

    file = Slow(tmp_path / "s.db")
    books = Books(store=file, budget_usd=1.0, now=lambda: NOW)
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(books.reserve(CLOUD, 0.5))
        await asyncio.to_thread(begun.wait, 10)
        asking.cancel()
    goes_on.set()
    await books.aclose()
    assert file.spent_usd(TODAY) == 0.0
    file.close()


async def test_a_whole_answer_of_another_shape_is_not_compared(path: Path) -> None:
    """Nothing is asked for it."""
    async with a_shadow(path, ALL, SCRIPTS) as found:
        request = inbound("hi")
        resolved = await found.rig.router.resolve(request)
        answer = await found.rig.router.answer(request, resolved)
        for body in (b"no JSON", b'{"text": 1'):
            sample = found.shadows.drawn(request, resolved)
            assert sample is not None
            found.shadows.whole(sample, replace(answer, whole=replace(answer.whole, body=body, reply=None)))
        assert await found.settled() == []
        assert found.rig.endpoints["other"].calls == []


def test_the_most_a_copy_costs() -> None:
    """The docstring's example; what has no price costs nothing."""
    assert most_usd(CLOUD, 1000, 2048) == pytest.approx(0.037488)
    assert most_usd(UNPRICED, 1000, 2048) == 0.0
