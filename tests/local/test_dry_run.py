"""The arithmetic beside llama.cpp's own, model by model: 18 shapes, two contexts, two types of cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.local.known_models import KNOWN
from pointsman.local.memory import Options, footprint
from tests.local.dry_run import MIB, dry_run

pytestmark = pytest.mark.dry_run

MODELS = (
    "qwen2.5-0.5b",
    "qwen2.5-1.5b",
    "qwen2.5-3b",
    "qwen2.5-7b",
    "qwen2.5-14b",
    "qwen2.5-32b",
    "llama3.1-8b",
    "llama3.2-1b",
    "llama3.2-3b",
    "phi4-mini",
    "mistral-7b",
    "deepseek-coder-6.7b",
    "deepseek-coder-33b",
    "gemma3-1b",
    "gemma3-4b",
    "gemma3-12b",
    "qwen3-4b",
    "qwen3-8b",
)


@pytest.mark.parametrize("cache", ["f16", "q8_0"])
@pytest.mark.parametrize("context", [4096, 32768])
@pytest.mark.parametrize("name", MODELS)
def test_the_sum_is_llama_cpps(name: str, context: int, cache: str, tmp_path: Path) -> None:
    """Within 3 %; the KV cache to the hundredth of a MiB it prints."""
    said = dry_run(KNOWN[name], "Q4_K_M", context, cache, tmp_path)
    options = Options(context_tokens=context, cache_type_k=cache, cache_type_v=cache, has_device=False)
    found = footprint(KNOWN[name], options)
    assert found.kv_cache_bytes / MIB == pytest.approx(said.kv_cache_mib, abs=0.02)
    assert found.total_bytes / MIB == pytest.approx(said.projected_mib, rel=0.03)
