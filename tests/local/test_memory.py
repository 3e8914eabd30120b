"""The arithmetic of memory against llama.cpp's own figures: its dry run prints them without reading a weight."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.local.known_models import KNOWN
from pointsman.local.memory import (
    Options,
    compute_bytes,
    footprint,
    kv_bytes_per_token,
    kv_cache_bytes,
    most_context,
    parameters,
    weights_bytes,
)

MIB = 1024 * 1024
# model, context of a slot, slots: KV, compute and projected sum in MiB, as llama.cpp b11549 prints them (CPU backend)
DRY_RUN = [
    ("qwen2.5-1.5b", 4096, 1, 112, 71.5, 1118),
    ("qwen2.5-3b", 4096, 1, 144, 88.5, 2067),
    ("qwen2.5-3b", 2048, 4, 288, 86.5, 2209),
    ("qwen2.5-3b", 32768, 1, 1152, 116.5, 3103),
    ("qwen2.5-7b", 4096, 1, 224, 150, 4834),
    ("qwen2.5-7b", 2048, 4, 448, 148, 5056),
    ("qwen2.5-7b", 32768, 1, 1792, 178, 6430),
    ("qwen2.5-14b", 4096, 1, 768, 135, 9469),
    ("qwen2.5-14b", 2048, 4, 1536, 133, 10235),
    ("qwen2.5-14b", 32768, 1, 6144, 163, 14873),
    ("qwen2.5-32b", 4096, 1, 1024, 216, 20166),
    ("qwen2.5-32b", 2048, 4, 2048, 214, 21188),
    ("qwen2.5-32b", 32768, 1, 8192, 244, 27362),
    ("llama3.1-8b", 4096, 1, 512, 128, 5325),
    ("llama3.1-8b", 2048, 4, 1024, 126, 5835),
    ("llama3.1-8b", 32768, 1, 4096, 156, 8937),
    ("llama3.2-3b", 4096, 1, 448, 82, 2448),
    ("llama3.2-3b", 32768, 1, 3584, 110, 5612),
    ("phi4-mini", 4096, 1, 512, 82, 2962),
    ("phi4-mini", 2048, 4, 1024, 80, 3472),
    ("mistral-7b", 4096, 1, 512, 128, 4809),
    ("mistral-7b", 32768, 1, 4096, 156, 8421),
    ("deepseek-coder-33b", 4096, 1, 992, 186.5, 20194),
    ("deepseek-coder-33b", 32768, 1, 7936, 214.5, 27166),
    ("gemma3-1b", 4096, 1, 38, 57, 857),
    ("gemma3-1b", 2048, 4, 120, 55, 937),
    ("gemma3-1b", 32768, 1, 150, 85, 997),
    ("gemma3-4b", 4096, 1, 254, 90.5, 2712),
    ("gemma3-4b", 2048, 4, 856, 88.5, 3312),
    ("gemma3-4b", 32768, 1, 814, 118.5, 3300),
    ("qwen3-4b", 4096, 1, 576, 86, 3037),
    ("qwen3-4b", 32768, 1, 4608, 114, 7097),
    ("qwen3-8b", 4096, 1, 576, 116, 5481),
    ("qwen3-8b", 32768, 1, 4608, 144, 9541),
]


@pytest.mark.parametrize(("model", "context", "slots", "kv_mib", "compute_mib", "projected_mib"), DRY_RUN)
def test_the_terms_are_llama_cpps(
    model: str, context: int, slots: int, kv_mib: float, compute_mib: float, projected_mib: float
) -> None:
    """KV to the byte, compute within 1 %, the sum within 0.1 %."""
    options = Options(context_tokens=context, parallel=slots, has_device=False)
    found = footprint(KNOWN[model], options)
    assert found.kv_cache_bytes == kv_mib * MIB
    assert found.compute_bytes == pytest.approx(compute_mib * MIB, rel=0.01)
    assert found.total_bytes == pytest.approx(projected_mib * MIB, rel=0.001)


@pytest.mark.parametrize(
    ("model", "quantization", "gigabytes"),
    [
        ("qwen2.5-0.5b", "Q4_K_M", 0.392),
        ("qwen2.5-7b", "Q4_K_M", 4.677),
        ("qwen2.5-7b", "Q5_K_M", 5.439),
        ("qwen2.5-7b", "Q6_K", 6.248),
        ("qwen2.5-7b", "Q8_0", 8.093),
        ("qwen2.5-7b", "F16", 15.23),
        ("qwen2.5-32b", "Q4_K_M", 19.845),
        ("llama3.1-8b", "Q4_K_M", 4.913),
        ("phi4-mini", "Q4_K_M", 2.484),
        ("gemma3-1b", "Q4_K_M", 0.800),  # its rows do not divide: 6.4 bits a weight
        ("gemma3-27b", "Q4_K_M", 16.54),
        ("deepseek-coder-6.7b", "Q8_0", 7.163),
    ],
)
def test_weights_by_quantization(model: str, quantization: str, gigabytes: float) -> None:
    """Known files' sizes, within a thousandth."""
    assert weights_bytes(KNOWN[model], quantization) / 1e9 == pytest.approx(gigabytes, rel=0.001)


