"""Compares our complexity score with the published LiteLLM's, prompt by prompt, under several configurations."""

from __future__ import annotations

import argparse
import gzip
import json
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pointsman.core.catalog import Tier
from pointsman.routing.complexity import (
    ComplexitySettings,
    CustomDimension,
    CustomScoring,
    DimensionWeights,
    KeywordTierRule,
    TierBoundaries,
    TokenThresholds,
    keyword_tier,
    score,
)
from prompts import prompts

HERE = Path(__file__).parent
TOLERANCE = 1e-9

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "weights, boundaries, thresholds": {
        "dimension_weights": {"codePresence": 0.4, "tokenCount": 0.2, "technicalTerms": 0.15},
        "tier_boundaries": {"simple_medium": 0.1, "complex_reasoning": 0.5},
        "token_thresholds": {"simple": 5, "complex": 100},
        "reasoning_override_min_score": 0,
    },
    "own words": {
        "code_keywords": ["证明", "API", "api", "c++", "node.js", "report", "second look"],
        "reasoning_keywords": ["garden", "step by step", "明日", "noon"],
        "technical_keywords": ["gate", "rain", "ΌΔΟΣ", "memory"],
        "custom_technical_keywords": ["GATE", "Expected", "expected", "最適"],
        "simple_keywords": ["İstanbul", "what's", "hi"],
    },
    "own dimensions and rules": {
        "custom_dimensions": [
            {
                "name": "ops",
                "weight": 0.3,
                "keywords": ["docker", "gate"],
                "patterns": ["rain|noon", "v?[0-9]{1,3}\\."],
            },
            {"name": "twice", "weight": 0.2, "keywords": ["api", "API", "hello"], "scoring_mode": "match_count"},
        ],
        "keyword_tier_rules": [
            {"keywords": ["rain", "pull request"], "tier": "COMPLEX"},
            {"keywords": ["hello"], "tier": "SIMPLE"},
            {"keywords": ["证明", "prove"], "tier": "REASONING"},
        ],
    },
}


@dataclass(slots=True)
class Result:
    """One configuration's comparison."""

    count: int = 0
    equal_scores: int = 0
    equal_tiers: int = 0
    equal_rules: int = 0
    tiers: dict[str, int] = field(default_factory=dict)
    mismatches: list[str] = field(default_factory=list)
    our_us: list[float] = field(default_factory=list)
    their_us: list[float] = field(default_factory=list)


def settings_from(config: dict[str, Any]) -> ComplexitySettings:
    """Our settings for a LiteLLM `complexity_router_config`."""
    lists = {key: tuple(config[key]) for key in config if key.endswith("_keywords")}
    weights = config.get("dimension_weights")
    return ComplexitySettings(
        **lists,
        boundaries=TierBoundaries(**config.get("tier_boundaries", {})),
        token_thresholds=TokenThresholds(**config.get("token_thresholds", {})),
        weights=DimensionWeights() if weights is None else DimensionWeights.from_names(weights),
        reasoning_override_min_score=config.get("reasoning_override_min_score"),
        custom_dimensions=tuple(
            CustomDimension(
                name=item["name"],
                weight=item["weight"],
                keywords=tuple(item.get("keywords", ())),
                patterns=tuple(item.get("patterns", ())),
                scoring=CustomScoring(item.get("scoring_mode", "binary")),
            )
            for item in config.get("custom_dimensions", ())
        ),
        keyword_tier_rules=tuple(
            KeywordTierRule(keywords=tuple(rule["keywords"]), tier=Tier(rule["tier"].lower()))
            for rule in config.get("keyword_tier_rules", ())
        ),
    )


def their_answers(python: str, config: dict[str, Any], asked: list[str]) -> list[dict[str, Any]]:
    """LiteLLM's scores, in order."""
    lines = "\n".join(json.dumps(item) for item in (config, *asked)) + "\n"
    command = [python, str(HERE / "litellm_scores.py")]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"LiteLLM's side failed ({done.returncode}):\n{done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"score"')]


