"""A configuration as a tree in which every value remembers where it was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pointsman.core.jsontypes import Json, JsonScalar

_TYPE_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}

Path = tuple[str | int, ...]


class Source(StrEnum):
    """What kind of place a value comes from, weakest first."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "env"
    FLAG = "flag"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a value was written: a file's line, an environment variable or a flag."""

    source: Source
    name: str = ""
    line: int | None = None  # counted from 1

    def __str__(self) -> str:
        return f"{self.source} {self.where}" if self.name else str(self.source)

    @property
    def where(self) -> str:
        """The place as an error message begins with it, such as `pointsman.yaml:12`."""
        return self.name if self.line is None else f"{self.name}:{self.line}"


DEFAULT = Origin(source=Source.DEFAULT)


@dataclass(frozen=True, slots=True)
class Node:
    """One value of the tree. Never shows its content in `repr`: it may hold a key."""

    value: JsonScalar | tuple[Node, ...] | dict[str, Node] = field(repr=False)
    origin: Origin = DEFAULT

    @property
    def entries(self) -> Mapping[str, Node]:
        """A mapping's entries; empty for anything else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> Sequence[Node]:
        """A list's items; empty for anything else."""
        return self.value if isinstance(self.value, tuple) else ()

    @property
    def text(self) -> str | None:
        """A text's text; None for anything else."""
        return self.value if isinstance(self.value, str) else None

    @property
    def kind(self) -> str:
        """What this is, in a reader's words."""
        match self.value:
            case dict():
                return "a mapping"
            case tuple():
                return "a list"
            case None:
                return "empty"
            case scalar:
                return _TYPE_NAMES[type(scalar)]


def mapping(entries: Mapping[str, Node], origin: Origin = DEFAULT) -> Node:
    """A mapping of *entries*."""
    return Node(dict(entries), origin)


def from_plain(value: Json, origin: Origin) -> Node:
    """*value* as a tree whose every part comes from *origin*."""
    match value:
        case Mapping():
            return Node({str(key): from_plain(child, origin) for key, child in value.items()}, origin)
        case str() | int() | float() | bool() | None:
            return Node(value, origin)
        case _:
            return Node(tuple(from_plain(child, origin) for child in value), origin)


def plain(node: Node) -> Json:
    """The tree's values alone, as `json.loads` would give them."""
    match node.value:
        case dict():
            return {key: plain(child) for key, child in node.value.items()}
        case tuple():
            return [plain(child) for child in node.value]
        case scalar:
            return scalar


def nearest(node: Node, path: Path) -> tuple[Path, Node]:
    """The node at *path* and its path as written, or the last one on the way that exists.

    A number also counts a mapping's entries: models may be a list or a mapping by name.
    """
    found: Path = ()
    for step in path:
        if isinstance(step, int) and step < len(node.entries):
            step = list(node.entries)[step]  # noqa: PLW2901 - from here on the step is the entry's name
        child = node.items[step] if isinstance(step, int) and step < len(node.items) else node.entries.get(str(step))
        if child is None:
            break
        node = child
        found = (*found, step)
    return found, node


def overlay(below: Node, above: Node) -> Node:
    """*below* with *above* laid over it: mappings are merged, anything else is replaced."""
    if not (isinstance(below.value, dict) and isinstance(above.value, dict)):
        return above
    merged = dict(below.value)
    for key, child in above.value.items():
        merged[key] = overlay(merged[key], child) if key in merged else child
    return Node(merged, below.origin)


def nested(path: Sequence[str], leaf: Node) -> Node:
    """A tree that holds nothing but *leaf* at *path*."""
    for key in reversed(path):
        leaf = Node({key: leaf}, leaf.origin)
    return leaf


def leaves(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Every scalar (and empty list or mapping) with its path."""
    children: list[tuple[str | int, Node]] = [*node.entries.items(), *enumerate(node.items)]
    if not children:
        yield path, node
    for step, child in children:
        yield from leaves(child, (*path, step))


def dotted(path: Sequence[str | int]) -> str:
    """*path* as a person writes it: `models[0].tier`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
