"""What is learned, head by head: which examples teach it, what they say, and how freely it may follow them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np

from pointsman.core.values import value_type

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


@value_type
class Freedom:
    """How strongly each block of features may speak: the ridge's penalty is 1 on features scaled by these."""

    figures: float
    vectors: float
    rows: float


LABELLED: Final = Freedom(figures=1 / 8, vectors=0.1, rows=3.0)
OUTCOMES: Final = Freedom(figures=1 / 17, vectors=0.5, rows=0.05)
KIND: Final = Freedom(figures=1 / 8, vectors=0.3, rows=2.0)


@value_type
class Lesson:
    """One head's targets. Examples of weight 0 teach it nothing."""

    name: str
    target: Doubles
    weight: Doubles
    freedom: Freedom


def lessons(examples: Sequence[Example], kinds: Sequence[str]) -> list[Lesson]:
    """The lessons of the difficulty's parts, of the answer's length, and of each of *kinds*, in this order."""
    return [
        _labelled(examples),
        _gap(examples),
        _standardised("failures", examples, lambda one: one.failure),
        _standardised("gains", examples, lambda one: one.gain),
        _length(examples),
        *(_kind(examples, kind) for kind in kinds),
    ]


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
