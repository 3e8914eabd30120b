"""How an ask becomes rows of the table, and what a file of weights must hold."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from pointsman.classification import shipped_weights
from pointsman.core.errors import ConfigError
from pointsman.routing.learned.structure import FIGURES
from pointsman.routing.learned.weights import (
    NUMBER_BUCKETS,
    PAIR_BUCKETS,
    PIECE_BUCKETS,
    UNKNOWN_WORDS,
    Vocabulary,
    dumped,
    loaded,
    pieces_of,
    share_of_topic,
)
from tests.routing.small_weights import SCALE, small_weights

VOCABULARY = Vocabulary(("what", "is", "this"))
FIRST_PAIR = 3
FIRST_PIECE = FIRST_PAIR + PAIR_BUCKETS
FIRST_NUMBER = FIRST_PIECE + PIECE_BUCKETS


def rows(ask: str, vocabulary: Vocabulary = VOCABULARY) -> dict[str, list[int]]:
    """The rows of *ask* by what they stand for: words and numbers as they are, pairs and pieces from 0 on."""
    found = sorted(vocabulary.bag(ask).rows.tolist())
    return {
        "words": [row for row in found if row < FIRST_PAIR],
        "pairs": [row - FIRST_PAIR for row in found if FIRST_PAIR <= row < FIRST_PIECE],
        "pieces": [row - FIRST_PIECE for row in found if FIRST_PIECE <= row < FIRST_NUMBER],
        "numbers": [row - FIRST_NUMBER for row in found if row >= FIRST_NUMBER],
    }


def test_a_table_has_rows_for_words_pairs_pieces_and_numbers() -> None:
    """In this order."""
    assert VOCABULARY.rows == FIRST_NUMBER + NUMBER_BUCKETS
    assert VOCABULARY.numbers == {"what": 0, "is": 1, "this": 2}
    assert list(VOCABULARY.ranks) == pytest.approx([0.0, 0.6931, 1.0986], abs=1e-4)


def test_nothing_asked_has_no_rows() -> None:
    """An empty text is no error; its figures are those of emptiness."""
    bag = VOCABULARY.bag("")
    assert (bag.rows.tolist(), bag.values.tolist(), len(bag.figures)) == ([], [], len(FIGURES))


def test_a_known_word_has_its_own_row_once_however_often_it_is_said() -> None:
    """Words count as one divided by the root of how many there are; the pairs likewise."""
    bag = VOCABULARY.bag("what is what")
    found = rows("what is what")
    assert (found["words"], len(found["pairs"]), found["pieces"], found["numbers"]) == ([0, 1], 2, [], [])
    assert bag.values.tolist() == pytest.approx([0.7071] * 4, abs=1e-4)


def test_one_word_makes_no_pair() -> None:
    """It counts whole."""
    bag = VOCABULARY.bag("What")
    assert (bag.rows.tolist(), bag.values.tolist()) == ([0], [1.0])


def test_pairs_say_the_order() -> None:
    """The same words in another order are other pairs; the same two words twice are one."""
    assert rows("what is this")["pairs"] != rows("this is what")["pairs"]
    assert len(rows("is this is this")["pairs"]) == len(rows("is this is")["pairs"])
    assert all(0 <= pair < PAIR_BUCKETS for pair in rows("what is this of mine")["pairs"])


def test_an_unknown_word_is_known_by_its_pieces() -> None:
    """Three and four letters in a row with the word's ends; they share what the word counts for."""
    assert pieces_of("cats") == [b"<ca", b"cat", b"ats", b"ts>", b"<cat", b"cats", b"ats>"]
    assert pieces_of("a") == [b"<a>", b"<a>"]
    bag = VOCABULARY.bag("cats")
    assert len(rows("cats")["pieces"]) == len(pieces_of("cats"))
    assert float(bag.values.sum()) == pytest.approx(1.0)
    assert rows("cats")["pieces"] != rows("dogs")["pieces"]


def test_words_of_other_scripts_have_shorter_pieces() -> None:
    """Their words have fewer letters."""
    assert [piece.decode() for piece in pieces_of("кот")] == ["<к", "ко", "от", "т>", "<ко", "кот", "от>"]


def test_a_very_long_word_is_cut_before_it_is_taken_to_pieces() -> None:
    """Twenty-four letters of it say enough."""
    assert pieces_of("x" * 10_000) == pieces_of("x" * 24)


