"""Google's Gemini API, as spoken by gemini-cli, the `google-genai` packages and LangChain, and by Gemini itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.dialects.gemini import embeddings, errors, relay, reply, request
from pointsman.dialects.gemini.spelling import NAME
from pointsman.dialects.gemini.stream_decoder import GeminiStreamDecoder
from pointsman.dialects.gemini.stream_encoder import GeminiStreamEncoder
from pointsman.dialects.gemini.usage import decode_usage

if TYPE_CHECKING:
    from pointsman.core.catalog import Operation
    from pointsman.core.chat import ChatReply, ChatRequest, EmbeddingReply, EmbeddingRequest, Usage
    from pointsman.core.errors import PointsmanError
    from pointsman.core.jsontypes import JsonObject
    from pointsman.dialects.base import Encoded, UpstreamError

_ANSWERS = ("candidates", "promptFeedback", "totalTokens", "embedding", "embeddings")


class Gemini:
    """Both sides of the dialect: see base.Surface and base.Relayable. Its clients mind comments in a stream."""

    name = NAME
    stream_media_type = "text/event-stream"
    keep_alive = b""
    relayed_headers: frozenset[bytes] = frozenset()

    def decode_chat(self, body: JsonObject) -> ChatRequest:
        return request.decode_chat(body)

    def encode_reply(self, reply_: ChatReply, request_: ChatRequest) -> JsonObject:
        return reply.encode_reply(reply_)

    def stream_encoder(self, request_: ChatRequest) -> GeminiStreamEncoder:
        return GeminiStreamEncoder()

    def encode_error(self, error: PointsmanError) -> tuple[int, JsonObject]:
        return errors.encode_error(error)

    def path(self, operation: Operation, model: str, *, stream: bool) -> str | None:
        return request.path(operation, model, stream=stream)

    def relay_fields(self, body: JsonObject, operation: Operation, model: str, *, stream_usage: bool) -> JsonObject:
        return relay.relay_fields(body, model)

    def encode_chat(self, request_: ChatRequest, model: str) -> Encoded:
        return request.encode_chat(request_, model)

    def decode_reply(self, body: JsonObject) -> ChatReply:
        return reply.decode_reply(body)

    def usage(self, body: JsonObject) -> Usage | None:
        """The usage of an answer; a count of tokens uses none."""
        if not any(body.get(key) is not None for key in _ANSWERS):
            raise ValueError("the answer has no candidates, nor a count of tokens, nor embeddings")
        return decode_usage(body.get("usageMetadata"))

    def stream_decoder(self) -> GeminiStreamDecoder:
        return GeminiStreamDecoder()

    def relay_scanner(self, operation: Operation, *, strip_usage: bool) -> relay.GeminiRelayScanner:
        return relay.GeminiRelayScanner()

    def decode_error(self, body: bytes) -> UpstreamError:
        return errors.decode_error(body)

    def encode_embeddings(self, request_: EmbeddingRequest, model: str) -> Encoded:
        return embeddings.encode_request(request_, model)

    def decode_embeddings(self, body: JsonObject) -> EmbeddingReply:
        return embeddings.decode_reply(body)
