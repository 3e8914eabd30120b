"""Variants of prompts: the same for the same seed, and the same question."""

from __future__ import annotations

import random

import pytest

from pointsman.evals.datasets import Row
from pointsman.evals.perturb import WAYS, typos, with_variants

TEXT = "Which planets have rings, and why do the others not?"


def test_each_prompt_gets_one_variant_of_its_own() -> None:
    """With its source and its other fields, and no outcomes; messages and variants get none."""
    plain = Row(id="1", request={"prompt": TEXT, "n_tools": 2}, text=TEXT, source="s", outcomes={"a": 1.0})
    spoken = Row(id="2", request={"messages": []}, text=TEXT, outcomes={"a": 1.0})
    varied = Row(id="3", request={"prompt": TEXT}, text=TEXT, variant_of="1")
    *kept, made = with_variants((plain, spoken, varied), seed=1)
    assert kept == [plain, spoken, varied]
    assert (made.variant_of, made.source, made.outcomes, made.request["n_tools"]) == ("1", "s", {}, 2)
    assert made.text == made.request["prompt"] != TEXT
    assert with_variants((plain,), seed=1) == (plain, made)


def test_typos_swap_letters_within_words() -> None:
    """One word in twelve, one at least; a text without words stays."""
    made = typos(TEXT, random.Random(0))
    assert sorted(made) == sorted(TEXT)
    assert sum(one != other for one, other in zip(made, TEXT, strict=True)) == 2
    assert [word[0] for word in made.split()] == [word[0] for word in TEXT.split()]
    assert typos("1 + 1?", random.Random(0)) == "1 + 1?"


@pytest.mark.parametrize("way", ["lower", "polite", "spaced"])
def test_other_ways_keep_every_word(way: str) -> None:
    """In their order."""
    words = WAYS[way](TEXT, random.Random(0)).lower().split()
    start = words.index("which")
    assert words[start : start + 10] == TEXT.lower().split()
