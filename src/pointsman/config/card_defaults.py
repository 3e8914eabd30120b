"""A model's defaults in the words of the API it is asked by; people write OpenAI's (`max_tokens`), as LiteLLM does.

gemini              {"top_p": 1, "max_tokens": 9}  ->  {"generationConfig": {"topP": 1, "maxOutputTokens": 9}}
anthropic_messages  {"stop": "END", "seed": 1}     ->  {"stop_sequences": ["END"]}
openai_responses    {"max_tokens": 9}              ->  {"max_output_tokens": 9}
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pointsman.config import ollama_options
from pointsman.core.jsontypes import Json

_PENALTIES: Final = frozenset(("frequency_penalty", "presence_penalty"))
_NOWHERE: Final = frozenset(("logit_bias", "modalities", "min_p", "num_ctx", "keep_alive"))
UNHEARD: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "ollama": ollama_options.UNHEARD,
        "anthropic_messages": _NOWHERE
        | _PENALTIES
        | {"logprobs", "n", "parallel_tool_calls", "reasoning_effort", "response_format", "seed", "top_logprobs"}
        | {"user", "verbosity"},
        "gemini": _NOWHERE
        | {"parallel_tool_calls", "reasoning_effort", "response_format", "service_tier", "user", "verbosity"},
        "openai_responses": _NOWHERE
        | _PENALTIES
        | {"logprobs", "n", "reasoning_effort", "response_format", "seed", "stop", "top_k", "verbosity"},
    }
)
"""Fields that have no place in an API, by dialect; there they would be an error, so they are left out."""
API_NAMES: Final = MappingProxyType(
    {"ollama": "Ollama", "anthropic_messages": "Anthropic", "gemini": "Gemini", "openai_responses": "Responses"}
)
_LIMITS: Final = ("max_tokens", "max_completion_tokens")  # the later wins
_RENAMED: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "anthropic_messages": {"max_completion_tokens": "max_tokens", "stop": "stop_sequences"},
        "openai_responses": dict.fromkeys(_LIMITS, "max_output_tokens"),
        "gemini": {
            **dict.fromkeys(_LIMITS, "maxOutputTokens"),
            "temperature": "temperature",
            "top_p": "topP",
            "top_k": "topK",
            "n": "candidateCount",
            "stop": "stopSequences",
            "seed": "seed",
            "presence_penalty": "presencePenalty",
            "frequency_penalty": "frequencyPenalty",
            "logprobs": "responseLogprobs",
            "top_logprobs": "logprobs",
        },
    }
)
_GENERATION: Final = "generationConfig"


def in_words_of(dialect: str, defaults: Mapping[str, Json]) -> Mapping[str, Json]:
    """*defaults* as requests of *dialect* say them; what is written in its own words wins."""
    if dialect == "ollama":
        return ollama_options.for_ollama(defaults)
    names = _RENAMED.get(dialect)
    if names is None:
        return defaults
    unheard = UNHEARD[dialect]
    own = {key: value for key, value in defaults.items() if key not in names and key not in unheard}
    said = {
        names[key]: [value] if key == "stop" and isinstance(value, str) else value
        for key, value in sorted(defaults.items(), key=lambda item: item[0] == _LIMITS[1])
        if key in names and value is not None
    }
    if dialect != "gemini":
        return {**said, **own}
    written = own.get(_GENERATION, {})
    if not said or not isinstance(written, Mapping):
        return own
    return {**own, _GENERATION: {**said, **written}}
