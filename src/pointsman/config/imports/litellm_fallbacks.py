"""Fallbacks and aliases of a LiteLLM file, in every shape people write them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pointsman.config.imports.notes import Notes
from pointsman.config.tree import Node, Path, mapping

ANY_MODEL = "*"
KINDS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")


def chains(node: Node, path: Path, notes: Notes) -> dict[str, Node]:
    """Who follows whom: a list of mappings or one mapping, values a list or one, each a name or `{model: name}`."""
    sections: list[tuple[Path, Node]] = [((*path, index), item) for index, item in enumerate(node.items)]
    if isinstance(node.value, dict):
        sections = [(path, node)]
    elif not isinstance(node.value, tuple):
        notes.fail(path, node, "a list of mappings such as `- heavy: [frontier]`")
    found: dict[str, Node] = {}
    for at, section in sections:
        if not isinstance(section.value, dict):
            notes.fail(at, section, "a mapping such as `heavy: [frontier]`")
        for source, targets in section.entries.items():
            added = targets_of(targets, (*at, source), notes)
            known = found[source].items if source in found else ()
            fresh = (target for target in added if target.text not in {old.text for old in known})
            found[source] = Node((*known, *fresh), targets.origin)
    return found


def targets_of(node: Node, path: Path, notes: Notes) -> tuple[Node, ...]:
    """The names of one chain."""
    items = node.items if isinstance(node.value, tuple) else (node,)
    found = []
    for index, item in enumerate(items):
        target = item.entries.get("model", item) if isinstance(item.value, dict) else item
        if not target.text:
            notes.fail((*path, index), item, "a model's name")
        if isinstance(item.value, dict):
            notes.unused(item, (*path, index), {"model"})
        found.append(target)
    return tuple(found)


def aliases(node: Node, path: Path, names: Collection[str], notes: Notes) -> dict[str, Node]:
    """`model_group_alias`: alias to name, or to `{model: name, hidden: …}`."""
    found = {}
    for alias, entry in node.entries.items():
        target = entry.entries.get("model", entry) if isinstance(entry.value, dict) else entry
        if not target.text:
            notes.fail((*path, alias), entry, "a model's name")
        if isinstance(entry.value, dict):
            notes.unused(entry, (*path, alias), {"model"})
        if alias in names:
            notes.warn((*path, alias), entry, f"{alias!r} is a model's name already; the alias is left out")
        elif target.text not in names:
            notes.warn((*path, alias), entry, f"no model is called {target.text!r}; the alias is left out")
        else:
            found[alias] = target
    return found


def known_only(
    found: Mapping[str, Node], path: Path, names: Collection[str], notes: Notes, *, sources: Collection[str]
) -> Node:
    """*found* without names that no model has, each named in a warning."""
    kept: dict[str, Node] = {}
    for source, targets in found.items():
        if source not in sources and source != ANY_MODEL:
            notes.warn((*path, source), targets, f"no model is called {source!r}; its fallbacks are left out")
            continue
        good = []
        for target in targets.items:
            if target.text == source:
                notes.warn((*path, source), target, f"{source!r} would stand in for itself; it is left out")
            elif target.text in names:
                good.append(target)
            else:
                notes.warn((*path, source), target, f"no model is called {target.text!r}; it is left out")
        if good:
            kept[source] = Node(tuple(good), targets.origin)
    return mapping(kept)
