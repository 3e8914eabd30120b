"""A LiteLLM proxy file (`litellm_config.yaml`) as our settings; every key it does not use is named in a warning.

`complexity_router_config` is taken where people put it: at the top level, where LiteLLM itself passes over it, or
under the `litellm_params` of a model `auto_router/complexity_router`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Final

from pointsman.config.environment import Unset, resolve
from pointsman.config.imports import litellm_resilience
from pointsman.config.imports.litellm_fallbacks import ANY_MODEL, KINDS, aliases, chains, known_only, targets_of
from pointsman.config.imports.litellm_models import ENTRY_KEYS, model_entry
from pointsman.config.imports.litellm_routers import CONFIG, Models, is_router, router_model, router_settings
from pointsman.config.imports.notes import Notes
from pointsman.config.tree import Node, Path, mapping, overlay
from pointsman.config.warning import ConfigWarning
from pointsman.core.catalog import AUTO
from pointsman.core.errors import ConfigError

SHAPE = frozenset({"model_list", "litellm_settings", "router_settings", "general_settings", CONFIG})
TOP_KEYS = SHAPE | {"environment_variables", "include"}
_TIMEOUT = ("server", "request_timeout_s")
# Later sections win.
SETTINGS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "general_settings": {"master_key": ("server", "master_key"), "request_timeout": _TIMEOUT},
    "litellm_settings": {
        "request_timeout": _TIMEOUT,
        "num_retries": ("resilience", "num_retries"),
    },
    "router_settings": {
        "timeout": _TIMEOUT,
        "num_retries": ("resilience", "num_retries"),
        "max_fallbacks": ("resilience", "max_fallbacks"),
    },
}
# What Pointsman does anyway, by section, key and value.
ALREADY_SO: Final[Mapping[str, Mapping[str, object]]] = {
    "litellm_settings": {"drop_params": True, "turn_off_message_logging": True, "set_verbose": False, "cache": False},
    "router_settings": {"routing_strategy": "simple-shuffle"},
    "general_settings": {},
}
MAX_INCLUDES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The file as our own tree."""

    tree: Node
    warnings: tuple[ConfigWarning, ...]
    unset_keys: tuple[Unset, ...]


def is_litellm(tree: Node) -> bool:
    """Whether *tree* has the shape of a LiteLLM file."""
    return not SHAPE.isdisjoint(tree.entries)


def with_includes(tree: Node, folder: FilePath, read: Callable[[FilePath], Node]) -> Node:
    """*tree* with the files of its `include` merged in: lists are joined, mappings merged, the rest replaced."""
    notes, seen = Notes(), 0
    waiting = [tree]
    merged = mapping({key: child for key, child in tree.entries.items() if key != "include"}, tree.origin)
    while waiting:
        include = waiting.pop(0).entries.get("include")
        if include is None or include.value is None:
            continue
        for name in targets_of(include, ("include",), notes):
            seen += 1
            if seen > MAX_INCLUDES:
                where = include.origin.where
                raise ConfigError(f"{where}: include: more than {MAX_INCLUDES} files; do they include each other?")
            included = read(folder / (name.text or ""))
            waiting.append(included)
            entries = dict(merged.entries)
            for key, child in included.entries.items():
                if key != "include":
                    entries[key] = _joined(entries[key], child) if key in entries else child
            merged = mapping(entries, tree.origin)
    return merged


def _joined(first: Node, second: Node) -> Node:
    if isinstance(first.value, tuple) and isinstance(second.value, tuple):
        return Node((*first.value, *second.value), first.origin)
    return overlay(first, second)


def convert(tree: Node, environ: Mapping[str, str]) -> Imported:
    """Our tree for a LiteLLM file's *tree*."""
    notes = Notes()
    resolved, unset = _resolved(tree, environ, notes)
    notes.unused(resolved, (), TOP_KEYS)
    sections = {name: notes.section(resolved.entries.get(name), (name,)) for name in SETTINGS}
    stream_timeout = litellm_resilience.first_of("stream_timeout", sections)
    models = Models(stream_timeout=stream_timeout[1] if stream_timeout else None)
    routers, unset_keys = _models(resolved, {entry.path: entry for entry in unset}, models, notes)
    ours: dict[str, Node] = {}
    top = notes.section(resolved.entries.get(CONFIG), (CONFIG,))
    auto = router_settings(top, (CONFIG,), models, notes) if top else None
    first = auto or routers.get(AUTO) or next(iter(routers.values()), None)
    if first is not None:
        others = {name: router for name, router in routers.items() if name != AUTO}
        ours["routing"] = mapping({**first.entries, **({"routers": mapping(others)} if others else {})}, first.origin)
    ours["models"] = Node(tuple(models.entries), resolved.origin)
    result = mapping(ours, resolved.origin)
    result = overlay(result, _names(sections, models.names, set(routers) | {AUTO}, notes))
    result = overlay(result, litellm_resilience.resilience(sections, models.names, tree, notes))
    for name, section in sections.items():
        if section is not None:
            result = overlay(result, _plain_settings(name, section, notes))
    return Imported(tree=result, warnings=tuple(notes.warnings), unset_keys=unset_keys)


