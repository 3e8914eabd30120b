"""Which server a model name's prefix means (`ollama_chat/qwen2.5:3b`), and which servers are local."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit

from pointsman.core.catalog import Auth


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A kind of server: what it is called, its dialect, its usual address, the variables people keep its key in."""

    name: str
    dialect: str
    base_url: str
    key_variables: tuple[str, ...] = ()
    address_variables: tuple[str, ...] = ()
    auth: Auth | None = None


def _ollama() -> Provider:
    return Provider(
        name="ollama",
        dialect="ollama",
        base_url="http://localhost:11434",
        address_variables=("OLLAMA_API_BASE",),
    )


def _openai_shaped(name: str, base_url: str, *key_variables: str, address: str | None = None) -> Provider:
    return Provider(
        name=name,
        dialect="openai_chat",
        base_url=base_url,
        key_variables=key_variables,
        address_variables=(address,) if address else (),
    )


_VLLM = _openai_shaped("vllm", "http://localhost:8000/v1", address="HOSTED_VLLM_API_BASE")

# Gemini is reached by its OpenAI-compatible endpoint.
PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        "ollama": _ollama(),
        "ollama_chat": _ollama(),
        "openai": _openai_shaped("openai", "https://api.openai.com/v1", "OPENAI_API_KEY"),
        "anthropic": Provider(
            name="anthropic",
            dialect="anthropic_messages",
            base_url="https://api.anthropic.com/v1",
            key_variables=("ANTHROPIC_API_KEY",),
        ),
        "gemini": _openai_shaped(
            "gemini", "https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY", "GOOGLE_API_KEY"
        ),
        "openrouter": _openai_shaped("openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
        "groq": _openai_shaped("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
        "mistral": _openai_shaped("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
        "deepseek": _openai_shaped("deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
        "xai": _openai_shaped("xai", "https://api.x.ai/v1", "XAI_API_KEY"),
        "lm_studio": _openai_shaped("lm_studio", "http://localhost:1234/v1", address="LM_STUDIO_API_BASE"),
        "hosted_vllm": _VLLM,
        "vllm": _VLLM,
        "llama_cpp": _openai_shaped("llama_cpp", "http://localhost:8080/v1"),
        "llamafile": _openai_shaped("llama_cpp", "http://localhost:8080/v1", address="LLAMAFILE_API_BASE"),
        "litert_lm": _openai_shaped("litert_lm", "http://localhost:9379/v1"),
    }
)


_AUTH_OF_DIALECT = MappingProxyType({"anthropic_messages": Auth.X_API_KEY, "gemini": Auth.X_GOOG_API_KEY})


def auth_of(dialect: str) -> Auth:
    """The header that servers of *dialect* want a key in, unless something else is said."""
    return _AUTH_OF_DIALECT.get(dialect, Auth.BEARER)


def split_provider(model: str) -> tuple[Provider | None, str]:
    """The provider *model* begins with and the rest; (None, *model*) when it begins with none we know."""
    prefix, slash, rest = model.partition("/")
    provider = PROVIDERS.get(prefix.lower()) if slash and rest else None
    return (provider, rest) if provider else (None, model)


def is_loopback(base_url: str) -> bool:
    """Whether *base_url* names this machine itself."""
    host = (urlsplit(base_url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _ip_address(host)
    return address is not None and address.is_loopback


def is_nearby(base_url: str) -> bool:
    """Whether *base_url* names this machine, its containers' host or a private network."""
    host = (urlsplit(base_url).hostname or "").rstrip(".")
    address = _ip_address(host)
    if address is not None:
        return address.is_private
    return is_loopback(base_url) or host.endswith((".local", ".internal", ".lan")) or "." not in host


def is_ollama_cloud(model: str) -> bool:
    """Whether Ollama would send *model*'s requests to its cloud (`gpt-oss:120b-cloud`, `kimi-k2:cloud`)."""
    return model.lower().endswith(("-cloud", ":cloud"))


def is_local(*, dialect: str, base_url: str, model: str, model_says: bool | None, server_says: bool | None) -> bool:
    """Whether text sent to *model* stays on the machine: as declared, else only Ollama on loopback."""
    if model_says is not None:
        return model_says
    if dialect == "ollama" and is_ollama_cloud(model):
        return False
    if server_says is not None:
        return server_says
    return dialect == "ollama" and is_loopback(base_url)


def _ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
