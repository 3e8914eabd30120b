"""Which path speaks which dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pointsman.core.catalog import Operation
from pointsman.dialects import openai_embeddings
from pointsman.dialects.registry import SURFACES as DIALECTS
from pointsman.server.surfaces import SurfaceEndpoint

if TYPE_CHECKING:
    from pointsman.dialects.base import Surface

_OPENAI: Final = "openai_chat"


def default_surface() -> Surface:
    """The dialect of our own paths and of errors nobody else speaks for."""
    return DIALECTS[_OPENAI]


def _chat(name: str) -> SurfaceEndpoint:
    """The conversations of the dialect *name*."""
    surface = DIALECTS[name]
    return SurfaceEndpoint(surface=surface, operation=Operation.CHAT, relays_to=name, decode=surface.decode_chat)


_CHAT = _chat(_OPENAI)
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
_RESPONSES = _chat("openai_responses")

SURFACES: Final = {
    f"{prefix}{path}": endpoint
    for prefix in ("", "/v1")
    for path, endpoint in (
        ("/chat/completions", _CHAT),
        ("/completions", _COMPLETIONS),
        ("/embeddings", _EMBEDDINGS),
        ("/responses", _RESPONSES),
    )
}
