"""What a LiteLLM file says about retries, cooldowns and broken streams, as our `resilience`.

LiteLLM names errors by its exceptions; several of them are one kind of failure here, and share one number.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from pointsman.config.imports.notes import Notes
from pointsman.config.presets import ANY, LITELLM, MOST_ATTEMPTS
from pointsman.config.tree import Node, Path, mapping
from pointsman.core.failure import FailureKind

SECTIONS: Final = ("router_settings", "litellm_settings")  # the first wins
KEYS: Final = frozenset({
    "allowed_fails",
    "allowed_fails_policy",
    "cooldown_time",
    "disable_cooldowns",
    "enable_mid_stream_fallback_continuation",
    "model_group_retry_policy",
    "retry_policy",
    "stream_timeout",
})  # fmt: skip
_PASSING: Final = ("Timeout", "RateLimit", "InternalServer", "ServiceUnavailable", "BadGateway")
_KINDS: Final[Mapping[FailureKind, tuple[str, ...]]] = {
    FailureKind.TRANSIENT: _PASSING,
    FailureKind.AUTH: ("Authentication",),
    FailureKind.CONTENT: ("ContentPolicyViolation",),
    FailureKind.NOT_FOUND: ("NotFound",),
}
RETRIES: Final = frozenset({f"{error}ErrorRetries" for errors in _KINDS.values() for error in errors}) | {
    "BadRequestErrorRetries",
    "DefaultRetries",
}
ALLOWED_FAILS: Final = frozenset(name.replace("ErrorRetries", "ErrorAllowedFails") for name in RETRIES)
_COOLING: Final = ("terminal", "transient", "not_found", "auth", "unknown")


def resilience(sections: Mapping[str, Node | None], groups: Collection[str], origin: Node, notes: Notes) -> Node:
    """`resilience` for a file's *sections* and model *groups*: LiteLLM's preset, changed as they say."""
    ours: dict[str, Node] = {"preset": Node(LITELLM, origin.origin)}
    policies: dict[str, Node] = {}
    if (found := first_of("allowed_fails", sections)) is not None:
        ours["allowed_fails"] = _count(*found, notes)
    if (found := first_of("allowed_fails_policy", sections)) is not None:
        ours |= _allowed_fails(*found, notes)
    if (found := first_of("cooldown_time", sections)) is not None:
        path, node = found
        seconds = notes.number(node, path)
        if seconds > 0:
            ours["cooldown_s"] = ours["max_cooldown_s"] = Node(seconds, node.origin)
        else:
            policies[ANY] = _never_cooling(node)
    if (found := first_of("disable_cooldowns", sections)) is not None and found[1].value is True:
        policies[ANY] = _never_cooling(found[1])
    if (found := first_of("enable_mid_stream_fallback_continuation", sections)) is not None:
        ours["continue_streams"] = found[1]
    for group, path, node in _retry_policies(sections, groups, notes):
        rules = _attempts(path, node, notes)
        policies[group] = mapping(_joined(policies.get(group), rules), node.origin)
    if policies:
        ours["policies"] = mapping(policies)
    return mapping({"resilience": mapping(ours, origin.origin)}, origin.origin)


def first_of(key: str, sections: Mapping[str, Node | None]) -> tuple[Path, Node] | None:
    """Where *key* stands first, and what it says there."""
    for name in SECTIONS:
        section = sections.get(name)
        node = section.entries.get(key) if section else None
        if node is not None and node.value is not None:
            return (name, key), node
    return None


def _never_cooling(node: Node) -> Node:
    rule = mapping({"state": Node("none", node.origin)}, node.origin)
    return mapping(dict.fromkeys(_COOLING, rule), node.origin)


def _joined(below: Node | None, rules: Mapping[str, Node]) -> dict[str, Node]:
    found = dict(below.entries) if below is not None else {}
    for kind, rule in rules.items():
        old = found.get(kind)
        found[kind] = mapping({**(old.entries if old is not None else {}), **rule.entries}, rule.origin)
    return found


def _allowed_fails(path: Path, node: Node, notes: Notes) -> dict[str, Node]:
    """One number of failures for all that may pass: the smallest that is given."""
    section = notes.section(node, path) or mapping({})
    keys = [f"{error}ErrorAllowedFails" for error in _PASSING]
    counts = _counts(path, section, keys, notes)
    notes.unused(section, path, set(keys))
    if not counts:
        return {}
    least = min(counts.values(), key=_whole)
    _say_shared(path, counts, least, "smallest", notes)
    return {"allowed_fails": least}


def _retry_policies(
    sections: Mapping[str, Node | None], groups: Collection[str], notes: Notes
) -> Iterable[tuple[str, Path, Node]]:
    """Each retry policy with the model group, or `*`, that it is for."""
    if (found := first_of("retry_policy", sections)) is not None:
        yield ANY, *found
    if (found := first_of("model_group_retry_policy", sections)) is not None:
        path, node = found
        section = notes.section(node, path) or mapping({})
        for group, policy in section.entries.items():
            if group in groups:
                yield group, (*path, group), policy
            else:
                notes.warn((*path, group), policy, f"no model is called {group!r}; its retry policy is left out")


def _attempts(path: Path, node: Node, notes: Notes) -> dict[str, Node]:
    """How often each kind of failure lets a model be asked: once more than it is retried."""
    section = notes.section(node, path) or mapping({})
    rules: dict[str, Node] = {}
    used: set[str] = set()
    for kind, errors in _KINDS.items():
        keys = [f"{error}ErrorRetries" for error in errors]
        used |= set(keys)
        counts = _counts(path, section, keys, notes)
        if counts:
            most = max(counts.values(), key=_whole)
            _say_shared(path, counts, most, "largest", notes)
            rules[kind.value] = _asked(most)
    default = section.entries.get("DefaultRetries")
    if default is not None and default.value is not None:
        rule = _asked(_count((*path, "DefaultRetries"), default, notes))
        for kind in (FailureKind.TRANSIENT, FailureKind.UNKNOWN):
            rules.setdefault(kind.value, rule)
    notes.unused(section, path, used | {"DefaultRetries"})
    return rules


def _asked(retries: Node) -> Node:
    attempts = min(MOST_ATTEMPTS, _whole(retries) + 1)
    return mapping({"attempts": Node(attempts, retries.origin)}, retries.origin)


def _counts(path: Path, section: Node, keys: Iterable[str], notes: Notes) -> dict[str, Node]:
    given = {key: section.entries[key] for key in keys if key in section.entries}
    return {key: _count((*path, key), node, notes) for key, node in given.items() if node.value is not None}


def _count(path: Path, node: Node, notes: Notes) -> Node:
    if not isinstance(node.value, int) or isinstance(node.value, bool) or node.value < 0:
        notes.fail(path, node, "a whole number from 0")
    return node


def _whole(node: Node) -> int:
    return node.value if isinstance(node.value, int) else 0


def _say_shared(path: Path, counts: Mapping[str, Node], chosen: Node, which: str, notes: Notes) -> None:
    for key, node in counts.items():
        if node.value != chosen.value:
            notes.warn((*path, key), node, f"such failures share one number here: the {which}, {chosen.value}")
