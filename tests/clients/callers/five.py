"""The five callers by the name of what they speak."""

from typing import Final

from tests.clients.callers import anthropic_messages, gemini, ollama, openai_chat, openai_responses

CALLERS: Final = {
    module.CALLER.name: module.CALLER for module in (openai_chat, openai_responses, anthropic_messages, gemini, ollama)
}
