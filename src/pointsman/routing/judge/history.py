"""The turns before the ask, as few and as short as a small model can take in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pointsman.core.chat import Message, Role, ToolResult
from pointsman.core.decision import Said
from pointsman.routing.features import own_words

if TYPE_CHECKING:
    from collections.abc import Sequence

WINDOW: Final = 20
"""How many messages before the ask are looked at, tools' calls and results among them."""

TURN_CHARS: Final = 300


def history_of(messages: Sequence[Message], turns: int) -> tuple[Said, ...]:
    """The last *turns* things said before the ask, oldest first; tools' calls and results are not said."""
    if turns <= 0:
        return ()
    asked_at = next((at for at in range(len(messages) - 1, -1, -1) if _is_ask(messages[at])), 0)
    earlier = [message for message in messages[:asked_at] if message.role not in (Role.SYSTEM, Role.DEVELOPER)]
    said = [turn for message in earlier[-WINDOW:] if (turn := _said(message)) is not None]
    return tuple(said[-turns:])


def clipped(text: str, most_chars: int) -> str:
    """*text*, or its beginning and its last quarter where it is longer than *most_chars*."""
    if len(text) <= most_chars:
        return text
    end = most_chars // 4
    return f"{text[: most_chars - end]} … {text[-end:]}"


def _is_ask(message: Message) -> bool:
    return message.role is Role.USER and bool(own_words(message))


def _said(message: Message) -> Said | None:
    if message.role is Role.USER:
        text = "" if any(isinstance(part, ToolResult) for part in message.parts) else own_words(message)
    elif message.role is Role.ASSISTANT:
        text = message.text.strip()
    else:
        return None
    return Said(by=message.role.value, text=clipped(text, TURN_CHARS)) if text else None
