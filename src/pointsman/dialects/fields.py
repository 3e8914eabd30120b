"""Typed looks into JSON objects: a value of the wrong type is an InvalidRequest that names its path.

A missing field and a null are both None. *at* is the path of the object itself, empty for the body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pointsman.core.jsontypes import Json, JsonObject


def path_of(at: str, key: str) -> str:
    """The path of *key* in the object at *at*."""
    return f"{at}.{key}" if at else key


def kind_of(value: Json) -> str:
    """What *value* is, in words."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case dict():
            return "an object"
        case _:
            return "a list"


def wrong_type(value: Json, expected: str, path: str) -> InvalidRequest:
    """The error for a *value* at *path* that is not *expected* ("a string")."""
    return InvalidRequest(f"{path} must be {expected}, not {kind_of(value)}.", param=path)


def string(obj: Mapping[str, Json], key: str, at: str = "") -> str | None:
    """A string."""
    value = obj.get(key)
    if value is None or isinstance(value, str):
        return value
    raise wrong_type(value, "a string", path_of(at, key))


def required_string(obj: Mapping[str, Json], key: str, at: str = "") -> str:
    """A string that has to be there."""
    value = obj.get(key)
    if isinstance(value, str):
        return value
    path = path_of(at, key)
    if key not in obj:
        raise InvalidRequest(f"{path} is missing.", param=path)
    raise wrong_type(value, "a string", path)


def number(obj: Mapping[str, Json], key: str, at: str = "") -> float | None:
    """A number, as it was written (an int stays one)."""
    value = obj.get(key)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise wrong_type(value, "a number", path_of(at, key))


def integer(obj: Mapping[str, Json], key: str, at: str = "", *, minimum: int | None = None) -> int | None:
    """A whole number (also written 5.0), not below *minimum*."""
    value = obj.get(key)
    if value is None:
        return None
    path = path_of(at, key)
    if isinstance(value, float):
        if not value.is_integer():
            raise InvalidRequest(f"{path} must be a whole number, not {value}.", param=path)
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(value, "a whole number", path)
    if minimum is not None and value < minimum:
        raise InvalidRequest(f"{path} must be at least {minimum}, not {value}.", param=path)
    return value


def boolean(obj: Mapping[str, Json], key: str, at: str = "") -> bool | None:
    """True or false."""
    value = obj.get(key)
    if value is None or isinstance(value, bool):
        return value
    raise wrong_type(value, "a boolean", path_of(at, key))


def mapping(obj: Mapping[str, Json], key: str, at: str = "") -> JsonObject | None:
    """An object."""
    value = obj.get(key)
    if value is None or isinstance(value, dict):
        return value
    raise wrong_type(value, "an object", path_of(at, key))


def required_mapping(obj: Mapping[str, Json], key: str, at: str = "") -> JsonObject:
    """An object that has to be there."""
    value = mapping(obj, key, at)
    if value is None:
        path = path_of(at, key)
        raise InvalidRequest(f"{path} is missing.", param=path)
    return value


def array(obj: Mapping[str, Json], key: str, at: str = "") -> list[Json] | None:
    """A list."""
    value = obj.get(key)
    if value is None or isinstance(value, list):
        return value
    raise wrong_type(value, "a list", path_of(at, key))


def objects(obj: Mapping[str, Json], key: str, at: str = "") -> list[JsonObject]:
    """A list of objects; empty when it is missing."""
    found: list[JsonObject] = []
    for index, item in enumerate(array(obj, key, at) or ()):
        if not isinstance(item, dict):
            raise wrong_type(item, "an object", f"{path_of(at, key)}[{index}]")
        found.append(item)
    return found


def strings(value: Json, path: str) -> tuple[str, ...]:
    """One string or a list of strings; empty when it is None."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list):
        raise wrong_type(value, "a string or a list of strings", path)
    found: list[str] = []
    for index, item in enumerate(value):
        if not isinstance(item, str):
            raise wrong_type(item, "a string", f"{path}[{index}]")
        found.append(item)
    return tuple(found)


def others(obj: Mapping[str, Json], known: Collection[str]) -> JsonObject:
    """The fields of *obj* that are not among *known*."""
    if isinstance(known, frozenset) and known.issuperset(obj):  # as nearly always
        return {}
    return {key: value for key, value in obj.items() if key not in known}
