"""The limit follows how soon answers begin: up while they are prompt, down when they are late, never out of bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.resilience.gradient import AT_LEAST, AT_MOST, INITIAL, PATIENCE_S, WARM_UP, WINDOW, Gradient


def settled(limit: float = 100.0) -> Gradient:
    """One that knows that answers of `m` begin after a second, and is past its start."""
    gradient = Gradient(limit=limit, is_starting=False)
    for _ in range(WINDOW):
        gradient.began("m", 1.0, inside=0)
    assert gradient.limit == limit
    return gradient


def window(gradient: Gradient, begun_s: float, inside: int, model: str = "m") -> float:
    """The limit after a window of answers that began after *begun_s*."""
    for _ in range(WINDOW):
        gradient.began(model, begun_s, inside)
    return gradient.limit


def test_the_limit_doubles_with_each_round_while_answers_are_prompt() -> None:
    """Each of 20 prompt answers, with all places taken, makes room for one more."""
    gradient = Gradient()
    for _ in range(20):
        gradient.began("m", 0.5, inside=int(gradient.limit))
    assert gradient.limit == 2 * INITIAL


def test_unused_places_teach_nothing() -> None:
    """The limit stays where it is however prompt the answers are, and however late."""
    gradient = settled()
    assert window(gradient, 0.1, inside=3) == 100.0
    assert window(gradient, 9.0, inside=3) == 100.0


def test_answers_that_come_late_halve_the_limit_at_most() -> None:
    """Nine times as late as usual: half, and the headroom of √100."""
    assert window(settled(), 9.0, inside=100) == 60.0


def test_a_little_later_than_usual_is_not_late() -> None:
    """Within the tolerance only the headroom is added."""
    assert window(settled(), 1.4, inside=100) == 110.0


def test_a_model_is_compared_with_itself() -> None:
    """A model that always takes ten times as long as the other is not late."""
    gradient = settled()
    for _ in range(WARM_UP):
        gradient.began("large", 10.0, inside=0)
    for _ in range(WINDOW - WARM_UP):
        gradient.began("m", 1.0, inside=0)
    assert window(gradient, 10.0, inside=100, model="large") == 110.0


def test_a_few_long_prompts_do_not_move_the_limit_down() -> None:
    """The median counts."""
    gradient = settled()
    for late in range(WINDOW):
        gradient.began("m", 20.0 if late % 3 == 0 else 1.0, inside=100)
    assert gradient.limit == 110.0


def test_a_queue_does_not_become_the_usual() -> None:
    """Three times as late for 20 windows, the limit is at the bottom."""
    gradient = settled()
    for _ in range(20):
        window(gradient, 3.0, inside=int(gradient.limit))
    assert gradient.limit < 20.0


def test_answers_in_one_piece_make_room_without_a_time() -> None:
    """When they begin is not known: doubling at first, later one more a round, only while all places are taken."""
    gradient = Gradient()
    gradient.ended(inside=19)
    assert gradient.limit == 20.0
    gradient.ended(inside=20)
    assert gradient.limit == 21.0
    gradient.is_starting = False
    gradient.ended(inside=21)
    assert gradient.limit == pytest.approx(21.0 + 1 / 21)


def test_a_failure_of_a_full_endpoint_takes_a_tenth() -> None:
    """And ends the start; one of an idle endpoint is not about load."""
    gradient = Gradient(limit=100.0)
    gradient.failed(inside=20)
    assert gradient.limit == 100.0
    gradient.failed(inside=90)
    assert gradient.limit == 90.0
    assert not gradient.is_starting


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.floats(0.0, 1e6), st.integers(0, 2000), st.integers(0, 2)),
        max_size=300,
    )
)
def test_the_limit_stays_within_its_bounds(answers: list[tuple[str, float, int, int]]) -> None:
    """Whatever comes, however odd the times."""
    gradient = Gradient()
    for model, begun_s, inside, what in answers:
        match what:
            case 0:
                gradient.began(model, begun_s, inside)
            case 1:
                gradient.ended(inside)
            case _:
                gradient.failed(inside)
        assert AT_LEAST <= gradient.limit <= AT_MOST


def test_milliseconds_are_no_sign_of_anything() -> None:
    """Where answers begin at once, one that begins four times as late by chance makes room for one more as well."""
    gradient = Gradient()
    for _ in range(WARM_UP):
        gradient.began("m", 0.005, inside=0)
    gradient.began("m", 0.02, inside=int(INITIAL))
    assert gradient.limit == INITIAL + 1


def test_patience_grows_with_how_late_the_latest_was() -> None:
    """Half a second; four times as long when it came twice as late as usual."""
    gradient = settled()
    assert gradient.patience_s == PATIENCE_S
    gradient.began("m", 2.05, inside=100)
    assert gradient.patience_s == pytest.approx(4 * PATIENCE_S, rel=0.1)
