"""A request body as it came: its text, its value, and where each top-level value stands in the text.

One pass, and strict: what a lenient parser would settle silently (duplicate keys, NaN, lone surrogates) is refused,
because the endpoint that gets the same bytes might settle it the other way.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from json.scanner import make_scanner
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

from pointsman.core.errors import InvalidRequest
from pointsman.core.values import value_type
from pointsman.dialects.raw_bounds import refuse_floods

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from pointsman.core.jsontypes import Json, JsonObject

MAX_DEPTH = 200  # nested lists and objects; a tool's JSON Schema reaches 20

_BOM = b"\xef\xbb\xbf"
_SHOWN_KEY_CHARS = 64
_CONTAINERS = frozenset((dict, list))
_SPACE = re.compile(r"[ \t\n\r]*").match
_PLAIN_KEY = re.compile(r'[ \t\n\r]*"([^"\\\x00-\x1f]*)"[ \t\n\r]*:[ \t\n\r]*').match
_BETWEEN = ", \t\n\r"
_COLON = re.compile(r"[ \t\n\r]*:[ \t\n\r]*").match
_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


class _DuplicateKeyError(ValueError):
    """An object names `key` twice."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _unique(pairs: list[tuple[str, Json]]) -> JsonObject:
    made = dict(pairs)
    if len(made) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise _DuplicateKeyError(next(key for key, count in counts.items() if count > 1))
    return made


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
_scan: Callable[[str, int], tuple[Json, int]] = make_scanner(cast("Any", _decoder))  # one value, in C


@value_type
class RawBody:
    """A JSON object with the text it was read from. `spans` are the character ranges of its top-level values."""

    text: str
    value: JsonObject
    spans: Mapping[str, tuple[int, int]]
    start: int  # just behind the opening brace

    def with_fields(self, updates: Mapping[str, Json], without: Collection[str] = ()) -> bytes:
        """The body with *updates* in place: existing values replaced, missing fields first, all else untouched.

        Fields named in *without* are left out, and what stood between them and their neighbours.
        """
        text, spans = self.text, self.spans
        if len(updates) == 1 and not without:  # the model's name, and nothing else
            ((key, value),) = updates.items()
            if key in spans:
                begin, end = spans[key]
                return f"{text[:begin]}{_dumps(value)}{text[end:]}".encode()
        missing, replaced = [], []
        for key, value in updates.items():
            if key in spans:
                replaced.append((spans[key], value))
            else:
                missing.append(f"{_dumps(key)}:{_dumps(value)}")
        if without:
            return self._with_members([*missing, *self._members(updates, without)])
        pieces = [text[: self.start], ",".join(missing), "," if missing and spans else ""]
        cursor = self.start
        for (begin, end), value in sorted(replaced, key=itemgetter(0)):
            pieces += (text[cursor:begin], _dumps(value))
            cursor = end
        pieces.append(text[cursor:])
        return "".join(pieces).encode()

    def _members(self, updates: Mapping[str, Json], without: Collection[str]) -> Iterator[str]:
        """`"key": value` for every field that stays, in order."""
        cursor = self.start
        for key, (begin, end) in self.spans.items():
            if key not in without:
                value = _dumps(updates[key]) if key in updates else self.text[begin:end]
                yield f"{self.text[cursor:begin].lstrip(_BETWEEN)}{value}"
            cursor = end

    def _with_members(self, members: Sequence[str]) -> bytes:
        end = max((end for _, end in self.spans.values()), default=self.start)
        return f"{self.text[: self.start]}{','.join(members)}{self.text[end:]}".encode()


def parse_body(data: bytes, *, max_depth: int = MAX_DEPTH) -> RawBody:
    """*data* as one JSON object; InvalidRequest says what is wrong and where, and never quotes the content."""
    refuse_floods(data)
    text = _decode(data)
    value: JsonObject = {}
    spans: dict[str, tuple[int, int]] = {}
    start, end = _walk(text, value, spans)
    end = cast("re.Match[str]", _SPACE(text, end)).end()
    if end != len(text):
        raise _malformed("something follows the closing brace", end)
    if text.count("[") + text.count("{") > max_depth:  # fewer brackets cannot nest deeper
        _refuse_depth(value, max_depth)
    if "\\" in text and ("\\ud" in text or "\\uD" in text):
        _refuse_lone_surrogates(value)
    return RawBody(text=text, value=value, spans=spans, start=start)


