"""The demo models' tokenizer."""

import itertools
from collections.abc import Sequence

import pytest

from pointsman.adapters.runtimes.demo.tokenizer import byte_alphabet, learn_merges, make_vocabulary, spell

WORDS = ["debug", " debug", " deadlock", " demo", "It", " it"]


def encode(word: str, merges: Sequence[tuple[str, str]]) -> list[str]:
    """*word* the way llama.cpp does it: the earliest learned merge first, until none applies."""
    symbols = list(spell(word))
    rank = {pair: index for index, pair in enumerate(merges)}
    while known := [pair for pair in itertools.pairwise(symbols) if pair in rank]:
        at = list(itertools.pairwise(symbols)).index(min(known, key=rank.__getitem__))
        symbols[at : at + 2] = ["".join(symbols[at : at + 2])]
    return symbols


def test_every_byte_has_its_own_character() -> None:
    """Any Unicode text can be written with the 256 byte tokens; a space is the customary Ġ."""
    alphabet = byte_alphabet()
    assert len(set(alphabet)) == 256
    assert alphabet[ord(" ")] == "Ġ"
    assert alphabet[ord("A")] == "A"


@pytest.mark.parametrize("word", WORDS)
def test_every_listed_word_is_one_token(word: str) -> None:
    """The merges join each word completely, although words share their beginnings."""
    assert encode(word, learn_merges(WORDS)) == [spell(word)]


def test_ids_are_in_order_and_without_gaps() -> None:
    """A token's id is its place in the list, also for special tokens and those only the model can say."""
    vocabulary = make_vocabulary(words=WORDS, unmergeable=[" nothing."], special=["<|end|>"])
    assert [vocabulary.ids[token] for token in vocabulary.tokens] == list(range(len(vocabulary.tokens)))
    assert vocabulary.id_of("<|end|>") == len(vocabulary.tokens) - 1
    assert vocabulary.tokens[vocabulary.id_of(" nothing.")] == "Ġnothing."


def test_the_order_of_the_words_does_not_matter() -> None:
    """The same list in another order gives the same merges, so the files are the same bytes."""
    assert learn_merges(reversed(WORDS)) == learn_merges(WORDS)
