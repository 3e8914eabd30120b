"""How a strict API reads a body: known fields of known types, everything else refused in its own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Body: TypeAlias = dict[str, Any]
Known: TypeAlias = Mapping[str, str]
"""A field's JSON types, such as "string|null"."""


@dataclass(frozen=True, slots=True)
class Refused(Exception):
    """What the API answers instead: status, message, and the code or type that its clients know it by."""

    message: str
    status: int = 400
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """The words in which one API refuses a body; `{path}`, `{wanted}` and `{given}` are filled in."""

    unknown: str
    missing: str
    wrong: str
    is_open: bool = False  # unknown fields are passed over, as Go's decoder does

    def shape(self, value: object, path: str, known: Known, needed: Sequence[str] = ()) -> Body:
        """*value* as an object with all of *needed*, and nothing but *known*."""
        if not isinstance(value, dict):
            raise Refused(self.wrong.format(path=path or "body", wanted="object", given=json_type(value)))
        for name, given in value.items():
            where = f"{path}.{name}" if path else name
            if name not in known:
                if self.is_open:
                    continue
                raise Refused(self.unknown.format(path=where, name=name, parent=path))
            if not is_of(given, known[name]):
                raise Refused(self.wrong.format(path=where, wanted=known[name], given=json_type(given)))
        for name in needed:
            if name not in value:
                raise Refused(self.missing.format(path=f"{path}.{name}" if path else name, name=name))
        return value

    def one_of(self, value: object, path: str, allowed: Sequence[object]) -> None:
        """*value* is one of *allowed*."""
        if value not in allowed:
            wanted = ", ".join(repr(one) for one in allowed)
            raise Refused(self.wrong.format(path=path, wanted=wanted, given=repr(value)))


def refuse_unless(holds: object, message: str, *, code: str | None = None) -> None:
    """A 400 with *message* where it does not hold."""
    if not holds:
        raise Refused(message, code=code)


def json_type(value: object) -> str:
    """The JSON name of what *value* is."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case dict():
            return "object"
        case _:
            return "array"


def is_of(value: object, types: str) -> bool:
    """Whether *value* is of one of *types*; "any" is all of them, and a whole number is a number."""
    allowed = types.split("|")
    found = json_type(value)
    return "any" in allowed or found in allowed or (found == "integer" and "number" in allowed)
