"""OpenAI's Chat Completions, as spoken by callers and by llama.cpp, vLLM, LM Studio, Ollama's /v1 and many clouds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.catalog import Operation
from pointsman.dialects import openai_embeddings
from pointsman.dialects.error_bodies import decode_error_body
from pointsman.dialects.openai_chat import errors, reply, request
from pointsman.dialects.openai_chat.content import NAME
from pointsman.dialects.openai_chat.relay import ChatRelayScanner
from pointsman.dialects.openai_chat.stream_decoder import ChatStreamDecoder
from pointsman.dialects.openai_chat.stream_encoder import ChatStreamEncoder

if TYPE_CHECKING:
    from pointsman.core.chat import ChatReply, ChatRequest, EmbeddingReply, EmbeddingRequest, Usage
    from pointsman.core.errors import PointsmanError
    from pointsman.core.jsontypes import JsonObject
    from pointsman.dialects.base import Encoded, UpstreamError

_PATHS = {
    Operation.CHAT: request.PATH,
    Operation.COMPLETIONS: "/completions",
    Operation.EMBEDDINGS: openai_embeddings.PATH,
}


class OpenAIChat:
    """Both sides of the dialect: see base.Surface and base.Relayable."""

    name = NAME
    stream_media_type = "text/event-stream"
    keep_alive = b": waiting\n\n"
    relayed_headers: frozenset[bytes] = frozenset()

    def decode_chat(self, body: JsonObject) -> ChatRequest:
        return request.decode_chat(body)

    def encode_reply(self, reply_: ChatReply, request_: ChatRequest) -> JsonObject:
        return reply.encode_reply(reply_)

    def stream_encoder(self, request_: ChatRequest) -> ChatStreamEncoder:
        return ChatStreamEncoder(with_usage=request_.stream_usage)

    def encode_error(self, error: PointsmanError) -> tuple[int, JsonObject]:
        return errors.encode_error(error)

    def path(self, operation: Operation, model: str, *, stream: bool) -> str | None:
        return _PATHS.get(operation)

    def relay_fields(self, body: JsonObject, operation: Operation, model: str, *, stream_usage: bool) -> JsonObject:
        return request.relay_fields(body, model, stream_usage=stream_usage)

    def encode_chat(self, request_: ChatRequest, model: str) -> Encoded:
        return request.encode_chat(request_, model)

    def decode_reply(self, body: JsonObject) -> ChatReply:
        return reply.decode_reply(body)

    def usage(self, body: JsonObject) -> Usage | None:
        if not isinstance(body.get("choices", body.get("data")), list) or body.get("choices") == []:
            raise ValueError("the answer has no choices, nor a list of embeddings")  # as the port says
        return reply.decode_usage(body)

    def stream_decoder(self) -> ChatStreamDecoder:
        return ChatStreamDecoder()

    def relay_scanner(self, operation: Operation, *, strip_usage: bool) -> ChatRelayScanner:
        return ChatRelayScanner(strip_usage=strip_usage)

    def decode_error(self, body: bytes) -> UpstreamError:
        return decode_error_body(body)

    def encode_embeddings(self, request_: EmbeddingRequest, model: str) -> Encoded:
        return openai_embeddings.encode_request(request_, model)

    def decode_embeddings(self, body: JsonObject) -> EmbeddingReply:
        return openai_embeddings.decode_reply(body)
