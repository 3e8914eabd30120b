"""What a demo model says, and what it looks at: sentences, JSON habits, keywords and labels, as data.

A demo model knows one thing: which token may follow which. So a word that appears twice in an answer would let the
second half follow the first; every answer is therefore a chain in which each word has one place.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

END_OF_TEXT, TURN_START, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
TOOL_CALL, TOOL_CALL_END = "<tool_call>", "</tool_call>"

Follows = dict[str, dict[str, float]]
"""For a token, the weights of the tokens after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """The words in which one demo model differs from the others."""

    name: str  # " small": it calls itself the small demo model
    verbs: tuple[str, ...]
    adjectives: tuple[str, ...]
    nouns: tuple[str, ...]
    places: tuple[str, ...]


VOICES: Mapping[str, Voice] = {
    "small": Voice(
        name=" small",
        verbs=(" answers", " reads", " repeats"),
        adjectives=(" short", " simple", " plain"),
        nouns=(" questions", " requests", " notes"),
        places=(" quickly", " offline", " locally"),
    ),
    "medium": Voice(
        name=" medium",
        verbs=(" summarizes", " compares", " sorts"),
        adjectives=(" longer", " ordinary", " mixed"),
        nouns=(" texts", " tasks", " letters"),
        places=(" carefully", " offline", " locally"),
    ),
    "large": Voice(
        name=" large",
        verbs=(" explains", " weighs", " examines"),
        adjectives=(" hard", " subtle", " tangled"),
        nouns=(" problems", " designs", " arguments"),
        places=(" patiently", " offline", " locally"),
    ),
}

CLOSING = " nothing."  # one token that only the model can say: after it the turn is over

# What a request is about, as far as a demo model can tell.
HARD_WORDS = (
    *("algorithm", "analyze", "architecture", "concurrency", "deadlock", "debug", "derive", "design", "distributed"),
    *("migrate", "optimize", "proof", "prove", "refactor", "tradeoffs"),
)
EASY_WORDS = (
    *("capital", "date", "define", "hello", "hi", "joke", "rename", "spell", "thanks", "time", "translate", "weather"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A word a classification may answer with: for hard requests (+1), easy ones (-1), or neither."""

    text: str
    leaning: float
    weight: float = 1.0  # against labels of the same leaning


LABELS = (
    Label(text="flash", leaning=-1, weight=1.5),
    Label(text="pro", leaning=1),
    Label(text="simple", leaning=-1),
    Label(text="medium", leaning=0, weight=2),
    Label(text="complex", leaning=1),
    Label(text="reasoning", leaning=1, weight=0.5),
    Label(text="small", leaning=-1),
    Label(text="large", leaning=1),
    Label(text="easy", leaning=-1),
    Label(text="hard", leaning=1),
)


def keyword_spellings(words: Iterable[str]) -> Iterator[str]:
    """Each word as it stands at a line's start and after a space, small and capitalised."""
    for word in words:
        for form in (word, word.capitalize()):
            yield form
            yield f" {form}"


def habits(voice: Voice) -> Follows:
    """Which token follows which, for the model that speaks with *voice*; "" is every token not named."""
    return _answer(voice) | _json()


def _answer(voice: Voice) -> Follows:
    """This is the small demo model. It answers short questions offline; it was written by a program and knows nothing.

    After the end, a tool call is the second choice: it is taken when the grammar of a required call forbids to stop.
    """
    follows = _chain("This", " is", " the", voice.name, " demo", " model", ".", " It", voice.verbs)
    follows |= _chain(" This", " is")
    follows |= _alternatives(voice.verbs, voice.adjectives, voice.nouns, voice.places, (";",))
    follows |= _chain(";", " it", " was", " written", " by", " a", " program", " and", " knows", CLOSING)
    follows[CLOSING] = {TURN_END: 1, TOOL_CALL: 0.02}
    follows["\n"] = {"This": 1, TOOL_CALL_END: 0.01, "{": 0.01, TURN_END: 0.001, ",": 0.0005}
    follows[TOOL_CALL] = {"\n": 1, "{": 0.001}
    follows[TOOL_CALL_END] = follows[">"] = {TURN_END: 1}
    follows[""] = {" This": 1, '"': 0.003, "}": 0.002, ":": 0.001, ",": 0.0005, "]": 0.0005}
    return follows


def _json() -> Follows:
    """Enough for a grammar to lead through any schema: strings are short, and what can be closed is closed."""
    value = {'"': 1, "1": 0.3, "t": 0.1, "{": 0.1, "[": 0.1}
    after_value = {TURN_END: 1, '"': 0.5, "}": 0.3, "]": 0.2, "\n": 0.15, ",": 0.1}
    number = {"}": 1, "]": 0.7, ",": 0.5, "0": 0.05}
    structure: Follows = {
        "{": {'"': 1, "}": 0.001},
        '"': {"demo": 1, ":": 6e-4, "}": 4e-4, "]": 3e-4, ",": 2e-4} | {x.text: 1e-4 * x.weight for x in LABELS},
        "demo": {" text": 1},
        " text": {'"': 1, " text": 0.01},
        "[": {'"': 1, "{": 0.5, "1": 0.3, "]": 0.2},
    }
    return (
        structure
        | dict.fromkeys((":", " ", ","), value)
        | dict.fromkeys("}]", after_value)
        | dict.fromkeys("0123456789", number)
        | {label.text: {'"': 1} for label in LABELS}
    )


def _chain(*steps: str | tuple[str, ...]) -> Follows:
    """Each step follows the one before; the last may be several, the first the likeliest."""
    return {
        step: _ranked((after,) if isinstance(after, str) else after)
        for step, after in itertools.pairwise(steps)
        if isinstance(step, str)
    }


def _alternatives(*steps: tuple[str, ...]) -> Follows:
    """Any word of a step is followed by any word of the next."""
    return {word: _ranked(after) for step, after in itertools.pairwise(steps) for word in step}


def _ranked(words: tuple[str, ...]) -> dict[str, float]:
    """Weights 1, 1/2, 1/3, so that greedy decoding has one answer and sampling has several."""
    return {word: 1 / rank for rank, word in enumerate(words, start=1)}
