"""Verdicts in the file beside the ledger: learned from once, shared by processes, nobody's but their caller's."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.adapters.storage.database import migrate
from pointsman.adapters.storage.feedback import (
    FADE_S,
    LOOK_S,
    MOST_WAITING,
    FeedbackFile,
    FeedbackWriter,
    Known,
    feedback_path,
)
from pointsman.adapters.storage.own_file import shipped_scripts
from pointsman.core.catalog import Tier
from pointsman.core.errors import ConfigError
from pointsman.routing.learned.abilities import Learnt, OfKinds
from pointsman.routing.learned.feedback import (
    DAY_S,
    HALF_LIFE_DAYS,
    KEPT_HALF_LIVES,
    Beliefs,
    Remark,
    Task,
    Verdict,
    faded,
    learned,
    standing,
)
from pointsman.testing import ManualClock

NOW = 1_790_000_000.0
TASK = Task(kind="coding", tier=Tier.SIMPLE, margin=0.9, slope=1.2, model="a")
OTHER = replace(TASK, model="b")
DOWN = Remark(decision_id="d1", key_id="k1", verdict=Verdict.DOWN, at_s=NOW, task=TASK)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is to be."""
    return feedback_path(tmp_path / "ledger.db")


def opened(
    path: Path, clock: Callable[[], float] = lambda: 0.0, now: Callable[[], float] = lambda: NOW
) -> FeedbackFile:
    """The file as one process has it."""
    return FeedbackFile(path, clock=clock, now=now)


def beliefs_after(*verdicts: Verdict) -> Beliefs:
    """What is believed of TASK's model after these verdicts at once."""
    beliefs: Beliefs = {}
    for verdict in verdicts:
        beliefs = {"a": learned(beliefs, TASK, verdict, NOW)[0]}
    return beliefs


def shift_after(*verdicts: Verdict, model: str = "a") -> float:
    """How far that moves *model*."""
    return standing(beliefs_after(*verdicts), model).shift


def simple_of(found: OfKinds, kind: str = "coding", model: str = "a") -> float:
    """The shift of that model of the simple tier."""
    return found[kind].of(Tier.SIMPLE, model)


def rows(path: Path) -> int:
    """How many verdicts are kept."""
    with closing(sqlite3.connect(path)) as connection:
        (found,) = connection.execute("SELECT count(*) FROM verdicts").fetchone()
    return int(found)


def test_nothing_is_known_before_the_first_verdict_and_no_file_is_made(path: Path) -> None:
    """Neither by looking nor by a reset."""
    file = opened(path)
    assert (file.shifts_of("k1"), file.all(), file.reset(everybody=True)) == ({}, [], 0)
    assert not path.exists()


def test_what_one_process_learns_another_knows_within_a_second(path: Path) -> None:
    """And only for the caller whose verdict it was."""
    clock = ManualClock()
    other = opened(path, clock)
    assert other.shifts_of("k1") == {}
    opened(path).note(DOWN)
    assert other.shifts_of("k1") == {}
    clock.advance(LOOK_S)
    others = round(shift_after(Verdict.DOWN, model="b"), 4)
    learnt = Learnt(models={(Tier.SIMPLE, "a"): round(shift_after(Verdict.DOWN), 4)}, others=(others, 0.0, 0.0, 0.0))
    expected: OfKinds = {"coding": learnt}
    assert other.shifts_of("k1") == expected
    assert (other.shifts_of("k2"), other.shifts_of(None)) == ({}, {})
    opened(path).note(replace(DOWN, decision_id="d2", key_id=None, verdict=Verdict.UP))
    clock.advance(LOOK_S)
    assert (other.shifts_of("k1"), simple_of(other.shifts_of(None)) > 0) == (expected, True)


def test_the_same_verdict_again_changes_nothing_and_another_takes_its_place(path: Path) -> None:
    """Whoever presses a button twice has said one thing."""
    file = opened(path)
    first = file.note(DOWN)
    assert file.note(DOWN) == first
    second = file.note(replace(DOWN, verdict=Verdict.UP))
    assert second is not None
    assert [second.shift, second.verdicts] == pytest.approx([shift_after(Verdict.UP), 1])
    assert rows(path) == 1


def test_a_sign_gives_way_to_what_a_person_says(path: Path) -> None:
    """And never takes its place."""
    file = opened(path)
    sign = replace(DOWN, verdict=Verdict.REGENERATED, is_sign=True)
    file.note(sign)
    said = file.note(replace(DOWN, verdict=Verdict.UP))
    assert said is not None
    assert said.shift == pytest.approx(shift_after(Verdict.UP))
    assert file.note(sign) == said


