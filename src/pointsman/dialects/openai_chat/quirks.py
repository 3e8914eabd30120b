"""A request of Chat Completions made fit for a server that departs from it; what would pass is not touched.

It works on bodies, translated or a caller's own: parts that stay are the same objects, so that whoever relays knows
what has changed.
"""

from __future__ import annotations

import hashlib
import re
import string
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pointsman.core.catalog import Quirks
    from pointsman.core.jsontypes import Json, JsonObject

_ALPHABET: Final = string.digits + string.ascii_letters
_PLAIN: Final = re.compile(r"[A-Za-z0-9]+")
_NO_THINKING: Final = "none"
_NAMED_BY_ROLE: Final = "function"  # the legacy tool message: its name says whose result it is
# Left out without a word: what servers that refuse them do anyway, or what only repeats another field.
_UNSAID: Final = frozenset(("stream_options",))


def adapted(body: JsonObject, quirks: Quirks) -> tuple[JsonObject, tuple[str, ...]]:
    """*body* as a server with *quirks* takes it, and the names of the settings it had to lose."""
    body = dict(body)
    for name, known in quirks.renames:
        if name in body:
            value = body.pop(name)
            body.setdefault(known, value)
    refused = quirks.refuses if _says_not_to_think(body) else quirks.refuses | quirks.refuses_thinking
    lost = [name for name in body if name in refused]
    for name in lost:
        del body[name]
    if not quirks.has_named_choice:
        _spell_out_choice(body)
    if not quirks.has_strict_tools:
        lost += _without_strict(body)
    lost += _fit_messages(body, quirks)
    return body, tuple(name for name in lost if name not in _UNSAID)


def is_fine(body: JsonObject, quirks: Quirks) -> bool:
    """Whether a server with *quirks* surely takes *body* as it is: what most requests are, seen at a glance.

    False says only that `adapted` has to look.
    """
    if quirks.refuses_in_messages or quirks.call_id_chars is not None or quirks.wants_reasoning_with_calls:
        return False
    if "tools" in body or not quirks.refuses.isdisjoint(body) or not quirks.refuses_thinking.isdisjoint(body):
        return False
    for name, _ in quirks.renames:
        if name in body:
            return False
    if quirks.has_developer:
        return True
    messages = body.get("messages")
    return isinstance(messages, list) and all(
        isinstance(message, dict) and message.get("role") != "developer" for message in messages
    )


def _says_not_to_think(body: JsonObject) -> bool:
    reasoning = body.get("reasoning")  # where the Responses API says it
    effort = reasoning.get("effort") if isinstance(reasoning, dict) else body.get("reasoning_effort")
    return effort == _NO_THINKING


def _spell_out_choice(body: JsonObject) -> None:
    """The one tool that was chosen by name, alone and required."""
    match body.get("tool_choice"):
        case {"type": "function", "function": {"name": str(name)}}:
            tools = body.get("tools")
            chosen = [tool for tool in tools if _name_of(tool) == name] if isinstance(tools, list) else []
            if chosen:
                body["tool_choice"] = "required"
                if chosen != tools:
                    body["tools"] = [*chosen]


def _name_of(tool: Json) -> Json:
    function = tool.get("function") if isinstance(tool, dict) else None
    return function.get("name") if isinstance(function, dict) else None


def _without_strict(body: JsonObject) -> Iterator[str]:
    tools = body.get("tools")
    if not isinstance(tools, list):
        return
    plain = [_plain_tool(tool) for tool in tools]
    if any(made is not tool for made, tool in zip(plain, tools, strict=True)):
        body["tools"] = plain
        yield "strict"


def _plain_tool(tool: Json) -> Json:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(tool, dict) or not isinstance(function, dict) or "strict" not in function:
        return tool
    return {**tool, "function": {key: value for key, value in function.items() if key != "strict"}}


