"""Calls of tools and their results as parts, and which result answers which call.

Ids are optional in this API. A call without one is given one that is the same each time the conversation comes, and a
result without one answers the first open call of its name, or the first open one.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pointsman.core.chat import Media, Text, ToolCall, ToolResult
from pointsman.dialects import fields
from pointsman.dialects.gemini.content import FIELDS, decode_shown, encode_media
from pointsman.dialects.gemini.spelling import NAME, canonical, listed, more_than, own

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pointsman.core.jsontypes import Json, JsonObject

_OUTPUT = "output"  # where this API looks for what a tool gave back ...
_RESULT = "result"  # ... where its own package puts it ...
_ERROR = "error"  # ... and where it looks for what went wrong
_NAMELESS = "tool"

_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


_decoder = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)


def arguments_of(text: str) -> JsonObject:
    """The object the API wants; text that is none is wrapped, so that the conversation can go on."""
    if not text.strip():
        return {}
    try:
        value = _decoder.decode(text)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {"arguments": text}


@dataclass(slots=True)
class Answers:
    """The calls of a conversation that is read, each with an id, and those that nobody has answered yet."""

    _numbered: int = 0
    _open: list[tuple[str, str]] = field(default_factory=list)  # (id, name)

    def of_call(self, identity: str | None, name: str) -> str:
        """The id of the next call."""
        identity = identity or self._number()
        self._open.append((identity, name))
        return identity

    def of_result(self, identity: str | None, name: str) -> str:
        """The id of the call that the next result answers."""
        if not identity:
            named = (known for known, called in self._open if called == name)
            identity = next(named, None) or next((known for known, _ in self._open), None) or self._number()
        self._open = [pair for pair in self._open if pair[0] != identity]
        return identity

    def _number(self) -> str:
        self._numbered += 1
        return f"call_{self._numbered}"


def made_up_id(answer: str, number: int, call: JsonObject) -> str:
    """An id for call *number* of an *answer*, unlike those of other answers: theirs have other ids, or other words."""
    said = answer or hashlib.sha256(_dumps([call.get("name"), call.get("args")]).encode(errors="replace")).hexdigest()
    return f"call_{said[:24]}_{number}"


def decode_call(part: JsonObject, at: str, answers: Answers) -> ToolCall:
    """A `functionCall` part."""
    call = fields.required_mapping(part, "functionCall", at)
    name = fields.required_string(call, "name", f"{at}.functionCall")
    identity = answers.of_call(fields.string(call, "id", f"{at}.functionCall"), name)
    return call_of(part, call, identity, at)


def call_of(part: JsonObject, call: JsonObject, identity: str, at: str) -> ToolCall:
    """The call in *part* under the id it was given."""
    extras = more_than(part, "functionCall", "thought")
    more = more_than(call, "id", "name", "args")
    if more:
        extras["functionCall"] = more
    return ToolCall(
        id=identity,
        name=fields.required_string(call, "name", f"{at}.functionCall"),
        arguments=_dumps(fields.mapping(call, "args", f"{at}.functionCall") or {}),
        extras=own(extras),
    )


def encode_call(call: ToolCall) -> JsonObject:
    """A `functionCall` part."""
    extras = dict(call.extras.get(NAME, {}))
    more = fields.mapping(extras, "functionCall") or {}
    identity: JsonObject = {"id": call.id} if call.id else {}
    body: JsonObject = {**identity, "name": call.name or _NAMELESS, "args": arguments_of(call.arguments), **more}
    return {**extras, "functionCall": body}


def decode_result(part: JsonObject, at: str, answers: Answers) -> ToolResult:
    """A `functionResponse` part."""
    given = fields.required_mapping(part, "functionResponse", at)
    at = f"{at}.functionResponse"
    name = fields.required_string(given, "name", at)
    response = fields.mapping(given, "response", at) or {}
    text, is_error = _words(response)
    shown = (
        decode_shown(canonical(item, FIELDS, f"{at}.parts[{index}]"), f"{at}.parts[{index}]")
        for index, item in enumerate(listed(given, "parts", at))
    )
    media = tuple(item for item in shown if item is not None)
    extras = more_than(given, "id", "name", "response", "parts")
    if _response((Text(text=text),), is_error=is_error) != response:
        extras["response"] = response
    return ToolResult(
        call_id=answers.of_result(fields.string(given, "id", at), name),
        content=(Text(text=text), *media),
        name=name,
        is_error=is_error,
        extras=own(extras),
    )


def _words(response: JsonObject) -> tuple[str, bool]:
    """What the tool said, as text, and whether it is an error."""
    match response:
        case {"error": str(text), **rest} if not rest:
            return text, True
        case {"output": str(text), **rest} | {"result": str(text), **rest} if not rest:
            return text, False
        case {"output": value, **rest} | {"result": value, **rest} if not rest:
            return _dumps(value), False
        case _:
            return _dumps(response), _ERROR in response


def _response(content: Iterable[Text | Media], *, is_error: bool) -> JsonObject:
    text = "\n".join(part.text for part in content if isinstance(part, Text))
    return {_ERROR if is_error else _OUTPUT: text}


@dataclass(slots=True)
class Names:
    """The names of the calls of a conversation that is written: this API wants a result to name its tool."""

    takes_media: bool  # inside results; earlier models than Gemini 3 are shown it beside them
    _by_id: dict[str, str] = field(default_factory=dict)
    _nameless: list[str] = field(default_factory=list)  # names of calls without an id, in order

    def note(self, call: ToolCall) -> None:
        """Remember *call*."""
        if call.id:
            self._by_id[call.id] = call.name
        else:
            self._nameless.append(call.name)

    def encode_result(self, result: ToolResult, at: str) -> list[Json]:
        """A `functionResponse` part, and what stands beside it."""
        extras = dict(result.extras.get(NAME, {}))
        response = extras.pop("response", _response(result.content, is_error=result.is_error))
        identity: JsonObject = {"id": result.call_id} if result.call_id else {}
        body: JsonObject = {**identity, "name": self._name(result), "response": response, **extras}
        media: list[Json] = [
            encode_media(part, f"{at}.content[{index}]")
            for index, part in enumerate(result.content)
            if isinstance(part, Media)
        ]
        if media and self.takes_media:
            body["parts"] = media
        return [{"functionResponse": body}, *(() if self.takes_media else media)]

    def _name(self, result: ToolResult) -> str:
        called = self._by_id.get(result.call_id)
        if not result.call_id and self._nameless:
            called = self._nameless.pop(0)
        return called or result.name or result.call_id or _NAMELESS
