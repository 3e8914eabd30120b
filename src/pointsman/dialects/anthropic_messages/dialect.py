"""Anthropic's Messages, as spoken by Claude Code, the `anthropic` packages and LangChain, and by Claude itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.errors import InvalidRequest
from pointsman.dialects.anthropic_messages import errors, relay, reply, request, thinking
from pointsman.dialects.anthropic_messages.content import NAME
from pointsman.dialects.anthropic_messages.stream_decoder import MessagesStreamDecoder
from pointsman.dialects.anthropic_messages.stream_encoder import MessagesStreamEncoder
from pointsman.dialects.anthropic_messages.usage import decode_usage

if TYPE_CHECKING:
    from pointsman.core.catalog import Operation
    from pointsman.core.chat import ChatReply, ChatRequest, EmbeddingReply, EmbeddingRequest, Usage
    from pointsman.core.errors import PointsmanError
    from pointsman.core.jsontypes import JsonObject
    from pointsman.dialects.base import Encoded, UpstreamError


class AnthropicMessages:
    """Both sides of the dialect: see base.Surface and base.Relayable."""

    name = NAME
    stream_media_type = "text/event-stream"
    keep_alive = b'event: ping\ndata: {"type": "ping"}\n\n'
    relayed_headers = frozenset((b"anthropic-version", b"anthropic-beta"))

    def decode_chat(self, body: JsonObject) -> ChatRequest:
        return request.decode_chat(body)

    def encode_reply(self, reply_: ChatReply, request_: ChatRequest) -> JsonObject:
        return reply.encode_reply(reply_, shows_thinking=thinking.is_shown(request_))

    def stream_encoder(self, request_: ChatRequest) -> MessagesStreamEncoder:
        return MessagesStreamEncoder(shows_thinking=thinking.is_shown(request_))

    def encode_error(self, error: PointsmanError) -> tuple[int, JsonObject]:
        return errors.encode_error(error)

    def path(self, operation: Operation, model: str, *, stream: bool) -> str | None:
        return request.path(operation)

    def relay_fields(self, body: JsonObject, operation: Operation, model: str, *, stream_usage: bool) -> JsonObject:
        return relay.relay_fields(body, model)

    def encode_chat(self, request_: ChatRequest, model: str) -> Encoded:
        return request.encode_chat(request_, model)

    def decode_reply(self, body: JsonObject) -> ChatReply:
        return reply.decode_reply(body)

    def usage(self, body: JsonObject) -> Usage | None:
        """The usage of an answer; a count of tokens uses none."""
        if not isinstance(body.get("content"), list) and not isinstance(body.get("input_tokens"), int):
            raise ValueError("the answer has no list of content, nor a count of tokens")  # noqa: TRY004  as the port says
        return decode_usage(body.get("usage"))

    def stream_decoder(self) -> MessagesStreamDecoder:
        return MessagesStreamDecoder()

    def relay_scanner(self, operation: Operation, *, strip_usage: bool) -> relay.MessagesRelayScanner:
        return relay.MessagesRelayScanner()

    def decode_error(self, body: bytes) -> UpstreamError:
        return errors.decode_error(body)

    def encode_embeddings(self, request_: EmbeddingRequest, model: str) -> Encoded:
        raise InvalidRequest(
            f"The endpoint of {model!r} speaks {NAME}, which has no embeddings.",
            hint="Choose a model that embeds.",
            param="model",
        )

    def decode_embeddings(self, body: JsonObject) -> EmbeddingReply:
        raise ValueError(f"{NAME} has no embeddings")