def test_a_verdict_that_teaches_nothing_is_kept_all_the_same(path: Path) -> None:
    """Such as one on a model that the caller named."""
    file = opened(path)
    unlearnable = replace(DOWN, task=None)
    assert (file.note(unlearnable), file.note(unlearnable), file.all()) == (None, None, [])
    assert file.note(replace(unlearnable, verdict=Verdict.UP)) is None
    assert rows(path) == 1


def test_a_reset_returns_to_the_prior_for_one_caller_or_for_all(path: Path) -> None:
    """In the processes that serve as well; the verdicts are gone, so one can be given anew."""
    clock = ManualClock()
    other = opened(path, clock)
    file = opened(path)
    for number, key_id in enumerate(("k1", "k2", None)):
        file.note(replace(DOWN, decision_id=f"d{number}", key_id=key_id))
    assert file.reset("k1") == 1
    assert [one.key_id for one in file.all() if one.model] == [None, "k2"]
    assert other.shifts_of("k1") == {}
    assert file.reset() == 1
    assert file.reset(everybody=True) == 1
    assert (file.all(), rows(path)) == ([], 0)
    again = file.note(replace(DOWN, decision_id="d0"))
    assert again is not None
    assert [again.shift, again.verdicts] == pytest.approx([shift_after(Verdict.DOWN), 1])


def test_one_models_verdicts_can_be_forgotten(path: Path) -> None:
    """Of one caller, or of all; what was said of the others stays."""
    file = opened(path)
    for number, (key_id, task) in enumerate([("k1", TASK), ("k1", OTHER), ("k2", TASK), (None, TASK)]):
        file.note(replace(DOWN, decision_id=f"d{number}", key_id=key_id, task=task))
    assert file.reset("k1", model="a") == 1
    assert [(one.key_id, one.model) for one in file.all() if one.model] == [(None, "a"), ("k1", "b"), ("k2", "a")]
    only_b = opened(path.with_name("alone.db"))
    assert simple_of(file.shifts_of("k1"), model="b") == pytest.approx(only_b_after(only_b), abs=1e-9)
    assert file.reset(model="a", everybody=True) == 2
    assert [one.model for one in file.all()] == ["b", None]
    assert rows(path) == 1


def only_b_after(file: FeedbackFile) -> float:
    """The shift of the other model where the complaint about it was the second: it was less of a surprise."""
    file.note(DOWN)
    file.note(replace(DOWN, decision_id="d2", task=OTHER))
    file.reset("k1", model="a")
    return simple_of(file.shifts_of("k1"), model="b")


def test_everything_believed_is_listed_as_it_stands_now(path: Path) -> None:
    """By caller, kind, tier and model, and what is taken of the tier's others; half of it after a half-life."""
    opened(path).note(DOWN)
    later_s = NOW + HALF_LIFE_DAYS * DAY_S
    beliefs = {model: faded(belief, later_s) for model, belief in beliefs_after(Verdict.DOWN).items()}
    assert opened(path, now=lambda: later_s).all() == [
        Known(key_id="k1", kind="coding", tier=Tier.SIMPLE, model=model or None, standing=standing(beliefs, model))
        for model in ("a", "")
    ]


def test_another_word_on_another_models_answer_takes_the_first_one_back(path: Path) -> None:
    """A turn that was raised is first the tier's fault, as nobody knows whose; then a person says."""
    file = opened(path)
    file.note(replace(DOWN, verdict=Verdict.ESCALATED, is_sign=True, task=replace(TASK, model="")))
    assert simple_of(file.shifts_of("k1"), model="b") < 0
    said = file.note(replace(DOWN, verdict=Verdict.UP))
    assert said is not None
    assert [said.shift, said.verdicts] == pytest.approx([shift_after(Verdict.UP), 1])
    assert [(one.model, one.standing.verdicts) for one in file.all()] == [("a", 1), (None, 0)]


def test_what_was_learned_of_tiers_before_goes_on_to_count(path: Path) -> None:
    """A file of the first format is brought up to date by whoever reads it; what it says is the tier's."""
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        migrate(old, path, shipped_scripts("feedback")[:1])
        old.execute("INSERT INTO beliefs VALUES (7, 'k1', 'coding', 'simple', -2.0, 0.8, ?, 3)", (NOW,))
        old.execute("INSERT INTO verdicts VALUES ('d1', 'simple', 'k1', 'coding', 'down', 0, ?, -0.7, 0.27)", (NOW,))
    file = opened(path)
    before = simple_of(file.shifts_of("k1"))
    assert before == simple_of(file.shifts_of("k1"), model="b") == pytest.approx(-2.0 / (1 / 0.18 + 0.8), abs=1e-4)
    again = file.note(DOWN)
    assert again is not None
    assert [again.shift, again.deviation, again.verdicts] == pytest.approx([before, 0.581, 0], abs=1e-3)
    second = file.note(replace(DOWN, decision_id="d2"))
    assert second is not None
    assert second.shift < before
    file.note(replace(DOWN, verdict=Verdict.UP))
    assert simple_of(opened(path).shifts_of("k1"), model="b") > before


