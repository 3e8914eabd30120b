"""Copies: made behind the caller's back, within what they may take, and nobody's trouble."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.adapters.storage.shadows import ShadowFile
from pointsman.core.catalog import Capability, Tier
from pointsman.core.chat import ChatRequest, Media, Message, Role, Text, Usage
from pointsman.core.shadow import Comparison, CopyEnd, Likeness
from pointsman.dialects.registry import SURFACES, UPSTREAMS
from pointsman.engine.shadow.asking import request_of_copy
from pointsman.engine.shadow.books import Books, most_usd
from pointsman.engine.shadow.sample import MOST_BYTES
from pointsman.testing import CLOUD_PRICE, Answers, Hangs, a_catalog
from tests.engine.lines import said, whole
from tests.engine.rig import PRIVATE, inbound, say
from tests.engine.shadow.rig import ALL, CLOUD, HELLO, NEAR, NOW, SCRIPTS, TODAY, UNPRICED, Shadowed, a_served, a_shadow


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
