"""JSON Schemas in this API's two ways: OpenAPI's subset with types in capitals (`parameters`), or as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from pointsman.core.jsontypes import Json, JsonObject

_TYPES: Final = ("string", "number", "integer", "boolean", "array", "object", "null")
_CAPITALS = {name: name.upper() for name in _TYPES}
_SMALL = {name.upper(): name for name in _TYPES}
_SUBSET = frozenset(
    (
        "type",
        "format",
        "title",
        "description",
        "nullable",
        "enum",
        "items",
        "minItems",
        "maxItems",
        "properties",
        "required",
        "minProperties",
        "maxProperties",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "pattern",
        "anyOf",
    )
)


def from_wire(schema: JsonObject) -> JsonObject:
    """*schema* with the types as JSON Schema spells them; clients capitalise them in either field."""
    return _spelled(schema, lambda name: _SMALL.get(name, name))


def to_subset(schema: JsonObject) -> JsonObject | None:
    """*schema* in OpenAPI's subset; None when that cannot say it."""
    return _spelled(schema, lambda name: _CAPITALS.get(name, name)) if _is_subset(schema) else None


def _spelled(schema: JsonObject, spell: Callable[[str], str]) -> JsonObject:
    found: JsonObject = {}
    for key, value in schema.items():
        match key, value:
            case "type", str():
                found[key] = spell(value)
            case "type", list():
                found[key] = [spell(name) if isinstance(name, str) else name for name in value]
            case (("properties" | "$defs" | "definitions"), dict()):
                found[key] = {name: _inner(inner, spell) for name, inner in value.items()}
            case (("anyOf" | "oneOf" | "allOf" | "prefixItems"), list()):
                found[key] = [_inner(inner, spell) for inner in value]
            case (("items" | "additionalProperties" | "not"), dict()):
                found[key] = _spelled(value, spell)
            case _:
                found[key] = value
    return found


def _inner(value: Json, spell: Callable[[str], str]) -> Json:
    return _spelled(value, spell) if isinstance(value, dict) else value


def _is_subset(schema: Json) -> bool:
    if not isinstance(schema, dict) or not _SUBSET.issuperset(schema) or schema.get("type", "object") not in _CAPITALS:
        return False
    choices, members = schema.get("anyOf", []), schema.get("properties", {})
    if not isinstance(choices, list) or not isinstance(members, dict) or ("type" not in schema and not choices):
        return False
    if "enum" in schema and schema.get("type") != "string":
        return False
    items = [schema["items"]] if "items" in schema else []
    return all(map(_is_subset, (*choices, *members.values(), *items)))
