"""Outcomes made up by a rule: hard prompts are long, and only the strong model answers them."""

from __future__ import annotations

import json
from pathlib import Path

from pointsman.core.jsontypes import JsonObject


def lines(count: int = 40, source: str = "made") -> list[JsonObject]:
    """*count* lines: every second prompt is long and hard; the strong model costs ten times as much."""
    return [
        {
            "id": f"{source}{at}",
            "source": source,
            "prompt": "Why? " + "because " * (at if at % 2 else 0),
            "outcomes": {"small": 1 - at % 2, "large": 1},
            "cost": {"small": 0.001, "large": 0.01},
        }
        for at in range(count)
    ]


def written(path: Path, made: list[JsonObject]) -> Path:
    """A file of them."""
    path.write_text("".join(json.dumps(line) + "\n" for line in made), encoding="utf-8")
    return path
