"""The recipe: vocabulary, vectors, features, a ridge for each head, cuts between the tiers, and one table of it all.

The same data and the same version give the same weights: nothing is drawn at random but the folds, by a fixed seed.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from pointsman.core.values import value_type
from pointsman.evals.perturb import WAYS
from pointsman.evals.training.corpus import TOPICS
from pointsman.evals.training.cuts import Tiered, fitted
from pointsman.evals.training.design import Design, features, ridge
from pointsman.evals.training.heads import expert_of, lessons
from pointsman.evals.training.vectors import word_vectors
from pointsman.routing.learned.structure import FIGURES
from pointsman.routing.learned.text import read
from pointsman.routing.learned.weights import Vocabulary, Weights, share_of_topic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from pointsman.evals.training.corpus import Example
    from pointsman.evals.training.heads import Freedom, Lesson
    from pointsman.evals.training.vectors import Encoder

    Doubles = NDArray[np.float64]
    Advance = Callable[[str, int, int], None]  # what is being done, done, of how many

RECIPE: Final = 2
KINDS: Final = (
    *("classification", "extraction", "titles", "questions", "translation", "completion", "summaries", "documents"),
    *("email", "creative", "coding", "tools", "debugging", "analysis", "reasoning", "design", "refactoring"),
    *("long-writing", "research", "agents"),
)
"""The kinds of the cheat sheet that can be told from the words."""

COMMON_WORDS: Final = 22_000
"""So many of the encoder's words are known at least; and each that two prompts hold."""

VECTOR_SIZE: Final = 128
SEED: Final = 0
FOLDS: Final = 5
SLOPE: Final = 1.2
"""Logits a step of difficulty costs. A label of difficulty is 100 · (1 - chance of a small model), a step is 25 of it,
so a chance falls by 0.25 a step: 0.25 / (0.7 · 0.3) = 1.2 logits where it is 0.7."""

DIFFICULTY_MIX: Final[Mapping[str, float]] = {"labelled": 1.0, "gap": 0.2}
GAIN_MIX: Final[Mapping[str, float]] = {"order": 1.0, "order of gaps": 0.6, "failures": 0.6, "gains": 0.2}
"""How the parts, each in deviations over the labelled prompts, are added. Chosen once, by sources left out."""

_FAR: Final = 4.0
_BYTE: Final = 127.0


@value_type
class Trained:
    """The weights, and what is to be told about them."""

    weights: Weights
    tiered: Tiered
    seconds: float


def vocabulary_of(examples: Sequence[Example], encoder: Encoder) -> Vocabulary:
    """The encoder's most frequent whole words, then all words of two prompts and more."""
    counts: Counter[str] = Counter()
    for one in examples:
        counts.update(set(read(one.prompt).words))
    common = encoder.words()[:COMMON_WORDS]
    known = set(common)
    more = [word for word, count in counts.items() if count > 1 and word not in known and not word.isdecimal()]
    return Vocabulary((*common, *sorted(more, key=lambda word: (-counts[word], word))))


def with_slips(examples: Sequence[Example]) -> tuple[list[Example], NDArray[np.bool_]]:
    """*examples*, and each labelled one with typos and in small letters too: they should be judged alike.

    The second part says which are as they were.
    """
    chance = random.Random(SEED)  # noqa: S311  no secret
    found: list[Example] = []
    is_own_wording: list[bool] = []
    for at, one in enumerate(examples):
        if one.tier is None:
            found.append(one)
            is_own_wording.append(True)
            continue
        group = one.group or f"#{at}"
        said = dict.fromkeys((one.prompt, WAYS["typos"](one.prompt, chance), one.prompt.lower()))
        found += [replace(one, prompt=prompt, group=group) for prompt in said]
        is_own_wording += [prompt is one.prompt for prompt in said]
    return found, np.array(is_own_wording)


