"""Copies are the least important thing: they give way, load nothing, and leave alone whoever is not well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.core.catalog import Tier
from pointsman.core.chat import ask
from pointsman.core.failure import FailureKind
from pointsman.core.shadow import CopyEnd
from pointsman.engine.context_size import ContextSizes
from pointsman.engine.shadow.asking import as_loaded
from pointsman.engine.shadow.pauses import LONGEST_S, PAUSE_S, Pauses
from pointsman.resilience.context_book import ContextBook
from pointsman.routing.features import features_of
from pointsman.testing import Answers, Fails, Hangs, ManualClock, a_catalog
from tests.engine.lines import whole
from tests.engine.rig import inbound
from tests.engine.shadow.rig import ALL, CLOUD, HELLO, NEAR, OTHER, SCRIPTS, TODAY, a_served, a_shadow


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
