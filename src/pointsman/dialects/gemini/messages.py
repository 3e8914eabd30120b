"""The conversation: `systemInstruction`, contents and their parts, both ways."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from pointsman.core.chat import Media, Message, Part, Reasoning, Refusal, Role, Text, ToolCall, ToolResult
from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields
from pointsman.dialects.gemini import calls
from pointsman.dialects.gemini.content import FIELDS, decode_shown, encode_media, encode_text
from pointsman.dialects.gemini.sealing import SKIP_VALIDATOR, unsealed
from pointsman.dialects.gemini.spelling import NAME, canonical, listed, more_than, own

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pointsman.core.jsontypes import Json, JsonObject
    from pointsman.dialects.gemini.generations import Abilities

_SHOWN_ROLE_CHARS = 32
_ROLES = {"user": Role.USER, "function": Role.USER, "model": Role.ASSISTANT}
_WORDS = {
    Role.SYSTEM: "system",
    Role.DEVELOPER: "system",
    Role.USER: "user",
    Role.TOOL: "user",
    Role.ASSISTANT: "model",
}


def decode_messages(body: JsonObject) -> tuple[Message, ...]:
    """The system prompt, if there is one, and the contents, at least one."""
    items = listed(body, "contents")
    if not items:
        raise InvalidRequest("contents is missing or empty.", hint="Send at least one content.", param="contents")
    answers = calls.Answers()
    turns = [_decode_content(item, f"contents[{index}]", answers) for index, item in enumerate(items)]
    told = fields.mapping(body, "systemInstruction")
    if told is None:
        return tuple(turns)
    parts = tuple(decode_parts(told, "systemInstruction", answers))
    return (Message(role=Role.SYSTEM, parts=parts, extras=own(more_than(told, "role", "parts"))), *turns)


def _decode_content(item: JsonObject, at: str, answers: calls.Answers) -> Message:
    given = fields.string(item, "role", at) or "user"
    if given not in _ROLES:
        raise InvalidRequest(
            f"{at}.role must be user, model or function, not {given[:_SHOWN_ROLE_CHARS]!a}.", param=f"{at}.role"
        )
    role = _ROLES[given]
    parts = tuple(decode_parts(item, at, answers))
    if role is Role.USER and parts and all(isinstance(part, ToolResult) for part in parts):
        role = Role.TOOL
    return Message(role=role, parts=parts, extras=own(more_than(item, "role", "parts")))


def decode_parts(content: JsonObject, at: str, answers: calls.Answers) -> Iterator[Part]:
    """The parts of a content that say anything."""
    for index, item in enumerate(listed(content, "parts", at)):
        where = f"{at}.parts[{index}]"
        part = decode_part(canonical(item, FIELDS, where), where, answers)
        if part is not None:
            yield part


def decode_part(part: JsonObject, at: str, answers: calls.Answers) -> Part | None:
    """One part; None when it says nothing."""
    if part.get("functionCall") is not None:
        return calls.decode_call(part, at, answers)
    if part.get("functionResponse") is not None:
        return calls.decode_result(part, at, answers)
    if part.get("thought") is True and part.get("text") is not None:
        return decode_thought(part, at)
    return decode_shown(part, at)


def decode_thought(part: JsonObject, at: str) -> Reasoning:
    """A part of thinking."""
    signature, origin = unsealed(fields.string(part, "thoughtSignature", at))
    return Reasoning(
        text=fields.required_string(part, "text", at),
        signature=signature,
        origin=origin,
        extras=own(more_than(part, "text", "thought", "thoughtSignature")),
    )


@dataclass(slots=True)
class _Turn:
    role: str
    parts: list[Json] = field(default_factory=list)
    extras: JsonObject = field(default_factory=dict)

    def body(self) -> JsonObject:
        """The turn with its results first."""
        results = [part for part in self.parts if _is_result(part)]
        others = [part for part in self.parts if not _is_result(part)]
        return {"role": self.role, "parts": [*results, *others], **self.extras}


@dataclass(slots=True)
class Conversation:
    """Messages in this API's order: the system prompt ahead, roles in turns, results first, nothing empty."""

    messages: Sequence[Message]
    model: Abilities
    system: JsonObject = field(default_factory=dict)
    _turns: list[_Turn] = field(default_factory=list)
    _names: calls.Names = field(init=False)

    def __post_init__(self) -> None:
        self._names = calls.Names(takes_media=self.model.wants_signatures)
        told = _Turn(role="system")
        for index, message in enumerate(self.messages):
            role = _WORDS[message.role]
            found = list(self._encode(message.parts, f"messages[{index}]"))
            is_told = role == "system" and not self._turns
            self._add(told if is_told else self._turn("user" if role == "system" else role, found), found, message)
        if told.parts and not self._turns:
            self._turns.append(_Turn(role="user", parts=told.parts, extras=told.extras))
        elif told.parts:
            self.system = {"parts": told.parts, **told.extras}

    def contents(self) -> list[Json]:
        """The turns. Where there is nothing but a system prompt, that is what the user asks."""
        found = [turn.body() for turn in self._turns]
        return [with_signature(turn) if self.model.wants_signatures else turn for turn in found]

    def _turn(self, role: str, found: list[Json]) -> _Turn:
        if found and (not self._turns or self._turns[-1].role != role):
            self._turns.append(_Turn(role=role))
        return self._turns[-1] if found else _Turn(role=role)

    def _add(self, turn: _Turn, found: list[Json], message: Message) -> None:
        turn.parts.extend(found)
        turn.extras |= message.extras.get(NAME, {})

    def _encode(self, parts: Iterable[Part], at: str) -> Iterator[Json]:
        for index, part in enumerate(parts):
            where = f"{at}.content[{index}]"
            match part:
                case Text():
                    if part.text or NAME in part.extras:
                        yield encode_text(part)
                case Refusal():
                    if part.text:
                        yield {"text": part.text}
                case Media():
                    yield encode_media(part, where)
                case Reasoning():
                    if part.signature is not None and part.origin == NAME:
                        yield encode_thought(part, part.signature)
                case ToolCall():
                    self._names.note(part)
                    yield calls.encode_call(part)
                case ToolResult():
                    yield from self._names.encode_result(part, where)
                case _:
                    assert_never(part)


def encode_thought(part: Reasoning, signature: str | None) -> JsonObject:
    """A part of thinking; *signature* as it is to be sent."""
    signed: JsonObject = {} if signature is None else {"thoughtSignature": signature}
    return {"text": part.text, "thought": True, **signed, **part.extras.get(NAME, {})}


def with_signature(content: JsonObject) -> JsonObject:
    """*content* with a signature on its first call, where it has none on any; the very same where nothing is missing.

    Expected: calls that another model made are taken as they are. Actual: Gemini 3 answers 400.
    https://ai.google.dev/gemini-api/docs/thought-signatures
    """
    parts = content.get("parts")
    if not isinstance(parts, list):
        return content
    found = [place for place, part in enumerate(parts) if _names(part, "functionCall", "function_call")]
    if not found or any(_names(parts[place], "thoughtSignature", "thought_signature") for place in found):
        return content
    first = parts[found[0]]
    signed = {**first, "thoughtSignature": SKIP_VALIDATOR}
    return {**content, "parts": [*parts[: found[0]], signed, *parts[found[0] + 1 :]]}


def _names(part: Json, *keys: str) -> bool:
    return isinstance(part, dict) and any(part.get(key) for key in keys)


def _is_result(part: Json) -> bool:
    return isinstance(part, dict) and "functionResponse" in part
