"""The conversation: `systemInstruction` and `contents`, both ways."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pointsman.core.chat import Message, Reasoning, Role, Text, ToolCall, ToolResult
from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields
from pointsman.dialects.gemini.content import SIGNATURE, decode_part, encode_part, encode_result
from pointsman.dialects.gemini.names import NAME, camel, own

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pointsman.core.chat import Part
    from pointsman.core.jsontypes import Json, JsonObject

# What Gemini 3 takes instead of the signature of a call that another model made.
NO_SIGNATURE: Final = "skip_thought_signature_validator"

_ROLES = {"user": Role.USER, "model": Role.ASSISTANT, "function": Role.TOOL, "tool": Role.TOOL}
_SHOWN_ROLE_CHARS = 32
_INSTRUCTION = "systemInstruction"
_SYSTEM = (Role.SYSTEM, Role.DEVELOPER)


def decode_messages(body: JsonObject) -> tuple[Message, ...]:
    """The instruction, if there is one, and the turns, at least one. Results are matched with the calls before them."""
    given = body.get("contents")
    items: list[Json] = given if isinstance(given, list) else [] if given is None else [given]
    if not items:
        raise InvalidRequest("contents is missing or empty.", hint="Send at least one turn.", param="contents")
    turns = [_decode_turn(item, f"contents[{index}]", index) for index, item in enumerate(items)]
    return (*_decode_instruction(body.get(_INSTRUCTION)), *_matched(turns))


def _decode_instruction(given: Json) -> Iterator[Message]:
    if given is None:
        return
    if isinstance(given, str):
        given = {"parts": [{"text": given}]}
    if not isinstance(given, dict):
        raise fields.wrong_type(given, "an object", _INSTRUCTION)
    parts = _decode_parts(given, _INSTRUCTION, 0)
    if parts:
        yield Message(role=Role.SYSTEM, parts=parts)


def _decode_turn(item: Json, at: str, number: int) -> Message:
    if isinstance(item, str):
        return Message(role=Role.USER, parts=(Text(text=item),))
    if not isinstance(item, dict):
        raise fields.wrong_type(item, "an object", at)
    named = fields.string(item, "role", at) or "user"
    role = _ROLES.get(named)
    if role is None:
        raise InvalidRequest(f"{at}.role must be user or model, not {named[:_SHOWN_ROLE_CHARS]!a}.", param=f"{at}.role")
    parts = _decode_parts(item, at, number)
    if parts and all(isinstance(part, ToolResult) for part in parts):
        role = Role.TOOL
    return Message(role=role, parts=parts, extras=own(fields.others(item, ("role", "parts"))))


def _decode_parts(item: JsonObject, at: str, number: int) -> tuple[Part, ...]:
    given = item.get("parts")
    parts = [given] if isinstance(given, dict) else fields.array(item, "parts", at) or []
    return tuple(
        decode_part(part, f"{at}.parts[{index}]", call_id=f"call_{number}_{index}") for index, part in enumerate(parts)
    )


def _matched(turns: Sequence[Message]) -> Iterator[Message]:
    """*turns* whose results name the calls they answer: by id, else the first open call of the function."""
    unanswered: list[ToolCall] = []
    for turn in turns:
        unanswered += (part for part in turn.parts if isinstance(part, ToolCall))
        if not any(isinstance(part, ToolResult) and not part.call_id for part in turn.parts):
            answered = {part.call_id for part in turn.parts if isinstance(part, ToolResult)}
            unanswered = [call for call in unanswered if call.id not in answered]
            yield turn
            continue
        parts: list[Part] = []
        for part in turn.parts:
            if isinstance(part, ToolResult):
                call = next((one for one in unanswered if part.call_id in ("", one.id) and one.name == part.name), None)
                if call is not None:
                    unanswered.remove(call)
                    parts.append(replace(part, call_id=call.id))
                    continue
            parts.append(part)
        yield replace(turn, parts=tuple(parts))


def encode_messages(messages: Sequence[Message], *, needs_signatures: bool) -> tuple[JsonObject | None, list[Json]]:
    """`systemInstruction` and `contents`: roles in turns, results in turns of their own, nothing empty.

    *needs_signatures*: the model checks that calls are signed. Thoughts go to their own maker only.
    """
    first = next((index for index, one in enumerate(messages) if one.role not in _SYSTEM), len(messages))
    instruction = [
        encode_part(part, f"messages[{index}].content[{number}]")
        for index, message in enumerate(messages[:first])
        for number, part in enumerate(message.parts)
        if not _is_blank(part)
    ]
    turns: list[tuple[str, bool, list[Json], JsonObject]] = []
    names: dict[str, str] = {}
    for index, message in enumerate(messages[first:], first):
        names |= {part.id: part.name for part in message.parts if isinstance(part, ToolCall)}
        for role, is_results, parts in _split(message, f"messages[{index}]", names, needs_signatures=needs_signatures):
            if turns and turns[-1][:2] == (role, is_results):
                turns[-1][2].extend(parts)
            elif parts:
                turns.append((role, is_results, parts, message.extras.get(NAME, {})))
    if not turns and instruction:
        return None, [{"role": "user", "parts": [*instruction]}]
    contents: list[Json] = [{"role": role, "parts": parts, **extras} for role, _, parts, extras in turns]
    return ({"parts": [*instruction]} if instruction else None), contents


def _split(
    message: Message, at: str, names: dict[str, str], *, needs_signatures: bool
) -> Iterator[tuple[str, bool, list[Json]]]:
    """The message's results, then its other parts."""
    results: list[Json] = []
    others: list[Part] = []
    for number, part in enumerate(message.parts):
        if isinstance(part, ToolResult):
            name = part.name or names.get(part.call_id) or "unknown"
            results.append(encode_result(part, name, f"{at}.content[{number}]"))
        else:
            others.append(part)
    yield "user", True, results
    said = _encode_all(others, at, needs_signatures=needs_signatures)
    yield "model" if message.role is Role.ASSISTANT else "user", False, said


def _encode_all(parts: Iterable[Part], at: str, *, needs_signatures: bool) -> list[Json]:
    found: list[Json] = []
    for number, part in enumerate(parts):
        if _is_blank(part) or (isinstance(part, Reasoning) and part.origin != NAME):
            continue
        body = encode_part(part, f"{at}.content[{number}]")
        is_first_call = isinstance(part, ToolCall) and not any("functionCall" in camel_of(one) for one in found)
        if needs_signatures and is_first_call and SIGNATURE not in body:
            body[SIGNATURE] = NO_SIGNATURE
        found.append(body)
    return found


def camel_of(value: Json) -> JsonObject:
    """*value* as an object with documented keys; empty when it is none."""
    return camel(value) if isinstance(value, dict) else {}


def _is_blank(part: Part) -> bool:
    return isinstance(part, Text) and not part.text and not part.extras
