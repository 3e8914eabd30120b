"""gemini-cli's `settings.json` as our settings: the model, whether it routes, its chains, its local classifier.

The rest of that file is about other things than models and is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pointsman.config.imports.notes import Notes
from pointsman.config.presets import ANY, GEMINI_CLI, MOST_ATTEMPTS
from pointsman.config.tree import Node, mapping
from pointsman.config.warning import ConfigWarning

SHAPE = frozenset({
    "billing", "context", "experimental", "general", "mcpServers", "modelConfigs", "security", "tools", "ui",
})  # fmt: skip
OURS = frozenset(
    {
        "server",
        "endpoints",
        "models",
        "routing",
        "fallbacks",
        "ledger",
        "aliases",
        "privacy",
        "classifier",
        "resilience",
    }
)
_ACTIONS = {"low": "silent", "full": "ask"}
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::-([^}]*))?\})")


def is_gemini_settings(tree: Node) -> bool:
    """Whether *tree* has the shape of a gemini-cli settings file."""
    return not SHAPE.isdisjoint(tree.entries) and OURS.isdisjoint(tree.entries)


def convert(tree: Node, environ: Mapping[str, str]) -> tuple[Node, tuple[ConfigWarning, ...]]:
    """Our tree for gemini-cli's *tree*, and what of its routing settings is not used."""
    notes = Notes()
    ours: dict[str, Node] = {}
    model = notes.section(tree.entries.get("model"), ("model",))
    if model is not None and "name" in model.entries:
        ours["model"] = mapping({"name": _expanded(model.entries["name"], environ)}, model.origin)
    experimental = notes.section(tree.entries.get("experimental"), ("experimental",)) or mapping({})
    general = notes.section(tree.entries.get("general"), ("general",)) or mapping({})
    switch = experimental.entries.get("useModelRouter") or general.entries.get("useModelRouter")
    if switch is not None:
        ours["routing"] = mapping({"enabled": switch}, switch.origin)
    ours["resilience"] = _resilience(tree, general, notes)
    path = ("experimental", "gemmaModelRouter")
    gemma = notes.section(experimental.entries.get("gemmaModelRouter"), path)
    if gemma is not None:
        ours["classifier"] = _classifier(gemma, environ, notes)
    return mapping(ours, tree.origin), tuple(notes.warnings)


def _resilience(tree: Node, general: Node, notes: Notes) -> Node:
    """gemini-cli's preset; `maxAttempts` for what may pass, and whether that is asked about (`errorVerbosity`)."""
    rule: dict[str, Node] = {}
    rules: dict[str, Node] = {}
    attempts = general.entries.get("maxAttempts")
    if attempts is not None and attempts.value is not None:
        if type(attempts.value) is not int or attempts.value < 1:
            notes.fail(("general", "maxAttempts"), attempts, "a whole number from 1")
        rule["attempts"] = Node(min(MOST_ATTEMPTS, attempts.value), attempts.origin)
        rules["unknown"] = mapping(rule, attempts.origin)
    ui = notes.section(tree.entries.get("ui"), ("ui",)) or mapping({})
    verbosity = ui.entries.get("errorVerbosity")
    if verbosity is not None and verbosity.value is not None:
        if verbosity.text not in _ACTIONS:
            notes.fail(("ui", "errorVerbosity"), verbosity, "`low` or `full`")
        rule["action"] = Node(_ACTIONS[verbosity.text], verbosity.origin)
    if rule:
        rules["transient"] = mapping(rule, general.origin)
    billing = notes.section(tree.entries.get("billing"), ("billing",)) or mapping({})
    if (overage := billing.entries.get("overageStrategy")) is not None:
        notes.warn(("billing", "overageStrategy"), overage, "not used: Pointsman buys no credits")
    found = {"preset": Node(GEMINI_CLI, tree.origin)}
    if rules:
        found["policies"] = mapping({ANY: mapping(rules, tree.origin)}, tree.origin)
    return mapping(found, tree.origin)


def _classifier(gemma: Node, environ: Mapping[str, str], notes: Notes) -> Node:
    path = ("experimental", "gemmaModelRouter")
    found: dict[str, Node] = {}
    names = {"enabled": "enabled", "autoStartServer": "auto_start", "binaryPath": "binary_path"}
    for theirs, ours in names.items():
        if theirs in gemma.entries:
            found[ours] = _expanded(gemma.entries[theirs], environ)
    classifier = notes.section(gemma.entries.get("classifier"), (*path, "classifier")) or mapping({})
    for key in ("host", "model"):
        if key in classifier.entries:
            found[key] = _expanded(classifier.entries[key], environ)
    notes.unused(gemma, path, {*names, "classifier"})
    notes.unused(classifier, (*path, "classifier"), {"host", "model"})
    return mapping(found, gemma.origin)


def _expanded(node: Node, environ: Mapping[str, str]) -> Node:
    """*node* with `$NAME`, `${NAME}` and `${NAME:-default}` replaced; what is not set stays as written."""
    if node.text is None:
        return node

    def value(found: re.Match[str]) -> str:
        return environ.get(found[1] or found[2]) or (found[3] if found[3] is not None else found[0])

    return Node(_VARIABLE.sub(value, node.text), node.origin)
