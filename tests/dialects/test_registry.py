"""The dialects by name."""

from __future__ import annotations

from pointsman.core.catalog import Operation
from pointsman.dialects.base import Relayable
from pointsman.dialects.registry import SURFACES, UPSTREAMS


def test_every_dialect_is_found_under_its_own_name() -> None:
    """The names in a configuration and in the ledger are these."""
    assert {name: surface.name for name, surface in SURFACES.items()} == {
        "openai_chat": "openai_chat",
        "openai_completions": "openai_completions",
        "openai_responses": "openai_responses",
        "anthropic_messages": "anthropic_messages",
        "gemini": "gemini",
        "ollama": "ollama",
        "ollama_generate": "ollama_generate",
    }
    assert {name: upstream.name for name, upstream in UPSTREAMS.items()} == {
        "openai_chat": "openai_chat",
        "ollama": "ollama",
        "openai_responses": "openai_responses",
        "anthropic_messages": "anthropic_messages",
        "gemini": "gemini",
    }


def test_every_upstream_can_be_relayed_to() -> None:
    """Callers speak whatever endpoints speak."""
    assert all(isinstance(upstream, Relayable) for upstream in UPSTREAMS.values())


def test_each_operation_has_its_path_or_none() -> None:
    """Completions are OpenAI's and Ollama's; tokens are counted by Anthropic's and Gemini's."""
    assert {
        name: [upstream.path(operation, "m", stream=False) for operation in Operation]
        for name, upstream in UPSTREAMS.items()
    } == {
        "openai_chat": ["/chat/completions", "/completions", "/embeddings", None],
        "ollama": ["/api/chat", "/api/generate", "/api/embed", None],
        "openai_responses": ["/responses", None, "/embeddings", None],
        "anthropic_messages": ["/messages", None, None, "/messages/count_tokens"],
        "gemini": ["/models/m:generateContent", None, "/models/m:batchEmbedContents", "/models/m:countTokens"],
    }