def train(
    examples: Sequence[Example], kinds: Sequence[str], encoder: Encoder, about: Mapping[str, object], advance: Advance
) -> Trained:
    """The classifier that *examples* teach. *about* goes into the file as it is."""
    began = time.perf_counter()
    vocabulary = vocabulary_of(examples, encoder)
    examples, is_own_wording = with_slips(examples)
    steps = _Steps(advance, "word vectors", len(encoder.pieces))
    vectors = word_vectors(encoder, vocabulary.words, VECTOR_SIZE, steps.more).astype(np.float64)
    shapes, sparse = features(examples, vocabulary, _Steps(advance, "features", len(examples)).more)
    workshop = Workshop(shapes, sparse, vectors)
    taught = lessons(examples, kinds)
    steps = _Steps(advance, "heads", len(taught) + FOLDS * (len(DIFFICULTY_MIX) + len(TOPICS)))
    solved = {lesson.name: workshop.solve(lesson, None, steps) for lesson in taught}
    labelled = np.array([one.tier is not None for one in examples])
    mixed = _mixes(solved, examples, labelled, workshop, kinds)
    difficulty = _by_folds(examples, taught, solved, workshop, mixed.parts, steps)
    judged = labelled & is_own_wording
    tiered = fitted(
        difficulty[judged],
        np.array([one.tier or 0 for one in examples])[judged],
        np.array([one.source for one in examples])[judged],
    )
    table, shape, bias = mixed.joined
    scale = np.maximum(np.abs(table).max(0), 1e-9) / _BYTE
    weights = Weights(
        vocabulary=vocabulary,
        kinds=tuple(kinds),
        table=np.round(table / scale).astype(np.int8),
        scale=scale.astype(np.float32),
        shape=shape.astype(np.float32),
        mean=workshop.mean.astype(np.float32),
        spread=workshop.spread.astype(np.float32),
        bias=bias.astype(np.float32),
        topics=mixed.topics.astype(np.float32),
        cuts=tiered.cuts,
        noise=tiered.noise,
        slope=SLOPE,
        about=json.dumps({"recipe": RECIPE, **about, "tiers": tiered.told}),
    )
    return Trained(weights=weights, tiered=tiered, seconds=time.perf_counter() - began)


@value_type
class Head:
    """One head: a number for each row of the table, for each figure, and a bias."""

    table: Doubles
    shape: Doubles
    bias: float


class Workshop:
    """The features of all examples, and how a head is fitted to them."""

    def __init__(self, shapes: Doubles, sparse: Design, vectors: Doubles) -> None:
        """Standardise *shapes*; add up the *vectors* of each example's words."""
        self.mean, self.spread = shapes.mean(0), shapes.std(0) + 1e-6
        self.figures = np.clip((shapes - self.mean) / self.spread, -_FAR, _FAR)
        self.sparse = sparse
        self.word_vectors = vectors
        is_word = sparse.row < len(vectors)
        example, row, value = sparse.example[is_word], sparse.row[is_word], sparse.value[is_word]
        self.vectors = np.zeros((len(shapes), vectors.shape[1]))
        for column in range(vectors.shape[1]):
            self.vectors[:, column] = np.bincount(example, value * vectors[row, column], len(shapes))

    def solve(self, lesson: Lesson, chosen: NDArray[np.bool_] | None, steps: _Steps) -> Head:
        """The head that *lesson* teaches, from the *chosen* examples (None: all)."""
        taught = lesson.weight > 0 if chosen is None else chosen & (lesson.weight > 0)
        freedom = lesson.freedom
        design = self._design(freedom).of(taught)
        found, bias = ridge(design, lesson.target[taught], lesson.weight[taught])
        steps.more(1)
        n_figures, n_dense = len(FIGURES), design.dense.shape[1]
        table = found[n_dense:] * freedom.rows
        along = found[n_figures:n_dense] * self._vector_share(freedom)
        table[: len(self.word_vectors)] += self.word_vectors[:, : len(along)] @ along
        return Head(table=table, shape=found[:n_figures] * freedom.figures, bias=bias)

    def said(self, head: Head) -> Doubles:
        """What *head* says of each example."""
        sparse = self.sparse
        rows = np.bincount(sparse.example, sparse.value * head.table[sparse.row], len(self.figures))
        found: Doubles = self.figures @ head.shape + rows + head.bias
        return found

    def _vector_share(self, freedom: Freedom) -> float:
        return freedom.vectors / float(self.vectors[:, : freedom.directions].std())

    def _design(self, freedom: Freedom) -> Design:
        vectors = self.vectors[:, : freedom.directions] * self._vector_share(freedom)
        dense = np.hstack((self.figures * freedom.figures, vectors))
        sparse = self.sparse
        return Design(dense, sparse.example, sparse.row, sparse.value * freedom.rows, sparse.rows)


@value_type
class _Mixed:
    joined: tuple[Doubles, Doubles, Doubles]  # table, shape, bias: a column for each head
    parts: Mapping[str, tuple[float, float]]  # mean and deviation of each part over the labelled prompts
    topics: Doubles  # as in the weights