@pytest.mark.parametrize(
    ("ask", "number"), [("7", 0), ("42", 1), ("1848", 3), ("1234567", 6), ("12345678901", 6)], ids=str
)
def test_a_number_is_known_by_how_many_digits_it_has(ask: str, number: int) -> None:
    """Seven and more are one."""
    found = rows(ask)
    assert (found["numbers"], found["pieces"]) == ([number], [])


def test_unknown_words_are_taken_to_pieces_up_to_a_bound() -> None:
    """Time is bounded whatever somebody pastes; all of them are still counted as unknown."""
    words = [f"x{chr(97 + first)}{chr(97 + second)}" for first in range(10) for second in range(10)]
    some, all_ = VOCABULARY.bag(" ".join(words[:UNKNOWN_WORDS])), VOCABULARY.bag(" ".join(words))
    assert rows(" ".join(words))["pieces"] == rows(" ".join(words[:UNKNOWN_WORDS]))["pieces"]
    unknown = FIGURES.index("unknown_words")
    assert [round(float(np.expm1(bag.figures[unknown]))) for bag in (some, all_)] == [UNKNOWN_WORDS, 100]


def test_characters_of_east_asia_are_words_of_their_own() -> None:
    """There are no spaces between words to go by."""
    vocabulary = Vocabulary(("東", "京", "what"))
    assert {0, 1} < set(vocabulary.bag("東京").rows.tolist())


def test_half_a_surrogate_pair_is_no_error() -> None:
    """A caller may send what is no text."""
    assert VOCABULARY.bag("what \ud83d is").rows.size > 0


def test_the_heads_are_linear_in_the_rows() -> None:
    """The bias, and values · scale · table[rows], and the shape beside it."""
    weights = small_weights()
    assert weights.heads(weights.vocabulary.bag("hard")).tolist() == pytest.approx([1, 1, 6, 0, 5, 0, 0, 0])
    shape = weights.shape.copy()
    shape[FIGURES.index("questions")] = 2.0
    asked = replace(weights, shape=shape, bias=np.full(8, SCALE, np.float32))
    bag = asked.vocabulary.bag("hard?")
    word, mark = 1 / np.sqrt(2), np.log1p(1)
    assert float(asked.heads(bag)[0]) == pytest.approx(word * 1.0 + mark * 2.0 + SCALE, abs=1e-4)


@pytest.mark.parametrize(
    ("said", "share"),
    [(0.2, 0.0), (0.25, 0.0), (0.5, 0.5), (0.75, 1.0), (1.2, 1.0)],
)
def test_how_much_an_ask_is_of_a_topic(said: float, share: float) -> None:
    """Nothing up to a quarter, all from three quarters on, straight between."""
    assert share_of_topic(said) == pytest.approx(share)


@pytest.mark.parametrize(
    ("said", "difficulty", "gain"),
    [(0.1, 1.0, 1.0), (0.5, 2.0, 2.25), (1.0, 3.0, 3.5)],
)
def test_an_ask_of_a_topic_is_judged_on_the_topics_own_scale(said: float, difficulty: float, gain: float) -> None:
    """As far as it is of it: the difficulty there is 3, and the gain 0.5 + 1 for each step; the topic is not told."""
    weights = small_weights()
    of_topic = np.zeros((weights.vocabulary.rows, 2), np.int8)
    nothing = np.zeros((len(FIGURES), 2), np.float32)
    topical = replace(
        weights,
        table=np.hstack((weights.table, of_topic)),
        shape=np.hstack((weights.shape, nothing)),
        scale=np.append(weights.scale, np.full(2, SCALE, np.float32)),
        bias=np.append(weights.bias, np.array([said, 3.0], np.float32)),
        topics=np.array([[0.5, 1.0]], np.float32),
    )
    found = topical.heads(topical.vocabulary.bag("hard"))
    assert found.tolist() == pytest.approx([difficulty, gain, 6, 0, 5, 0, 0, 0])
    assert loaded(dumped(topical), "memory").topics.tolist() == [[0.5, 1.0]]


def test_weights_of_before_there_were_topics_are_read() -> None:
    """They have none."""
    with np.load(io.BytesIO(dumped(small_weights()))) as file:
        old = {name: file[name] for name in file.files if name != "topics"}
    data = io.BytesIO()
    np.savez_compressed(data, **old)
    assert loaded(data.getvalue(), "memory").topics.shape == (0, 2)


