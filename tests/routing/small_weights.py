"""A classifier of seven words, made by hand: what it says can be worked out on paper.

The cut to medium is at a difficulty of -0.5, to complex at 0.5, to reasoning at 1.5; pairs, pieces and shape count for
nothing. An ask of one word has that word's difficulty.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pointsman.core.catalog import Tier
from pointsman.routing.learned.abilities import Member, Shifts
from pointsman.routing.learned.structure import FIGURES
from pointsman.routing.learned.weights import DIFFICULTY, FIRST_KIND, GAIN, OUTPUT_TOKENS, Vocabulary, Weights

KINDS = ("questions", "reasoning", "agents", "long-writing", "tools")
WORDS = {  # difficulty, ln of the answer's tokens, kind
    "easy": (-3.0, 2.0, "questions"),
    "fair": (0.0, 5.0, "questions"),
    "edgy": (0.4, 5.0, "questions"),
    "hard": (1.0, 6.0, "reasoning"),
    "proof": (3.0, 7.0, "reasoning"),
    "fleet": (0.0, 6.0, "agents"),
    "novel": (0.0, 8.0, "long-writing"),
    "verse": (0.0, 4.0, "long-writing"),
    "chore": (-3.0, 6.0, "agents"),
    "tool": (0.0, 6.0, "tools"),
    "endless": (1.0, 12.7, "questions"),
}
SCALE = 0.1


def small_weights() -> Weights:
    """The classifier, with rows for WORDS alone."""
    vocabulary = Vocabulary(tuple(WORDS))
    heads = FIRST_KIND + len(KINDS)
    table = np.zeros((vocabulary.rows, heads), np.int8)
    for row, (difficulty, tokens, kind) in enumerate(WORDS.values()):
        table[row, DIFFICULTY] = round(difficulty / SCALE)
        table[row, GAIN] = round(difficulty / SCALE)
        table[row, OUTPUT_TOKENS] = round(tokens / SCALE)
        table[row, FIRST_KIND + KINDS.index(kind)] = 50
    n_figures = len(FIGURES)
    return Weights(
        vocabulary=vocabulary,
        kinds=KINDS,
        table=table,
        scale=np.full(heads, SCALE, np.float32),
        shape=np.zeros((n_figures, heads), np.float32),
        mean=np.zeros(n_figures, np.float32),
        spread=np.ones(n_figures, np.float32),
        bias=np.zeros(heads, np.float32),
        topics=np.zeros((0, 2), np.float32),
        cuts=(-0.5, 0.5, 1.5),
        noise=0.5,
        slope=1.2,
        about='{"made": "by hand"}',
    )


def one_each(declared: Mapping[str, Shifts]) -> dict[Tier, tuple[Member, ...]]:
    """A model in each tier, called like it, as able as *declared*: by kind of task, by tier."""
    return {
        tier: (Member(name=tier.value, declared={kind: by_tier[tier.rank] for kind, by_tier in declared.items()}),)
        for tier in Tier
    }
