"""Whether an answer has the shape it must have: the JSON that was asked for, the arguments of tool calls.

Of JSON Schema it knows `type`, `required`, `properties`, `items`, `enum`, `const`, `additionalProperties: false` and
`$ref` within the schema; what it does not know it lets pass.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from pointsman.core.values import value_type

if TYPE_CHECKING:
    from pointsman.core.chat import ToolCall, ToolSpec
    from pointsman.core.jsontypes import Json, JsonObject

MOST_DEPTH: Final = 64
_FENCED: Final = re.compile(r"\s*```[a-zA-Z]*\n(.*)\n```\s*", re.DOTALL)
_NO_SCHEMA: Final[JsonObject] = {}


@value_type
class JsonValue:
    """A text that is JSON of the shape asked for."""

    value: Json


def parsed(text: str, schema: JsonObject | None) -> JsonValue | str:
    """What *text* says as JSON of *schema*, a fence around it or not; else what is wrong with it."""
    fenced = _FENCED.fullmatch(text)
    try:
        value: Json = json.loads(fenced[1] if fenced is not None else text)
    except (ValueError, RecursionError):
        return "it is not the JSON that was asked for"
    if schema is None:
        return JsonValue(value=value) if isinstance(value, Mapping | list) else "it is no JSON object"
    return JsonValue(value=value) if fits(value, schema) else "its JSON is not of the schema"


def complaint(calls: Sequence[ToolCall], tools: Sequence[ToolSpec]) -> str | None:
    """What is wrong with *calls*; None when nothing is. Names of tools are the caller's own, and stay out of it."""
    known = {tool.name: tool.parameters or _NO_SCHEMA for tool in tools}
    for call in calls:
        if known and call.name not in known:
            return "it calls a tool that there is not"
        value = _arguments(call)
        if not isinstance(value, Mapping):
            return "the arguments of a tool call are not a JSON object"
        if not fits(value, known.get(call.name, _NO_SCHEMA)):
            return "the arguments of a tool call are not of its schema"
    return None


def same_calls(some: Sequence[ToolCall], others: Sequence[ToolCall]) -> bool:
    """Whether both call the same with the same, in any order."""
    return Counter(map(_told, some)) == Counter(map(_told, others))


def fits(value: Json, schema: Json, root: Json = None, depth: int = 0) -> bool:
    """Whether *value* is of *schema*, as far as that is known here. *root* is where its `$ref` look."""
    if not isinstance(schema, Mapping) or depth > MOST_DEPTH:
        return True
    root = schema if root is None else root
    if "$ref" in schema:
        return fits(value, _referred(schema["$ref"], root), root, depth + 1)
    kinds = schema.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if kinds != [None] and not any(_is_of(value, kind) for kind in kinds):
        return False
    allowed = schema.get("enum")
    if isinstance(allowed, list) and value not in allowed:
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if isinstance(value, Mapping):
        return _object_fits(value, schema, root, depth)
    if isinstance(value, list):
        return all(fits(item, schema.get("items"), root, depth + 1) for item in value)
    return True


def _object_fits(value: Mapping[str, Json], schema: Mapping[str, Json], root: Json, depth: int) -> bool:
    required, properties = schema.get("required"), schema.get("properties")
    if isinstance(required, list) and any(name not in value for name in required if isinstance(name, str)):
        return False
    known = properties if isinstance(properties, Mapping) else _NO_SCHEMA
    if schema.get("additionalProperties") is False and not known.keys() >= value.keys():
        return False
    return all(fits(item, known.get(name), root, depth + 1) for name, item in value.items())


def _is_of(value: Json, kind: Json) -> bool:
    match kind:
        case "object":
            return isinstance(value, Mapping)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "null":
            return value is None
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "integer":
            return not isinstance(value, bool) and (isinstance(value, int) or _is_whole(value))
        case _:
            return True


def _is_whole(value: Json) -> bool:
    return isinstance(value, float) and value.is_integer()


def _referred(where: Json, root: Json) -> Json:
    """What a `$ref` such as "#/$defs/place" names; None where it names nothing that is here."""
    if not isinstance(where, str) or not where.startswith("#/"):
        return None
    found = root
    for step in where[2:].split("/"):
        found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
    return found


def _arguments(call: ToolCall) -> Json:
    try:
        value: Json = json.loads(call.arguments) if call.arguments.strip() else {}
    except (ValueError, RecursionError):
        return None
    return value


def _told(call: ToolCall) -> tuple[str, str]:
    return call.name, json.dumps(_arguments(call), sort_keys=True)
