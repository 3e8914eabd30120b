"""Schemas of two kinds: this API's own (a piece of OpenAPI, types in capitals) and JSON Schema, which is neutral."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.dialects.gemini.spelling import canonical, spellings

if TYPE_CHECKING:
    from pointsman.core.jsontypes import Json, JsonObject

_FIELDS = spellings(
    "anyOf",
    "maxItems",
    "minItems",
    "maxLength",
    "minLength",
    "maxProperties",
    "minProperties",
    "propertyOrdering",
)
_COUNTS = frozenset(("maxItems", "minItems", "maxLength", "minLength", "maxProperties", "minProperties"))
_PLAIN = _COUNTS | {"title", "description", "pattern", "minimum", "maximum", "required", "default"}
_TYPES = frozenset(("string", "number", "integer", "boolean", "array", "object", "null"))
_FORMATS = {
    "string": frozenset(("date-time",)),
    "number": frozenset(("float", "double")),
    "integer": frozenset(("int32", "int64")),
}
_ONLY_HERE = ("nullable", "propertyOrdering", "example")


def to_json_schema(given: JsonObject) -> JsonObject:
    """The JSON Schema that *given*, of either kind, amounts to; an order of properties and examples are left out.

    Callers write types in capitals in the fields for JSON Schema as well.
    """
    found: JsonObject = {}
    given = canonical(given, _FIELDS)
    for key, value in given.items():
        match key, value:
            case "type", str():
                if value.upper() != "TYPE_UNSPECIFIED":
                    found[key] = _small(value)
            case "type", list():
                found[key] = [_small(name) if isinstance(name, str) else name for name in value]
            case (("properties" | "$defs" | "definitions"), dict()):
                found[key] = {name: _inner(schema) for name, schema in value.items()}
            case (("anyOf" | "oneOf" | "allOf" | "prefixItems"), list()):
                found[key] = [_inner(schema) for schema in value]
            case (("items" | "additionalProperties" | "not"), _):
                found[key] = _inner(value)
            case _ if key in _COUNTS and isinstance(value, str) and value.isdecimal() and value.isascii():
                found[key] = int(value[:18])
            case _ if key not in _ONLY_HERE:
                found[key] = value
    if given.get("nullable") is True and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
    return found


def _small(name: str) -> str:
    return name.lower() if name.lower() in _TYPES else name


def _inner(value: Json) -> Json:
    return to_json_schema(value) if isinstance(value, dict) else value


def of_parameters(schema: JsonObject) -> JsonObject | None:
    """*schema* as the `parameters` of a function; None when they cannot say it."""
    return from_json_schema(schema) if schema.get("type") == "object" and schema.get("properties") else None


def from_json_schema(schema: Json) -> JsonObject | None:
    """*schema* in this API's own words; None when it has no words for it."""
    if not isinstance(schema, dict):
        return None
    kind, is_nullable = _kind(schema.get("type"))
    if kind is None and ("type" in schema or "anyOf" not in schema):
        return None
    found: JsonObject = {} if kind is None else {"type": kind.upper()}
    for key, value in schema.items():
        if key == "type":
            continue
        said = _said(key, value, kind)
        if said is None:
            return None
        found[key] = said
    return {**found, "nullable": True} if is_nullable else found


def _kind(given: Json) -> tuple[str | None, bool]:
    match given:
        case str() if given in _TYPES:
            return given, False
        case [str(kind), "null"] if kind in _TYPES and kind != "null":
            return kind, True
        case _:
            return None, False


def _said(key: str, value: Json, kind: str | None) -> Json:
    """The value of *key*; None when the API would not take it."""
    match key, value:
        case "properties", dict() if value:
            inner = {name: from_json_schema(schema) for name, schema in value.items()}
            return None if None in inner.values() else inner
        case "items", _:
            return from_json_schema(value)
        case "anyOf", list() if value:
            options = [from_json_schema(schema) for schema in value]
            return None if None in options else options
        case "enum", list() if kind == "string" and value and all(isinstance(item, str) for item in value):
            return value
        case "format", str() if value in _FORMATS.get(kind or "", ()):
            return value
        case _:
            return value if key in _PLAIN else None
