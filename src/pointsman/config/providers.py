"""The servers we know, as data: dialect, address, where people keep the key, and what is odd about each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pointsman.config import quirks
from pointsman.core.catalog import Auth, Quirks


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A kind of server: its dialect, its usual address, the variables people keep its key and address in."""

    name: str
    base_url: str | None  # None: everybody has an address of their own
    prefixes: tuple[str, ...] = ()  # other names for it before a model's
    dialect: str = "openai_chat"
    key_variables: tuple[str, ...] = ()
    address_variables: tuple[str, ...] = ()
    version_variables: tuple[str, ...] = ()  # of the query `api-version`
    auth: Auth | None = None
    quirks: Quirks | None = None
    hosts: tuple[str, ...] = ()  # ends of host names that are its own, besides the one of `base_url`


def _cloud(name: str, base_url: str, *keys: str, quirks: Quirks | None = None, also: str = "") -> Provider:
    return Provider(name=name, base_url=base_url, prefixes=tuple(also.split()), key_variables=keys, quirks=quirks)


def _near(name: str, port: int, *addresses: str, quirks: Quirks | None = None, also: str = "") -> Provider:
    base_url = f"http://localhost:{port}/v1"
    return Provider(
        name=name, base_url=base_url, prefixes=tuple(also.split()), address_variables=addresses, quirks=quirks
    )


OPENAI: Final = _cloud("openai", "https://api.openai.com/v1", "OPENAI_API_KEY", quirks=quirks.OPENAI)
AZURE: Final = Provider(
    name="azure",
    base_url=None,
    key_variables=("AZURE_API_KEY", "AZURE_OPENAI_API_KEY"),
    address_variables=("AZURE_API_BASE", "AZURE_OPENAI_ENDPOINT"),
    version_variables=("AZURE_API_VERSION", "OPENAI_API_VERSION"),
    auth=Auth.API_KEY,
    quirks=quirks.OPENAI,
    hosts=(".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com"),
)
ALL: Final = (
    Provider(
        name="ollama",
        dialect="ollama",
        base_url="http://localhost:11434",
        prefixes=("ollama_chat",),
        address_variables=("OLLAMA_API_BASE",),
    ),
    OPENAI,
    Provider(
        name="anthropic",
        dialect="anthropic_messages",
        base_url="https://api.anthropic.com/v1",
        key_variables=("ANTHROPIC_API_KEY",),
    ),
    Provider(
        name="gemini",
        dialect="gemini",
        base_url="https://generativelanguage.googleapis.com/v1beta",
        key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    ),
    AZURE,
    _cloud("openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", quirks=quirks.BY_TEMPLATE),
    _cloud("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY", quirks=quirks.GROQ),
    _cloud("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY", quirks=quirks.MISTRAL),
    _cloud("deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", quirks=quirks.DEEPSEEK),
    _cloud("xai", "https://api.x.ai/v1", "XAI_API_KEY", quirks=quirks.XAI),
    _cloud(
        "together", "https://api.together.xyz/v1", "TOGETHERAI_API_KEY", "TOGETHER_API_KEY",
        quirks=quirks.PLAIN, also="together_ai",
    ),
    _cloud(
        "fireworks", "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY",
        quirks=quirks.PLAIN, also="fireworks_ai",
    ),
    _cloud("cerebras", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY", quirks=quirks.CEREBRAS),
    _cloud(
        "nvidia_nim", "https://integrate.api.nvidia.com/v1", "NVIDIA_NIM_API_KEY", "NVIDIA_API_KEY",
        quirks=quirks.PLAIN, also="nvidia",
    ),
    _cloud(
        "perplexity", "https://api.perplexity.ai", "PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY", quirks=quirks.PLAIN
    ),
    _cloud(
        "cohere", "https://api.cohere.ai/compatibility/v1", "COHERE_API_KEY", "CO_API_KEY",
        quirks=quirks.PLAIN, also="cohere_chat",
    ),
    _cloud("huggingface", "https://router.huggingface.co/v1", "HF_TOKEN", "HUGGINGFACE_API_KEY", quirks=quirks.PLAIN),
    _cloud("deepinfra", "https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY", quirks=quirks.PLAIN),
    _near("lm_studio", 1234, "LM_STUDIO_API_BASE", quirks=quirks.LLAMA_CPP, also="lmstudio"),
    _near("vllm", 8000, "HOSTED_VLLM_API_BASE", quirks=quirks.BY_TEMPLATE, also="hosted_vllm"),
    _near("llama_cpp", 8080, quirks=quirks.LLAMA_CPP, also="llamacpp"),
    _near("litert_lm", 9379, quirks=quirks.BY_TEMPLATE),
)  # fmt: skip
_LLAMAFILE: Final = _near("llama_cpp", 8080, "LLAMAFILE_API_BASE", quirks=quirks.LLAMA_CPP)
PROVIDERS: Final[Mapping[str, Provider]] = MappingProxyType(
    {prefix: provider for provider in ALL for prefix in (provider.name, *provider.prefixes)} | {"llamafile": _LLAMAFILE}
)
