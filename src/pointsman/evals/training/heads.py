"""What is learned, head by head: which examples teach it, what they say, and how freely it may follow them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from pointsman.core.values import value_type
from pointsman.evals.training.corpus import TOPICS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pointsman.evals.training.corpus import Example

    Doubles = NDArray[np.float64]

DIFFICULTY_STEP: Final = 25.0
TIER_STEP: Final = 1.1
"""A tier is this much difficulty, in steps of 25 of 100, where only the tier is known."""

_SOURCE_SIZE: Final = 600  # examples from which on a source weighs no more
_SMALLEST_SOURCE: Final = 100
_TOPIC_SIZE: Final = 2000


@value_type
class Freedom:
    """How strongly each block of features may speak: the ridge's penalty is 1 on features scaled by these."""

    figures: float
    vectors: float
    rows: float
    directions: int = 16  # so many of the words' main directions are known to it


LABELLED: Final = Freedom(figures=1 / 8, vectors=1.0, rows=1.5, directions=128)
ORDER: Final = Freedom(figures=1 / 8, vectors=0.3, rows=1.5)
GAPS: Final = Freedom(figures=1 / 17, vectors=0.0, rows=0.5)
"""The same labels again, for the score: what says the tier best does not order sources left out best."""
OUTCOMES: Final = Freedom(figures=1 / 40, vectors=0.1, rows=0.1)
KIND: Final = Freedom(figures=1 / 8, vectors=0.3, rows=2.0)
TOPIC: Final = Freedom(figures=1 / 8, vectors=0.3, rows=0.5)
EXPERT: Final = Freedom(figures=1 / 17, vectors=0.05, rows=0.05)


@value_type
class Lesson:
    """One head's targets. Examples of weight 0 teach it nothing."""

    name: str
    target: Doubles
    weight: Doubles
    freedom: Freedom


def lessons(examples: Sequence[Example], kinds: Sequence[str]) -> list[Lesson]:
    """The lessons of the parts of difficulty and gain, of the answer's length, of each of *kinds* and of the topics."""
    labelled, gap = _labelled(examples), _gap(examples)
    return [
        labelled,
        gap,
        replace(labelled, name="order", freedom=ORDER),
        replace(gap, name="order of gaps", freedom=GAPS),
        _standardised("failures", examples, lambda one: one.failure),
        _standardised("gains", examples, lambda one: one.gain),
        _length(examples),
        *(_kind(examples, kind) for kind in kinds),
        *(_topic(examples, topic) for topic in TOPICS),
        *(_expert(examples, topic) for topic in TOPICS),
    ]


def expert_of(topic: str) -> str:
    """The name of the lesson of difficulty within *topic*."""
    return f"{topic}, difficulty"


def _labelled(examples: Sequence[Example]) -> Lesson:
    """The difficulty somebody gave, else the tier's. A source of tiers alone weighs less: it has few moulds."""
    target, weight = np.zeros(len(examples)), np.zeros(len(examples))
    for at, one in enumerate(examples):
        if one.difficulty is not None:
            target[at], weight[at] = one.difficulty / DIFFICULTY_STEP, 1.0
        elif one.tier is not None:
            target[at], weight[at] = one.tier * TIER_STEP, 0.6
    return Lesson(name="labelled", target=target, weight=weight, freedom=LABELLED)


def _gap(examples: Sequence[Example]) -> Lesson:
    target = np.array([0.0 if one.gap is None else one.gap / DIFFICULTY_STEP for one in examples])
    weight = np.array([float(one.gap is not None) for one in examples])
    return Lesson(name="gap", target=target, weight=weight, freedom=LABELLED)


def _standardised(name: str, examples: Sequence[Example], value: Callable[[Example], float | None]) -> Lesson:
    """A figure that means something within its source alone: its distance from the source's mean, in deviations."""
    target, weight = np.zeros(len(examples)), np.zeros(len(examples))
    places: dict[str, list[int]] = {}
    for at, one in enumerate(examples):
        if value(one) is not None:
            places.setdefault(one.source, []).append(at)
    for at_all in places.values():
        found = np.array([value(examples[at]) for at in at_all], np.float64)
        if len(at_all) >= _SMALLEST_SOURCE and found.std() > 0:
            target[at_all] = (found - found.mean()) / found.std()
            weight[at_all] = min(1.5, (_SOURCE_SIZE / len(at_all)) ** 0.5)
    return Lesson(name=name, target=target, weight=weight, freedom=OUTCOMES)


def _length(examples: Sequence[Example]) -> Lesson:
    target = np.array([np.log(max(1.0, one.output_tokens or 1.0)) for one in examples])
    weight = np.array([float(one.output_tokens is not None) for one in examples])
    return Lesson(name="output_tokens", target=target, weight=weight, freedom=LABELLED)


def _kind(examples: Sequence[Example], kind: str) -> Lesson:
    """1 for the kind and 0 for others; a rare kind's examples weigh more, by the root."""
    counts = Counter(one.kind for one in examples if one.kind is not None)
    target = np.array([float(one.kind == kind) for one in examples])
    most = max(counts.values(), default=1)
    weight = np.array([0.0 if one.kind is None else (most / counts[one.kind]) ** 0.5 for one in examples])
    return Lesson(name=kind, target=target, weight=weight, freedom=KIND)


def _topic(examples: Sequence[Example], topic: str) -> Lesson:
    """1 for the topic and 0 for others; each source counts by the root of its size, the topic as if it were large."""
    counts = Counter(one.source for one in examples)
    of_topic = sum(one.topic == topic for one in examples)
    target = np.array([float(one.topic == topic) for one in examples])
    weight = np.array(
        [
            (_TOPIC_SIZE / of_topic if one.topic == topic else _SOURCE_SIZE / counts[one.source]) ** 0.5
            for one in examples
        ]
    )
    return Lesson(name=topic, target=target, weight=weight, freedom=TOPIC)


def _expert(examples: Sequence[Example], topic: str) -> Lesson:
    """The difficulty of the topic's prompts alone; failures are brought to the labels' mean and deviation."""
    target, weight = np.zeros(len(examples)), np.zeros(len(examples))
    within = [at for at, one in enumerate(examples) if one.topic == topic]
    labelled = [at for at in within if examples[at].difficulty is not None]
    if labelled:
        given = np.array([examples[at].difficulty for at in labelled], np.float64) / DIFFICULTY_STEP
        target[labelled], weight[labelled] = given, min(1.5, (_SOURCE_SIZE / len(labelled)) ** 0.5)
        failed = [at for at in within if examples[at].difficulty is None and examples[at].failure is not None]
        found = np.array([examples[at].failure for at in failed], np.float64)
        if len(failed) >= _SMALLEST_SOURCE and found.std() > 0:
            target[failed] = given.mean() + given.std() * (found - found.mean()) / found.std()
            weight[failed] = min(1.5, (_SOURCE_SIZE / len(failed)) ** 0.5)
    return Lesson(name=expert_of(topic), target=target, weight=weight, freedom=EXPERT)
