"""What the classifier learns from: prompts with outcomes of models, and prompts that somebody has labelled.

JSON Lines, `.gz` or not. All keys but `prompt` may be missing; a line teaches what it has.

| key | teaches |
| --- | --- |
| `scores` (or `outcomes`): model → 0..1 | how often models fail on it |
| `tier_scores`: small, medium, large, frontier → 0..1 | how much a strong model gains |
| `tier` (or `labels.tier`) | the tier |
| `difficulty`, `gap`: 0..100 | how hard it is; how much better strong models' answers are |
| `kind` (or `labels.task_type`) | the kind of task |
| `topic` | that it is of one of TOPICS, which have a scale of difficulty of their own |
| `output_tokens` | how long a good answer is |
| `source`, `category` | outcomes are compared within one set only |
| `group` | says that lines are the same prompt in other words: never split by a check |
| `licence` | a line is left out when its licence is one of `EXCLUDED` |
"""

from __future__ import annotations

import gzip
import json
import zlib
from statistics import fmean
from typing import TYPE_CHECKING, Final

from pointsman.core.catalog import Tier
from pointsman.core.errors import InvalidRequest
from pointsman.core.values import value_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from pointsman.core.jsontypes import Json

EXCLUDED: Final = ("no licence", "-NC", "unstated", "unknown")
"""Signs of a licence that weights which are given away may not rest on."""

KINDS: Final[Mapping[str, str]] = {
    "smalltalk": "questions",
    "greeting": "questions",
    "factual-qa": "questions",
    "definition": "questions",
    "edge-noise": "questions",
    "explanation": "analysis",
    "comparison": "analysis",
    "brainstorming": "creative",
    "rewriting": "email",
    "summary": "summaries",
    "simple-code": "coding",
    "testing": "coding",
    "complex-code": "design",
    "system-design": "design",
    "architecture": "design",
    "ml-pipeline": "design",
    "security-analysis": "analysis",
    "code-review": "debugging",
    "formal-proof": "reasoning",
    "math-derivation": "reasoning",
    "algorithm-proof": "reasoning",
    "game-theory": "reasoning",
    "formal-logic": "reasoning",
}
"""Names of kinds that other sets of labels have, and what the cheat sheet calls them."""

TOPICS: Final = ("words", "trace")
"""What has its own scale of difficulty: sums told in words, and what a piece of code gives. Long is hard there."""

_TOPIC_OF: Final[Mapping[str, str]] = {"gsm8k": "words"}
"""Categories of other sets that are a topic."""

_STEPS: Final = ("small", "medium", "large", "frontier")
_PERCENT: Final = 100.0


@value_type
class Example:
    """One prompt and what is known of it; None where a thing is not."""

    prompt: str
    tools: int = 0
    source: str = "own"  # outcomes of one source are comparable
    group: str | None = None
    failure: float | None = None  # 0..1: the share of models that failed
    gain: float | None = None  # -1..1: stronger tiers' mean less that of the weaker
    steps: tuple[float | None, ...] = (None, None, None, None)  # outcomes of small, medium, large, frontier
    tier: int | None = None  # 0..3
    difficulty: float | None = None  # 0..100
    gap: float | None = None  # 0..100
    kind: str | None = None
    topic: str | None = None
    output_tokens: float | None = None


_HINT: Final = "Each line is a JSON object with `prompt`."


def read_examples(paths: Sequence[Path]) -> tuple[list[Example], Mapping[str, int]]:
    """The examples in *paths*, and how many each licence had left out; InvalidRequest names a line that is wrong."""
    examples: list[Example] = []
    left_out: dict[str, int] = {}
    for path in paths:
        lines = [(number, line) for number, line in enumerate(_lines(path), start=1) if line.strip()]
        if not lines:
            raise InvalidRequest(f"{path}: There is no example in it.", hint=_HINT)
        for number, line in lines:
            value = _object(line, f"{path}:{number}")
            licence = str(value.get("licence", ""))
            if any(sign in licence for sign in EXCLUDED):
                left_out[licence] = left_out.get(licence, 0) + 1
                continue
            examples.append(_example(value, f"{path}:{number}"))
    if not examples:
        raise InvalidRequest("There is no example in the data.", hint=_HINT)
    return examples, left_out


def _lines(path: Path) -> Iterable[bytes]:
    try:
        data = path.read_bytes()
        return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).splitlines()
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidRequest(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}).") from error


def _object(line: bytes, where: str) -> Mapping[str, Json]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"{where}: This is no JSON ({error}).") from error
    if not isinstance(value, dict) or not isinstance(value.get("prompt"), str):
        raise InvalidRequest(f"{where}: The line should be an object with a text `prompt`.")
    return value


def _example(value: Mapping[str, Json], where: str) -> Example:
    labels = value.get("labels")
    labels = labels if isinstance(labels, dict) else {}
    scores = list(_numbers(value.get("scores", value.get("outcomes")), f"{where}: scores").values())
    by_step = _numbers(value.get("tier_scores"), f"{where}: tier_scores")
    steps = tuple(by_step.get(name) for name in _STEPS)
    named = value.get("tier", labels.get("tier"))
    tier = Tier.parse(named) if isinstance(named, str) else None
    if isinstance(named, str) and tier is None:
        raise InvalidRequest(f"{where}: tier {named!r} is none; there are {', '.join(Tier)}.")
    topic = value.get("topic", _TOPIC_OF.get(str(value.get("category"))))
    if topic is not None and topic not in TOPICS:
        raise InvalidRequest(f"{where}: topic {topic!r:.40} is none; there are {', '.join(TOPICS)}.")
    kind = value.get("kind", labels.get("task_type"))
    source, category, group = (value.get(key) for key in ("source", "category", "group"))
    return Example(
        prompt=str(value["prompt"]),
        tools=int(_number(value.get("n_tools"), f"{where}: n_tools") or 0),
        source=f"{source or 'own'}/{category or ''}" if source == "llmrouter" else str(source or "own"),
        group=str(group) if group is not None else None,
        failure=1.0 - fmean(scores) if scores else None,
        gain=_gain([one for one in steps if one is not None]),
        steps=steps,
        tier=tier.rank if tier is not None else None,
        difficulty=_number(value.get("difficulty"), f"{where}: difficulty", _PERCENT),
        gap=_number(value.get("gap"), f"{where}: gap", _PERCENT),
        kind=KINDS.get(kind, kind) if isinstance(kind, str) else None,
        topic=str(topic) if topic is not None else None,
        output_tokens=_number(value.get("output_tokens"), f"{where}: output_tokens"),
    )


def _gain(known: Sequence[float]) -> float | None:
    """The mean of the upper half of the *known* steps less that of the lower half."""
    half = len(known) // 2
    return fmean(known[-half:]) - fmean(known[:half]) if half else None


def _numbers(value: Json, where: str) -> dict[str, float]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidRequest(f"{where} should be an object of names and numbers from 0 to 1.")
    found = {name: _number(one, f"{where}.{name}", 1.0) for name, one in value.items()}
    return {name: one for name, one in found.items() if one is not None}


def _number(value: Json, where: str, most: float = 1e9) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise InvalidRequest(f"{where} should be a number from 0 to {most:g}; it is {value!r:.40}.")
    return float(value)
