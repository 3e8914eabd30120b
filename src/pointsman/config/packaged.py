"""The data files that ship with the package: YAML trees, and the classifier's weights."""

from __future__ import annotations

from functools import cache
from importlib import resources

from pointsman.config.tree import Node
from pointsman.config.yaml_tree import parse_yaml


def text(name: str) -> str:
    """The text of `defaults/<name>`."""
    return resources.files("pointsman.config").joinpath("defaults", name).read_text(encoding="utf-8")


def data(name: str) -> bytes:
    """The bytes of `defaults/<name>`."""
    return resources.files("pointsman.config").joinpath("defaults", name).read_bytes()


@cache
def tree(name: str) -> Node:
    """`defaults/<name>` as a tree."""
    return parse_yaml(text(name), f"pointsman/config/defaults/{name}")