def test_a_process_that_runs_on_forgets_as_well(path: Path) -> None:
    """Without any news in the file."""
    clock, now = ManualClock(), ManualClock(NOW)
    file = opened(path, clock, now)
    file.note(DOWN)
    before = simple_of(file.shifts_of("k1"))
    now.advance(HALF_LIFE_DAYS * DAY_S)
    assert simple_of(file.shifts_of("k1")) == before
    clock.advance(FADE_S)
    assert before < simple_of(file.shifts_of("k1")) < 0


def test_old_verdicts_are_forgotten(path: Path) -> None:
    """They hardly count by then."""
    file = opened(path)
    file.note(DOWN)
    file.note(replace(DOWN, decision_id="d2", at_s=NOW + KEPT_HALF_LIVES * HALF_LIFE_DAYS * DAY_S + 1))
    assert rows(path) == 1


def test_a_file_that_was_replaced_is_read_anew(path: Path, tmp_path: Path) -> None:
    """What the old one said does not count any more."""
    clock = ManualClock()
    file = opened(path, clock)
    file.note(DOWN)
    assert "coding" in file.shifts_of("k1")
    fresh = tmp_path / "fresh.db"
    opened(fresh).note(replace(DOWN, task=replace(TASK, kind="email")))
    for stale in path.parent.glob(f"{path.name}*"):
        stale.unlink()
    fresh.rename(path)
    clock.advance(LOOK_S)
    assert list(file.shifts_of("k1")) == ["email"]


def test_trouble_with_the_file_is_logged_by_who_serves_and_raised_to_who_writes(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A router goes on with what it knew."""
    path.write_bytes(b"SQLite format 3\0" + b"x" * 4096)
    assert opened(path).shifts_of("k1") == {}
    assert "feedback.unreadable" in caplog.text
    with pytest.raises(ConfigError, match="cannot be read"):
        opened(path).all()
    blocked = path.parent / "file"
    blocked.touch()
    with pytest.raises(ConfigError, match="cannot be written") as error:
        opened(blocked / "ledger.db").note(DOWN)
    assert error.value.hint == "Check the folder's permissions and the disk."


def test_the_tables_have_to_be_there(path: Path) -> None:
    """A file of ours that lost one is said to be unreadable."""
    opened(path).note(DOWN)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE beliefs")
    with pytest.raises(ConfigError, match="no such table"):
        opened(path).all()


def test_signs_are_written_by_a_thread_that_nobody_waits_for(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """All of them by the time it is closed; afterwards, and where it cannot write, the log says so at most."""
    with FeedbackWriter(opened(path)) as writer:
        for number in range(20):
            writer.tell(replace(DOWN, decision_id=f"d{number}"))
    assert rows(path) == 20
    for _ in range(MOST_WAITING + 1):  # no room is used up by those that come too late
        writer.tell(DOWN)
    assert rows(path) == 20
    blocked = path.parent / "file"
    blocked.touch()
    with FeedbackWriter(opened(blocked / "ledger.db")) as writer:
        writer.tell(DOWN)
    assert "feedback.not-written" in caplog.text


def test_the_writer_drops_what_it_has_no_room_for(path: Path) -> None:
    """A flood of signs costs memory for so many, and no more."""
    holder = sqlite3.connect(path, isolation_level=None)
    opened(path).note(replace(DOWN, decision_id="first"))
    with FeedbackWriter(opened(path), most_waiting=2) as writer:
        holder.execute("BEGIN IMMEDIATE")
        for number in range(10):
            writer.tell(replace(DOWN, decision_id=f"d{number}"))
        holder.execute("ROLLBACK")
    holder.close()
    assert rows(path) == 3


@settings(max_examples=20, deadline=None)  # each verdict is a transaction on the disk
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["k1", "k2", None]),
            st.integers(0, 5),
            st.sampled_from(Verdict),
            st.booleans(),
            st.sampled_from([TASK, OTHER]),
        ),
        max_size=12,
    )
)
def test_a_callers_verdicts_never_change_anothers(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[str | None, int, Verdict, bool, Task]]
) -> None:
    """What k1 has is what it would have alone, in any mixture."""
    folder = tmp_path_factory.mktemp("mixed")
    mixed, alone = opened(folder / "mixed.db"), opened(folder / "alone.db")
    for key_id, number, verdict, is_sign, task in history:
        said = replace(DOWN, decision_id=f"{key_id}-{number}", key_id=key_id, verdict=verdict, is_sign=is_sign)
        remark = replace(said, task=task)
        mixed.note(remark)
        if key_id == "k1":
            alone.note(remark)
    assert [one for one in mixed.all() if one.key_id == "k1"] == list(alone.all())
