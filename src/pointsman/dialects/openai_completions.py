"""OpenAI's legacy completions, for callers: a prompt is a conversation of one user message.

What a chat cannot say (several prompts, token ids, a suffix) is relayed only: it becomes a Media part of a kind that no
other dialect knows. Texts in it are parts too, so that whoever looks for private data sees them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, assert_never

from pointsman.core.chat import ChatRequest, Media, Message, Part, Role, Sampling, Text
from pointsman.core.errors import InvalidRequest
from pointsman.core.stream import (
    Ended,
    LogprobsDelta,
    ReasoningDelta,
    RefusalDelta,
    Started,
    Stopped,
    StreamEvent,
    StreamFailed,
    TextDelta,
    ToolCallDelta,
    UsageReported,
)
from pointsman.dialects import fields
from pointsman.dialects.openai_chat.errors import encode_error
from pointsman.dialects.openai_chat.reply import encode_reason, encode_usage
from pointsman.dialects.openai_chat.stream_encoder import DONE_FRAME, error_frame, sse

if TYPE_CHECKING:
    from pointsman.core.chat import ChatReply, StopReason
    from pointsman.core.errors import PointsmanError
    from pointsman.core.jsontypes import Json, JsonObject

NAME: Final = "openai_completions"

_OBJECT = "text_completion"
_KNOWN = frozenset(
    (
        "model",
        "prompt",
        "suffix",
        "stream",
        "stream_options",
        "user",
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "max_tokens",
        "stop",
        "seed",
        "frequency_penalty",
        "presence_penalty",
        "n",
    )
)


class OpenAICompletions:
    """See base.Surface."""

    name = NAME
    stream_media_type = "text/event-stream"
    keep_alive = b": waiting\n\n"
    relayed_headers: frozenset[bytes] = frozenset()

    def decode_chat(self, body: JsonObject) -> ChatRequest:
        """The neutral request; InvalidRequest names the path of what is wrong."""
        extras = fields.others(body, _KNOWN)
        stream_options = fields.mapping(body, "stream_options") or {}
        return ChatRequest(
            model=fields.string(body, "model"),
            messages=(Message(role=Role.USER, parts=_decode_prompt(body)),),
            sampling=Sampling(
                temperature=fields.number(body, "temperature"),
                top_p=fields.number(body, "top_p"),
                top_k=fields.integer(body, "top_k"),
                min_p=fields.number(body, "min_p"),
                max_output_tokens=fields.integer(body, "max_tokens"),
                stop=fields.strings(body.get("stop"), "stop"),
                seed=fields.integer(body, "seed"),
                frequency_penalty=fields.number(body, "frequency_penalty"),
                presence_penalty=fields.number(body, "presence_penalty"),
                n=fields.integer(body, "n", minimum=1),
            ),
            stream=fields.boolean(body, "stream") or False,
            stream_usage=fields.boolean(stream_options, "include_usage", "stream_options") or False,
            user=fields.string(body, "user"),
            extras={NAME: extras} if extras else {},
        )

    def encode_reply(self, reply: ChatReply, request: ChatRequest) -> JsonObject:
        """The answer as a `text_completion`."""
        choices: list[Json] = [
            _choice(choice.index, choice.message.text, choice.stop_reason) for choice in reply.choices
        ]
        body = _body(reply.id, reply.created_s, reply.model, choices)
        return body if reply.usage is None else {**body, "usage": encode_usage(reply.usage)}

    def stream_encoder(self, request: ChatRequest) -> CompletionStreamEncoder:
        """A fresh encoder."""
        return CompletionStreamEncoder(with_usage=request.stream_usage)

    def encode_error(self, error: PointsmanError) -> tuple[int, JsonObject]:
        """As Chat Completions do."""
        return encode_error(error)


@dataclass(slots=True)
class CompletionStreamEncoder:
    """See base.StreamEncoder. A completion is text alone: reasoning, refusals and calls have no place in it."""

    with_usage: bool
    _started: Started = field(default_factory=lambda: Started(id="", model="", created_s=0))

    def encode(self, event: StreamEvent) -> bytes:
        """The bytes for *event*."""
        match event:
            case TextDelta():
                return self._chunk([_choice(event.choice, event.text, None)])
            case Stopped():
                return self._chunk([_choice(event.choice, "", event.reason)])
            case UsageReported():
                return self._chunk([], usage=encode_usage(event.usage)) if self.with_usage else b""
            case Started():
                self._started = event
                return b""
            case ReasoningDelta() | RefusalDelta() | ToolCallDelta() | LogprobsDelta():
                return b""
            case StreamFailed():
                return error_frame(event)
            case Ended():
                return DONE_FRAME
            case _:
                assert_never(event)

    def _chunk(self, choices: list[Json], **more: Json) -> bytes:
        started = self._started
        return sse({**_body(started.id, started.created_s, started.model, choices), **more})


def _body(identity: str, created_s: int, model: str, choices: list[Json]) -> JsonObject:
    return {"id": identity, "object": _OBJECT, "created": created_s, "model": model, "choices": choices}


def _choice(index: int, text: str, reason: StopReason | None) -> JsonObject:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": encode_reason(reason)}


def _decode_prompt(body: JsonObject) -> tuple[Part, ...]:
    prompt = body.get("prompt")
    if prompt is None:
        raise InvalidRequest("prompt is missing.", hint="Send a string.", param="prompt")
    parts: list[Part]
    if isinstance(prompt, list) and not (prompt and all(isinstance(item, str) for item in prompt)):
        parts = [Media(kind="tokens")]
    else:
        parts = [Text(text=text) for text in fields.strings(prompt, "prompt")]
        if len(parts) > 1:
            parts.append(Media(kind="prompts"))
    suffix = fields.string(body, "suffix")
    if suffix:
        parts += (Text(text=suffix), Media(kind="suffix"))
    return tuple(parts)