def _mixes(
    solved: Mapping[str, Head],
    examples: Sequence[Example],
    labelled: NDArray[np.bool_],
    workshop: Workshop,
    kinds: Sequence[str],
) -> _Mixed:
    """The heads as they are shipped: the two mixes, the length, the kinds, and two for each topic."""
    parts = {}
    for name in (*DIFFICULTY_MIX, *GAIN_MIX):
        said = workshop.said(solved[name])[labelled]
        parts[name] = (float(said.mean()), float(said.std()) or 1.0)
    heads = [_mix(solved, parts, DIFFICULTY_MIX), _mix(solved, parts, GAIN_MIX)]
    gain = workshop.said(heads[1])[labelled]
    deviation = float(gain.std()) or 1.0
    heads[1] = Head(
        table=heads[1].table / deviation,
        shape=heads[1].shape / deviation,
        bias=(heads[1].bias - float(gain.mean())) / deviation,
    )
    heads += [solved["output_tokens"], *(solved[kind] for kind in kinds)]
    topics = []
    for topic in TOPICS:
        heads += [solved[topic], _centred(solved[expert_of(topic)], parts)]
        within = labelled & np.array([one.topic == topic for one in examples])
        topics.append(_line(workshop.said(heads[-1])[within], workshop.said(heads[1])[within]))
    table, shape = np.stack([one.table for one in heads], 1), np.stack([one.shape for one in heads], 1)
    return _Mixed(joined=(table, shape, np.array([one.bias for one in heads])), parts=parts, topics=np.array(topics))


def _centred(expert: Head, parts: Mapping[str, tuple[float, float]]) -> Head:
    """*expert*, 0 where the mix of difficulties is."""
    return replace(expert, bias=expert.bias - parts["labelled"][0])


def _line(given: Doubles, wanted: Doubles) -> tuple[float, float]:
    """The line that brings *given* to the mean and the deviation of *wanted*: what it is at 0, and its slope."""
    if not len(given) or not given.std():
        return 0.0, 0.0
    slope = float(wanted.std() / given.std())
    return float(wanted.mean()) - slope * float(given.mean()), slope


def _mix(solved: Mapping[str, Head], parts: Mapping[str, tuple[float, float]], mix: Mapping[str, float]) -> Head:
    """Σ share · (part - its mean) / its deviation; the difficulty stays in the labels' own steps."""
    unit = parts["labelled"][1]
    shares = {name: share * unit / parts[name][1] for name, share in mix.items()}
    return Head(
        table=np.sum([solved[name].table * share for name, share in shares.items()], axis=0),
        shape=np.sum([solved[name].shape * share for name, share in shares.items()], axis=0),
        bias=sum((solved[name].bias - parts[name][0]) * share for name, share in shares.items()),
    )


def _by_folds(
    examples: Sequence[Example],
    taught: Sequence[Lesson],
    solved: Mapping[str, Head],
    workshop: Workshop,
    parts: Mapping[str, tuple[float, float]],
    steps: _Steps,
) -> Doubles:
    """The difficulty of each example by heads that have not seen it: by folds, with groups kept whole."""
    chance = np.random.default_rng(SEED)
    by_group: dict[str, int] = {}
    folds = np.array(
        [by_group.setdefault(one.group or f"#{at}", int(chance.integers(FOLDS))) for at, one in enumerate(examples)]
    )
    lesson_of = {lesson.name: lesson for lesson in taught}
    shares = {
        topic: np.array([share_of_topic(one) for one in workshop.said(solved[topic]).tolist()]) for topic in TOPICS
    }
    difficulty = np.zeros(len(examples))
    for fold in range(FOLDS):
        names = (*DIFFICULTY_MIX, *(expert_of(topic) for topic in TOPICS))
        heads = {name: workshop.solve(lesson_of[name], folds != fold, steps) for name in names}
        said = workshop.said(_mix(heads, parts, DIFFICULTY_MIX))
        for topic, share in shares.items():
            said += share * (workshop.said(_centred(heads[expert_of(topic)], parts)) - said)
        difficulty[folds == fold] = said[folds == fold]
    return difficulty


class _Steps:
    """Tells how far one stage is."""

    def __init__(self, advance: Advance, stage: str, total: int) -> None:
        self._advance, self._stage, self._total, self._done = advance, stage, total, 0

    def more(self, done: int) -> None:
        """So many more are done."""
        self._done = min(self._total, self._done + done)
        self._advance(self._stage, self._done, self._total)
