"""A conversation made fit for a model of another dialect than the caller's.

Models' templates know system prompts at the beginning only, so a later one (Claude Code sends them) becomes a reminder
inside a user message, where every model takes it and the cached prefix before it stays the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pointsman.core.chat import Message, Role, Text

if TYPE_CHECKING:
    from pointsman.core.chat import ChatRequest

REMINDER: Final = "system-reminder"

_SYSTEM = frozenset((Role.SYSTEM, Role.DEVELOPER))


def settled(request: ChatRequest) -> ChatRequest:
    """*request* with its system messages at the beginning only; the very same when they are."""
    messages = request.messages
    first = next((index for index, message in enumerate(messages) if message.role not in _SYSTEM), len(messages))
    if not any(message.role in _SYSTEM for message in messages[first:]):
        return request
    moved = tuple(_reminder(message) if message.role in _SYSTEM else message for message in messages[first:])
    return replace(request, messages=(*messages[:first], *moved))


def _reminder(message: Message) -> Message:
    parts = tuple(
        replace(part, text=f"<{REMINDER}>\n{part.text}\n</{REMINDER}>") if isinstance(part, Text) else part
        for part in message.parts
    )
    return replace(message, role=Role.USER, parts=parts)
