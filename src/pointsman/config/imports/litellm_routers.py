"""`complexity_router_config` of a LiteLLM file, at the top level or as a model, to our routers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pointsman.config.imports.litellm_models import model_entry
from pointsman.config.imports.notes import Notes
from pointsman.config.schema_routing import SCORER_KEYS
from pointsman.config.tree import Node, Path, mapping
from pointsman.core.catalog import Tier

ROUTER_MODEL = "auto_router/complexity_router"
CONFIG = "complexity_router_config"
DEFAULT_MODEL = "complexity_router_default_model"


@dataclass(slots=True)
class Models:
    """The entries made so far; a tier may add one of its own. `stream_timeout` is the whole file's."""

    stream_timeout: Node | None = None
    entries: list[Node] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        """What the entries are called."""
        return {entry.entries["name"].text or "" for entry in self.entries}


def is_router(params: Node) -> bool:
    """Whether a deployment is no model but a router (of any kind)."""
    model = params.entries.get("model")
    return model is not None and (model.text or "").startswith("auto_router/")


def router_model(params: Node, path: Path, models: Models, notes: Notes) -> Node | None:
    """Our router for a deployment `auto_router/complexity_router`; None (and a warning) for other kinds."""
    model = params.entries["model"]
    if model.text != ROUTER_MODEL:
        notes.warn((*path, "model"), model, f"routers of the kind {model.text!r} are not supported; it is left out")
        return None
    config = notes.section(params.entries.get(CONFIG), (*path, CONFIG)) or mapping({}, params.origin)
    router = router_settings(config, (*path, CONFIG), models, notes)
    sibling = params.entries.get(DEFAULT_MODEL)
    if sibling is not None and "default_model" not in router.entries:
        router = mapping(
            {**router.entries, **_default_model(sibling, (*path, DEFAULT_MODEL), models, notes)}, router.origin
        )
    notes.unused(params, path, {"model", CONFIG, DEFAULT_MODEL, "drop_params"})
    return router


def router_settings(config: Node, path: Path, models: Models, notes: Notes) -> Node:
    """Our router settings for one `complexity_router_config`."""
    router: dict[str, Node] = {}
    tiers = notes.section(config.entries.get("tiers"), (*path, "tiers"))
    if tiers is not None:
        router["tiers"] = _tiers(tiers, (*path, "tiers"), models, notes)
    router |= {key: config.entries[key] for key in SCORER_KEYS if key in config.entries}
    router["scorer"] = Node("litellm-compat", config.origin)  # one file means the same in both
    if "default_model" in config.entries:
        router |= _default_model(config.entries["default_model"], (*path, "default_model"), models, notes)
    kind = config.entries.get("classifier_type")
    if kind is not None and kind.text != "heuristic":
        notes.warn((*path, "classifier_type"), kind, "only `heuristic` is supported; prompts are scored by it")
    notes.unused(config, path, {"tiers", "default_model", "classifier_type", *SCORER_KEYS})
    return mapping(router, config.origin)


def _tiers(tiers: Node, path: Path, models: Models, notes: Notes) -> Node:
    found: dict[str, Node] = {}
    for name, value in tiers.entries.items():
        tier = Tier.parse(name)
        if tier is None:
            notes.warn(
                (*path, name), value, f"{name!r} is no tier (SIMPLE, MEDIUM, COMPLEX, REASONING); it is left out"
            )
            continue
        names = tuple(_tier_models(value, tier, (*path, name), models, notes))
        if names:
            found[tier.value] = Node(names, value.origin)
    return mapping(found, tiers.origin)


def _tier_models(value: Node, tier: Tier, path: Path, models: Models, notes: Notes) -> Iterator[Node]:
    items = value.items if isinstance(value.value, tuple) else (value,)
    for item in items:
        if isinstance(item.value, dict):
            name = _inline(item, tier, path, models, notes)
        elif item.text:
            name = item
        else:
            notes.fail(path, item, "a model's name, a list of names, or {model_name, litellm_params}")
        if name is not None and name.text in models.names:
            yield name
        elif name is not None:
            notes.warn(path, item, f"no model is called {name.text!r}; it is left out of the tier")


def _inline(item: Node, tier: Tier, path: Path, models: Models, notes: Notes) -> Node | None:
    """The name of a tier's own model: a new one, or one of the list with other parameters (`heavy@complex`)."""
    name = item.entries.get("model_name")
    wanted = notes.name(name, (*path, "model_name"), item)
    name = Node(wanted, name.origin if name else item.origin)
    params = notes.section(item.entries.get("litellm_params"), (*path, "litellm_params"))
    notes.unused(item, path, {"model_name", "litellm_params"})
    if params is None or not params.entries:
        return name
    known = [entry for entry in models.entries if entry.entries["name"].text == wanted]
    if known:
        name = Node(f"{wanted}@{tier}", name.origin)
    if "model" in params.entries:
        entry = model_entry(name, params, None, path, models.stream_timeout, notes)
        models.entries += [entry] if entry else []
        return name if entry else None
    if not known:
        return name
    renamed = mapping({**params.entries, "model": known[0].entries["model"]}, params.origin)
    changed = model_entry(name, renamed, None, path, models.stream_timeout, notes)
    changes = dict(changed.entries) if changed else {}
    changes.pop("model", None)
    for entry in known:
        own_defaults = entry.entries.get("defaults", mapping({})).entries
        defaults = {**own_defaults, **changes.get("defaults", mapping({})).entries}
        models.entries.append(mapping({**entry.entries, **changes, "defaults": mapping(defaults)}, params.origin))
    return name


def _default_model(node: Node, path: Path, models: Models, notes: Notes) -> dict[str, Node]:
    if node.text in models.names:
        return {"default_model": node}
    notes.warn(path, node, f"no model is called {node.text!r}; there is no default model")
    return {}
