"""Whole answers of Ollama, and what its streams share with them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pointsman.core.chat import (
    ChatReply,
    Choice,
    EmbeddingReply,
    Message,
    Part,
    Reasoning,
    Role,
    StopReason,
    Text,
    ToolCall,
    Usage,
)
from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields
from pointsman.dialects.error_bodies import read_error
from pointsman.dialects.ollama.probabilities import decode_tokens
from pointsman.dialects.openai_embeddings import numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pointsman.core.jsontypes import Json, JsonObject


def decode_reply(body: JsonObject) -> ChatReply:
    """A whole answer; ValueError when the body is not one."""
    if body.get("error"):
        raise ValueError(read_error(body).message)
    try:
        message = fields.required_mapping(body, "message")
        if body.get("done") is not True:
            raise ValueError("the answer is not complete")
        parts = tuple(_parts(message))
        logprobs = decode_tokens(body)
    except InvalidRequest as error:
        raise ValueError(f"the answer is malformed: {error.message}") from error
    calls = any(isinstance(part, ToolCall) for part in parts)
    identity, model, created_s = identify(body)
    return ChatReply(
        id=identity,
        model=model,
        created_s=created_s,
        choices=(
            Choice(
                index=0,
                message=Message(role=Role.ASSISTANT, parts=parts),
                stop_reason=decode_reason(body.get("done_reason"), has_calls=calls),
                logprobs=logprobs,
            ),
        ),
        usage=decode_usage(body),
    )


def _parts(message: JsonObject) -> Iterator[Part]:
    thinking = fields.string(message, "thinking", "message")
    if thinking:
        yield Reasoning(text=thinking)
    text = fields.string(message, "content", "message")
    if text:
        yield Text(text=text)
    for number, item in enumerate(fields.objects(message, "tool_calls", "message")):
        yield decode_call(item, number)


def decode_call(item: JsonObject, number: int) -> ToolCall:
    """Tool call *number* of an answer. Older servers give it no id: it gets one by its number."""
    at = f"message.tool_calls[{number}]"
    function = fields.required_mapping(item, "function", at)
    arguments = function.get("arguments")
    if not isinstance(arguments, str):
        arguments = json.dumps({} if arguments is None else arguments, ensure_ascii=False, separators=(",", ":"))
    return ToolCall(
        id=fields.string(item, "id", at) or f"call_{number}",
        name=fields.required_string(function, "name", f"{at}.function"),
        arguments=arguments,
    )


def identify(body: JsonObject) -> tuple[str, str, int]:
    """An id (Ollama gives none: made from the time of creation), the model's name, seconds since the epoch."""
    created, model = body.get("created_at"), body.get("model")
    written = created if isinstance(created, str) else ""
    digits = "".join(character for character in written if character.isdecimal())
    return f"chatcmpl-{digits or 0}", model if isinstance(model, str) else "", _seconds(written)


def _seconds(written: str) -> int:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return 0
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def decode_reason(reason: Json, *, has_calls: bool) -> StopReason:
    """The stop reason; an answer with tool calls has stopped for them."""
    if reason == "length":
        return StopReason.LENGTH
    return StopReason.TOOL_CALLS if has_calls else StopReason.STOP


def decode_usage(body: JsonObject) -> Usage | None:
    """The counts of an answer or of a stream's last line; a count of zero is left out by the server."""
    read, written = _count(body.get("prompt_eval_count")), _count(body.get("eval_count"))
    if read is None and written is None:
        return None
    return Usage(input_tokens=read or 0, output_tokens=written or 0)


def _count(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def decode_embeddings(body: JsonObject) -> EmbeddingReply:
    """The vectors; ValueError when the body is not an embeddings answer."""
    vectors = body.get("embeddings")
    if not isinstance(vectors, list) or not vectors:
        raise ValueError("the answer holds no vectors")
    model = body.get("model")
    return EmbeddingReply(
        model=model if isinstance(model, str) else "",
        vectors=tuple(numbers(vector) for vector in vectors),
        usage=decode_usage(body),
    )
