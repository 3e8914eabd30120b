"""The faults that no test injects, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

UNTESTED: Final[Mapping[int, tuple[str, str]]] = {
    37: (
        "Redis or PostgreSQL down, slow, of the wrong type, failing over",
        "neither is supported yet: what workers share is in SQLite files on one machine (35 is its test)",
    ),
    50: (
        "Two replicas, one slow or cut off from Redis",
        "there are no replicas with a shared state yet; the workers of one machine are 42",
    ),
}
