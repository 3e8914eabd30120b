"""Routers over a file of outcomes: asks each of them, then counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pointsman.evals.choices import calibration_figures, choice_figures, label_figures, robustness_of
from pointsman.evals.figures import Report, RouterFigures
from pointsman.evals.pairs import Compared, Setting, compare_pairs
from pointsman.evals.routers import ALWAYS, Answer, MeasuredRouter

if TYPE_CHECKING:
    from pointsman.evals.datasets import Row
    from pointsman.evals.ladder import Ladder


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Who wants to know how far it is. Each is told how much more is done."""

    asked: Callable[[int], None] = lambda _answers: None
    compared: Callable[[float], None] = lambda _share: None


def compare(
    rows: Sequence[Row],
    ladder: Ladder | None,
    routers: Sequence[MeasuredRouter],
    *,
    oracles: Sequence[str] = (),
    data: str = "",
    setting: Setting,
    progress: Progress,
) -> Report:
    """What *routers* and *oracles* reach on *rows*, divided between the models of *ladder*.

    Without a ladder (a file of tiers that somebody said, and no outcomes) only the agreement is counted.
    """
    answers: dict[str, Sequence[Answer]] = {}
    about: dict[str, RouterFigures] = {}
    for router in routers:
        begun = time.perf_counter()
        given = router.answers(rows, progress.asked)
        elapsed_s = time.perf_counter() - begun
        answers[router.name] = given
        n_variants, robustness = robustness_of(rows, given)
        about[router.name] = RouterFigures(
            us_per_prompt=elapsed_s / len(rows) * 1e6,
            refused=sum(answer.is_refused for answer in given),
            robustness=robustness,
            n_variants=n_variants,
        )
    kept = [at for at, row in enumerate(rows) if row.variant_of is None]
    originals = [rows[at] for at in kept]
    own = {name: [given[at] for at in kept] for name, given in answers.items()}
    # Who always says the same has no order to measure: that is `random`.
    ordering = {name: given for name, given in own.items() if not name.startswith(ALWAYS)}
    compared = Compared(pairs=(), skipped=(), means={})
    if ladder is not None:
        scores = {name: np.array([answer.score for answer in given]) for name, given in ordering.items()}
        compared = compare_pairs(originals, ladder, scores, oracles, setting, progress.compared)
    return Report(
        data=data,
        rows=len(rows),
        seed=setting.seed,
        resamples=setting.times,
        models=ladder.models if ladder is not None else (),
        routers=about,
        pairs=compared.pairs,
        skipped=compared.skipped,
        means=compared.means,
        choices=tuple(choice_figures(originals, ladder, own, setting)) if ladder is not None else (),
        calibration=tuple(calibration_figures(originals, ladder, own)) if ladder is not None else (),
        labels=tuple(label_figures(originals, ordering)),
    )
