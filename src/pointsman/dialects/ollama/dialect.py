"""Ollama's own API as one Upstream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.catalog import Operation
from pointsman.dialects.error_bodies import decode_error_body
from pointsman.dialects.ollama import reply, request
from pointsman.dialects.ollama.stream import OllamaStreamDecoder

if TYPE_CHECKING:
    from pointsman.core.chat import ChatReply, ChatRequest, EmbeddingReply, EmbeddingRequest, Usage
    from pointsman.core.jsontypes import JsonObject
    from pointsman.dialects.base import Encoded, UpstreamError

_PATHS = {Operation.CHAT: request.CHAT_PATH, Operation.EMBEDDINGS: request.EMBED_PATH}


class Ollama:
    """See base.Upstream. Callers do not speak it yet, so nothing is relayed."""

    name = request.NAME

    def path(self, operation: Operation, model: str, *, stream: bool) -> str | None:
        return _PATHS.get(operation)

    def encode_chat(self, request_: ChatRequest, model: str) -> Encoded:
        return request.encode_chat(request_, model)

    def decode_reply(self, body: JsonObject) -> ChatReply:
        return reply.decode_reply(body)

    def usage(self, body: JsonObject) -> Usage | None:
        return reply.decode_usage(body)

    def stream_decoder(self) -> OllamaStreamDecoder:
        return OllamaStreamDecoder()

    def decode_error(self, body: bytes) -> UpstreamError:
        return decode_error_body(body)

    def encode_embeddings(self, request_: EmbeddingRequest, model: str) -> Encoded:
        return request.encode_embeddings(request_, model)

    def decode_embeddings(self, body: JsonObject) -> EmbeddingReply:
        return reply.decode_embeddings(body)
