"""Shapes of models that people run, for when neither a file nor a server tells. From the models' published configs."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pointsman.local.architecture import GLOBAL_EVERY, Architecture

# layers, embedding, heads, kv heads, head length, feed forward, vocabulary, trained context
_ROWS: Mapping[str, tuple[str, tuple[int, int, int, int, int, int, int, int]]] = {
    "qwen2.5-0.5b": ("qwen2", (24, 896, 14, 2, 64, 4864, 151936, 32768)),
    "qwen2.5-1.5b": ("qwen2", (28, 1536, 12, 2, 128, 8960, 151936, 32768)),
    "qwen2.5-3b": ("qwen2", (36, 2048, 16, 2, 128, 11008, 151936, 32768)),
    "qwen2.5-7b": ("qwen2", (28, 3584, 28, 4, 128, 18944, 152064, 32768)),
    "qwen2.5-14b": ("qwen2", (48, 5120, 40, 8, 128, 13824, 152064, 32768)),
    "qwen2.5-32b": ("qwen2", (64, 5120, 40, 8, 128, 27648, 152064, 32768)),
    "qwen2.5-72b": ("qwen2", (80, 8192, 64, 8, 128, 29568, 152064, 32768)),
    "qwen3-0.6b": ("qwen3", (28, 1024, 16, 8, 128, 3072, 151936, 40960)),
    "qwen3-1.7b": ("qwen3", (28, 2048, 16, 8, 128, 6144, 151936, 40960)),
    "qwen3-4b": ("qwen3", (36, 2560, 32, 8, 128, 9728, 151936, 40960)),
    "qwen3-8b": ("qwen3", (36, 4096, 32, 8, 128, 12288, 151936, 40960)),
    "qwen3-14b": ("qwen3", (40, 5120, 40, 8, 128, 17408, 151936, 40960)),
    "qwen3-32b": ("qwen3", (64, 5120, 64, 8, 128, 25600, 151936, 40960)),
    "qwen3-embedding-0.6b": ("qwen3", (28, 1024, 16, 8, 128, 3072, 151669, 32768)),
    "qwen3-embedding-8b": ("qwen3", (36, 4096, 32, 8, 128, 12288, 151665, 40960)),
    "llama3.1-8b": ("llama", (32, 4096, 32, 8, 128, 14336, 128256, 131072)),
    "llama3.1-70b": ("llama", (80, 8192, 64, 8, 128, 28672, 128256, 131072)),
    "llama3.2-1b": ("llama", (16, 2048, 32, 8, 64, 8192, 128256, 131072)),
    "llama3.2-3b": ("llama", (28, 3072, 24, 8, 128, 8192, 128256, 131072)),
    "llama3.3-70b": ("llama", (80, 8192, 64, 8, 128, 28672, 128256, 131072)),
    "phi4-mini": ("phi3", (32, 3072, 24, 8, 128, 8192, 200064, 131072)),
    "mistral-7b": ("llama", (32, 4096, 32, 8, 128, 14336, 32768, 32768)),
    "deepseek-coder-6.7b": ("llama", (32, 4096, 32, 32, 128, 11008, 32256, 16384)),
    "deepseek-coder-33b": ("llama", (62, 7168, 56, 8, 128, 19200, 32256, 16384)),
    "gemma3-1b": ("gemma3", (26, 1152, 4, 1, 256, 6912, 262144, 32768)),
    "gemma3-4b": ("gemma3", (34, 2560, 8, 4, 256, 10240, 262144, 131072)),
    "gemma3-12b": ("gemma3", (48, 3840, 16, 8, 256, 15360, 262144, 131072)),
    "gemma3-27b": ("gemma3", (62, 5376, 32, 16, 128, 21504, 262144, 131072)),
}
_TIED = frozenset((
    "qwen2.5-0.5b",
    "qwen2.5-1.5b",
    "qwen2.5-3b",
    "qwen3-0.6b",
    "qwen3-1.7b",
    "qwen3-4b",
    "qwen3-embedding-0.6b",
    "qwen3-embedding-8b",
    "llama3.2-1b",
    "llama3.2-3b",
    "phi4-mini",
    "gemma3-1b",
    "gemma3-4b",
    "gemma3-12b",
    "gemma3-27b",
))  # fmt: skip
_WINDOWS = {"gemma3-1b": 512, "gemma3-4b": 1024, "gemma3-12b": 1024, "gemma3-27b": 1024}


def _shape(name: str) -> Architecture:
    family, (layers, embedding, heads, kv_heads, head, feed_forward, vocabulary, context) = _ROWS[name]
    return Architecture(
        family=family,
        layers=layers,
        embedding=embedding,
        heads=heads,
        kv_heads=(kv_heads,) * layers,
        key_length=head,
        value_length=head,
        feed_forward=feed_forward,
        vocabulary=vocabulary,
        context_tokens=context,
        is_tied=name in _TIED,
        window=_WINDOWS.get(name),
        global_every=GLOBAL_EVERY.get(family, 1),
    )


KNOWN: Mapping[str, Architecture] = {name: _shape(name) for name in _ROWS}
_SAME = {  # other names for the same shape
    "qwen2.5-coder": "qwen2.5",
    "qwen-2.5": "qwen2.5",
    "llama-3.1": "llama3.1",
    "llama-3.2": "llama3.2",
    "llama-3.3": "llama3.3",
    "gemma-3": "gemma3",
    "phi-4-mini": "phi4-mini",
}
_LIBRARY_DEFAULT = {  # the size that Ollama's library means by a name without one
    "qwen2.5": "7b",
    "qwen3": "8b",
    "llama3.1": "8b",
    "llama3.2": "3b",
    "llama3.3": "70b",
    "mistral": "7b",
    "gemma3": "4b",
    "deepseek-coder": "6.7b",
}
_SIZE = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?b)(?![a-z])")
_QUANTIZATION = re.compile(r"(?:^|[-_:.])(iq\d_\w+?|q\d_k_[sml]|q\d_k|q\d_\d|bf16|f16|fp16)(?=$|[-_.])", re.IGNORECASE)


def known_name(model: str) -> str | None:
    """The name in KNOWN that *model* is: `qwen2.5:7b-instruct-q4_K_M`, `Qwen/Qwen2.5-7B-Instruct-GGUF`; else None."""
    name = model.rsplit("/", 1)[-1].lower().removesuffix(":latest").removeprefix("meta-").replace(":", "-")
    for other, same in _SAME.items():
        name = name.replace(other, same)
    if name in KNOWN:
        return name
    if (whole := next((one for one in KNOWN if name.startswith(f"{one}-")), None)) is not None:
        return whole
    families = sorted({known.rsplit("-", 1)[0] for known in KNOWN}, key=len, reverse=True)
    family = next((one for one in families if re.match(rf"{re.escape(one)}(?=$|[-_])", name)), None)
    if family is None:
        return None
    size = _SIZE.search(name)
    found = f"{family}-{size[1] if size else _LIBRARY_DEFAULT.get(family, '')}"
    return found if found in KNOWN else None


def known(model: str) -> Architecture | None:
    """The shape of *model* where it is known by its name."""
    name = known_name(model)
    return KNOWN[name] if name is not None else None


def named_quantization(model: str) -> str | None:
    """The quantization that *model*'s name tells, as llama.cpp writes it; None when it tells none."""
    found = _QUANTIZATION.search(model)
    if found is None:
        return None
    return found[1].upper().replace("FP16", "F16")
