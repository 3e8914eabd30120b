"""A value that fits a JSON Schema, made of the words and numbers of a prompt where there are any."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.clients.upstream.rules import Body

_QUOTED: Final = re.compile(r"(?<!\w)'([^']+)'|\"([^\"]+)\"|“([^”]+)”")
_NUMBER: Final = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?")


@dataclass(slots=True)
class Filler:
    """Fills schemas: each string takes the next quoted words of *prompt*, each number its next number."""

    prompt: str
    quoted: list[str] = field(init=False)
    numbers: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.quoted = [one or two or three for one, two, three in _QUOTED.findall(self.prompt)]
        self.numbers = _NUMBER.findall(self.prompt)

    def fill(self, schema: Mapping[str, Any], root: Mapping[str, Any] | None = None, name: str = "value") -> Any:  # noqa: ANN401  any JSON
        """A value of *schema*; `$ref` is looked up in *root*."""
        root = schema if root is None else root
        if "$ref" in schema:
            return self.fill(_target(root, schema["$ref"]), root, name)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        for several in ("anyOf", "oneOf", "allOf"):
            if several in schema:
                return self.fill(schema[several][0], root, name)
        return self._of_type(_type(schema), schema, root, name)

    def _of_type(self, wanted: str, schema: Mapping[str, Any], root: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401  any JSON
        match wanted:
            case "object":
                found: Body = {key: self.fill(one, root, key) for key, one in schema.get("properties", {}).items()}
                return found
            case "array":
                items = schema.get("items", {"type": "string"})
                return [self.fill(items, root, name) for _ in range(schema.get("minItems", 1))]
            case "integer":
                return int(float(self._number(schema)))
            case "number":
                return float(self._number(schema))
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return self.quoted.pop(0) if self.quoted else name

    def _number(self, schema: Mapping[str, Any]) -> str:
        return self.numbers.pop(0) if self.numbers else str(schema.get("minimum", 1))


def _target(root: Mapping[str, Any], reference: str) -> Mapping[str, Any]:
    found = root
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def _type(schema: Mapping[str, Any]) -> str:
    wanted = schema.get("type", "object" if "properties" in schema else "string")
    return str(wanted[0] if isinstance(wanted, list) else wanted).lower()
