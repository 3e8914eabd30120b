"""Ollama's own API, as spoken by its clients and by Ollama: /api/chat, and /api/generate as a surface of its own."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from pointsman.core.catalog import Operation
from pointsman.dialects.base import ANSWERED_HERE
from pointsman.dialects.error_bodies import decode_error_body
from pointsman.dialects.ollama import reply, request, surface_reply, surface_request
from pointsman.dialects.ollama.relay import OllamaRelayScanner
from pointsman.dialects.ollama.stream import OllamaStreamDecoder
from pointsman.dialects.ollama.surface_reply import OllamaStreamEncoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from pointsman.core.chat import ChatReply, ChatRequest, EmbeddingReply, EmbeddingRequest, Usage
    from pointsman.core.errors import PointsmanError
    from pointsman.core.jsontypes import JsonObject
    from pointsman.dialects.base import Encoded, UpstreamError

_PATHS = {
    Operation.CHAT: request.CHAT_PATH,
    Operation.COMPLETIONS: request.GENERATE_PATH,
    Operation.EMBEDDINGS: request.EMBED_PATH,
}
_BEGAN = "began_ns"


class OllamaSurface:
    """What faces callers: see base.Surface. `clock_ns` is monotonic; answers say how long they took."""

    stream_media_type = "application/x-ndjson"
    relayed_headers: frozenset[bytes] = frozenset()
    name: str
    keep_alive: bytes

    def __init__(self, *, is_generate: bool, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        """For /api/generate, or for /api/chat."""
        self._is_generate = is_generate
        self._clock_ns = clock_ns

    def decode_chat(self, body: JsonObject) -> ChatRequest:
        decode = surface_request.decode_generate if self._is_generate else surface_request.decode_chat
        found = decode(body)
        return replace(found, extras={**found.extras, ANSWERED_HERE: {_BEGAN: self._clock_ns()}})

    def encode_reply(self, reply_: ChatReply, request_: ChatRequest) -> JsonObject:
        return surface_reply.encode_reply(reply_, self._elapsed_ns(request_), is_generate=self._is_generate)

    def stream_encoder(self, request_: ChatRequest) -> OllamaStreamEncoder:
        return OllamaStreamEncoder(lambda: self._elapsed_ns(request_), self._is_generate)

    def encode_error(self, error: PointsmanError) -> tuple[int, JsonObject]:
        return surface_reply.encode_error(error)

    def _elapsed_ns(self, request_: ChatRequest) -> int:
        began = request_.extras.get(ANSWERED_HERE, {}).get(_BEGAN)
        return self._clock_ns() - began if isinstance(began, int) else 0


class OllamaGenerate(OllamaSurface):
    """Callers of /api/generate."""

    name = f"{request.NAME}_generate"
    keep_alive = b'{"model":"","created_at":"1970-01-01T00:00:00Z","response":"","done":false}\n'

    def __init__(self, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        super().__init__(is_generate=True, clock_ns=clock_ns)


class Ollama(OllamaSurface):
    """Both sides of /api/chat: see base.Surface and base.Relayable."""

    name = request.NAME
    keep_alive = (
        b'{"model":"","created_at":"1970-01-01T00:00:00Z","message":{"role":"assistant","content":""},"done":false}\n'
    )

    def __init__(self, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        super().__init__(is_generate=False, clock_ns=clock_ns)

    def path(self, operation: Operation, model: str, *, stream: bool) -> str | None:
        return _PATHS.get(operation)

    def relay_fields(self, body: JsonObject, operation: Operation, model: str, *, stream_usage: bool) -> JsonObject:
        return request.relay_fields(body, operation, model)

    def relay_scanner(self, operation: Operation, *, strip_usage: bool) -> OllamaRelayScanner:
        return OllamaRelayScanner()

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
