"""What an import has to say about the file it reads: keys it does not use, values it cannot take."""

from __future__ import annotations

from collections.abc import Collection
from typing import NoReturn

from pointsman.config.tree import Node, Path, dotted
from pointsman.config.warning import ConfigWarning, warn
from pointsman.core.errors import ConfigError


class Notes:
    """Collects warnings while a file is read, so that nothing is passed over in silence."""

    def __init__(self) -> None:
        self.warnings: list[ConfigWarning] = []

    def warn(self, path: Path, node: Node, message: str) -> None:
        """Note *message* about the value at *path*."""
        self.warnings.append(warn(path, node.origin, message))

    def unused(self, section: Node, path: Path, used: Collection[str]) -> None:
        """Name every key of *section* that is not among the *used* ones."""
        for key, child in section.entries.items():
            if key not in used:
                self.warn((*path, key), child, "this key is not used")

    @staticmethod
    def fail(path: Path, node: Node, expected: str) -> NoReturn:
        """Refuse the value at *path*; its content is not shown."""
        where = f"{node.origin.where}: {dotted(path)}"
        raise ConfigError(f"{where}: should be {expected}, not {node.kind}.", param=dotted(path))

    def section(self, node: Node | None, path: Path) -> Node | None:
        """*node* if it is a mapping; None if it is missing or empty."""
        if node is None or node.value is None:
            return None
        if not isinstance(node.value, dict):
            self.fail(path, node, "a mapping")
        return node

    def name(self, node: Node | None, path: Path, parent: Node) -> str:
        """*node*'s text, which must be there."""
        if node is None or node.value is None:
            raise ConfigError(f"{parent.origin.where}: {dotted(path)}: is missing.", param=dotted(path))
        if not node.text:
            self.fail(path, node, "text")
        return node.text

    def number(self, node: Node, path: Path) -> float:
        """*node*'s number, also where YAML 1.1 takes it for text (`3e-06`)."""
        if isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
            return float(node.value)
        try:
            return float(node.text or "")
        except ValueError:
            self.fail(path, node, "a number")
