"""The cheat sheet: kinds of tasks with the models that suit them, and where those models are to be had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from pointsman.config import packaged
from pointsman.config.schema_tasks import TaskSettings
from pointsman.config.tree import plain
from pointsman.core.catalog import Tier

CONTEXT_TOKENS: Final = 8192
_FILE: Final = "cheat_sheet.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One kind of task. `local` are models by name, or `name:quantization`, the best first."""

    name: str
    title: str
    tier: Tier
    context_tokens: int
    local: tuple[str, ...]
    cloud: str | None
    is_ours: bool = True  # as it is shipped; False: the configuration has changed or added it


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a model of the sheet is to be had."""

    name: str
    hub: str  # a repository of Hugging Face with GGUF files
    ollama: str
    licence: str


def tasks(changes: Mapping[str, TaskSettings]) -> tuple[Task, ...]:
    """The shipped kinds with the configuration's *changes*, then the kinds that it adds."""
    names = (*_shipped(), *(name for name in changes if name not in _shipped()))
    return tuple(_task(name, _shipped().get(name, TaskSettings()), changes.get(name)) for name in names)


def _task(name: str, shipped: TaskSettings, change: TaskSettings | None) -> Task:
    fields = shipped.model_dump(exclude_none=True) | (change.model_dump(exclude_none=True) if change else {})
    return Task(
        name=name,
        title=fields.get("title", name),
        tier=fields.get("tier", Tier.MEDIUM),
        context_tokens=fields.get("context_tokens", CONTEXT_TOKENS),
        local=tuple(fields.get("local", ())),
        cloud=fields.get("cloud"),
        is_ours=change is None,
    )


@cache
def _shipped() -> Mapping[str, TaskSettings]:
    return {name: TaskSettings.model_validate(row) for name, row in _rows("tasks").items()}


@cache
def sources() -> Mapping[str, Source]:
    """The models of the sheet by name."""
    return {name: Source(name=name, **row) for name, row in _rows("models").items()}


def _rows(key: str) -> Mapping[str, dict[str, str]]:
    rows = plain(packaged.tree(_FILE).entries[key])
    assert isinstance(rows, dict)  # noqa: S101  our own file; a test reads it whole
    return rows
