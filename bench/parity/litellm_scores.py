"""Scores prompts with the published LiteLLM: run by its own interpreter, prompts in and scores out as JSON lines.

The first line on stdin is the `complexity_router_config`; each further one a prompt. Each line out is
`{"score", "tier", "rule", "cpu_us"}`; `rule` is the tier a keyword rule settles, or null.
"""

from __future__ import annotations

import json
import os
import sys
import time

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # no look-up over the network

from litellm.router_strategy.complexity_router.complexity_router import ComplexityRouter


def main() -> None:
    """Answer every line."""
    sys.setrecursionlimit(10_000)
    router = ComplexityRouter("parity", None, json.loads(sys.stdin.readline()))
    router.classify("warm the regular expression cache")
    for line in sys.stdin:
        prompt = json.loads(line)
        begun = time.process_time_ns()
        tier, score, _ = router.classify(prompt)
        cpu_us = (time.process_time_ns() - begun) / 1_000
        override = router._lexical_tier_override(prompt)  # noqa: SLF001 - no public name for the rule alone
        rule = None if override is None else str(getattr(override.tier, "value", override.tier)).lower()
        answer = {"score": score, "tier": tier.value.lower(), "rule": rule, "cpu_us": cpu_us}
        sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
