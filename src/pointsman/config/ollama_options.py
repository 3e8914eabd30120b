"""Where a model's defaults belong in a request to Ollama: its API reads parameters under `options`, nowhere else.

{"num_ctx": 8192, "max_tokens": 100, "keep_alive": "5m"}
-> {"keep_alive": "5m", "options": {"num_ctx": 8192, "num_predict": 100}}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pointsman.core.jsontypes import Json

OPTIONS: Final = frozenset({
    "frequency_penalty", "main_gpu", "min_p", "mirostat", "mirostat_eta", "mirostat_tau", "num_batch", "num_ctx",
    "num_gpu", "num_keep", "num_predict", "num_thread", "penalize_newline", "presence_penalty", "repeat_last_n",
    "repeat_penalty", "seed", "stop", "temperature", "tfs_z", "top_k", "top_p", "typical_p", "use_mmap", "use_mlock",
})  # fmt: skip
BESIDE_OPTIONS: Final = frozenset({"format", "keep_alive", "options", "raw", "template", "think"})
UNHEARD: Final = frozenset({
    "logit_bias", "modalities", "n", "parallel_tool_calls", "reasoning_effort", "response_format", "service_tier",
    "thinking", "tool_choice", "user", "verbosity",
})  # fmt: skip
"""OpenAI's fields that Ollama's own API has no place for."""
_SAME: Final = {"max_tokens": "num_predict", "max_completion_tokens": "num_predict"}  # the later wins


def for_ollama(defaults: Mapping[str, Json]) -> Mapping[str, Json]:
    """*defaults* with every parameter under `options`; what is written there already wins over the same beside it."""
    written = defaults.get("options", {})
    if not isinstance(written, Mapping):
        return defaults  # Ollama says what is wrong with it
    moved = {ours: defaults[name] for name, ours in _SAME.items() if name in defaults}
    moved |= {name: value for name, value in defaults.items() if name in OPTIONS}
    options = {name: _option(name, value) for name, value in moved.items() if value is not None} | dict(written)
    rest = {name: value for name, value in defaults.items() if name not in OPTIONS | _SAME.keys() | {"options"}}
    return {**rest, "options": options} if options else rest


def context_tokens(defaults: Mapping[str, Json]) -> int | None:
    """The window that *defaults*, as `for_ollama` gives them, load the model with; None when they do not say."""
    options = defaults.get("options")
    num_ctx = options.get("num_ctx") if isinstance(options, Mapping) else None
    return num_ctx if isinstance(num_ctx, int) and num_ctx > 0 else None


def _option(name: str, value: Json) -> Json:
    """*value* as Ollama takes it: OpenAI's `stop` may be one text, Ollama's is a list."""
    return [value] if name == "stop" and isinstance(value, str) else value
