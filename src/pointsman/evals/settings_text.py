"""A setting put into the text of a `pointsman.yaml`: its comments and everything else stay as they are."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from pointsman.core.errors import ConfigError

_INDENT = "  "


def fragment(section: str, values: Mapping[str, float], key: str | None = None) -> str:
    """*values* as YAML under *section*, or under *key* in it."""
    lines = [f"{section}:"]
    indent = _INDENT
    if key is not None:
        lines.append(f"{indent}{key}:")
        indent += _INDENT
    return "\n".join([*lines, *(f"{indent}{name}: {value:g}" for name, value in values.items())]) + "\n"


def with_setting(text: str, section: str, values: Mapping[str, float], key: str | None = None) -> str:
    """*text* with *values* under *section* (under *key* in it), in place of those of the same names.

    ConfigError when *section* is not written in a way that can be changed without touching the rest.
    """
    found = _section(text, section)
    if found is None:
        end = "" if not text or text.endswith("\n") else "\n"
        return f"{text}{end}{fragment(section, values, key)}"
    if key is not None:
        return _with_child(text, section, found, key, values)
    for name, value in values.items():
        text = _with_value(text, section, _section(text, section), name, f"{value:g}")
    return text


def _with_child(text: str, section: str, found: yaml.Node, key: str, values: Mapping[str, float]) -> str:
    """With *values* as the whole of *key*, in one line."""
    flow = "{" + ", ".join(f"{name}: {value:g}" for name, value in values.items()) + "}"
    return _with_value(text, section, found, key, flow)


def _with_value(text: str, section: str, found: yaml.Node | None, name: str, value: str) -> str:
    if not isinstance(found, yaml.MappingNode) or found.flow_style or not found.value:
        raise ConfigError(
            f"`{section}` is not written over several lines.", hint="Put the printed lines into it yourself."
        )
    own = next((pair for pair in found.value if pair[0].value == name), None)
    if own is None:
        first = found.value[0][0].start_mark
        at = first.index
        return f"{text[:at]}{name}: {value}\n{' ' * first.column}{text[at:]}"
    key, node = own
    if key.start_mark.line == node.start_mark.line == node.end_mark.line:
        return f"{text[: node.start_mark.index]}{value}{text[node.end_mark.index :]}"
    # A block: from its first line to its last, whatever stands between.
    end = text.rfind("\n", 0, node.end_mark.index) if node.end_mark.column == 0 else node.end_mark.index
    begin = key.end_mark.index
    last = _last_line_end(text, begin, end, key.start_mark.column)
    return f"{text[:begin]}: {value}{text[last:]}"


def _last_line_end(text: str, begin: int, end: int, column: int) -> int:
    """Where the last line of the block ends that is indented more than *column*: comments behind it are not its own."""
    at = last = text.find("\n", begin)
    while 0 <= at < end:
        stop = text.find("\n", at + 1)
        stop = len(text) if stop < 0 else stop
        line = text[at + 1 : stop]
        if line.strip() and not line.lstrip().startswith("#") and len(line) - len(line.lstrip()) > column:
            last = stop
        at = stop
    return last


def _section(text: str, name: str) -> yaml.Node | None:
    """The value of the key *name* at the top of *text*."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ConfigError(f"It is no YAML ({getattr(error, 'problem', None) or 'it cannot be read'}).") from error
    if root is None:
        return None
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError("It should hold a mapping of keys and values.")
    return next((value for key, value in root.value if key.value == name), None)