@pytest.mark.parametrize(
    ("model", "kib"), [("qwen2.5-7b", 56), ("llama3.1-8b", 128), ("deepseek-coder-6.7b", 512), ("qwen2.5-0.5b", 12)]
)
def test_a_token_of_context_differs_forty_fold(model: str, kib: int) -> None:
    """Grouped-query attention: the figure must come from the header, no constant will do."""
    assert kv_bytes_per_token(KNOWN[model]) == kib * 1024


def test_the_cache_may_be_quantized() -> None:
    """Llama 3.1 8B at 8,192 tokens: 1,024 MiB in f16, 544 in q8_0, 288 in q4_0; keys and values apart."""
    found = [
        kv_cache_bytes(KNOWN["llama3.1-8b"], Options(context_tokens=8192, cache_type_k=keys, cache_type_v=values)) / MIB
        for keys, values in (("f16", "f16"), ("q8_0", "q8_0"), ("q4_0", "q4_0"), ("f16", "q8_0"))
    ]
    assert found == [1024, 544, 288, 784]


def test_without_flash_attention_the_scores_are_there_too() -> None:
    """Llama 3.1 8B at 8,192 tokens: 580 MiB instead of 132; a ubatch of 2,048 takes four times as much."""
    model = KNOWN["llama3.1-8b"]
    assert compute_bytes(model, Options(context_tokens=8192)) / MIB == 132
    assert compute_bytes(model, Options(context_tokens=8192, ubatch=2048)) / MIB == 528
    assert compute_bytes(model, Options(context_tokens=8192, flash_attention=False)) / MIB == 580


def test_parameters_are_counted() -> None:
    """Qwen2.5 7B has 7.62e9, Phi-4-mini 3.84e9."""
    assert parameters(KNOWN["qwen2.5-7b"]) / 1e9 == pytest.approx(7.62, abs=0.01)
    assert parameters(KNOWN["phi4-mini"]) / 1e9 == pytest.approx(3.84, abs=0.01)


@pytest.mark.parametrize(
    ("cache", "reserve_gib", "tokens"), [("f16", 1.0, 13_824), ("q8_0", 1.0, 25_856), ("f16", 2.0, 9_728)]
)
def test_how_much_context_a_32b_has_on_a_24_gb_card(cache: str, reserve_gib: float, tokens: int) -> None:
    """23.5 GiB usable: some 14,000 tokens in f16, 26,000 in q8_0, 10,000 beside a desktop."""
    model = KNOWN["qwen2.5-32b"]
    options = Options(cache_type_k=cache, cache_type_v=cache)
    budget = int((23.5 - reserve_gib) * 1024 * MIB)
    assert most_context(model, options, weights=weights_bytes(model), budget_bytes=budget) == tokens


def test_what_cannot_fit_has_no_context() -> None:
    """Not even one cell."""
    model = KNOWN["qwen2.5-32b"]
    assert most_context(model, Options(), weights=weights_bytes(model), budget_bytes=8 * 10**9) == 0


@given(st.sampled_from(sorted(KNOWN)), st.integers(1, 200_000), st.integers(1, 8))
def test_more_context_and_more_slots_never_take_less(model: str, context: int, slots: int) -> None:
    """In any model."""
    one = footprint(KNOWN[model], Options(context_tokens=context, parallel=slots)).total_bytes
    assert footprint(KNOWN[model], Options(context_tokens=context + 256, parallel=slots)).total_bytes >= one
    assert footprint(KNOWN[model], Options(context_tokens=context, parallel=slots + 1)).total_bytes > one


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"context_tokens": 0}, "context_tokens is 0; it must be at least 1"),
        ({"parallel": -1}, "parallel is -1; it must be at least 1"),
        ({"cache_type_k": "q3"}, "cache_type_k is 'q3'; use one of f32, f16"),
    ],
)
def test_impossible_options_are_refused(fields: dict[str, int], message: str) -> None:
    """With the name, the value and what would do."""
    with pytest.raises(ValueError, match=message):
        Options(**fields)  # type: ignore[arg-type]