def _fit_messages(body: JsonObject, quirks: Quirks) -> tuple[str, ...]:
    """Change the messages that need it; the names of what they lose that a caller may miss."""
    messages = body.get("messages")
    changes = tuple(_changes(quirks))
    if not changes or not isinstance(messages, list):
        return ()
    fitted = [_fit(message, changes) if isinstance(message, dict) else message for message in messages]
    if all(made is message for made, message in zip(fitted, messages, strict=True)):
        return ()
    body["messages"] = fitted
    pairs = zip(messages, fitted, strict=True)
    return tuple(dict.fromkeys(name for given, made in pairs for name in _lost(given, made)))


def _lost(given: Json, made: Json) -> Iterator[str]:
    """The fields that said something in *given*, a message, and in its tool calls, and that *made* does not have."""
    if made is given or not isinstance(given, dict) or not isinstance(made, dict):
        return
    yield from (name for name, value in given.items() if value and name not in made)
    calls, left = given.get("tool_calls"), made.get("tool_calls")
    if isinstance(calls, list) and isinstance(left, list):
        for call, fitted in zip(calls, left, strict=True):
            yield from _lost(call, fitted)


def _changes(quirks: Quirks) -> Iterator[Callable[[JsonObject], JsonObject]]:
    """What has to be done to a message: each gives back the very same one where there is nothing to do."""
    refused, chars = quirks.refuses_in_messages, quirks.call_id_chars
    if not quirks.has_developer:
        yield _as_system
    if refused:
        yield lambda message: _without(message, refused)
    if chars is not None:
        yield lambda message: _with_short_ids(message, chars)
    if quirks.wants_reasoning_with_calls:
        yield _with_reasoning


def _fit(message: JsonObject, changes: tuple[Callable[[JsonObject], JsonObject], ...]) -> JsonObject:
    for change in changes:
        message = change(message)
    return message


def _as_system(message: JsonObject) -> JsonObject:
    return {**message, "role": "system"} if message.get("role") == "developer" else message


def _without(message: JsonObject, refused: frozenset[str]) -> JsonObject:
    """*message* without what is refused, nor any in its tool calls: there Gemini's signature would be."""
    if message.get("role") == _NAMED_BY_ROLE:
        return message
    calls = message.get("tool_calls")
    if isinstance(calls, list) and any(isinstance(call, dict) and not refused.isdisjoint(call) for call in calls):
        message = {
            **message,
            "tool_calls": [_less(call, refused) if isinstance(call, dict) else call for call in calls],
        }
    return message if refused.isdisjoint(message) else _less(message, refused)


def _less(value: JsonObject, refused: frozenset[str]) -> JsonObject:
    return {key: inner for key, inner in value.items() if key not in refused}


def _with_reasoning(message: JsonObject) -> JsonObject:
    is_lacking = message.get("tool_calls") and message.get("reasoning_content") is None
    return {**message, "reasoning_content": ""} if is_lacking else message


def _with_short_ids(message: JsonObject, chars: int) -> JsonObject:
    given = message.get("tool_call_id")
    if isinstance(given, str) and (short := short_id(given, chars)) != given:
        message = {**message, "tool_call_id": short}
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        fitted = [_with_short_id(call, chars) for call in calls]
        if fitted != calls:
            message = {**message, "tool_calls": fitted}
    return message


def _with_short_id(call: Json, chars: int) -> Json:
    given = call.get("id") if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(given, str) or (short := short_id(given, chars)) == given:
        return call
    return {**call, "id": short}


def short_id(given: str, chars: int) -> str:
    """*given* if it has *chars* letters and digits and nothing else, otherwise as many that follow from it alone."""
    if len(given) == chars and _PLAIN.fullmatch(given):
        return given
    number = int.from_bytes(hashlib.sha256(given.encode(errors="surrogatepass")).digest())
    letters = []
    for _ in range(chars):
        number, digit = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[digit])
    return "".join(letters)