def test_figures_far_from_all_that_was_learned_from_are_held_back() -> None:
    """No more than four deviations, however odd the text."""
    weights = small_weights()
    shape = weights.shape.copy()
    shape[FIGURES.index("questions")] = 1.0
    odd = replace(weights, shape=shape, spread=np.full(len(FIGURES), 0.01, np.float32))
    found = odd.heads(odd.vocabulary.bag("easy ???????"))
    assert float(found[0]) == pytest.approx(4.0 - 3.0 / np.sqrt(2), abs=1e-4)


def test_what_is_like_nothing_seen_is_unfamiliar() -> None:
    """By its unknown words, or by its shape."""
    weights = small_weights()
    bag = weights.vocabulary.bag
    assert weights.familiarity(bag("easy fair")) == 1.0
    assert weights.familiarity(bag("easy zzyzx")) == pytest.approx(0.5)
    assert weights.familiarity(bag("zzyzx")) == 0.0
    narrow = replace(weights, spread=np.full(len(FIGURES), 0.01, np.float32))
    assert 0 < narrow.familiarity(bag("easy fair")) < 0.1


def test_a_figure_that_never_varied_makes_nothing_strange() -> None:
    """What was trained on first turns without tools knows neither; a second turn is no reason to be unsure."""
    weights = small_weights()
    spread = weights.spread.copy()
    constant = [FIGURES.index(name) for name in ("tools", "turns", "in_tool_loop")]
    spread[constant] = 1e-6
    back = loaded(dumped(replace(weights, spread=spread)), "mine.npz")
    assert np.isinf(back.spread[constant]).all()
    assert back.familiarity(back.vocabulary.bag("easy fair", tools=9, turns=7, in_loop=True)) == 1.0
    again = loaded(dumped(back), "mine.npz")
    np.testing.assert_array_equal(again.spread, back.spread)


def test_the_shipped_classifier_is_as_sure_of_a_later_turn_as_of_the_first() -> None:
    """And as sure of an ask with tools as of one without: it was trained on neither."""
    weights = shipped_weights()
    bag = weights.vocabulary.bag
    first = weights.familiarity(bag("What is the time in Rome?", turns=1))
    assert first > 0.9
    assert weights.familiarity(bag("What is the time in Rome?", turns=8)) == first
    assert weights.familiarity(bag("What is the time in Rome?", tools=5, turns=3, in_loop=True)) == first


def test_weights_come_back_from_their_file_as_they_were() -> None:
    """Words, arrays, cuts, and what is said of how they were made."""
    weights = small_weights()
    back = loaded(dumped(weights), "mine.npz")
    assert (back.vocabulary, back.kinds, back.about) == (weights.vocabulary, weights.kinds, weights.about)
    assert (back.cuts, back.noise, back.slope) == (weights.cuts, weights.noise, weights.slope)
    for name in ("table", "scale", "shape", "mean", "spread", "bias"):
        np.testing.assert_array_equal(getattr(back, name), getattr(weights, name))


def _without(name: str) -> bytes:
    """A file of weights that lacks one array."""
    found = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(dumped(small_weights()))) as whole, zipfile.ZipFile(found, "w") as some:
        for member in whole.namelist():
            if member != f"{name}.npy":
                some.writestr(member, whole.read(member))
    return found.getvalue()


def _array() -> bytes:
    """A file of numpy's that is one array."""
    found = io.BytesIO()
    np.save(found, np.zeros(3))
    return found.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage",
        b"PK\x03\x04 no zip after all",
        dumped(small_weights())[:2_000],
        _without("bias"),
        _without("curve"),
        _array(),
    ],
    ids=["empty", "garbage", "no zip", "cut off", "no bias", "no curve", "one array"],
)
def test_what_are_no_weights_is_refused_by_name(data: bytes) -> None:
    """An error that names the file, never a traceback."""
    with pytest.raises(ConfigError, match=r"^mine\.npz holds no weights of a classifier \(\w+\)\."):
        loaded(data, "mine.npz")


@pytest.mark.parametrize("part", ["table", "shape"])
def test_weights_of_another_recipe_are_refused(part: str) -> None:
    """Another table or other figures of shape than this version reckons with."""
    weights = small_weights()
    array = getattr(weights, part)
    other = replace(weights, **{part: array[:-1]})
    with pytest.raises(ConfigError) as caught:
        loaded(dumped(other), "old.npz")
    assert str(caught.value) == "old.npz was made by another recipe. Make it again with `pointsman train`."
