"""Writes docs/reference/configuration.md from the settings' JSON Schema; a test checks that it is current.

Usage: python tools/config_reference.py [--check]
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "configuration.md"
COMMAND = "python tools/config_reference.py"
NO_EFFECT_YET = frozenset({"classifier.binary_path"})
TIERS = ["simple", "medium", "complex", "reasoning", "small", "large", "frontier"]
HEAD = f"""<!-- Made by `{COMMAND}`; change src/pointsman/config/schema.py instead. -->
# Configuration

Everything that may stand in `pointsman.yaml`. An unknown key is an error that names file, line and the nearest valid
key. The file is the one named by `--config`, else by `POINTSMAN_CONFIG`, else `./pointsman.yaml`, else
`pointsman.yaml` in the user's configuration folder. Defaults < file < environment < flags.

- `server.port` is `POINTSMAN_SERVER__PORT` in the environment, and so on for every path that does not lead through a
  list. `POINTSMAN_HOST`, `POINTSMAN_PORT` and `POINTSMAN_MASTER_KEY` are short forms.
- `os.environ/NAME` in place of a value takes it from the environment variable NAME.
- `pointsman config show --origin` prints every value with its origin, `pointsman config check` the warnings.
- A *tier* is `simple`, `medium`, `complex` or `reasoning`; `small`, `large` and `frontier` mean the first, third and
  fourth.
- Keys marked with † are read and checked, and have no effect in this version.
- [The JSON Schema](pointsman.schema.json) gives editors completion: put
  `# yaml-language-server: $schema=PATH` on the file's first line.
"""


def page(schema: Mapping[str, Any]) -> str:
    """The page for *schema*: the top level first, then a section for each kind of mapping in it."""
    return _Page(schema).text()


class _Page:
    """One schema while its page is written. `titles` are the paths of definitions that have keys of their own."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema
        self.definitions: Mapping[str, Any] = schema["$defs"]
        self.titles: dict[str, str] = {}
        self._find_titles(schema, "")

    def text(self) -> str:
        """The whole page."""
        parts = [HEAD, self._section("pointsman.yaml", self.schema, "")]
        parts += [self._section(title, self.definitions[name], f"{title}.") for name, title in self.titles.items()]
        return "\n".join(parts)

    def _find_titles(self, node: Mapping[str, Any], prefix: str) -> None:
        """Name each definition by the path where it first stands, outermost first."""
        for key, child in node.get("properties", {}).items():
            for name, suffix in _references(child):
                if name not in self.titles and "properties" in self.definitions[name]:
                    self.titles[name] = path = f"{prefix}{key}{suffix}"
                    self._find_titles(self.definitions[name], f"{path}.")

    def _section(self, title: str, node: Mapping[str, Any], prefix: str) -> str:
        whole = self._whole_of(node, title)
        if whole is not None:
            left_out = [f"`{key}`" for key in whole[1]]
            keys = f"Keys: those of [`{whole[0]}`](#{_anchor(whole[0])}) but {' and '.join(left_out)}."
            return "\n".join([f"## `{title}`", "", node.get("description", ""), keys, ""])
        rows = [self._row(key, child, node, prefix) for key, child in node["properties"].items()]
        head = ["| key | value | default | meaning |", "| --- | --- | --- | --- |"]
        return "\n".join([f"## `{title}`", "", node.get("description", ""), "", *head, *rows, ""])

    def _whole_of(self, node: Mapping[str, Any], title: str) -> tuple[str, list[str]] | None:
        """Another section that has all keys of *node* and a few more, and those few."""
        for name, other in self.titles.items():
            properties = self.definitions[name]["properties"]
            if other != title and node["properties"].items() <= properties.items():
                return other, [key for key in properties if key not in node["properties"]]
        return None

    def _row(self, key: str, child: Mapping[str, Any], node: Mapping[str, Any], prefix: str) -> str:
        mark = " †" if f"{prefix}{key}" in NO_EFFECT_YET else ""
        default = "**required**" if key in node.get("required", ()) else self._default(child)
        references = [self.definitions[name].get("description", "") for name, _ in _references(child)]
        meaning = child.get("description") or next(iter(references), "")
        return f"| `{key}`{mark} | {self._type(child)} | {default} | {_cell(meaning)} |"

    def _type(self, node: Mapping[str, Any]) -> str:
        if "$ref" in node:
            name = node["$ref"].rsplit("/", 1)[-1]
            title = self.titles.get(name)
            return f"[`{title}`](#{_anchor(title)})" if title else self._type(self.definitions[name])
        if "anyOf" in node:
            options = (self._type(option) for option in node["anyOf"] if option.get("type") != "null")
            return " or ".join(dict.fromkeys(options))
        if "enum" in node:
            return "tier" if node["enum"] == TIERS else ", ".join(f"`{value}`" for value in node["enum"])
        match node.get("type"):
            case "array":
                return f"list of {self._type(node.get('items', {}))}"
            case "object" if "properties" in node:
                return "mapping of tier to name or list of names"
            case "object":
                values = node.get("additionalProperties")
                return f"mapping of name to {self._type(values if isinstance(values, dict) else {})}"
            case None:
                return "any"
            case kind:
                return _bounded(node, {"integer": "whole number", "boolean": "`true`, `false`"}.get(kind, kind))

    def _default(self, node: Mapping[str, Any]) -> str:
        default = node.get("default")
        if default in (None, [], {}) or any(name in self.titles for name, _ in _references(node)):
            return ""
        return f"`{json.dumps(default)}`".replace('"', "")


def _references(node: Mapping[str, Any], suffix: str = "") -> Iterator[tuple[str, str]]:
    """Names of definitions that *node* refers to, with how one gets there: `[]` an item, `.NAME` a named entry."""
    if "$ref" in node:
        yield node["$ref"].rsplit("/", 1)[-1], suffix
    for option in node.get("anyOf", ()):
        yield from _references(option, suffix)
    if isinstance(node.get("items"), dict):
        yield from _references(node["items"], f"{suffix}[]")
    if isinstance(node.get("additionalProperties"), dict):
        yield from _references(node["additionalProperties"], f"{suffix}.NAME")


def _bounded(node: Mapping[str, Any], kind: str) -> str:
    """*kind* with its bounds, if it has any."""
    bounds = [
        f"{sign} {node[key]:g}"
        for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"))
        if key in node
    ]
    return f"{kind} {', '.join(bounds)}" if bounds else kind


def _anchor(title: str) -> str:
    """How mkdocs names a heading's anchor."""
    return "".join(letter for letter in title.lower() if letter.isalnum() or letter in "_-")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(arguments: list[str]) -> int:
    """Write the page, or with `--check` say whether it is current."""
    from pointsman.config.schema import Settings  # noqa: PLC0415  the tool's functions need no package

    text = page(Settings.model_json_schema())
    if arguments == ["--check"]:
        is_current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
        print("current" if is_current else f"{PAGE.name} is out of date; run: {COMMAND}")
        return 0 if is_current else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
