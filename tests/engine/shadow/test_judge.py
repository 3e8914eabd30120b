"""The judge of two answers: asked in both orders, through the gate, and only where nothing else tells."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from pointsman.core.shadow import Copy, CopyEnd, Likeness
from pointsman.engine.shadow.judge import question
from pointsman.testing import Answers, Fails, Hangs, a_catalog
from tests.engine.lines import whole
from tests.engine.rig import Scripted, inbound
from tests.engine.shadow.rig import Shadowed, a_served, a_shadow

NEAR, OTHER, JUDGE = a_served("near"), a_served("other"), a_served("judge")
CLOUD = a_served("cloud", is_local=False)
ALL = a_catalog(NEAR, OTHER, JUDGE, CLOUD)
PROSE = "The sea is blue because water takes in red light more than blue light does, as one sees when diving."
OTHER_PROSE = "Sunlight is scattered by molecules; longer waves are absorbed, so that a bluish shade remains."


def scripts(*words: Scripted | str) -> Mapping[str, Sequence[Scripted]]:
    """Two texts that nobody can compare, and what the judge says."""
    said = [Answers(chunks=(whole(word),)) if isinstance(word, str) else word for word in words]
    texts: Mapping[str, Sequence[Scripted]] = {
        "near": [Answers(chunks=(whole(PROSE),))],
        "other": [Answers(chunks=(whole(OTHER_PROSE),))],
    }
    return {**texts, "judge": said, "cloud": said}


async def one_copy(found: Shadowed) -> Copy:
    """The copy of one request."""
    await found.whole(inbound("why is the sea blue?", model="near"))
    (copy,) = await found.settled()
    return copy


@pytest.mark.parametrize(
    ("words", "likeness", "reason"),
    [
        (("A", "B"), Likeness.WORSE, "the judge prefers the caller's answer, in either place"),
        (("b.", "**A**"), Likeness.BETTER, "the judge prefers the copy's answer, in either place"),
        (("TIE", "<think>A or B?</think>tie"), Likeness.AGREES, "the judge finds both as good, in either place"),
    ],
)
async def test_a_judge_who_says_the_same_in_either_order_is_heard(
    tmp_path: Path, words: tuple[str, str], likeness: Likeness, reason: str
) -> None:
    """Judges favour a place: only what both orders say counts."""
    async with a_shadow(tmp_path / "s.db", ALL, scripts(*words), judge=JUDGE) as found:
        copy = await one_copy(found)
        first, second = (json.loads(call.body) for call in found.rig.endpoints["judge"].calls)
    assert copy.comparison is not None
    assert (copy.comparison.likeness, copy.comparison.reasons, copy.comparison.judge) == (likeness, (reason,), "judge")
    assert first != second


@pytest.mark.parametrize(
    ("words", "note"),
    [
        (("A", "A"), "the judge does not say"),
        (("A is better than B", "B"), "the judge does not say"),
        (("", "tie"), "the judge does not say"),
        ((Fails(),), "the judge did not answer"),
    ],
)
async def test_a_judge_who_does_not_say_leaves_it_open(
    tmp_path: Path, words: tuple[Scripted | str, ...], note: str
) -> None:
    """As it was compared before."""
    async with a_shadow(tmp_path / "s.db", ALL, scripts(*words), judge=JUDGE) as found:
        copy = await one_copy(found)
    assert copy.comparison is not None
    assert (copy.comparison.likeness, copy.comparison.judge) == (Likeness.UNCLEAR, None)
    assert copy.comparison.reasons == ("only a reader can tell", note)


async def test_a_judge_that_is_busy_is_not_asked(tmp_path: Path) -> None:
    """It gives way as copies do."""
    async with a_shadow(tmp_path / "s.db", ALL, scripts("A", "B"), judge=JUDGE) as found:
        held = found.rig.router.limits.try_enter(JUDGE)
        copy = await one_copy(found)
        assert held is not None
        held.release()
    assert copy.comparison is not None
    assert copy.comparison.reasons == ("only a reader can tell", "the judge was not asked (no_room)")
    assert found.rig.endpoints["judge"].calls == []


async def test_a_judge_gives_way_to_a_caller(tmp_path: Path) -> None:
    """What was found before is kept."""
    async with a_shadow(tmp_path / "s.db", ALL, scripts(Hangs(), "hello"), judge=JUDGE) as found:
        await found.whole(inbound("why is the sea blue?", model="near"))
        await found.asked("judge")
        await found.rig.router.answer(inbound("hi", model="judge"))
        (copy,) = await found.settled()
    assert copy.end is CopyEnd.ANSWERED
    assert copy.comparison is not None
    assert copy.comparison.reasons == ("only a reader can tell", "the judge gave way")


async def test_the_end_breaks_the_judge_off_and_keeps_the_comparison(tmp_path: Path) -> None:
    """The copy itself was paid for."""
    async with a_shadow(tmp_path / "s.db", ALL, scripts(Hangs()), judge=JUDGE) as found:
        await found.whole(inbound("why is the sea blue?", model="near"))
        await found.asked("judge")
    (copy,) = found.file.each()
    assert copy.comparison is not None
    assert copy.comparison.reasons == ("only a reader can tell", "the judge gave way")


async def test_a_judge_that_is_not_local_is_refused_by_the_gate(tmp_path: Path) -> None:
    """Whatever the configuration: what it is shown goes as private text does."""
    async with a_shadow(tmp_path / "s.db", ALL, scripts("A", "B"), judge=CLOUD) as found:
        copy = await one_copy(found)
    assert copy.comparison is not None
    assert copy.comparison.reasons == ("only a reader can tell", "the judge did not answer")
    assert found.rig.endpoints["cloud"].calls == []


async def test_what_is_clear_is_not_judged(tmp_path: Path) -> None:
    """The judge's time is somebody's too."""
    same = {**scripts("A", "B"), "other": [Answers(chunks=(whole(PROSE),))]}
    async with a_shadow(tmp_path / "s.db", ALL, same, judge=JUDGE) as found:
        copy = await one_copy(found)
    assert copy.comparison is not None
    assert copy.comparison.likeness is Likeness.AGREES
    assert found.rig.endpoints["judge"].calls == []


async def test_a_judge_that_takes_too_long_is_not_waited_for(tmp_path: Path) -> None:
    """The copy's own time limit is the judge's."""
    async with a_shadow(tmp_path / "s.db", ALL, scripts(Hangs()), judge=JUDGE, timeout_s=0.05) as found:
        copy = await one_copy(found)
    assert copy.comparison is not None
    assert copy.comparison.reasons[-1] == "the judge did not answer"


def test_long_texts_are_shown_in_part() -> None:
    """A judge's window is small."""
    asked = question("p" * 99_999, "a" * 99_999, "b")
    assert sum(len(message.text) for message in asked.messages) < 13_000
