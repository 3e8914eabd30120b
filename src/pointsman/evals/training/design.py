"""All examples' features as one sparse matrix, and the ridge regression on it: both in numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pointsman.evals.training.corpus import Example
    from pointsman.routing.learned.weights import Vocabulary

    Doubles = NDArray[np.float64]

MOST_STEPS: Final = 80
_ENOUGH: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Design:
    """Examples x features: `dense` as they are, then the rows of the table as sparse triples."""

    dense: Doubles
    example: NDArray[np.int64]  # of each triple
    row: NDArray[np.int64]
    value: Doubles
    rows: int

    @property
    def width(self) -> int:
        """Features."""
        return int(self.dense.shape[1]) + self.rows

    def times(self, weights: Doubles) -> Doubles:
        """Design · weights: a number for each example."""
        dense = self.dense.shape[1]
        sparse = np.bincount(self.example, self.value * weights[dense:][self.row], len(self.dense))
        found: Doubles = self.dense @ weights[:dense] + sparse
        return found

    def transposed_times(self, errors: Doubles) -> Doubles:
        """Designᵀ · errors: a number for each feature."""
        sparse = np.bincount(self.row, self.value * errors[self.example], self.rows)
        return np.concatenate((self.dense.T @ errors, sparse))

    def of(self, chosen: NDArray[np.bool_]) -> Design:
        """The chosen examples alone."""
        number = np.cumsum(chosen) - 1
        kept = chosen[self.example]
        return Design(self.dense[chosen], number[self.example[kept]], self.row[kept], self.value[kept], self.rows)


def features(
    examples: Sequence[Example], vocabulary: Vocabulary, advance: Callable[[int], None]
) -> tuple[Doubles, Design]:
    """The figures of shape of *examples*, and a design of their rows alone."""
    shapes, example, rows, values = [], [], [], []
    for number, one in enumerate(examples):
        bag = vocabulary.bag(one.prompt, tools=one.tools)
        shapes.append(bag.figures)
        example.append(np.full(len(bag.rows), number))
        rows.append(bag.rows)
        values.append(bag.values)
        advance(1)
    none = np.zeros((len(examples), 0))
    joined = np.concatenate(values).astype(np.float64)
    design = Design(none, np.concatenate(example), np.concatenate(rows), joined, vocabulary.rows)
    return np.array(shapes, np.float64), design


def ridge(design: Design, target: Doubles, weight: Doubles, penalty: float = 1.0) -> tuple[Doubles, float]:
    """Weights and bias that least miss *target*, by conjugate gradients.

    Minimises Σ weight · (design · w + bias - target)² + penalty · |w|²; the bias is not penalised.
    """
    total = float(weight.sum())
    if not total:  # nobody teaches it: it says nothing
        return np.zeros(design.width), 0.0
    centre = design.transposed_times(weight) / total
    mean = float((weight * target).sum() / total)

    def normal(direction: Doubles) -> Doubles:
        moved = weight * (design.times(direction) - centre @ direction)
        found: Doubles = design.transposed_times(moved) - centre * moved.sum() + penalty * direction
        return found

    wanted = design.transposed_times(weight * (target - mean)) - centre * (weight * (target - mean)).sum()
    found = np.zeros(design.width)
    left, step = wanted.copy(), wanted.copy()
    size = start = float(left @ left)
    for _ in range(MOST_STEPS):
        if size <= _ENOUGH * start:
            break
        curved = normal(step)
        length = size / float(step @ curved)
        found += length * step
        left -= length * curved
        smaller = float(left @ left)
        step = left + smaller / size * step
        size = smaller
    return found, mean - float(centre @ found)
