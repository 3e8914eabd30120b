"""Which model a name means, and shapes from GGUF's metadata."""

from __future__ import annotations

import dataclasses

import pytest

from pointsman.core.jsontypes import Json
from pointsman.local.known_models import KNOWN, known, known_name, named_quantization
from pointsman.local.readers import UnreadableShape, architecture_of


@pytest.mark.parametrize(
    ("said", "name", "quantization"),
    [
        ("qwen2.5-7b", "qwen2.5-7b", None),
        ("qwen2.5:7b-instruct-q4_K_M", "qwen2.5-7b", "Q4_K_M"),
        ("Qwen/Qwen2.5-7B-Instruct-GGUF", "qwen2.5-7b", None),
        ("qwen2.5-coder:32b", "qwen2.5-32b", None),
        ("qwen2.5", "qwen2.5-7b", None),
        ("llama3.2:latest", "llama3.2-3b", None),
        ("bartowski/Meta-Llama-3.1-8B-Instruct-Q8_0.gguf", "llama3.1-8b", "Q8_0"),
        ("gemma-3-4b-it-bf16", "gemma3-4b", "BF16"),
        ("mistral:latest", "mistral-7b", None),
        ("phi4-mini:3.8b-fp16", "phi4-mini", "F16"),
        ("deepseek-coder:33b", "deepseek-coder-33b", None),
        ("qwen3-embedding:0.6b", "qwen3-embedding-0.6b", None),
        ("qwen2.5:999b", None, None),
        ("gpt-4o", None, None),
        ("", None, None),
    ],
)
def test_names_as_people_write_them(said: str, name: str | None, quantization: str | None) -> None:
    """Ollama's tags, Hugging Face's repositories, files."""
    assert (known_name(said), named_quantization(said)) == (name, quantization)
    assert known(said) == (KNOWN[name] if name else None)


LLAMA: dict[str, Json] = {
    "general.architecture": "llama",
    "llama.block_count": 32,
    "llama.embedding_length": 4096,
    "llama.attention.head_count": 32,
    "llama.attention.head_count_kv": 8,
    "llama.feed_forward_length": 14336,
    "llama.context_length": 131072,
    "llama.vocab_size": 128256,
}


def test_a_shape_from_metadata() -> None:
    """A head's length is the embedding's share where nothing else is said."""
    assert architecture_of(LLAMA) == KNOWN["llama3.1-8b"]


def test_heads_may_differ_by_layer_and_windows_are_read() -> None:
    """Key heads as a list, a window of a family whose layers alternate."""
    found = architecture_of(
        {**LLAMA, "llama.attention.head_count_kv": [8] * 31 + [0], "llama.attention.sliding_window": 9}
    )
    assert found.kv_heads == (8,) * 31 + (0,)
    assert found.window is None  # llama's layers all see everything
    shape = {key.replace("llama", "gemma3"): value for key, value in LLAMA.items()}
    gemma = architecture_of({**shape, "general.architecture": "gemma3", "gemma3.attention.sliding_window": 512})
    assert (gemma.window, gemma.global_every, gemma.is_global(5), gemma.is_global(6)) == (512, 6, True, False)


def test_without_key_heads_every_head_has_its_own() -> None:
    """As the format says."""
    metadata = {key: value for key, value in LLAMA.items() if not key.endswith("head_count_kv")}
    assert architecture_of(metadata).kv_heads == (32,) * 32
    assert architecture_of({**metadata, "llama.vocab_size": None}, vocabulary=7) == dataclasses.replace(
        architecture_of(metadata), vocabulary=7
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"general.architecture": None}, "general.architecture is missing"),
        ({"llama.block_count": None}, "llama.block_count is missing"),
        ({"llama.block_count": float("inf")}, "llama.block_count is missing"),
        ({"llama.block_count": 1 << 62}, "llama.block_count is 4611686018427387904, which no model has"),
        ({"llama.attention.head_count": True}, "llama.attention.head_count is missing"),
        ({"llama.attention.head_count_kv": [8, 8]}, "head_count_kv has 2 figures for 32 layers"),
    ],
)
def test_what_is_missing_is_said(changed: dict[str, Json], message: str) -> None:
    """An encoder, a file of another kind, a broken one."""
    with pytest.raises(UnreadableShape, match=message):
        architecture_of({**LLAMA, **changed})