def compare(python: str, config: dict[str, Any], asked: list[str]) -> Result:
    """Score *asked* on both sides."""
    settings = settings_from(config)
    result = Result(count=len(asked))
    for prompt, theirs in zip(asked, their_answers(python, config, asked), strict=True):
        begun = time.process_time_ns()
        ours = score(prompt, settings)
        result.our_us.append((time.process_time_ns() - begun) / 1_000)
        result.their_us.append(theirs["cpu_us"])
        rule = keyword_tier(prompt, settings)
        our_rule = None if rule is None else rule.tier.value
        same_score = abs(ours.score - theirs["score"]) < TOLERANCE
        same_tier, same_rule = ours.tier.value == theirs["tier"], our_rule == theirs["rule"]
        result.equal_scores += same_score
        result.equal_tiers += same_tier
        result.equal_rules += same_rule
        result.tiers[ours.tier.value] = result.tiers.get(ours.tier.value, 0) + 1
        if not (same_score and same_tier and same_rule):
            theirs_shown = f"{theirs['score']!r} {theirs['tier']} {theirs['rule']}"
            result.mismatches.append(f"{prompt[:80]!r}: ours {ours.score!r} {ours.tier} {our_rule}, {theirs_shown}")
    return result


def prompts_in(path: Path, limit: int) -> list[str]:
    """Up to *limit* prompts of a JSON-lines file (plain or gzip), spread evenly over it."""
    packed = path.read_bytes()
    lines = (gzip.decompress(packed) if path.suffix == ".gz" else packed).decode("utf-8").split("\n")
    found = [str(json.loads(line).get("prompt", "")) for line in lines if line]
    return found[:: max(1, len(found) // limit)][:limit]


def report(results: dict[str, Result], sources: list[str], version: str) -> str:
    """The result as Markdown."""
    rows = [
        f"| {name} | {r.count} | {r.equal_scores} | {r.equal_tiers} | {r.equal_rules} "
        f"| {statistics.median(r.our_us):.0f} | {statistics.median(r.their_us):.0f} |"
        for name, r in results.items()
    ]
    tiers = "; ".join(f"{name}: " + ", ".join(f"{t} {n}" for t, n in r.tiers.items()) for name, r in results.items())
    wrong = [f"- {name}: {line}" for name, r in results.items() for line in r.mismatches[:50]]
    return "\n".join(
        [
            "# Complexity score: parity with LiteLLM",
            "",
            f"LiteLLM {version}; Python {platform.python_version()}, {platform.machine()}.",
            f"Prompts: {', '.join(sources)}.",
            "Command: `python bench/parity/parity.py --litellm-python PYTHON [--data FILE] --out RESULTS.md`",
            "",
            f"A score is equal when it differs by less than {TOLERANCE:g}. Times are medians of CPU µs for one prompt.",
            "",
            "| configuration | prompts | equal scores | equal tiers | equal rules | ours, µs | LiteLLM, µs |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
            f"Tiers given: {tiers}.",
            "",
            "Mismatches:" if wrong else "Mismatches: none.",
            *wrong,
            "",
        ]
    )


def main() -> int:
    """Run the comparison; exit 1 when anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--litellm-python", required=True, help="an interpreter with litellm installed")
    parser.add_argument("--count", type=int, default=3_000, help="generated prompts per configuration")
    parser.add_argument("--data", type=Path, action="append", default=[], help="JSON lines with a `prompt`; repeatable")
    parser.add_argument("--data-limit", type=int, default=2_000, help="prompts taken from each file")
    parser.add_argument("--out", type=Path, help="write the report there, too")
    arguments = parser.parse_args()
    asked, sources = prompts(arguments.count), [f"{arguments.count} generated"]
    for path in arguments.data:
        taken = prompts_in(path, arguments.data_limit)
        asked += taken
        sources.append(f"{len(taken)} of {path.name}")
    probe = "from importlib.metadata import version; print(version('litellm'))"
    version = subprocess.run(
        [arguments.litellm_python, "-c", probe], capture_output=True, text=True, check=True
    ).stdout.strip()
    results = {name: compare(arguments.litellm_python, config, asked) for name, config in CONFIGURATIONS.items()}
    text = report(results, sources, version)
    sys.stdout.write(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")
    return int(any(result.mismatches for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
