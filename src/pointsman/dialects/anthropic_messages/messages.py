"""The conversation of Messages: the system prompt, turns and their blocks, both ways."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, assert_never

from pointsman.core.chat import Media, Message, Part, Reasoning, Refusal, Role, Text, ToolCall, ToolResult
from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields
from pointsman.dialects.anthropic_messages import calls, thinking
from pointsman.dialects.anthropic_messages.content import (
    NAME,
    blocks,
    decode_part,
    encode_part,
    is_blank,
    own,
)
from pointsman.dialects.anthropic_messages.identities import Identities

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pointsman.core.jsontypes import Json, JsonObject

# Claude Code's first system block. It differs in each process, so that no prompt cache would outlive one.
BILLING: Final = "x-anthropic-billing-header"

_KNOWN = ("role", "content")
_BEGINNING = "Hello."  # before an assistant that speaks first, which this API refuses
_SHOWN_ROLE_CHARS = 32
_ROLES = {
    Role.SYSTEM: "system",
    Role.DEVELOPER: "system",
    Role.USER: "user",
    Role.TOOL: "user",
    Role.ASSISTANT: "assistant",
}


def decode_messages(body: JsonObject, extras: JsonObject) -> tuple[Message, ...]:
    """The system prompt, if there is one, and the turns, at least one; a billing block goes to *extras*."""
    items = fields.objects(body, "messages")
    if not items:
        raise InvalidRequest("messages is missing or empty.", hint="Send at least one message.", param="messages")
    turns = (_decode_turn(item, f"messages[{index}]") for index, item in enumerate(items))
    return (*_decode_system(body, extras), *turns)


def _decode_system(body: JsonObject, extras: JsonObject) -> Iterator[Message]:
    billing: list[Json] = []
    parts: list[Part] = []
    for block, at in blocks(body.get("system"), "system"):
        part = _decode_text(block, at)
        if part.text.startswith(f"{BILLING}:"):
            billing.append(block)
        else:
            parts.append(part)
    if billing:
        extras[BILLING] = billing
    if parts:
        yield Message(role=Role.SYSTEM, parts=tuple(parts))


def _decode_text(block: JsonObject, at: str) -> Text:
    part = decode_part(block, at)
    if isinstance(part, Text):
        return part
    raise InvalidRequest(f"{at}.type must be text, not {part.kind[:_SHOWN_ROLE_CHARS]!a}.", param=f"{at}.type")


def _decode_turn(item: JsonObject, at: str) -> Message:
    role = fields.required_string(item, "role", at)
    if role not in ("user", "assistant", "system"):
        raise InvalidRequest(
            f"{at}.role must be user, assistant or system, not {role[:_SHOWN_ROLE_CHARS]!a}.", param=f"{at}.role"
        )
    content = item.get("content")
    if content is None:
        state = "must be a string or a list of blocks, not null" if "content" in item else "is missing"
        raise InvalidRequest(f"{at}.content {state}.", param=f"{at}.content")
    parts = tuple(decode_block(block, where) for block, where in blocks(content, f"{at}.content"))
    is_results = role == "user" and bool(parts) and all(isinstance(part, ToolResult) for part in parts)
    return Message(role=Role.TOOL if is_results else Role(role), parts=parts, extras=own(fields.others(item, _KNOWN)))


def decode_block(block: JsonObject, at: str) -> Part:
    """One block of a turn or of an answer."""
    match block.get("type"):
        case "tool_use":
            return calls.decode_call(block, at)
        case "tool_result":
            return calls.decode_result(block, at)
        case "thinking" | "redacted_thinking":
            return thinking.decode_block(block, at)
        case _:
            return decode_part(block, at)


@dataclass(slots=True)
class _Turn:
    role: str
    content: list[Json] = field(default_factory=list)
    extras: JsonObject = field(default_factory=dict)

    def body(self) -> JsonObject:
        """The turn with its results first."""
        results = [block for block in self.content if _is_result(block)]
        others = [block for block in self.content if not _is_result(block)]
        return {"role": self.role, "content": shortened([*results, *others]), **self.extras}


@dataclass(slots=True)
class Conversation:
    """Messages in this API's order: `system` ahead, roles in turns, results first, nothing empty."""

    messages: Sequence[Message]
    system: list[Json] = field(default_factory=list)
    _turns: list[_Turn] = field(default_factory=list)
    _ids: Identities = field(default_factory=Identities)

    def __post_init__(self) -> None:
        for index, message in enumerate(self.messages):
            role = _ROLES[message.role]
            found = self._encode(message.parts, f"messages[{index}]")
            if role == "system" and not self._turns:
                self.system.extend(found)
            else:
                self._add(role, list(found), message.extras.get(NAME, {}))

    def turns(self) -> list[Json]:
        """The turns, the user's first. Where there is nothing but a system prompt, that is what the user asks."""
        if not self._turns and self.system:
            self._turns.append(_Turn(role="user", content=self.system))
            self.system = []
        if self._turns and self._turns[0].role == "assistant":
            self._turns.insert(0, _Turn(role="user", content=[{"type": "text", "text": _BEGINNING}]))
        return [turn.body() for turn in self._turns]

    def _add(self, role: str, found: list[Json], extras: JsonObject) -> None:
        if not found:
            return
        if not self._turns or self._turns[-1].role != role:
            self._turns.append(_Turn(role=role))
        self._turns[-1].content.extend(found)
        self._turns[-1].extras |= extras

    def _encode(self, parts: Iterable[Part], at: str) -> Iterator[Json]:
        for index, part in enumerate(parts):
            where = f"{at}.content[{index}]"
            match part:
                case Text():
                    if not is_blank(part):
                        yield encode_part(part, where)
                case Media():
                    yield encode_part(part, where)
                case Refusal():
                    if part.text.strip():
                        yield {"type": "text", "text": part.text}
                case Reasoning():
                    if part.signature is not None and part.origin == NAME:
                        yield thinking.encode_block(part)
                case ToolCall():
                    yield calls.encode_call(part, self._ids.of_call(part.id))
                case ToolResult():
                    yield calls.encode_result(part, self._ids.of_result(part.call_id), where)
                case _:
                    assert_never(part)


def _is_result(block: Json) -> bool:
    return isinstance(block, dict) and block.get("type") == "tool_result"


def shortened(content: list[Json]) -> Json:
    """*content* as a string where it is one plain text."""
    match content:
        case [{"type": "text", "text": str(text), **rest}] if not rest:
            return text
        case _:
            return content
