"""The data files that ship with the package, read as YAML trees."""

from __future__ import annotations

from functools import cache
from importlib import resources

from pointsman.config.tree import Node
from pointsman.config.yaml_tree import parse_yaml


def text(name: str) -> str:
    """The text of `defaults/<name>`."""
    return resources.files("pointsman.config").joinpath("defaults", name).read_text(encoding="utf-8")


@cache
def tree(name: str) -> Node:
    """`defaults/<name>` as a tree."""
    return parse_yaml(text(name), f"pointsman/config/defaults/{name}")
