"""Which API a caller speaks on a path that several share, or that nobody owns: the model list, and errors.

OpenAI, Anthropic and Gemini all have `GET /v1/models`. Their clients are told apart by what they always send:

| family    | by path              | by head                                          |
| --------- | -------------------- | ------------------------------------------------ |
| Gemini    | `/v1beta`, `/v1alpha` | `x-goog-api-key`, `x-goog-api-client`, `?key=`   |
| Ollama    | `/api`               |                                                  |
| Anthropic | `/v1/messages`       | `anthropic-version`                              |
| OpenAI    | everything else      |                                                  |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.dialects.registry import SURFACES

if TYPE_CHECKING:
    from pointsman.dialects.base import Surface
    from pointsman.server.http import Scope

OPENAI = "openai_chat"
ANTHROPIC = "anthropic_messages"
GEMINI = "gemini"
OLLAMA = "ollama"

_BY_HEADER = {b"anthropic-version": ANTHROPIC, b"x-goog-api-key": GEMINI, b"x-goog-api-client": GEMINI}
_BY_PATH = (("/v1beta/", GEMINI), ("/v1alpha/", GEMINI), ("/api/", OLLAMA), ("/v1/messages", ANTHROPIC))


def family_of(scope: Scope) -> str:
    """The name of the dialect to answer in."""
    path = scope["path"]
    for beginning, family in _BY_PATH:
        if path.startswith(beginning):
            return family
    for name, _ in scope["headers"]:
        if name in _BY_HEADER:
            return _BY_HEADER[name]
    return GEMINI if b"key=" in scope.get("query_string", b"") else OPENAI


def surface_of(scope: Scope) -> Surface:
    """The dialect to answer in."""
    return SURFACES.get(family_of(scope), SURFACES[OPENAI])
