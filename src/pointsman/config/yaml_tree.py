"""YAML text to a tree with line numbers; every mistake becomes a ConfigError that says where.

YAML 1.1, as LiteLLM reads it (`yes` is true). Dates and other special scalars stay text.
"""

from __future__ import annotations

import re
from typing import Final

import yaml

from pointsman.config.tree import Node, Origin, Source
from pointsman.core.errors import ConfigError

MAX_NODES: Final = 100_000
MAX_DEPTH: Final = 60
_TAG = "tag:yaml.org,2002:"
_SECRET_LINE = re.compile(
    r"(?P<key>[\"']?[\w-]*(?:key|token|secret|password|authorization)[\"']?\s*:\s*)(?P<value>\S.*)", re.IGNORECASE
)


def parse_yaml(text: str, name: str) -> Node:
    """The tree of *text*, whose file is called *name* in messages and origins. An empty file is an empty mapping."""
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is None:
            return Node({}, Origin(source=Source.FILE, name=name, line=1))
        return _Builder(loader, name).build(root, line=1, depth=0)
    except yaml.MarkedYAMLError as error:
        raise ConfigError(_syntax_message(error, text, name)) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        character = text[error.position]
        raise ConfigError(f"{name}:{line}: the character {character!r} may not stand in a YAML file.") from error
    except RecursionError as error:
        raise ConfigError(f"{name}: lists and mappings are nested more than {MAX_DEPTH} deep.") from error
    except (ValueError, OverflowError) as error:
        raise ConfigError(f"{name}: a number or escape in this file is out of range.") from error


def masked_line(line: str) -> str:
    """*line* with the value of a key, token or password starred out, its length kept."""
    found = _SECRET_LINE.search(line)
    if found is None or found["value"].strip("\"'").startswith("os.environ/"):
        return line
    return line[: found.start("value")] + "*" * len(found["value"])


def _syntax_message(error: yaml.MarkedYAMLError, text: str, name: str) -> str:
    mark = error.problem_mark
    number, column = (mark.line, mark.column) if mark else (0, 0)
    lines = text.splitlines()
    line = lines[min(number, len(lines) - 1)]
    column = column if number < len(lines) else len(line)
    start = max(0, column - 40)
    excerpt = f"    {masked_line(line)[start : start + 76]}\n    {' ' * (column - start)}^"
    return f"{name}:{number + 1}: {error.problem}.\n{excerpt}"


class _Builder:
    """Turns composed YAML nodes into our tree, counting them: aliases can make a small file enormous."""

    def __init__(self, loader: yaml.SafeLoader, name: str) -> None:
        self._loader = loader
        self._name = name
        self._count = 0

    def build(self, node: yaml.Node, *, line: int, depth: int) -> Node:
        """The tree of *node*, said to stand on *line* (its key's line)."""
        self._count += 1
        if self._count > MAX_NODES:
            raise ConfigError(f"{self._name}:{line}: the file holds more than {MAX_NODES:,} values.")
        if depth > MAX_DEPTH:
            raise ConfigError(f"{self._name}:{line}: lists and mappings are nested more than {MAX_DEPTH} deep.")
        origin = Origin(source=Source.FILE, name=self._name, line=line)
        if isinstance(node, yaml.MappingNode):
            self._expect_tag(node, "map", line)
            return Node(self._entries(node, depth), origin)
        if isinstance(node, yaml.SequenceNode):
            self._expect_tag(node, "seq", line)
            children = (self.build(child, line=_line(child), depth=depth + 1) for child in node.value)
            return Node(tuple(children), origin)
        return Node(self._scalar(node, line), origin)

    def _entries(self, node: yaml.MappingNode, depth: int) -> dict[str, Node]:
        own: dict[str, Node] = {}
        inherited: dict[str, Node] = {}
        for key_node, value_node in node.value:
            line = _line(key_node)
            if key_node.tag == f"{_TAG}merge":
                inherited = self._merged(value_node, depth) | inherited
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConfigError(f"{self._name}:{line}: a key must be plain text.")
            key = str(key_node.value)
            if key in own:
                first = own[key].origin.line
                raise ConfigError(f"{self._name}:{line}: the key {key!r} stands a second time (first in line {first}).")
            own[key] = self.build(value_node, line=line, depth=depth + 1)
        return inherited | own

    def _merged(self, node: yaml.Node, depth: int) -> dict[str, Node]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        entries: dict[str, Node] = {}
        for source in reversed(sources):
            built = self.build(source, line=_line(source), depth=depth + 1)
            if not isinstance(built.value, dict):
                raise ConfigError(f"{self._name}:{_line(source)}: `<<` merges mappings only.")
            entries |= built.value
        return entries

    def _expect_tag(self, node: yaml.Node, tag: str, line: int) -> None:
        if node.tag != _TAG + tag:
            raise ConfigError(f"{self._name}:{line}: the tag {_shown_tag(node.tag)} means nothing here.")

    def _scalar(self, node: yaml.Node, line: int) -> str | int | float | bool | None:
        match node.tag.removeprefix(_TAG):
            case "null" | "bool" | "int" | "float":
                return self._special(node, line)
            case "str" | "timestamp" | "value" | "merge":
                return str(node.value)
            case _:
                raise ConfigError(f"{self._name}:{line}: the tag {_shown_tag(node.tag)} means nothing here.")

    def _special(self, node: yaml.Node, line: int) -> int | float | bool | None:
        try:
            value: int | float | bool | None = self._loader.construct_object(node)
        except (ValueError, KeyError, OverflowError, IndexError) as error:
            kind = node.tag.removeprefix(_TAG)
            raise ConfigError(f"{self._name}:{line}: this is no YAML {kind}.") from error
        return value


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _shown_tag(tag: str) -> str:
    return repr(tag.replace(_TAG, "!!"))
