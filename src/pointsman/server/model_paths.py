"""Gemini's paths, which name the model and what is wanted of it: `/v1beta/models/org/name:7b:generateContent`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, unquote

from pointsman.core.catalog import Operation
from pointsman.core.chat import ChatRequest
from pointsman.dialects.gemini import counting, embeddings
from pointsman.dialects.registry import SURFACES as DIALECTS
from pointsman.server.family import GEMINI, MODEL_ACTION
from pointsman.server.streaming import JsonArray
from pointsman.server.surfaces import SurfaceEndpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from pointsman.core.chat import EmbeddingRequest
    from pointsman.core.jsontypes import JsonObject
    from pointsman.server.http import Scope

_STREAM = "streamGenerateContent"
_PREFIX = "models/"

_GENERATE = SurfaceEndpoint(
    surface=DIALECTS[GEMINI],
    operation=Operation.CHAT,
    relays_to=GEMINI,
    decode=DIALECTS[GEMINI].decode_chat,
    metadata="labels",
    is_strict=True,
)
# Endpoints are asked for batches, so that a caller's request for one vector cannot go on as it is.
_EMBED = replace(
    _GENERATE,
    operation=Operation.EMBEDDINGS,
    relays_to=None,
    decode=embeddings.decode_embed,
    encode_embeddings=lambda reply, _request: embeddings.encode_embed(reply),
)
ACTIONS: Final = {
    "generateContent": _GENERATE,
    _STREAM: _GENERATE,
    "countTokens": replace(
        _GENERATE,
        operation=Operation.COUNT_TOKENS,
        decode=counting.decode_count,
        encode_count=counting.encode_count,
    ),
    "embedContent": _EMBED,
    "batchEmbedContents": replace(
        _EMBED,
        decode=embeddings.decode_batch_embed,
        encode_embeddings=lambda reply, _request: embeddings.encode_batch_embed(reply),
    ),
}


def endpoint_at(scope: Scope) -> SurfaceEndpoint | None:
    """The endpoint for the model and the action that the path names; None when it names none."""
    found = MODEL_ACTION.fullmatch(scope["path"])
    if found is None:
        return None
    endpoint, is_stream = ACTIONS[found["action"]], found["action"] == _STREAM
    model = unquote(found["model"]).removeprefix(_PREFIX)
    framing = JsonArray if is_stream and not _wants_events(scope) else None
    return replace(endpoint, decode=_bound(endpoint.decode, model, is_stream=is_stream), framing=framing)


def _bound(
    decode: Callable[[JsonObject], ChatRequest | EmbeddingRequest], model: str, *, is_stream: bool
) -> Callable[[JsonObject], ChatRequest | EmbeddingRequest]:
    """*decode*, and what the path says."""

    def bound(body: JsonObject) -> ChatRequest | EmbeddingRequest:
        request = decode(body)
        if isinstance(request, ChatRequest):
            return replace(request, model=model, stream=is_stream)
        return replace(request, model=model)

    return bound


def _wants_events(scope: Scope) -> bool:
    return parse_qs(scope.get("query_string", b"").decode("latin-1")).get("alt") == ["sse"]