def _resolved(tree: Node, environ: Mapping[str, str], notes: Notes) -> tuple[Node, tuple[Unset, ...]]:
    """*tree* with its variables replaced; a model's missing key is left to a warning, anything else is an error."""
    own = notes.section(tree.entries.get("environment_variables"), ("environment_variables",))
    if own is not None:
        variables, missing = resolve(own, environ, ("environment_variables",))
        if missing:
            raise missing[0].error()
        given = {name: str(node.value) for name, node in variables.entries.items() if node.value is not None}
        environ = {**environ, **given}
    rest = mapping({key: child for key, child in tree.entries.items() if key != "environment_variables"}, tree.origin)
    resolved, unset = resolve(rest, environ)
    for entry in unset:
        if entry.path[0] != "model_list" or entry.path[2:] != ("litellm_params", "api_key"):
            raise entry.error()
    return resolved, unset


def _models(
    tree: Node, unset: Mapping[Path, Unset], models: Models, notes: Notes
) -> tuple[dict[str, Node], tuple[Unset, ...]]:
    """Put the file's models into *models*; the routers by name (made last: they name models), and the keys not set."""
    unset_keys: list[Unset] = []
    waiting: list[tuple[str, Node, Path]] = []
    model_list = tree.entries.get("model_list", Node(None))
    if model_list.value is not None and not isinstance(model_list.value, tuple):
        notes.fail(("model_list",), model_list, "a list")
    for index, item in enumerate(model_list.items):
        path: Path = ("model_list", index)
        if not isinstance(item.value, dict):
            notes.fail(path, item, "a mapping with `model_name` and `litellm_params`")
        notes.unused(item, path, ENTRY_KEYS)
        name = notes.name(item.entries.get("model_name"), (*path, "model_name"), item)
        at: Path = (*path, "litellm_params")
        params = notes.section(item.entries.get("litellm_params"), at) or mapping({}, item.origin)
        if is_router(params):
            waiting.append((name, params, at))
            continue
        info = notes.section(item.entries.get("model_info"), (*path, "model_info"))
        entry = model_entry(item.entries["model_name"], params, info, path, models.stream_timeout, notes)
        if entry is None:
            continue
        missing = unset.get((*at, "api_key"))
        if missing is not None:
            ours: Path = ("models", len(models.entries), "api_key")
            unset_keys.append(Unset(path=ours, origin=missing.origin, variable=missing.variable))
        models.entries.append(entry)
    routers = {}
    for name, params, place in waiting:
        router = router_model(params, place, models, notes)
        if router is not None:
            routers[name] = router
    return routers, tuple(unset_keys)


def _names(sections: Mapping[str, Node | None], names: set[str], routers: set[str], notes: Notes) -> Node:
    """Fallbacks and aliases: `router_settings` wins over `litellm_settings`."""
    found: dict[str, Node] = {}
    for kind in KINDS:
        place = _first_place(kind, sections, notes)
        parsed: dict[str, Node] = {}
        if place is not None:
            parsed = chains(place[1], place[0], notes)
        default = _first_place("default_fallbacks", sections, notes) if kind == "fallbacks" else None
        if default is not None and ANY_MODEL not in parsed:
            parsed[ANY_MODEL] = Node(targets_of(default[1], default[0], notes), default[1].origin)
        if parsed:
            at = place[0] if place else ("router_settings", "default_fallbacks")
            found[kind] = known_only(parsed, at, names, notes, sources=names | routers)
    router_section = sections["router_settings"]
    alias = router_section.entries.get("model_group_alias") if router_section else None
    section = notes.section(alias, ("router_settings", "model_group_alias"))
    if section is not None:
        found["aliases"] = mapping(aliases(section, ("router_settings", "model_group_alias"), names, notes))
    return mapping(found)


def _first_place(key: str, sections: Mapping[str, Node | None], notes: Notes) -> tuple[Path, Node] | None:
    """Where *key* counts; the other place, if it has one too, is named in a warning."""
    places: list[tuple[Path, Node]] = []
    for name in ("router_settings", "litellm_settings"):
        section = sections[name]
        node = section.entries.get(key) if section else None
        if node is not None and node.value is not None:
            places.append(((name, key), node))
    for path, node in places[1:]:
        notes.warn(path, node, f"router_settings.{key} wins over this one")
    return places[0] if places else None


def _plain_settings(name: str, section: Node, notes: Notes) -> Node:
    """The settings of one section that have a counterpart of ours."""
    result = mapping({})
    table = SETTINGS[name]
    for key, (part, ours) in table.items():
        node = section.entries.get(key)
        if node is not None and node.value is not None:
            result = overlay(result, mapping({part: mapping({ours: node})}))
    so = ALREADY_SO[name]
    as_is = {key for key, node in section.entries.items() if key in so and node.value == so[key]}
    of_names = {*KINDS, "default_fallbacks"} if name != "general_settings" else set()
    of_aliases = {"model_group_alias"} if name == "router_settings" else set()
    of_resilience = litellm_resilience.KEYS if name in litellm_resilience.SECTIONS else frozenset[str]()
    notes.unused(section, (name,), {*table, *as_is, *of_names, *of_aliases, *of_resilience})
    return result
