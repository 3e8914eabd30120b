"""The dialects by name: those callers may speak and those endpoints may speak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pointsman.dialects.anthropic_messages.dialect import AnthropicMessages
from pointsman.dialects.gemini.dialect import Gemini
from pointsman.dialects.ollama.dialect import Ollama, OllamaGenerate
from pointsman.dialects.openai_chat.dialect import OpenAIChat
from pointsman.dialects.openai_completions import OpenAICompletions
from pointsman.dialects.openai_responses.dialect import OpenAIResponses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.dialects.base import Surface, Upstream

_OPENAI_CHAT = OpenAIChat()
_OPENAI_RESPONSES = OpenAIResponses()
_ANTHROPIC_MESSAGES = AnthropicMessages()
_OLLAMA = Ollama()
_GEMINI = Gemini()

SURFACES: Final[Mapping[str, Surface]] = {
    surface.name: surface
    for surface in (
        _OPENAI_CHAT,
        OpenAICompletions(),
        _OPENAI_RESPONSES,
        _ANTHROPIC_MESSAGES,
        _GEMINI,
        _OLLAMA,
        OllamaGenerate(),
    )
}
UPSTREAMS: Final[Mapping[str, Upstream]] = {
    upstream.name: upstream for upstream in (_OPENAI_CHAT, _OLLAMA, _OPENAI_RESPONSES, _ANTHROPIC_MESSAGES, _GEMINI)
}
