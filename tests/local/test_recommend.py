"""Which of the models for a task fit a device."""

from __future__ import annotations

import pytest

from pointsman.local.recommend import best, fittings, split

GIB = 1 << 30


def test_the_best_model_that_fits_is_taken() -> None:
    """Picks come the best first; 24 GiB hold a 14B with 16K of context, not a 32B."""
    found = fittings(("qwen2.5-coder-32b", "qwen2.5-coder-14b", "qwen2.5-coder-7b"), 16_384, 23 * GIB)
    assert [one.fits for one in found] == [False, True, True]
    pick = best(found)
    assert pick is not None
    assert pick.model == "qwen2.5-coder-14b"


def test_no_model_fits_no_memory() -> None:
    """Then there is none to take, and no context that would help."""
    found = fittings(("qwen2.5-7b",), 4096, GIB)
    assert best(found) is None
    assert found[0].most_context == 0


def test_a_model_of_unknown_shape_is_not_recommended() -> None:
    """It stays in the list, without a size."""
    (found,) = fittings(("my-own-model",), 4096, 100 * GIB)
    assert (found.footprint, found.fits, best((found,))) == (None, False, None)


def test_no_more_context_is_reckoned_than_a_model_can_read() -> None:
    """qwen2.5 was made for 32,768 tokens."""
    (found,) = fittings(("qwen2.5-3b",), 131_072, 100 * GIB)
    assert found.context_tokens == 32_768


@pytest.mark.parametrize(
    ("pick", "expected"),
    [
        ("qwen2.5-7b", ("qwen2.5-7b", "Q4_K_M")),
        ("qwen2.5-7b:q8_0", ("qwen2.5-7b", "Q8_0")),
        ("qwen2.5:7b", ("qwen2.5:7b", "Q4_K_M")),
        (":Q8_0", (":Q8_0", "Q4_K_M")),
    ],
)
def test_a_pick_may_name_its_quantization(pick: str, expected: tuple[str, str]) -> None:
    """After a colon; anything else there is part of the name."""
    assert split(pick) == expected
