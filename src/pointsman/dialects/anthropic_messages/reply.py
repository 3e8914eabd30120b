"""Whole answers of Messages, both ways, and their stop reasons; counts of tokens; lists of models."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pointsman.core.chat import (
    ChatReply,
    Choice,
    Media,
    Message,
    Reasoning,
    Refusal,
    Role,
    StopReason,
    Text,
    ToolCall,
)
from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields
from pointsman.dialects.anthropic_messages import calls, thinking
from pointsman.dialects.anthropic_messages.content import NAME, own
from pointsman.dialects.anthropic_messages.messages import decode_block
from pointsman.dialects.anthropic_messages.usage import decode_usage, encode_usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pointsman.core.chat import Part
    from pointsman.core.jsontypes import Json, JsonObject

EPOCH: Final = "1970-01-01T00:00:00Z"  # the API's own word for an unknown date

_KNOWN = frozenset(("id", "type", "role", "content", "model", "stop_reason", "stop_sequence", "stop_details", "usage"))
_DECODED = {
    "end_turn": StopReason.STOP,
    "max_tokens": StopReason.LENGTH,
    "model_context_window_exceeded": StopReason.LENGTH,
    "tool_use": StopReason.TOOL_CALLS,
    "refusal": StopReason.CONTENT_FILTER,
}
_ENCODED = {
    None: "end_turn",
    StopReason.STOP: "end_turn",
    StopReason.LENGTH: "max_tokens",
    StopReason.TOOL_CALLS: "tool_use",
    StopReason.CONTENT_FILTER: "refusal",
}
_SPOKEN = ("text", "thinking", "redacted_thinking", "tool_use")  # a tuple: a type may be anything, hashable or not


def decode_reply(body: JsonObject) -> ChatReply:
    """A whole answer, less what only the endpoint's own tools say; ValueError when the body is not one."""
    try:
        if not isinstance(body.get("content"), list):
            raise ValueError("the answer holds no content")  # noqa: TRY004  as the port says
        items = enumerate(fields.objects(body, "content"))
        reason, extras = decode_stop(body)
        parts = tuple(decode_block(item, f"content[{index}]") for index, item in items if item.get("type") in _SPOKEN)
        said = tuple(part for part in parts if not isinstance(part, Text) or part.text)
        message = Message(role=Role.ASSISTANT, parts=said)
        return ChatReply(
            id=fields.string(body, "id") or "",
            model=fields.string(body, "model") or "",
            created_s=0,
            choices=(Choice(index=0, message=message, stop_reason=reason, extras=extras),),
            usage=decode_usage(body.get("usage")),
            extras=extras_of_start(body),
        )
    except InvalidRequest as error:
        raise ValueError(f"the answer is malformed: {error.message}") from error


def extras_of_start(body: JsonObject) -> Mapping[str, JsonObject]:
    """Fields of a message that the neutral form has no name for."""
    return own({key: value for key, value in fields.others(body, _KNOWN).items() if value is not None})


def decode_stop(item: JsonObject) -> tuple[StopReason | None, Mapping[str, JsonObject]]:
    """The neutral reason, and as extras what it does not say; a reason of next year is a plain stop."""
    given = item.get("stop_reason")
    if not isinstance(given, str):
        return None, own({})
    reason = _DECODED.get(given, StopReason.STOP)
    more: JsonObject = {} if _ENCODED[reason] == given else {"stop_reason": given}
    for key in ("stop_sequence", "stop_details"):
        if item.get(key) is not None:
            more[key] = item[key]
    return reason, own(more)


def encode_stop(reason: StopReason | None, extras: Mapping[str, JsonObject], *, has_calls: bool) -> JsonObject:
    """The three fields that say why an answer ended. Clients run tools for the word `tool_use` only."""
    if has_calls and reason in (None, StopReason.STOP):
        reason = StopReason.TOOL_CALLS
    return {"stop_reason": _ENCODED[reason], "stop_sequence": None, "stop_details": None, **extras.get(NAME, {})}


def encode_reply(reply: ChatReply, *, shows_thinking: bool) -> JsonObject:
    """A whole answer: the first choice, for this API knows no others.

    A program that asked for no thinking expects none, and may read the first block as text: only what is signed, and
    has to come back, is given to it, without its text.
    """
    choice = reply.choices[0]
    parts = choice.message.parts
    if not shows_thinking:
        parts = tuple(replace(part, text="") if isinstance(part, Reasoning) else part for part in parts)
        parts = tuple(part for part in parts if not isinstance(part, Reasoning) or part.signature is not None)
    return {
        **head(reply.id, reply.model),
        "content": _encode_parts(parts),
        **encode_stop(choice.stop_reason, choice.extras, has_calls=any(isinstance(part, ToolCall) for part in parts)),
        "usage": encode_usage(reply.usage),
        **reply.extras.get(NAME, {}),
    }


def head(identity: str, model: str) -> JsonObject:
    """The fields of a message that are known from its beginning."""
    return {"id": identity, "type": "message", "role": "assistant", "model": model, "container": None}


def text_block(text: str) -> JsonObject:
    """A `text` block as an answer has it."""
    return {"type": "text", "text": text, "citations": None}


def _encode_parts(parts: Sequence[Part]) -> list[Json]:
    found: list[Json] = []
    for index, part in enumerate(parts):
        match part:
            case Text():
                found.append(text_block(part.text) | part.extras.get(NAME, {}))
            case Refusal():
                found.append(text_block(part.text))
            case Reasoning():
                found.append(thinking.encode_block(part))
            case ToolCall():
                found.append(calls.said_call(part))
            case Media() if NAME in part.extras:
                found.append(dict(part.extras[NAME]))
            case _:
                at = f"content[{index}]"
                raise InvalidRequest(
                    f"The answer's {at} is a {type(part).__name__}, which {NAME} cannot say.", param=at
                )
    return found


def encode_count(tokens: int) -> JsonObject:
    """The answer to a request that asked for a count."""
    return {"input_tokens": tokens}


def encode_model(identity: str, display_name: str, *, created_at: str = EPOCH) -> JsonObject:
    """One model, as this API describes it. *created_at* in RFC 3339."""
    return {
        "type": "model",
        "id": identity,
        "display_name": display_name,
        "created_at": created_at,
        "lifecycle": "active",
    }


def encode_models(models: Sequence[tuple[str, str]], *, created_at: str = EPOCH) -> JsonObject:
    """The list of *models*, each an id and the name to show, on one page."""
    return {
        "data": [encode_model(identity, name, created_at=created_at) for identity, name in models],
        "has_more": False,
        "first_id": models[0][0] if models else None,
        "last_id": models[-1][0] if models else None,
    }