def _decode(data: bytes) -> str:
    if not data:
        raise InvalidRequest("The body is empty.", hint="Send a JSON object.")
    if data.startswith(_BOM):
        raise InvalidRequest("The body begins with a byte order mark.", hint="Send plain UTF-8.")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"The body is not valid UTF-8 at byte {error.start}.") from None


def _walk(text: str, value: JsonObject, spans: dict[str, tuple[int, int]]) -> tuple[int, int]:
    """Fill *value* and *spans*; gives where the content begins and where the object ends."""
    position = cast("re.Match[str]", _SPACE(text, 0)).end()
    if text[position : position + 1] != "{":
        raise InvalidRequest("The body is not a JSON object.", hint="It must begin with an opening brace.")
    position += 1
    start = position
    position = cast("re.Match[str]", _SPACE(text, position)).end()
    if text[position : position + 1] == "}":
        return start, position + 1
    while True:
        key, begin = _key(text, position)
        if key in value:
            raise _duplicate(key, None)
        value[key], position = _value(text, begin, key)
        spans[key] = begin, position
        following = text[position : position + 1]
        if following not in (",", "}"):
            position = cast("re.Match[str]", _SPACE(text, position)).end()
            following = text[position : position + 1]
        position += 1
        if following == "}":
            return start, position
        if following != ",":
            raise _malformed("a comma or a closing brace is missing", position - 1)


def _key(text: str, position: int) -> tuple[str, int]:
    """The key at *position* and where its value begins."""
    plain = _PLAIN_KEY(text, position)
    if plain is not None:
        return plain[1], plain.end()
    position = cast("re.Match[str]", _SPACE(text, position)).end()
    if text[position : position + 1] != '"':
        raise _malformed("a key in double quotes is missing", position)
    try:
        key, position = cast("tuple[str, int]", _scan(text, position))
    except json.JSONDecodeError as error:
        raise _malformed(error.msg, error.pos) from None
    colon = _COLON(text, position)
    if colon is None:
        raise _malformed("a colon is missing", position)
    return key, colon.end()


def _value(text: str, begin: int, key: str) -> tuple[Json, int]:
    try:
        return _scan(text, begin)
    except StopIteration as stop:
        raise _malformed("a value is missing", stop.value) from None
    except RecursionError:
        raise _too_deep(key) from None
    except _DuplicateKeyError as error:
        raise _duplicate(error.key, key) from None
    except json.JSONDecodeError as error:
        raise _malformed(error.msg, error.pos) from None
    except ValueError as error:
        reason = str(error) if "digits" not in str(error) else "a number has too many digits"
        raise InvalidRequest(f"The body is not valid JSON: {reason}, in {_shown(key)}.", param=key) from None


def _refuse_depth(value: JsonObject, max_depth: int) -> None:
    for key, member in value.items():
        level = [member] if type(member) in _CONTAINERS else []
        depth = 1
        while level:
            depth += 1
            if depth > max_depth:
                raise _too_deep(key)
            level = [
                child
                for container in level
                for child in (container.values() if isinstance(container, dict) else cast("list[Json]", container))
                if type(child) in _CONTAINERS
            ]


def _refuse_lone_surrogates(value: JsonObject) -> None:
    for key, member in value.items():
        try:
            _dumps({key: member}).encode()
        except UnicodeEncodeError:
            raise InvalidRequest(
                "The body holds half of a surrogate pair (\\ud800 to \\udfff), which is no character.",
                param=key if key.isprintable() else None,
            ) from None


def _shown(key: str) -> str:
    return ascii(key if len(key) <= _SHOWN_KEY_CHARS else key[:_SHOWN_KEY_CHARS] + "…")


def _too_deep(key: str) -> InvalidRequest:
    return InvalidRequest(f"The body is nested too deeply, in {_shown(key)}.", param=key)


def _duplicate(key: str, inside: str | None) -> InvalidRequest:
    where = "" if inside is None else f" inside {_shown(inside)}"
    return InvalidRequest(
        f"The body names the key {_shown(key)} twice{where}.",
        hint="Readers disagree about which one counts.",
        param=inside or key,
    )


def _malformed(reason: str, position: int) -> InvalidRequest:
    reason = reason.strip(" :")
    return InvalidRequest(f"The body is not valid JSON: {reason}, at character {position}.")
