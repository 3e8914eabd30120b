"""The names of this API's fields, which it takes in camelCase and in snake_case alike, and lists of one without `[]`.

Only fields that are known here are renamed: what a tool's arguments or a schema hold is nobody's field but the tool's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pointsman.core.chat import NO_EXTRAS
from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.core.jsontypes import JsonObject

NAME: Final = "gemini"

_CAPITAL = re.compile(r"[A-Z]")


def own(found: JsonObject) -> Mapping[str, JsonObject]:
    """*found* as the extras of this dialect, none when it is empty."""
    return {NAME: found} if found else NO_EXTRAS


def spellings(*names: str) -> Mapping[str, str]:
    """The snake_case of each of *names* that has capitals, and what it stands for."""
    return {_snake(name): name for name in names if _CAPITAL.search(name)}


def _snake(name: str) -> str:
    return _CAPITAL.sub(lambda found: f"_{found[0].lower()}", name)


def canonical(obj: JsonObject, known: Mapping[str, str], at: str = "") -> JsonObject:
    """*obj* with the fields it has in snake_case in camelCase; the very same when it has none.

    A field given in both spellings is refused: readers might disagree about which one counts.
    """
    if not any("_" in key for key in obj):
        return obj
    found: JsonObject = {}
    for key, value in obj.items():
        name = known.get(key, key)
        if name in found:
            path = fields.path_of(at, name)
            raise InvalidRequest(f"{path} is given twice, in camelCase and in snake_case.", param=path)
        found[name] = value
    return found


def listed(obj: JsonObject, key: str, at: str = "") -> list[JsonObject]:
    """A list of objects; one object is a list of one, as this API has it; empty when it is missing."""
    value = obj.get(key)
    return [value] if isinstance(value, dict) else fields.objects(obj, key, at)


def more_than(obj: JsonObject, *known: str) -> JsonObject:
    """The fields of *obj* that are not *known* and not null."""
    return {key: value for key, value in fields.others(obj, known).items() if value is not None}
