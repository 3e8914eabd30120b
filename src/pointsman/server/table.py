"""Which path speaks which dialect."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from pointsman.core.catalog import AUTO, Operation
from pointsman.dialects import fields, openai_embeddings
from pointsman.dialects.anthropic_messages.reply import encode_count as anthropic_count
from pointsman.dialects.ollama import embeddings as ollama_embeddings
from pointsman.dialects.ollama.surface_reply import moment
from pointsman.dialects.ollama.surface_request import is_load_request, load_reply, wants_unload
from pointsman.dialects.registry import SURFACES as DIALECTS
from pointsman.server.surfaces import SurfaceEndpoint

if TYPE_CHECKING:
    from pointsman.core.chat import ChatRequest
    from pointsman.core.jsontypes import JsonObject
    from pointsman.dialects.base import Surface

_OPENAI: Final = "openai_chat"
_OLLAMA: Final = "ollama"


def default_surface() -> Surface:
    """The dialect of our own paths and of errors nobody else speaks for."""
    return DIALECTS[_OPENAI]


def _encode_responses_count(tokens: int) -> JsonObject:
    return {"object": "response.input_tokens", "input_tokens": tokens}


def _decode_messages_count(body: JsonObject) -> ChatRequest:
    """A request without the limit that an answer needs, and never a stream."""
    return replace(DIALECTS["anthropic_messages"].decode_chat({"max_tokens": 1, **body}), stream=False)


def _load(body: JsonObject, now_s: float, *, is_generate: bool) -> JsonObject | None:
    """The answer to a request that only wants a model loaded or unloaded: that is not the caller's to say here."""
    if not is_load_request(body):
        return None
    model = fields.string(body, "model") or AUTO
    return load_reply(model, moment(now_s), unload=wants_unload(body), is_generate=is_generate)


def _chat(name: str) -> SurfaceEndpoint:
    """The conversations of the dialect *name*."""
    surface = DIALECTS[name]
    return SurfaceEndpoint(surface=surface, operation=Operation.CHAT, relays_to=name, decode=surface.decode_chat)


_CHAT = replace(_chat(_OPENAI), tells_status=True)
_COMPLETIONS = SurfaceEndpoint(
    surface=DIALECTS["openai_completions"],
    operation=Operation.COMPLETIONS,
    relays_to=_OPENAI,
    decode=DIALECTS["openai_completions"].decode_chat,
)
_EMBEDDINGS = SurfaceEndpoint(
    surface=DIALECTS[_OPENAI],
    operation=Operation.EMBEDDINGS,
    relays_to=_OPENAI,
    decode=openai_embeddings.decode_request,
    encode_embeddings=openai_embeddings.encode_reply,
)
_RESPONSES = replace(_chat("openai_responses"), is_remembered=True)
_RESPONSES_COUNT = replace(_RESPONSES, operation=Operation.COUNT_TOKENS, encode_count=_encode_responses_count)
_MESSAGES = replace(_chat("anthropic_messages"), is_strict=True)
_MESSAGES_COUNT = replace(
    _MESSAGES, operation=Operation.COUNT_TOKENS, decode=_decode_messages_count, encode_count=anthropic_count
)
_OLLAMA_CHAT = replace(_chat(_OLLAMA), without_a_model=partial(_load, is_generate=False))
_OLLAMA_GENERATE = SurfaceEndpoint(
    surface=DIALECTS["ollama_generate"],
    operation=Operation.COMPLETIONS,
    relays_to=_OLLAMA,
    decode=DIALECTS["ollama_generate"].decode_chat,
    without_a_model=partial(_load, is_generate=True),
)
_OLLAMA_EMBED = SurfaceEndpoint(
    surface=DIALECTS[_OLLAMA],
    operation=Operation.EMBEDDINGS,
    relays_to=_OLLAMA,
    decode=ollama_embeddings.decode_embed,
    encode_embeddings=ollama_embeddings.encode_embed,
)
_OLLAMA_EMBEDDINGS = replace(
    _OLLAMA_EMBED,
    relays_to=None,
    decode=ollama_embeddings.decode_prompt,
    encode_embeddings=ollama_embeddings.encode_prompt,
)

SURFACES: Final = {
    "/api/chat": _OLLAMA_CHAT,
    "/api/generate": _OLLAMA_GENERATE,
    "/api/embed": _OLLAMA_EMBED,
    "/api/embeddings": _OLLAMA_EMBEDDINGS,
} | {
    f"{prefix}{path}": endpoint
    for prefix in ("", "/v1")
    for path, endpoint in (
        ("/chat/completions", _CHAT),
        ("/completions", _COMPLETIONS),
        ("/embeddings", _EMBEDDINGS),
        ("/responses", _RESPONSES),
        ("/responses/input_tokens", _RESPONSES_COUNT),
        ("/messages", _MESSAGES),
        ("/messages/count_tokens", _MESSAGES_COUNT),
    )
}
