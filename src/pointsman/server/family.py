"""Which API a caller speaks on a path that several share, or that nobody owns: the model list, and errors.

OpenAI, Anthropic and Gemini all have `GET /v1/models`. Their clients are told apart by what they always send:

| family    | by path                                        | by head                                        |
| --------- | ---------------------------------------------- | ---------------------------------------------- |
| Gemini    | `/v1beta`, `/v1alpha`, `:generateContent` etc. | `x-goog-api-key`, `x-goog-api-client`, `?key=` |
| Ollama    | `/api`                                         |                                                |
| Anthropic | `/v1/messages`                                 | `anthropic-version`                            |
| OpenAI    | everything else                                |                                                |
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pointsman.dialects.registry import SURFACES

if TYPE_CHECKING:
    from pointsman.dialects.base import Surface
    from pointsman.server.http import Scope

OPENAI: Final = "openai_chat"
ANTHROPIC: Final = "anthropic_messages"
GEMINI: Final = "gemini"
OLLAMA: Final = "ollama"

# A model's name may hold ":" and "/", so the action is what follows the last colon.
MODEL_ACTION: Final = re.compile(
    r"/v1(?:beta|alpha)?/models/(?P<model>.+):"
    r"(?P<action>generateContent|streamGenerateContent|countTokens|embedContent|batchEmbedContents)"
)

_BY_HEADER = {b"anthropic-version": ANTHROPIC, b"x-goog-api-key": GEMINI, b"x-goog-api-client": GEMINI}
_BY_PATH = (
    ("/v1beta/", GEMINI),
    ("/v1alpha/", GEMINI),
    ("/api/", OLLAMA),
    ("/v1/messages", ANTHROPIC),
    ("/messages", ANTHROPIC),
)
_KEY = re.compile(rb"(?:^|&)key=")


def family_of(scope: Scope) -> str:
    """The name of the dialect to answer in."""
    path = scope["path"]
    for beginning, family in _BY_PATH:
        if path.startswith(beginning):
            return family
    if MODEL_ACTION.fullmatch(path):
        return GEMINI
    for name, _ in scope["headers"]:
        if name in _BY_HEADER:
            return _BY_HEADER[name]
    return GEMINI if _KEY.search(scope.get("query_string", b"")) else OPENAI


def surface_of(scope: Scope) -> Surface:
    """The dialect to answer in."""
    return SURFACES.get(family_of(scope), SURFACES[OPENAI])
