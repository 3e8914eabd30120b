"""How long a prompt takes to be scored: the learned classifier, LiteLLM's score as we do it, and LiteLLM itself.

python bench/routing/latency.py [--data F.jsonl.gz] [--litellm-python PYTHON] [--prompts 3000]

In turns, on the same prompts, one core; besides prompts of the file, of 1,000, 8,000 and 80,000 characters (20,000
tokens). Prints µs: p50, p95, p99.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.classification import shipped_weights
from pointsman.core.decision import PromptFeatures
from pointsman.routing.complexity import ComplexitySettings, score
from pointsman.routing.features import MAX_ASK_CHARS
from pointsman.routing.learned.scorer import Scorer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SENTENCE = "Please compare the three plans below, say which one fits a family of five, and why you would not take 2. "
PEER = """
import json, sys, time
from litellm.router_strategy.complexity_router.complexity_router import ComplexityRouter
from unittest.mock import MagicMock
router = ComplexityRouter(model_name="auto", litellm_router_instance=MagicMock(), complexity_router_config=None,
                          default_model="m")
score = router.classify
prompts = json.load(sys.stdin)
for prompt in prompts[:50]:
    score(prompt)
took = []
for prompt in prompts:
    began = time.perf_counter()
    score(prompt)
    took.append(time.perf_counter() - began)
print(json.dumps(took))
"""


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description="The cost of a score.")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--litellm-python", help="A Python that has LiteLLM")
    parser.add_argument("--prompts", type=int, default=3000)
    options = parser.parse_args()
    sets = {
        "1,000 characters": [_long(1_000, n) for n in range(400)],
        "8,000 characters": [_long(8_000, n) for n in range(400)],
        "20,000 tokens": [_long(80_000, n) for n in range(200)],
    }
    if options.data:
        with gzip.open(options.data, "rt", encoding="utf-8") as file:
            lines = file.readlines()
        chosen = random.Random(0).sample(lines, min(options.prompts, len(lines)))
        sets = {options.data.name.split(".")[0]: [json.loads(line)["prompt"] for line in chosen]} | sets
    scorer, settings = Scorer(weights=shipped_weights()), ComplexitySettings()
    print("| µs p50 / p95 / p99 | learned | LiteLLM's score, ours | LiteLLM |")
    print("| --- | ---: | ---: | ---: |")
    for name, prompts in sets.items():
        bounded = [prompt[:MAX_ASK_CHARS] for prompt in prompts]
        features = [PromptFeatures(ask=one, estimated_input_tokens=0) for one in bounded]
        learned = _timed(scorer.judge, features)
        compat = _timed(lambda one: score(one, settings), bounded)
        peer = _peer(options.litellm_python, prompts) if options.litellm_python else "not installed"
        print(f"| {name} | {learned} | {compat} | {peer} |", flush=True)


def _long(characters: int, number: int) -> str:
    return (f"{number}. " + SENTENCE * (characters // len(SENTENCE) + 1))[:characters]


def _timed(judge: Callable[[object], object], asked: Sequence[object]) -> str:
    for one in asked[:50]:
        judge(one)
    took = []
    for one in asked:
        began = time.perf_counter()
        judge(one)
        took.append(time.perf_counter() - began)
    return _shown(took)


def _peer(python: str, prompts: Sequence[str]) -> str:
    done = subprocess.run(
        [python, "-c", PEER],
        input=json.dumps(prompts),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
    )
    if done.returncode:
        print(done.stderr[-500:], file=sys.stderr)
        return "failed"
    return _shown(json.loads(done.stdout.splitlines()[-1]))


def _shown(took: Sequence[float]) -> str:
    ordered = sorted(took)
    p50, p95, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1e6 for share in (0.5, 0.95, 0.99))
    return f"{p50:,.0f} / {p95:,.0f} / {p99:,.0f}"


if __name__ == "__main__":
    main()
