"""The configuration in force as rows for people, its JSON Schema for editors, and a file to start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pointsman.config import packaged
from pointsman.config.load import Loaded
from pointsman.config.schema import Settings
from pointsman.config.schema_resilience import preset_settings
from pointsman.config.tree import Path, dotted
from pointsman.core.catalog import Secret
from pointsman.core.jsontypes import Json, JsonObject

MASK = "***"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One setting in force: dotted path, value (keys masked), and where it comes from."""

    path: str
    value: Json
    origin: str


def show(loaded: Loaded) -> tuple[Row, ...]:
    """Every setting in force, in the schema's order; keys and headers are masked."""
    origins = loaded.origins
    rows = []
    for path, value in _leaves(loaded.settings.model_dump(), ()):
        name = dotted(path)
        written = (path, _by_name(path, loaded), path[:-1] if path[-1:] == ("action",) else path)
        found = (origins.get(dotted(place)) for place in written)
        origin = next(filter(None, found), None) or _by_preset(path, loaded) or "default"
        rows.append(Row(path=name, value=value, origin=origin))
    return tuple(rows)


def json_schema() -> JsonObject:
    """The JSON Schema of `pointsman.yaml`, for `pointsman config schema` and editors."""
    schema: JsonObject = Settings.model_json_schema(mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pointsman.yaml",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def init_template() -> str:
    """A commented `pointsman.yaml` to start from."""
    return packaged.text("init.yaml")


def _leaves(value: object, path: Path) -> list[tuple[Path, Json]]:
    """Scalars and empty containers with their paths; models that say nothing (None) are left out."""
    children: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        children = [(str(key), child) for key, child in value.items() if child is not None or not path[1:]]
    elif isinstance(value, list):
        children = list(enumerate(value))
    if not children:
        return [(path, MASK if isinstance(value, Secret) else _plain(value))]
    return [leaf for step, child in children for leaf in _leaves(child, (*path, step))]


def _plain(value: object) -> Json:
    if isinstance(value, dict | list):
        return {} if isinstance(value, dict) else []
    return value if isinstance(value, str | int | float | bool) else None


def _by_preset(path: Path, loaded: Loaded) -> str | None:
    """`preset litellm` for a setting of `resilience` that the preset brought."""
    resilience = loaded.settings.resilience
    found: object = preset_settings(resilience.preset, {"num_retries": resilience.num_retries})
    for step in path[1:] if path[:1] == ("resilience",) else ():
        found = found.get(str(step)) if isinstance(found, Mapping) else None
    return None if found is None or path[:1] != ("resilience",) else f"preset {resilience.preset}"


def _by_name(path: Path, loaded: Loaded) -> Path:
    """*path* as it is written where models stand in a mapping by name, or a single name for a list."""
    if path[:1] == ("models",) and len(path) > 1 and isinstance(path[1], int):
        models = loaded.tree.entries.get("models")
        if models is not None and models.entries:
            path = ("models", list(models.entries)[path[1]], *path[2:])
    return path[:-1] if path and isinstance(path[-1], int) and dotted(path) not in loaded.origins else path
